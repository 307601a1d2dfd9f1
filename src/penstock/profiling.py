"""What is in the samples: counts, means, deviations and bounds, by streaming over them once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock.fields import EncodedField
from penstock.forms import flattened
from penstock.padding import real
from penstock.progress import progress_bar
from penstock.sizes import sizes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.fields import LoadedField

__all__ = ["FieldStatistics", "Statistics", "profile"]


@dataclass(frozen=True, eq=False)
class FieldStatistics:
    """What is in one input or loaded target, per channel.

    Channels are the last axis, or the first with ``data_format="channels_first"``;
    columns of a table are channels, and a sample that is a number has one. NaN
    is counted, and left out of the rest. Arrays have the shape ``(channels,)``.

    Attributes:
        shape: Shape of one sample, as delivered; None where it varies, and padding is not counted.
        dtype: Its dtype, as delivered.
        count: How many values were counted, int64.
        missing: How many were NaN, int64.
        mean: Their mean, float64.
        std: Their standard deviation (of all values, not of a sample of them), float64.
        min: The smallest, float64.
        max: The largest, float64.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    count: NDArray[np.int64]
    missing: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """What is in the samples of a sequence: ``statistics["x"].mean``.

    Attributes:
        samples: How many samples there are.
        failed: How many of them could not be loaded, and are counted nowhere else.
        class_counts: How many samples have each class, by target name.
        fields: Inputs and loaded targets of numbers, by name.
    """

    samples: int
    failed: int
    class_counts: dict[str, dict[Any, int]]
    fields: dict[str, FieldStatistics]

    def __getitem__(self, name: str) -> FieldStatistics:
        """Return what is in the input or loaded target *name*."""
        if name not in self.fields:
            raise ConfigError(
                f"There are no statistics of {quote(name)}; there are those of"
                f" {quote(list(self.fields))}."
            )
        return self.fields[name]


class Moments:
    """Count, mean, deviation and bounds per channel, of batches one after another.

    Batches are merged as Chan, Golub and LeVeque do ("Updating formulae and a
    pairwise algorithm for computing sample variances", 1979), in float64: what
    is far from zero loses no digits.

    Args:
        channels: How many there are.
    """

    def __init__(self, channels: int) -> None:
        self.count = np.zeros(channels, np.int64)
        self.missing = np.zeros(channels, np.int64)
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.min = np.full(channels, np.inf)
        self.max = np.full(channels, -np.inf)

    def add(self, array: NDArray[Any]) -> None:
        """Add values of shape ``(n, channels)``."""
        values = array.astype(np.float64)
        here = ~np.isnan(values)
        count = here.sum(axis=0)
        self.missing += len(values) - count
        self.min = np.minimum(self.min, values.min(axis=0, initial=np.inf, where=here))
        self.max = np.maximum(self.max, values.max(axis=0, initial=-np.inf, where=here))
        with np.errstate(invalid="ignore"):  # infinity has no deviation
            mean = values.sum(axis=0, where=here) / np.maximum(count, 1)
            values -= mean
            squares = np.square(values, out=values).sum(axis=0, where=here)
            total = np.maximum(self.count + count, 1)
            apart = np.where(count > 0, mean - self.mean, 0.0)
            self.mean += apart * (count / total)
            self.squares += squares + np.square(apart) * (self.count * (count / total))
        self.count += count

    def of(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FieldStatistics:
        """Return what was found; NaN for a channel without values."""
        none = self.count == 0
        mean, low, high = (np.where(none, np.nan, x) for x in (self.mean, self.min, self.max))
        with np.errstate(invalid="ignore"):
            std = np.where(none, np.nan, np.sqrt(self.squares / np.maximum(self.count, 1)))
        return FieldStatistics(shape, dtype, self.count, self.missing, mean, std, low, high)


def profile(data: Any, targets: Iterable[Any], batches: Batches, *, progress: bool) -> Statistics:
    """Read *data*, each sample once, and say what is in it; see ``Outlets.statistics``.

    Args:
        data: A sequence of each sample once.
        targets: The target fields that it would have.
        batches: Its batches.
        progress: Whether to show a progress bar.
    """
    numeric = [each for each in batches.loaded if not each.spec.deliver_dtype.hasobject]
    found = {each.name: Moments(_channels(each)) for each in numeric}
    with progress_bar("statistics", len(batches.rows), "sample", progress=progress) as bar:
        done = 0
        for batch in data:
            x, y, weight = (*batch, None, None)[:3]
            arrays = dict(zip([each.name for each in batches.loaded], _arrays(x, y), strict=True))
            good = None if weight is None else weight > 0  # a weight of 0 masks what failed
            count = len(next(iter(arrays.values())))
            rows, done = batches.rows[done : done + count], done + count
            for each in numeric:
                array = arrays[each.name]
                array = array if good is None else array[good]
                if each.sizes is None:
                    values = _by_channel(each, array)
                else:
                    values = _unpadded(each, array, rows if good is None else rows[good])
                found[each.name].add(values)
            bar.update(count)
    fields = {
        each.name: found[each.name].of(each.spec.deliver_shape, each.spec.deliver_dtype)
        for each in numeric
    }
    counts = {
        each.name: _class_counts(each, batches.rows)
        for each in targets
        if isinstance(each, EncodedField) and each.classes is not None
    }
    return Statistics(len(batches.rows), len(data.errors), counts, fields)


def _arrays(*parts: Any) -> Iterable[Any]:
    for part in parts:
        if isinstance(part, dict):
            yield from flattened(part).values()
        elif part is not None:
            yield part


def _first(each: LoadedField) -> bool:
    return each.spec.data_format == "channels_first" and len(each.spec.shape) > 1


def _channels(each: LoadedField) -> int:
    shape = each.spec.deliver_shape
    return ((shape[0] if _first(each) else shape[-1]) if shape else 1) or 1


def _by_channel(each: LoadedField, array: NDArray[Any]) -> NDArray[Any]:
    if _first(each):
        array = np.moveaxis(array, 1, -1)
    return array.reshape(-1, _channels(each))


def _unpadded(each: LoadedField, array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return what is no padding, by channel."""
    mask = real(each.spec, sizes_of(each, rows), array.shape[1:])
    shape = iter(mask.shape[1:])
    ones = [1 if size is not None else next(shape) for size in each.spec.deliver_shape]
    whole = np.broadcast_to(mask.reshape(-1, *ones), array.shape)
    if _first(each):
        array, whole = np.moveaxis(array, 1, -1), np.moveaxis(whole, 1, -1)
    return array[whole].reshape(-1, _channels(each))


def _class_counts(each: EncodedField, rows: NDArray[np.int64]) -> dict[Any, int]:
    own = each.labels[rows]
    numbers = own if each.single_class else np.concatenate([np.zeros(0, np.int64), *own])
    classes = list(each.classes or ())
    counts = np.bincount(numbers.astype(np.int64), minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))
