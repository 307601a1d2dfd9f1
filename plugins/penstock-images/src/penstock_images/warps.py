"""Augmenters that move pixels: flip, rotate, shear, shift, zoom.

Options mean what they mean in the Keras layers named. The numbers of a sample
are drawn once, so that an image and its mask move together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock_images.moves import FillsPlaces, MovesPixels
from penstock_images.options import between, check_choice, check_steps, refuse_both

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Flip", "Rotate", "Shear", "Shift", "Zoom"]

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")
# Keras excludes -1, at which a single point would fill the image.
_SMALLEST = -0.99
# Beyond, what is left of an image is smaller than a pixel.
_LARGEST = 1000.0
# At 90 degrees a single row would fill the image.
_STEEPEST = 89.0


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

    def parameters(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> dict[str, NDArray[Any]]:
        """Return the parameters that were drawn."""
        vertical, horizontal = (drawn.T < 0.5) & [
            ["vertical" in self.mode],
            ["horizontal" in self.mode],
        ]
        return {"flip_horizontal": horizontal, "flip_vertical": vertical}


@dataclass(frozen=True, kw_only=True)
class Rotate(FillsPlaces):
    """Rotate images about their centre, as ``keras.layers.RandomRotation`` does.

    Args:
        factor: Largest angle either way as a fraction of a full turn, or the bounds
            (lower, upper); counter-clockwise is positive. The default is 10 degrees.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    factor: float | tuple[float, float] = 10 / 360
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 1

    def __post_init__(self) -> None:
        self._freeze_pair("factor", -1.0, 1.0)
        self._check_filling()

    def parameters(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> dict[str, NDArray[Any]]:
        """Return the parameters that were drawn."""
        return {"theta": 360.0 * between(drawn[:, 0], self.factor)}


@dataclass(frozen=True, kw_only=True)
class Zoom(FillsPlaces):
    """Enlarge or shrink images about their centre, as ``keras.layers.RandomZoom`` does.

    Args:
        height_factor: Largest change either way, or the bounds (lower, upper); 0.2 shrinks
            by up to 20 %, -0.2 enlarges. The default is 10 % either way.
        width_factor: Likewise for the width; None keeps the aspect ratio.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    height_factor: float | tuple[float, float] = 0.1
    width_factor: float | tuple[float, float] | None = None
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._freeze_pair("height_factor", _SMALLEST, _LARGEST)
        if self.width_factor is not None:
            self._freeze_pair("width_factor", _SMALLEST, _LARGEST)
        self._check_filling()

    def parameters(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> dict[str, NDArray[Any]]:
        """Return the parameters that were drawn."""
        vertical = horizontal = 1.0 + between(drawn[:, 0], self.height_factor)
        if self.width_factor is not None:
            horizontal = 1.0 + between(drawn[:, 1], self.width_factor)
        return {"zx": horizontal, "zy": vertical}


@dataclass(frozen=True, kw_only=True)
class Shear(FillsPlaces):
    """Slant images, the top left corner staying in place, as ``keras.layers.RandomShear`` does.

    With *angle*, about the middle, as ``ImageDataGenerator(shear_range=…)`` does.

    Args:
        x_factor: How far rows move sideways, as a fraction of their distance from the top:
            the largest either way, or the bounds (lower, upper), within 0 and 1, of what is
            drawn and taken either way by chance.
        y_factor: How far columns move up and down, as a fraction of their distance from the
            left; likewise.
        angle: In place of the factors: the largest angle in degrees that upright lines are
            slanted by either way, or the bounds (lower, upper).
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    x_factor: float | tuple[float, float] = 0.1
    y_factor: float | tuple[float, float] = 0.1
    angle: float | tuple[float, float] | None = None
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 3

    def __post_init__(self) -> None:
        self._freeze_pair("x_factor", 0.0, 1.0, symmetric=False)
        self._freeze_pair("y_factor", 0.0, 1.0, symmetric=False)
        if self.angle is not None:
            self._freeze_pair("angle", -_STEEPEST, _STEEPEST)
            refuse_both(self, "angle", "x_factor", "y_factor")
        self._check_filling()

    def parameters(
        self,
        drawn: NDArray[np.float64],
        height: int,  # noqa: ARG002 - about the middle of any size
        width: int,  # noqa: ARG002
    ) -> dict[str, NDArray[Any]]:
        """Return the parameters that were drawn."""
        if self.angle is not None:
            return {"shear": between(drawn[:, 0], self.angle)}
        sign = np.where(drawn[:, 2] < 0.5, 1.0, -1.0)
        vertical = sign * between(drawn[:, 0], self.y_factor)
        horizontal = sign * between(drawn[:, 1], self.x_factor)
        return {"shear_x": horizontal, "shear_y": vertical}


@dataclass(frozen=True, kw_only=True)
class Shift(FillsPlaces):
    """Move images down, up and sideways, as ``keras.layers.RandomTranslation`` does.

    Args:
        height_factor: Largest shift either way as a fraction of the height, or the bounds
            (lower, upper); down is positive.
        width_factor: Likewise for the width; right is positive.
        height_pixels: In place of *height_factor*: the largest whole number of pixels either way,
            or a list of numbers of pixels, one of which is drawn.
        width_pixels: Likewise for the width.
        fill_mode: What comes in from outside: ``"reflect"``, ``"constant"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.
    """

    height_factor: float | tuple[float, float] = 0.1
    width_factor: float | tuple[float, float] = 0.1
    height_pixels: int | tuple[float, ...] | None = None
    width_pixels: int | tuple[float, ...] | None = None
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._freeze_pair("height_factor", -1.0, 1.0)
        self._freeze_pair("width_factor", -1.0, 1.0)
        for pixels, factor in (
            ("height_pixels", "height_factor"),
            ("width_pixels", "width_factor"),
        ):
            if getattr(self, pixels) is not None:
                object.__setattr__(self, pixels, check_steps(pixels, getattr(self, pixels)))
                refuse_both(self, pixels, factor)
        self._check_filling()

    def parameters(
        self, drawn: NDArray[np.float64], height: int, width: int
    ) -> dict[str, NDArray[Any]]:
        """Return the parameters that were drawn."""
        down = _pixels(drawn[:, 0], self.height_pixels, self.height_factor, height)
        right = _pixels(drawn[:, 1], self.width_pixels, self.width_factor, width)
        return {"tx": -right, "ty": -down}


def _pixels(
    unit: NDArray[np.float64],
    steps: int | tuple[float, ...] | None,
    factor: float | tuple[float, float],
    length: int,
) -> NDArray[np.float64]:
    """Spread numbers from 0 to 1, without 1, over the shifts that options allow."""
    if steps is None:
        return between(unit, factor) * length
    if isinstance(steps, int):
        return np.floor(unit * (2 * steps + 1)) - steps
    return np.array(steps, np.float64)[(unit * len(steps)).astype(np.intp)]
