"""Augmenters that change colours: brightness, contrast.

Options mean what they mean in the Keras layers named. Targets are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.errors import ConfigError, quote
from penstock_images.geometry import images_of
from penstock_images.options import check_pair
from penstock_images.threads import single_threaded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["Brightness", "Contrast", "scale"]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Brightness:
    """Make images brighter or darker, as ``keras.layers.RandomBrightness`` does.

    Args:
        factor: Largest change either way as a fraction of the value range, or the bounds
            (lower, upper), within -1 (black) and 1 (white).
        value_range: (lowest, highest) value of the images, to which results are clipped.
            None: the dtype's full range for integers, (0, 255) for floats.
    """

    factor: float | tuple[float, float] = 0.2
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_pair("factor", self.factor, low=-1.0, high=1.0)
        if isinstance(self.factor, list):
            object.__setattr__(self, "factor", tuple(self.factor))
        object.__setattr__(self, "value_range", _checked_range(self.value_range))

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Add a number of its own to each sample's inputs, in place."""
        lower, upper = check_pair("factor", self.factor, low=-1.0, high=1.0)
        added = batch.draws.uniform(lower, upper)
        with single_threaded:
            for images in images_of(batch.inputs):
                low, high = _range_of(images, self.value_range)
                for at in np.flatnonzero(added):
                    scale(images[at], 1.0, np.array([added[at] * (high - low)]), low, high)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Raise or lower the contrast of images, as ``keras.layers.RandomContrast`` does.

    Each channel's distance from its mean is multiplied by a factor.

    Args:
        factor: A number f within 0 and 1 for factors from 1 - f to 1 + f, or (lower, upper)
            for factors from 1 - lower to 1 + upper.
        value_range: (lowest, highest) value of the images, to which results are clipped.
            None: the dtype's full range for integers, (0, 255) for floats.
    """

    factor: float | tuple[float, float] = 0.2
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", _checked_contrast(self.factor))
        object.__setattr__(self, "value_range", _checked_range(self.value_range))

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Multiply the contrast of each sample's inputs by a number of its own, in place."""
        lower, upper = self.factor if isinstance(self.factor, tuple) else (self.factor,) * 2
        factors = batch.draws.uniform(1.0 - lower, 1.0 + upper)
        with single_threaded:
            for images in images_of(batch.inputs):
                low, high = _range_of(images, self.value_range)
                for at in np.flatnonzero(factors != 1.0):
                    mean = _channel_means(images[at])
                    scale(images[at], factors[at], mean * (1.0 - factors[at]), low, high)


def scale(
    image: NDArray[Any], gain: float, offset: NDArray[np.float64], low: float, high: float
) -> None:
    """Set *image* to ``gain * image + offset``, clipped to [low, high], in place.

    Args:
        image: Of shape ``(h, w, c)``, C-contiguous.
        gain: Factor.
        offset: Of shape ``(1,)``, or ``(c,)`` for an offset per channel.
        low: Lowest result.
        high: Highest result.
    """
    if image.dtype == np.uint8:
        import cv2

        # With 256 values, each is calculated once and then looked up.
        values = np.arange(256.0)[:, None] * gain + offset
        table = np.rint(np.clip(values, low, high)).astype(np.uint8).reshape(1, 256, -1)
        if table.shape[2] == 1:
            flat = image.reshape(len(image), -1)
            cv2.LUT(flat, table[:, :, 0], dst=flat)
        else:
            cv2.LUT(image, table, dst=image)
        return
    working = image.dtype if image.dtype in (np.float32, np.float64) else np.float64
    found = image * np.asarray(gain, working) + offset.astype(working)
    np.clip(found, low, high, out=found)
    image[...] = found if image.dtype.kind == "f" else np.rint(found)


def _channel_means(image: NDArray[Any]) -> NDArray[np.float64]:
    if image.shape[2] <= 4 and image.dtype in (np.uint8, np.uint16, np.float32, np.float64):
        import cv2

        # Numpy's mean over the first two axes takes 50 times as long.
        return np.array(cv2.mean(image)[: image.shape[2]])
    means: NDArray[np.float64] = image.mean(axis=(0, 1), dtype=np.float64)
    return means


def _range_of(images: NDArray[Any], value_range: tuple[float, float] | None) -> tuple[float, float]:
    if value_range is not None:
        return value_range
    if images.dtype.kind in "iu":
        limits = np.iinfo(images.dtype)
        return float(limits.min), float(limits.max)
    return (0.0, 1.0) if images.dtype.kind == "b" else (0.0, 255.0)


def _checked_range(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = check_pair("value_range", value, low=-_LARGEST, high=_LARGEST)
    if not isinstance(value, (tuple, list)) or low == high:
        raise ConfigError(
            f"value_range={quote(value)} cannot work: give (lowest, highest), such as (0, 1)."
        )
    return low, high


def _checked_contrast(value: object) -> float | tuple[float, float]:
    """Check the bounds one by one: (0.9, 0.1) is a range here, from 0.1 to 1.1."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        lower, upper = value
        check_pair("factor", value, low=0.0, high=1.0, ordered=False)
        return float(lower), float(upper)
    return check_pair("factor", value, low=0.0, high=1.0, symmetric=False)[0]
