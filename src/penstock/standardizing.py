"""Samples centred and scaled: by numbers fitted to all of them, or each by its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from penstock.checks import check_choice, check_flag
from penstock.errors import ConfigError, quote
from penstock.fitting import Fitted, Samples, broadcast_to_samples, channels_last
from penstock.hookspecs import hookimpl
from penstock.profiling import Moments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from penstock.arrayspec import ArraySpec

__all__ = ["Standardize", "StandardizeEach"]


@dataclass(frozen=True, eq=False)
class Standardize(Fitted):
    """Subtract a mean and divide by a deviation, the same for all samples.

    As ``featurewise_center`` and ``featurewise_std_normalization`` of Keras'
    ``ImageDataGenerator``: ``(x - mean) / (std + epsilon)``. What does not vary
    at all is centred and not divided. It needs samples that are delivered in a
    float dtype.

    Args:
        mean: One number, one per channel, or one per element of a sample; None to leave
            samples uncentred. Kept as float64.
        std: Likewise what to divide by; None to divide by nothing.
        epsilon: Added to *std*.

    Raises:
        ConfigError: A number is not finite, or a deviation below 0.
    """

    mean: ArrayLike | None = None
    std: ArrayLike | None = None
    epsilon: float = 1e-6

    _arrays: ClassVar[tuple[str, ...]] = ("mean", "std")

    def __post_init__(self) -> None:
        mean, std = _numbers("mean", self.mean), _numbers("std", self.std)
        if std is not None and (std < 0).any():
            raise ConfigError(f"std={quote(self.std)} has a deviation below 0.")
        if isinstance(self.epsilon, bool) or not np.isfinite(self.epsilon) or self.epsilon < 0:
            raise ConfigError(
                f"epsilon={quote(self.epsilon)} was given; it must be a number of at least 0."
            )
        factor = None
        if std is not None:
            still = np.zeros_like(std) if mean is None or mean.shape != std.shape else abs(mean)
            # What varies by no more than rounding does not vary.
            varies = std > 10 * np.finfo(np.float64).eps * still
            factor = np.reciprocal(np.where(varies, std + self.epsilon, 1.0)).astype(np.float32)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)
        object.__setattr__(self, "_factor", factor)
        object.__setattr__(self, "_offset", None if mean is None else mean.astype(np.float32))

    @classmethod
    def fit(
        cls,
        sequence: Any,
        *,
        input_name: str | None = None,
        per: str = "channel",
        center: bool = True,
        scale: bool = True,
        augment: bool = False,
        rounds: int = 1,
        progress: bool = True,
    ) -> Self:
        """Find mean and deviation by streaming over the samples of a sequence.

        In float64, and in one pass: memory is that of a few batches. Samples
        count once each, as delivered and prepared so far, whatever ``sampling=``
        and weights say; NaN is left out, and so are samples that cannot be loaded.

        Args:
            sequence: What to fit to: the training part, or what is known of validation data
                leaks into training.
            input_name: Which input, where there are several.
            per: ``"channel"`` for numbers per channel, over all samples, rows and columns, as
                Keras has them; ``"element"`` for numbers per element of a sample.
            center: Whether to subtract the mean.
            scale: Whether to divide by the deviation.
            augment: Whether to augment the samples first.
            rounds: How many epochs of augmented samples to look at.
            progress: Whether to show a progress bar, if tqdm is installed.

        Raises:
            ConfigError: An argument cannot work, or an element has no finite number.
        """
        check_choice("per", per, ("channel", "element"))
        if not check_flag("center", center) and not check_flag("scale", scale):
            raise ConfigError("center=False and scale=False leave nothing to do. Give one as True.")
        samples = Samples(sequence, input_name, augment=augment, rounds=rounds, progress=progress)
        shape = samples.spec.deliver_shape
        moments: Moments | None = None
        for array in samples:
            by_channel = channels_last(array, samples.spec)
            values = by_channel if per == "channel" else array.reshape(len(array), -1)
            moments = moments or Moments(values.shape[1])
            moments.add(values)
        if moments is None or not moments.count.all() or not np.isfinite(moments.squares).all():
            raise ConfigError(
                f"The input {samples.name!r} has channels or elements without a finite mean: no"
                " samples that can be loaded, nothing but NaN, or infinity among its numbers."
                " statistics() shows where."
            )
        mean, std = moments.mean, np.sqrt(moments.squares / moments.count)
        if per == "element":
            mean, std = mean.reshape(shape), std.reshape(shape)
        return cls(mean if center else None, std if scale else None)

    @hookimpl
    def prepare_samples(self, array: NDArray[Any], spec: ArraySpec) -> None:
        """Subtract and divide, in float32."""
        title = type(self).__name__
        refuse_whole_numbers(array, title)
        offset, factor = self._offset, self._factor  # type: ignore[attr-defined]
        if offset is not None:
            array -= broadcast_to_samples(offset, spec, title, "mean")
        if factor is not None:
            array *= broadcast_to_samples(factor, spec, title, "std")


@dataclass(frozen=True, kw_only=True)
class StandardizeEach:
    """Subtract from each sample its own mean, and divide it by its own deviation.

    As ``samplewise_center`` and ``samplewise_std_normalization`` of Keras'
    ``ImageDataGenerator``: over all elements of the sample, in float64. It
    needs samples that are delivered in a float dtype.

    Args:
        center: Whether to subtract the mean.
        scale: Whether to divide by the deviation.
        epsilon: Added to the deviation.
    """

    center: bool = True
    scale: bool = True
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        check_flag("center", self.center)
        check_flag("scale", self.scale)

    @hookimpl
    def prepare_samples(self, array: NDArray[Any]) -> None:
        """Take the samples one by one: what a sample is must not depend on those beside it."""
        refuse_whole_numbers(array, type(self).__name__)
        for place in range(len(array)):
            sample = array[place : place + 1]
            if self.center:
                sample -= sample.mean(dtype=np.float64).astype(array.dtype)
            if self.scale:
                sample /= (sample.std(dtype=np.float64) + self.epsilon).astype(array.dtype)


def refuse_whole_numbers(array: NDArray[Any], title: str) -> None:
    """Refuse samples that have no room for scaled numbers.

    Raises:
        ConfigError: They are of no float dtype.
    """
    if array.dtype.kind != "f":
        raise ConfigError(
            f"{title} needs samples of a float dtype; these are delivered as {array.dtype}."
            " Have them delivered as float32."
        )


def _numbers(name: str, given: Any) -> NDArray[np.float64] | None:
    if given is None:
        return None
    try:
        numbers = np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}={quote(given)} was given; it must be numbers.") from error
    if not np.isfinite(numbers).all():
        raise ConfigError(f"{name}={quote(given)} has numbers that are not finite.")
    numbers.flags.writeable = False
    return numbers
