"""Samples that stand in two parts, where none should."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.errors import ConfigError, enumerate_some, quote
from penstock.partition import column_values
from penstock.windows import WindowRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["refuse_overlap", "warn_of_overlap"]

_AT_ONCE = 100_000  # names


def warn_of_overlap(batches: Batches, parts: Sequence[NDArray[np.int64]]) -> None:
    """Warn of files that stand in several rows, or of windows with rows in common, in *parts*."""
    if isinstance(batches.inputs[0].component, WindowRows):
        _warn_of_windows(batches, batches.inputs[0].component.span, parts)
        return
    field = next((each for each in batches.inputs if each.prefix is not None), None)
    if field is None:
        return
    part_of = np.full(len(batches.rows), -1)
    for part, positions in enumerate(parts):
        part_of[positions] = part
    candidates = np.flatnonzero(_alike(field.samples, batches.rows) & (part_of >= 0))
    names = pd.Series(field.samples[batches.rows[candidates]], candidates, dtype=object)
    again = names[names.duplicated(keep=False)]
    spread = again.groupby(again).agg(lambda each: len(set(part_of[each.index])))
    shared = list(spread.index[spread > 1]) if len(again) else []
    if shared:
        warnings.warn(
            f"{len(shared)} files stand in several rows, which went to different parts:"
            f" {enumerate_some(shared)}. What is validated was trained on: name the column of"
            " files as groups=, or leave the repeated rows out.",
            stacklevel=3,
        )


def _alike(names: Any, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for each row whether another may have the same name: by hashes, of 8 bytes each."""
    hashes = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        some = names[rows[start : start + _AT_ONCE]].tolist()
        hashes[start : start + len(some)] = np.fromiter(map(hash, some), np.int64, len(some))
    return pd.Series(hashes).duplicated(keep=False).to_numpy(bool)


def _warn_of_windows(batches: Batches, span: int, parts: Sequence[NDArray[np.int64]]) -> None:
    starts = batches.inputs[0].samples[batches.rows]
    part_of = np.full(len(starts), -1)
    for part, positions in enumerate(parts):
        part_of[positions] = part
    order = np.argsort(starts, kind="stable")
    order = order[part_of[order] >= 0]
    starts, part_of = starts[order], part_of[order]
    # If any two windows of two parts overlap, so do two neighbours.
    shared = (np.diff(starts) < span) & (np.diff(part_of) != 0)
    if shared.any():
        warnings.warn(
            "Windows of one part have rows in common with those of another: what is validated was"
            ' trained on. Cut by time, time=("start", "stop"), which leaves out those that reach'
            ' over a cut, or give whole series to each part, groups="series".',
            stacklevel=3,
        )


def refuse_overlap(parts: Sequence[tuple[Batches, pd.DataFrame]], by: str | None) -> None:
    """Refuse parts with samples in common; see ``Divisions.check_disjoint``.

    Args:
        parts: The batches and the samples table of each.
        by: A column that is to have no value in common, or None for the samples themselves.

    Raises:
        ConfigError: They have some, or there is nothing to compare.
    """
    found = [_identities(batches, table, by) for batches, table in parts]
    kinds = {kind for kind, _ in found}
    if len(kinds) > 1:
        raise ConfigError(
            "These sequences read different sources, whose samples have no names in common to"
            " compare. Name a column that both have: check_disjoint(…, by='id')."
        )
    first: dict[Any, int] = {}
    shared: dict[Any, None] = {}
    for part, (_, values) in enumerate(found):
        for value in values:
            if first.setdefault(value, part) != part:
                shared[value] = None
    if shared:
        what = "samples" if by is None else f"values of {quote(by)}"
        raise ConfigError(
            f"The parts have {len(shared)} {what} in common: {enumerate_some(list(shared))}."
            f" Divide them with split(…{'' if by is None else f', groups={by!r}'})."
        )


def _identities(batches: Batches, table: pd.DataFrame, by: str | None) -> tuple[Any, list[Any]]:
    if by is not None:
        return by, column_values("by", by, batches, table).unique().tolist()
    field = batches.inputs[0]
    if isinstance(field.component, WindowRows):
        starts, span = field.samples[batches.rows], field.component.span
        ends = np.zeros(int(starts.max()) + span + 1, np.int64)
        np.add.at(ends, starts, 1)
        np.add.at(ends, starts + span, -1)
        return id(table), np.flatnonzero(np.cumsum(ends)).tolist()
    if field.prefix is None:
        return id(table), batches.rows.tolist()
    return "files", [os.path.abspath(name) for name in field.pick(batches.rows)]
