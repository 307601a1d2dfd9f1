"""Columns of lists: what annotations are like in a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote, suggest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["cells_of", "count_of", "fill", "numbers_of", "row_error", "split"]


def row_error(column: str, row: int, found: Any, trouble: str) -> ConfigError:
    """Return an error that names the row and what was found."""
    shown = found.tolist() if isinstance(found, np.ndarray) else found
    return ConfigError(f"In the column {quote(column)}, row {row}: {quote(shown)} {trouble}")


def cells_of(table: pd.DataFrame, column: str) -> list[Any]:
    """Return the cells of a column, each a list or array; JSON is read.

    Raises:
        ConfigError: There is no such column, or a cell is no list.
    """
    if column not in table.columns:
        raise ConfigError(
            f"There is no column {quote(column)} in the samples table."
            f"{suggest(column, map(str, table.columns))}"
            f" Its columns are {quote([str(known) for known in table.columns])}."
        )
    return [_list(cell, column, row) for row, cell in enumerate(table[column].tolist())]


def _list(cell: Any, column: str, row: int) -> Any:
    read = cell
    if isinstance(cell, str):
        try:
            read = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise row_error(column, row, cell, "is text, and no JSON list.") from error
    if not isinstance(read, (list, tuple, np.ndarray)) or getattr(read, "ndim", 1) == 0:
        raise row_error(column, row, cell, "is no list. Give [] for an image without any.")
    return read


def numbers_of(
    cells: list[Any], column: str, width: int, *, missing: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the rows of all cells, of shape ``(total, width)``, and how many each cell has.

    Args:
        cells: Lists of lists of *width* numbers.
        column: Where they are from.
        width: Numbers to a row.
        missing: Whether a number may be NaN or None.

    Raises:
        ConfigError: A cell holds something else.
    """
    parts = []
    for row, cell in enumerate(cells):
        try:
            part = np.asarray(cell, np.float64)
        except (TypeError, ValueError) as error:
            raise row_error(column, row, cell, f"is no list of {width} numbers each.") from error
        if not part.size:
            part = part.reshape(0, width)
        if part.ndim != 2 or part.shape[1] != width:
            raise row_error(
                column, row, cell, f"is no list of lists of {width} numbers: [[…], […]]."
            )
        if np.isinf(part).any() or (not missing and np.isnan(part).any()):
            raise row_error(column, row, cell, "holds what is no finite number.")
        parts.append(part)
    counts = np.array([len(part) for part in parts], np.int64)
    return np.concatenate([np.empty((0, width)), *parts]), counts


def count_of(samples: NDArray[Any], row_bytes: int, option: str, wanted: int | None) -> int:
    """Return how many rows every sample has room for.

    Args:
        samples: The rows of each sample, as ``split`` gives them.
        row_bytes: How many bytes a row has.
        option: What a user types to say it.
        wanted: What the user typed, or None.

    Raises:
        ConfigError: One has more than are wanted.
    """
    counts = np.fromiter(map(len, samples), np.int64, len(samples)) // row_bytes
    most = int(counts.max(initial=0))
    if wanted is not None and most > wanted:
        raise ConfigError(
            f"{option}={wanted} was given, and row {counts.argmax()} has {most}."
            f" Give {option}={most}, or leave some out."
        )
    return wanted or max(most, 1)


def fill(samples: NDArray[Any], out: NDArray[Any]) -> None:
    """Copy each sample's rows into *out*, and fill up with -1."""
    out[...] = -1
    for each, row in zip(samples, out, strict=True):
        rows = np.frombuffer(each, out.dtype).reshape(-1, *out.shape[2:])
        row[: len(rows)] = rows


def split(values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[Any]:
    """Return the values of each row as bytes: compact, and not to be changed by anybody."""
    parts = np.empty(len(counts), object)
    ends = np.cumsum(counts)
    for row, (end, count) in enumerate(zip(ends.tolist(), counts.tolist(), strict=True)):
        parts[row] = values[end - count : end].tobytes()
    return parts
