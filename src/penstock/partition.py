"""From what was typed in ``split`` and ``folds`` to the positions of each part."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.checks import check_flag, check_whole, refuse_beside
from penstock.errors import ConfigError, enumerate_some, quote, suggest
from penstock.grouping import group_positions, time_positions
from penstock.splitting import check_fractions, split_positions, with_rest
from penstock.textcolumn import as_seen
from penstock.views import classes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["column_values", "fold_positions", "part_positions"]


def part_positions(
    batches: Batches,
    table: pd.DataFrame,
    parts: Sequence[Any],
    *,
    groups: Any = None,
    time: Any = None,
    by: Any = None,
    seed: int | None = None,
    stratify: bool | None = None,
) -> list[NDArray[np.int64]]:
    """Return the positions of each part, ascending; see ``Divisions.split``.

    Raises:
        ConfigError: The parts do not divide these samples.
    """
    if by is not None:
        others = {"groups": groups, "time": time, "seed": seed, "stratify": stratify}
        refuse_beside("by=, which says where each sample belongs. Leave it out.", **others)
        return _by_column(column_values("by", by, batches, table), parts)
    if time is not None:
        refuse_beside(
            "time=, which cuts between times. Leave it out.",
            groups=groups,
            seed=seed,
            stratify=stratify,
        )
    fractions = with_rest(parts)
    check_fractions(fractions)
    if time is not None:
        begins, ends = _spans(time, batches, table)
        found = time_positions(begins, fractions)
        return [
            _before(positions, begins, ends, later)
            for positions, later in zip(found, [*found[1:], None], strict=True)
        ]
    return _positions(batches, table, fractions, groups, seed, stratify)


def fold_positions(
    batches: Batches,
    table: pd.DataFrame,
    k: int,
    *,
    groups: Any = None,
    time: Any = None,
    seed: int | None = None,
    stratify: bool | None = None,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the positions of training and validation of each fold; see ``Divisions.folds``.

    Raises:
        ConfigError: The samples cannot be divided so.
    """
    count = len(batches.rows)
    blocks = k if time is None else k + 1
    if count < blocks:
        raise ConfigError(f"folds({k}) needs at least {blocks} samples; there are {count}.")
    given = {"groups": groups, "seed": seed, "stratify": stratify}
    if time is not None:
        begins, ends = _spans(time, batches, table)
        parts = part_positions(batches, table, [1 / blocks] * blocks, time=begins, **given)
        earlier = [np.sort(np.concatenate(parts[:i])) for i in range(1, blocks)]
        return [
            (_before(positions, begins, ends, later), later)
            for positions, later in zip(earlier, parts[1:], strict=True)
        ]
    parts = part_positions(batches, table, [1 / blocks] * blocks, **given)
    return [
        (np.sort(np.concatenate([*parts[:i], *parts[i + 1 :]])), parts[i]) for i in range(blocks)
    ]


def _positions(
    batches: Batches,
    table: pd.DataFrame,
    fractions: Sequence[float],
    groups: Any,
    seed: int | None,
    stratify: bool | None,
) -> list[NDArray[np.int64]]:
    seed = batches.order.seed if seed is None else check_whole("seed", seed, 0, 2**64 - 1)
    if stratify is not None:
        check_flag("stratify", stratify)
    classes = None if stratify is False else classes_of(batches)
    if stratify and classes is None:
        raise ConfigError(
            "split(stratify=True) needs labels that are classes, one per sample; there are none."
        )
    if groups is None:
        return split_positions(len(batches.rows), fractions, seed, classes)
    codes, _ = pd.factorize(column_values("groups", groups, batches, table))
    return group_positions(codes, fractions, seed, classes)


