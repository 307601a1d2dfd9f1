"""The Keras face: a PyDataset over batches and read-ahead."""

from __future__ import annotations

import operator
import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Self

from penstock.checks import check_whole
from penstock.contents import Contents
from penstock.epochs import Epochs
from penstock.errors import BackendMissing, ConfigError, quote
from penstock.executing import Elsewhere
from penstock.handover import Outline, handed_over
from penstock.kerasframes import call_of, learns_shapes, walk_of
from penstock.outlets import Outlets
from penstock.padding import batch_outline, mapped
from penstock.passes import Passes
from penstock.pickling import refuse_unpicklable
from penstock.readahead import ReadAhead, usable_cores
from penstock.sequencetext import sequence_text
from penstock.tfpipeline import steady

try:
    import keras
except ImportError as error:
    raise BackendMissing(
        f"Keras cannot be imported: {error}. Install a backend:"
        ' pip install "penstock[tensorflow]" (the default), or "penstock[jax]" or "penstock[torch]"'
        " with the environment variable KERAS_BACKEND set to jax or torch."
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from penstock.batches import Batches
    from penstock.stats import Stats
    from penstock.supply import Key, Supply
    from penstock.workplaces import Workplace

__all__ = ["Sequence"]


class Sequence(Contents, Outlets, Epochs, keras.utils.PyDataset):  # type: ignore[misc]
    """Batches for ``fit``, ``evaluate`` and ``predict``; made by ``penstock.make_generator``.

    ``sequence[i]`` is batch *i* of the current epoch; iteration is one epoch.
    Keras is served in this order too, whatever ``fit(shuffle=…)`` says.
    Batches are ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, x and y
    arrays of shape ``(batch, …)`` or dicts of them.

    Args:
        batches: What makes the batches.
        table: The samples table.
        workers: Threads that load; the usable cores by default; 0 for none.
        max_queue_size: Batches to keep ready ahead of ``fit``.
        use_multiprocessing: Accepted because Keras has it; threads are used.
        workplace: Where batches are made instead of on threads of this process.
    """

    def __init__(
        self,
        batches: Batches,
        table: pd.DataFrame,
        *,
        workers: int | None = None,
        max_queue_size: int = 4,
        use_multiprocessing: bool = False,
        workplace: Workplace | None = None,
    ) -> None:
        # With more, Keras' own enqueuer loses batches and returns wrong metrics.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=max_queue_size)
        if use_multiprocessing:
            warnings.warn(
                "use_multiprocessing=True has no effect: Penstock loads on threads, which need no"
                " copies of the data. Set workers= for their number.",
                stacklevel=3,
            )
        self._batches = batches
        self._table = table
        if workers is None:
            workers = usable_cores() if workplace is None else workplace.default_workers()
        self._threads, self._workplace = workers, workplace
        self._passes = Passes(len(batches), endless=batches.endless)
        self._open()

    def _open(self) -> None:
        threads, depth = self._threads, self._max_queue_size
        self._readahead: Supply = (
            ReadAhead(self._batches, threads, depth)
            if self._workplace is None
            else Elsewhere(self._batches, self._workplace, threads, depth)
        )
        self._finalizer = weakref.finalize(self, self._readahead.close)

    # -- what Keras calls --------------------------------------------------

    @property
    def num_batches(self) -> int | None:
        """Number of batches in an epoch; None where there is no end."""
        if self._batches.endless:
            return None
        walk = walk_of(sys._getframe(1), self)  # noqa: SLF001 - see kerasframes
        return len(self._batches) if walk is None else self._passes.walk(*walk)

    @property
    def workers(self) -> int:
        """1, whatever the number of threads: Keras shall not add its own."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        self._threads = check_whole("workers", value, 0)
        self._finalizer()
        self._open()

    @property
    def max_queue_size(self) -> int:
        """Batches to keep ready ahead of ``fit``."""
        return int(self._max_queue_size)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = check_whole("max_queue_size", value, 1)
        self._finalizer()
        self._open()

    @property
    def use_multiprocessing(self) -> bool:
        """False: Keras shall not make processes."""
        return False

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        if value:
            warnings.warn("use_multiprocessing=True has no effect.", stacklevel=2)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self._batches.endless:
            raise ConfigError(
                "This sequence has no length: with samples_per_epoch=math.inf there is no end."
            )
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return batch *index* of the current epoch."""
        length, endless = len(self._batches), self._batches.endless
        if type(index) is not int:
            index = _whole(index)
        if not (0 if endless else -length) <= index < (sys.maxsize if endless else length):
            raise IndexError(f"Batch {index} was asked for; there are {length}.")
        walk = walk_of(sys._getframe(1), self)  # noqa: SLF001 - see kerasframes
        if walk is None:
            later = index // length if endless else 0
            seen = self._get((self._passes.look(index % length) + later, index % length))
            if self._batches.padding is not None and learns_shapes(sys._getframe(1), self):  # noqa: SLF001
                return tuple(mapped(Outline, seen, batch_outline(self._batches, seen)))
            return seen
        if endless and not index:  # the only word of it that this walk begins
            self._passes.walk(*walk)
        epoch, batch = self._passes.request(*walk)
        ahead = self._ahead(epoch, batch)
        if not batch and self._passes.goes_on(walk[0]):
            self._batches.foresee(epoch + 1)
        if len(ahead) < self._readahead.depth and self._passes.goes_on(walk[0]):
            ahead += self._ahead(epoch + 1, -1)
        return self._get((epoch, batch), ahead, reader=walk[1], walk=True)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over one epoch, or over one after another where there is no end."""
        epoch, start = self._passes.epoch, self._passes.batch
        reader = object()
        while True:
            for index in range(start, len(self._batches)):
                batch = self._get((epoch, index), self._ahead(epoch, index), reader=reader)
                self._passes.iterate(epoch, index + 1)
                yield batch
            self._passes.iterated(epoch)
            self._conclude()
            if not self._batches.endless:
                return
            epoch, start = epoch + 1, 0

    def on_epoch_begin(self) -> None:
        """Take note; Keras calls this, and a loop of one's own may."""
        call = call_of(sys._getframe(1), self)  # noqa: SLF001 - see kerasframes
        if call is None:
            self._passes.look_anew()
        else:
            trains = call.purpose not in ("evaluate", "predict")
            epoch = call.epoch or 0 if call.steps is None else 0
            begun = self._passes.begin(
                call.reader, trains=trains, epoch=epoch, steps=call.steps, last=call.last
            )
            call.limit(*begun)
            steady(call.iterator)

    def on_epoch_end(self) -> None:
        """Take note; Keras calls this, and a loop of one's own may."""
        call = call_of(sys._getframe(1), self)  # noqa: SLF001 - see kerasframes
        if call is None:
            self._passes.looked()
        elif call.drops:
            self._passes.drop(call.reader)
        else:
            self._passes.end(call.reader, over=call.over)
        self._conclude()

    # -- what people reach for ---------------------------------------------

    def stats(self, *, reset: bool = False) -> Stats:
        """Say where the time went since the sequence was made, or since the last *reset*."""
        return self._batches.runtime.meter.read(reset=reset)

    def close(self) -> None:
        """End the threads and free the memory; the sequence can be used again."""
        self._readahead.close()
        self._batches.runtime.failures.write(self._table)

    def __repr__(self) -> str:
        """Say what it delivers, in a few lines."""
        return sequence_text(self._batches)

    # -- inside ------------------------------------------------------------

    def _of(self, batches: Batches) -> Self:
        return type(self)(
            batches,
            self._table,
            workers=self._threads,
            max_queue_size=self._max_queue_size,
            workplace=self._workplace,
        )

    def _ahead(self, epoch: int, index: int) -> list[Key]:
        """Name the batches that follow one, as far as there may be need for them."""
        stop = min(index + 1 + self._readahead.depth, len(self._batches))
        return [(epoch, each) for each in range(index + 1, stop)]

    def _get(
        self, key: Key, ahead: Iterable[Key] = (), reader: object = None, *, walk: bool = False
    ) -> tuple[Any, ...]:
        batch = self._readahead.get(key, list(ahead), reader)
        return handed_over(batch, walk=walk)

    def _conclude(self) -> None:
        """Do what is to be done between epochs."""
        self._readahead.rest()
        failures = self._batches.runtime.failures
        summary = failures.summary()
        if summary is not None:
            failures.write(self._table)
            warnings.warn(summary, stacklevel=3)

    def __getstate__(self) -> dict[str, Any]:
        """Leave threads and memory behind.

        Raises:
            ConfigError: A function cannot travel to another process; names it.
        """
        refuse_unpicklable(self._batches)
        left = ("_finalizer", "_passes", "_readahead")
        state = {name: value for name, value in self.__dict__.items() if name not in left}
        return {**state, "_place": (self._passes.epoch, self._passes.batch)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        place = state.pop("_place")
        self.__dict__.update(state)
        self._passes = Passes(len(self._batches), endless=self._batches.endless)
        self._passes.go_to(*place)
        self._open()


def _whole(index: Any) -> int:
    try:
        return operator.index(index)
    except TypeError as error:
        raise ConfigError(
            f"sequence[{quote(index)}] was asked for; a batch has a whole number."
            " Iterate for several batches; take() and subset() choose samples."
        ) from error
