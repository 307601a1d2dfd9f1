"""What a user points at -> a samples table, and who reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.components import implements, name_of, relay
from penstock.errors import ConfigError, PenstockError, PluginError, quote, suggest
from penstock.fields import LoadedField
from penstock.files import has_suffix, list_files
from penstock.paths import resolve_paths
from penstock.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Source", "column_of", "of_column", "open_source", "plain_source"]


@dataclass
class Source:
    """Where samples come from.

    Attributes:
        table: The samples table.
        path: The path that the user gave, or None.
        root: The directory that file names are relative to, or None for the current one.
        contained: Whether file names may not lead out of the root.
        listed: Whether the files were listed just now, and need no check.
    """

    table: pd.DataFrame
    path: str | None = None
    root: str | None = None
    contained: bool = True
    listed: bool = False

    def field(self, name: str, loader: Any) -> LoadedField:
        """Make the field *name* that *loader* loads from this source."""
        samples, prefix = self._samples_of(loader)
        field = LoadedField(name, loader, samples, self.path, prefix)
        field.describe()
        return field

    def _samples_of(self, loader: Any) -> tuple[NDArray[Any], str | None]:
        """Pick what *loader* loads, and the prefix of its paths (None: they are no paths)."""
        if implements(loader, "pick_samples"):
            picked = relay(loader).pick_samples(table=self.table, source=self.path)
            if not isinstance(picked, np.ndarray) or len(picked) != len(self.table):
                raise PluginError(
                    f"{name_of(loader)}.pick_samples returned {quote(picked)}."
                    f" It must return an array of {len(self.table)} entries, one per sample."
                )
            return picked, None
        column = column_of(loader)
        if column not in self.table.columns:
            raise ConfigError(
                f"There is no column {quote(column)} in the samples table."
                f"{suggest(column, map(str, self.table.columns))}"
                f" Name the column to load with x_col= (or column=); there are"
                f" {quote([str(name) for name in self.table.columns])}."
            )
        values = self.table[column]
        suffixes = getattr(loader, "suffixes", ())
        if not suffixes and values.dtype.kind in "biuf":
            return values.to_numpy(), None
        names = values.to_numpy(object)
        if not suffixes and not all(isinstance(name, (str, os.PathLike)) for name in names):
            return names, None
        if not self.listed:
            names = resolve_paths(names, suffixes, root=self.root, contained=self.contained)
        here = self.root in (None, os.curdir)
        return names, "" if here else os.path.join(str(self.root), "")


def plain_source(given: Any) -> Any:
    """Return a source as a path, a DataFrame, a list of names, or arrays.

    Raises:
        ConfigError: It is none of them.
    """
    if isinstance(given, os.PathLike):
        return os.fspath(given)
    if isinstance(given, pd.DataFrame) and not len(given):
        raise ConfigError("The source has 0 samples: an empty table was given. Give at least one.")
    named = isinstance(given, tuple) and given and isinstance(given[0], (str, os.PathLike))
    if isinstance(given, (str, tuple, Mapping, pd.DataFrame)) and not named:
        return given
    if isinstance(given, (pd.Series, pd.Index)) and given.dtype.kind not in "biuf":
        given = given.to_list()
    elif hasattr(given, "__array__"):
        if np.asarray(given).dtype.kind not in "OUST":
            return given
        given = np.asarray(given).tolist()
    if isinstance(given, (bytes, set, frozenset)) or not isinstance(given, Iterable):
        raise ConfigError(
            f"{quote(given)} is no source. Give a directory, a CSV file, a DataFrame, a list of"
            " file names or ids, or arrays: (x, y)."
        )
    names = [os.fspath(each) if isinstance(each, os.PathLike) else each for each in given]
    if not names:
        raise ConfigError("The source has 0 samples: an empty list was given. Give at least one.")
    return names


def column_of(loader: Any) -> str:
    """Return the column of the samples table that *loader* reads."""
    column = getattr(loader, "column", None) or "sample"
    return column if isinstance(column, str) else ", ".join(column)


def of_column(loader: Any, name: str, source: Source) -> Any:
    """Let a loader of several, left at its default column, read the one of its own name."""
    columns = source.table.columns
    if implements(loader, "load_samples") and is_dataclass(loader) and name in columns:
        default = getattr(loader, "column", None) == "sample" and "sample" not in columns
        return replace(loader, column=name) if default else loader  # type: ignore[type-var]
    return loader


def open_source(
    given: Any, loader: Any, *, root: str | None, contained: bool, follow_links: bool
) -> Source:
    """Make the samples table of a path, a DataFrame or a list of names.

    Args:
        given: What the user gave.
        loader: The loader that will read it, or None where there are several.
        root: The directory that file names are relative to.
        contained: Whether file names may not lead out of it.
        follow_links: Whether symbolic links in a directory are followed.

    Raises:
        ConfigError: There is no such path, or nothing in it.
    """
    if isinstance(given, pd.DataFrame):
        source = Source(given.reset_index(drop=True), None, root, contained)
    elif isinstance(given, str):
        source = _open_path(given, loader, root, contained, follow_links)
    else:
        column = np.empty(len(given), object)
        column[:] = given
        # Names typed in a program are the user's own; names below a root are not to leave it.
        source = Source(
            pd.DataFrame({"sample": column}, dtype=object),
            None,
            root,
            contained and root is not None,
        )
    if not len(source.table):
        raise ConfigError(f"The source {quote(given)} has 0 samples. Give at least one.")
    return source


def _open_path(
    path: str, loader: Any, root: str | None, contained: bool, follow_links: bool
) -> Source:
    if not os.path.exists(path):
        raise ConfigError(
            f"There is no file or directory {quote(path)} (looked from {quote(os.getcwd())})."
            " Check the path."
        )
    lists = loader is not None and implements(loader, "list_samples")
    suffixes = getattr(loader, "suffixes", ())
    if os.path.isdir(path):
        if lists:
            return Source(_listed(path, loader), path, root or path, listed=not suffixes)
        if suffixes:
            table = list_files(path, suffixes, follow_links=follow_links)
            return Source(table, path, path, listed=True)
        raise ConfigError(
            f"{name_of(loader) if loader else 'A generator with several inputs'} cannot list the"
            f" directory {quote(path)}."
            " Give a table of samples, or a list of file names with root=."
        )
    claims = lists and relay(loader).claims_source(source=path)
    if lists and claims is not False:
        return Source(_listed(path, loader), path, root)
    if path.lower().endswith((".csv", ".tsv")):
        return Source(read_table(path), path, root or os.path.dirname(path) or os.curdir, contained)
    if has_suffix(path, suffixes):
        name = np.array([os.path.basename(path)], object)
        return Source(pd.DataFrame({"sample": name}), path, os.path.dirname(path) or os.curdir)
    raise ConfigError(
        f"{name_of(loader)} does not read {quote(path)}, which is a file."
        " Give a directory, a table or a list of file names, or another loader=."
    )


def _listed(path: str, loader: Any) -> pd.DataFrame:
    try:
        table = relay(loader).list_samples(source=path)
    except PenstockError:
        raise
    except Exception as error:
        raise PluginError(
            f"{name_of(loader)} failed to list {quote(path)}: {type(error).__name__}:"
            f" {quote(str(error))}."
        ) from error
    if not isinstance(table, pd.DataFrame) or "sample" not in table.columns:
        raise PluginError(
            f"{name_of(loader)}.list_samples returned {quote(type(table).__name__)} without a"
            " column 'sample'. It must return a DataFrame with one."
        )
    return table.reset_index(drop=True)
