"""All of a sample that has a place in its image, moved together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock_images.coordinates import move_places
from penstock_images.fusing import images_of
from penstock_images.moving import move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from penstock.batch import Batch
    from penstock_images.moving import Filling

__all__ = ["move_together"]


def move_together(
    batch: Batch, change_of: Callable[[int, int], NDArray[np.float64]], filling: Filling
) -> None:
    """Move images, masks, boxes and points of a batch, in place.

    Args:
        batch: The batch, of n samples.
        change_of: Gives the change of images of (height, width), of shape ``(n, 2, 3)``.
        filling: What is done at the borders, and between the pixels of inputs.
    """
    changes: dict[tuple[int, int], NDArray[np.float64]] = {}
    images = list(images_of(batch.inputs, batch.input_specs))
    for arrays, chosen in ((images, filling), (_masks_of(batch, images), filling.of_masks)):
        for array in arrays:
            size = array.shape[1], array.shape[2]
            if size not in changes:
                changes[size] = change_of(*size)
            move(array, changes[size], chosen)
    if images and _has_places(batch):
        size = images[0].shape[1], images[0].shape[2]
        move_places(batch, changes[size], *size)


def _masks_of(batch: Batch, images: list[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the targets that are images, also those without an axis of channels."""
    yield from images_of(batch.targets, batch.target_specs)
    sizes = {each.shape[1:3] for each in images}
    for name, array in batch.targets.items():
        if array.ndim == 3 and array.shape[1:] in sizes and array.dtype.kind in "buif":
            spec = batch.target_specs.get(name)
            if spec is None or not spec.placed:
                yield array[..., None]


def _has_places(batch: Batch) -> bool:
    specs = (*batch.input_specs.values(), *batch.target_specs.values())
    return any(each.coordinates is not None for each in specs)
