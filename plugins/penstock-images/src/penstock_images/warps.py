"""Augmenters that move pixels: flip, rotate, shear, shift, zoom.

Options mean what they mean in the Keras layers named. The numbers of a sample
are drawn once, so that an image and its mask move together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penstock_images.geometry import flips, rotations, shears, shifts, zooms
from penstock_images.moves import FillsPlaces, MovesPixels
from penstock_images.options import between, check_choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Flip", "Rotate", "Shear", "Shift", "Zoom"]

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")
# Keras excludes -1, at which a single point would fill the image.
_SMALLEST = -0.99


@dataclass(frozen=True, kw_only=True)
class Flip(MovesPixels):
    """Mirror every second image, as ``keras.layers.RandomFlip`` does.

    Args:
        mode: ``"horizontal"`` (left and right), ``"vertical"`` or
            ``"horizontal_and_vertical"`` (each by its own chance).
    """

    mode: str = "horizontal"

    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, _MODES)

    def change(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Return the change that was drawn."""
        vertical, horizontal = (drawn.T < 0.5) & [
            ["vertical" in self.mode],
            ["horizontal" in self.mode],
        ]
        return flips(vertical, horizontal)


@dataclass(frozen=True, kw_only=True)
class Rotate(FillsPlaces):
    """Rotate images about their centre, as ``keras.layers.RandomRotation`` does.

    Args:
        factor: Largest angle either way as a fraction of a full turn, or the bounds
            (lower, upper); counter-clockwise is positive. The default is 10 degrees.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills with.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    factor: float | tuple[float, float] = 10 / 360
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 1

    def __post_init__(self) -> None:
        self._freeze_pair("factor", -1.0, 1.0)
        self._check_filling()

    def change(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Return the change that was drawn."""
        return rotations(between(drawn[:, 0], self.factor))


@dataclass(frozen=True, kw_only=True)
class Zoom(FillsPlaces):
    """Enlarge or shrink images about their centre, as ``keras.layers.RandomZoom`` does.

    Args:
        height_factor: Largest change either way, or the bounds (lower, upper); 0.2 shrinks
            by up to 20 %, -0.2 enlarges. The default is 10 % either way.
        width_factor: Likewise for the width; None keeps the aspect ratio.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills with.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    height_factor: float | tuple[float, float] = 0.1
    width_factor: float | tuple[float, float] | None = None
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._freeze_pair("height_factor", _SMALLEST, 1.0)
        if self.width_factor is not None:
            self._freeze_pair("width_factor", _SMALLEST, 1.0)
        self._check_filling()

    def change(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Return the change that was drawn."""
        vertical = horizontal = 1.0 + between(drawn[:, 0], self.height_factor)
        if self.width_factor is not None:
            horizontal = 1.0 + between(drawn[:, 1], self.width_factor)
        return zooms(vertical, horizontal)


@dataclass(frozen=True, kw_only=True)
class Shear(FillsPlaces):
    """Slant images, the top left corner staying in place, as ``keras.layers.RandomShear`` does.

    Args:
        x_factor: How far rows move sideways, as a fraction of their distance from the top:
            the largest either way, or the bounds (lower, upper), within 0 and 1, of what is
            drawn and taken either way by chance.
        y_factor: How far columns move up and down, as a fraction of their distance from the
            left; likewise.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills with.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    x_factor: float | tuple[float, float] = 0.1
    y_factor: float | tuple[float, float] = 0.1
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 3

    def __post_init__(self) -> None:
        self._freeze_pair("x_factor", 0.0, 1.0, symmetric=False)
        self._freeze_pair("y_factor", 0.0, 1.0, symmetric=False)
        self._check_filling()

    def change(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return the change that was drawn."""
        sign = np.where(drawn[:, 2] < 0.5, 1.0, -1.0)
        vertical = sign * between(drawn[:, 0], self.y_factor)
        horizontal = sign * between(drawn[:, 1], self.x_factor)
        return shears(vertical, horizontal, height, width)


@dataclass(frozen=True, kw_only=True)
class Shift(FillsPlaces):
    """Move images down, up and sideways, as ``keras.layers.RandomTranslation`` does.

    Args:
        height_factor: Largest shift either way as a fraction of the height, or the bounds
            (lower, upper); down is positive.
        width_factor: Likewise for the width; right is positive.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills with.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    height_factor: float | tuple[float, float] = 0.1
    width_factor: float | tuple[float, float] = 0.1
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._freeze_pair("height_factor", -1.0, 1.0)
        self._freeze_pair("width_factor", -1.0, 1.0)
        self._check_filling()

    def change(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return the change that was drawn."""
        down = between(drawn[:, 0], self.height_factor)
        right = between(drawn[:, 1], self.width_factor)
        return shifts(down, right, height, width)
