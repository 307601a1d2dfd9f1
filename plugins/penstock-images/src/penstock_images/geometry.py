"""Geometric changes as matrices, and their composition.

A change of n images is an array of shape ``(n, 2, 3)``: for each image a linear
map and a translation. It maps a pixel of the result to the place in the image
that it is taken from, ``(x, y) -> linear @ (x, y) + translation``, in pixels,
(0, 0) being the middle of the image. Changes that follow one another multiply
to a single one.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "PARAMETERS",
    "affine",
    "flips",
    "from_corner",
    "in_succession",
    "rotations",
    "shears",
    "shifts",
    "slants",
    "zooms",
]

PARAMETERS = {
    "theta": "rotation",
    "tx": "shift",
    "ty": "shift",
    "shear": "slant",
    "shear_x": "shear",
    "shear_y": "shear",
    "zx": "zoom",
    "zy": "zoom",
    "flip_horizontal": "flip",
    "flip_vertical": "flip",
}
"""The names of parameters, as ``ImageDataGenerator`` has them, and the change they belong to."""

_PAIRS = {
    "shift": ("tx", "ty"),
    "shear": ("shear_x", "shear_y"),
    "zoom": ("zx", "zy"),
    "flip": ("flip_horizontal", "flip_vertical"),
}


def affine(parameters: Mapping[str, NDArray[Any]], height: int, width: int) -> NDArray[np.float64]:
    """Return the change that parameters stand for, one after the other in their order.

    A parameter says from where a pixel is taken. With ``ImageDataGenerator``'s names, which are
    those of ``keras.src.legacy.preprocessing.image.apply_affine_transform``:

    - ``theta``: the angle of a rotation in degrees, counter-clockwise;
    - ``tx``, ``ty``: pixels to the left and up;
    - ``shear``: the angle of a slant in degrees;
    - ``zx``, ``zy``: what the width and height shrink by;
    - ``flip_horizontal``, ``flip_vertical``: whether left and right, top and bottom change places.

    And of our own ``shear_x``, ``shear_y``: as ``keras.layers.RandomShear`` has its factors.

    Args:
        parameters: Arrays of shape ``(n,)``.
        height: Rows of the images.
        width: Columns of the images.
    """
    kinds = dict.fromkeys([PARAMETERS[name] for name in parameters])
    return in_succession([_change(kind, parameters, height, width) for kind in kinds])


def _change(
    kind: str, parameters: Mapping[str, NDArray[Any]], height: int, width: int
) -> NDArray[np.float64]:
    if kind == "rotation":
        return _rotations(np.deg2rad(parameters["theta"]))
    if kind == "slant":
        return slants(parameters["shear"])
    across, along = _PAIRS[kind]
    first, second = parameters.get(across), parameters.get(along)
    if first is None or second is None:
        one = first if second is None else second
        assert one is not None  # or it would not be of this kind
        nothing = np.full(len(one), 1.0 if kind == "zoom" else 0.0)
        first, second = nothing if first is None else first, nothing if second is None else second
    if kind == "shift":
        return shifts(first, second)
    if kind == "shear":
        return shears(second, first, height, width)
    if kind == "zoom":
        return zooms(second, first)
    return flips(second, first)


def rotations(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotate about the middle.

    Args:
        turns: Angles as fractions of a full turn, counter-clockwise.
    """
    return _rotations(2.0 * np.pi * turns)


def _rotations(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    change = np.zeros((len(angles), 2, 3))
    change[:, 0, 0] = change[:, 1, 1] = np.cos(angles)
    change[:, 1, 0] = np.sin(angles)
    change[:, 0, 1] = -change[:, 1, 0]
    return change


def zooms(vertical: NDArray[np.float64], horizontal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrink towards the middle by the factors given, 1 leaving an axis as it is."""
    change = np.zeros((len(vertical), 2, 3))
    change[:, 0, 0] = horizontal
    change[:, 1, 1] = vertical
    return change


def flips(vertical: NDArray[Any], horizontal: NDArray[Any]) -> NDArray[np.float64]:
    """Mirror top and bottom, left and right, where these are True, or not 0."""
    return zooms(np.where(vertical, -1.0, 1.0), np.where(horizontal, -1.0, 1.0))


def shifts(left: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move by numbers of pixels."""
    change = np.zeros((len(left), 2, 3))
    change[:, 0, 0] = change[:, 1, 1] = 1.0
    change[:, 0, 2] = left
    change[:, 1, 2] = up
    return change


def slants(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slant upright lines by an angle about the middle, and stretch them, as Keras used to."""
    angles = np.deg2rad(degrees)
    change = np.zeros((len(degrees), 2, 3))
    change[:, 0, 0] = 1.0
    change[:, 0, 1] = -np.sin(angles)
    change[:, 1, 1] = np.cos(angles)
    return change


def shears(
    vertical: NDArray[np.float64], horizontal: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Shear along the axes by factors, the top left pixel staying where it is, as in Keras."""
    change = np.zeros((len(vertical), 2, 3))
    change[:, 0, 0] = change[:, 1, 1] = 1.0
    change[:, 0, 1] = horizontal
    change[:, 1, 0] = vertical
    change[:, 0, 2] = horizontal * ((height - 1) / 2.0)
    change[:, 1, 2] = vertical * ((width - 1) / 2.0)
    return change


def in_succession(changes: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the change that does what *changes*, one after the other, do."""
    return reduce(_followed, changes)


def _followed(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    # A pixel of the second result comes from the first, and there from the image.
    both: NDArray[np.float64] = first[:, :, :2] @ second
    both[:, :, 2] += first[:, :, 2]
    return both


def from_corner(change: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return a change with (0, 0) being the centre of the top left pixel, as OpenCV counts."""
    middle = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
    moved = change.copy()
    moved[:, :, 2] += middle - change[:, :, :2] @ middle
    return moved
