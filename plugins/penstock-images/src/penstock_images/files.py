"""Reading an image file whole, or its beginning, without running out of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.errors import SampleRefused
from penstock.reading import RegularFile, read_file

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_head", "read_image"]

_HEAD = 1 << 16
_LARGE = 1 << 22
_SHORT = 1 << 12


def read_image(path: str, limit: int, inspect: Callable[[bytes], object]) -> bytes:
    """Return the bytes of the regular file at *path*.

    Args:
        path: Path of the file.
        limit: Size in bytes above which the file is refused.
        inspect: Raises for a beginning (64 KiB) of no known format; asked before
            the rest of a large file is read.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleRefused: No regular file, or larger than *limit*.
        SampleCorrupt: It was cut while it was read, or the disk failed.
    """
    try:
        return read_file(path, limit=min(limit, _LARGE))
    except SampleRefused:  # a large one, or no regular file, which is told again
        with RegularFile(path) as file:
            if file.size > limit:
                raise SampleRefused(
                    f"An image file of at most {limit:,} bytes was expected; found"
                    f" {file.size:,} bytes: raise max_pixels if the image is that large."
                ) from None
            inspect(file.read(_HEAD))
            file.seek(0)
            return file.read_exactly(file.size)


def read_head(path: str) -> bytes:
    """Return the first 4 KiB of the regular file at *path*.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleRefused: No regular file.
        SampleCorrupt: The disk failed.
    """
    with RegularFile(path) as file:
        return file.read(_SHORT)
