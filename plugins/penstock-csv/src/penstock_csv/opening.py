"""A table and the options for it -> its packed file."""

from __future__ import annotations

import os
import stat
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from penstock.errors import ConfigError, quote, suggest
from penstock.folders import cache_folder, refuse_shared
from penstock_csv.cache import packed
from penstock_csv.header import read_header
from penstock_csv.parsing import Plan, numeric_columns
from penstock_csv.scanning import read_blocks

if TYPE_CHECKING:
    from penstock_csv.header import Header
    from penstock_csv.loader import CsvRows
    from penstock_csv.packfile import PackFile
    from penstock_csv.scanning import Block

__all__ = ["open_table"]

_HOW_IT_RUNS = {"cache_dir", "progress"}
# What is looked at to tell the columns of numbers from the others.
_LOOKED_AT = 2**18


def open_table(loader: CsvRows, path: str) -> PackFile:
    """Return the packed file of the table at *path*; make it if there is none.

    Raises:
        ConfigError: The table is malformed, or lacks a column that was named.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ConfigError(
                f"The table {quote(path)} is a directory, pipe, socket or device. Give a file."
            )
    except OSError as error:
        raise ConfigError(
            f"The table {quote(path)} cannot be found: {error.strerror}. Check the path."
        ) from error
    options = {
        field.name: getattr(loader, field.name)
        for field in fields(loader)
        if field.name not in _HOW_IT_RUNS
    }
    folder = cache_folder(loader.cache_dir, "csv")
    refuse_shared(folder, "cache_dir")
    return packed(
        path,
        options,
        folder,
        lambda: _plan(loader, path),
        progress=loader.progress,
    )


def _plan(loader: CsvRows, path: str) -> Plan:
    delimiter = loader.delimiter or ("\t" if path.lower().endswith(".tsv") else ",")
    header = read_header(path, delimiter)
    plan = Plan(
        path=path,
        names=header.names,
        delimiter=delimiter,
        start=header.end,
        features=loader.columns or (),
        texts=_checked(loader, header, path),
        weight=loader.sample_weight,
        dtype=np.dtype(loader.dtype),
        missing=loader.missing,
    )
    return plan if plan.features else replace(plan, features=_features(loader, plan))


def _checked(loader: CsvRows, header: Header, path: str) -> tuple[str, ...]:
    """Check every name that the user gave; return the label columns."""
    y_col = loader.y_col or ()
    labels = (y_col,) if isinstance(y_col, str) else y_col
    weight = () if loader.sample_weight is None else (loader.sample_weight,)
    named = {
        "y_col": labels,
        "sample_weight": weight,
        "columns": loader.columns or (),
        "exclude": loader.exclude,
    }
    for option, names in named.items():
        for name in names:
            if name not in header.names:
                raise ConfigError(
                    f"{option}= names the column {quote(name)}, which {quote(path)} does not have."
                    f"{suggest(name, header.names)} Columns found: {_listed(header.names)}."
                )
    for name in loader.columns or ():
        for option in ("y_col", "sample_weight", "exclude"):
            if name in named[option]:
                raise ConfigError(
                    f"The column {quote(name)} of {quote(path)} is named in columns= and in "
                    f"{option}=. A feature cannot be both; remove it from one."
                )
    for name in (*labels, *weight):
        if name == "sample" or (name == "label" and name in weight):
            raise ConfigError(
                f"The column {quote(name)} of {quote(path)} has the name of a column that the "
                "samples table keeps for itself. Rename it in the file."
            )
    return labels


def _features(loader: CsvRows, plan: Plan) -> tuple[str, ...]:
    """Return the columns of numbers, as far as the first records tell."""
    with open(plan.path, "rb") as file:
        first = next(read_blocks(file, plan.path, plan.start, plan.delimiter), None)
    if first is None or not first.data.strip():
        raise ConfigError(f"The table {quote(plan.path)} has a header and 0 samples.")
    few = _first_records(first)
    taken = {*plan.texts, plan.weight, *loader.exclude}
    numeric = [name for name in numeric_columns(few, plan) if name not in taken]
    if "" in numeric:
        raise ConfigError(
            f"A column of {quote(plan.path)} has no name; a DataFrame's index is written so. "
            "Name it in the file, or say exclude=['']."
        )
    if not numeric:
        raise ConfigError(
            f"The table {quote(plan.path)} has no column of numbers besides labels and weights. "
            f"Columns found: {_listed(plan.names)}. Check delimiter={quote(plan.delimiter)}."
        )
    return tuple(numeric)


def _first_records(block: Block) -> Block:
    if block.quoted:  # a line end may stand inside a field
        return block
    end = block.data.find(b"\n", _LOOKED_AT)
    return block if end < 0 else block._replace(data=block.data[: end + 1])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(quote(name) for name in names[:20]) + (", …" if len(names) > 20 else "")
