"""Where packed files are kept, and how they get there whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.errors import ConfigError, quote
from penstock_csv.packfile import FORMAT, PackWriter, open_pack
from penstock_csv.packing import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock_csv.packfile import PackFile
    from penstock_csv.parsing import Plan

__all__ = ["packed"]

# A run that was killed leaves its unfinished file; after this long nobody works on it any more.
_ABANDONED_S = 86_400.0


def packed(
    path: str, options: Mapping[str, Any], folder: str, plan: Callable[[], Plan], *, progress: bool
) -> PackFile:
    """Return the packed table, made now unless a sound one is there.

    Args:
        path: The table.
        options: What the user chose; another choice is another packed file.
        folder: Where packed files are kept.
        plan: Says what to make of the table; called only if it has to be packed.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: The table cannot be parsed, or there is no room to pack it.
    """
    key = _key(path, options)
    place = os.path.join(folder, _name(key))
    found = open_pack(place, key)
    if found is not None:
        return found
    planned = plan()
    try:
        made = _make(planned, place, key, progress)
    except OSError as error:
        warnings.warn(
            f"The packed rows of {quote(path)} cannot be kept in {quote(folder)} "
            f"({error.strerror or error}); they go to a temporary directory and are packed again "
            "by the next run. Name a directory with room in cache_dir=.",
            stacklevel=2,
        )
        return _make_temporarily(planned, key, progress)
    _remove_stale(folder, os.path.basename(place))
    return made


def _key(path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    state = os.stat(path)
    key = {
        "format": FORMAT,
        "byteorder": sys.byteorder,
        "path": os.fsencode(os.path.abspath(path)).hex(),
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "options": options,
    }
    # As it will be when it has been through JSON: lists for tuples.
    normal: dict[str, Any] = json.loads(json.dumps(key))
    return normal


def _name(key: Mapping[str, Any]) -> str:
    """Name a packed file so that those of one table, and of one state of it, can be told."""
    table = _digest(key["path"])
    state = _digest((key["size"], key["mtime_ns"]))
    options = _digest((key["options"], key["format"], key["byteorder"]))
    return f"{table}-{state}-{options}.pack"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _make(plan: Plan, path: str, key: Mapping[str, Any], progress: bool) -> PackFile:
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Made aside and renamed: another process sees a whole file or none, and of two that are
    # made at once either will do.
    descriptor, aside = tempfile.mkstemp(suffix=".tmp", prefix=f"{name}-", dir=folder)
    try:
        with open(descriptor, "w+b") as file:
            pack(plan, PackWriter(file, key, plan.features, plan.dtype), progress=progress)
        state = os.stat(plan.path)
        if (state.st_size, state.st_mtime_ns) != (key["size"], key["mtime_ns"]):
            raise ConfigError(
                f"The table {quote(plan.path)} changed while it was read. Try again when it is "
                "complete."
            )
        os.replace(aside, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)
    made = open_pack(path, key, verify=False)
    if made is None:
        raise OSError(0, "the packed file vanished")
    return made


def _make_temporarily(plan: Plan, key: Mapping[str, Any], progress: bool) -> PackFile:
    folder = tempfile.mkdtemp(prefix="penstock-csv-")
    try:
        made = _make(plan, os.path.join(folder, _name(key)), key, progress)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ConfigError(
            f"The table {quote(plan.path)} cannot be packed to {quote(folder)}: "
            f"{error.strerror or error}. Name a directory with room in cache_dir=."
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(made, _remove_folder, folder, os.getpid())
    return made


def _remove_folder(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # A forked worker's end is not the end of its parent's files.
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(folder: str, current: str) -> None:
    """Remove what was packed from earlier states of the table, and what was abandoned."""
    table, state, _ = current.split("-")
    state_and_options = r"-(?P<state>[0-9a-f]{16})-[0-9a-f]{16}"
    ours = re.compile(rf"{table}{state_and_options}\.pack(?P<aside>-.*\.tmp)?")
    with suppress(OSError):
        for entry in os.scandir(folder):
            found = ours.fullmatch(entry.name)
            if not found:
                continue
            if found["aside"]:
                stale = time.time() - entry.stat().st_mtime > _ABANDONED_S
            else:
                stale = found["state"] != state
            if stale:
                with suppress(OSError):  # Windows keeps files that are mapped.
                    os.unlink(entry.path)
