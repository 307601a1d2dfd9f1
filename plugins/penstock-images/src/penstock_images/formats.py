"""Which format a file has, by its content; its name has no say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.errors import SampleCorrupt, SampleRefused, quote
from penstock.lookalikes import looks_like

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
    for start, name in _REFUSED:
        if data.startswith(start):
            return _refusal(name)
    if data[4:8] == b"ftyp":
        return _refusal("HEIF, AVIF or video")
    if b"<svg" in data[:1024].lower():
        return _refusal("SVG")
    found = looks_like(data)
    return SampleCorrupt(
        f"An image was expected; {f'this looks like {found}' if found else 'this is none'}"
        f" ({quote(data[:16])}): restore the file or take it out of the samples."
    )


def _refusal(name: str) -> SampleRefused:
    return SampleRefused(
        f"An image in {_ALLOWED} was expected; this looks like {name}, "
        "which is not read: convert the file."
    )
