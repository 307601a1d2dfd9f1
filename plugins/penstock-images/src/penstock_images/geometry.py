"""Geometric changes as 2 x 3 matrices, and one function that applies them.

A matrix maps a pixel of the result to the place in the image that it is taken
from: ``(x, y) -> matrix @ (x, y, 1)``, in pixels, (0, 0) being the centre of the
top left one. Changes that follow one another multiply to a single matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock_images.threads import single_threaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = [
    "FILL_MODES",
    "flips",
    "images_of",
    "mirror",
    "rotations",
    "shifts",
    "warp",
    "warp_batch",
    "zooms",
]

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
# Bytes per pixel that OpenCV flips; it counts them as channels.
_WIDEST = 64
# OpenCV warps these; others go through one that holds all of their values.
_NATIVE = ("uint8", "uint16", "int16", "float32", "float64")
_STAND_INS = {"bool": "uint8", "int8": "int16", "float16": "float32"}


def rotations(turns: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return matrices, of shape ``(n, 2, 3)``, that rotate about the centre.

    Args:
        turns: Angles as fractions of a full turn, counter-clockwise.
        height: Rows of the images.
        width: Columns of the images.
    """
    angle = 2.0 * np.pi * turns
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.stack([cos, -sin, sin, cos], axis=-1).reshape(-1, 2, 2)
    return _centred(linear, height, width)


def zooms(
    vertical: NDArray[np.float64], horizontal: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Return matrices that shrink by the factors given, 1 leaving an axis as it is."""
    linear = np.zeros((len(vertical), 2, 2))
    linear[:, 0, 0] = horizontal
    linear[:, 1, 1] = vertical
    return _centred(linear, height, width)


def shifts(
    down: NDArray[np.float64], right: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Return matrices that move the images by fractions of their height and width."""
    matrices = np.zeros((len(down), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1.0
    matrices[:, 0, 2] = -right * width
    matrices[:, 1, 2] = -down * height
    return matrices


def flips(
    vertical: NDArray[np.bool_], horizontal: NDArray[np.bool_], height: int, width: int
) -> NDArray[np.float64]:
    """Return matrices that mirror top and bottom, left and right."""
    return zooms(np.where(vertical, -1.0, 1.0), np.where(horizontal, -1.0, 1.0), height, width)


def _centred(linear: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return matrices of linear maps, of shape ``(n, 2, 2)``, that keep the centre in place."""
    centre = np.array([[(width - 1) / 2.0], [(height - 1) / 2.0]])
    return np.concatenate([linear, centre - linear @ centre], axis=-1)


def images_of(arrays: dict[str, NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the arrays that are images: of shape ``(n, h, w, c)`` and numbers."""
    for array in arrays.values():
        if array.ndim == 4 and array.dtype.kind in "buif":
            yield array


def mirror(image: NDArray[Any], *, vertical: bool, horizontal: bool) -> None:
    """Mirror *image*, of shape ``(h, w, c)`` and C-contiguous, in place."""
    import cv2

    # As bytes, so that every dtype will do; numpy's way is for pixels too wide for OpenCV.
    pixels = image.view(np.uint8)
    if pixels.shape[2] <= _WIDEST:
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        cv2.flip(pixels, (-1 if horizontal else 0) if vertical else 1, dst=pixels)
    else:
        image[...] = image[:: -1 if vertical else 1, :: -1 if horizontal else 1]


def warp_batch(
    batch: Batch,
    matrices: Callable[[int, int], NDArray[np.float64]],
    *,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> None:
    """Warp inputs and targets alike, in place; targets, being masks, by the nearest pixel.

    Args:
        batch: The batch.
        matrices: Returns the samples' matrices for images of a height and width.
        interpolation: ``"bilinear"`` or ``"nearest"``, for the inputs.
        fill_mode: One of ``FILL_MODES``.
        fill_value: What ``"constant"`` fills with.
    """
    with single_threaded:
        for arrays, chosen in ((batch.inputs, interpolation), (batch.targets, "nearest")):
            for images in images_of(arrays):
                warp(images, matrices(*images.shape[1:3]), chosen, fill_mode, fill_value)


def warp(
    images: NDArray[Any],
    matrices: NDArray[np.float64],
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> None:
    """Warp each of *images*, of shape ``(n, h, w, c)``, by its matrix, in place."""
    import cv2

    flags = cv2.WARP_INVERSE_MAP | (
        cv2.INTER_LINEAR if interpolation == "bilinear" else cv2.INTER_NEAREST
    )
    border = {
        "reflect": cv2.BORDER_REFLECT,
        "constant": cv2.BORDER_CONSTANT,
        "nearest": cv2.BORDER_REPLICATE,
        "wrap": cv2.BORDER_WRAP,
    }[fill_mode]
    _, height, width, channels = images.shape
    dtype = images.dtype
    name = dtype.name if dtype.name in _NATIVE else _STAND_INS.get(dtype.name, "float64")
    groups = _channel_groups(channels)
    moved = (matrices != np.eye(2, 3)).any(axis=(1, 2))
    for at in np.flatnonzero(moved):
        image = images[at]
        for first, count in groups:
            group = image[:, :, first : first + count]
            result = cv2.warpAffine(
                np.ascontiguousarray(group, np.dtype(name)),
                matrices[at],
                (width, height),
                flags=flags,
                borderMode=border,
                borderValue=(fill_value,) * 4,
            ).reshape(group.shape)
            if dtype.kind in "iu" and result.dtype.kind == "f":
                np.rint(result, out=result)
            group[...] = result


def _channel_groups(channels: int) -> list[tuple[int, int]]:
    """Split channels into (first, count): OpenCV warps up to 4, and 2 less exactly than 3."""
    groups = []
    first = 0
    while first < channels:
        left = channels - first
        count = 4 if left >= 4 else 3 if left == 3 else 1
        groups.append((first, count))
        first += count
    return groups
