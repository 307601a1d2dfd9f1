"""The packed file: the rows of a table as one matrix of numbers that can be memory-mapped.

Layout: 64 bytes of prelude, the matrix row by row, further sections, and a
trailer in JSON that says where each section is and what its checksum is. The
prelude, which says where the trailer is, is written last: a file that was not
finished has none.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock_csv.parsing import Texts

__all__ = ["FORMAT", "PackFile", "PackWriter", "open_pack"]

FORMAT = 1
"""Changes with the layout, so that files of another are not read."""

_MAGIC = b"PENSTOCK-CSV\r\n\x1a\n"
_PRELUDE = struct.Struct("<16sQQI28x")
_TRAILER_LIMIT = 2**28
_CHUNK = 2**24


class PackFile:
    """A packed table, mapped into memory.

    Attributes:
        matrix: The features, of shape ``(n, k)``, read-only.
        features: The names of its columns.
    """

    def __init__(self, mapped: mmap.mmap, trailer: Mapping[str, Any]) -> None:
        self._mapped = mapped
        self._data = np.frombuffer(mapped, np.uint8)
        self._sections: Mapping[str, list[int]] = trailer["sections"]
        self.features: tuple[str, ...] = tuple(trailer["features"])
        dtype = np.dtype(trailer["dtype"])
        self.matrix: NDArray[Any] = (
            self._section("matrix").view(dtype).reshape(-1, len(self.features))
        )

    def label(self, name: str) -> NDArray[Any]:
        """Return a label column: int64, or strings in an array of dtype object."""
        codes = self._section(f"label:{name}")
        values = f"values:{name}"
        if values not in self._sections:
            return codes.view(np.int64).copy()
        texts = np.array(json.loads(self._section(values).tobytes()), object)
        labels: NDArray[Any] = texts[codes.view(np.int32)]
        return labels

    def weights(self) -> NDArray[np.float64]:
        """Return the sample weights, of shape ``(n,)``."""
        return self._section("weights").view(np.float64).copy()

    def whole(self) -> bool:
        """Say whether nobody has cut the file short: to read what is gone would end the process."""
        try:
            return self._mapped.size() == len(self._data)
        except OSError:  # another machine removed it from a network file system
            return False

    def sound(self) -> bool:
        """Say whether every section has its checksum. Reads the whole file once."""
        return all(
            _checksum(self._section(name)) == crc for name, (_, _, crc) in self._sections.items()
        )

    def _section(self, name: str) -> NDArray[np.uint8]:
        offset, length, _ = self._sections[name]
        return self._data[offset : offset + length]


def open_pack(path: str, key: Mapping[str, Any], *, verify: bool = True) -> PackFile | None:
    """Map the packed file at *path*.

    Args:
        path: The file.
        key: What it must have been made from.
        verify: Whether to compare all checksums.

    Returns:
        The file, or None where there is none, or it is not whole, not sound, or
        made from something else.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            magic, offset, length, crc = _PRELUDE.unpack(file.read(_PRELUDE.size))
            if magic != _MAGIC or offset + length != size or length > _TRAILER_LIMIT:
                return None
            file.seek(offset)
            text = file.read(length)
            if zlib.crc32(text) != crc:
                return None
            trailer = json.loads(text)
            if trailer["key"] != key:
                return None
            pack = PackFile(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), trailer)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return pack if not verify or pack.sound() else None


class PackWriter:
    """Writes a packed file front to back.

    Args:
        file: Where to; empty, seekable.
        key: What the file is made from.
        features: The names of the matrix's columns.
        dtype: Its dtype.
    """

    def __init__(
        self,
        file: BinaryIO,
        key: Mapping[str, Any],
        features: tuple[str, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self._file = file
        self._trailer: dict[str, Any] = {
            "key": key,
            "features": features,
            "dtype": dtype.str,
            "sections": {},
        }
        self._crc = 0
        self._file.write(bytes(_PRELUDE.size))

    def write_rows(self, rows: NDArray[Any]) -> None:
        """Append rows to the matrix."""
        data = rows.reshape(-1).view(np.uint8).data
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)

    def finish(self, labels: Mapping[str, Texts], weights: NDArray[np.float64] | None) -> None:
        """Write what comes after the matrix, and the prelude; make it durable."""
        sections = self._trailer["sections"]
        sections["matrix"] = (_PRELUDE.size, self._file.tell() - _PRELUDE.size, self._crc)
        for name, texts in labels.items():
            whole = _whole_numbers(texts.values)
            if whole is None:
                self._add(f"label:{name}", texts.codes)
                values = json.dumps(texts.values).encode()
                self._add(f"values:{name}", np.frombuffer(values, np.uint8))
            else:
                self._add(f"label:{name}", whole[texts.codes])
        if weights is not None:
            self._add("weights", weights)
        trailer = json.dumps(self._trailer).encode()
        offset = self._file.tell()
        self._file.write(trailer)
        self._file.seek(0)
        self._file.write(_PRELUDE.pack(_MAGIC, offset, len(trailer), zlib.crc32(trailer)))
        # Not forced to the disk: what a power failure damages, the checksums find.
        self._file.flush()

    def _add(self, name: str, array: NDArray[Any]) -> None:
        self._file.write(bytes(-self._file.tell() % 64))
        data = np.ascontiguousarray(array).view(np.uint8)
        self._trailer["sections"][name] = (self._file.tell(), len(data), _checksum(data))
        self._file.write(data.data)


def _whole_numbers(values: list[str]) -> NDArray[np.int64] | None:
    """Return *values* as int64 if each is written as a whole number is, and fits."""
    numbers = []
    for value in values:
        # Longer ones do not fit; and 007, +1 and 1e5 are not what str() writes.
        if len(value) > 20 or not value.lstrip("-").isdecimal() or not value.isascii():
            return None
        if value.count("-") > 1 or str(int(value)) != value or not -(2**63) <= int(value) < 2**63:
            return None
        numbers.append(int(value))
    return np.array(numbers, np.int64)


def _checksum(data: NDArray[np.uint8]) -> int:
    crc = 0
    for start in range(0, len(data), _CHUNK):
        crc = zlib.crc32(data[start : start + _CHUNK].data, crc)
    return crc
