"""What Keras' frames say and its calls do not: who asks for a batch, and what for.

Keras asks a ``PyDataset`` for batches by index, in an order that it may have
shuffled, and calls its hooks before the first epoch, twice after a validation
and not at all after ``stop_training``. The frames that do so are the same in
every release from 3.10 on, on every backend: a generator of the adapter's is
one walk over the data; the hooks are called by an epoch iterator, on behalf of
``fit``, ``evaluate`` or ``predict``. Where a frame is not found, as may be in
a release to come, its walks are followed as if they were training's.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Call", "call_of", "learns_shapes", "walk_of"]

_ADAPTER = "py_dataset_adapter"
_NEAR = 4  # frames between the adapter and a sequence, should somebody derive from it
_FAR = 12  # frames between the epoch iterator and fit, with those that only hide tracebacks


@dataclass(frozen=True)
class Call:
    """A call of ``on_epoch_begin`` or ``on_epoch_end``.

    Attributes:
        reader: The adapter.
        iterator: The epoch iterator that called it, or None.
        place: The iterator's method.
        purpose: ``"fit"``, ``"evaluate"``, ``"predict"``, or None.
        epoch: The epoch that ``fit`` is in, or None.
        epochs: The epoch that ``fit`` ends before, or None.
    """

    reader: object
    iterator: Any
    place: str
    purpose: str | None
    epoch: int | None
    epochs: int | None

    @property
    def last(self) -> bool:
        """Whether ``fit`` has no epoch after this one."""
        return self.epoch is not None and self.epoch + 1 == self.epochs

    @property
    def drops(self) -> bool:
        """Whether the walk of the iterator is given up."""
        return self.place == "reset"

    @property
    def over(self) -> bool:
        """Whether the walk is over; with ``steps_per_epoch``, it may go on in the next epoch."""
        return self.place != "_enumerate_iterator" or not getattr(self.iterator, "_steps_seen", 0)

    @property
    def steps(self) -> int | None:
        """The ``steps_per_epoch`` of the iterator; None where an epoch is a whole pass."""
        return getattr(self.iterator, "steps_per_epoch", None)

    def limit(self, batches: int | None, steps: int | None) -> None:
        """Tell the iterator how many batches its pass has, and how many steps its epoch.

        It asked before training began, and would find the shorter pass of
        resumed training short of data. It would go on all the same.

        Raises:
            ConfigError: There is no end of batches, and its epoch counts no steps.
        """
        if batches is None:
            if self.steps is None:
                raise ConfigError(
                    "A sequence without end (samples_per_epoch=math.inf) was given to Keras"
                    " without steps_per_epoch=, validation_steps= or steps=. Say how many."
                )
            return
        if getattr(self.iterator, "_num_batches", batches) != batches:
            self.iterator._num_batches = batches  # noqa: SLF001 - there is no other way
        if self.steps != steps:
            self.iterator.steps_per_epoch = steps


def walk_of(frame: FrameType | None, sequence: object) -> tuple[object, int] | None:
    """Return the adapter and the walk that ask for a batch of *sequence*, or None for others."""
    adapter, found = _adapter_and_frame(frame, sequence)
    if found is None or not found.f_code.co_flags & inspect.CO_GENERATOR:
        return None
    # A number is enough: a walk says that it begins before it asks, and a
    # reference to its frame would keep everything alive that is in it.
    return adapter, id(found)


def learns_shapes(frame: FrameType | None, sequence: object) -> bool:
    """Say whether the adapter looks at a batch of *sequence* to learn what batches are like."""
    _, found = _adapter_and_frame(frame, sequence)
    return found is not None and not found.f_code.co_flags & inspect.CO_GENERATOR


def call_of(frame: FrameType | None, sequence: object) -> Call | None:
    """Return what a call of a hook of *sequence* is about, or None if it is not Keras'."""
    adapter, found = _adapter_and_frame(frame, sequence)
    if found is None:
        return None
    above = found.f_back
    iterator = above.f_locals.get("self") if above is not None else None
    purpose, epoch, epochs = _purpose(above)
    place = above.f_code.co_name if above is not None else ""
    return Call(adapter, iterator, place, purpose, epoch, epochs)


def _adapter_and_frame(
    frame: FrameType | None, sequence: object
) -> tuple[object, FrameType | None]:
    for _ in range(_NEAR):
        if frame is None:
            break
        if str(frame.f_globals.get("__name__")).endswith(_ADAPTER):
            adapter = frame.f_locals.get("self")  # a copy of all of them: slow enough for once
            return adapter, frame if getattr(adapter, "py_dataset", None) is sequence else None
        frame = frame.f_back
    return None, None


def _purpose(frame: FrameType | None) -> tuple[str | None, int | None, int | None]:
    for _ in range(_FAR):
        if frame is None:
            break
        name = frame.f_code.co_name
        if name in ("fit", "evaluate", "predict") and _is_keras(frame):
            local = frame.f_locals if name == "fit" else {}
            found = [local.get("epoch"), local.get("epochs")]
            epoch, epochs = (each if isinstance(each, int) else None for each in found)
            return name, epoch, epochs
        frame = frame.f_back
    return None, None, None


def _is_keras(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "keras"
