"""Changes of the colours of one image of bytes, as Pillow makes them.

Formulas are those of Pillow's ``ImageOps`` and ``ImageEnhance``, which the papers on learned
augmentation used. Results are rounded where Pillow cuts the fraction off, so that they differ
by 1 at most; by 2 where a gray image is rounded on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["COLOURS"]

# Of red, green and blue, in what the eye sees of both: ITU-R BT.601, as Pillow.
_LUMA = (0.299, 0.587, 0.114)


def autocontrast(image: NDArray[np.uint8], _: float) -> None:
    """Stretch each channel to go from 0 to 255."""
    import cv2

    pixels = image.reshape(1, -1, image.shape[2])
    low = cv2.reduce(cv2.reduce(pixels, 1, cv2.REDUCE_MIN), 0, cv2.REDUCE_MIN).reshape(-1)
    high = cv2.reduce(cv2.reduce(pixels, 1, cv2.REDUCE_MAX), 0, cv2.REDUCE_MAX).reshape(-1)
    span = high.astype(np.float64) - low
    scale = np.where(span > 0, 255.0 / np.maximum(span, 1.0), 1.0)
    _look_up(image, (np.arange(256.0)[:, None] - np.where(span > 0, low, 0.0)) * scale)


def equalize(image: NDArray[np.uint8], _: float) -> None:
    """Spread the values of each channel so that all are about as frequent."""
    table = np.empty((256, image.shape[2]))
    for channel in range(image.shape[2]):
        counts = np.bincount(image[:, :, channel].reshape(-1), minlength=256)
        step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
        before = np.cumsum(counts) - counts
        table[:, channel] = (step // 2 + before) // step if step else np.arange(256)
    _look_up(image, table)


def solarize(image: NDArray[np.uint8], threshold: float) -> None:
    """Invert values from *threshold* on."""
    values = np.arange(256.0)
    _look_up(image, np.where(values < threshold, values, 255.0 - values)[:, None])


def posterize(image: NDArray[np.uint8], bits: float) -> None:
    """Keep the upper *bits* of each value."""
    image &= np.uint8(256 - 2 ** (8 - int(bits)))


def brightness(image: NDArray[np.uint8], factor: float) -> None:
    """Multiply values: 0 is black."""
    _look_up(image, np.arange(256.0)[:, None] * factor)


def contrast(image: NDArray[np.uint8], factor: float) -> None:
    """Multiply the distance of values from the mean of the gray image: 0 is gray."""
    import cv2

    means = cv2.mean(image) if image.shape[2] <= 4 else image.mean(axis=(0, 1))
    gray = image.shape[2] in (3, 4)
    mean = np.floor((np.dot(means[:3], _LUMA) if gray else np.mean(means[: image.shape[2]])) + 0.5)
    _look_up(image, mean + (np.arange(256.0)[:, None] - mean) * factor)


def colour(image: NDArray[np.uint8], factor: float) -> None:
    """Multiply the distance of colours from gray: 0 is gray. Images without colours stay."""
    import cv2

    if image.shape[2] == 3:
        gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        cv2.addWeighted(image, factor, gray, 1.0 - factor, 0.0, dst=image)


def sharpness(image: NDArray[np.uint8], factor: float) -> None:
    """Multiply the distance of values from a smoothed image's; the outermost pixels stay."""
    import cv2

    if min(image.shape[:2]) < 3:
        return
    smooth = np.ones((3, 3))
    smooth[1, 1] = 5.0
    kernel = smooth * ((1.0 - factor) / 13.0)
    kernel[1, 1] += factor
    found = cv2.filter2D(image, -1, kernel).reshape(image.shape)
    image[1:-1, 1:-1] = found[1:-1, 1:-1]


COLOURS: dict[str, Callable[[NDArray[np.uint8], float], None]] = {
    "autocontrast": autocontrast,
    "brightness": brightness,
    "color": colour,
    "contrast": contrast,
    "equalize": equalize,
    "posterize": posterize,
    "sharpness": sharpness,
    "solarize": solarize,
}
"""By name: what changes an image of shape ``(h, w, c)``, C-contiguous, in place."""


def _look_up(image: NDArray[np.uint8], values: NDArray[Any]) -> None:
    """Replace each value by its place in *values*, of shape ``(256, 1)`` or ``(256, c)``."""
    import cv2

    table = np.rint(np.clip(values, 0.0, 255.0)).astype(np.uint8)
    if table.shape[1] == 1:
        flat = image.reshape(1, -1)
        cv2.LUT(flat, table.reshape(1, 256), dst=flat)
    else:
        cv2.LUT(image, table.reshape(1, 256, -1), dst=image)
