"""The paths that a table or a list names: resolved below a root, and checked."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleMissing, SampleRefused, enumerate_some, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["resolve_paths"]

_NOT_A_RELATIVE_PATH = re.compile(
    r"^[/\\]|^[A-Za-z]:|^[A-Za-z][A-Za-z0-9+.-]*://|\x00|(^|[/\\])\.\.([/\\]|$)"
)


def resolve_paths(
    names: Iterable[Any],
    suffixes: Sequence[str],
    *,
    root: str | None,
    contained: bool,
    tolerant: bool = False,
) -> NDArray[Any]:
    """Check the files that a table or list names, and complete ids by their suffix.

    Args:
        names: Paths or ids, relative to *root*.
        suffixes: Endings to try for a name that is no file as it stands.
        root: The directory that names are relative to; None for the current one.
        contained: Whether a name may not lead out of *root*: absolute paths,
            ``..``, drives, URLs and links that leave it are refused.
        tolerant: Whether files may be missing, for the loader to find out.

    Returns:
        The names, completed, in an array of dtype object.

    Raises:
        SampleRefused: A name leads out of the root, or is no regular file.
        SampleMissing: Files are missing; says how many and names the first.
    """
    base = os.curdir if root is None else root
    real_root = os.path.realpath(base)
    real_folders: dict[str, bool] = {}
    resolved: list[str] = []
    missing: list[str] = []
    for number, given in enumerate(names):
        name = os.fspath(given) if isinstance(given, os.PathLike) else str(given)
        if contained and _NOT_A_RELATIVE_PATH.search(name):
            raise SampleRefused(
                f"The path {quote(name)} in row {number} may lead out of the root"
                f" {quote(root or os.getcwd())}: absolute paths, '..', drives and URLs are refused."
                " Give paths relative to root=, or pass allow_outside_root=True if you trust them.",
                sample=name,
                index=number,
            )
        found = _find(base, name, suffixes)
        if found is None:
            missing.append(name)
            if tolerant:
                resolved.append(name)
            continue
        name, status = found
        path = os.path.join(base, name)
        if contained and not _inside(path, status, real_root, real_folders):
            raise SampleRefused(
                f"The path {quote(name)} in row {number} is a link out of the root"
                f" {quote(root or os.getcwd())}."
                " Move the file below the root, or pass allow_outside_root=True if you trust it.",
                sample=name,
                index=number,
            )
        if not stat.S_ISREG(
            os.stat(path).st_mode if stat.S_ISLNK(status.st_mode) else status.st_mode
        ):
            raise SampleRefused(
                f"The path {quote(name)} in row {number} is not a regular file. Name files only.",
                sample=name,
                index=number,
            )
        resolved.append(name)
    if missing and not (tolerant and len(missing) < len(resolved)):
        raise SampleMissing(
            f"{len(missing)} of {number + 1} files are missing below"
            f" {quote(root or os.getcwd())}: {enumerate_some(missing)}"
            f"{_tried(suffixes)}.{_sibling(base, missing[0])} Check root= and the names."
        ) from FileNotFoundError(missing[0])
    return np.array(resolved, object)


def _find(base: str, name: str, suffixes: Sequence[str]) -> tuple[str, os.stat_result] | None:
    candidates = [name]
    if not name.lower().endswith(tuple(suffixes)):
        candidates += [name + suffix for suffix in suffixes]
    for candidate in candidates:
        try:
            status = os.lstat(os.path.join(base, candidate))
        except (OSError, ValueError):
            continue
        if candidate == name and len(candidates) > 1 and stat.S_ISDIR(status.st_mode):
            continue  # an id may share its name with a folder
        if stat.S_ISLNK(status.st_mode) and not os.path.exists(os.path.join(base, candidate)):
            continue
        return candidate, status
    return None


def _inside(
    path: str, status: os.stat_result, real_root: str, real_folders: dict[str, bool]
) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return _is_below(os.path.realpath(path), real_root)
    folder = os.path.dirname(path)
    if folder not in real_folders:
        real_folders[folder] = _is_below(os.path.realpath(folder or os.curdir), real_root)
    return real_folders[folder]


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


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
