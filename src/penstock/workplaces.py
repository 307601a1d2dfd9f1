"""Where batches are made, if not on threads."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from penstock.elsewhere import Parcel, run
from penstock.errors import ConfigError, WorkerDied, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.batches import Batches
    from penstock.elsewhere import Task

__all__ = ["Future", "Given", "Workplace"]

_ROOM = 1 << 31  # bytes of batches under way, where nothing better is known


class Future(Protocol):
    """A task under way; as ``concurrent.futures`` has it."""

    def add_done_callback(self, call: Callable[[Any], object], /) -> object:
        """Have *call* called when it is done, or at once."""

    def result(self) -> Any:
        """Return what it returned, or raise what it raised."""

    def cancel(self) -> object:
        """Give it up."""


class Workplace(ABC):
    """Where batches are made; one for all parts of a split.

    It opens with the first task, and closes when nobody needs anything.

    Attributes:
        timeout: How long to wait for a batch, in seconds.
        workers: How many batches to make at one time.
        together: Whether a task whose process dies takes along what else is under way.
    """

    together = False

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.workers = self.default_workers()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # Reentrant, for the garbage collector closes sequences in any thread.
        self._lock = threading.RLock()
        self._users: set[int] = set()
        self._parcels: dict[int, Any] = {}

    def submit(self, who: object, batches: Batches, task: Task) -> Future:
        """Have a task done for one who is there until ``leave``.

        Raises:
            WorkerDied: It cannot be done any more.
        """
        if os.getpid() != self._process:  # after a fork nobody is there
            self._begin()
        with self._lock:
            self._users.add(id(who))
            if id(batches) not in self._parcels:
                self._parcels[id(batches)] = self._pack(batches)
            return self._send(self._parcels[id(batches)], task)

    def leave(self, who: object, batches: Batches | None = None) -> None:
        """Note that one needs nothing at present, or *batches* no more; the last one out closes."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._users.discard(id(who))
            gone = [id(batches)] if self._users else list(self._parcels)
            for each in gone:
                self._discard(self._parcels.pop(each, None))
            if not self._users:
                self._close()

    @abstractmethod
    def default_workers(self) -> int:
        """Return how many batches can be made at one time."""

    def room(self) -> int:
        """Return how many bytes of batches may be under way."""
        return _ROOM

    def kill(self, future: Any) -> None:
        """End the process of a task that does not answer, if that can be done."""
        future.cancel()

    # What may be left as it is.

    def _discard(self, parcel: Any) -> None:
        """Let go of a parcel, or None."""
        del parcel

    def _close(self) -> None:
        """Let go of everything."""
        self._parcels.clear()

    @abstractmethod
    def _pack(self, batches: Batches) -> Any:
        """Make batches ready to travel; what is returned holds them."""

    @abstractmethod
    def _send(self, parcel: Any, task: Task) -> Future:
        """Have a task done."""


class Given(Workplace):
    """An executor of the user's, who ends it.

    Args:
        executor: Has ``submit(function, *arguments)``, as ``concurrent.futures.Executor``.
        timeout: How long to wait for a batch, in seconds.
    """

    def __init__(self, executor: Any, timeout: float) -> None:
        super().__init__(timeout)
        self._executor = executor

    def default_workers(self) -> int:
        """See ``Workplace``."""
        return os.cpu_count() or 1

    def _pack(self, batches: Batches) -> Parcel:
        return Parcel(batches)

    def _send(self, parcel: Parcel, task: Task) -> Future:
        try:
            future: Future = self._executor.submit(run, parcel, task)
        except Exception as error:
            raise WorkerDied(
                f"The executor takes no tasks: {type(error).__name__}: {quote(str(error))}."
                " Make a new one, and a sequence with it."
            ) from error
        return future

    def __reduce__(self) -> Any:
        raise ConfigError(
            "A sequence with an executor that was given as an object cannot travel to another"
            ' process. Give executor="processes" or "ray", or make the sequence there.'
        )
