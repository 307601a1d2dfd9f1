"""Augmenters that change colours: brightness, contrast.

Options mean what they mean in the Keras layers named. Targets are left alone.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.errors import ConfigError, quote
from penstock_images.fusing import Fusible, images_of
from penstock_images.options import between, check_pair
from penstock_images.tinting import Tint, tint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["Brightness", "Contrast"]

_LARGEST = float(np.finfo(np.float32).max)


class ChangesColours(Fusible):
    """An augmenter that changes the colours of inputs."""

    value_range: tuple[float, float] | None

    numbers: ClassVar[int] = 1

    @abstractmethod
    def tint(self, drawn: NDArray[np.float64], span: float) -> Tint:
        """Return the change that was drawn, as ``tinting`` has it.

        Args:
            drawn: Numbers from 0 to 1, of shape ``(n, numbers)``.
            span: What the values span.
        """

    def fits(self, run: tuple[Fusible, ...]) -> bool:
        """Those can be one that are clipped to the same range."""
        return isinstance(run[0], ChangesColours) and run[0].value_range == self.value_range

    @staticmethod
    def augment(
        run: tuple[ChangesColours, ...], drawn: list[NDArray[np.float64]], batch: Batch
    ) -> None:
        """Change the colours of inputs, in place."""
        for images in images_of(batch.inputs):
            low, high = _range_of(images, run[0].value_range)
            changes = [part.tint(each, high - low) for part, each in zip(run, drawn, strict=True)]
            tint(images, reduce(Tint.followed_by, changes), low, high)


@dataclass(frozen=True, kw_only=True)
class Brightness(ChangesColours):
    """Make images brighter or darker, as ``keras.layers.RandomBrightness`` does.

    Args:
        factor: Largest change either way as a fraction of the value range, or the bounds
            (lower, upper), within -1 (black) and 1 (white).
        value_range: (lowest, highest) value of the images, to which results are clipped.
            None: the dtype's full range for integers, (0, 255) for floats.
    """

    factor: float | tuple[float, float] = 0.2
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_pair("factor", self.factor, low=-1.0, high=1.0)
        if isinstance(self.factor, list):
            object.__setattr__(self, "factor", tuple(self.factor))
        object.__setattr__(self, "value_range", _checked_range(self.value_range))

    def tint(self, drawn: NDArray[np.float64], span: float) -> Tint:
        """Return the change that was drawn."""
        factor = self.factor if isinstance(self.factor, tuple) else abs(self.factor)
        added = between(drawn[:, 0], factor) * span
        return Tint(np.ones(len(added)), added, np.zeros(len(added)))


@dataclass(frozen=True, kw_only=True)
class Contrast(ChangesColours):
    """Raise or lower the contrast of images, as ``keras.layers.RandomContrast`` does.

    Each channel's distance from its mean is multiplied by a factor.

    Args:
        factor: A number f within 0 and 1 for factors from 1 - f to 1 + f, or (lower, upper)
            for factors from 1 - lower to 1 + upper.
        value_range: (lowest, highest) value of the images, to which results are clipped.
            None: the dtype's full range for integers, (0, 255) for floats.
    """

    factor: float | tuple[float, float] = 0.2
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", _checked_contrast(self.factor))
        object.__setattr__(self, "value_range", _checked_range(self.value_range))

    def tint(self, drawn: NDArray[np.float64], span: float) -> Tint:  # noqa: ARG002 - any span
        """Return the change that was drawn."""
        lower, upper = self.factor if isinstance(self.factor, tuple) else (self.factor,) * 2
        gain = between(drawn[:, 0], (1.0 - lower, 1.0 + upper))
        return Tint(gain, np.zeros(len(gain)), 1.0 - gain)


def _range_of(images: NDArray[Any], value_range: tuple[float, float] | None) -> tuple[float, float]:
    if value_range is not None:
        return value_range
    if images.dtype.kind in "iu":
        limits = np.iinfo(images.dtype)
        return float(limits.min), float(limits.max)
    return (0.0, 1.0) if images.dtype.kind == "b" else (0.0, 255.0)


def _checked_range(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = check_pair("value_range", value, low=-_LARGEST, high=_LARGEST)
    if not isinstance(value, (tuple, list)) or low == high:
        raise ConfigError(
            f"value_range={quote(value)} cannot work: give (lowest, highest), such as (0, 1)."
        )
    return low, high


def _checked_contrast(value: object) -> float | tuple[float, float]:
    """Check the bounds one by one: (0.9, 0.1) is a range here, from 0.1 to 1.1."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        lower, upper = value
        check_pair("factor", value, low=0.0, high=1.0, ordered=False)
        return float(lower), float(upper)
    return check_pair("factor", value, low=0.0, high=1.0, symmetric=False)[0]
