"""Measurements that are no race: the hand-over, overlap, start-up, the wait of a GPU."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.delivery import Delivery, Fitting, fitting
from benchmarks.measuring import Once

if TYPE_CHECKING:
    from benchmarks.measuring import Figures

__all__ = ["hand_over", "importing", "listing_plugins", "overlap", "ready", "real_model"]

_PHOTOS = (32, 224, 224, 3)
_TURNS = 3


def hand_over(*, leased: bool) -> Once:
    """Deliver the same ready batch of 19 MB again and again, and one of 32 numbers.

    What the large one takes longer is its hand-over. *leased* takes memory as
    Penstock hands it out; an array by itself lies where malloc puts it.
    """
    trials = [Fitting(_ready(shape, 200, leased=leased)) for shape in (_PHOTOS, (32, 1))]

    def once() -> Figures:
        turns = [[32 / each.measure(0.3)["rate"] for each in trials] for _ in range(_TURNS)]
        spent = statistics.median(large - small for large, small in turns)
        return {"ms": 1000 * spent}

    return Once(once)


def ready(*, shape: tuple[int, ...], batches: int, train: str = "") -> Delivery | Fitting:
    """A PyDataset whose batches cost nothing: what Keras itself takes for delivering them."""
    data = _ready(tuple(shape), batches, leased=True)
    return fitting(data, train, shape[1:]) if train else Delivery(data)


def _ready(shape: tuple[int, ...], batches: int, *, leased: bool) -> Any:
    import keras

    from penstock.memory import Pool

    class Ready(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return batches

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return x, y

    kind = np.dtype(np.float32)
    x = Pool().lease(shape, kind) if leased else np.empty(shape, kind)
    y = np.zeros((shape[0], 10), kind)
    x[...] = 0.5
    return Ready()


def overlap(folder: str) -> Once:
    """Train for as long per batch as loading one takes, and compare with both in turn.

    The training thread sleeps in place of training, as it does when it waits
    for an accelerator. A model on the same cores could not run beside a loader
    that needs all of them, whoever's loader it were.
    """
    import penstock

    sequence = penstock.make_generator(folder, loader="images", image_size=(224, 224))
    alone = Fitting(sequence)
    alone.measure(0.5)

    def once() -> Figures:
        loading = sequence.batch_size / alone.measure(1)["rate"]
        both = sequence.batch_size / Fitting(sequence, pause=loading).measure(2)["rate"]
        return {"overlap": 2 * loading / both, "loading_ms": 1000 * loading, "both_ms": 1000 * both}

    return Once(once)


def importing(*, module: str) -> Once:
    """Import *module* in a fresh interpreter, and time the import."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"

    def once() -> Figures:
        runs = [subprocess.check_output([sys.executable, "-c", code]) for _ in range(3)]
        return {"seconds": statistics.median(map(float, runs))}

    return Once(once)


def listing_plugins() -> Once:
    """``penstock plugins``, from the shell to its end."""

    def once() -> Figures:
        spent = []
        for _ in range(3):
            began = time.perf_counter()
            subprocess.check_output([sys.executable, "-m", "penstock", "plugins"])
            spent.append(time.perf_counter() - began)
        return {"seconds": statistics.median(spent)}

    return Once(once)


def real_model(folder: str, *, loader: str) -> Once:
    """Train ResNet50 in mixed precision; the wait is what a batch takes longer than one at hand."""
    import keras

    import penstock
    from benchmarks.models import counted

    keras.mixed_precision.set_global_policy("mixed_float16")
    if loader == "penstock":
        data = penstock.make_generator(
            folder, loader="images", image_size=(224, 224), batch_size=64
        )
    else:
        data = keras.utils.image_dataset_from_directory(
            folder, label_mode="categorical", image_size=(224, 224), batch_size=64, verbose=False
        )
    import tensorflow as tf

    network = keras.applications.ResNet50(weights=None, classes=10)
    model = counted(network.inputs, network.outputs)
    at_hand = tf.data.Dataset.from_tensors(next(iter(data))).cache().repeat(30)

    def once() -> Figures:
        found = Fitting(data, model=model).measure(5)
        ideal = Fitting(at_hand, model=model).measure(3)["rate"]
        return {**found, "wait_percent": 100 * (1 - found["rate"] / ideal), "ideal": ideal}

    return Once(once)
