"""Brings the bytes of ``.npy`` files into a batch with as few calls as there are."""

from __future__ import annotations

import os
from io import FileIO
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleMismatch, quote
from penstock.reading import READ_FLAGS, RegularFile
from penstock_npy.header import parse_header, prefix_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from penstock_npy.header import NpyHeader

__all__ = ["fill_rows", "read_header"]

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
    with RegularFile(path) as file:
        return _header(file)[1]


def _read_with_care(path: str, out: NDArray[Any], *, reshape: bool) -> bytes:
    """Read one file into *out*; return its header bytes if its data could be read as it is."""
    with RegularFile(path) as file:
        prefix, header = _header(file)
        _check_like(header, out, reshape=reshape)
        file.seek(header.offset)
        if header.plain:
            file.fill(out)
            return prefix
        raw = np.empty(header.nbytes, np.uint8)
        file.fill(raw)
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


def _header(file: RegularFile) -> tuple[bytes, NpyHeader]:
    head = file.read(_USUAL_PREFIX)
    length = prefix_length(head, file.size)
    if length > len(head):
        head += file.read_exactly(length - len(head))
    prefix = head[:length]
    header = parse_header(prefix)
    header.check_size(file.size)
    return prefix, header


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the memory of a C-contiguous array as one row of bytes."""
    return array.reshape(-1).view(np.uint8).data


def _read_by_preadv(path: str, buffers: list[bytearray | memoryview]) -> int:
    descriptor = os.open(path, READ_FLAGS)
    try:
        return os.preadv(descriptor, buffers, 0)
    finally:
        os.close(descriptor)


def _read_by_readinto(path: str, buffers: list[bytearray | memoryview]) -> int:
    with FileIO(os.open(path, READ_FLAGS)) as file:
        # A pipe that is open elsewhere yields what is there, or None; it never blocks.
        counts: list[int | None] = [file.readinto(buffer) for buffer in buffers]
        return sum(count or 0 for count in counts)


# Windows and old macOS have no preadv.
_read_at_once: Callable[[str, list[bytearray | memoryview]], int] = (
    _read_by_preadv if hasattr(os, "preadv") else _read_by_readinto
)
