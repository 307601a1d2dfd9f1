"""A look at some of the files before training: their bit depths, and whether names tell lies."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from penstock.errors import SampleError, SampleMismatch, quote
from penstock_images.files import read_head
from penstock_images.formats import sniff
from penstock_images.headers import read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock_images.headers import Header

__all__ = ["FORMATS", "survey"]

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""The suffixes that are read, and the formats that they promise."""

# How many files are looked at; with a file in a hundred amiss, every second survey sees one.
_LOOKS = 64
# Formats in which a channel may have 16 bits.
_DEEP = ("PNG", "TIFF")


def survey(
    samples: NDArray[Any], bits: int | None, read: Callable[[str], tuple[bytes, Header]]
) -> None:
    """Look at the beginnings of up to 64 files, spread over all; warn of names that mislead.

    Files that cannot be read are left for when they are loaded.

    Args:
        samples: The files' paths.
        bits: Bits per channel that all files should have, or None for any.
        read: Reads a file whole and returns it with its header.

    Raises:
        SampleMismatch: A file has another number of bits.
    """
    looked, misleading = 0, []
    step = -(-len(samples) // _LOOKS) or 1
    for sample in samples[::step]:
        path = str(sample)
        try:
            head = read_head(path)
            found = sniff(head)
            depth = _depth(path, head, found, read) if bits and found in _DEEP else 8
        except SampleError:
            continue
        looked += 1
        if bits and depth != bits:
            raise SampleMismatch(
                f"An image of {bits} bits per channel was expected, as the first has; this one "
                f"has {depth}: convert all by bit_depth=8 or =16.",
                sample=sample,
            )
        promised = FORMATS.get(os.path.splitext(path)[1].lower(), found)
        if promised != found:
            misleading.append(f"{quote(os.path.basename(path))}, which is {found}")
    if misleading:
        warnings.warn(
            f"Files that are not what their suffix says: {len(misleading)} of the {looked} looked"
            f" at, such as {misleading[0]}. They are read by their content; rename them to be rid"
            " of this warning.",
            stacklevel=2,
        )


def _depth(path: str, head: bytes, found: str, read: Callable[[str], tuple[bytes, Header]]) -> int:
    try:
        return read_header(head, found).bits
    except SampleError:
        # A TIFF may have its header at the end.
        return read(path)[1].bits