def column_values(option: str, given: Any, batches: Batches, table: pd.DataFrame) -> pd.Series[Any]:
    """Return a value per sample of a view, from a column's name or an array.

    Raises:
        ConfigError: There is no such column, it has another length, or values are missing.
    """
    if isinstance(given, str):
        if given not in table.columns:
            raise ConfigError(
                f"{option}={quote(given)} names no column of the samples table."
                f"{suggest(given, map(str, table.columns))}"
                f" There are {quote([str(known) for known in table.columns])}."
            )
        chosen = table[[given]].iloc[batches.rows].reset_index(drop=True)
        values = as_seen(chosen)[given]
    else:
        if np.ndim(given) != 1 or len(given) != len(batches.rows):
            raise ConfigError(
                f"{option}= was given {type(given).__name__} of shape {np.shape(given)} for"
                f" {len(batches.rows)} samples. Give the name of a column, or one value per sample."
            )
        values = pd.Series(np.asarray(given))
    missing = values.isna().to_numpy(bool) | (values.astype(object) == "").to_numpy(bool)
    if missing.any():
        raise ConfigError(
            f"{option}= has no value for {np.count_nonzero(missing)} of {len(values)} samples; the"
            f" first is at position {int(np.argmax(missing))}. Fill it in, or leave them out:"
            " subset()."
        )
    try:
        pd.factorize(values)
    except TypeError as error:
        raise ConfigError(
            f"{option}= needs values that can be compared, such as numbers and texts; there is"
            f" {quote(values.iloc[0])}."
        ) from error
    return values


def _by_column(values: pd.Series[Any], names: Sequence[Any]) -> list[NDArray[np.int64]]:
    found = list(values.drop_duplicates())
    if not names or any(map(np.ndim, names)) or len(set(names)) < len(names):
        raise ConfigError(
            f"split(by=…) needs the name of each part, once: split('train', 'val', by='part')."
            f" The column has {enumerate_some(found)}."
        )
    parts = []
    for name in names:
        positions = np.flatnonzero((values == name).to_numpy(bool))
        if not len(positions):
            raise ConfigError(
                f"split(by=…) was asked for the part {quote(name)}, and no sample is of it."
                f"{suggest(name, map(str, found))} The column has {enumerate_some(found)}."
            )
        parts.append(positions)
    return parts


def _spans(
    time: Any, batches: Batches, table: pd.DataFrame
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return when each sample begins, and when it ends if two columns were named."""
    if not isinstance(time, tuple):
        return _times(column_values("time", time, batches, table)), None
    if len(time) != 2:
        raise ConfigError(
            f"time= was given {len(time)} columns. Give one, or two: when a sample begins, and when"
            ' it ends: time=("start", "stop").'
        )
    begins, ends = (_times(column_values("time", each, batches, table)) for each in time)
    if begins.dtype.kind != ends.dtype.kind and "M" in (begins.dtype.kind, ends.dtype.kind):
        raise ConfigError(
            f"time={quote(time)} names dates and numbers. Give two columns of one kind."
        )
    wrong = np.flatnonzero(ends < begins)
    if len(wrong):
        raise ConfigError(
            f"time={quote(time)}: {len(wrong)} samples end before they begin; the first is at"
            f" position {wrong[0]}. Give the beginning first."
        )
    return begins, ends


def _before(
    positions: NDArray[np.int64],
    begins: NDArray[Any],
    ends: NDArray[Any] | None,
    later: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Leave out samples that end after the first of a later part begins.

    Raises:
        ConfigError: None is left.
    """
    if ends is None or later is None:
        return positions
    kept: NDArray[np.int64] = positions[ends[positions] <= begins[later].min()]
    if not len(kept):
        raise ConfigError(
            f"All {len(positions)} samples of a part reach into the next one, and are left out."
            " Give fewer parts, larger ones, or shorter samples."
        )
    return kept


def _times(values: pd.Series[Any]) -> NDArray[Any]:
    if values.dtype.kind in "biufM":
        return values.to_numpy()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return np.asarray(values.dt.tz_convert(None))
    if all(isinstance(value, numbers.Real) for value in values):
        reals: NDArray[Any] = np.array(values, np.float64)
        return reals
    try:
        found = pd.to_datetime(values, format="ISO8601", utc=True)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"time= needs numbers, dates or texts such as '2024-05-31'; there is"
            f" {quote(values.iloc[0])}. Make dates of them first: pd.to_datetime(df[…])."
        ) from error
    times: NDArray[Any] = found.dt.tz_convert(None).to_numpy()
    return times
