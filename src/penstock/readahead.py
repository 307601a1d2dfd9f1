"""Keeps the next batches ready, on threads.

A batch is filled in slices. Threads take the next slice of the earliest batch
that has one; whoever asks for a batch takes slices too, so that its tail is
short and nothing can deadlock. The length of a slice follows the time that
samples were measured to take: it has no say in what a batch contains.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from penstock.memory import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.assembly import Assembly
    from penstock.batches import Batches

__all__ = ["ReadAhead"]

_SLICE_SECONDS = 0.002  # long against what a hand-over between threads costs, some 10 µs
_LINGER_SECONDS = 0.2  # how long a thread without work waits for some before it ends

Key = tuple[int, int]  # epoch, index


class _Job:
    """A batch on its way: which slices are taken, which are done."""

    def __init__(self, assembly: Assembly, step: int) -> None:
        self.assembly = assembly
        self.ready = threading.Event()
        self.batch: tuple[Any, ...] | None = None
        self.error: BaseException | None = None
        self._step = max(1, min(step, len(assembly)))
        self._taken = 0
        self._undone = -(-len(assembly) // self._step)
        self._lock = threading.Lock()

    def take(self) -> tuple[int, int] | None:
        """Take the next slice, if one is left."""
        with self._lock:
            if self._taken >= len(self.assembly) or self.error is not None:
                return None
            start = self._taken
            self._taken = min(start + self._step, len(self.assembly))
            return start, self._taken

    def done(self) -> bool:
        """Note that a slice is done; say whether it was the last."""
        with self._lock:
            self._undone -= 1
            return self._undone == 0

    def fail(self, error: BaseException) -> None:
        """Give the batch up."""
        with self._lock:
            if self.error is None:
                self.error = error
        self.ready.set()


class ReadAhead:
    """Makes batches on request, and ahead of it.

    Args:
        batches: What makes them.
        workers: Number of threads; 0 makes every batch in the thread that asks.
        depth: How many batches to have ready, or under way, ahead of requests.
    """

    def __init__(self, batches: Batches, workers: int, depth: int) -> None:
        self._batches = batches
        self._workers = workers
        self._depth = depth if workers else 0
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._pool = Pool(spare=self._depth + 2)
        self._jobs: dict[Key, _Job] = {}
        self._threads: set[threading.Thread] = set()
        self._work = threading.Condition()
        self._closed = False
        self._sample_seconds = 0.0

    def get(self, key: Key, upcoming: Sequence[Key] = ()) -> tuple[Any, ...]:
        """Return the batch of *key*, and start those of *upcoming*.

        Raises:
            PenstockError: The batch cannot be made; every time it is asked for.
        """
        if os.getpid() != self._process:  # after a fork the threads are not there
            self._reset()
        wanted = dict.fromkeys([key, *upcoming[: self._depth]])
        with self._work:
            # What is not wanted any more is dropped here; a thread that is at it
            # finishes its slice, and the memory goes back with the last reference.
            self._jobs = {each: self._jobs.get(each) or self._start(each) for each in wanted}
            job = self._jobs[key]
            if self._workers:
                self._hire()
                self._work.notify_all()
        try:
            while (taken := job.take()) is not None:
                self._fill(job, taken)
        except BaseException as error:  # Ctrl-C in the middle of a slice
            job.fail(error)
            raise
        finally:
            with self._work:
                if self._jobs.get(key) is job:
                    del self._jobs[key]
        job.ready.wait()
        if job.error is not None:
            raise job.error
        assert job.batch is not None
        return job.batch

    def rest(self) -> None:
        """Let idle threads go, if nothing is wanted ahead."""
        with self._work:
            if self._jobs or os.getpid() != self._process:
                return
        self._dismiss()

    def close(self) -> None:
        """End the threads and free the memory that is not in use."""
        if os.getpid() != self._process:
            return
        with self._work:
            self._jobs.clear()
        self._dismiss()
        self._pool.close()
        self._reset()

    def _dismiss(self) -> None:
        with self._work:
            self._closed = True
            self._work.notify_all()
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()
        with self._work:
            self._closed = False

    def _start(self, key: Key) -> _Job:
        assembly = self._batches.start(*key, self._pool)
        if not self._workers:
            step = len(assembly)
        elif not self._sample_seconds:
            step = len(assembly) // 16
        else:
            step = int(_SLICE_SECONDS / self._sample_seconds)
        return _Job(assembly, step)

    def _hire(self) -> None:
        while len(self._threads) < self._workers:
            thread = threading.Thread(target=self._run, name="penstock", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            self._fill(*work)
            del work  # or an idle thread would hold on to a batch

    def _next(self) -> tuple[_Job, tuple[int, int]] | None:
        with self._work:
            while not self._closed:
                for job in self._jobs.values():
                    taken = job.take()
                    if taken is not None:
                        return job, taken
                if not self._work.wait(_LINGER_SECONDS):
                    break
            # In the same breath as the decision, or _hire would count on this thread.
            self._threads.discard(threading.current_thread())
        return None

    def _fill(self, job: _Job, taken: tuple[int, int]) -> None:
        began = time.perf_counter()
        try:
            job.assembly.fill(*taken)
            if job.done():
                job.batch = job.assembly.finish()
                job.ready.set()
        except Exception as error:
            job.fail(error)
        seconds = (time.perf_counter() - began) / (taken[1] - taken[0])
        known = self._sample_seconds
        self._sample_seconds = seconds if not known else 0.8 * known + 0.2 * seconds
