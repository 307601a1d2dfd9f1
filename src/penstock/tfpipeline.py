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
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["AT_HAND", "steady"]

AT_HAND = 2  # batches that TensorFlow holds beside those that are read ahead


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
    iterator._distributed_dataset = dataset.with_options(options)  # noqa: SLF001 - no other way
