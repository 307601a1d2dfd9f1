"""Train on volumes in .npy files, named by a list of ids, with labels in a dict.

A tutorial's ``DataGenerator`` starts from two dicts::

    partition = {"train": ["id1", "id2", "id3"], "validation": ["id4"]}
    labels = {"id1": 0, "id2": 1, "id3": 2, "id4": 1}

and fills batches by a loop over ids in a class of sixty lines::

    X = np.empty((self.batch_size, *self.dim, self.n_channels))
    for i, ID in enumerate(list_IDs_temp):
        X[i,] = np.load("data/" + ID + ".npy")

The class, its ``params`` and the two lines that make generators of it are the
function ``generators`` below. ``dim`` and ``n_channels`` are in the files,
``n_classes`` is in the labels. What went wrong in the class cannot happen here:

- ``np.floor(len(list_IDs) / batch_size)`` leaves out up to 63 samples of every
  epoch, and validates on fewer than there are. All samples are delivered.
- A short batch in ``np.empty((batch_size, …))`` would end in rows of garbage.
  The last batch is as long as its samples are many.
- Batches are float64 and twice as large as the model wants. They are float32.
- ``np.random.shuffle`` takes the order from a state that any other line of the
  program changes. Here it is a function of the seed and the epoch.
- ``fit_generator(use_multiprocessing=True, workers=6)`` is gone from Keras 3.
  ``fit`` it is; threads load ahead without being asked.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import keras
import numpy as np

import penstock

if TYPE_CHECKING:
    from penstock import Sequence

CLASSES = ("front", "back", "left", "right", "top", "bottom")
SIDE = 16


def main() -> None:
    """Write volumes, train on them and print the validation accuracy."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as data:
        partition, labels = write_volumes(data)
        train, validation = generators(data, partition, labels)
        model = network(len(train.class_names))
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        model.fit(train, validation_data=validation, epochs=8, verbose=2)
        _, accuracy = model.evaluate(validation, verbose=0)
    print(f"validation accuracy: {accuracy:.3f}")


def generators(
    data: str, partition: dict[str, list[str]], labels: dict[str, int]
) -> tuple[Sequence, Sequence]:
    """Do what the tutorial's class did."""
    params = {
        "labels": labels,
        "loader": "npy",
        "root": data,
        "shape": (SIDE, SIDE, SIDE, 1),  # The files have no axis of channels.
        "batch_size": 64,
        "seed": 0,
    }
    train = penstock.make_generator(partition["train"], **params)
    validation = penstock.make_generator(partition["validation"], shuffle=False, **params)
    return train, validation


def network(classes: int) -> keras.Model:
    """Build a small network of 3D convolutions."""
    return keras.Sequential(
        [
            keras.layers.AveragePooling3D(2),
            keras.layers.Conv3D(8, 3, activation="relu"),
            keras.layers.Conv3D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def write_volumes(folder: str, count: int = 600) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Write noisy cubes with a bright spot near one of their six sides, the label.

    Returns:
        The partition and the labels, as the tutorial has them.
    """
    rng = np.random.default_rng(0)
    labels: dict[str, int] = {}
    for number in range(count):
        label = number % len(CLASSES)
        axis, far = divmod(label, 2)
        centre = rng.uniform(5, SIDE - 5, 3)
        centre[axis] = SIDE - 4 if far else 3
        places = np.moveaxis(np.indices((SIDE, SIDE, SIDE)), 0, -1)
        spot = np.exp(-((places - centre) ** 2).sum(-1) / 8)
        volume = spot + rng.normal(0, 0.3, spot.shape)
        labels[f"id{number}"] = label
        np.save(os.path.join(folder, f"id{number}.npy"), volume.astype(np.float32))
    ids = list(labels)
    cut = count * 4 // 5
    return {"train": ids[:cut], "validation": ids[cut:]}, labels


if __name__ == "__main__":
    main()
