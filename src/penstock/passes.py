"""Which epoch a request of Keras belongs to, and what it will ask for next.

Keras asks for batches by index, in an order of its own (``fit(shuffle=True)``
permutes them), and never says which epoch they are for: its hooks fire before
the first epoch, twice after a validation, and not at all after
``stop_training``. What can be relied on, in every backend and release since 3.0:

- a pass over the data is one generator of Keras', and so one frame, which asks
  for all its batches (where frames cannot be seen: it begins with reading
  ``num_batches`` and, in the same thread, asking for the first batch);
- within a pass every index is asked for at most once;
- what it asks for before ``on_epoch_begin`` is a look at the signature, and
  the one or two batches between its first ``on_epoch_begin`` and the first
  ``on_epoch_end`` of a fit are a look at what to build.

So a pass that delivered every batch completes an epoch, and the next pass to
begin is the next epoch; a pass that was broken off is begun again. What is
asked for is always answered for the epoch of its pass: prediction costs time
where it is wrong, and nothing else.
"""

from __future__ import annotations

import inspect
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["Passes"]

_LOOKED_AT = 2  # batches, at most, before training begins
_LIVE_PASSES = 4  # training, a validation on the same object, and what was broken off


@dataclass
class _Pass:
    """One walk over all batches of an epoch."""

    epoch: int
    counts: bool  # a look at the signature completes nothing
    plans: list[Sequence[int]]  # the orders in which it may ask, as far as they held
    walker: Any = None  # the generator's frame
    followed: int = 0  # how far
    asked: set[int] = field(default_factory=set)

    def expects(self, index: int) -> bool:
        """Say whether a plan has *index* next."""
        return any(index == self._next(plan) for plan in self.plans)

    def ask(self, index: int, depth: int) -> list[int]:
        """Note a request for *index*, and predict the next *depth*."""
        self.asked.add(index)
        if self.expects(index) or not self.followed:
            self.plans = [plan for plan in self.plans if index == self._next(plan)]
            self.followed += 1
            if self.plans:
                return list(self.plans[0][self.followed : self.followed + depth])
        return []  # somebody else's look at a batch, or a plan that was none

    def is_look(self) -> bool:
        """Say whether so little was asked for that it may have been a look."""
        return len(self.asked) <= _LOOKED_AT

    def _next(self, plan: Sequence[int]) -> int | None:
        return plan[self.followed] if self.followed < len(plan) else None


class Passes:
    """Attributes each request for a batch to an epoch.

    Attributes:
        epoch: The epoch that the next pass will be.
        permuted: Whether Keras was seen to permute the batches.

    Args:
        length: Batches per epoch.
    """

    def __init__(self, length: int) -> None:
        self.epoch = 0
        self.permuted = False
        self._length = length
        self._live: list[_Pass] = []
        self._direct: set[int] = set()
        self._window = False
        self._fresh = False  # an adapter was made, and no epoch has ended since
        self._first = False  # in a window that began so
        self._walked = False  # Keras asked for something since an epoch last began or ended
        self._lock = threading.Lock()
        self._thread = threading.local()

    def adapter_made(self) -> None:
        """Note that a new ``fit``, ``evaluate`` or ``predict`` begins."""
        with self._lock:
            self._fresh = True
            self._direct.clear()

    def length_read(self) -> None:
        """Note that a pass may begin in this thread."""
        # If Keras shuffles the batches, it does so next: a copy of the global
        # random state foretells the order. It is read for nothing else.
        self._thread.shuffle_state = random.getstate()

    def begin(self) -> None:
        """Note ``on_epoch_begin``."""
        self._thread.shuffle_state = None
        with self._lock:
            self._window = True
            self._first = self._fresh
            self._walked = False
            self._direct.clear()

    def end(self) -> None:
        """Note ``on_epoch_end``."""
        self._thread.shuffle_state = None
        with self._lock:
            if self._first and self._live and self._live[-1].is_look():
                # JAX and torch looked at a batch, or at two on their way to a device,
                # to learn what to build. (A walk of fit or evaluate has an end before
                # its first begin.)
                looked = self._live.pop()
                if looked.counts and len(looked.asked) == self._length:
                    self.epoch = looked.epoch
            elif not self._walked and not self._fresh and self._walked_by_hand():
                # A hand-written loop over sequence[i] that ends its epochs itself.
                self.epoch += 1
            self._window = self._fresh = self._first = self._walked = False
            self._direct.clear()

    def completed(self, epoch: int) -> None:
        """Note a whole pass over *epoch* that was made by iteration."""
        with self._lock:
            self.epoch = max(self.epoch, epoch + 1)

    def attribute(self, index: int, depth: int, caller: FrameType) -> tuple[int, list[int]]:
        """Attribute a request by who makes it: a walk of Keras', or a look at a batch.

        Returns:
            As ``request``; a look is answered for the epoch that is next, and
            foretells nothing.
        """
        module = caller.f_globals.get("__name__", "")
        if module.endswith("py_dataset_adapter") and caller.f_code.co_flags & inspect.CO_GENERATOR:
            return self.request(index, depth, caller)
        with self._lock:
            self._direct.add(index)
            return self.epoch, []

    def request(self, index: int, depth: int, walker: Any = None) -> tuple[int, list[int]]:
        """Attribute a request of Keras' for batch *index*.

        Args:
            index: The batch.
            depth: How many to foretell.
            walker: The frame of the generator that asks, or None where it cannot be seen.

        Returns:
            Its epoch, and the at most *depth* indices that will probably follow.
        """
        state = getattr(self._thread, "shuffle_state", None)
        self._thread.shuffle_state = None
        with self._lock:
            current = self._current(index, state, walker)
            if current is None:
                self._direct.add(index)
                return self.epoch, []
            self._walked = self._walked or self._window or walker is not None
            upcoming = current.ask(index, depth)
            if current.plans and isinstance(current.plans[0], list):
                self.permuted = True
            if len(current.asked) == self._length and current.counts:
                self.epoch = max(self.epoch, current.epoch + 1)
            if len(current.asked) == self._length:
                current.walker = None
            return current.epoch, upcoming

    def _current(self, index: int, state: Any, walker: Any) -> _Pass | None:
        if walker is None:
            return self._begun(state) if state is not None else self._continued(index)
        for each in self._live:
            if each.walker is walker:
                return each
        begun = self._begun(random.getstate() if state is None else state)
        begun.walker = walker
        return begun

    def _walked_by_hand(self) -> bool:
        newest = self._live[-1:]
        if newest and not newest[0].counts and len(newest[0].asked) == self._length:
            self._live.pop()  # range(sequence.num_batches)
            return True
        return len(self._direct) == self._length  # range(len(sequence))

    def _begun(self, state: Any) -> _Pass:
        drawn = list(range(self._length))
        source = random.Random()  # noqa: S311 - foretells Keras' shuffle, draws nothing of ours
        source.setstate(state)
        source.shuffle(drawn)
        begun = _Pass(self.epoch, self._window, [range(self._length), drawn])
        unfinished = [each for each in self._live if each.counts and len(each.asked) < self._length]
        self._live = [*unfinished[1 - _LIVE_PASSES :], begun]
        return begun

    def _continued(self, index: int) -> _Pass | None:
        if not self._live:
            return None
        *older, newest = self._live
        if newest.expects(index):
            return newest
        if newest.plans:
            for each in reversed(older):
                if each.expects(index):
                    return each
        for each in reversed(self._live):
            if index not in each.asked:
                return each
        return newest if self._window else None
