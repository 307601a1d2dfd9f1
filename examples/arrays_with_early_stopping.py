"""Train on grayscale arrays in memory-maps, with early stopping and a progress bar.

A tutorial cuts arrays into batches, because all of them at once do not fit on
the graphics card::

    x_train, y_train = load_data(source, 0.8)
    x_val, y_val = load_data(source, 0.2)

    class DataGenerator(Sequence):
        def __getitem__(self, idx):
            end = min(self.x.shape[0], (idx + 1) * batch_size)
            return self.x[idx * batch_size : end], self.y[idx * batch_size : end]

The two calls of ``load_data``, the class and the arguments of ``fit`` that go
with it are the function ``generators`` below. The arrays may stay on disk: of a
memory-map no more is read than the next batches. What goes wrong there cannot
happen here:

- Nothing makes sure that the two parts that ``load_data`` returns are disjoint, or
  that both have all classes. ``split`` draws disjoint parts with each class in
  proportion.
- ``steps_per_epoch=x_train.shape[0] // batch_size`` trains on 768 of 800 samples.
  A generator knows its length, and delivers the short last batch.
- The same 256 samples meet in the same batch in every epoch. Here every epoch has
  an order of its own.
- ``set_image_data_format("channels_first")`` changes all layers of a program, and
  the arrays have their channels last. Arrays are delivered as they are; for image
  and .npy files ``data_format="channels_first"`` is an option of one generator.

Three more lines have to change, whatever feeds the model: Keras 3 refuses
``fit(use_multiprocessing=True, workers=8)``; ``tensorflow_addons`` has come to its
end, and tqdm has a callback of its own; ``monitor="val_acc"`` is called
``"val_accuracy"`` where the metric is ``"accuracy"``, or nothing ever stops.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import keras
import numpy as np
from tqdm.keras import TqdmCallback

import penstock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock import Sequence


def main() -> None:
    """Write arrays, train on them and print the validation accuracy."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as source:
        train, validation = generators(*load_data(source))
        model = get_model()
        early_callback = keras.callbacks.EarlyStopping(
            monitor="val_accuracy", mode="max", patience=10, restore_best_weights=True, verbose=1
        )
        history = model.fit(
            train,
            validation_data=validation,
            epochs=100,
            verbose=0,
            callbacks=[TqdmCallback(verbose=0), early_callback],
        )
        _, accuracy = model.evaluate(validation, verbose=0)
    print(f"validation accuracy: {accuracy:.3f} after {len(history.epoch)} epochs")


def generators(x: NDArray[np.float32], y: NDArray[np.int64]) -> tuple[Sequence, Sequence]:
    """Do what the tutorial's class did."""
    train, validation = penstock.make_generator((x, y), batch_size=256, seed=0).split(0.8, 0.2)
    return train, validation


def get_model() -> keras.Model:
    """Build and compile a small convolutional network for two classes."""
    model = keras.Sequential(
        [
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 5, strides=2, activation="relu"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    return model


def load_data(source: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Open the arrays without reading them.

    Returns:
        x of shape (1000, 64, 64, 1), a memory-map, and y of shape (1000, 1).
    """
    write_scans(source, 1000)
    x = np.load(os.path.join(source, "x.npy"), mmap_mode="r")
    return x, np.load(os.path.join(source, "y.npy"))


def write_scans(source: str, count: int) -> None:
    """Write noisy slices of a head; every second one has a bright spot in it, the label."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((64, 64))
    shape = (count, 64, 64, 1)
    x = np.lib.format.open_memmap(os.path.join(source, "x.npy"), "w+", np.float32, shape)
    y = np.arange(count)[:, None] % 2
    for scan, spotted in zip(x, y[:, 0], strict=True):
        height, width = rng.uniform(20, 28, 2)
        head = ((rows - 32) / height) ** 2 + ((columns - 32) / width) ** 2 < 1
        scan[..., 0] = 0.4 * head + rng.normal(0, 0.1, head.shape)
        if spotted:
            row, column = rng.uniform(20, 44, 2)
            scan[..., 0] += 0.35 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 12)
    x.flush()
    np.save(os.path.join(source, "y.npy"), y)


if __name__ == "__main__":
    main()
