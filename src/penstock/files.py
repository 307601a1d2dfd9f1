"""Files as samples: which there are in a directory, and in which order."""

from __future__ import annotations

import os
import warnings
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from penstock.errors import ConfigError, quote
from penstock.packedtext import PackedText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

__all__ = ["has_suffix", "list_files"]

_LOOK_AT_MOST = 10_000
_AT_ONCE = 1000  # entries of a folder: lists of so many are filtered faster than each by itself


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
        Column ``sample``: paths relative to *directory*, packed. Column ``label``, if
        there are folders: their names, categorical in sorted order.

    Raises:
        ConfigError: There is no such file below *directory*.
    """
    import pandas as pd

    from penstock.textcolumn import TextColumn

    wanted = tuple(suffixes)
    skipped: list[str] = []
    classes, here = _folders_and_files(directory, wanted, follow_links, skipped)
    below = [_walk(directory, name, wanted, follow_links, skipped) for name in classes]
    counts = list(map(len, below))
    labelled = sum(counts) > 0
    paths = PackedText.joined(below) if labelled else PackedText.of(here)
    if not len(paths):
        links = (
            f" {len(skipped)} symbolic links were skipped: pass follow_links=True to follow them."
            if skipped
            else ""
        )
        raise ConfigError(
            f"No {_or(wanted)} file below the directory {quote(directory)}.{links}"
            " Check the path, or name another loader=. Files without that ending are read where"
            " their names are given, in a list or a DataFrame."
        )
    table = pd.DataFrame({"sample": TextColumn(paths)})
    if labelled:
        _warn_of_empty(
            [name for name, count in zip(classes, counts, strict=True) if not count], wanted
        )
        _warn_of_unlabelled(here, wanted)
        codes = np.repeat(np.arange(len(classes), dtype=np.int32), counts)
        table["label"] = pd.Categorical.from_codes(
            codes, categories=pd.Index(classes, dtype=object)
        )
    return table


def _warn_of_empty(folders: list[str], suffixes: tuple[str, ...]) -> None:
    """Say which classes have no samples: a folder of something else, or not yet filled."""
    for name in folders[:5]:
        warnings.warn(
            f"The class folder {quote(name)} has no {_or(suffixes)} file. It keeps its number, as"
            " a class to tell apart; move the folder away if it is none.",
            stacklevel=2,
        )


def _warn_of_unlabelled(files: list[str], suffixes: tuple[str, ...]) -> None:
    """Say that there are files beside the class folders: Keras reads them where labels=None."""
    if files:
        warnings.warn(
            f"{len(files)} {_or(suffixes)} files beside the class folders are left out, such as"
            f" {quote(files[0])}. Move them into a folder, or give the source as a list of names.",
            stacklevel=2,
        )


def _walk(
    root: str, folder: str, suffixes: tuple[str, ...], follow_links: bool, skipped: list[str]
) -> PackedText:
    found: dict[str, PackedText] = {}
    pending = [folder]
    visited = {os.path.realpath(os.path.join(root, folder))} if follow_links else set()
    while pending:
        place = pending.pop()
        folders, files = _folders_and_files(
            os.path.join(root, place), suffixes, follow_links, skipped
        )
        # Packed at once: of all files the names alone would take a hundred bytes each.
        found[place] = PackedText.of(files, before=f"{place}/")
        for name in folders:
            below = f"{place}/{name}"
            if follow_links:
                real = os.path.realpath(os.path.join(root, below))
                if real in visited:  # a link back up would be walked for ever
                    continue
                visited.add(real)
            pending.append(below)
    return PackedText.joined([found[place] for place in sorted(found)])


def _folders_and_files(
    directory: str, suffixes: tuple[str, ...], follow_links: bool, skipped: list[str]
) -> tuple[list[str], list[str]]:
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(directory) as entries:
            while some := list(islice(entries, _AT_ONCE)):
                # Most are files that end as they should; what is not takes longer.
                try:
                    names = [entry.name for entry in some if entry.is_file(follow_symlinks=False)]
                except OSError:  # a file system that does not tell, and an entry that it hides
                    names = []
                fitting = [name for name in names if name.endswith(suffixes)]
                if len(fitting) < len(names):
                    fitting = [name for name in names if name.lower().endswith(suffixes)]
                files += fitting
                if len(names) < len(some):
                    known = set(names)
                    others = [entry for entry in some if entry.name not in known]
                    _look_at(others, suffixes, follow_links, folders, files, skipped)
    except OSError as error:
        raise ConfigError(
            f"The directory {quote(directory)} cannot be listed: {error.strerror}."
        ) from error
    folders.sort()
    files.sort()
    del files[bisect_left(files, ".") : bisect_left(files, chr(ord(".") + 1))]  # hidden
    return folders, files


def _look_at(
    entries: list[os.DirEntry[str]],
    suffixes: tuple[str, ...],
    follow_links: bool,
    folders: list[str],
    files: list[str],
    skipped: list[str],
) -> None:
    """Sort entries that are no plain files into folders, files, and links that are not followed."""
    for entry in entries:
        name = entry.name
        try:
            if name.startswith("."):
                continue
            if not follow_links and entry.is_symlink():
                skipped.append(name)
            elif name.lower().endswith(suffixes) and entry.is_file():
                files.append(name)
            elif entry.is_dir():
                folders.append(name)
        except OSError:  # a link to itself
            skipped.append(name)


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


def _or(suffixes: Sequence[str]) -> str:
    return " or ".join(suffixes)
