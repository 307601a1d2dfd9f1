"""Loaded samples on disk, in segments that are written once.

A segment is a file of packed rows, then an index, then a footer. It is written
under another name and renamed when it is whole: other processes see all of it
or nothing, and what is published never changes, so that it can be mapped and
shared. The index has a stamp per row, made of the file's path, size and times of
change: a file that changed has another stamp, is not found, and is stored anew
in the next segment. A checksum per row makes damage a miss.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import quote
from penstock.forks import renew_after_fork
from penstock.rowcache import ABSENT
from penstock.segments import Part, open_segment, published

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.segments import Segment

__all__ = ["DiskStore"]

_PENDING = -4  # stored, and not published yet
_EAGER = 16  # segments that a run publishes as soon as it may; then fewer
_PATIENCE_S = 600.0


class DiskStore:
    """Keeps samples in a directory, for this process, later ones and others at the same time.

    Args:
        folder: The directory; all in it are samples of one loader with one set
            of options, in this shape and dtype.
        shape: Shape of one sample.
        dtype: Its dtype.
        stamps: Returns a stamp per row, of shape ``(n, 2)`` and dtype uint64;
            (0, 0) where there is none, because the file is not there.
        count: Rows of the samples table.
        capacity: How many samples to add at most.
    """

    def __init__(
        self,
        folder: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        stamps: Callable[[NDArray[np.int64]], NDArray[np.uint64]],
        count: int,
        capacity: int,
    ) -> None:
        self._folder = folder
        self._shape, self._dtype = shape, dtype
        self._stamps_of = stamps
        self._stamps = np.zeros((count, 2), np.uint64)
        self._left = capacity
        self._published = 0  # segments of this run
        self._stored = 0  # rows in them
        self._since = time.monotonic()
        # The garbage collector may come at any step, and end a sequence that shares this: that
        # is to find the lock its own, and what it guards in the middle of something.
        self._lock = threading.RLock()
        self._inside: int | None = None  # the thread that is
        renew_after_fork(self, kind=threading.RLock)
        self._part: Part | None = None
        self._segments: list[Segment] = []
        self._starts = np.zeros(0, np.int64)
        for path in published(folder):
            self._add(open_segment(path, shape, dtype))
        self._index_segments()

    def find(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``Store``."""
        stamps = self._stamps[rows] = self._stamps_of(rows)
        places = np.searchsorted(self._sorted["f0"], stamps[:, 0])
        slots = np.full(len(rows), ABSENT, np.int64)
        near = np.flatnonzero(places < len(self._sorted))
        entry = self._sorted[places[near]]
        same = (entry["f0"] == stamps[near, 0]) & (entry["f1"] == stamps[near, 1])
        slots[near[same]] = entry["f2"][same]
        return slots

    def read(self, slots: NDArray[np.int64], out: NDArray[Any]) -> NDArray[np.bool_]:
        """See ``Store``."""
        owners = np.searchsorted(self._starts, slots, side="right") - 1
        local = slots - self._starts[owners]
        first = int(owners[0]) if len(owners) else 0
        if (owners == first).all():
            return self._segments[first].read(local, out) if len(owners) else owners == 0
        good = [
            self._segments[owner].read(local[at : at + 1], out[at : at + 1])
            for at, owner in enumerate(owners)
        ]
        return np.concatenate(good)

    def admit(self, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
        """See ``Store``."""
        with self._lock:
            if self._inside == threading.get_ident():
                return np.full(len(rows), ABSENT, np.int64)
            try:
                self._inside = threading.get_ident()
                return self._admit(rows, values)
            finally:
                self._inside = None

    def publish(self, *, last: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See ``Store``."""
        with self._lock:
            none = np.zeros(0, np.int64)
            if self._inside == threading.get_ident():
                return none, none
            try:
                self._inside = threading.get_ident()
                return self._publish(last=last) or (none, none)
            finally:
                self._inside = None

    def _admit(self, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
        slots = np.full(len(rows), ABSENT, np.int64)
        stamps = self._stamps[rows]
        known = np.flatnonzero(stamps.any(axis=1))[: self._left]
        if not len(known):
            return slots
        self._left -= len(known)
        try:
            if self._part is None or self._part.pid != os.getpid():
                self._part = Part(self._folder)
            for at in known:
                self._part.write(int(rows[at]), stamps[at], values[at : at + 1])
        except OSError as error:
            self._give_up(error)
            return slots
        slots[known] = _PENDING
        return slots

    def _publish(self, *, last: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        part = self._part
        if part is None or (not last and self._can_wait(len(part.rows))):
            return None
        self._part = None
        if part.pid != os.getpid():
            return None
        try:
            path = part.publish()
        except OSError as error:
            self._give_up(error)
            return None
        segment = open_segment(path, self._shape, self._dtype) if path else None
        if segment is None:
            return None
        segment.unverified[:] = False  # written just now
        start = self._add(segment)
        self._published += 1
        self._stored += len(segment.unverified)
        self._since = time.monotonic()
        return part.rows, start + np.arange(len(segment.unverified))

    def _can_wait(self, count: int) -> bool:
        """Say whether *count* rows are few, and new: epochs of a few steps are many."""
        late = time.monotonic() - self._since > _PATIENCE_S
        return self._published >= _EAGER and count < self._stored and not late

    def _add(self, segment: Segment | None) -> int:
        if segment is None:
            return 0
        start = int(sum(len(each.unverified) for each in self._segments))
        self._segments = [*self._segments, segment]
        self._starts = np.append(self._starts, start)
        return start

    def _index_segments(self) -> None:
        entries = [np.zeros(0, [("f0", "u8"), ("f1", "u8"), ("f2", "i8")])]
        for start, segment in zip(self._starts, self._segments, strict=True):
            entry = np.empty(len(segment.unverified), entries[0].dtype)
            entry["f0"], entry["f1"] = segment.stamps.T
            entry["f2"] = start + np.arange(len(entry))
            entries.append(entry)
        joined = np.concatenate(entries)
        self._sorted = joined[np.argsort(joined["f0"], kind="stable")]

    def _give_up(self, error: OSError) -> None:
        """Go on without storing: the samples are delivered all the same."""
        self._left = 0
        self._part = None
        warnings.warn(
            f"Loaded samples cannot be kept in {quote(self._folder)} ({error.strerror or error});"
            " they are loaded again in every epoch. Name a directory with room in cache_dir=.",
            stacklevel=2,
        )
