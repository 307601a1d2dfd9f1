"""The decoded cache: from ``cache=`` to a row cache per loaded field."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cachekeys import folder_name, stamper
from penstock.checks import check_choice, check_whole
from penstock.components import options_of
from penstock.diskcache import DiskStore
from penstock.errors import ConfigError, quote
from penstock.folders import cache_folder, refuse_shared
from penstock.rowcache import MemoryStore, RaggedStore, Room, RowCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.fields import LoadedField

__all__ = ["FieldCache", "plan_caches"]

_MEMORY_SHARE = 0.5
_DISK_SHARE = 0.9  # of the room that is free
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(eq=False)
class FieldCache:
    """Where the samples of one field are kept; what is kept does not travel in a pickle.

    Attributes:
        folder: The directory on disk, or None for this process' memory.
        capacity: How many samples to keep at most.
        room: In place of *capacity*, where sizes vary: what all fields keep theirs in.
    """

    folder: str | None
    capacity: int
    room: Room | None = None
    _rows: RowCache | None = field(default=None, init=False, repr=False)

    def open(self, each: LoadedField) -> None:
        """Make ready for the samples of a field."""
        count, spec = len(each.samples), each.spec
        if self.room is not None:
            self._rows = RowCache(count, RaggedStore(self.room))
            return
        capacity = min(self.capacity, count)
        if self.folder is not None:
            self._rows = RowCache(
                count,
                DiskStore(
                    self.folder,
                    spec.shape,
                    spec.dtype,
                    stamps=stamper(each),
                    count=count,
                    capacity=capacity,
                ),
            )
            return
        try:
            self._rows = RowCache(count, MemoryStore(capacity, spec.shape, spec.dtype))
        except MemoryError as error:
            raise ConfigError(
                f'cache="memory" asked for {_spelt(capacity * _width(each))} and did not get them.'
                ' Give a smaller cache_bytes=, or cache="disk".'
            ) from error

    def load(
        self,
        rows: NDArray[Any],
        out: NDArray[Any],
        load: Callable[[NDArray[Any], NDArray[Any]], None],
    ) -> int:
        """Fill *out* with the samples in *rows*; return how many were kept here."""
        assert self._rows is not None
        return self._rows.load(rows, out, load)

    def publish(self, *, last: bool) -> None:
        """Make what was stored readable, for other processes too: soon, or now if it is *last*."""
        if self._rows is not None:
            self._rows.publish(last=last)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None}


def plan_caches(
    fields: Sequence[LoadedField],
    cache: Any,
    cache_bytes: Any,
    cache_dir: str | os.PathLike[str] | None,
) -> None:
    """Give loaded fields their caches.

    Args:
        fields: The fields; those of strings, and boxes, are left alone.
        cache: None, ``"memory"`` or ``"disk"``.
        cache_bytes: How much to keep at most, in bytes; for memory half of what
            the machine has by default, for disk 90 % of what is free.
        cache_dir: Where on disk; the user's cache directory by default.

    Raises:
        ConfigError: A value that cannot work, or samples that a cache on disk
            could not tell from changed ones.
    """
    if cache_bytes is not None:
        cache_bytes = check_whole("cache_bytes", cache_bytes, 1)
        if cache is None:
            raise ConfigError(
                f'cache_bytes={cache_bytes} needs cache="memory" or cache="disk" beside it.'
            )
    if cache is not None:
        check_choice("cache", cache, ("memory", "disk"))
    if cache_dir is not None and cache != "disk":
        _refuse_unused(cache_dir, fields)
    if cache is None:
        return
    # Boxes and what belongs to them stand in the table: there is nothing to keep.
    kept = [each for each in fields if not each.spec.dtype.hasobject and not each.spec.placed]
    if not kept:
        raise ConfigError(f"cache={quote(cache)} keeps numbers, and this source has strings only.")
    base = cache_folder(cache_dir, "samples") if cache == "disk" else None
    budget = cache_bytes
    if budget is None:
        budget = _memory() * _MEMORY_SHARE if base is None else _free(base) * _DISK_SHARE
    room, capacity = None, 0
    if any(each.sizes is not None for each in kept):
        room = Room(int(budget))
    else:
        widths = sum(map(_width, kept))
        capacity = int(budget // widths)
        if cache_bytes is not None and not capacity:
            raise ConfigError(
                f"cache_bytes={cache_bytes} has no room for one sample, which takes {widths:,}"
                " bytes. Give more, or leave cache= out."
            )
    for each in kept:
        folder = None if base is None else os.path.join(base, folder_name(each))
        for path in filter(None, (base, folder)):
            refuse_shared(path, "cache_dir")
        each.cache = FieldCache(folder, capacity, room)
        each.cache.open(each)


def _refuse_unused(cache_dir: str | os.PathLike[str], fields: Sequence[LoadedField]) -> None:
    # Loaders may have such a directory of their own, and were given it.
    if not any("cache_dir" in options_of(type(each.component)) for each in fields):
        raise ConfigError(f'cache_dir={quote(cache_dir)} needs cache="disk" beside it.')


def _width(each: LoadedField) -> int:
    size: int = each.spec.dtype.itemsize
    for length in each.spec.shape:
        size *= length
    return size


def _memory() -> int:
    """Return how many bytes of memory this process may use at most."""
    limits = []
    with suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
            limits.append(int(Path(path).read_text()))
    return min(limits, default=8 << 30)


def _free(folder: str) -> int:
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free


def _spelt(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
