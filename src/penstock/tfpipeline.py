"""What TensorFlow's pipeline around a sequence is told, when Keras begins an epoch of it.

Keras puts ``prefetch(AUTOTUNE)`` behind the generator that asks a sequence for
batches, and a tuner comes with it, which has one buffer to tune. Its thread is
told to end by a callback that TensorFlow calls *before* it notes that anything
was cancelled (``CancellationManager::StartCancelWithStatus`` and
``Model::OptimizeLoop`` of TensorFlow 2.21): where the thread wakes in between, as it does
when the cores are busy, it goes back to sleep for the rest of its period, which
doubles from 10 ms up to a minute, and the training thread waits for it at the
end of the epoch. Batches are read ahead by Penstock; TensorFlow needs no more
than the next ones at hand, and so their number is known too.

Keras also makes an iterator at the end of each epoch and, where an epoch is a
whole pass, another one when the next begins. TensorFlow takes milliseconds for
each; the one that nobody has read from serves as well.
"""

from __future__ import annotations

import sys
import threading
import weakref
from contextlib import suppress
from typing import Any

from penstock.jobs import THREAD_NAME

__all__ = ["AT_HAND", "steady"]

AT_HAND = 2  # batches that TensorFlow holds beside those that are read ahead
_SETTLED_SECONDS = 0.05  # of an epoch, after which there is time for something else


def steady(iterator: Any) -> None:
    """Give Keras' epoch iterator, if it has a pipeline of TensorFlow's, one without a tuner.

    Args:
        iterator: The epoch iterator that is about to begin; of another backend, or of a
            distribution strategy, it is left as it is.
    """
    tf = sys.modules.get("tensorflow")
    dataset = getattr(iterator, "_distributed_dataset", None)
    if tf is None or not isinstance(dataset, tf.data.Dataset):
        return
    if dataset.options().autotune.enabled is not None:  # somebody said so
        return
    options = tf.data.Options()
    options.autotune.enabled = False
    # Rewriting a graph of two steps takes longer than it can save.
    options.experimental_optimization.apply_default_optimizations = False
    # Of its own: a thread that waits for a batch is none that the model lacks.
    options.threading.private_threadpool_size = 1
    # What is before it, where it is the prefetch that is known, and not what a release to come has.
    batches = getattr(dataset, "_input_dataset", None)
    if type(dataset).__name__ == "_PrefetchDataset" and isinstance(batches, tf.data.Dataset):
        dataset = batches.prefetch(AT_HAND)
    iterator._distributed_dataset = _Pipeline(iterator, dataset.with_options(options))  # noqa: SLF001 - no other way


class _Pipeline:
    """What Keras makes its iterators of.

    Attributes:
        dataset: The pipeline itself.

    Args:
        epochs: The epoch iterator that it belongs to.
        dataset: See above.
    """

    def __init__(self, epochs: Any, dataset: Any) -> None:
        self._epochs = weakref.ref(epochs)
        self.dataset = dataset
        self._made: list[Any] = []  # ahead, while an epoch is on its way: one at most
        self._maker: threading.Timer | None = None

    def __iter__(self) -> Any:
        epochs = self._epochs()
        last = getattr(epochs, "_current_iterator", None)
        # Counted up before a step is taken, so that 0 says that nothing was read.
        unread = last is not None and getattr(epochs, "_steps_seen", None) == 0
        found = last if unread else self._next()
        if unread or last is None:  # an epoch begins, and Keras will want another at its end
            self._make_ahead()
        return found

    def _next(self) -> Any:
        maker, self._maker = self._maker, None
        if maker is not None:
            maker.cancel()
            maker.join()
        return self._made.pop() if self._made else iter(self.dataset)

    def _make_ahead(self) -> None:
        if self._made or self._maker is not None:
            return
        maker = threading.Timer(_SETTLED_SECONDS, _make, (weakref.ref(self),))
        maker.name = THREAD_NAME
        with suppress(RuntimeError):  # the system gives no more threads: it is made when asked for
            maker.start()
            self._maker = maker


def _make(of: weakref.ref[_Pipeline]) -> None:
    # No less urgent than other threads: those that TensorFlow starts inherit it, and train.
    pipeline = of()
    if pipeline is not None:
        with suppress(Exception):  # which is told to who asks for one
            pipeline._made.append(iter(pipeline.dataset))  # noqa: SLF001 - its own
