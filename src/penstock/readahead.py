"""Keeps the next batches ready, on threads.

A batch is filled in slices. Threads take the next slice of the earliest batch
that has one; whoever asks for a batch takes slices too, so that its tail is
short and nothing can deadlock. The length of a slice follows the time that
samples were measured to take: it has no say in what a batch contains.

Nothing here outlives its use: a delivered batch is held by nobody but its
receiver, threads without work end by themselves, and a sequence that is
collected by the garbage collector takes its threads along, whichever thread
the collector happens to run in. Ctrl-C may come between any two steps of the
thread that asks: it holds plain locks alone, for ``threading.Condition`` and
``Event`` are written in Python and can be interrupted while they hold theirs.
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

__all__ = ["ReadAhead", "usable_cores"]

_SLICE_SECONDS = 0.003  # long against what a slice costs beside its samples, some 0.1 ms
_JOIN_SECONDS = 2.0  # how long to wait for a slice that a loader will not finish
_THREAD_NAME = "penstock"
_LINGER_SECONDS = 0.2  # how long a thread without work waits for some before it ends

Key = tuple[int, int]  # epoch, index


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Gate:
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

    def wait(self) -> None:
        """Wait until it is open."""
        with self._lock:
            pass


class _Job:
    """A batch on its way: which slices are taken, which are done, who waits for it."""

    def __init__(self, assembly: Assembly, step: int) -> None:
        self.ready = _Gate()
        self.error: BaseException | None = None
        self._assembly: Assembly | None = assembly
        self._batch: tuple[Any, ...] | None = None
        self._length = len(assembly)
        self._step = max(1, min(step, self._length))
        self._taken = 0
        self._undone = -(-self._length // self._step)
        self._askers = 0
        self._lock = threading.Lock()

    def take(self) -> tuple[int, int] | None:
        """Take the next slice, if one is left."""
        with self._lock:
            if self._taken >= self._length or self.error is not None:
                return None
            start = self._taken
            self._taken = min(start + self._step, self._length)
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
            if threading.current_thread().name != _THREAD_NAME:
                raise

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
        """Wait for the batch, and let go of it with the last who asked."""
        self.ready.wait()
        with self._lock:
            self._askers -= 1
            batch = self._batch
            if not self._askers:
                self._batch = None
        if self.error is not None:
            raise self.error
        assert batch is not None
        return batch


class _Crew:
    """Threads that work on jobs, until there are none for a while or the crew is dismissed."""

    def __init__(self, workers: int) -> None:
        self.jobs: dict[Key, _Job] = {}
        self.step = 0.0  # samples per slice; 0 before the first was timed
        self.lock = threading.RLock()
        self._work = threading.Condition(self.lock)
        self._workers = workers
        self._threads: set[threading.Thread] = set()
        self._dismissed = False

    def hire(self) -> None:
        """Wake the threads, and start those that are missing; under ``lock``."""
        self._work.notify_all()
        while len(self._threads) < self._workers and not self._dismissed:
            thread = threading.Thread(target=self._run, name=_THREAD_NAME, daemon=True)
            self._threads.add(thread)
            thread.start()

    def dismiss(self) -> None:
        """End the threads, and wait for them."""
        with self.lock:
            self._dismissed = True
            self._work.notify_all()
            threads = list(self._threads)
        # The garbage collector may be at work in a thread of ours, at any place:
        # there, to wait for the others could be to wait for ever.
        if threading.current_thread().name != _THREAD_NAME:
            for thread in threads:
                thread.join(_JOIN_SECONDS)

    def timed_fill(self, job: _Job, taken: tuple[int, int]) -> None:
        """Fill a slice, and learn from the time it took how long slices should be."""
        began = time.perf_counter()
        job.fill(*taken)
        # By halves and doubles: what a slice costs beside its samples would
        # mislead a division.
        factor = _SLICE_SECONDS / max(time.perf_counter() - began, 1e-6)
        wanted = (taken[1] - taken[0]) * min(max(factor, 0.5), 2.0)
        self.step = wanted if not self.step else max(1.0, 0.75 * self.step + 0.25 * wanted)

    def _run(self) -> None:
        while self._work_on_one():
            pass

    def _work_on_one(self) -> bool:
        # In a function of its own, so that an idle thread holds on to nothing.
        found = self._wait()
        if found is None:
            return False
        self.timed_fill(*found)
        return True

    def _wait(self) -> tuple[_Job, tuple[int, int]] | None:
        with self.lock:
            while not self._dismissed:
                found = self._find()
                if found is not None:
                    return found
                if not self._work.wait(_LINGER_SECONDS):
                    break
            # In the same breath as the decision, or hire would count on this thread.
            self._threads.discard(threading.current_thread())
        return None

    def _find(self) -> tuple[_Job, tuple[int, int]] | None:
        for job in self.jobs.values():
            taken = job.take()
            if taken is not None:
                return job, taken
        return None


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
        self._start_over()

    def _start_over(self) -> None:
        self._process = os.getpid()
        self._pool = Pool(spare=self._depth + 2)
        self._crew = _Crew(self._workers)

    def get(self, key: Key, upcoming: Sequence[Key] = ()) -> tuple[Any, ...]:
        """Return the batch of *key*, and start those of *upcoming*.

        Raises:
            PenstockError: The batch cannot be made; every time it is asked for.
        """
        if os.getpid() != self._process:  # after a fork the threads are not there
            self._start_over()
        crew = self._crew
        with crew.lock:
            # What is not wanted any more is dropped; a thread that is at it finishes
            # its slice, and the memory goes back with the last reference.
            wanted = dict.fromkeys([key, *upcoming[: self._depth]])
            kept = {each: job for each, job in crew.jobs.items() if not job.broken_off()}
            crew.jobs = {each: kept.get(each) or self._job(each) for each in wanted}
            job = crew.jobs[key]
            job.ask()
            crew.hire()
        try:
            while (taken := job.take()) is not None:
                crew.timed_fill(job, taken)
        except BaseException as error:  # Ctrl-C in the middle of a slice
            job.fail(error)
            raise
        finally:
            with crew.lock:
                if crew.jobs.get(key) is job:
                    del crew.jobs[key]
        return job.collect()

    def rest(self) -> None:
        """Let idle threads go, if nothing is wanted ahead."""
        if os.getpid() == self._process and not self._crew.jobs:
            self._replace_crew()

    def close(self) -> None:
        """End the threads and free the memory that is not in use."""
        if os.getpid() == self._process:
            self._replace_crew()
            self._pool.close()
            self._pool = Pool(spare=self._depth + 2)

    def _replace_crew(self) -> None:
        crew, self._crew = self._crew, _Crew(self._workers)
        self._crew.step = crew.step
        crew.dismiss()

    def _job(self, key: Key) -> _Job:
        assembly = self._batches.start(*key, self._pool)
        if not self._workers:
            return _Job(assembly, len(assembly))
        return _Job(assembly, round(self._crew.step) or len(assembly) // (4 * self._workers))
