"""Finds the line, column and cell that a parser stumbled over, to name them."""

from __future__ import annotations

import csv
import io
from functools import cached_property
from typing import TYPE_CHECKING

from penstock.errors import ConfigError, LabelError, quote
from penstock_csv.scanning import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock_csv.parsing import Plan
    from penstock_csv.scanning import Block

__all__ = ["MISSING", "Diagnosis"]

_WORDS = "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|N/A|NA|NULL|NaN|n/a|nan|null"
MISSING = frozenset(_WORDS.split("|"))
"""Cells that count as missing in a column of numbers; pyarrow's and pandas' list."""


class Diagnosis:
    """Reads one block again, slowly, for the sake of a message."""

    def __init__(self, block: Block, plan: Plan) -> None:
        self._block = block
        self._plan = plan

    @cached_property
    def first_line(self) -> int:
        """The number of the block's first line in the file."""
        return line_of(self._plan.path, self._block.offset)

    def wrong_length(self) -> ConfigError | None:
        """Tell of the first record with too many or too few fields."""
        wanted = len(self._plan.names)
        for line, record in self._records():
            if len(record) != wanted:
                hint = (
                    f"Quote fields that contain {quote(self._plan.delimiter)}."
                    if len(record) > wanted
                    else "Complete it."
                )
                return ConfigError(
                    f"The table {quote(self._plan.path)} has {len(record)} fields in line {line} "
                    f"and {wanted} in its header: {quote(record)}. {hint}"
                )
        return None

    def no_number(self, name: str, row: int) -> ConfigError:
        """Tell of the cell in column *name* of the *row*-th record, from 1."""
        place = self._plan.names.index(name)
        for number, (line, record) in enumerate(self._records(), 1):
            if number == row:
                advice = (
                    "Mend the cell, or name the column in exclude="
                    if name in self._plan.features
                    else "Weights are numbers: mend the cell"
                )
                kind = self._plan.dtype.name if name in self._plan.features else "float64"
                finite = " finite" if kind.startswith("float") else ""
                return ConfigError(
                    f"The table {quote(self._plan.path)} has in line {line}, column {quote(name)}, "
                    f"the cell {quote(record[place])}, which is no{finite} {kind} number. {advice}."
                )
        return ConfigError(
            f"The table {quote(self._plan.path)} has a cell in column {quote(name)} that is no "
            "number. Mend the cell, or name the column in exclude=."
        )

    def missing(self, name: str, advice: str) -> ConfigError:
        """Tell of the first missing cell in column *name*."""
        place = self._plan.names.index(name)
        for line, record in self._records():
            if record[place].strip() in MISSING:
                return ConfigError(
                    f"The table {quote(self._plan.path)} has no value in line {line}, column "
                    f"{quote(name)}: the cell is {quote(record[place])}. {advice}."
                )
        return ConfigError(
            f"The table {quote(self._plan.path)} lacks a value in column {quote(name)}. {advice}."
        )

    def empty_label(self, name: str) -> LabelError:
        """Tell of the first empty cell in the label column *name*."""
        place = self._plan.names.index(name)
        for line, record in self._records():
            if not record[place]:
                return LabelError(
                    f"The table {quote(self._plan.path)} has no label in line {line}, column "
                    f"{quote(name)}. Fill it, or drop the row."
                )
        return LabelError(f"The table {quote(self._plan.path)} lacks labels in {quote(name)}.")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line and the cells of every record that is not an empty line."""
        text = io.StringIO(self._block.data.decode("utf-8", "replace"), newline="")
        reader = csv.reader(text, delimiter=self._plan.delimiter)
        line = self.first_line
        for record in reader:
            if record:
                yield line, record
            line = self.first_line + reader.line_num
