"""The loader of windows of successive rows, as models of time series learn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from penstock.arrays import Arrays

__all__ = ["WindowRows", "Windows"]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Sliding windows over arrays, as keras.utils.timeseries_dataset_from_array cuts them.

    The source is the arrays: ``make_generator((data, targets), loader="windows",
    sequence_length=10)``. They may be memory-maps: only the rows of the next
    batches are read, and no window is kept. Several series are a list of
    arrays; no window crosses from one into the next.

    Args:
        sequence_length: Steps in a window.
        sequence_stride: Rows between the beginnings of successive windows.
        sampling_rate: Rows between successive steps within a window.
        start_index: Rows of each series before this one are not used; 0 by default.
        end_index: Rows from this one on are not used, as inputs or targets; all by default.
        target_offset: Rows from a window's first to its target. 0 is Keras' own meaning:
            ``targets[i]`` is that of the window that begins at row i. To foretell the row
            after the window: ``sequence_length * sampling_rate``.
        target_length: Steps in the target, *sampling_rate* apart, where it is a window, too;
            by default it is a single row.
        reverse: Whether the steps of a window come latest first; those of targets do not.

    Raises:
        ConfigError: A number is out of range.
    """

    sequence_length: int
    sequence_stride: int = 1
    sampling_rate: int = 1
    start_index: int | None = None
    end_index: int | None = None
    target_offset: int = 0
    target_length: int | None = None
    reverse: bool = False

    def __post_init__(self) -> None:
        least = {"start_index": 0, "target_offset": 0}
        for name in (
            "sequence_length",
            "sequence_stride",
            "sampling_rate",
            "start_index",
            "end_index",
            "target_offset",
            "target_length",
        ):
            value, bound = getattr(self, name), least.get(name, 1)
            if isinstance(value, (int, np.integer)) and int(value) < bound:
                raise ConfigError(
                    f"{name}={quote(value)} was given; it must be a whole number of at least"
                    f" {bound}."
                )
        if self.end_index is not None and self.end_index <= (self.start_index or 0):
            raise ConfigError(
                f"end_index={quote(self.end_index)} leaves no rows behind"
                f" start_index={quote(self.start_index or 0)}. Give a larger one."
            )

    @hookimpl
    def pick_samples(self) -> Never:
        """Refuse to be one of several loaders of a table."""
        raise ConfigError(
            "Windows are cut from the arrays that are the source. Give"
            ' make_generator((data, targets), loader="windows", sequence_length=…), where data and'
            " targets may be dicts for several inputs and targets."
        )

    @property
    def reach(self) -> int:
        """Rows from a window's first to the one behind its last."""
        return (self.sequence_length - 1) * self.sampling_rate + 1

    @property
    def target_reach(self) -> int:
        """Rows from a window's first to the one behind the last of its target."""
        return self.target_offset + ((self.target_length or 1) - 1) * self.sampling_rate + 1


@dataclass(frozen=True, eq=False)
class WindowRows:
    """What one input or target has of each window: steps of a series, or a single row.

    A window is known by its first row, counted through all series.

    Args:
        series: The arrays, steps along their first axis.
        borders: Where in that count each series begins, ascending from 0.
        span: Rows of a series that a window and its target take up.
        steps: Steps in a sample; None for a single row without an axis of steps.
        sampling_rate: Rows between successive steps.
        offset: Rows from a window's first to the first step.
        reverse: Whether the last step comes first.
    """

    series: tuple[Arrays, ...]
    borders: tuple[int, ...]
    span: int
    steps: int | None
    sampling_rate: int = 1
    offset: int = 0
    reverse: bool = False

    @hookimpl
    def pick_samples(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """Pick first rows."""
        return table["sample"].to_numpy(np.int64)

    @hookimpl
    def describe_sample(self) -> ArraySpec:
        """Describe the steps of a window."""
        row = self.series[0].describe_sample()
        shape = row.shape if self.steps is None else (self.steps, *row.shape)
        return ArraySpec(shape, row.dtype, deliver_dtype=row.deliver_dtype)

    @hookimpl
    def load_samples(self, samples: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Gather the rows of each window at once."""
        if len(self.series) == 1:
            self._gather(self.series[0].array, samples, out)
            return
        series = np.searchsorted(self.borders, samples, side="right") - 1
        for number in np.unique(series).tolist():
            places = np.flatnonzero(series == number)
            rows = np.empty((len(places), *out.shape[1:]), out.dtype)
            self._gather(self.series[number].array, samples[places] - self.borders[number], rows)
            out[places] = rows

    def _gather(self, array: NDArray[Any], starts: NDArray[np.int64], out: NDArray[Any]) -> None:
        rows = starts + self.offset
        if self.steps is not None:
            steps = np.arange(self.steps) * self.sampling_rate
            rows = (rows[:, None] + (steps[::-1] if self.reverse else steps)).reshape(-1)
        flat = out.reshape(-1, *array.shape[1:])
        if array.dtype == out.dtype and array.flags.c_contiguous:
            # "raise" would gather into a buffer first; the rows were counted, and are in range.
            array.take(rows, axis=0, out=flat, mode="clip")
        else:
            flat[...] = array[rows]
