"""Keeps the next batches ready, on threads.

A batch is filled in slices. Threads take the next slice of the earliest batch
that has one; whoever asks for a batch takes slices too where a thread has
nothing to do, or none comes to an end, so that its tail is short and nothing
can deadlock. The length of a slice follows the time that samples were measured
to take: it has no say in what a batch contains. Batches that take too little time
for that are made by whoever asks, several at once.

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
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.errors import PenstockError
from penstock.jobs import THREAD_NAME, Job
from penstock.memory import Pool
from penstock.pace import Pace
from penstock.priority import step_back
from penstock.runs import cut_apart, followers, most_at_once, started
from penstock.supply import READERS, Supply

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from penstock.batches import Batches
    from penstock.supply import Key

__all__ = ["ReadAhead", "usable_cores"]

_JOIN_SECONDS = 2.0  # how long to wait for a slice that a loader will not finish
_LINGER_SECONDS = 0.2  # how long a thread without work waits for some before it ends


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Crew:
    """Threads that work on jobs, until there are none for a while or the crew is dismissed."""

    def __init__(self, workers: int, pace: Pace) -> None:
        self.jobs: dict[Key, Job] = {}
        self.pace = pace
        self._busy = 0  # threads that fill a slice
        self.lock = threading.RLock()
        self._work = threading.Condition(self.lock)
        self._workers = workers
        self._threads: set[threading.Thread] = set()
        self._dismissed = False

    @property
    def occupied(self) -> bool:
        """Whether each thread is at work: one more would only take turns with them."""
        return 0 < self._workers <= self._busy

    def hire(self) -> None:
        """Wake the threads, and start those that are missing; under ``lock``."""
        self._work.notify_all()
        while len(self._threads) < self._workers and not self._dismissed:
            thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more of them, or the program ends:
                break  # who asks fills what no thread does
            self._threads.add(thread)

    def dismiss(self) -> None:
        """End the threads, and wait for them."""
        with self.lock:
            self._dismissed = True
            self._work.notify_all()
            threads = list(self._threads)
        # The garbage collector may be at work in a thread of ours, at any place:
        # there, to wait for the others could be to wait for ever.
        if threading.current_thread().name != THREAD_NAME:
            end = time.monotonic() + _JOIN_SECONDS  # for all of them together
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))

    def timed_fill(self, job: Job, taken: tuple[int, int]) -> None:
        """Fill a slice, and learn from the time it took."""
        began = time.perf_counter()
        job.fill(*taken)
        took = time.perf_counter() - began
        self.pace.slice_took(took, taken[1] - taken[0])
        spent = job.spend(took)
        if spent is not None:
            self.pace.batch_took(spent, job.length)

    def _run(self) -> None:
        step_back()
        while self._work_on_one():
            pass

    def _work_on_one(self) -> bool:
        # In a function of its own, so that an idle thread holds on to nothing.
        found = self._wait()
        if found is None:
            return False
        self.timed_fill(*found)
        with self.lock:
            self._busy -= 1
        return True

    def _wait(self) -> tuple[Job, tuple[int, int]] | None:
        with self.lock:
            while not self._dismissed:
                found = self._find()
                if found is not None:
                    self._busy += 1
                    return found
                if not self._work.wait(_LINGER_SECONDS):
                    break
            # In the same breath as the decision, or hire would count on this thread.
            self._threads.discard(threading.current_thread())
        return None

    def _find(self) -> tuple[Job, tuple[int, int]] | None:
        for job in self.jobs.values():
            taken = job.take()
            if taken is not None:
                return job, taken
        return None


class ReadAhead(Supply):
    """Makes batches on threads of this process.

    Args:
        batches: What makes them.
        workers: Number of threads; 0 makes every batch in the thread that asks.
        depth: How many batches to have ready, or under way, ahead of requests.
    """

    def __init__(self, batches: Batches, workers: int, depth: int) -> None:
        super().__init__(batches, depth if workers else 0)
        self._workers = workers
        self._at_once = most_at_once(batches) if workers else 1
        self._start_over()

    def _start_over(self) -> None:
        self._process = os.getpid()
        self._pool = self._new_pool()
        self._crew = _Crew(self._workers, Pace())
        self._windows = {}
        self._made: dict[Hashable, dict[Key, tuple[Any, ...]]] = {}  # of readers' last runs
        self._alone: set[Key] = set()  # of runs that failed

    def _get(self, key: Key, upcoming: Sequence[Key], reader: Hashable) -> tuple[Any, ...]:
        if os.getpid() != self._process:  # after a fork the threads are not there
            self._start_over()
        made = self._made.get(reader)
        if made is not None and key in made:
            return made.pop(key)
        crew = self._crew
        brief = crew.pace.makes_briefly(self._batches.order.share)
        if brief and not crew.jobs:
            return self._make(key, upcoming[: self.depth], reader)
        with crew.lock:
            # What is not wanted any more is dropped; a thread that is at it finishes
            # its slice, and the memory goes back with the last reference.
            started = {each: job for each, job in crew.jobs.items() if not job.broken_off()}
            ahead = upcoming[: self.depth]
            mine = dict.fromkeys([key, *(each for each in ahead if not brief or each in started)])
            others = self._others(reader, mine)
            crew.jobs = {each: started.get(each) or self._job(each) for each in mine}
            crew.jobs |= {each: started[each] for each in others if each in started}
            job = crew.jobs[key]
            job.ask()
            if not brief:  # those that were started have who fills them
                crew.hire()
        try:
            while not (crew.occupied and job.ready.wait(_LINGER_SECONDS)):
                taken = job.take()
                if taken is None:
                    break
                crew.timed_fill(job, taken)
        except BaseException as error:  # Ctrl-C in the middle of a slice
            job.fail(error)
            raise
        finally:
            with crew.lock:
                if crew.jobs.get(key) is job:
                    del crew.jobs[key]
        return job.collect()

    def _make(self, key: Key, upcoming: Sequence[Key], reader: Hashable) -> tuple[Any, ...]:
        """Make a brief batch, and those that follow it as far as they can be made as one."""
        alone = reader is None or key in self._alone
        keys = [key, *followers(key, upcoming, 1 if alone else self._at_once)]
        if len(keys) > 1:
            with suppress(PenstockError):  # which is told to who asks for the batch that fails
                first, *others = self._run(keys)
                self._made.pop(reader, None)
                self._made[reader] = dict(zip(keys[1:], others, strict=True))
                while len(self._made) > READERS:
                    self._made.pop(next(iter(self._made)), None)
                return first
            self._alone = set(keys)
        return self._run([key])[0]

    def _run(self, keys: list[Key]) -> list[tuple[Any, ...]]:
        assembly, ends = started(self._batches, keys, self._pool)
        began = time.perf_counter()
        assembly.fill(0, len(assembly))
        whole = assembly.finish()
        took = time.perf_counter() - began
        self._crew.pace.slice_took(took, len(assembly))
        for _ in keys:
            self._crew.pace.batch_took(took, len(assembly))
        return cut_apart(whole, ends)

    def rest(self) -> None:
        """Settle what was made; let idle threads go, if nothing is wanted ahead."""
        self._batches.settle(last=False)
        if os.getpid() == self._process and not self._crew.jobs:
            self._replace_crew()

    def close(self) -> None:
        """End the threads and free the memory that is not in use."""
        if os.getpid() == self._process:
            self._made.clear()
            self._replace_crew()
            self._batches.settle(last=True)
            self._pool.close()
            self._pool = self._new_pool()

    def _new_pool(self) -> Pool:
        # As many again are on their way to the model, or wanted by another reader.
        return Pool(spare=2 * (self.depth + 2))

    def _replace_crew(self) -> None:
        crew, self._crew = self._crew, _Crew(self._workers, self._crew.pace)
        crew.dismiss()

    def _job(self, key: Key) -> Job:
        assembly = self._batches.start(*key, self._pool)
        if not self._workers:
            return Job(assembly, len(assembly))
        # Two slices for each thread in the batches under way, or some would have none.
        most = len(assembly) * (self.depth + 1) // (2 * self._workers)
        return Job(assembly, min(round(self._crew.pace.step) or most // 4, most))
