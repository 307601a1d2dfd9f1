"""Augmenters that change colours: brightness, channel shift, contrast.

Options mean what they mean in the Keras layers and functions named. Targets are left alone.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.errors import ConfigError, quote
from penstock_images.fusing import Fusible, images_of
from penstock_images.options import between, check_pair, refuse_both
from penstock_images.tinting import Tint, tint, tint_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["Brightness", "ChangesColours", "ChannelShift", "Contrast", "checked_range"]

_LARGEST = float(np.finfo(np.float32).max)


class ChangesColours(Fusible):
    """An augmenter that changes the colours of inputs."""

    value_range: tuple[float, float] | None

    numbers: ClassVar[int] = 1

    @abstractmethod
    def parameters(self, drawn: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the parameters that were drawn, of shape ``(n,)``, by ``tinting``'s names.

        Args:
            drawn: Numbers from 0 to 1, of shape ``(n, numbers)``.
        """

    def tint(self, drawn: NDArray[np.float64], low: float, high: float) -> Tint:
        """Return the change that was drawn, as ``tinting`` has it.

        Args:
            drawn: As above.
            low: Lowest of the values.
            high: Highest of them.
        """
        return tint_of(self.parameters(drawn), low, high)

    def describe(
        self,
        drawn: NDArray[np.float64],
        batch: Batch,  # noqa: ARG002 - the same for all arrays
    ) -> dict[str, Any]:
        """Name the parameters, and the range of values."""
        return {**self.parameters(drawn), "value_range": self.value_range}

    def fits(self, run: tuple[Fusible, ...]) -> bool:
        """Those can be one that are clipped to the same range."""
        return isinstance(run[0], ChangesColours) and run[0].value_range == self.value_range

    @staticmethod
    def augment(
        run: tuple[ChangesColours, ...], drawn: list[NDArray[np.float64]], batch: Batch
    ) -> None:
        """Change the colours of inputs, in place."""
        for images in images_of(batch.inputs, batch.input_specs):
            low, high = _range_of(images, run[0].value_range)
            changes = [part.tint(each, low, high) for part, each in zip(run, drawn, strict=True)]
            tint(images, reduce(Tint.followed_by, changes), low, high)


@dataclass(frozen=True, kw_only=True)
class Brightness(ChangesColours):
    """Make images brighter or darker, as ``keras.layers.RandomBrightness`` does.

    Args:
        factor: Largest change either way as a fraction of the value range, or the bounds
            (lower, upper), within -1 (black) and 1 (white).
        gain: In place of *factor*: the bounds (lower, upper) of what the distance from black is
            multiplied by, as ``ImageDataGenerator(brightness_range=…)`` does; 1 changes nothing.
        value_range: (lowest, highest) value of the images, to which results are clipped.
            None: the dtype's full range for integers, (0, 255) for floats.
    """

    factor: float | tuple[float, float] = 0.2
    gain: tuple[float, float] | None = None
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_pair("factor", self.factor, low=-1.0, high=1.0)
        if isinstance(self.factor, list):
            object.__setattr__(self, "factor", tuple(self.factor))
        if self.gain is not None:
            if not isinstance(self.gain, (tuple, list)):
                raise ConfigError(
                    f"gain={quote(self.gain)} cannot work: give (lower, upper), such as (0.5, 1.5)."
                )
            gain = check_pair("gain", self.gain, low=0.0, high=_LARGEST)
            object.__setattr__(self, "gain", gain)
            refuse_both(self, "gain", "factor")
        object.__setattr__(self, "value_range", checked_range(self.value_range))

    def parameters(self, drawn: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the parameters that were drawn."""
        if self.gain is not None:
            return {"brightness": between(drawn[:, 0], self.gain)}
        factor = self.factor if isinstance(self.factor, tuple) else abs(self.factor)
        return {"brightness_factor": between(drawn[:, 0], factor)}


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
        object.__setattr__(self, "value_range", checked_range(self.value_range))

    def parameters(self, drawn: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the parameters that were drawn."""
        lower, upper = self.factor if isinstance(self.factor, tuple) else (self.factor,) * 2
        return {"contrast": between(drawn[:, 0], (1.0 - lower, 1.0 + upper))}


@dataclass(frozen=True, kw_only=True)
class ChannelShift(Fusible):
    """Add a number to all channels, as ``ImageDataGenerator(channel_shift_range=…)`` does.

    Results are clipped to the lowest and highest value that the image has had: an image without
    white gets none.

    Args:
        intensity: Largest change either way, in values of the images as they are loaded (0 to
            255 for 8 bits), or the bounds (lower, upper).
    """

    intensity: float | tuple[float, float] = 20.0

    numbers: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_pair("intensity", self.intensity, low=-_LARGEST, high=_LARGEST)
        if isinstance(self.intensity, list):
            object.__setattr__(self, "intensity", tuple(self.intensity))

    def added(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the numbers that were drawn, of shape ``(n,)``."""
        return between(drawn[:, 0], self.intensity)

    def fits(self, run: tuple[Fusible, ...]) -> bool:  # noqa: ARG002 - it is none of a run
        """Know the range of an image only when all before has been done."""
        return False

    def describe(
        self,
        drawn: NDArray[np.float64],
        batch: Batch,  # noqa: ARG002 - the same for all arrays
    ) -> dict[str, Any]:
        """Name the parameter."""
        return {"channel_shift_intensity": self.added(drawn)}

    @staticmethod
    def augment(
        run: tuple[ChannelShift, ...], drawn: list[NDArray[np.float64]], batch: Batch
    ) -> None:
        """Change the colours of inputs, in place."""
        nothing = np.zeros(1)
        for images in images_of(batch.inputs, batch.input_specs):
            for image, added in zip(images, run[0].added(drawn[0]), strict=True):
                change = Tint(nothing + 1.0, nothing + added, nothing)
                tint(image[None], change, float(image.min()), float(image.max()))


def _range_of(images: NDArray[Any], value_range: tuple[float, float] | None) -> tuple[float, float]:
    if value_range is not None:
        return value_range
    if images.dtype.kind in "iu":
        limits = np.iinfo(images.dtype)
        return float(limits.min), float(limits.max)
    return (0.0, 1.0) if images.dtype.kind == "b" else (0.0, 255.0)


def checked_range(value: object) -> tuple[float, float] | None:
    """Return *value* as (lowest, highest), or None where it is None."""
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
