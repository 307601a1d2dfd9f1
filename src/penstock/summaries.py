"""What a component's source says about it, read without importing it."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from typing import NamedTuple

__all__ = ["BrokenSource", "Summary", "summary_of"]


class BrokenSource(Exception):
    """What can be seen to be wrong with a component without importing it."""


class Summary(NamedTuple):
    """What the source of a component's class says.

    Attributes:
        text: The first paragraph of its docstring, in one line.
        api: Its ``penstock_api``, where that is written as a number; 1 otherwise.
    """

    text: str = ""
    api: int = 1


def summary_of(module: str, attribute: str, depth: int = 3) -> Summary:
    """Find a class in the source of *module*, and follow imports of it into others.

    Args:
        module: The module's full name.
        attribute: The class' name in it.
        depth: How many imports to follow.

    Returns:
        What it says; empty for what is no class in a Python file.

    Raises:
        BrokenSource: There is no such module, or it does not parse.
    """
    path = _source_of(module)
    if path is None:
        return Summary()
    with open(path, "rb") as file:
        try:
            tree = ast.parse(file.read())
        except SyntaxError as error:
            raise BrokenSource(f"SyntaxError in {module}, line {error.lineno}") from error
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == attribute:
            paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
            return Summary(" ".join(paragraph.replace("`", "").split()), _api_of(node))
        if isinstance(node, ast.ImportFrom) and depth and (node.module or node.level):
            for alias in node.names:
                if attribute == (alias.asname or alias.name):
                    return summary_of(_absolute(module, path, node), alias.name, depth - 1)
    return Summary()


def _api_of(node: ast.ClassDef | ast.FunctionDef) -> int:
    for each in node.body:
        targets = (
            [each.target]
            if isinstance(each, ast.AnnAssign)
            else each.targets
            if isinstance(each, ast.Assign)
            else []
        )
        named = any(isinstance(name, ast.Name) and name.id == "penstock_api" for name in targets)
        value = getattr(each, "value", None)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, int):
            return value.value
    return 1


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
        raise BrokenSource(f"there is no module {top!r}")
    if not rest:
        return spec.origin if spec.origin and spec.origin.endswith(".py") else None
    for place in spec.submodule_search_locations or ():
        stem = os.path.join(place, *rest)
        for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(path):
                return path
    raise BrokenSource(f"there is no module {module!r}")
