"""What a file says about its image before anything is decoded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from penstock.errors import SampleCorrupt, SampleError, SampleRefused, quote
from penstock_images.exif import orientation_of, read_tags

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Header", "read_header"]

# Far above what cameras write (64 KiB each), and found to be exceeded at once.
_SEGMENT_LIMIT = 4096


class Header(NamedTuple):
    """Format, size in pixels as decoded, bits per channel as loaded, EXIF orientation."""

    format: str
    height: int
    width: int
    bits: int = 8
    orientation: int = 1


def read_header(data: bytes, format_name: str) -> Header:
    """Read the header of an image file, whole or its beginning.

    Raises:
        SampleCorrupt: The header is cut short or contradicts itself.
        SampleRefused: A kind of image that is not read.
    """
    try:
        header = _READERS[format_name](data)
    except SampleError:
        raise
    except (struct.error, IndexError, ValueError) as error:
        raise _corrupt(format_name, "is cut short or damaged") from error
    if header.height < 1 or header.width < 1:
        raise _corrupt(format_name, f"tells a size of {header.height} x {header.width} pixels")
    return header


def _jpeg(data: bytes) -> Header:
    at, orientation = 2, 1
    for _ in range(_SEGMENT_LIMIT):
        if data[at] != 0xFF:
            raise _corrupt("JPEG", f"has no marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width = struct.unpack_from(">BHH", data, at + 4)
            if bits != 8:
                raise SampleRefused(
                    f"A JPEG of 8 bits per channel was expected; this has {bits}: "
                    "convert it to a 16-bit PNG."
                )
            return Header("JPEG", height, width, 8, orientation)
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            orientation = orientation_of(data[at + 10 : at + 2 + length])
        if marker in (0xD9, 0xDA) or length < 2:
            break
        at += 2 + length
    raise _corrupt("JPEG", "has no frame header")


def _png(data: bytes) -> Header:
    size, kind, width, height, bits = struct.unpack_from(">I4sIIB", data, 8)
    if kind != b"IHDR" or size != 13 or bits not in (1, 2, 4, 8, 16):
        raise _corrupt("PNG", f"begins with {quote(data[12:26])}")
    at = data.find(b"eXIf", 33)
    orientation = 1 if at < 0 else orientation_of(data[at + 4 :])
    return Header("PNG", height, width, 16 if bits == 16 else 8, orientation)


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return Header("BMP", abs(height), width)


def _gif(data: bytes) -> Header:
    width, height = struct.unpack_from("<HH", data, 6)
    return Header("GIF", height, width)


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    told = 8 + int.from_bytes(data[4:8], "little")
    if told > len(data):
        # Decoders fill what is missing in, without a word.
        raise _corrupt("WebP", f"tells {told:,} bytes and the file has {len(data):,}")
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        has_exif = data[29:] and data[20] & 0x08
        at = data.find(b"EXIF", 30) if has_exif else -1
        exif = data[at + 8 :].removeprefix(b"Exif\0\0")
        return Header("WebP", height, width, 8, 1 if at < 0 else orientation_of(exif))
    if kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            raise _corrupt("WebP", "has no start code")
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WebP", height & 0x3FFF, width & 0x3FFF)
    if kind == b"VP8L":
        mark, packed = struct.unpack_from("<BI", data, 20)
        if mark != 0x2F:
            raise _corrupt("WebP", "has no signature of its lossless form")
        return Header("WebP", 1 + (packed >> 14 & 0x3FFF), 1 + (packed & 0x3FFF))
    raise _corrupt("WebP", f"has an unknown chunk {quote(kind)}")


def _tiff(data: bytes) -> Header:
    tags = read_tags(data)
    height, width, kind = tags.get(257, 0), tags.get(256, 0), tags.get(339, 1)
    bits, channels, planes = tags.get(258, 1), tags.get(277, 1), tags.get(284, 1)
    if kind not in (1, 4) or bits not in (1, 2, 4, 8, 16):
        word = {2: "signed", 3: "floating-point"}.get(kind, "unsigned")
        raise _tiff_refused(
            f"of 8 or 16 unsigned bits per channel was expected; found {bits} {word}"
        )
    if channels > 4:
        raise _tiff_refused(f"of at most 4 channels was expected; found {channels}")
    colours = tags.get(262, 1)
    allowed = (1, 2) if bits == 16 and planes == 1 else () if bits == 16 else (0, 1, 2, 3, 5, 6)
    if colours not in allowed:
        raise _tiff_refused(
            f"in gray, RGB or, of 8 bits, palette, YCbCr or CMYK was expected; found {bits} bits, "
            f"photometric interpretation {colours}, planar configuration {planes}"
        )
    # Here the orientation is part of the format, and decoders turn images upright by themselves.
    if 5 <= tags.get(274, 1) <= 8:
        height, width = width, height
    return Header("TIFF", height, width, 16 if bits == 16 else 8)


def _tiff_refused(found: str) -> SampleRefused:
    return SampleRefused(
        f"A TIFF {found}: save such arrays as .npy and load them with penstock-npy."
    )


def _corrupt(format_name: str, found: str) -> SampleCorrupt:
    return SampleCorrupt(
        f"A {format_name} image was expected; its header {found}: "
        "restore the file or take it out of the samples."
    )


_READERS: dict[str, Callable[[bytes], Header]] = {
    "BMP": _bmp,
    "GIF": _gif,
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "WebP": _webp,
}
