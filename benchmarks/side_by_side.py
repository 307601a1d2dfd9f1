"""What Keras makes of a PyDataset of one's own, and of a sequence of Penstock's, case by case.

``KERAS_BACKEND=jax python benchmarks/side_by_side.py`` prints a table. Each case
runs in a process of its own, which is killed after a while if it hangs.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

import penstock

SECONDS = 60
RARE = {0: 1.0, 1: 3.0}


class Own(keras.utils.PyDataset):  # type: ignore[misc]
    """Batch i is the number i."""

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        number = np.full((1, 1), index, "float32")
        return number, number


class Drawn(Own):
    """Batch i is a random number; a process ends early where it is told to."""

    ends: int | None = None

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        if index == self.ends:
            os._exit(1)  # as the system does to a process that takes too much memory
        return np.random.rand(1, 1), np.zeros((1, 1))  # noqa: NPY002 - as people write it


class Growing(Own):
    """Has two batches more in every epoch."""

    def on_epoch_end(self) -> None:
        """Grow."""
        self.count += 2


class Named(Own):
    """Has two targets."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        del index
        return np.zeros((4, 1), "float32"), {"a": np.array([0, 1, 0, 1]), "b": np.zeros((4, 1))}


class Last(keras.layers.Layer):  # type: ignore[misc]
    """Keeps the last batch."""

    def build(self, shape: Any) -> None:
        """Make room for it."""
        del shape
        self.last = self.add_weight(shape=(1, 1), trainable=False)
        self.scale = self.add_weight(shape=(), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Keep *x*."""
        self.last.assign(keras.ops.cast(x, "float32"))
        return self.scale * x


class Note(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes what reached training, epoch by epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[list[float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin a list."""
        del epoch, logs
        self.epochs.append([])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Add the last batch to it."""
        del batch, logs
        last = self.model.layers[-1].last
        self.epochs[-1].append(float(np.ravel(keras.ops.convert_to_numpy(last))[0]))


def arrived(data: Any, **options: Any) -> list[list[float]]:
    """Train on *data*, and return what reached the model."""
    model = keras.Sequential([keras.Input(batch_shape=(1, 1)), Last()])
    model.compile("sgd", "mse")
    note = Note()
    model.fit(data, verbose=0, callbacks=[note], **options)
    return note.epochs


def evaluated(data: Any) -> list[float]:
    """Return the mean square of *data*, as Keras finds it twice with a fresh model."""
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    return [round(model.evaluate(data, verbose=0), 1) for _ in range(2)]


def mirrored(data: Any) -> list[float]:
    """As ``evaluated``, under a strategy of TensorFlow's."""
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        return evaluated(data)


def distinct(epochs: list[list[float]]) -> str:
    """Say how many different values reached the model."""
    values = [value for epoch in epochs for value in epoch]
    return f"{len(set(values))} distinct of {len(values)}"


def weighted(data: Any, **options: Any) -> str:
    """Return the loss of two outputs, one of which has classes of different weight."""
    inputs = keras.Input((1,))
    outputs = {
        "a": keras.layers.Dense(2, "softmax", kernel_initializer="zeros", name="a")(inputs),
        "b": keras.layers.Dense(1, kernel_initializer="zeros", name="b")(inputs),
    }
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": "mse"})
    loss = model.fit(data, verbose=0, **options).history["loss"][0]
    return f"loss {loss:.3f}; {np.log(2):.3f} without weights"


def ours(count: int, **options: Any) -> Any:
    """Return a sequence whose batch i is the number i."""
    x = np.arange(count, dtype="float32").reshape(-1, 1)
    return penstock.make_generator((x, x), batch_size=1, shuffle=False, **options)


def noise(image: Any, generator: Any) -> Any:
    """Augment one sample."""
    return image * 0 + generator.random(image.shape)


def two_targets() -> Any:
    """Return a sequence with two targets."""
    table = pd.DataFrame({"x": [0.0] * 4, "label": [0, 1, 0, 1], "b": [0.0] * 4})
    targets = {"a": penstock.Int(column="label"), "b": penstock.Float(column="b")}
    return penstock.make_generator(
        table, loader="columns", x_col=["x"], targets=targets, class_weight=RARE
    )


def killed() -> Any:
    """Return a PyDataset, one of whose processes is killed."""
    data = Drawn(12, workers=4, use_multiprocessing=True)
    data.ends = 5
    return data


def drawn() -> Any:
    """Return a PyDataset that draws in processes."""
    return Drawn(12, workers=4, use_multiprocessing=True)


PREFIX = {"steps_per_epoch": 20, "epochs": 30}
CASES: dict[str, tuple[Any, Any]] = {
    "K0 evaluate": (lambda: evaluated(Own(40, workers=4)), lambda: evaluated(ours(40, workers=4))),
    "K0 mirrored": (lambda: mirrored(Own(40, workers=4)), lambda: mirrored(ours(40, workers=4))),
    "K0 fit": (
        lambda: [len(set(epoch)) for epoch in arrived(Own(40, workers=4), epochs=3)],
        lambda: [len(set(epoch)) for epoch in arrived(ours(40, workers=4), epochs=3)],
    ),
    "K1": (
        lambda: distinct(arrived(Own(300, workers=8), **PREFIX)),
        lambda: distinct(arrived(ours(300, workers=8), **PREFIX)),
    ),
    "K2": (
        lambda: distinct(arrived(drawn(), epochs=3)),
        lambda: distinct(arrived(ours(12, workers=4, augment=[noise]), epochs=3)),
    ),
    "K3": (
        lambda: distinct(arrived(killed(), epochs=3)),
        lambda: "there is no process to be killed",
    ),
    "K4": (lambda: arrived(Own(8))[0], lambda: arrived(ours(8))[0]),
    "K5": (lambda: weighted(Named(1), class_weight=RARE), lambda: weighted(two_targets())),
    "K6": (
        lambda: [len(epoch) for epoch in arrived(Growing(4), epochs=3)],
        lambda: "the length is fixed",
    ),
}


def run(case: str, side: int) -> str:
    """Run one side of a case in a process of its own, and return what it printed last."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), case, str(side)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return f"hangs; killed after {SECONDS} s"
    lines = (out if process.returncode == 0 else err).splitlines()
    return lines[-1] if lines else f"ended with {process.returncode}"


def main() -> None:
    """Run every case on both sides."""
    backend = keras.backend.backend()
    print(f"| case | PyDataset on {backend} | Penstock |\n|---|---|---|")
    for case in CASES:
        if case != "K0 mirrored" or backend == "tensorflow":
            print(f"| {case} | {run(case, 0)} | {run(case, 1)} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        warnings.simplefilter("ignore")
        random.seed(1)
        print(CASES[sys.argv[1]][int(sys.argv[2])]())
    else:
        main()
