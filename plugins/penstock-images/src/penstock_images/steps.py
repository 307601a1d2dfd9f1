"""What an operation of a policy does at a level: factors, bits, slopes and turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock_images.geometry import rotations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MOVES", "Step", "Strengths", "amount_of", "colour_value", "matrix"]

MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


class Strengths(NamedTuple):
    """How strong operations are at the largest magnitude."""

    slope: float
    """Of a shear: pixels sideways per pixel."""
    turn: float
    """Degrees."""
    factor: float
    """By how much a factor is above or below 1."""
    bits: int
    """How many bits less posterize keeps."""
    share: float
    """Of the width or height, by which is shifted."""
    pixels: float
    """Likewise, in pixels: added to the share."""


class Step(NamedTuple):
    """An operation that a sample drew, with a level from 0 to 1 and a sign."""

    name: str
    level: float
    sign: float


def colour_value(step: Step, strengths: Strengths) -> float:
    """Return what the operation on colours takes: a factor, a threshold or bits."""
    if step.name == "posterize":
        return 8 - round(step.level * strengths.bits)
    if step.name == "solarize":
        return 255.0 * (1.0 - step.level)
    return 1.0 + step.sign * step.level * strengths.factor


def amount_of(step: Step, strengths: Strengths, sizes: tuple[int, int]) -> float:
    """Return a turn in degrees, a slope, or a shift as a fraction of the size."""
    if step.name == "rotate":
        return step.sign * step.level * strengths.turn
    if step.name.startswith("shear"):
        return step.sign * step.level * strengths.slope
    size = sizes[step.name == "translate_y"]
    # By whole pixels, so that nothing is blurred.
    return step.sign * int(step.level * (strengths.share * size + strengths.pixels)) / size


def matrix(name: str, amount: float, height: int, width: int) -> NDArray[np.float64]:
    """Return an operation's change of one image, as ``geometry`` has it."""
    if name == "rotate":
        return rotations(np.array([amount / 360.0]))
    change = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    # Pillow shears about the corner of the image, and not about the middle of its first pixel.
    if name == "shear_x":
        change[0, 0, 1:] = amount, amount * height / 2.0
    elif name == "shear_y":
        change[0, 1, ::2] = amount, amount * width / 2.0
    elif name == "translate_x":
        change[0, 0, 2] = amount * width
    else:
        change[0, 1, 2] = amount * height
    return change
