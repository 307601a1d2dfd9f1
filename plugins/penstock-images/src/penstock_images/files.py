"""Reading a file whole, without ever blocking or running out of memory."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from penstock.errors import SampleCorrupt, SampleMissing, SampleRefused, quote

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_file", "read_head"]

# Not blocking, so that a FIFO without a writer opens at once and can be refused.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOINHERIT", 0)
)
_HEAD = 1 << 16
_LARGE = 1 << 22
_SHORT = 1 << 12


def read_file(path: str, limit: int, inspect: Callable[[bytes], object]) -> bytes:
    """Return the bytes of the regular file at *path*.

    Args:
        path: Path of the file.
        limit: Size in bytes above which the file is refused.
        inspect: Raises for a beginning (64 KiB) of no known format; asked before
            the rest of a large file is read.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleCorrupt: The file is empty.
        SampleRefused: No regular file, or larger than *limit*.
    """
    handle, size = _open(path)
    try:
        if size > limit:
            raise SampleRefused(
                f"An image file of at most {limit:,} bytes was expected; found {size:,} bytes: "
                "raise max_pixels if the image is that large."
            )
        if size > _LARGE:
            inspect(os.read(handle, _HEAD))
            os.lseek(handle, 0, os.SEEK_SET)
        data = os.read(handle, size)
        if len(data) < size:
            data = _read_on(handle, data, size)
        return data
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)


def read_head(path: str) -> bytes:
    """Return the first 4 KiB of the regular file at *path*.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleCorrupt: The file is empty.
        SampleRefused: No regular file.
    """
    handle, _ = _open(path)
    try:
        return os.read(handle, _SHORT)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)


def _open(path: str) -> tuple[int, int]:
    try:
        handle = os.open(path, _FLAGS)
    except ValueError as error:
        raise SampleRefused(
            f"The path of an image file was expected; {quote(path)} cannot be one: {error}."
        ) from error
    except OSError as error:
        if os.path.isdir(path):
            raise _irregular(path) from error
        raise _unreadable(path, error) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _irregular(path)
        if not found.st_size:
            raise SampleCorrupt(
                "An image was expected; the file is empty (0 bytes): "
                "restore it or take it out of the samples."
            )
    except BaseException:
        os.close(handle)
        raise
    return handle, found.st_size


def _read_on(handle: int, data: bytes, size: int) -> bytes:
    """Read until *size* bytes are there or the file ends: one read returns at most 2 GiB."""
    parts = [data]
    missing = size - len(data)
    while missing > 0:
        part = os.read(handle, missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _irregular(path: str) -> SampleRefused:
    kind = "a directory" if os.path.isdir(path) else "no regular file"
    return SampleRefused(
        f"An image file was expected; {quote(path)} is {kind}: take it out of the samples."
    )


def _unreadable(path: str, error: OSError) -> SampleMissing:
    reason = error.strerror or type(error).__name__
    return SampleMissing(
        f"The image file {quote(path)} cannot be read ({reason}): "
        "check that it exists and that you may read it."
    )
