"""The next batches, made by an executor: one window over what is under way.

A task is a pure function of (epoch, number): it may be given up, lost with the
process or the machine that it was on, and made again by another, and the bytes
are the same.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from penstock.elsewhere import Task
from penstock.errors import ConfigError, WorkerDied, quote
from penstock.jobs import Gate
from penstock.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from penstock.batches import Batches
    from penstock.elsewhere import Made
    from penstock.supply import Key
    from penstock.workplaces import Future, Workplace

__all__ = ["Elsewhere"]

_ATTEMPTS = 3  # at a batch whose process dies, before its samples are tried one by one
_TRIES = 2  # at such a sample
_TEXT_BYTES = 64  # of a string, for want of a better guess


class _Lost(Exception):
    """A task that came to nothing, through no fault of its own that is known."""


class _Pending:
    """A batch under way."""

    def __init__(self, future: Future) -> None:
        self.future = future
        # The gate alone: a future that knew of the batch would keep it alive.
        gate = self._gate = Gate()
        self._lock = threading.Lock()
        self._made: Made | None = None
        future.add_done_callback(lambda _: gate.set())

    @property
    def done(self) -> bool:
        return self._gate.is_set()

    def collect(self, place: Workplace, keep: Callable[[Made], None]) -> Made:
        """Wait for it; the first to come has it kept in the books.

        Raises:
            CancelledError: Somebody gave it up.
            _Lost: Its process died, or did not answer.
        """
        if not self._gate.wait(place.timeout):
            place.kill(self.future)
            raise _Lost(f"it was not there within {place.timeout:g} s")
        with self._lock:
            if self._made is None:
                try:
                    made: Made = self.future.result()
                except CancelledError:
                    raise
                except Exception as error:  # what a batch raises comes as a value
                    raise _Lost(f"{type(error).__name__}: {quote(str(error))}") from error
                keep(made)
                self._made = made
            return self._made


class Elsewhere(Supply):
    """Makes batches in a workplace.

    Args:
        batches: What determines them.
        place: Where they are made.
        workers: How many are made there at one time.
        depth: How many to have ready, or under way, ahead of requests, at least.
    """

    def __init__(self, batches: Batches, place: Workplace, workers: int, depth: int) -> None:
        if not workers:
            raise ConfigError(
                "workers=0 makes batches where they are asked for, and no executor makes any."
                " Leave executor= out, or give workers of at least 1."
            )
        super().__init__(batches, max(workers, depth))
        self._place = place
        place.workers = workers
        self._deadly: set[int] = set()
        self._bytes = _size_of(batches)
        self._start_over()

    def _start_over(self) -> None:
        self._process = os.getpid()
        # Reentrant, for the garbage collector closes sequences in any thread.
        self._lock = threading.RLock()
        self._windows = {}
        self._pending: dict[Key, _Pending] = {}
        self._suspects: set[Key] = set()  # were under way when a process died

    def rest(self) -> None:
        """Let the workplace close, if nothing is wanted ahead."""
        self._batches.settle(last=False)
        if os.getpid() == self._process and not self._pending:
            self._place.leave(self)

    def close(self) -> None:
        """Give up what is under way."""
        if os.getpid() == self._process:
            with self._lock:
                self._keep_only(())
                self._windows.clear()
            self._place.leave(self, self._batches)
            self._batches.settle(last=True)

    def _get(self, key: Key, upcoming: Sequence[Key], reader: Hashable) -> tuple[Any, ...]:
        if os.getpid() != self._process:  # after a fork nobody is there
            self._start_over()
        with self._lock:
            ahead = max(1, min(self.depth, self._place.room() // max(self._bytes, 1)))
            mine = dict.fromkeys([key, *upcoming[:ahead]])
            self._keep_only([*mine, *self._others(reader, mine)])
            if key not in self._pending:
                self._pending[key] = self._submit(key)
            # One that may have ended a process is made alone.
            for each in mine if key not in self._suspects else ():
                if each not in self._pending and each not in self._suspects:
                    self._pending[each] = self._submit(each)
            pending = self._pending[key]
        try:
            made = self._collect(key, pending)
        finally:
            with self._lock:
                self._pending.pop(key, None)
        if made.error is not None:
            raise made.error
        assert made.batch is not None
        return made.batch

    def _collect(self, key: Key, pending: _Pending) -> Made:
        """Wait for a batch, and have it made again where it was lost."""
        lost = 0
        while True:
            try:
                made = pending.collect(self._place, self._keep)
            except CancelledError:  # by another reader, who had no use for it
                with self._lock:
                    pending = self._submit(key)
                continue
            except _Lost as error:
                lost += 1
                pending.future.cancel()
                with self._lock:
                    self._note_loss()
                if lost == _ATTEMPTS:
                    self._find_deadly(key, error)
                    lost = 0
                with self._lock:
                    pending = self._pending[key] = self._submit(key)
                continue
            self._suspects.discard(key)
            return made

    def _note_loss(self) -> None:
        """Suspect what went down with a process, if it is not known what ended it."""
        if not self._place.together:
            return
        for key, pending in list(self._pending.items()):
            if pending.done:
                try:
                    pending.future.result()
                except BaseException:
                    self._suspects.add(key)
                    del self._pending[key]
                    pending.future.cancel()
            else:
                self._suspects.add(key)

    def _find_deadly(self, key: Key, error: _Lost) -> None:
        """Try the samples of a batch one by one, and note those that end their process.

        Raises:
            WorkerDied: There is none.
        """
        rows, _ = self._batches.rows_of(*key)
        found = [row for row in dict.fromkeys(rows.tolist()) if self._kills(key, row)]
        if not found:
            raise WorkerDied(
                f"Batch {key[1]} of epoch {key[0]} was lost {_ATTEMPTS} times: {error}. Each of its"
                " samples can be loaded by itself. See whether memory or machines ran out, or give"
                " more time (batch_timeout=)."
            ) from error.__cause__
        self._deadly.update(found)

    def _kills(self, key: Key, row: int) -> bool:
        if row in self._deadly:
            return False
        for _ in range(_TRIES):
            with self._lock:
                pending = self._submit(key, row)
            try:
                pending.collect(self._place, lambda _: None)
            except (_Lost, CancelledError):
                pending.future.cancel()
                continue
            return False
        return True

    def _submit(self, key: Key, probe: int | None = None) -> _Pending:
        task = Task(*key, *self._batches.rows_of(*key), tuple(sorted(self._deadly)), probe)
        return _Pending(self._place.submit(self, self._batches, task))

    def _keep_only(self, wanted: Sequence[Key]) -> None:
        for key in self._pending.keys() - set(wanted):
            self._pending.pop(key).future.cancel()

    def _keep(self, made: Made) -> None:
        """Count what was done elsewhere."""
        runtime = self._batches.runtime
        if made.figures:
            runtime.meter.add(**made.figures)
            self._bytes = max(self._bytes, int(made.figures["bytes"]))
        runtime.failures.merge(made.failures)


def _size_of(batches: Batches) -> int:
    """Return how many bytes a batch has, as far as its loaders say."""
    share = batches.order.share
    total = 0
    for each in batches.loaded:
        dtype = each.spec.deliver_dtype
        size = _TEXT_BYTES if dtype.hasobject else dtype.itemsize
        for length in each.spec.deliver_shape:
            size *= length or 1
        total += share * size
    return total
