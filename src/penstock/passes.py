"""Which batch of which epoch a request is for.

A pass is one walk over the batches of an epoch. Keras walks with a generator
of its own and names batches by an index that it may have shuffled; here the
*k*-th request of a walk is for batch *k*, whatever the index. Anybody else who
asks takes a look, which is answered by index, and moves nothing.

An epoch is over when Keras says that a walk of training is: a walk that was
broken off, or that only learned what a batch looks like, is begun again by the
next. Evaluation and prediction take the epoch as it stands, and leave it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

from penstock.epochs import Listeners
from penstock.forks import renew_after_fork

__all__ = ["Passes"]


@dataclass
class _Walk:
    """A walk over what is left of an epoch."""

    epoch: int
    start: int  # the batch that it begins with; not 0 where training is resumed
    length: int
    delivered: int = 0
    counts: bool = True  # completes its epoch; evaluation does not

    @property
    def done(self) -> bool:
        return self.delivered >= self.length


@dataclass
class _Reader:
    """One ``fit``, ``evaluate`` or ``predict``."""

    trains: bool = True
    last: bool = False  # its epoch
    walk: _Walk | None = None
    steps: int | None = None  # of its epochs, where the first is shorter


class Passes:
    """Attributes each request for a batch to an epoch.

    A *reader* is any object that can be weakly referred to and stands for one
    ``fit``, ``evaluate`` or ``predict``; a *walker* is a number that no two
    walks have at one time.

    Attributes:
        epoch: The epoch of the next pass.
        batch: The batch that it begins with.
        listeners: Who is told of epochs.

    Args:
        length: Batches per epoch.
        endless: Whether a walk goes on with the next epoch.
    """

    def __init__(self, length: int, *, endless: bool = False) -> None:
        self.epoch = 0
        self.batch = 0
        self.listeners = Listeners()
        self._length = length
        self._endless = endless
        self._readers: WeakKeyDictionary[object, _Reader] = WeakKeyDictionary()
        self._walks: dict[int, tuple[ref[object], _Walk]] = {}
        self._looked: set[int] = set()
        self._iterated: tuple[int, int] | None = None
        self._steps_left: int | None = None
        self._lock = threading.Lock()
        renew_after_fork(self)

    def go_to(self, epoch: int, batch: int = 0, steps_left: int | None = None) -> None:
        """Let the next pass be *epoch* from *batch* on.

        Args:
            epoch: The epoch.
            batch: The batch.
            steps_left: How many steps a first epoch of ``fit`` has left, if it counts steps.
        """
        with self._lock:
            self._move(epoch, batch)
            self._steps_left = steps_left
            self.listeners.forget()

    @property
    def place(self) -> tuple[int, int]:
        """The epoch and batch that would be next if all that iteration delivered is done with."""
        return self._iterated or (self.epoch, self.batch)

    # -- what Keras does ---------------------------------------------------

    def begin(
        self,
        reader: object,
        *,
        trains: bool = True,
        epoch: int = 0,
        steps: int | None = None,
        last: bool = False,
    ) -> tuple[int | None, int | None]:
        """Note that a reader begins an epoch of its own.

        Args:
            reader: Who.
            trains: Whether its passes complete epochs.
            epoch: The least that the epoch shall be.
            steps: How many steps its epochs have, if it counts them.
            last: Whether it will begin no other.

        Returns:
            How many batches there are in the pass that it is in, or will begin,
            None where there is no end; and how many steps in its epoch.
        """
        with self._lock:
            self._iterated = None
            found = self._reader(reader)
            found.trains, found.last = trains, last
            if trains and epoch > self.epoch:
                self._move(epoch, 0)
            if found.steps is not None:
                steps, found.steps = found.steps, None
            if trains and self._steps_left is not None:
                if steps is not None:
                    steps, found.steps = self._steps_left, steps
                self._steps_left = None
            walk = None if found.walk is None or found.walk.done else found.walk
            if trains:
                self.listeners.begins(self.epoch if walk is None else walk.epoch)
            length = self._length - (self.batch if trains else 0) if walk is None else walk.length
        self.listeners.tell()
        return None if self._endless else length, steps

    def walk(self, reader: object, walker: int) -> int:
        """Note that a walk begins, and return how many batches it will find."""
        with self._lock:
            found = self._reader(reader)
            if found.walk is not None:
                self._complete(found.walk)
            start = self.batch if found.trains else 0
            begun = _Walk(self.epoch, start, self._length - start, counts=found.trains)
            found.walk = begun
            self._walks = {key: kept for key, kept in self._walks.items() if kept[0]() is not None}
            self._walks[walker] = ref(reader), begun
        self.listeners.tell()
        return begun.length

    def request(self, reader: object, walker: int) -> tuple[int, int]:
        """Attribute a request of a walk: return its epoch and batch."""
        if walker not in self._walks:
            self.walk(reader, walker)
        with self._lock:
            walk = self._walks[walker][1]
            if walk.done:  # of an endless sequence
                self._complete(walk)
                walk = _Walk(walk.epoch + 1, 0, self._length, counts=walk.counts)
                self._walks[walker] = ref(reader), walk
                self._reader(reader).walk = walk
            walk.delivered += 1
            if walk.done and not self._endless:
                del self._walks[walker]
            if walk.counts:
                self.listeners.begins(walk.epoch)
            found = walk.epoch, (walk.start + walk.delivered - 1) % self._length
        self.listeners.tell()
        return found

    def goes_on(self, reader: object) -> bool:
        """Say whether the next epoch will follow the pass that a reader is in."""
        with self._lock:
            found = self._reader(reader)
            return self._endless or (found.trains and not found.last)

    def end(self, reader: object, *, over: bool) -> None:
        """Note that a reader ends an epoch of its own, and whether its pass is over too."""
        with self._lock:
            found = self._reader(reader)
            over = over or self._endless
            if over and found.walk is not None and self._complete(found.walk):
                found.walk = None
        self.listeners.tell()

    def drop(self, reader: object) -> None:
        """Note that a reader gives its pass up."""
        with self._lock:
            self._reader(reader).walk = None

    # -- what others do ----------------------------------------------------

    def look(self, index: int) -> int:
        """Note a look at batch *index*, and return the epoch to answer it for."""
        with self._lock:
            self._looked.add(index)
            return self.epoch

    def look_anew(self) -> None:
        """Note that a loop over the batches says that it begins."""
        with self._lock:
            self._looked.clear()

    def looked(self) -> None:
        """Note that a loop over the batches says that it ends; if it saw all, so does the epoch."""
        with self._lock:
            if len(self._looked) == self._length:
                self.listeners.ends(self.epoch)
                self._move(self.epoch + 1, 0)
            self._looked.clear()
        self.listeners.tell()

    def iterate(self, epoch: int, batches: int) -> None:
        """Note that an iterator over *epoch* hands over the last of its first *batches*."""
        self._iterated = (epoch + batches // self._length, batches % self._length)
        with self._lock:
            self.listeners.begins(epoch)
        self.listeners.tell()

    def iterated(self, epoch: int) -> None:
        """Note that an iterator over *epoch* is over."""
        with self._lock:
            self._complete(_Walk(epoch, 0, 0))
        self.listeners.tell()

    # -- inside ------------------------------------------------------------

    def _reader(self, reader: object) -> _Reader:
        found = self._readers.get(reader)
        if found is None:
            found = self._readers[reader] = _Reader()
        return found

    def _complete(self, walk: _Walk) -> bool:
        if walk.done and walk.counts and walk.epoch >= self.epoch:
            self.listeners.ends(walk.epoch)
            self._move(walk.epoch + 1, 0)
        return walk.done

    def _move(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch, self._iterated = epoch, batch, None
