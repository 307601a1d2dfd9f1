"""Which format a file has, by its content; its name has no say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.errors import SampleCorrupt, SampleRefused, quote

if TYPE_CHECKING:
    from penstock.errors import SampleError

__all__ = ["sniff"]

# Formats that we do not read, because they are rare in training data, need what
# OpenCV and Pillow may lack, or (PostScript, SVG) are programs and not images.
_REFUSED = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"%PDF", "PDF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"P1\n", "netpbm"),
    (b"P2\n", "netpbm"),
    (b"P3\n", "netpbm"),
    (b"P4\n", "netpbm"),
    (b"P5\n", "netpbm"),
    (b"P6\n", "netpbm"),
    (b"SIMPLE  =", "FITS"),
    (b"\x89HDF\r\n", "HDF5"),
)
_OTHER = (
    (b"\x93NUMPY", "a .npy array"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not fetched"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_ALLOWED = "JPEG, PNG, BMP, GIF, WebP or TIFF"


def sniff(data: bytes) -> str:
    """Return the format of the file that begins with *data*.

    Returns:
        ``"JPEG"``, ``"PNG"``, ``"BMP"``, ``"GIF"``, ``"WebP"`` or ``"TIFF"``.

    Raises:
        SampleRefused: A format of images or documents that is not read.
        SampleCorrupt: No image.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(_TIFF):
        return "TIFF"
    # "BM" alone would let text through: the next header's size is 12 to 124.
    if data.startswith(b"BM") and 12 <= int.from_bytes(data[14:18], "little") <= 124:
        return "BMP"
    raise _stranger(data)


def _stranger(data: bytes) -> SampleError:
    if not data:
        return SampleCorrupt(
            "An image was expected; the file is empty (0 bytes): "
            "restore it or take it out of the samples."
        )
    for start, name in _REFUSED:
        if data.startswith(start):
            return _refusal(name)
    if data[4:8] == b"ftyp":
        return _refusal("HEIF, AVIF or video")
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text:
        return _refusal("SVG")
    if text.startswith(_HTML) or b"<html" in text:
        return _corruption(
            "this looks like HTML, such as a page that reports a failed download", data
        )
    for start, name in _OTHER:
        if data.startswith(start):
            return _corruption(f"this is {name}", data)
    if not data.strip(b"\0"):
        return _corruption("there are only zero bytes, as after an interrupted copy", data)
    if all(byte in b"\t\n\r\f" or byte >= 32 for byte in data[:64]) and _is_text(data[:64]):
        return _corruption("this looks like text", data)
    return _corruption("these bytes are no image", data)


def _is_text(data: bytes) -> bool:
    try:
        # A character cut in two at the end is no objection.
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4
    return True


def _refusal(name: str) -> SampleRefused:
    return SampleRefused(
        f"An image in {_ALLOWED} was expected; this looks like {name}, "
        "which is not read: convert the file."
    )


def _corruption(found: str, data: bytes) -> SampleCorrupt:
    return SampleCorrupt(
        f"An image was expected; {found} ({quote(data[:16])}…): "
        "restore the file or take it out of the samples."
    )
