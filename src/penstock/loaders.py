"""The loader of a single input: given, named, implied by a table, or detected."""

from __future__ import annotations

import os
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from penstock.components import (
    build,
    implements,
    instance,
    make,
    name_of,
    options_of,
    refuse_options,
    relay,
)
from penstock.errors import (
    ConfigError,
    PenstockError,
    PluginConflict,
    PluginError,
    quote,
    suggest,
)
from penstock.files import has_suffix
from penstock.plugins import load, load_all

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["choose_loader", "detect_loader"]

_KNOWN = {
    ".npy": "penstock-npy",
    ".wav": "penstock-audio",
    ".csv": "penstock-csv",
    ".tsv": "penstock-csv",
    **dict.fromkeys(
        (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"), "penstock-images"
    ),
}
# Files that lie beside data of any kind, or that many plugins read: claimed by nobody here.
_BY_NAME = {".txt": "text", ".wav": "audio"}


def choose_loader(
    given: Any,
    loader: Any,
    x_col: Any,
    options: dict[str, Any],
    shared: dict[str, Any],
    also: Iterable[str],
) -> Any:
    """Return the loader of a single input.

    Args:
        given: The source.
        loader: What the user gave as ``loader=``: an instance, a name or None.
        x_col: The column, or columns, that it reads.
        options: The loader's options.
        shared: The generator's options.
        also: Names of the generator's options, to suggest for a misspelt one.

    Raises:
        ConfigError: An option, or a column, is not there.
        PluginError: No loader can be made, or none claims the source.
    """
    if loader is not None and not isinstance(loader, str):
        refuse_options(options, f"the instance {name_of(loader)}")
        chosen = instance("loader", loader, shared)
        return chosen if x_col is None else _at_column(chosen, x_col)
    if isinstance(given, pd.DataFrame) and loader is None:
        loader = _implied(given, x_col)
    if loader is not None:
        named = _reading(load("loader", loader), options, x_col)
        return build("loader", loader, named, shared, also)
    names = given[x_col].tolist() if isinstance(given, pd.DataFrame) else given
    return detect_loader(names, x_col, options, shared, also)


def _at_column(loader: Any, x_col: Any) -> Any:
    if not is_dataclass(loader) or not hasattr(loader, "column"):
        raise ConfigError(
            f"x_col={quote(x_col)} was given beside {name_of(loader)}, which has no option"
            " 'column'. Leave x_col= out."
        )
    column = x_col if isinstance(x_col, str) else tuple(x_col)
    return replace(loader, column=column)  # type: ignore[type-var]


def _reading(component: type[Any], options: dict[str, Any], x_col: Any) -> dict[str, Any]:
    """Add what ``x_col`` means to a loader: a file has its name in a column, a row has columns."""
    if x_col is None:
        return options
    names = (x_col,) if isinstance(x_col, str) else tuple(x_col)
    known = options_of(component)
    if "columns" in known and "column" not in known:
        return {**options, "columns": names}
    return {**options, "column": x_col if isinstance(x_col, str) else names}


def _implied(table: pd.DataFrame, x_col: Any) -> str | None:
    names = [x_col] if isinstance(x_col, str) else list(x_col or ())
    if not names:
        raise ConfigError(
            "A DataFrame needs x_col= (the column that names what to load, or the columns of"
            f" values) or inputs=. Its columns are {quote([str(name) for name in table.columns])}."
        )
    for name in names:
        if name not in table.columns:
            raise ConfigError(
                f"x_col= names the column {quote(name)}, which is not there."
                f"{suggest(name, map(str, table.columns))}"
                f" The columns are {quote([str(known) for known in table.columns])}."
            )
    several = not isinstance(x_col, str)
    return "columns" if several or table[x_col].dtype.kind in "biuf" else None


def detect_loader(
    given: Any,
    x_col: Any,
    options: dict[str, Any],
    shared: dict[str, Any],
    also: Iterable[str] = (),
) -> Any:
    """Find the one installed loader that claims a source.

    Args:
        given: A path, or a list of file names.
        x_col: The column, or columns, that it reads.
        options: The options that the user typed for the loader.
        shared: The generator's options.
        also: Names that the user could have meant beside the loader's options.

    Raises:
        PluginError: None claims it; says what is installed and what would read it.
        PluginConflict: Several claim it.
    """
    if isinstance(given, str) and not os.path.exists(given):
        raise ConfigError(
            f"There is no file or directory {quote(given)} (looked from {quote(os.getcwd())})."
            " Check the path."
        )
    claiming: dict[str, type[Any]] = {}
    failures: list[str] = []
    known: list[str] = []
    for name, component in load_all("loader"):
        if isinstance(component, PenstockError):
            failures.append(str(component))
            continue
        known.append(name)
        try:
            if _claims(component, given):
                claiming[name] = component
        except Exception as error:
            failures.append(f"The loader {name!r} failed to look at it: {quote(str(error))}")
    if len(claiming) > 1:
        names = sorted(claiming)
        raise PluginConflict(
            f"The source {quote(given)} is claimed by several loaders: {', '.join(names)}."
            f" Say which: loader={names[0]!r} or loader={names[1]!r}."
        )
    if not claiming:
        if isinstance(given, str) and os.path.isdir(given) and not os.listdir(given):
            raise ConfigError(f"The directory {quote(given)} is empty. Check the path.")
        raise PluginError(_unclaimed(given, known, failures))
    name, component = claiming.popitem()
    named = _reading(component, options, x_col)
    return make(component, f"loader {name!r}", named, shared, also)


def _claims(component: type[Any], given: Any) -> bool:
    if implements(component, "claims_source"):
        needed = [p for p in options_of(component).values() if p.default is p.empty]
        return not needed and bool(relay(component()).claims_source(source=given))
    return has_suffix(given, getattr(component, "suffixes", ()))


def _unclaimed(given: Any, known: list[str], failures: list[str]) -> str:
    missing = sorted(
        {package for suffix, package in _KNOWN.items() if has_suffix(given, (suffix,))}
    )
    hint = f" pip install {' '.join(missing)} would read it." if missing else ""
    for suffix, name in _BY_NAME.items():
        if name in known and has_suffix(given, (suffix,)):
            hint = f" {suffix} files are read where you say so: loader={name!r}."
    broken = f" Not usable: {' '.join(failures)}" if failures else ""
    return (
        f"No installed loader claims the source {quote(given)}.{hint}"
        f" Installed are: {', '.join(known)}. Name one with loader=, install a plugin, or write"
        " one: a function of a path will do as loader=, and penstock new-plugin begins a plugin."
        f"{broken}"
    )
