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
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["flips", "from_corner", "in_succession", "rotations", "shears", "shifts", "zooms"]


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


def shifts(
    down: NDArray[np.float64], right: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Move by fractions of the height and width."""
    change = np.zeros((len(down), 2, 3))
    change[:, 0, 0] = change[:, 1, 1] = 1.0
    change[:, 0, 2] = -right * width
    change[:, 1, 2] = -down * height
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
