"""What hands batches over on request, and has them made ahead of it, wherever that is."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from penstock.batches import Batches

__all__ = ["READERS", "Key", "Supply", "close_at_exit"]

Key = tuple[int, int]  # epoch, index

READERS = 2  # whose batches are kept: training, and a validation on the same sequence

_OPEN: weakref.WeakSet[Supply] = weakref.WeakSet()


def _close_all() -> None:
    """End the threads and processes while the libraries that they are in are still there."""
    for each in list(_OPEN):
        each.close()


def close_at_exit() -> None:
    """Close what is open when the interpreter ends, before what was to be ended until now.

    As concurrent.futures does, for atexit comes too late: what was registered there
    after us, such as the end of HDF5, would run while threads still read.
    """
    getattr(threading, "_register_atexit", atexit.register)(_close_all)


close_at_exit()


class Supply(ABC):
    """Makes batches on request, and ahead of it.

    Attributes:
        depth: How many batches to have ready, or under way, ahead of requests.

    Args:
        batches: What makes them.
        depth: See above.
    """

    def __init__(self, batches: Batches, depth: int) -> None:
        self.depth = depth
        self._batches = batches
        self._last = (-1, 0.0)  # the epoch of the last batch delivered, and when that was
        self._windows: dict[Hashable, dict[Key, None]] = {}
        _OPEN.add(self)

    def get(
        self, key: Key, upcoming: Sequence[Key] = (), reader: Hashable = None
    ) -> tuple[Any, ...]:
        """Return the batch of *key*, and start those of *upcoming*.

        Args:
            key: The epoch and number of the batch.
            upcoming: What the reader will ask for next, soonest first.
            reader: Who asks. What was started for another one is kept; what was
                started for None, who only takes a look, is not.

        Raises:
            PenstockError: The batch cannot be made; every time it is asked for.
        """
        began = time.perf_counter()
        batch = self._get(key, upcoming, reader)
        done = time.perf_counter()
        # What passes between two epochs is neither waiting nor training.
        epoch, left = self._last
        # Of two readers, one may have left while the other waited.
        elsewhere = max(began - left, 0.0) if epoch == key[0] else 0.0
        self._last = key[0], done
        self._batches.runtime.meter.add(batches=1, waited=done - began, elsewhere=elsewhere)
        return batch

    @abstractmethod
    def rest(self) -> None:
        """Settle what was made; let go of what is idle, if nothing is wanted ahead."""

    @abstractmethod
    def close(self) -> None:
        """End what was started, and free what is not in use; it may be used again."""

    @abstractmethod
    def _get(self, key: Key, upcoming: Sequence[Key], reader: Hashable) -> tuple[Any, ...]: ...

    def _others(self, reader: Hashable, mine: dict[Key, None]) -> list[Key]:
        """Note what a reader wants, and return what others want besides."""
        windows = self._windows
        if reader is not None:
            windows.pop(reader, None)
            windows[reader] = mine
            while len(windows) > READERS:
                del windows[next(iter(windows))]
        return [key for window in windows.values() for key in window if key not in mine]
