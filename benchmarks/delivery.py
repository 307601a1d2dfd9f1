"""Data delivered by Keras: all that ``fit`` does to get a batch, with and without training."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmarks.measuring import Stopwatch
from benchmarks.models import one_layer, reader
from benchmarks.processor import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.measuring import Figures

__all__ = ["Delivery", "Fitting", "fitting"]

_STRIDE = 4001  # a prime: every so many values of a batch are looked at


class Delivery:
    """Anything that ``fit`` takes, through Keras' own adapter, up to the tensors of a batch.

    This is ``fit``'s own loop, on TensorFlow, without a model: what is measured
    is the delivery. Some values of each batch are looked at, and what was
    delivered is counted.

    Args:
        data: What ``fit`` is given as x; a function that makes it anew for each
            round with *fresh*.
        fresh: Whether it does, because the first epoch is to be compared with the others.
        options: More arguments of ``fit``.
    """

    def __init__(self, data: Any, *, fresh: bool = False, **options: Any) -> None:
        self._data = data
        self._fresh = fresh
        self._options = options

    def measure(self, seconds: float) -> Figures:
        """Take batches until the time is up."""
        import tensorflow as tf
        from keras.src.backend.tensorflow.trainer import TFEpochIterator

        data = self._data() if self._fresh else self._data
        spec: list[str] = []
        cpu, watch = cpu_seconds(), Stopwatch(seconds, whole=self._fresh)
        epoch = TFEpochIterator(
            x=data, shuffle=True, distribute_strategy=tf.distribute.get_strategy(), **self._options
        )
        epoch.reset()
        while not watch.stop:
            with epoch.catch_stop_iteration():
                for _, _, iterator in epoch:
                    batch = next(iterator)
                    x = np.asarray(memoryview(batch[0]))  # the tensor's own memory
                    watch.batch_ended(len(x), float(x.ravel()[::_STRIDE].mean()))
                    spec = spec or [f"{each.dtype.name}{list(each.shape[1:])}" for each in batch]
                    if watch.stop:
                        break
            watch.epoch_ended()
        cpu_us = 1e6 * (cpu_seconds() - cpu) / watch.samples
        return {**watch.figures(), "cpu_us": cpu_us, "spec": spec}


class Fitting:
    """Anything that ``fit`` takes, in a real ``fit`` on any backend.

    Args:
        data: What ``fit`` is given as x.
        model: A compiled model of ``models.py``; by default the one that looks
            at its batches, and no more.
        pause: Seconds that the training thread waits after each batch, as it
            does for an accelerator; the processor is free meanwhile.
        options: More arguments of ``fit``.
    """

    def __init__(self, data: Any, *, model: Any = None, pause: float = 0.0, **options: Any) -> None:
        self._data = data
        self._model = reader() if model is None else model
        self._pause = pause
        self._options = options

    def measure(self, seconds: float) -> Figures:
        """Train until the time is up."""
        cpu, watch = cpu_seconds(), Stopwatch(seconds)

        def batch_ended(_step: int, logs: Mapping[str, Any]) -> None:
            # To read what the model found is to wait for it.
            samples, mean = int(logs["samples"]), float(logs.get("mean", logs.get("loss", 0)))
            mean = mean if math.isfinite(mean) else 0.0  # one that diverges trains as fast
            time.sleep(self._pause)
            watch.batch_ended(samples, mean)
            self._model.stop_training = watch.stop

        def epoch_ended(_epoch: int, _logs: Mapping[str, Any]) -> None:
            watch.epoch_ended()
            self._model.stop_training = watch.stop

        callback = keras.callbacks.LambdaCallback(
            on_train_batch_end=batch_ended, on_epoch_end=epoch_ended
        )
        self._model.fit(
            self._data, epochs=1_000_000, verbose=0, callbacks=[callback], **self._options
        )
        return {**watch.figures(), "cpu_us": 1e6 * (cpu_seconds() - cpu) / watch.samples}


def fitting(data: Any, train: str, shape: tuple[int, ...], **options: Any) -> Fitting:
    """Return a ``fit`` of the model that *train* names.

    Args:
        data: What ``fit`` is given as x.
        train: ``"one layer"`` for ten classes, or ``"reader"``.
        shape: Of a sample.
        options: More arguments of ``fit``.
    """
    return Fitting(data, model=one_layer(shape, 10) if train == "one layer" else None, **options)
