"""What a user points at -> a samples table, and who reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import as_array, is_sparse, refuse_objects
from penstock.components import implements, name_of, relay
from penstock.declarations import check_hooks
from penstock.errors import ConfigError, PenstockError, PluginError, quote, suggest
from penstock.fields import LoadedField
from penstock.files import has_suffix, list_files
from penstock.packedtext import PackedText
from penstock.paths import resolve_paths
from penstock.tables import read_table
from penstock.textcolumn import as_seen, packed_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Source", "column_of", "of_column", "open_source", "plain_source"]

# What tf.data, Keras' and torch's loaders have, and no list, table or array.
_MAKE_BATCHES = ("element_spec", "on_epoch_end", "batch_sampler")


@dataclass
class Source:
    """Where samples come from.

    Attributes:
        table: The samples table.
        path: The path that the user gave, or None.
        root: The directory that file names are relative to, or None for the current one.
        contained: Whether file names may not lead out of the root.
        listed: Whether the files were listed just now, and need no check.
        keys: Whether the loader listed what is inside of a file, and strings are no paths.
        tolerant: Whether some samples may be such that they cannot be loaded.
    """

    table: pd.DataFrame
    path: str | None = None
    root: str | None = None
    contained: bool = True
    listed: bool = False
    keys: bool = False
    tolerant: bool = False

    def field(self, name: str, loader: Any) -> LoadedField:
        """Make the field *name* that *loader* loads from this source."""
        relay(loader)  # what breaks the contract is told before a column or file is missed
        samples, prefix = self._samples_of(loader)
        field = LoadedField(name, loader, samples, self.path, prefix)
        field.describe(tolerant=self.tolerant)
        return field

    def _samples_of(self, loader: Any) -> tuple[NDArray[Any] | PackedText, str | None]:
        """Pick what *loader* loads, and the prefix of its paths (None: they are no paths)."""
        if implements(loader, "pick_samples"):
            picked = relay(loader).pick_samples(table=as_seen(self.table), source=self.path)
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
        if self.keys:
            return values.to_numpy(object), None
        if not suffixes and not all(isinstance(name, (str, os.PathLike)) for name in values):
            return values.to_numpy(object), None
        names = self._paths(column, suffixes)
        here = self.root in (None, os.curdir)
        # Names that we listed, or that may not leave the root, are relative to it.
        relative = bool(suffixes) if self.listed else self.contained
        if not (here or relative) and any(map(os.path.isabs, names)):
            root = str(self.root)  # as a prefix it would lead elsewhere
            return PackedText.of(os.path.join(root, name) for name in names), ""
        return names, "" if here else os.path.join(str(self.root), "")

    def _paths(self, column: str, suffixes: Sequence[str]) -> PackedText:
        """Return the files that a column names; it keeps its names packed from now on."""
        values = self.table[column]
        held: Any = values.array
        packed = packed_column(values)
        if packed is not None:
            self.table[column] = packed
            held = packed.text  # and a field whose names are these shares them
        if self.listed:
            return held if isinstance(held, PackedText) else PackedText.of(map(os.fspath, held))
        return resolve_paths(
            held, suffixes, root=self.root, contained=self.contained, tolerant=self.tolerant
        )


def plain_source(given: Any) -> Any:
    """Return a source as a path, a DataFrame, a list of names, or arrays.

    Raises:
        ConfigError: It is none of them.
    """
    if isinstance(given, (bytes, os.PathLike)):
        return os.fsdecode(given)
    if isinstance(given, pd.DataFrame):
        _check_table(given)
    elif any(hasattr(given, batched) for batched in _MAKE_BATCHES):
        raise ConfigError(
            f"{quote(type(given).__name__)} makes batches itself. Give it to fit(), or give what it"
            " is made of: files, a table or arrays."
        )
    named = isinstance(given, tuple) and (not given or isinstance(given[0], (str, os.PathLike)))
    if isinstance(given, (str, tuple, Mapping, pd.DataFrame)) and not named:
        return given
    if isinstance(given, (pd.Series, pd.Index)) and given.dtype.kind not in "biuf":
        given = given.to_list()
    elif hasattr(given, "__array__") or is_sparse(given):
        array = as_array(given)
        if array.dtype.kind not in "OUST" or not array.ndim:
            return array
        if array.size and not isinstance(array.flat[0], (bytes, os.PathLike)):
            refuse_objects(array)
        given = array.tolist()
    if isinstance(given, (set, frozenset)) or not isinstance(given, Iterable):
        raise ConfigError(
            f"{quote(given)} is no source. Give a directory, a CSV file, a DataFrame, a list of"
            " file names or ids, or arrays: (x, y)."
        )
    names = [
        os.fsdecode(each)
        if type(each) is not str and isinstance(each, (bytes, os.PathLike))
        else each
        for each in given
    ]
    if not names:
        raise ConfigError("The source has 0 samples: an empty list was given. Give at least one.")
    return names


def _check_table(table: pd.DataFrame) -> None:
    if not len(table):
        raise ConfigError("The source has 0 samples: an empty table was given. Give at least one.")
    if isinstance(table.columns, pd.MultiIndex):
        raise ConfigError(
            f"The table has columns of several levels, such as {quote(table.columns[0])}. Join"
            ' them: df.columns = ["_".join(levels) for levels in df.columns].'
        )
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ConfigError(
            f"The table has the column {quote(twice)} twice. Give every column a name of its own."
        )
    for name in table.columns:
        if not isinstance(name, str):
            raise ConfigError(
                f"The table has a column named {quote(name)}, and names are strings here."
                " Rename the columns: df.rename(columns=str)."
            )


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
    if loader is not None:
        check_hooks(type(loader))  # or one that is not marked would be missed
    lists = loader is not None and implements(loader, "list_samples")
    suffixes = getattr(loader, "suffixes", ())
    if root is not None and suffixes and not lists and not _is_table(path):
        raise ConfigError(
            f"root={quote(root)} was given beside the path {quote(path)}, whose files are named"
            " below it. Leave root= out, or give a list of file names."
        )
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
        return Source(_listed(path, loader), path, root, keys=True)
    if _is_table(path):
        return Source(read_table(path), path, root or os.path.dirname(path) or os.curdir, contained)
    if has_suffix(path, suffixes):
        name = np.array([os.path.basename(path)], object)
        return Source(pd.DataFrame({"sample": name}), path, os.path.dirname(path) or os.curdir)
    raise ConfigError(
        f"{name_of(loader)} does not read {quote(path)}, which is a file."
        " Give a directory, a table or a list of file names, or another loader=."
    )


def _is_table(path: str) -> bool:
    return path.lower().endswith((".csv", ".tsv")) and not os.path.isdir(path)


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
