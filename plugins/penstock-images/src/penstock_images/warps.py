"""Augmenters that move pixels: flip, rotate, zoom, shift.

Options mean what they mean in the Keras layers named. Each draws the parameters
of a sample once, so that an image and its mask move together, and tells
drawing (``draw``) from geometry (``matrices``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import penstock
from penstock_images.geometry import (
    FILL_MODES,
    flips,
    images_of,
    mirror,
    rotations,
    shifts,
    warp_batch,
    zooms,
)
from penstock_images.options import check_choice, check_number, check_pair
from penstock_images.threads import single_threaded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batch import Batch
    from penstock.draws import Draws

__all__ = ["Flip", "Rotate", "Shift", "Zoom"]

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")
_INTERPOLATIONS = ("bilinear", "nearest")
# Keras excludes -1, at which a single point would fill the image.
_SMALLEST = -0.99


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Mirror every second image, as ``keras.layers.RandomFlip`` does.

    Args:
        mode: ``"horizontal"`` (left and right), ``"vertical"`` or
            ``"horizontal_and_vertical"`` (each by its own chance).
    """

    mode: str = "horizontal"

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, _MODES)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Mirror inputs and targets alike, in place."""
        drawn = self.draw(batch.draws)
        with single_threaded:
            for arrays in (batch.inputs, batch.targets):
                for images in images_of(arrays):
                    for at in np.flatnonzero(drawn.any(axis=1)):
                        mirror(images[at], vertical=drawn[at, 0], horizontal=drawn[at, 1])

    def draw(self, draws: Draws) -> NDArray[np.bool_]:
        """Draw for each sample whether it is mirrored (vertically, horizontally)."""
        allowed = np.array(["vertical" in self.mode, "horizontal" in self.mode])
        return np.asarray((draws.uniform(size=2) < 0.5) & allowed)

    def matrices(self, drawn: NDArray[np.bool_], height: int, width: int) -> NDArray[np.float64]:
        """Return what was drawn as matrices for images of a size."""
        return flips(drawn[:, 0], drawn[:, 1], height, width)


@dataclass(frozen=True, kw_only=True)
class Rotate:
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

    def __post_init__(self) -> None:
        _freeze_pair(self, "factor", -1.0, 1.0)
        _check_filling(self)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Rotate inputs and targets alike, in place."""
        _warp_drawn(self, batch)

    def draw(self, draws: Draws) -> NDArray[np.float64]:
        """Draw an angle per sample, as a fraction of a full turn; shape ``(n, 1)``."""
        return _between(draws.uniform(size=1), self.factor)

    def matrices(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return what was drawn as matrices for images of a size."""
        return rotations(drawn[:, 0], height, width)


@dataclass(frozen=True, kw_only=True)
class Zoom:
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

    def __post_init__(self) -> None:
        _freeze_pair(self, "height_factor", _SMALLEST, 1.0)
        if self.width_factor is not None:
            _freeze_pair(self, "width_factor", _SMALLEST, 1.0)
        _check_filling(self)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Zoom inputs and targets alike, in place."""
        _warp_drawn(self, batch)

    def draw(self, draws: Draws) -> NDArray[np.float64]:
        """Draw (vertical, horizontal) factors per sample; 1 leaves an axis as it is."""
        unit = draws.uniform(size=2)
        vertical = _between(unit[:, 0], self.height_factor)
        horizontal = (
            vertical if self.width_factor is None else _between(unit[:, 1], self.width_factor)
        )
        return 1.0 + np.stack([vertical, horizontal], axis=-1)

    def matrices(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return what was drawn as matrices for images of a size."""
        return zooms(drawn[:, 0], drawn[:, 1], height, width)


@dataclass(frozen=True, kw_only=True)
class Shift:
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

    def __post_init__(self) -> None:
        _freeze_pair(self, "height_factor", -1.0, 1.0)
        _freeze_pair(self, "width_factor", -1.0, 1.0)
        _check_filling(self)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Shift inputs and targets alike, in place."""
        _warp_drawn(self, batch)

    def draw(self, draws: Draws) -> NDArray[np.float64]:
        """Draw (down, right) per sample, as fractions of height and width."""
        unit = draws.uniform(size=2)
        down = _between(unit[:, 0], self.height_factor)
        return np.stack([down, _between(unit[:, 1], self.width_factor)], axis=-1)

    def matrices(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return what was drawn as matrices for images of a size."""
        return shifts(drawn[:, 0], drawn[:, 1], height, width)


def _warp_drawn(augmenter: Rotate | Shift | Zoom, batch: Batch) -> None:
    drawn = augmenter.draw(batch.draws)
    warp_batch(
        batch,
        partial(augmenter.matrices, drawn),
        interpolation=augmenter.interpolation,
        fill_mode=augmenter.fill_mode,
        fill_value=augmenter.fill_value,
    )


def _between(unit: NDArray[np.float64], bounds: float | tuple[float, float]) -> NDArray[np.float64]:
    lower, upper = bounds if isinstance(bounds, tuple) else (-bounds, bounds)
    return lower + (upper - lower) * unit


def _freeze_pair(augmenter: Rotate | Shift | Zoom, name: str, low: float, high: float) -> None:
    """Check a factor; a list, which cannot be hashed, becomes a tuple."""
    value = getattr(augmenter, name)
    check_pair(name, value, low=low, high=high)
    if isinstance(value, list):
        object.__setattr__(augmenter, name, tuple(value))


def _check_filling(augmenter: Rotate | Shift | Zoom) -> None:
    check_choice("fill_mode", augmenter.fill_mode, FILL_MODES)
    check_choice("interpolation", augmenter.interpolation, _INTERPOLATIONS)
    check_number("fill_value", augmenter.fill_value)
