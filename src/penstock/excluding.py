"""Samples to leave out: named by the user, a rule, a file, or an earlier record of errors."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.errors import ConfigError, enumerate_some, quote
from penstock.labelrules import is_rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.sources import Source

__all__ = ["leave_out", "names_samples"]


def names_samples(exclude: Any, loader: Any) -> bool:
    """Say whether *exclude* is about samples, and not an option of the loader's own."""
    return isinstance(exclude, pd.DataFrame) or not hasattr(loader, "exclude")


def leave_out(source: Source, exclude: Any, loaders: Any, *aligned: Any) -> tuple[Any, ...]:
    """Leave samples out of a source.

    Args:
        source: The source; its table is replaced.
        exclude: Names of samples as they stand in the table or with the root
            before them, a table with a column ``sample``, or the path of a CSV
            file with one, or of a text file with a name per line; or a compiled
            pattern that is found in these names, or a function that says True of one.
        loaders: The loader, or several by input name, in whose columns samples are named.
        *aligned: What may have a value for each sample, in order.

    Returns:
        The *aligned*, without the values of the samples that were left out.

    Raises:
        ConfigError: None of the names is in the source, or all samples are.
    """
    columns = _columns(source, loaders)
    kept = np.ones(len(source.table), bool)
    if is_rule(exclude):
        kept[_ruled_out(exclude, source, columns)] = False
        return _keep(source, kept, aligned)
    names = _names(exclude)
    if not names:
        return aligned
    unknown = set(names)
    for column in columns:
        for place, cell in enumerate(source.table[column]):
            found = names & _spellings(cell, source.root)
            if found:
                kept[place] = False
                unknown -= found
    if kept.all():
        raise ConfigError(
            f"exclude= names {enumerate_some(sorted(names))}, and the source has none of them; its"
            f" first sample is {quote(source.table[columns[0]].iloc[0]) if columns else 'unnamed'}."
            " Name samples as it does, or leave exclude= out."
        )
    if unknown:
        warnings.warn(
            f"exclude= names {enumerate_some(sorted(unknown))}, which the source does not have.",
            stacklevel=3,
        )
    return _keep(source, kept, aligned)


def _ruled_out(rule: Any, source: Source, columns: list[str]) -> list[int]:
    """Return the places of the samples that a pattern is found in, or a function says True of."""
    says = rule.search if isinstance(rule, re.Pattern) else rule
    try:
        found = [
            place
            for column in columns
            for place, cell in enumerate(source.table[column])
            if says(_spelt(cell))
        ]
    except Exception as error:
        raise ConfigError(
            f"exclude={quote(rule)} failed on a sample's name: {type(error).__name__}:"
            f" {quote(str(error))}. It must take a string and say True of what to leave out."
        ) from error
    if not found:
        raise ConfigError(
            f"exclude={quote(rule)} leaves no sample out; the first is"
            f" {quote(source.table[columns[0]].iloc[0]) if columns else 'unnamed'}."
        )
    return found


def _keep(source: Source, kept: NDArray[np.bool_], aligned: tuple[Any, ...]) -> tuple[Any, ...]:
    """Keep some samples of a source, and of what is aligned with it."""
    if not kept.any():
        raise ConfigError("exclude= names every sample of the source; none is left.")
    count = len(kept)
    source.table = source.table[kept].reset_index(drop=True)
    return tuple(_without(each, kept, count) for each in aligned)


def _columns(source: Source, loaders: Any) -> list[str]:
    several = loaders if isinstance(loaders, Mapping) else {"sample": loaders}
    named = {"sample", *several, *(_column(each) for each in several.values())}
    return [name for name in source.table.columns if isinstance(name, str) and name in named]


def _column(loader: Any) -> str | None:
    column = getattr(loader, "column", None)  # Columns has several
    return column if isinstance(column, str) else None


def _names(exclude: Any) -> set[str]:
    if isinstance(exclude, pd.DataFrame):
        if "sample" not in exclude.columns:
            raise ConfigError("The table given as exclude= has no column 'sample'.")
        exclude = exclude["sample"]
    elif isinstance(exclude, (str, os.PathLike)):
        return set(_read(os.fspath(exclude)))
    if isinstance(exclude, bytes) or not isinstance(exclude, Iterable):
        raise ConfigError(
            f"exclude={quote(exclude)} names no samples: give a list of them, a table with a"
            " column 'sample', or the path of a file."
        )
    return {_spelt(each) for each in exclude}


def _read(path: str) -> list[str]:
    try:
        if path.lower().endswith(".csv"):
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding_errors="surrogateescape"
            )
            if "sample" not in table.columns:
                raise ConfigError(
                    f"The file {quote(path)} given as exclude= has no column 'sample'."
                )
            return list(table["sample"])
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line.rstrip("\n") for line in file if line.strip()]
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"The file {quote(path)} given as exclude= cannot be read: {quote(str(error))}."
            " Give a CSV with a column 'sample', a text file of names, or a list."
        ) from error


def _spelt(name: Any) -> str:
    return os.fspath(name) if isinstance(name, os.PathLike) else str(name)


def _spellings(cell: Any, root: str | None) -> set[str]:
    name = _spelt(cell)
    if not isinstance(cell, (str, os.PathLike)):
        return {name}
    full = os.path.join(root or os.curdir, name)
    return {name, full, os.path.normpath(full), os.path.abspath(full)}


def _without(values: Any, kept: NDArray[np.bool_], count: int) -> Any:
    """Return the values of the kept samples, if there is one for each sample in order."""
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__"):
        return values
    if len(values) != count:
        return values
    if isinstance(values, pd.Series):
        ordered = isinstance(values.index, pd.RangeIndex)  # or its index names the samples
        return values[kept].reset_index(drop=True) if ordered else values
    if isinstance(values, (list, tuple)):
        return [value for value, keep in zip(values, kept, strict=True) if keep]
    return np.asarray(values)[kept]
