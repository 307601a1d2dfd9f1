"""Splits in files: which sample belongs to which part, as CSV."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.errors import ConfigError, enumerate_some, quote
from penstock.overlaps import refuse_overlap
from penstock.sources import column_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["read_split", "save_split"]


def save_split(path: str | os.PathLike[str], **parts: Any) -> None:
    """Write down which sample belongs to which part, for ``Sequence.load_split``.

    The file is CSV with the columns ``part`` and ``sample``, the name as it
    stands in the samples table; where samples have no names, or no unique
    ones, ``index``, the row of the source, counted from 0.

    Args:
        path: Where to write; a file that is there is replaced.
        **parts: The sequences by the names of their parts, such as ``train=train``.

    Raises:
        ConfigError: The parts are of different sources, or have a sample in common.
    """
    if not parts:
        raise ConfigError("save_split() was given no part: save_split(path, train=…, val=…).")
    inside = {}
    for name, each in parts.items():
        if not hasattr(each, "_batches"):
            raise ConfigError(f"save_split() was given {name}={quote(each)}, which is no sequence.")
        inside[name] = each._batches, each._table  # noqa: SLF001 - its own, in a module apart
    table = next(iter(inside.values()))[1]
    for name, (_, other) in inside.items():
        if other is not table:
            raise ConfigError(
                f"The part {name!r} is of another source than {next(iter(parts))!r}."
                " Save the parts of one sequence."
            )
    refuse_overlap(list(inside.values()), None)
    names = _names(next(iter(inside.values()))[0], table)
    lines = [
        (name, row if names is None else names[row])
        for name, (batches, _) in inside.items()
        for row in batches.rows.tolist()
    ]
    spare = f"{os.fspath(path)}.{os.getpid()}.part"
    with open(spare, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("part", "index" if names is None else "sample"))
        writer.writerows(lines)
    os.replace(spare, path)


def read_split(
    path: str | os.PathLike[str], batches: Batches, table: pd.DataFrame
) -> list[NDArray[np.int64]]:
    """Return the positions in a view of each part that a file names; see ``save_split``.

    Raises:
        ConfigError: It is no such file, names samples that are not here, or one twice.
    """
    title = f"The split in {quote(os.fspath(path))}"
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *lines = csv.reader(file, strict=True)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"{title} cannot be read: {error}. save_split() writes such files."
        ) from error
    wrong = [line for line in lines if len(line) != 2]
    if header not in (["part", "sample"], ["part", "index"]) or wrong or not lines:
        found = wrong[0] if wrong else header
        raise ConfigError(
            f"{title} has {quote(found)} where save_split() writes the columns part and sample,"
            " or part and index."
        )
    by_row = header[1] == "index"
    names = list(map(str, range(len(table)))) if by_row else _names(batches, table)
    if names is None:
        raise ConfigError(
            f"{title} names samples, and those here have no names, or not each one of its own."
        )
    ids = pd.Index([names[row] for row in batches.rows], dtype=object)
    wanted = pd.Index([line[1] for line in lines], dtype=object)
    twice = wanted[wanted.duplicated()]
    if len(twice):
        raise ConfigError(f"{title} names {quote(twice[0])} twice. Leave it in one part.")
    positions = ids.get_indexer(wanted)
    lost = wanted[positions < 0]
    if len(lost):
        raise ConfigError(
            f"{title} names {len(lost)} samples that are not here: {enumerate_some(list(lost))}."
            " Load it for the source that it was saved of."
        )
    parts = np.array([line[0] for line in lines], object)
    return [np.sort(positions[parts == part]) for part in dict.fromkeys(parts)]


def _names(batches: Batches, table: pd.DataFrame) -> list[str] | None:
    """Return the name of the sample in each row of a table, or None where rows say more."""
    column = column_of(batches.inputs[0].component)
    if column not in table.columns:
        return None
    names = table[column]
    named = all(isinstance(name, str) for name in names) and names.is_unique
    return list(names) if named else None
