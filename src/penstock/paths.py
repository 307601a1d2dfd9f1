"""The paths that a table or a list names: resolved below a root, and checked."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleMissing, SampleRefused, enumerate_some, quote
from penstock.packedtext import PackedText, in_chunks
from penstock.wherefiles import UNKNOWN, endings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["resolve_paths"]

_NOT_A_RELATIVE_PATH = re.compile(
    r"^[/\\]|^[A-Za-z]:|^[A-Za-z][A-Za-z0-9+.-]*://|\x00|(^|[/\\])\.\.([/\\]|$)"
)


def resolve_paths(
    names: Any,
    suffixes: Sequence[str],
    *,
    root: str | None,
    contained: bool,
    tolerant: bool = False,
) -> PackedText:
    """Check the files that a table or list names, and complete ids by their suffix.

    Args:
        names: Paths or ids, relative to *root*.
        suffixes: Endings to try for a name that is no file as it stands.
        root: The directory that names are relative to; None for the current one.
        contained: Whether a name may not lead out of *root*: absolute paths,
            ``..``, drives, URLs and links that leave it are refused.
        tolerant: Whether files may be missing, for the loader to find out.

    Returns:
        The names, completed.

    Raises:
        SampleRefused: A name leads out of the root, or is no regular file.
        SampleMissing: Files are missing; says how many and names the first.
    """
    given = names if isinstance(names, PackedText) else PackedText.of(_spelt(names))
    if contained:
        _refuse_leaving(given, root)
    base = os.curdir if root is None else root
    inside = _Inside(base)
    endings = endings_of(given, suffixes, base, inside.folder if contained else lambda _: True)
    missing: list[str] = []
    for row in np.flatnonzero(endings == UNKNOWN).tolist():
        name = given[row]
        found = _find(base, name, suffixes)
        if found is None:
            missing.append(name)
            endings[row] = 0
            continue
        endings[row], status = found
        path = os.path.join(base, _completed(name, endings[row], suffixes))
        if contained and not inside.file(path, status):
            raise SampleRefused(
                f"The path {quote(name)} in row {row} is a link out of the root"
                f" {quote(root or os.getcwd())}."
                " Move the file below the root, or pass allow_outside_root=True if you trust it.",
                sample=name,
                index=row,
            )
        if not stat.S_ISREG(
            os.stat(path).st_mode if stat.S_ISLNK(status.st_mode) else status.st_mode
        ):
            raise SampleRefused(
                f"The path {quote(name)} in row {row} is not a regular file. Name files only.",
                sample=name,
                index=row,
            )
    if missing and not (tolerant and len(missing) < len(given)):
        raise SampleMissing(
            f"{len(missing)} of {len(given)} files are missing below"
            f" {quote(root or os.getcwd())}: {enumerate_some(missing)}"
            f"{_tried(suffixes)}.{_sibling(base, missing[0])} Check root= and the names."
        ) from FileNotFoundError(missing[0])
    if not endings.any():
        return given
    both = zip(given, endings, strict=True)
    return PackedText.of(_completed(name, ending, suffixes) for name, ending in both)


def _spelt(names: Any) -> Iterator[str]:
    for some in in_chunks(names):
        for name in some:
            if type(name) is str:
                yield name
            else:
                yield os.fspath(name) if isinstance(name, os.PathLike) else str(name)


def _completed(name: str, ending: int, suffixes: Sequence[str]) -> str:
    return name + suffixes[ending - 1] if ending else name


def _refuse_leaving(names: PackedText, root: str | None) -> None:
    """Refuse names that may lead out of the root, by what they look like."""
    number = 0
    for some in in_chunks(names):
        # In most tables none is at all like these, which is seen much faster of all at once.
        text = "\n".join(["", *some])
        if any(mark in text for mark in ("..", ":", "\0", "\n/", "\n\\")):
            for row, name in enumerate(some, number):
                if _NOT_A_RELATIVE_PATH.search(name):
                    raise SampleRefused(
                        f"The path {quote(name)} in row {row} may lead out of the root"
                        f" {quote(root or os.getcwd())}: absolute paths, '..', drives and URLs are"
                        " refused. Give paths relative to root=, or pass allow_outside_root=True"
                        " if you trust them.",
                        sample=name,
                        index=row,
                    )
        number += len(some)


class _Inside:
    """Tells what is below a root from what is not, links followed."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._root = os.path.realpath(base)
        self._known: dict[str, bool] = {}

    def folder(self, name: str) -> bool:
        """Say whether a folder, named relative to the root, is below it."""
        return self._is_folder(os.path.dirname(os.path.join(self._base, name, "")))

    def file(self, path: str, status: os.stat_result) -> bool:
        """Say whether a file is."""
        if stat.S_ISLNK(status.st_mode):
            return self._is_below(os.path.realpath(path))
        return self._is_folder(os.path.dirname(path))

    def _is_folder(self, folder: str) -> bool:
        if folder not in self._known:
            self._known[folder] = self._is_below(os.path.realpath(folder or os.curdir))
        return self._known[folder]

    def _is_below(self, path: str) -> bool:
        return path == self._root or path.startswith(self._root.rstrip(os.sep) + os.sep)


def _find(base: str, name: str, suffixes: Sequence[str]) -> tuple[int, os.stat_result] | None:
    """Return which ending makes a file of a name, as ``endings_of`` does, and its state."""
    candidates = [name]
    if not name.lower().endswith(tuple(suffixes)):
        candidates += [name + suffix for suffix in suffixes]
    for ending, candidate in enumerate(candidates):
        try:
            status = os.lstat(os.path.join(base, candidate))
        except (OSError, ValueError):
            continue
        if candidate == name and len(candidates) > 1 and stat.S_ISDIR(status.st_mode):
            continue  # an id may share its name with a folder
        if stat.S_ISLNK(status.st_mode) and not os.path.exists(os.path.join(base, candidate)):
            continue
        return ending, status
    return None


def _sibling(base: str, name: str) -> str:
    """Say which file of that stem there is, if there is one."""
    path = os.path.join(base, name)
    try:
        names = sorted(os.listdir(os.path.dirname(path) or os.curdir))
    except (OSError, ValueError):
        return ""
    stem = os.path.basename(path) + "."
    near = next((each for each in names if each.startswith(stem)), None)
    return f" There is {quote(near)}." if near else ""


def _tried(suffixes: Sequence[str]) -> str:
    return f" (tried as it stands and with {' or '.join(suffixes)})" if suffixes else ""
