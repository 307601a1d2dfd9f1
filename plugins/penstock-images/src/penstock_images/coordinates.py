"""Boxes and points: their formats, and where they go when pixels are moved.

Places are counted in pixels from the top left corner of the image, so that the
middle of the first pixel is (0.5, 0.5) and a box around it is (0, 0, 1, 1), as in
``keras.utils.bounding_boxes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["BOXES", "POINTS", "clipped", "from_corners", "move_places", "to_corners"]

BOXES = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)
POINTS = ("xy", "rel_xy")
# Smaller than that, what a matrix maps a square to is taken for a line.
_FLAT = 1e-9
# Boxes come as float32: one that just touches the border is not cut.
_INEXACT = 1e-3
_FINEST = 1e-6  # of the image's side


def to_corners(boxes: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return boxes of the format *name* as left, top, right, bottom; relative ones stay so."""
    first, second = boxes[..., :2].astype(np.float64), boxes[..., 2:].astype(np.float64)
    name = name.removeprefix("rel_")
    if name == "yxyx":
        first, second = first[..., ::-1], second[..., ::-1]
    elif name == "xywh":
        second = first + second
    elif name == "center_xywh":
        first, second = first - second / 2.0, first + second / 2.0
    return np.concatenate([first, second], axis=-1)


def from_corners(corners: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return boxes given as left, top, right, bottom in the format *name*."""
    first, second = corners[..., :2], corners[..., 2:]
    name = name.removeprefix("rel_")
    if name == "yxyx":
        first, second = first[..., ::-1], second[..., ::-1]
    elif name == "xywh":
        second = second - first
    elif name == "center_xywh":
        first, second = (first + second) / 2.0, second - first
    return np.concatenate([first, second], axis=-1)


def clipped(
    corners: NDArray[np.float64], height: float, width: float, least: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cut boxes at the borders of the image; say of which too little is left.

    Args:
        corners: Left, top, right and bottom, in the last axis.
        height: Rows of the image.
        width: Columns of the image.
        least: The share of a box' area that has to be left; with 0 any rest will do.
    """
    cut = np.clip(corners, 0.0, [width, height, width, height])
    sides = cut[..., 2:] - cut[..., :2]
    # A rest that float32 cannot tell from none is none.
    gone: NDArray[np.bool_] = np.asarray((sides <= np.multiply([width, height], _FINEST)).any(-1))
    if least > 0.0:
        with np.errstate(invalid="ignore"):  # a box at infinity is gone already
            whole = corners[..., 2:] - corners[..., :2]
        gone = gone | (sides.prod(axis=-1) < (least - _INEXACT) * whole.prod(axis=-1))
    return cut, gone


def move_places(batch: Batch, change: NDArray[np.float64], height: int, width: int) -> None:
    """Move the boxes and points of a batch as its first images are moved, in place.

    A box becomes the smallest one around its moved corners, cut at the borders. What leaves
    the image, or for the most part, becomes -1, and so does all else that belongs to it.

    Args:
        batch: The batch, of n samples.
        change: Of shape ``(n, 2, 3)``, as ``geometry`` has it.
        height: Rows of the first images.
        width: Columns of the first images.
    """
    moved = np.flatnonzero((change != [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).any(axis=(1, 2)))
    if not len(moved):
        return
    placed = [
        *_placed(batch.inputs, batch.input_specs),
        *_placed(batch.targets, batch.target_specs),
    ]
    # Boxes have the say of who is gone, and points only where there are no boxes.
    placed.sort(key=lambda each: (each[1].coordinates in BOXES, each[1].coordinates is not None))
    gone: dict[str, NDArray[np.bool_]] = {}
    for array, spec in placed:
        if spec.coordinates is None:
            continue
        left, lost = _moved(array[moved], spec, change[moved], height, width)
        array[moved] = left
        if spec.objects is not None:
            gone[spec.objects] = np.asarray(lost.reshape(*lost.shape[:2], -1).all(axis=-1))
    for array, spec in placed:
        if spec.objects in gone:
            rows = array[moved]
            rows[gone[spec.objects]] = -1
            array[moved] = rows


def _placed(
    arrays: dict[str, NDArray[Any]], specs: Mapping[str, ArraySpec]
) -> list[tuple[NDArray[Any], ArraySpec]]:
    return [(arrays[name], spec) for name, spec in specs.items() if spec.placed]


def _moved(
    places: NDArray[Any], spec: ArraySpec, change: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where *places* are after *change*, -1 where they are gone, and which are."""
    name = spec.coordinates
    assert name is not None
    size = np.array([width, height], np.float64)
    unit = size if name.startswith("rel_") else np.ones(2)
    absent = (places == -1).all(axis=-1)
    if name in POINTS:
        points = _mapped(places.astype(np.float64) * unit, change, size)
        found = points / unit
        inside = (points >= 0) & (points <= size)
        gone = absent | ~inside.all(axis=-1)
    else:
        corners = to_corners(places, name) * np.tile(unit, 2)
        # Left and right in all combinations with top and bottom.
        points = _mapped(corners[..., [[0, 1], [2, 1], [2, 3], [0, 3]]], change, size)
        around = np.concatenate([points.min(axis=-2), points.max(axis=-2)], axis=-1)
        cut, empty = clipped(around, height, width, spec.min_visible)
        found = from_corners(cut / np.tile(unit, 2), name)
        gone = absent | empty
    found[gone] = -1.0
    return found, gone


def _mapped(
    points: NDArray[np.float64], change: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where each of *points*, of shape ``(n, …, 2)``, is after its sample's change."""
    # A change tells where a pixel of the result comes from: this is the way back.
    linear = change[:, :, :2]
    flat = np.abs(np.linalg.det(linear)) < _FLAT
    inverse = np.linalg.inv(np.where(flat[:, None, None], np.eye(2), linear))
    middle = size / 2.0
    shape = points.shape
    rows = points.reshape(len(points), -1, 2) - middle - change[:, None, :, 2]
    found = rows @ inverse.transpose(0, 2, 1) + middle
    found[flat] = -np.inf  # a picture of a single line has no boxes
    return found.reshape(shape)
