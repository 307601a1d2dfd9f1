"""Loaded samples, kept so that each is loaded once.

A cache sits between a field and its loader: before augmentation, and so the
same for every epoch. What it holds is what the loader wrote, byte for byte.
Samples are admitted until the room is used up and never thrown out again: with
every epoch asking for every sample once, whatever were thrown out would be the
next to be missed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ABSENT", "UNSEEN", "MemoryStore", "RaggedStore", "Room", "RowCache", "Store"]

# What a row of the samples table has in place of a slot.
UNSEEN = -1  # the store was not asked for it yet
ABSENT = -2  # it is not there
_CLAIMED = -3  # a thread is storing it

_HEAD = 128  # bytes that an array takes beside its content


class Store(Protocol):
    """Where a cache keeps loaded samples, in numbered slots."""

    def find(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slots of *rows* of the samples table; ABSENT for those it has not."""

    def read(self, slots: NDArray[np.int64], out: NDArray[Any]) -> NDArray[np.bool_]:
        """Copy slots to *out*; say for each whether it could be read."""

    def admit(self, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
        """Keep the loaded *values* of *rows*; return their slots, ABSENT where none was left."""

    def publish(self, *, last: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Make what was admitted since the last time readable; return rows and slots that are.

        It may wait for more to come, but where this is the *last* time.
        """


class RowCache:
    """Keeps the samples of one field.

    Safe to use from several threads: a sample that two of them load at once is
    stored once, and is read only when it is there in full.

    Args:
        count: Rows of the samples table.
        store: Where samples are kept.
    """

    def __init__(self, count: int, store: Store) -> None:
        self._store = store
        self._slots = np.full(count, UNSEEN, np.int64)
        # The garbage collector may end a sequence that shares this, in the thread that holds it.
        self._lock = threading.RLock()
        renew_after_fork(self, kind=threading.RLock)

    def load(
        self,
        rows: NDArray[np.int64],
        out: NDArray[Any],
        load: Callable[[NDArray[np.int64], NDArray[Any]], None],
    ) -> int:
        """Fill *out* with the samples in *rows*; *load* those that are not here.

        Returns:
            How many were here.
        """
        slots = self._slots[rows]
        unseen = slots == UNSEEN
        if unseen.any():
            slots[unseen] = self._seen(rows[unseen])
        here = slots >= 0
        if here.all():
            here = self._store.read(slots, out)
        else:
            for start, stop in _runs(here):
                here[start:stop] = self._store.read(slots[start:stop], out[start:stop])
        if here.all():
            return len(rows)
        with self._lock:
            self._slots[rows[~here & (slots >= 0)]] = ABSENT  # they were, and are damaged
        for start, stop in _runs(~here):
            load(rows[start:stop], out[start:stop])
            self._keep(rows[start:stop], out[start:stop])
        return int(np.count_nonzero(here))

    def publish(self, *, last: bool) -> None:
        """Make what was stored readable, for other processes too: soon, or now if it is *last*."""
        rows, slots = self._store.publish(last=last)
        with self._lock:
            self._slots[rows] = slots

    def _seen(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        found = self._store.find(rows)
        with self._lock:
            still = self._slots[rows] == UNSEEN
            self._slots[rows[still]] = found[still]
            return self._slots[rows]

    def _keep(self, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        once = np.zeros(len(rows), np.bool_)  # a view may have a row twice
        once[np.unique(rows, return_index=True)[1]] = True
        with self._lock:
            fresh = once & (self._slots[rows] == ABSENT)
            if not fresh.any():
                return
            self._slots[rows[fresh]] = _CLAIMED
        rows, values = rows[fresh], values if fresh.all() else values[fresh]
        slots = np.full(len(rows), ABSENT)
        try:
            slots = self._store.admit(rows, values)
        finally:
            with self._lock:
                # Not those that were published meanwhile, and have a slot by now.
                mine = self._slots[rows] == _CLAIMED
                self._slots[rows[mine]] = slots[mine]


class MemoryStore:
    """Keeps samples in this process' memory.

    Args:
        capacity: How many samples there is room for.
        shape: Shape of one.
        dtype: Its dtype.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        # The system gives the memory page by page, as samples come.
        self._samples = np.empty((capacity, *shape), dtype)
        self._used = 0
        self._lock = threading.Lock()
        renew_after_fork(self)

    def find(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``Store``."""
        return np.full(len(rows), ABSENT, np.int64)

    def read(self, slots: NDArray[np.int64], out: NDArray[Any]) -> NDArray[np.bool_]:
        """See ``Store``."""
        self._samples.take(slots, axis=0, out=out, mode="clip")
        return np.ones(len(slots), np.bool_)

    def admit(self, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
        """See ``Store``."""
        with self._lock:
            start = self._used
            stop = self._used = min(start + len(rows), len(self._samples))
        self._samples[start:stop] = values[: stop - start]
        slots = np.full(len(rows), ABSENT, np.int64)
        slots[: stop - start] = np.arange(start, stop)
        return slots

    def publish(self, *, last: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # noqa: ARG002
        """See ``Store``: what is here can be read at once."""
        none = np.zeros(0, np.int64)
        return none, none


class Room:
    """Bytes of this process' memory that several stores share.

    Args:
        size: How many there are.
    """

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._lock = threading.Lock()
        renew_after_fork(self)

    def take(self, size: int) -> bool:
        """Take *size* bytes, if there are so many left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self._size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # empty again, as what it was for stays behind


class RaggedStore(MemoryStore):
    """Keeps samples of different sizes in this process' memory, each by itself.

    Args:
        room: What they take their bytes from.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._kept: list[NDArray[Any]] = []
        self._lock = threading.Lock()
        renew_after_fork(self)

    def read(self, slots: NDArray[np.int64], out: NDArray[Any]) -> NDArray[np.bool_]:
        """See ``Store``."""
        for place, slot in enumerate(slots.tolist()):
            out[place] = self._kept[slot]
        return np.ones(len(slots), np.bool_)

    def admit(self, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
        """See ``Store``."""
        slots = np.full(len(rows), ABSENT, np.int64)
        for place, value in enumerate(values):
            if self._room.take(value.nbytes + _HEAD):
                with self._lock:
                    slots[place] = len(self._kept)
                    self._kept.append(np.array(value))
        return slots


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, stop) of each stretch of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
