"""Many names looked up in the listings of their folders: cheaper than to ask for each file."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.packedtext import PackedText

__all__ = ["UNKNOWN", "endings_of"]

UNKNOWN = -1

_FEW = 16  # names in a folder that are asked for one by one
_MORE = 4  # a folder with so many times more entries than names is not worth reading
_AT_ONCE = 100_000  # names
_READ_AT_ONCE = 1000  # entries of a folder


def endings_of(
    names: PackedText, suffixes: Sequence[str], base: str, trusted: Callable[[str], bool]
) -> NDArray[np.int16]:
    """Say for each name which ending makes it a regular file, as far as listings tell.

    Args:
        names: Names of files, or ids.
        suffixes: Endings to try for a name that is no file as it stands.
        base: The directory that names are relative to.
        trusted: Whether a folder may be looked into, by its name.

    Returns:
        0 where the name is a file as it stands, *i* + 1 where it is with suffix *i*, and
        UNKNOWN where one has to look: nothing is said of links, or of what is missing.
    """
    found = np.full(len(names), UNKNOWN, np.int16)
    folders: dict[str, int] = {}
    numbers = np.empty(len(names), np.int32)
    for start in range(0, len(names), _AT_ONCE):
        some = [_folder(name) for name in names[start : start + _AT_ONCE]]
        for each in dict.fromkeys(some):
            folders.setdefault(each, len(folders))
        numbers[start : start + len(some)] = [folders[each] for each in some]
    if not len(names):
        return found
    order = np.argsort(numbers, kind="stable")
    borders = np.searchsorted(numbers[order], np.arange(len(folders) + 1))
    for number, folder in enumerate(folders):
        rows = order[borders[number] : borders[number + 1]]
        if len(rows) <= _FEW or not trusted(folder):
            continue
        listing = _Listing(os.path.join(base, folder), _MORE * len(rows))
        for start in range(0, len(rows), _AT_ONCE):
            some_rows = rows[start : start + _AT_ONCE]
            found[some_rows] = [
                0 if name in listing.files else listing.ending(name, suffixes)
                for name in (each[len(folder) :] for each in names[some_rows])
            ]
    return found


def _folder(name: str) -> str:
    """Return the beginning of a name that leads to its folder, with what divides them."""
    if os.altsep is None:
        return name[: name.rfind(os.sep) + 1]
    return name[: len(name) - len(os.path.basename(name))]


class _Listing:
    """What there is in a folder.

    Args:
        path: The folder.
        most: How many entries to read.

    Attributes:
        files: The names of regular files.
    """

    def __init__(self, path: str, most: int) -> None:
        self.files: set[str] = set()
        self._others: set[str] = set()
        self._whole = False
        try:
            with os.scandir(path) as opened:
                entries = iter(opened)
                while some := list(islice(entries, min(_READ_AT_ONCE, most))):
                    most -= len(some)
                    files = [entry.name for entry in some if entry.is_file(follow_symlinks=False)]
                    self.files.update(files)
                    if len(files) < len(some):
                        self._others.update({entry.name for entry in some} - self.files)
                self._whole = next(entries, None) is None
        except (OSError, ValueError):  # whoever asks for the file will be told why
            return

    def ending(self, name: str, suffixes: Sequence[str]) -> int:
        """Return which ending makes a file of a name that is none, or UNKNOWN."""
        if not self._whole or name in self._others or name.lower().endswith(tuple(suffixes)):
            return UNKNOWN
        for number, suffix in enumerate(suffixes):
            if name + suffix in self.files:
                return number + 1
            if name + suffix in self._others:
                return UNKNOWN
        return UNKNOWN
