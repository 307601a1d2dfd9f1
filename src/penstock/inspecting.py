"""What a source is: which loader claims it, what that finds in it, and the call to type.

Nothing here loads Keras, and nothing more of the data than three samples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.candidates import ask_loaders, needed_options
from penstock.errors import ConfigError, PenstockError
from penstock.files import has_suffix
from penstock.findings import find
from penstock.loaders import choose_loader
from penstock.plugins import load
from penstock.sources import open_source
from penstock.tablecolumns import column_of_files, column_of_labels, read_columns

if TYPE_CHECKING:
    from penstock.candidates import Candidate
    from penstock.fields import LoadedField
    from penstock.findings import Finding
    from penstock.sources import Source
    from penstock.tablecolumns import TableColumn

__all__ = ["Inspection", "field_of", "inspect_source"]


@dataclass
class Inspection:
    """What was found out about a source, up to the first thing that is wrong with it.

    Attributes:
        source: What was asked for.
        candidates: The installed loaders.
        loader: The name of the one that reads it, or None.
        columns: The columns of a table, in order.
        found: What is in the source, or None.
        call: What to type, or None.
        problem: What is wrong; empty if nothing is.
    """

    source: str
    candidates: list[Candidate] = field(default_factory=list)
    loader: str | None = None
    columns: list[TableColumn] = field(default_factory=list)
    found: Finding | None = None
    call: str | None = None
    problem: str = ""


def inspect_source(source: str, loader: str | None = None) -> Inspection:
    """Find out what *source* is.

    Args:
        source: The path of a directory or file.
        loader: The name of a loader, to see what it would find; by default
            the one that claims the source.

    Returns:
        What was found out. What is wrong is told in ``problem``, and not raised.
    """
    found = Inspection(source)
    try:
        if not os.path.exists(source):
            _open(found, None)
        found.candidates = ask_loaders(source)
        found.columns = _columns(source)
        _open(found, loader or _reader(found))
    except PenstockError as error:
        found.problem = str(error)
    return found


def field_of(source: str, loader: str | None = None) -> tuple[list[Any], LoadedField]:
    """Return the names of the samples in *source*, and the field that loads them.

    As ``inspect_source``, but for samples that cannot be loaded.

    Raises:
        PenstockError: The source cannot be read.
    """
    found = Inspection(source)
    if os.path.exists(source):
        found.candidates = ask_loaders(source)
        found.columns = _columns(source)
        loader = loader or _reader(found)
    opened, read, _ = _field(found, loader, tolerant=True)
    if read.prefix is not None:
        return read.samples.tolist(), read
    names = opened.table["sample"] if "sample" in opened.table.columns else opened.table.index
    return names.tolist(), read


def _columns(source: str) -> list[TableColumn]:
    table = os.path.isfile(source) and has_suffix(source, (".csv", ".tsv"))
    return read_columns(source) if table else []


def _reader(found: Inspection) -> str | None:
    """Return the loader that reads the source, or None for detection to say why there is none."""
    for each in found.candidates:
        # A table of files is claimed as a table; it is worth more to see the files.
        if found.columns and _files(found, each.loader, each.verdict):
            return each.loader
    for verdict in ("claims", "needs options"):
        names = [each.loader for each in found.candidates if each.verdict == verdict]
        if names:
            return names[0] if len(names) == 1 else None
    return None


def _files(found: Inspection, loader: str, verdict: str = "") -> str | None:
    """Return the column of a table that names files for *loader*."""
    if verdict in ("broken", "disabled"):
        return None
    suffixes = getattr(load("loader", loader), "suffixes", ())
    column = column_of_files(found.columns, found.source, suffixes) if suffixes else None
    return column.name if column else None


def _open(found: Inspection, loader: str | None) -> None:
    opened, read, options = _field(found, loader)
    y_col = options.get("y_col")
    column = next((name for name in (y_col, "label") if name in opened.table.columns), None)
    labels = None if column is None else opened.table[column]
    found.found = find(read, labels, values="encoder" in options)
    found.call = _call(found.source, loader, options)


def _field(
    found: Inspection, loader: str | None, *, tolerant: bool = False
) -> tuple[Source, LoadedField, dict[str, Any]]:
    """Return the source, its field, and the options that are evident."""
    needed = "" if loader is None else needed_options(load("loader", loader))
    options = _evident_options(found, loader, needed) if found.columns else {}
    if needed and not (needed == "column=…" and "x_col" in options):
        found.loader = loader
        found.call = _call(found.source, loader, options, needed)
        raise ConfigError(
            f"The loader {loader!r} needs {needed}, which cannot be guessed. Type: {found.call}"
        )
    asked = {"y_col": options.get("y_col")}
    made = choose_loader(found.source, loader, options.get("x_col"), {}, asked, ())
    found.loader = loader
    opened = open_source(found.source, made, root=None, contained=True, follow_links=False)
    opened.tolerant = tolerant
    return opened, opened.field("x", made), options


def _evident_options(found: Inspection, loader: str | None, needed: str) -> dict[str, Any]:
    """Return what the columns of a table are evidently for, as options of the factory."""
    files = None if loader is None else _files(found, loader)
    labels = column_of_labels([each for each in found.columns if each.name != files])
    x_col = files or (_values(found, labels) if needed == "column=…" else None)
    options: dict[str, Any] = {} if x_col is None else {"x_col": x_col}
    if labels is not None:
        options["y_col"] = labels.name
        if labels.holds == "numbers":
            options["encoder"] = "float"
    return options


def _values(found: Inspection, labels: TableColumn | None) -> list[str] | None:
    """Return the columns of numbers, for a loader that has to be told."""
    return [each.name for each in found.columns if each.holds != "text" and each != labels] or None


def _call(source: str, loader: str | None, options: dict[str, Any], needed: str = "") -> str:
    typed = [_typed(source), f"loader={_typed(loader or '')}"]
    for name, value in options.items():
        several = isinstance(value, list)
        shown = f"[{', '.join(map(_typed, value))}]" if several else _typed(value)
        typed.append(f"{name}={shown}")
    return f"penstock.make_generator({', '.join([*typed, needed] if needed else typed)})"


def _typed(text: str) -> str:
    """Write a string as one types it."""
    plain = text.isprintable() and not {'"', "\\"} & set(text)
    return f'"{text}"' if plain else ascii(text)
