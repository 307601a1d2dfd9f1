"""A batch made where it was not asked for: in another process, or on another machine.

What determines batches travels there once. For each batch follow its epoch, its
number and its rows, so that no other process needs the order of an epoch. What comes
back is the batch, what there is to say of it, and no exception but as a value:
one that is raised on the way means that the process which made it is gone.
"""

from __future__ import annotations

import atexit
import pickle
import threading
import traceback
import uuid
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.errors import PluginError, quote
from penstock.jobs import THREAD_NAME
from penstock.memory import Pool
from penstock.ownpickles import from_own_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.failures import Record

__all__ = ["Made", "Maker", "Parcel", "Task", "be_a_worker", "made_by", "opened", "run"]

_SLICE = 16  # samples that are loaded, augmented and delivered while they are warm in the cache
_KEPT = 4  # batches of as many sequences: training, validation, and those of a fold before


@dataclass(frozen=True, eq=False)
class Task:
    """What to make.

    Attributes:
        epoch: The epoch.
        index: The number of the batch.
        rows: Its rows, as ``Batches.rows_of`` returns them.
        turns: Its turns, likewise.
        deadly: Rows that are not to be tried.
        probe: A row to load alone, in place of the batch, to see whether one survives it.
    """

    epoch: int
    index: int
    rows: NDArray[np.int64]
    turns: NDArray[np.int64] | None = None
    deadly: tuple[int, ...] = ()
    probe: int | None = None


class Made(NamedTuple):
    """What became of it.

    Attributes:
        batch: As ``Batches.make`` returns it, or None.
        error: Why there is none.
        figures: What to add to the statistics of the sequence.
        failures: Samples that could not be loaded.
    """

    batch: tuple[Any, ...] | None
    error: Exception | None
    figures: dict[str, float]
    failures: list[Record]


class Maker:
    """Makes batches, in the process that it is in.

    Args:
        batches: What determines them.
        own: Whether they are this process' alone, and not those of who asks.
    """

    def __init__(self, batches: Batches, *, own: bool) -> None:
        self.batches = batches
        self._own = own
        self._pool = Pool()
        self._epoch = -1
        if own and any(each.cache is not None for each in batches.loaded):
            atexit.register(self.close)

    def __call__(self, task: Task) -> Made:
        """Make a batch, or try a row."""
        for each in self.batches.loaded:
            each.deadly = frozenset(task.deadly)
        batch, error = None, None
        try:
            if task.probe is not None:
                self._try(task.probe)
            else:
                batch = self._make(task)
        except Exception as caught:
            error = _travelling(caught) if self._own else caught
        if not self._own:
            return Made(batch, error, {}, [])
        runtime = self.batches.runtime
        figures, failures = asdict(runtime.meter.read(reset=True)), runtime.failures.take()
        if task.probe is not None:
            return Made(None, None, {}, [])
        return Made(batch, error, figures, failures)

    def close(self) -> None:
        """Make what caches stored readable."""
        atexit.unregister(self.close)
        self.batches.settle(last=True)

    def _make(self, task: Task) -> tuple[Any, ...]:
        if task.epoch != self._epoch and self._own:
            self.batches.settle(last=False)
        self._epoch = task.epoch
        # Its rows are written to where samples are replaced, and may be needed again.
        rows = task.rows.copy()
        assembly = self.batches.assemble(task.epoch, task.index, rows, task.turns, self._pool)
        for start in range(0, len(assembly), _SLICE):
            assembly.fill(start, min(start + _SLICE, len(assembly)))
        return assembly.finish()

    def _try(self, row: int) -> None:
        for each in self.batches.loaded:
            each.each(np.array([row]))


_MAKERS: dict[str, Maker] = {}
_LOCK = threading.Lock()


def opened(token: str, load: Callable[[], Batches]) -> Maker:
    """Return this process' maker of some batches, which are loaded at the first time."""
    with _LOCK:
        maker = _MAKERS.get(token)
        if maker is None:
            while len(_MAKERS) >= _KEPT:
                _MAKERS.pop(next(iter(_MAKERS))).close()
            maker = _MAKERS[token] = Maker(load(), own=True)
        return maker


def be_a_worker() -> None:
    """Tell components that this thread is one of several that make batches."""
    threading.current_thread().name = THREAD_NAME


def made_by(token: str, load: Callable[[], Batches], task: Task) -> Made:
    """Do a task in a process that may not have met these batches yet."""
    try:
        maker = opened(token, load)
    except Exception as error:
        unknown = PluginError(
            f"The batches cannot be opened in the process that shall make them:"
            f" {type(error).__name__}: {quote(str(error))}. Install there what is installed here,"
            " and define classes and functions in a module that it can import."
        )
        return Made(None, _travelling(unknown), {}, [])
    return maker(task)


class Parcel:
    """Batches for an executor of any kind: pickled only if they leave the process, and once."""

    def __init__(self, batches: Batches) -> None:
        self.token = uuid.uuid4().hex
        self.maker = Maker(batches, own=False)
        self.batches = batches

    @cached_property
    def data(self) -> bytes:
        """The batches, pickled."""
        return pickle.dumps(self.batches, protocol=5)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Arrived, (self.token, self.data)


class _Arrived:
    """A parcel in another process."""

    def __init__(self, token: str, data: bytes) -> None:
        self.token, self.data = token, data


def run(parcel: Parcel | _Arrived, task: Task) -> Made:
    """Make a batch of a parcel; what an executor is given to do."""
    if isinstance(parcel, Parcel):
        return parcel.maker(task)
    # Our own bytes, and as safe as the executor that they came by.
    return made_by(parcel.token, lambda: from_own_process(parcel.data), task)


def _travelling(error: Exception) -> Exception:
    """Return an error that survives the way back, with where it was raised as a note."""
    said = "".join(traceback.format_exception(error))
    try:
        error = from_own_process(pickle.dumps(error))
    except Exception:
        error = PluginError(f"{type(error).__name__}: {quote(str(error))}, in another process.")
    error.add_note(f"In the process that made the batch:\n\n{said}")
    return error
