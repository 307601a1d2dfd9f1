"""A batch on its way, filled by several threads and collected by those who asked for it.

Ctrl-C may come between any two steps of the thread that asks: there are plain
locks here alone, for ``threading.Condition`` and ``Event`` are written in
Python and can be interrupted while they hold theirs.
"""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.assembly import Assembly

__all__ = ["THREAD_NAME", "Gate", "Job"]

THREAD_NAME = "penstock"


class Gate:
    """Closed until it is opened, once and for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._open = False

    def is_set(self) -> bool:
        """Say whether it is open."""
        return self._open

    def set(self) -> None:
        """Open it; one thread at a time."""
        if not self._open:
            self._lock.release()
            self._open = True

    def wait(self, seconds: float = -1) -> bool:
        """Wait until it is open, or for so many seconds; say whether it is."""
        if self._lock.acquire(timeout=seconds):
            self._lock.release()
        return self._open


class Job:
    """A batch on its way: which slices are taken, which are done, who waits for it."""

    def __init__(self, assembly: Assembly, step: int) -> None:
        self.ready = Gate()
        self.error: BaseException | None = None
        self._assembly: Assembly | None = assembly
        self._batch: tuple[Any, ...] | None = None
        self.length = len(assembly)
        self._step = max(1, min(step, self.length))
        self._taken = 0
        self._undone = self._untimed = -(-self.length // self._step)
        self._spent = 0.0
        self._askers = 0
        self._lock = threading.Lock()

    def take(self) -> tuple[int, int] | None:
        """Take the next slice, if one is left."""
        with self._lock:
            if self._taken >= self.length or self.error is not None:
                return None
            start = self._taken
            self._taken = min(start + self._step, self.length)
            return start, self._taken

    def fill(self, start: int, stop: int) -> None:
        """Fill a slice that was taken; the last one done finishes the batch."""
        assembly = self._assembly
        if assembly is None:
            return
        try:
            assembly.fill(start, stop)
            with self._lock:
                self._undone -= 1
                last = not self._undone
            if last:
                batch = assembly.finish()
                with self._lock:
                    self._batch = batch
                    self._assembly = None
                    self.ready.set()
        except Exception as error:
            self.fail(error)
        except BaseException as error:
            # A thread that died of it would leave everybody waiting.
            self.fail(error)
            if threading.current_thread().name != THREAD_NAME:
                raise

    def spend(self, seconds: float) -> float | None:
        """Note what a slice took; return what all of the batch did, once it did and is there."""
        with self._lock:
            self._spent += seconds
            self._untimed -= 1
            return self._spent if not self._untimed and self.error is None else None

    def fail(self, error: BaseException) -> None:
        """Give the batch up."""
        with self._lock:
            if self.error is None:
                self.error = error
            self._assembly = None
            self.ready.set()

    def broken_off(self) -> bool:
        """Say whether somebody was interrupted at it, which is no fault of the batch."""
        return self.error is not None and not isinstance(self.error, Exception)

    def ask(self) -> None:
        """Announce somebody who will collect the batch."""
        with self._lock:
            self._askers += 1

    def collect(self) -> tuple[Any, ...]:
        """Wait for the batch, and let go of it with the last who asked.

        Each who asked gets arrays of his own, for he may write into them.
        """
        self.ready.wait()
        with self._lock:
            self._askers -= 1
            batch = self._batch
            if not self._askers:
                self._batch = None
            else:  # under the lock: the last one may write as soon as he has it
                batch = copy.deepcopy(batch)
        if self.error is not None:
            raise self.error
        assert batch is not None
        return batch
