"""What the first bytes of a ``.npy`` file promise, checked before anything is allocated.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from penstock.errors import SampleCorrupt, SampleMismatch, SampleRefused, quote
from penstock.lookalikes import looks_like
from penstock_npy.literal import parse_literal

__all__ = ["NpyHeader", "parse_header", "prefix_length"]

_MAGIC = b"\x93NUMPY"
_HEADER_LIMIT = 10_000
_DIMS_LIMIT = 32
# One sample larger than this fits into no batch; what declares it is broken or hostile.
_BYTES_LIMIT = 2**36
_KEYS = {"descr", "fortran_order", "shape"}
_DESCR = re.compile(r"[<>|=]?(?P<letter>[A-Za-z?])[0-9]{0,3}")
_NUMERIC_LETTERS = frozenset("?bBhHiIlLqQpPefdgu")
_REFUSED_LETTERS = {
    "F": "complex numbers",
    "D": "complex numbers",
    "G": "complex numbers",
    "c": "complex numbers",
    "m": "time differences",
    "M": "dates",
    "O": "pickled Python objects",
    "S": "strings",
    "a": "strings",
    "U": "strings",
    "V": "void data",
}


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """The promise of a header.

    Attributes:
        shape: Shape of the array.
        dtype: Its dtype, in the byte order of the file.
        fortran: Whether the first axis varies fastest in the file.
        offset: Where the array's bytes start.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        """Length of the array's bytes."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def native(self) -> np.dtype[Any]:
        """The dtype in the byte order of this machine."""
        return self.dtype.newbyteorder("=")

    @property
    def plain(self) -> bool:
        """Whether the file's bytes are the array's bytes in memory."""
        return self.dtype.isnative and not (self.fortran and len(self.shape) > 1)

    def check_size(self, size: int) -> None:
        """Check that a file of *size* bytes holds this array, whole and alone.

        Raises:
            SampleCorrupt: It is shorter or longer.
            SampleMismatch: The array has no elements.
        """
        promised = self.offset + self.nbytes
        if size != promised:
            raise SampleCorrupt(
                f"A .npy file was cut or overwritten: its header promises shape "
                f"{quote(self.shape)} of {self.dtype.name}, {quote(promised)} bytes in all; the "
                f"file has {size}. Write it again with numpy.save."
            )
        if 0 in self.shape:
            raise SampleMismatch(
                f"A .npy file holds no numbers: its shape is {quote(self.shape)}. "
                "Leave it out of the samples."
            )


def prefix_length(head: bytes, size: int) -> int:
    """Return where the header ends and the array's bytes start.

    Args:
        head: The first bytes of the file: 12 or more, or all it has.
        size: Length of the file in bytes.

    Raises:
        SampleCorrupt: It is no ``.npy`` file, or ends within its header.
        SampleRefused: The header is longer than 10,000 bytes.
    """
    if not head:
        raise _corrupt("it is an empty file")
    if not head.startswith(_MAGIC):
        found = looks_like(head)
        raise _corrupt(f"it is not a .npy file{found and f'; it looks like {found}'}")
    if len(head) < 10 or (head[6] != 1 and len(head) < 12):
        raise _corrupt("it ends within its header")
    version = (head[6], head[7])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise _corrupt(f"its format version is {version[0]}.{version[1]}, not 1 to 3")
    start = 10 if version == (1, 0) else 12
    length = int.from_bytes(head[8:start], "little")
    if start + length > size:
        raise _corrupt("it ends within its header")
    if length > _HEADER_LIMIT:
        raise SampleRefused(
            f"A .npy file was refused: its header has {length} bytes; at most {_HEADER_LIMIT} are "
            "read. Write it again with numpy.save, as a plain array of numbers."
        )
    return start + length


@lru_cache(maxsize=256)
def parse_header(prefix: bytes) -> NpyHeader:
    """Parse everything before the array's bytes.

    Cached by its bytes, since the files of one data set mostly share them.

    Args:
        prefix: The first ``prefix_length(…)`` bytes of the file.

    Raises:
        SampleCorrupt: The header is malformed.
        SampleRefused: It declares something else than an array of numbers, or
            more than 64 GiB.
    """
    start = 10 if prefix[6] == 1 else 12
    try:
        fields = parse_literal(prefix[start:].decode("utf-8" if prefix[6] == 3 else "latin-1"))
    except ValueError as error:
        raise _corrupt(f"its header {quote(prefix[start:])} is malformed ({error})") from error
    if not isinstance(fields, dict):
        raise _corrupt(f"its header {quote(fields)} is no dict")
    if set(fields) != _KEYS:
        raise _corrupt(f"its header has the keys {quote(sorted(fields))}, not {sorted(_KEYS)}")
    fortran = fields["fortran_order"]
    if not isinstance(fortran, bool):
        raise _corrupt(f"its header says fortran_order={quote(fortran)}, neither True nor False")
    dtype = _dtype(fields["descr"])
    shape = _shape(fields["shape"])
    header = NpyHeader(shape=shape, dtype=dtype, fortran=fortran, offset=len(prefix))
    if header.nbytes > _BYTES_LIMIT:
        raise SampleRefused(
            f"A .npy file was refused: it declares shape {quote(shape)} of {dtype.name}, more than "
            f"the {_BYTES_LIMIT // 2**30} GiB that one sample may have. Split it into one file per "
            "sample."
        )
    return header


def _dtype(descr: object) -> np.dtype[Any]:
    if isinstance(descr, (list, tuple)):
        raise _refused(f"records ({quote(descr)})")
    found = _DESCR.match(descr) if isinstance(descr, str) else None
    letter = found["letter"] if found else ""
    if letter in _REFUSED_LETTERS:
        raise _refused(f"{_REFUSED_LETTERS[letter]} (dtype {quote(descr)})")
    if found and found.end() == len(found.string) and letter in _NUMERIC_LETTERS:
        try:
            return np.dtype(found[0])
        except TypeError:  # '<f3' and the like: told below, with the other unknown ones.
            pass
    raise _corrupt(f"its header names the unknown dtype {quote(descr)}")


def _shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > _DIMS_LIMIT:
        raise _corrupt(
            f"its header gives the shape {quote(shape)}, no tuple of up to {_DIMS_LIMIT} sizes"
        )
    for size in shape:
        if type(size) is not int or size < 0:
            raise _corrupt(f"its header gives the shape {quote(shape)}, not whole numbers from 0")
    return shape


def _corrupt(what: str) -> SampleCorrupt:
    return SampleCorrupt(
        f"A .npy file cannot be read: {what}. Write it again with numpy.save, or leave it out."
    )


def _refused(what: str) -> SampleRefused:
    return SampleRefused(
        f"A .npy file was refused: it holds {what}; only booleans, integers and floats are loaded. "
        "Convert it to numbers and write it again with numpy.save."
    )
