"""Arrays as the source of windows: which windows there are, and what is in each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import Arrays, as_array
from penstock.arraysource import is_arrays
from penstock.components import instance, make, refuse_options
from penstock.errors import ConfigError, quote
from penstock.sources import Source
from penstock.targets import encoded_field
from penstock.windows import WindowRows, Windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from penstock.fields import EncodedField, LoadedField

__all__ = ["asks_for_windows", "open_windows"]

_NAMES = ("windows", "penstock:windows")


def asks_for_windows(loader: Any) -> bool:
    """Say whether *loader*, a name or an instance, is that of windows."""
    return isinstance(loader, Windows) or (isinstance(loader, str) and loader in _NAMES)


def open_windows(
    given: Any,
    loader: Any,
    encoder: Any,
    options: dict[str, Any],
    shared: dict[str, Any],
    also: Iterable[str],
) -> tuple[Source, list[LoadedField], list[LoadedField | EncodedField]]:
    """Make the samples table and the fields of windows over arrays.

    Args:
        given: ``data`` or ``(data, targets)``: arrays, lists of arrays for several series, or
            dicts of these for several inputs and targets.
        loader: The loader's name or instance.
        encoder: What to encode the targets with, if anything.
        options: The loader's options, beside its name.
        shared: The generator's options.
        also: Names of the generator's options, to suggest for a misspelt one.

    Returns:
        The source, the input fields and the target fields. The table has a row per window:
        its first row and the one behind its last, targets included, in its series
        (``start``, ``stop``), the number of its series, and ``sample``, its first row counted
        through all series.

    Raises:
        ConfigError: The source is no arrays, they do not go together, or hold no window.
    """
    windows = _windows(loader, options, shared, also)
    if not is_arrays(given):
        raise ConfigError(
            f"Windows are cut from arrays, and {quote(given)} is none. Give"
            " make_generator((data, targets), …); a file of an array is one with"
            " np.load(path, mmap_mode='r')."
        )
    parts = given if isinstance(given, tuple) else (given,)
    if not 1 <= len(parts) <= 2 or parts[0] is None:
        raise ConfigError(
            f"Windows are cut from (data, targets), or data alone; {len(parts)} things were given."
            " Give sample_weight= one weight per window, by name."
        )
    data, targets = (_named(part, name) for part, name in zip((*parts, None), "xy", strict=False))
    if not targets and (windows.target_offset or windows.target_length):
        raise ConfigError(
            "target_offset= and target_length= say what a window's target is, and there are no"
            " targets. Give (data, targets); to foretell the data themselves, (data, data)."
        )
    table, borders = _table(windows, data, targets)
    source = Source(table)
    span = max(windows.reach, windows.target_reach if targets else 0)
    cut = partial(WindowRows, borders=borders, span=span, sampling_rate=windows.sampling_rate)
    inputs = [
        source.field(
            name,
            cut(series, steps=windows.sequence_length, reverse=windows.reverse),
        )
        for name, series in data.items()
    ]
    if encoder in ("none", "input"):
        return source, inputs, []
    rows = {
        name: cut(series, steps=windows.target_length, offset=windows.target_offset)
        for name, series in targets.items()
    }
    if encoder is not None:
        return source, inputs, [_encoded(encoder, rows, table, shared)]
    return source, inputs, [source.field(name, each) for name, each in rows.items()]


def _windows(
    loader: Any, options: dict[str, Any], shared: dict[str, Any], also: Iterable[str]
) -> Windows:
    if isinstance(loader, Windows):
        refuse_options(options, "the instance Windows")
        return instance("loader", loader, shared)  # type: ignore[no-any-return]
    return make(Windows, "loader 'windows'", options, shared, also)  # type: ignore[no-any-return]


def _named(part: Any, name: str) -> dict[str, tuple[Arrays, ...]]:
    if part is None:
        return {}
    named = dict(part) if isinstance(part, Mapping) else {name: part}
    return {each: _series(each, given) for each, given in named.items()}


def _series(name: str, given: Any) -> tuple[Arrays, ...]:
    """Return the series in an array, or in a list of arrays.

    Raises:
        ConfigError: They differ in shape beyond the first axis, or in dtype.
    """
    several = isinstance(given, (list, tuple)) and any(hasattr(each, "__array__") for each in given)
    arrays = [Arrays(as_array(each)) for each in (given if several else [given])]
    kinds = [f"{each.array.dtype.name}{each.array.shape[1:]}" for each in arrays]
    for number, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ConfigError(
                f"The series of {quote(name)} differ: a row of the first is {kinds[0]}, one of"
                f" series {number} is {kind}. Give all rows one shape and dtype."
            )
    return tuple(arrays)


def _table(
    windows: Windows, data: dict[str, tuple[Arrays, ...]], targets: dict[str, tuple[Arrays, ...]]
) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Count the windows of each series.

    Raises:
        ConfigError: Inputs or targets have another number of series, inputs differ in length, or
            there is no window.
    """
    counts = {name: len(series) for name, series in {**targets, **data}.items()}
    if len(set(counts.values())) != 1:
        raise ConfigError(f"The arrays have different numbers of series: {counts}.")
    starts: list[NDArray[np.int64]] = []
    borders = [0]
    for number in range(counts[next(iter(data))]):
        lengths = {name: len(series[number].array) for name, series in data.items()}
        if len(set(lengths.values())) != 1:
            raise ConfigError(
                f"The inputs of windows differ in length: {lengths}. Give each a row per step."
            )
        length = min(lengths.values())
        known = min([len(series[number].array) for series in targets.values()], default=length)
        end = length if windows.end_index is None else windows.end_index
        if end > length:
            raise ConfigError(
                f"end_index={end} was given, and series {number} has {length} rows."
                " Give at most that, or leave it out."
            )
        first = windows.start_index or 0
        stop = end - windows.reach
        if targets:
            # As Keras has it, targets need not be as many as data; what there is none for is no
            # window. None reaches beyond end_index, or it would be known from other data.
            last = known if windows.end_index is None else min(known, end)
            stop = min(stop, last - windows.target_reach)
        starts.append(np.arange(first, stop + 1, windows.sequence_stride, dtype=np.int64))
        borders.append(borders[-1] + max(length, known))
    per_series = [len(each) for each in starts]
    if not sum(per_series):
        longest = max(len(each.array) for series in data.values() for each in series)
        raise ConfigError(
            f"There is no window: one takes {windows.reach} rows"
            f"{f', and {windows.target_reach} to the end of its target' if targets else ''}; the"
            f" longest series has {longest}, less what start_index= and end_index= leave out."
            " Give a smaller sequence_length=."
        )
    own = np.concatenate(starts)
    series_of = np.repeat(np.arange(len(starts)), per_series)
    span = max(windows.reach, windows.target_reach if targets else 0)
    table = pd.DataFrame({"sample": own + np.array(borders)[series_of]})
    if len(starts) > 1:
        table["series"] = series_of
    table["start"], table["stop"] = own, own + span
    return table, tuple(borders[:-1])


def _encoded(
    encoder: Any, rows: dict[str, WindowRows], table: pd.DataFrame, shared: dict[str, Any]
) -> EncodedField:
    """Encode the rows of targets as labels.

    Raises:
        ConfigError: There is not one label per window.
    """
    target = next(iter(rows.values()), None)
    spec = None if target is None else target.describe_sample()
    if target is None or spec is None or len(rows) != 1 or spec.shape not in ((), (1,)):
        raise ConfigError(
            "encoder= needs one label per window: targets of shape (rows,), without target_length=."
            " Leave it out to have targets as they are."
        )
    labels = np.empty((len(table), *spec.shape), spec.dtype)
    target.load_samples(table["sample"].to_numpy(), labels)
    table["label"] = labels.reshape(-1)
    component = instance("encoder", encoder, shared)
    return encoded_field("y", component, table, "label", None)
