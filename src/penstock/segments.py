"""Segments: files of packed rows that are written once, and mapped.

A segment is rows, then an index, then a footer. It is written under another name
and renamed when it is whole.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
import weakref
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from io import FileIO

    from numpy.typing import NDArray

__all__ = ["Part", "Segment", "open_segment", "published"]

_SUFFIX = ".rows"
_ASIDE = ".part"
# A run that was killed leaves its unfinished segment; after this long nobody works on it.
_ABANDONED_S = 86_400.0
_MOST = 64  # segments in a folder: each that is mapped takes a file descriptor
_MAGIC = b"penstock rows 1\n"
_FOOTER = struct.Struct("<16sQQI")  # magic, rows, bytes per row, checksum of the index
_INDEX = np.dtype([("stamp", "<u8", 2), ("checksum", "<u4")])


class Segment:
    """A published file of rows, mapped."""

    def __init__(self, mapped: mmap.mmap, samples: NDArray[Any], index: NDArray[Any]) -> None:
        self._mapped = mapped
        self._length = len(mapped)
        self._samples = samples
        self.stamps = index["stamp"]
        self._checksums = index["checksum"]
        self.unverified = np.ones(len(index), np.bool_)

    def read(self, slots: NDArray[np.int64], out: NDArray[Any]) -> NDArray[np.bool_]:
        """Copy samples to *out*, and check those that are read for the first time."""
        if not self._whole():
            return np.zeros(len(slots), np.bool_)
        self._samples.take(slots, axis=0, out=out, mode="clip")
        good = np.ones(len(slots), np.bool_)
        for at in np.flatnonzero(self.unverified[slots]):
            good[at] = _checksum(out[at : at + 1]) == self._checksums[slots[at]]
            self.unverified[slots[at]] = not good[at]
        return good

    def _whole(self) -> bool:
        """Say whether nobody has cut the file short: to read what is gone would end the process.

        To ask takes half a microsecond. To read each row with ``os.preadv`` instead would be
        safe without asking, and take two to seven times as long for rows of less than 16 kB.
        """
        try:
            return self._mapped.size() == self._length
        except OSError:  # another machine removed it from a network file system
            return False


class Part:
    """A segment in the making.

    Nothing of it waits in a buffer of Python's: a forked child that lets go of its copy would
    write that into its parent's file.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, self.path = tempfile.mkstemp(suffix=_ASIDE, dir=folder)
        self.pid = os.getpid()
        self._entries: list[tuple[int, tuple[int, ...], int]] = []
        self._width = 0
        self._file: FileIO = open(descriptor, "w+b", buffering=0)  # noqa: SIM115 - until published
        self._finalizer = weakref.finalize(self, _discard, self._file, self.path, self.pid)
        # When the program ends, the sequence publishes this: later than this would come.
        self._finalizer.atexit = False

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of the samples table in it, in the order of the file."""
        return np.array([row for row, _, _ in self._entries], np.int64)

    def write(self, row: int, stamp: NDArray[np.uint64], value: NDArray[Any]) -> None:
        """Add a row."""
        self._width = value.nbytes
        # Ctrl-C may have left a piece of a row: it has no entry, and is written over.
        self._file.seek(len(self._entries) * self._width)
        self._write(value.reshape(-1).view(np.uint8).data)
        self._entries.append((row, tuple(stamp.tolist()), _checksum(value)))

    def publish(self) -> str | None:
        """Add index and footer, and make it visible under its final name; None if it is empty."""
        if not self._entries:
            return None
        index = np.array([(stamp, checksum) for _, stamp, checksum in self._entries], _INDEX)
        self._file.seek(len(index) * self._width)
        self._write(index.view(np.uint8).data)
        self._write(_FOOTER.pack(_MAGIC, len(index), self._width, zlib.crc32(index.data)))
        self._file.truncate()
        self._file.close()
        final = self.path.removesuffix(_ASIDE) + _SUFFIX
        os.replace(self.path, final)
        self._finalizer.detach()
        return final

    def _write(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) or 0 :]


def _discard(file: FileIO, path: str, pid: int) -> None:
    with suppress(OSError):
        file.close()
    if os.getpid() == pid:  # a forked worker's end is not the end of its parent's files
        with suppress(OSError):
            os.unlink(path)


def published(folder: str) -> list[str]:
    """List the segments in *folder*, the newest first, and tidy it.

    Of a row that stands twice the newer one is found: the older may be damaged. What a killed
    run left is removed, and so are the smallest segments where there are too many: their rows
    are loaded once more, and stored in one.
    """
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):  # another process may remove it; Windows keeps open files
                state = entry.stat()
                if entry.name.endswith(_SUFFIX):
                    found.append((state.st_size, -state.st_mtime_ns, entry.path))
                elif entry.name.endswith(_ASIDE) and time.time() - state.st_mtime > _ABANDONED_S:
                    os.unlink(entry.path)
    found.sort(reverse=True)
    for _, _, path in found[_MOST:]:
        with suppress(OSError):
            os.unlink(path)
    return [path for _, _, path in sorted(found[:_MOST], key=lambda each: each[1:])]


def open_segment(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Segment | None:
    """Map a segment; None where it is not one, or not whole."""
    width = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(size - _FOOTER.size)
            magic, count, row_bytes, checksum = _FOOTER.unpack(file.read(_FOOTER.size))
            whole = count * width + count * _INDEX.itemsize + _FOOTER.size
            if magic != _MAGIC or row_bytes != width or whole != size or not count:
                return None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, struct.error):
        return None
    index = np.frombuffer(mapped, _INDEX, count, count * width)
    if zlib.crc32(index.data) != checksum:
        return None
    samples = np.frombuffer(mapped, dtype, count * width // dtype.itemsize)
    return Segment(mapped, samples.reshape(count, *shape), index)


def _checksum(sample: NDArray[Any]) -> int:
    return zlib.crc32(sample.data)
