"""Files as samples: listing class folders, and resolving the paths in a table."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, SampleMissing, SampleRefused, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["has_suffix", "list_files", "resolve_paths"]

_LOOK_AT_MOST = 10_000
_NOT_A_RELATIVE_PATH = re.compile(r"^[/\\]|^[A-Za-z]:|^[A-Za-z][A-Za-z0-9+.-]*://|\x00|(^|[/\\])\.\.([/\\]|$)")


def list_files(
    directory: str, suffixes: Sequence[str], *, follow_links: bool = False
) -> pd.DataFrame:
    """List the files below *directory*, labelled with the first folder on their way.

    The order is that of ``keras.utils.image_dataset_from_directory``: classes
    sorted, folders within a class sorted by path, files sorted by name. Hidden
    files and folders are left out.

    Args:
        directory: The root.
        suffixes: Lower-case file endings to list, such as ``".npy"``.
        follow_links: Whether symbolic links to files and folders are followed.

    Returns:
        Column ``sample``: paths relative to *directory*. Column ``label``, if
        there are folders: their names, categorical in sorted order.

    Raises:
        ConfigError: There is no such file below *directory*.
    """
    import pandas as pd

    wanted = tuple(suffixes)
    skipped: list[str] = []
    classes, here = _folders_and_files(directory, wanted, follow_links, skipped)
    paths: list[str] = []
    counts: list[int] = []
    for name in classes:
        before = len(paths)
        paths.extend(_walk(directory, name, wanted, follow_links, skipped))
        counts.append(len(paths) - before)
    labelled = sum(counts) > 0
    if not labelled:
        paths = here
    if not paths:
        links = (
            f" {len(skipped)} symbolic links were skipped: pass follow_links=True to follow them."
            if skipped
            else ""
        )
        raise ConfigError(
            f"No {_or(wanted)} file below the directory {quote(directory)}.{links}"
            " Check the path, or name another loader=."
        )
    table = pd.DataFrame({"sample": np.array(paths, object)}, dtype=object)
    if labelled:
        codes = np.repeat(np.arange(len(classes), dtype=np.int32), counts)
        table["label"] = pd.Categorical.from_codes(codes, categories=pd.Index(classes, dtype=object))
    return table


def _walk(
    root: str, folder: str, suffixes: tuple[str, ...], follow_links: bool, skipped: list[str]
) -> list[str]:
    found: list[tuple[str, list[str]]] = []
    pending = [folder]
    visited = {os.path.realpath(os.path.join(root, folder))} if follow_links else set()
    while pending:
        place = pending.pop()
        folders, files = _folders_and_files(os.path.join(root, place), suffixes, follow_links, skipped)
        found.append((place, files))
        for name in folders:
            below = f"{place}/{name}"
            if follow_links:
                real = os.path.realpath(os.path.join(root, below))
                if real in visited:  # a link back up would be walked for ever
                    continue
                visited.add(real)
            pending.append(below)
    found.sort()
    return [f"{place}/{name}" for place, files in found for name in files]


def _folders_and_files(
    directory: str, suffixes: tuple[str, ...], follow_links: bool, skipped: list[str]
) -> tuple[list[str], list[str]]:
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if not follow_links and entry.is_symlink():
                    skipped.append(name)
                elif name.lower().endswith(suffixes) and entry.is_file():
                    files.append(name)
                elif entry.is_dir():
                    folders.append(name)
    except OSError as error:
        raise ConfigError(
            f"The directory {quote(directory)} cannot be listed: {error.strerror}."
        ) from error
    return sorted(folders), sorted(files)


def has_suffix(source: object, suffixes: Sequence[str]) -> bool:
    """Say whether *source* is a file, a list of names or a directory with such files.

    Looks at 10,000 directory entries at most.
    """
    wanted = tuple(suffixes)
    if isinstance(source, str):
        if os.path.isdir(source):
            return any(name.lower().endswith(wanted) for name in _some_names(source))
        return source.lower().endswith(wanted)
    if isinstance(source, (list, np.ndarray)) and len(source):
        return all(isinstance(name, str) and name.lower().endswith(wanted) for name in source[:100])
    return False


def _some_names(directory: str) -> Iterator[str]:
    pending, looked = [directory], 0
    while pending and looked < _LOOK_AT_MOST:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    looked += 1
                    if looked > _LOOK_AT_MOST:
                        return
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry.name
        except OSError:
            continue


def resolve_paths(
    names: Iterable[Any],
    suffixes: Sequence[str],
    *,
    root: str | None,
    contained: bool,
) -> NDArray[Any]:
    """Check the files that a table or list names, and complete ids by their suffix.

    Args:
        names: Paths or ids, relative to *root*.
        suffixes: Endings to try for a name that is no file as it stands.
        root: The directory that names are relative to; None for the current one.
        contained: Whether a name may not lead out of *root*: absolute paths,
            ``..``, drives, URLs and links that leave it are refused.

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
                " Give paths relative to root=, or pass allow_outside_root=True if you trust the table.",
                sample=name,
                index=number,
            )
        found = _find(base, name, suffixes)
        if found is None:
            missing.append(name)
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
        if not stat.S_ISREG(os.stat(path).st_mode if stat.S_ISLNK(status.st_mode) else status.st_mode):
            raise SampleRefused(
                f"The path {quote(name)} in row {number} is not a regular file. Name files only.",
                sample=name,
                index=number,
            )
        resolved.append(name)
    if missing:
        raise SampleMissing(
            f"{len(missing)} of {len(missing) + len(resolved)} files are missing below"
            f" {quote(root or os.getcwd())}; the first is {quote(missing[0])}"
            f"{_tried(suffixes)}. Check root= and the names."
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


def _or(suffixes: Sequence[str]) -> str:
    return " or ".join(suffixes)


def _tried(suffixes: Sequence[str]) -> str:
    return f" (tried as it stands and with {_or(suffixes)})" if suffixes else ""
