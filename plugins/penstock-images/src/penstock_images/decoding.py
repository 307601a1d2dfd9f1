"""Bytes of an image file to an array of pixels.

Whatever the decoder, the result is uint8 or uint16, rows from the top, channels
last in the order of the color mode; grayscale images have no channel axis. Alpha
is dropped, not blended in, where the color mode has none, and full where the
file has none. Luminance is 0.299 R + 0.587 G + 0.114 B.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleCorrupt, SampleError, SampleRefused, quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock_images.headers import Header

__all__ = ["COLOR_MODES", "decode", "decode_jpeg"]

# Color mode -> channels, and its name in simplejpeg and in Pillow.
COLOR_MODES = {"rgb": (3, "RGB", "RGB"), "rgba": (4, "RGBA", "RGBA"), "grayscale": (1, "GRAY", "L")}

# What libjpeg remarks on files whose pixels are all there: some cameras and
# the Cats vs Dogs data set pad the scan.
_HARMLESS = ("extraneous bytes before marker 0xd9", "unknown JFIF revision")

_KEPT_BYTES = 1 << 25  # per thread; larger images are rare, and their decoding is slow anyway


class _Pixels(threading.local):
    """A thread's memory for decoded pixels: to get it anew for each image costs page faults."""

    _kept: NDArray[np.uint8] | None = None

    def of(self, size: int) -> NDArray[np.uint8]:
        """Return *size* bytes of it."""
        kept = self._kept
        if kept is None or len(kept) < size:
            kept = np.empty(size, np.uint8)
            if size <= _KEPT_BYTES:
                self._kept = kept
        return kept[:size]


_pixels = _Pixels()


def decode_jpeg(
    data: bytes,
    header: Header,
    color_mode: str,
    *,
    reduce: int = 1,
    fast: bool = True,
) -> NDArray[Any]:
    """Decode a JPEG at 1/*reduce* of its size.

    Args:
        data: The file.
        header: Its header.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        reduce: 1, 2, 4 or 8: the scales at which libjpeg is fast.
        fast: Enlarge the colour channels, which are stored small, without smoothing.

    Returns:
        uint8 of shape ``(h, w, channels)``, or ``(h, w)`` for grayscale, valid
        until this thread decodes the next one.

    Raises:
        SampleCorrupt: The file is damaged or ends early.
    """
    import simplejpeg

    if data[-2:] != b"\xff\xd9" and data.rfind(b"\xff\xd9", 2) < 0:
        raise _corrupt("JPEG", "has no end marker: it is cut short")
    options: dict[str, Any] = {"fastdct": True, "fastupsample": fast, "min_factor": reduce}
    if reduce > 1:
        # Bounds from both sides leave exactly the wanted scale to choose.
        options["min_height"] = -(-header.height // reduce)
        options["min_width"] = -(-header.width // reduce)
    channels, colorspace, _ = COLOR_MODES[color_mode]
    size = channels * -(-header.height // reduce) * -(-header.width // reduce)
    options["buffer"] = _pixels.of(size)
    try:
        try:
            pixels: NDArray[Any] = simplejpeg.decode_jpeg(data, colorspace, **options)
        except ValueError as error:
            if not any(remark in str(error) for remark in _HARMLESS):
                raise
            pixels = simplejpeg.decode_jpeg(data, colorspace, strict=False, **options)
    except (ValueError, RuntimeError, OverflowError) as error:
        raise _corrupt("JPEG", f"cannot be decoded ({quote(str(error))})") from error
    return pixels[:, :, 0] if color_mode == "grayscale" else pixels


def decode(data: bytes, header: Header, color_mode: str) -> NDArray[Any]:
    """Decode an image of any other format; of an animation, the first frame.

    Returns:
        uint8 or uint16 of shape ``(h, w, channels)``, or ``(h, w)`` for grayscale.

    Raises:
        SampleCorrupt: The file is damaged or ends early.
        SampleRefused: Pixels of a kind that is not read.
    """
    try:
        if header.format == "GIF" or (header.format == "TIFF" and header.bits == 8):
            return _decode_by_pillow(data, header, color_mode)
        import cv2

        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise _corrupt(header.format, "is damaged or cut short")
        if pixels.dtype not in (np.uint8, np.uint16):
            raise SampleRefused(
                f"A {header.format} of 8 or 16 bits per channel was expected; found "
                f"{pixels.dtype}: save such arrays as .npy and load them with penstock-npy."
            )
        return _recolor(pixels, color_mode)
    except (SampleError, MemoryError):
        raise
    except Exception as error:
        # OpenCV and Pillow have a dozen ways to say that a file is broken.
        raise _corrupt(header.format, f"cannot be decoded ({quote(str(error))})") from error


def _decode_by_pillow(data: bytes, header: Header, color_mode: str) -> NDArray[Any]:
    """Decode what OpenCV is not to be trusted with.

    It ignores errors in TIFFs of palettes, and reads gray ones without their sense of white.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=(header.format,)) as image:
            return np.asarray(image.convert(COLOR_MODES[color_mode][2]))
    except UnidentifiedImageError as error:
        # Its own message tells no more than where the bytes lie in memory.
        raise _corrupt(header.format, "is damaged or cut short") from error
    except Image.DecompressionBombError as error:
        raise SampleRefused(
            f"Pillow refuses a {header.format} of {header.height:,} x {header.width:,} pixels: "
            "raise PIL.Image.MAX_IMAGE_PIXELS, or convert the file."
        ) from error


def _recolor(pixels: NDArray[Any], color_mode: str) -> NDArray[Any]:
    """Turn gray, BGR or BGRA into the color mode."""
    import cv2

    found = 1 if pixels.ndim == 2 else pixels.shape[2]
    if found == 1:
        pixels = pixels.reshape(pixels.shape[:2])
        codes = {"rgb": cv2.COLOR_GRAY2RGB, "rgba": cv2.COLOR_GRAY2RGBA}
    elif found == 3:
        codes = {
            "rgb": cv2.COLOR_BGR2RGB,
            "rgba": cv2.COLOR_BGR2RGBA,
            "grayscale": cv2.COLOR_BGR2GRAY,
        }
    elif found == 4:
        codes = {
            "rgb": cv2.COLOR_BGRA2RGB,
            "rgba": cv2.COLOR_BGRA2RGBA,
            "grayscale": cv2.COLOR_BGRA2GRAY,
        }
    else:
        raise SampleRefused(
            f"An image of 1, 3 or 4 channels was expected; found {found}: save such arrays as .npy."
        )
    return cv2.cvtColor(pixels, codes[color_mode]) if color_mode in codes else pixels


def _corrupt(format_name: str, found: str) -> SampleCorrupt:
    return SampleCorrupt(
        f"A {format_name} image was expected; the file {found}: "
        "restore it or take it out of the samples."
    )
