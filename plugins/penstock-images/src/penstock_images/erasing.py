"""The augmenter that erases a part of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.draws import mix
from penstock.errors import ConfigError, quote
from penstock_images.fusing import images_of, refuse_without_images
from penstock_images.options import check_between, check_choice, check_number, check_pair
from penstock_images.tinting import channel_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["Erase"]

_FILLS = ("noise", "mean", "constant")
# Boxes are drawn so often until one fits into the image, as torchvision does.
_ATTEMPTS = 10
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Erase a box of every second image, as ``keras.layers.RandomErasing`` does.

    Zhong, Zheng, Kang, Li & Yang, "Random erasing data augmentation" (AAAI 2020,
    arXiv:1708.04896). All images of a sample are erased at the same place; targets, such as
    masks and boxes, are left alone.

    Args:
        probability: How many of the images are erased, from 0 to 1.
        scale: (smallest, largest) part of the image's area that is erased.
        ratio: (smallest, largest) height of the box over its width; as often below 1 as above.
        fill_mode: ``"noise"``, a value of its own for each pixel and channel from all that
            integers of up to 16 bits can hold, and for others from what the image's values
            span; ``"mean"`` of each channel of the image; or ``"constant"``.
        fill_value: What ``"constant"`` fills with.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    probability: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    fill_mode: str = "noise"
    fill_value: float = 0.0

    def __post_init__(self) -> None:
        check_between("probability", self.probability, 0.0, 1.0)
        check_choice("fill_mode", self.fill_mode, _FILLS)
        check_number("fill_value", self.fill_value)
        for name, most in (("scale", 1.0), ("ratio", 1000.0)):
            value = getattr(self, name)
            lower, upper = check_pair(name, value, low=0.0, high=most, symmetric=False)
            if not lower:
                raise ConfigError(f"{name}={quote(value)} cannot work: give numbers above 0.")
            object.__setattr__(self, name, (lower, upper))

    @penstock.hookimpl
    def check_specs(self, input_specs: Mapping[str, ArraySpec]) -> None:
        """Refuse inputs none of which is an image."""
        refuse_without_images(self, input_specs)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Erase a box of images, in place."""
        chosen = batch.draws.chance(self.probability)
        seeds = batch.draws.integers(0, 2**52)
        drawn = batch.draws.uniform(size=(_ATTEMPTS, 4))
        boxes: NDArray[np.float64] | None = None
        for images in images_of(batch.inputs, batch.input_specs):
            height, width = images.shape[1:3]
            if boxes is None:  # of the first, and at the same place in the others
                boxes = self._boxes(drawn, height, width)
            pixels = np.rint(boxes * [height, width, height, width]).astype(int).tolist()
            for place in np.flatnonzero(chosen):
                top, left, bottom, right = pixels[place]
                if top < bottom and left < right:
                    box = images[place, top:bottom, left:right]
                    self._fill(images[place], box, int(seeds[place]))

    def _boxes(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return a box per sample, the first drawn that fits: top, left, bottom, right."""
        (least, most), (flat, high) = self.scale, self.ratio
        area = (least + (most - least) * drawn[..., 0]) * height * width
        ratio = np.exp(math.log(flat) + math.log(high / flat) * drawn[..., 1])
        rows, columns = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (rows <= height) & (columns <= width)
        first = fits.argmax(axis=1)[:, None]
        rows = np.take_along_axis(rows * fits, first, axis=1)[:, 0]
        columns = np.take_along_axis(columns * fits, first, axis=1)[:, 0]
        place = np.take_along_axis(drawn[..., 2:], first[..., None], axis=1)[:, 0]
        top = np.floor(place[:, 0] * (height - rows + 1))
        left = np.floor(place[:, 1] * (width - columns + 1))
        edges = np.stack([top, left, top + rows, left + columns], axis=1)
        found: NDArray[np.float64] = edges / [height, width, height, width]
        return found

    def _fill(self, image: NDArray[Any], box: NDArray[Any], seed: int) -> None:
        if self.fill_mode == "noise":
            box[...] = _noise(image, box.shape, seed)
            return
        values = channel_means(image) if self.fill_mode == "mean" else np.array([self.fill_value])
        if box.dtype.kind in "iu":
            limits = np.iinfo(box.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        box[...] = values


def _noise(image: NDArray[Any], shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """Return noise of *shape*, in the dtype of *image*, that *seed* alone decides."""
    count, dtype = math.prod(shape), image.dtype
    whole = dtype.kind in "iu" and dtype.itemsize <= 2
    words = -(-count * dtype.itemsize // 8) if whole else count
    bits = mix(np.uint64(seed) + np.arange(1, words + 1, dtype=np.uint64) * _GOLDEN)
    if whole:
        return bits.view(dtype)[:count].reshape(shape)
    low, high = float(image.min()), float(image.max())
    values = low + (high - low) * ((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)
    return values.reshape(shape)
