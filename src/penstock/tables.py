"""Reading a CSV file that lists samples, strictly."""

from __future__ import annotations

import csv
import os
import re
import stat
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_table"]

_AT_ONCE = 10_000  # rows: as lists they take ten times the memory of a column of pyarrow's
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def read_table(path: str) -> pd.DataFrame:
    """Read a CSV or TSV file as a samples table.

    Every cell stays the string it is, so that ``NA``, ``007`` and ``1e5`` are
    labels like any other; only a column of whole numbers throughout, without
    leading zeros, becomes int64.

    Args:
        path: A UTF-8 file (a byte order mark is accepted) with a header.

    Raises:
        ConfigError: The file is empty, not UTF-8, has a column twice, or a row
            with more or fewer fields than the header; names the line.
    """
    delimiter = "\t" if path.lower().endswith(".tsv") else ","
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would be to wait for ever
            raise ConfigError(
                f"The table {quote(path)} cannot be opened: it is a directory, pipe, socket or"
                " device. Give a file."
            )
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, None)
            if not header:
                raise ConfigError(f"The table {quote(path)} is empty. It needs a header and rows.")
            twice = sorted({name for name in header if header.count(name) > 1})
            if twice:
                raise ConfigError(
                    f"The table {quote(path)} has the column {quote(twice[0])} twice."
                    " Give every column a name of its own."
                )
            checked = _checked(reader, header, path, delimiter)
            parts = []
            while rows := list(islice(checked, _AT_ONCE)):
                parts.append([_column(cells) for cells in zip(*rows, strict=True)])
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The table {quote(path)} is not UTF-8: {_first_foreign_byte(path)}. Save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise ConfigError(
            f"The table {quote(path)} cannot be read at line {reader.line_num}: {error}."
        ) from error
    except OSError as error:
        raise ConfigError(f"The table {quote(path)} cannot be opened: {error.strerror}.") from error
    if not parts:
        raise ConfigError(f"The table {quote(path)} has a header and 0 samples.")
    columns = map(_joined, zip(*parts, strict=True))
    return pd.DataFrame(dict(zip(header, columns, strict=True)))


def _checked(reader: Any, header: list[str], path: str, delimiter: str) -> Iterator[list[str]]:
    for row in reader:
        if len(row) != len(header):
            raise ConfigError(
                f"The table {quote(path)} has {len(row)} fields in line {reader.line_num}"
                f" and {len(header)} in its header."
                f" Quote fields that contain {delimiter!r}."
            )
        yield row


def _first_foreign_byte(path: str) -> str:
    """Find the byte again: the reader counts from its last chunk."""
    offset = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"byte {line[error.start]:#04x} at offset {offset + error.start}"
            offset += len(line)
    return "its end is cut"


def _column(cells: tuple[str, ...]) -> pd.Series[Any]:
    if all(_WHOLE_NUMBER.fullmatch(cell) for cell in cells):
        return pd.Series([int(cell) for cell in cells], dtype=np.int64)
    return pd.Series(np.array(cells, object), dtype="str")


def _joined(parts: tuple[pd.Series[Any], ...]) -> pd.Series[Any]:
    """Return a column in one piece, of numbers only if all of it is."""
    if len({part.dtype for part in parts}) > 1:
        parts = tuple(part.astype("str") for part in parts)  # as they stand in the file
    return pd.concat(parts, ignore_index=True)
