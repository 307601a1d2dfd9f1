"""Brings the bytes of ``.npy`` files into a batch with as few calls as there are."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import (
    SampleCorrupt,
    SampleError,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
    quote,
)
from penstock_npy.header import PREAMBLE, parse_header, prefix_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import FileIO
    from typing import TypeAlias

    from numpy.typing import NDArray

    from penstock_npy.header import NpyHeader

    Buffer: TypeAlias = bytearray | memoryview

__all__ = ["fill_rows", "read_header"]

# Never wait for the writer of a FIFO, hand a descriptor to a child, or acquire a terminal.
# O_BINARY is Windows': without it line ends are translated.
_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)

# Nearly every header is this short: one read gets it whole.
_USUAL_PREFIX = 128

_LearnedKey = tuple[tuple[int, ...], str, bool]
# By what is asked for, the header bytes of the last plain file that had it. A file that starts
# with the same bytes needs no parsing. Losing an entry costs one parse.
_LEARNED: dict[_LearnedKey, bytes] = {}
_LEARNED_LIMIT = 256


def fill_rows(paths: Iterable[str], out: NDArray[Any], *, reshape: bool) -> None:
    """Fill ``out[i]`` from the array in the i-th file.

    Args:
        paths: Files, one per row of *out*.
        out: C-contiguous array of shape ``(n, …)`` in native byte order.
        reshape: Whether a file of another shape but as many elements is right.

    Raises:
        SampleError: A file is missing, malformed, or holds another shape or dtype.
    """
    key = (out.shape[1:], out.dtype.str, reshape)
    flat = _bytes_of(out)
    width = len(flat) // max(len(out), 1)
    learned = _LEARNED.get(key, b"")
    head, tail = bytearray(len(learned)), bytearray(1)
    total = len(learned) + width
    for index, path in enumerate(paths):
        if learned:
            # The byte of *tail* shows a file that is too long: no fstat is needed to know that
            # this is a regular file of the right size. Whatever is wrong is found out below.
            try:
                found = _read_at_once(path, [head, flat[index * width : (index + 1) * width], tail])
            except (OSError, ValueError):
                found = -1
            if found == total and head == learned:
                continue
        prefix = _read_with_care(path, out[index, ...], reshape=reshape)
        if prefix and prefix != learned:
            learned, head = prefix, bytearray(len(prefix))
            total = len(learned) + width
            if len(_LEARNED) >= _LEARNED_LIMIT:
                _LEARNED.clear()
            _LEARNED[key] = learned


def read_header(path: str) -> NpyHeader:
    """Read and check the header of the file at *path*.

    Raises:
        SampleError: The file is missing, malformed, or holds no numbers.
    """
    with _opened(path) as (file, size):
        return _header(file, size)[1]


def _read_with_care(path: str, out: NDArray[Any], *, reshape: bool) -> bytes:
    """Read one file into *out*; return its header bytes if its data could be read as it is."""
    with _opened(path) as (file, size):
        prefix, header = _header(file, size)
        _check_like(header, out, reshape=reshape)
        if header.plain:
            _read_fully(file, _bytes_of(out), header.offset)
            return prefix
        raw = np.empty(header.nbytes, np.uint8)
        _read_fully(file, raw.data, header.offset)
        order = "F" if header.fortran else "C"
        array = raw.view(header.dtype).reshape(header.shape, order=order)  # type: ignore[call-overload]
        out[...] = array.reshape(out.shape)
        return b""


def _check_like(header: NpyHeader, out: NDArray[Any], *, reshape: bool) -> None:
    same_shape = header.shape == out.shape
    if reshape:
        same_shape = header.nbytes == out.size * header.dtype.itemsize
    if same_shape and header.native == out.dtype:
        return
    raise SampleMismatch(
        f"A .npy file differs from the others: shape {quote(out.shape)} of {out.dtype.name} was "
        f"expected, shape {quote(header.shape)} of {header.dtype.name} was found. Give all files "
        "one shape and dtype, or leave this one out."
    )


def _header(file: FileIO, size: int) -> tuple[bytes, NpyHeader]:
    head = file.read(_USUAL_PREFIX) or b""
    length = prefix_length(head[:PREAMBLE], size)
    if length > len(head):
        rest = bytearray(length - len(head))
        _read_fully(file, memoryview(rest), len(head))
        head += rest
    prefix = head[:length]
    header = parse_header(prefix)
    header.check_size(size)
    return prefix, header


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the memory of a C-contiguous array as one row of bytes."""
    return array.reshape(-1).view(np.uint8).data


def _read_fully(file: FileIO, into: memoryview, offset: int) -> None:
    file.seek(offset)
    done = 0
    while done < len(into):
        count = file.readinto(into[done:])
        if not count:
            raise SampleCorrupt(
                f"A .npy file changed while it was read: {len(into) - done} of its bytes are gone. "
                "Do not write to the samples during training."
            )
        done += count


@contextmanager
def _opened(path: str) -> Iterator[tuple[FileIO, int]]:
    """Open a regular file; give it and its size; name *path* in whatever goes wrong."""
    try:
        file = open(path, "rb", buffering=0, opener=_open_descriptor)  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    with file:
        try:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise _not_regular(path)
            yield file, state.st_size
        except SampleError as error:
            error.sample = path
            raise
        except OSError as error:
            raise SampleCorrupt(
                f"A .npy file cannot be read: {error.strerror}. Check the disk it is on.",
                sample=path,
            ) from error


def _not_opened(path: str, error: Exception) -> SampleError:
    if not isinstance(error, OSError):
        return SampleRefused(
            f"A .npy file was refused: {quote(path)} is no file name ({error}).", sample=path
        )
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return _not_regular(path)
    except OSError:  # It cannot even be looked at: the first error says why.
        pass
    return SampleMissing(
        f"A .npy file cannot be opened: {error.strerror}. Check the path and its permissions, or "
        "leave it out.",
        sample=path,
    )


def _not_regular(path: str) -> SampleRefused:
    return SampleRefused(
        "A .npy file was refused: it is a directory, pipe, socket or device. "
        "Only regular files are read.",
        sample=path,
    )


def _open_descriptor(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _read_by_preadv(path: str, buffers: list[Buffer]) -> int:
    descriptor = os.open(path, _FLAGS)
    try:
        return os.preadv(descriptor, buffers, 0)
    finally:
        os.close(descriptor)


def _read_by_readinto(path: str, buffers: list[Buffer]) -> int:
    with open(path, "rb", buffering=0, opener=_open_descriptor) as file:
        # A pipe that is open elsewhere yields what is there, or None; it never blocks.
        counts: list[int | None] = [file.readinto(buffer) for buffer in buffers]
        return sum(count or 0 for count in counts)


# Windows and old macOS have no preadv.
_read_at_once: Callable[[str, list[Buffer]], int] = (
    _read_by_preadv if hasattr(os, "preadv") else _read_by_readinto
)
