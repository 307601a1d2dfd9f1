"""A new plugin as a project that works: it passes the conformance kit as it is written."""

from __future__ import annotations

import builtins
import keyword
import os
import re
from importlib.resources import files
from importlib.util import find_spec
from string import Template

from penstock.errors import ConfigError, quote
from penstock.switches import BUNDLED, OURS, normal

__all__ = ["write_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40
_USED = {"np", "penstock", "pytest", "write"}  # what else the templates name
_SUMMARIES = {
    "loader": "Numbers from .{short} text files, cut or padded to a length.",
    "encoder": "Numbers that go round, such as hours, as points on a circle.",
    "augmenter": "Gaussian noise, in proportion to the range of a sample.",
}


def write_plugin(name: str, kind: str = "loader", directory: str = os.curdir) -> list[str]:
    """Write the project of a new plugin into a folder of its own.

    Args:
        name: The distribution's name, such as ``penstock-wav``.
        kind: ``"loader"``, ``"encoder"`` or ``"augmenter"``.
        directory: Where the project's folder is made.

    Returns:
        The paths of the files that were written.

    Raises:
        ConfigError: The name cannot be used, or the folder is there already.
    """
    _check_name(name, kind)
    short = _short(name)
    words = {
        "distribution": name,
        "kind": kind,
        "module": name.replace("-", "_"),
        "short": short,
        "summary": _SUMMARIES[kind].format(short=short),
        "title": "".join(word.capitalize() for word in short.split("_")),
    }
    project = os.path.normpath(os.path.join(directory, name))
    contents = {
        "pyproject.toml": _filled("pyproject.toml", words),
        "README.md": _filled(f"{kind}.README.md", words),
        os.path.join("src", words["module"], "__init__.py"): _filled(f"{kind}.py", words),
        os.path.join("src", words["module"], "py.typed"): "",
        os.path.join("tests", f"test_{words['module']}.py"): _filled(f"{kind}_test.py", words),
    }
    try:
        os.makedirs(directory, exist_ok=True)
        os.mkdir(project)
        return [_write(os.path.join(project, path), text) for path, text in contents.items()]
    except FileExistsError as error:
        raise ConfigError(
            f"There is {quote(error.filename)} already, and nothing was overwritten."
            " Give another name, or another --directory."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The project {quote(project)} cannot be written: {error.strerror}."
            " Give another --directory."
        ) from error


def _check_name(name: str, kind: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        plain = normal(re.sub(r"[^A-Za-z0-9._-]+", "-", name))
        better = plain.lstrip("-0123456789")[:_LONGEST].strip("-")
        hint = f" Did you mean {better!r}?" if _NAME.fullmatch(better) else ""
        raise ConfigError(
            f"{quote(name)} is no name for a distribution of at most {_LONGEST} characters: use"
            f" lower-case letters, digits and single hyphens, such as 'penstock-wav'.{hint}"
        )
    short = _short(name)
    plain = short.replace("_", "-")
    home = name if name in OURS else BUNDLED[kind].get(short)
    if home:
        raise ConfigError(
            f"The name {name!r} is taken: it is a name of {home}, which comes with Penstock."
            f" Did you mean 'penstock-my-{plain}'?"
        )
    if keyword.iskeyword(short) or hasattr(builtins, short) or short in _USED:
        raise ConfigError(
            f"The name {name!r} cannot be used: {short!r} means something else in Python."
            f" Did you mean 'penstock-{plain}-{kind}'?"
        )
    module = name.replace("-", "_")
    found = find_spec(module)
    if found is not None and found.origin is not None:
        raise ConfigError(
            f"The name {name!r} cannot be used: there is a module {module!r} already."
            f" Did you mean 'penstock-my-{plain}'?"
        )


def _short(name: str) -> str:
    """Return what users will type, and the component's name in Python."""
    return name.removeprefix("penstock-").replace("-", "_")


def _filled(template: str, words: dict[str, str]) -> str:
    text = (files("penstock") / "templates" / f"{template}.template").read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _write(path: str, text: str) -> str:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return path
