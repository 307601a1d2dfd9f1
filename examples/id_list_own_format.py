"""Train on a list of ids whose files are in a format of your own.

A notebook's ``MyDataGenerator`` takes an id list, labels, ``dim``, ``n_channels``
and ``n_classes``. All but one line of its sixty is the same in every project;
the one that is not reads a file::

    X[i,] = np.load("path_to_data")

So that line is all you write: the function ``raw_frames`` below reads headerless
16-bit frames as a detector leaves them. ``dim`` and ``n_channels`` are its
options, because such a file cannot tell them; ``n_classes`` is how many classes
the labels have. Threads, shuffling, labels and splits come with the rest. Name
the function in an entry point, and ``loader="raw"`` will do (see the
documentation's pages on plugins).

What went wrong in the notebook's class cannot happen here:

- Misspelt names (``np.arrange``, ``inex``, ``num_classess=``) come to light in
  the middle of ``fit``, or after it. Options are checked, with a suggestion, before
  a file is opened.
- ``__getitem__`` forgets its ``return`` and hands None to Keras. A function that
  returns no array, or one of another shape, is named in an error, with the file.
- ``np.floor`` drops the last samples, ``np.empty`` leaves garbage in a short
  batch, ``np.random.shuffle`` depends on the global state, as in every copy of
  this class.
- ``fit(generator=…)`` is no argument of Keras. A generator goes where ``x`` goes.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import keras
import numpy as np

import penstock

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANGLES = ("0°", "45°", "90°", "135°")


@penstock.loader(suffixes=(".raw",))
def raw_frames(path: str, *, dim: tuple[int, int], n_channels: int) -> NDArray[np.float32]:
    """Frames of 16-bit numbers, channel after channel, from .raw files."""
    frame = np.fromfile(path, "<u2").reshape(n_channels, *dim)
    return np.moveaxis(frame, 0, -1).astype(np.float32) / 65535


def main() -> None:
    """Write frames, train on them and print the validation accuracy."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as data:
        id_list, labels = write_frames(data, dim=(24, 24), n_channels=2)
        train, validation = penstock.make_generator(
            id_list,
            labels=labels,
            loader=raw_frames(dim=(24, 24), n_channels=2),
            root=data,
            encoder="int",  # Class numbers, for the sparse loss; to_categorical is the default.
            batch_size=32,
            seed=0,
        ).split(0.8, 0.2)
        model = network(n_classes=len(train.class_names))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(train, validation_data=validation, epochs=8, verbose=2)
        _, accuracy = model.evaluate(validation, verbose=0)
    print(f"validation accuracy: {accuracy:.3f}")


def network(n_classes: int) -> keras.Model:
    """Build a small convolutional network."""
    return keras.Sequential(
        [
            keras.layers.Conv2D(16, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


def write_frames(
    folder: str, *, dim: tuple[int, int], n_channels: int, count: int = 500
) -> tuple[list[str], dict[str, str]]:
    """Write noisy stripes at one of four angles, the label, into .raw files.

    Returns:
        The list of ids and the labels.
    """
    rng = np.random.default_rng(0)
    rows, columns = np.indices(dim)
    labels: dict[str, str] = {}
    for number in range(count):
        label = ANGLES[number % len(ANGLES)]
        angle = np.deg2rad(int(label[:-1]) + rng.normal(0, 5))
        along = rows * np.sin(angle) + columns * np.cos(angle)
        phases = rng.uniform(0, 2 * np.pi, (n_channels, 1, 1))
        frame = 0.5 + 0.2 * np.sin(along + phases) + rng.normal(0, 0.1, (n_channels, *dim))
        labels[f"frame-{number:04d}"] = label
        path = os.path.join(folder, f"frame-{number:04d}.raw")
        (65535 * frame.clip(0, 1)).astype("<u2").tofile(path)
    return list(labels), labels


if __name__ == "__main__":
    main()
