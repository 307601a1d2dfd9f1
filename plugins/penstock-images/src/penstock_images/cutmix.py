"""The augmenter that pastes a part of one image into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.errors import ConfigError, quote
from penstock_images.options import check_between, check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["CutMix"]


@dataclass(frozen=True, kw_only=True)
class CutMix:
    """Paste a box of another image of the batch into each, and mix their targets by its area.

    Yun, Han, Oh, Chun, Choe & Yoo, "CutMix: regularization strategy to train strong classifiers
    with localizable features" (ICCV 2019, arXiv:1905.04899). The share that an image keeps of
    itself is drawn from Beta(alpha, alpha), and the middle of the box from all over the image;
    targets and sample weights are mixed by the area that the box covers after all. All images
    of a sample, and its masks, are cut at the same place. Samples of weight 0 neither give nor
    take.

    Args:
        alpha: Above 0; with 1 any share is as likely.
        probability: How many of the samples are cut, from 0 to 1; the others stay as they are.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    alpha: float = 1.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        if check_number("alpha", self.alpha) <= 0:
            raise ConfigError(f"alpha={quote(self.alpha)} cannot work: give a number above 0.")
        check_between("probability", self.probability, 0.0, 1.0)

    @penstock.hookimpl
    def check_specs(self, input_specs: Mapping[str, ArraySpec]) -> None:
        """Refuse inputs that are no images: what belongs to two samples cannot stay as it is."""
        for name, spec in input_specs.items():
            if len(spec.shape) != 3 or spec.dtype.kind not in "buif" or spec.placed:
                raise ConfigError(
                    f"cutmix cuts images, and the input {quote(name)} is {spec.dtype} of shape"
                    f" {spec.shape}. Leave cutmix out of augment=; mixup mixes numbers of any kind."
                )

    @penstock.hookimpl
    def augment_batch(self, batch: Batch) -> None:
        """Cut and paste images and masks, and mix targets and weights, in place."""
        images = [
            _channels_last(array, batch.input_specs.get(name))
            for name, array in batch.inputs.items()
        ]
        masks = _masks_of(batch, images)
        largest = max(images, key=lambda each: each.shape[1] * each.shape[2])
        height, width = largest.shape[1:3]
        partners = batch.partners()
        box = self._boxes(batch)
        rows, columns = _in_pixels(box, height, width)
        covered = (rows[:, 1] - rows[:, 0]) * (columns[:, 1] - columns[:, 0])
        # It refuses what it cannot mix before a pixel is changed.
        batch.mix(partners, 1.0 - covered / (height * width), moved=frozenset(masks))
        for array in (*images, *masks.values()):
            _paste(array, partners.tolist(), *_in_pixels(box, *array.shape[1:3]))

    def _boxes(self, batch: Batch) -> NDArray[np.float64]:
        """Draw a box per sample: top, left, bottom, right as fractions; nothing where not cut."""
        draws = batch.draws
        side = np.sqrt(1.0 - draws.beta(self.alpha, self.alpha))
        side[~draws.chance(self.probability)] = 0.0
        middle = draws.uniform(size=2)
        half = side[:, None] / 2.0
        edges: NDArray[np.float64] = np.concatenate([middle - half, middle + half], axis=1)
        return edges.clip(0.0, 1.0)


def _in_pixels(
    box: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row and the one after the last of each box, and its columns likewise."""
    rows = np.rint(box[:, 0::2] * height).astype(np.int64)
    return rows, np.rint(box[:, 1::2] * width).astype(np.int64)


def _paste(
    array: NDArray[Any],
    partners: list[int],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> None:
    boxes = [
        (slice(top, bottom), slice(left, right))
        for (top, bottom), (left, right) in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    # All are copied before one is pasted: a partner may be pasted into as well.
    patches = [array[partner][box].copy() for partner, box in zip(partners, boxes, strict=True)]
    for image, box, patch in zip(array, boxes, patches, strict=True):
        image[box] = patch


def _channels_last(array: NDArray[Any], spec: ArraySpec | None) -> NDArray[Any]:
    first = spec is not None and spec.data_format == "channels_first" and array.ndim == 4
    return np.moveaxis(array, 1, -1) if first else array


def _masks_of(batch: Batch, images: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the loaded targets that are cut as images are, with the channels last."""
    sizes = {each.shape[1:3] for each in images}
    found = {}
    for name, spec in batch.target_specs.items():
        array = _channels_last(batch.targets[name], spec)
        flat = array.ndim == 3 and array.shape[1:] in sizes
        if (array.ndim == 4 or flat) and not spec.placed:
            found[name] = array
    return found
