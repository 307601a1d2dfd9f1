"""Entry points -> components by name, imported when they are asked for and not before."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from penstock.errors import PluginConflict, PluginError, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

__all__ = ["GROUPS", "Plugin", "installed", "load", "load_all"]

GROUPS = {
    "loader": "penstock.loaders",
    "encoder": "penstock.encoders",
    "augmenter": "penstock.augmenters",
}
_BUNDLED = {
    "npy": "penstock-npy",
    "images": "penstock-images",
    "csv": "penstock-csv",
    **dict.fromkeys(
        ("flip", "rotate", "zoom", "shift", "brightness", "contrast"), "penstock-images"
    ),
}


@dataclass(frozen=True)
class Plugin:
    """A component that an installed distribution offers.

    Attributes:
        kind: ``"loader"``, ``"encoder"`` or ``"augmenter"``.
        name: What users type.
        distribution: The distribution's name.
        version: Its version.
        value: Where the component is, as ``module:attribute``.
        status: ``"ok"``, ``"broken"`` or ``"conflict"``, as far as can be seen
            without importing anything.
        reason: Why it is not ok; empty otherwise.
        summary: The first paragraph of the component's docstring.
    """

    kind: str
    name: str
    distribution: str
    version: str
    value: str
    status: str = "ok"
    reason: str = ""
    summary: str = ""


def installed(kind: str | None = None) -> list[Plugin]:
    """List the installed components, sorted by kind and name; import none."""
    found: list[Plugin] = []
    for group_kind in GROUPS if kind is None else (kind,):
        plugins = [_inspected(entry, group_kind) for entry in _entries(group_kind)]
        names = [plugin.name for plugin in plugins]
        for plugin in sorted(plugins, key=lambda p: (p.name, p.distribution)):
            if names.count(plugin.name) > 1:
                rivals = sorted({p.distribution for p in plugins if p.name == plugin.name})
                found.append(
                    replace(plugin, status="conflict", reason=f"offered by {' and '.join(rivals)}")
                )
            else:
                found.append(plugin)
    return found


def load(kind: str, name: str) -> type[Any]:
    """Import the component *name*, and nothing else.

    Args:
        kind: As in ``GROUPS``.
        name: The entry point's name, or ``distribution:name`` where two
            distributions offer one name.

    Raises:
        PluginError: There is no such component, or its import fails.
        PluginConflict: Several distributions offer it.
    """
    distribution, _, short = name.rpartition(":")
    entries = [
        entry
        for entry in _entries(kind)
        if entry.name == short and distribution in ("", _distribution(entry)[0])
    ]
    if not entries:
        raise PluginError(_unknown(kind, name))
    if len(entries) > 1:
        rivals = sorted(f"{_distribution(entry)[0]}:{short}" for entry in entries)
        raise PluginConflict(
            f"{len(entries)} distributions offer the {kind} {name!r}: {', '.join(rivals)}."
            f" Uninstall one, or say {kind}={rivals[0]!r}."
        )
    return _load(entries[0], kind)


def load_all(kind: str) -> Iterator[tuple[str, type[Any] | PluginError]]:
    """Import every component of a kind, each by itself: its class, or why it has none."""
    entries = _entries(kind)
    names = [entry.name for entry in entries]
    for entry in entries:
        name = entry.name
        if names.count(name) > 1:
            name = f"{_distribution(entry)[0]}:{name}"
        try:
            yield name, _load(entry, kind)
        except PluginError as error:
            yield name, error


def _entries(kind: str) -> list[EntryPoint]:
    """Return the entry points of a kind, each once, in a reproducible order."""
    unique = {
        (entry.name, _distribution(entry)[0], entry.value): entry
        for entry in entry_points(group=GROUPS[kind])
    }
    return [unique[key] for key in sorted(unique)]


def _load(entry: EntryPoint, kind: str) -> type[Any]:
    try:
        component = entry.load()
    except (Exception, SystemExit) as error:  # some scripts exit when they are imported
        distribution, version = _distribution(entry)
        raise PluginError(
            f"The {kind} {entry.name!r} of {distribution} {version} cannot be imported from"
            f" {entry.value!r}: {type(error).__name__}: {quote(str(error))}."
            " Mend or uninstall that distribution; nothing else needs it."
        ) from error
    if not isinstance(component, type):
        raise PluginError(
            f"The {kind} {entry.name!r} of {_distribution(entry)[0]} is no class but"
            f" {quote(component)}. Its entry point must name a class."
        )
    return component


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    if entry.dist is None:
        return "unknown", "?"
    return entry.dist.name, entry.dist.version


def _unknown(kind: str, name: str) -> str:
    known = [plugin.name for plugin in installed(kind)]
    hint = suggest(name, known)
    if not hint and name in _BUNDLED:
        hint = f' It comes with a plugin: pip install "{_BUNDLED[name]}".'
    return f"There is no {kind} {quote(name)}.{hint} Installed are: {', '.join(known) or 'none'}."


def _inspected(entry: EntryPoint, kind: str) -> Plugin:
    """Look at the component's source without importing it."""
    distribution, version = _distribution(entry)
    plugin = Plugin(kind, entry.name, distribution, version, entry.value)
    try:
        summary = _summary_of(entry.module, entry.attr)
    except _Broken as broken:
        return replace(plugin, status="broken", reason=str(broken))
    except Exception:  # a source that cannot be looked at says nothing about the plugin
        summary = ""
    return replace(plugin, summary=summary)


class _Broken(Exception):
    """What can be seen to be wrong with a plugin without importing it."""


def _summary_of(module: str, attribute: str, depth: int = 3) -> str:
    path = _source_of(module)
    if path is None:
        return ""
    with open(path, "rb") as file:
        try:
            tree = ast.parse(file.read())
        except SyntaxError as error:
            raise _Broken(f"SyntaxError in {module}, line {error.lineno}") from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
            return " ".join(paragraph.replace("`", "").split())
        if isinstance(node, ast.ImportFrom) and depth and (node.module or node.level):
            for alias in node.names:
                if attribute == (alias.asname or alias.name):
                    return _summary_of(_absolute(module, path, node), alias.name, depth - 1)
    return ""


def _absolute(module: str, path: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".")
    if os.path.basename(path) != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, node.module] if node.module else package)


def _source_of(module: str) -> str | None:
    """Find a module's file; ``find_spec`` of a submodule would import its package."""
    top, *rest = module.split(".")
    loaded = sys.modules.get(top)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(top)
    if spec is None:
        raise _Broken(f"there is no module {top!r}")
    if not rest:
        return spec.origin if spec.origin and spec.origin.endswith(".py") else None
    for place in spec.submodule_search_locations or ():
        stem = os.path.join(place, *rest)
        for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(path):
                return path
    raise _Broken(f"there is no module {module!r}")
