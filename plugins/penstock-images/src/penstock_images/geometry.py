"""Geometric changes as matrices, and their composition.

A change of n images is an array of shape ``(n, 2, 3)``: for each image a linear
map and a translation. It maps a pixel of the result to the place in the image
that it is taken from, ``(x, y) -> linear @ (x, y) + translation``, in pixels,
(0, 0) being the middle of the image. Changes that follow one another multiply
to a single one.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

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


def affine(
    parameters: Mapping[str, NDArray[np.float64]], height: int, width: int
) -> NDArray[np.float64]:
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
    count = len(next(iter(parameters.values())))

    def given(name: str, otherwise: float) -> NDArray[np.float64]:
        return parameters.get(name, np.full(count, otherwise))

    def change(kind: str) -> NDArray[np.float64]:
        if kind == "rotation":
            return rotations(parameters["theta"] / 360.0)
        if kind == "shift":
            return shifts(given("tx", 0.0), given("ty", 0.0))
        if kind == "slant":
            return slants(parameters["shear"])
        if kind == "shear":
            return shears(given("shear_y", 0.0), given("shear_x", 0.0), height, width)
        if kind == "zoom":
            return zooms(given("zy", 1.0), given("zx", 1.0))
        vertical, horizontal = given("flip_vertical", 0.0), given("flip_horizontal", 0.0)
        return flips(vertical != 0, horizontal != 0)

    return in_succession(
        [change(kind) for kind in dict.fromkeys(PARAMETERS[name] for name in parameters)]
    )


def rotations(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotate about the middle.

    Args:
        turns: Angles as fractions of a full turn, counter-clockwise.
    """
    angles = 2.0 * np.pi * turns
    change = np.zeros((len(turns), 2, 3))
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


def flips(vertical: NDArray[np.bool_], horizontal: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mirror top and bottom, left and right."""
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
