"""The columns of a CSV file, told from its first rows: what they seem to hold, and to be for."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TableColumn", "column_of_files", "column_of_labels", "read_columns"]

_LOOK_AT = 1_000
_WHOLE = re.compile(r"-?[0-9]+")
_LABEL_NAMES = ("label", "labels", "class", "target", "category", "y")


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        name: Its name in the header.
        holds: ``"whole numbers"``, ``"numbers"`` or ``"text"``, in the first 1,000 rows.
        distinct: How many different cells these rows have.
        rows: How many rows were looked at.
        first: Its first cell.
    """

    name: str
    holds: str
    distinct: int
    rows: int
    first: str


def read_columns(path: str) -> list[TableColumn]:
    """Look at the first 1,000 rows of a CSV or TSV file.

    Returns:
        Its columns in order; none where the file is no table, which whoever
        reads the whole of it says better.
    """
    delimiter = "\t" if path.lower().endswith(".tsv") else ","
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            header = next(reader, [])
            rows = [row for row in islice(reader, _LOOK_AT) if len(row) == len(header)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    if not rows:
        return []
    return [
        TableColumn(name, _kind(cells), len(set(cells)), len(cells), cells[0])
        for name, cells in zip(header, zip(*rows, strict=True), strict=True)
    ]


def column_of_labels(columns: Sequence[TableColumn]) -> TableColumn | None:
    """Return the column that holds the labels, where that is evident.

    That is the one that is called so, or the only one of text that repeats itself.
    """
    for name in _LABEL_NAMES:
        for column in columns:
            if column.name.lower() == name:
                return column
    repeating = [
        each for each in columns if each.holds == "text" and 2 * each.distinct <= each.rows
    ]
    return repeating[0] if len(repeating) == 1 else None


def column_of_files(
    columns: Sequence[TableColumn], path: str, suffixes: Sequence[str]
) -> TableColumn | None:
    """Return the first column whose first cell names a file that is there.

    Args:
        columns: The table's columns.
        path: The table's path: names are relative to its directory.
        suffixes: The endings that a name must have one of, or lack.
    """
    for column in columns:
        for suffix in ("", *suffixes):
            name = column.first + suffix
            whole = os.path.join(os.path.dirname(path), name)
            if (
                name.lower().endswith(tuple(suffixes))
                and "\0" not in name
                and os.path.isfile(whole)
            ):
                return column
    return None


def _kind(cells: Sequence[str]) -> str:
    filled = [cell for cell in cells if cell]
    if filled and all(map(_WHOLE.fullmatch, filled)):
        return "whole numbers"
    try:
        numbers = [float(cell) for cell in filled]
    except ValueError:
        return "text"
    return "numbers" if numbers else "text"
