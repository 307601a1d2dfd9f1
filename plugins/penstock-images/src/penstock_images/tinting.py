"""Changing values by a gain and an offset, as fast as OpenCV can."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["PARAMETERS", "Tint", "channel_means", "tint", "tint_of"]

PARAMETERS = ("brightness", "brightness_factor", "contrast")
"""The names of parameters; the first as ``ImageDataGenerator`` has it."""


class Tint(NamedTuple):
    """Changes of the colours of n images, a number of shape ``(n,)`` each.

    A value becomes ``gain * value + offset + pull * mean``, with the mean of its
    channel over the image.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    pull: NDArray[np.float64]

    def followed_by(self, second: Tint) -> Tint:
        """Return the change that does both, without clipping in between."""
        weight = self.gain + self.pull  # of the mean, in the mean of what this one makes
        return Tint(
            second.gain * self.gain,
            (second.gain + second.pull) * self.offset + second.offset,
            second.gain * self.pull + second.pull * weight,
        )


def tint_of(parameters: Mapping[str, NDArray[np.float64]], low: float, high: float) -> Tint:
    """Return the change that parameters stand for, one after the other in their order.

    ``brightness`` is what the distance from the lowest value is multiplied by,
    ``brightness_factor`` what is added as a fraction of the range, and ``contrast`` what the
    distance from the mean is multiplied by.

    Args:
        parameters: Arrays of shape ``(n,)``.
        low: Lowest value.
        high: Highest value.
    """
    return reduce(
        Tint.followed_by,
        [_tint(name, number, low, high) for name, number in parameters.items()],
    )


def _tint(name: str, number: NDArray[np.float64], low: float, high: float) -> Tint:
    nothing = np.zeros(len(number))
    if name == "brightness":
        return Tint(number, low - low * number, nothing)
    if name == "brightness_factor":
        return Tint(nothing + 1.0, number * (high - low), nothing)
    return Tint(number, nothing, 1.0 - number)


def tint(images: NDArray[Any], change: Tint, low: float, high: float) -> None:
    """Change the colours of each of *images* and clip them, in place.

    Nothing is done where a change is none.

    Args:
        images: Of shape ``(n, h, w, c)``, C-contiguous.
        change: The changes.
        low: Lowest result.
        high: Highest result.
    """
    numbers = [each.tolist() for each in change]
    # Rounding halves depends on what they are added to; all else is adding whole numbers.
    whole = images.dtype == np.uint8 and (low, high) == (0.0, 255.0)
    for image, gain, offset, pull in zip(images, *numbers, strict=True):
        if pull:
            _scale(image, gain, offset + pull * channel_means(image), low, high)
        elif whole and gain == 1.0 and abs(offset - round(offset)) < 0.499:
            _add(image, round(offset))
        elif gain != 1.0 or offset:
            _scale(image, gain, np.array([offset]), low, high)


def _add(image: NDArray[np.uint8], number: int) -> None:
    """Add a number to bytes, and clip them: much faster than to look each up."""
    import cv2

    # A single row: OpenCV takes a column of four for the four channels of a colour. And to add
    # a negative number takes it four times as long.
    flat = image.reshape(1, -1)
    if number:
        (cv2.add if number > 0 else cv2.subtract)(flat, np.full(4, abs(number)), dst=flat)


def _scale(
    image: NDArray[Any], gain: float, offset: NDArray[np.float64], low: float, high: float
) -> None:
    """Set *image* to ``gain * image + offset``, clipped; an offset for all, or per channel."""
    if image.dtype == np.uint8:
        _look_up(image, gain, offset, low, high)
        return
    exact = image.dtype in (np.float32, np.float64)
    found = image if exact else image.astype(np.float64)
    # As rows of pixels: NumPy is slow where the last axis is as short as the channels.
    rows = found.reshape(len(image), -1)
    if gain != 1.0:
        rows *= gain
    rows += np.tile(offset.astype(rows.dtype), rows.shape[1] // len(offset))
    np.clip(rows, low, high, out=rows)
    if not exact:
        image[...] = found if image.dtype.kind == "f" else np.rint(found)


def _look_up(
    image: NDArray[np.uint8], gain: float, offset: NDArray[np.float64], low: float, high: float
) -> None:
    """Calculate each of the 256 values once, and then look them up."""
    import cv2

    values = np.arange(256.0)[:, None] * gain + offset
    table = np.rint(np.clip(values, low, high)).astype(np.uint8).reshape(1, 256, -1)
    if table.shape[2] == 1:
        flat = image.reshape(1, -1)
        cv2.LUT(flat, table[:, :, 0], dst=flat)
    else:
        cv2.LUT(image, table, dst=image)


def channel_means(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of each channel of *image*, of shape ``(h, w, c)``."""
    if image.shape[2] <= 4 and image.dtype in (np.uint8, np.uint16, np.float32, np.float64):
        import cv2

        # Numpy's mean over the first two axes takes 50 times as long.
        return np.array(cv2.mean(image)[: image.shape[2]])
    means: NDArray[np.float64] = image.mean(axis=(0, 1), dtype=np.float64)
    return means
