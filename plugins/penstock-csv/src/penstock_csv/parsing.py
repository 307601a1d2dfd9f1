"""A block of CSV records -> arrays, by pyarrow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.errors import ConfigError, quote
from penstock_csv.diagnosis import Diagnosis

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from penstock_csv.scanning import Block

__all__ = ["Parsed", "Plan", "Texts", "numeric_columns", "parse_block"]

_CONVERSION = re.compile(r"In CSV column #(\d+): Row #(\d+): ")


@dataclass(frozen=True)
class Plan:
    """What to make of the columns of a table.

    Attributes:
        path: The table.
        names: Its columns.
        delimiter: What separates them.
        start: Where the records start in the file.
        features: The columns that become a row of numbers.
        texts: The label columns, kept as the strings they are.
        weight: The column of sample weights, or None.
        dtype: The dtype of the features.
        missing: ``"error"`` or ``"nan"``, for missing features.
    """

    path: str
    names: tuple[str, ...]
    delimiter: str
    start: int
    features: tuple[str, ...]
    texts: tuple[str, ...]
    weight: str | None
    dtype: np.dtype[Any]
    missing: str


class Texts(NamedTuple):
    """A column of strings: ``values[codes]``."""

    codes: NDArray[np.int32]
    values: list[str]


class Parsed(NamedTuple):
    """The records of a block.

    Attributes:
        rows: Features, of shape ``(n, k)``.
        texts: Label columns, each of n strings.
        weights: Sample weights as float64 of shape ``(n,)``, or None.
    """

    rows: NDArray[Any]
    texts: list[Texts]
    weights: NDArray[np.float64] | None


def parse_block(block: Block, plan: Plan) -> Parsed:
    """Parse the columns that *plan* asks for. Holds Python's lock only briefly.

    Raises:
        ConfigError: A record has too many or too few fields, or a cell is
            missing or no finite number; names the line, the column and the cell.
    """
    import pyarrow as pa

    # There is no CSV conversion to half floats.
    parsed = np.dtype(np.float32) if plan.dtype == np.float16 else plan.dtype
    types = dict.fromkeys(plan.features, pa.from_numpy_dtype(parsed))
    types |= dict.fromkeys(plan.texts, pa.string())
    if plan.weight is not None:
        types[plan.weight] = pa.float64()
    table = _read(block, plan, types)
    rows = np.empty((table.num_rows, len(plan.features)), plan.dtype)
    for place, name in enumerate(plan.features):
        column = table.column(name)
        if column.null_count and plan.missing == "error":
            raise Diagnosis(block, plan).missing(name, 'Fill it, or say missing="nan"')
        if len(column):
            with np.errstate(over="ignore"):  # what is too large for half floats is told below
                rows[:, place] = column.chunk(0).to_numpy(zero_copy_only=False)
    infinite = np.isinf(rows)
    if infinite.any():
        row, place = np.argwhere(infinite)[0].tolist()
        raise Diagnosis(block, plan).no_number(plan.features[place], row + 1)
    weights = None
    if plan.weight is not None:
        if table.column(plan.weight).null_count:
            raise Diagnosis(block, plan).missing(plan.weight, "Give every row a weight")
        weights = table.column(plan.weight).to_numpy()
    return Parsed(rows, [_texts(table.column(name)) for name in plan.texts], weights)


def numeric_columns(block: Block, plan: Plan) -> list[str]:
    """Return the columns whose cells in *block* are all numbers or missing."""
    import pyarrow as pa

    table = _read(block, plan, {})
    types = pa.types
    return [
        field.name
        for field in table.schema
        if types.is_integer(field.type)
        or types.is_floating(field.type)
        or types.is_null(field.type)
        or (types.is_boolean(field.type) and plan.dtype.kind == "b")
    ]


def _read(block: Block, plan: Plan, types: dict[str, pa.DataType]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    if not block.data.strip(b"\r\n"):
        empty = pa.schema(types) if types else pa.schema([])
        return empty.empty_table()
    try:
        return csv.read_csv(
            pa.BufferReader(block.data),
            csv.ReadOptions(
                use_threads=False, block_size=len(block.data) + 1, column_names=list(plan.names)
            ),
            csv.ParseOptions(
                delimiter=plan.delimiter,
                quote_char='"' if block.quoted else False,
                newlines_in_values=block.quoted,
            ),
            csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )
    except pa.ArrowInvalid as error:
        found = _CONVERSION.search(str(error))
        diagnosis = Diagnosis(block, plan)
        if found:
            name = plan.names[int(found[1])]
            raise diagnosis.no_number(name, int(found[2])) from error
        wrong = diagnosis.wrong_length()
        if wrong:
            raise wrong from error
        raise ConfigError(
            f"The table {quote(plan.path)} cannot be parsed from line {diagnosis.first_line} on: "
            f"{quote(str(error))}. Mend the file."
        ) from error


def _texts(column: pa.ChunkedArray) -> Texts:
    import pyarrow as pa

    encoded = column.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # what becomes of no chunks at all
        return Texts(np.empty(0, np.int32), [])
    encoded = encoded.dictionary_encode()
    return Texts(encoded.indices.to_numpy(), encoded.dictionary.to_pylist())
