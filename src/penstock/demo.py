"""Train on handwritten digits three times: from images, from .npy files and from a CSV."""

from __future__ import annotations

import csv
import json
import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock.plugins import installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Result", "main"]

_SEED = 0
_BATCH_SIZE = 32
_WRITTEN = ("batch.png", "digits.csv", "images", "labels.json", "npy")


@dataclass(frozen=True)
class Result:
    """What training through one plugin came to.

    Attributes:
        plugin: The loader's name.
        samples: How many samples there are, those for validation included.
        rate: Samples per second that ``fit`` trained or validated on.
        accuracy: Share of the validation samples that the model got right.
        goal: The accuracy that the demo promises.
    """

    plugin: str
    samples: int
    rate: float
    accuracy: float
    goal: float

    @property
    def passed(self) -> bool:
        """Whether the model is as accurate as promised."""
        return self.accuracy >= self.goal


def main(directory: str | os.PathLike[str] = "demo") -> int:
    """Write digits in three formats, train a model from each and print a table.

    Args:
        directory: Where the data and the picture of a batch go; made if need be.

    Returns:
        0, or 1 where a model is less accurate than promised.

    Raises:
        ConfigError: Something that the demo needs is not installed, or
            *directory* holds other things or cannot be written.
    """
    _check_installed()
    root = os.fspath(directory)
    try:
        ids = _write_data(root)
    except OSError as error:
        raise ConfigError(
            f"The demo cannot write to {quote(root)}: {error.strerror}. Name another directory."
        ) from error
    print(f"{len(ids):,} handwritten digits are in {root} as images, .npy files and a CSV.")

    images = _images(root)
    results = [
        _train("images", images, _convnet(), epochs=25, goal=0.95),
        _train("npy", _npy(root, ids), _convnet(scale=1 / 16), epochs=15, goal=0.95),
        _train("csv", _csv(root), _dense(scale=1 / 16), epochs=20, goal=0.93),
    ]
    print(f"\n{_table(results)}\n")
    print(f"An augmented batch, with its labels: {_contact_sheet(root, images)}")
    for result in results:
        if not result.passed:
            print(f"{result.plugin}: {result.accuracy:.3f} is below the {result.goal} promised.")
    return 0 if all(result.passed for result in results) else 1


def _images(root: str) -> Any:
    """Read class folders of images, and augment them."""
    from penstock.factory import make_generator

    return make_generator(
        os.path.join(root, "images"),
        color_mode="grayscale",
        image_size=(8, 8),
        rescale=1 / 255,
        augment=["rotate", "shift", "zoom"],
        batch_size=_BATCH_SIZE,
        seed=_SEED,
    )


def _npy(root: str, ids: list[str]) -> Any:
    """Read a file per id, with the labels in a dict."""
    from penstock.factory import make_generator

    with open(os.path.join(root, "labels.json"), encoding="utf-8") as file:
        labels = json.load(file)
    return make_generator(
        ids,
        labels=labels,
        loader="npy",
        root=os.path.join(root, "npy"),
        batch_size=_BATCH_SIZE,
        seed=_SEED,
    )


def _csv(root: str) -> Any:
    """Read the rows of a table: 64 columns of pixels and one of labels."""
    from penstock.factory import make_generator

    return make_generator(
        os.path.join(root, "digits.csv"), y_col="label", batch_size=_BATCH_SIZE, seed=_SEED
    )


def _train(
    plugin: str, generator: Any, layers: Callable[[], list[Any]], *, epochs: int, goal: float
) -> Result:
    """Train a fresh model on four fifths of the samples and validate it on the others."""
    import keras

    print(f"\n{plugin}: make_generator(…).split(0.8, 0.2, seed={_SEED}), then fit")
    train, validation = generator.split(0.8, 0.2, seed=_SEED)
    keras.utils.set_random_seed(_SEED)
    model = keras.Sequential(layers())
    model.compile(keras.optimizers.Adam(2e-3), "categorical_crossentropy", metrics=["accuracy"])
    begin = time.perf_counter()
    history = model.fit(train, validation_data=validation, epochs=epochs).history
    seconds = time.perf_counter() - begin
    count = len(generator.samples)
    return Result(plugin, count, epochs * count / seconds, history["val_accuracy"][-1], goal)


def _convnet(scale: float = 1.0) -> Callable[[], list[Any]]:
    def layers() -> list[Any]:
        from keras import layers as k

        return [
            k.Rescaling(scale),
            k.Conv2D(32, 3, padding="same", activation="relu"),
            k.Conv2D(64, 3, activation="relu"),
            k.MaxPooling2D(),
            k.Flatten(),
            k.Dense(64, activation="relu"),
            k.Dense(10, activation="softmax"),
        ]

    return layers


def _dense(scale: float) -> Callable[[], list[Any]]:
    def layers() -> list[Any]:
        from keras import layers as k

        return [k.Rescaling(scale), k.Dense(128, activation="relu"), k.Dense(10, "softmax")]

    return layers


def _write_data(root: str) -> list[str]:
    """Write scikit-learn's 8×8 digits, of values 0 to 16, below *root* in three formats.

    ``images/<digit>/<id>.png`` in 8-bit grey, ``npy/<id>.npy`` in float32 of
    shape (8, 8, 1) beside ``labels.json``, and ``digits.csv``.

    Returns:
        The samples' ids.

    Raises:
        ConfigError: *root* holds things that the demo did not write.
        OSError: It cannot be written.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    os.makedirs(root, exist_ok=True)
    foreign = sorted(name for name in os.listdir(root) if name not in _WRITTEN)
    if foreign:
        raise ConfigError(
            f"{quote(root)} holds things that are not the demo's, such as {quote(foreign[0])}."
            " Name a new or empty directory."
        )
    loaded = load_digits()
    digits: NDArray[np.float64] = loaded.images
    labels = [str(label) for label in loaded.target]
    ids = [f"digit-{number:04d}" for number in range(len(labels))]

    for name in ("npy", *(os.path.join("images", label) for label in sorted(set(labels)))):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name, digit, label in zip(ids, digits, labels, strict=True):
        grey = Image.fromarray((digit * 15).astype(np.uint8))
        grey.save(os.path.join(root, "images", label, f"{name}.png"))
        np.save(os.path.join(root, "npy", f"{name}.npy"), digit[..., None].astype(np.float32))
    with open(os.path.join(root, "labels.json"), "w", encoding="utf-8") as file:
        json.dump(dict(zip(ids, labels, strict=True)), file, indent=0)
    with open(os.path.join(root, "digits.csv"), "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([*(f"pixel_{row}_{column}" for row, column in np.ndindex(8, 8)), "label"])
        for digit, label in zip(digits, labels, strict=True):
            table.writerow([*digit.astype(int).ravel().tolist(), label])
    return ids


def _check_installed() -> None:
    missing = [
        package
        for package, module in (("scikit-learn", "sklearn"), ("matplotlib", "matplotlib"))
        if find_spec(module) is None
    ]
    loaders = {plugin.name for plugin in installed("loader")}
    missing += [f"penstock-{name}" for name in ("csv", "images", "npy") if name not in loaders]
    if missing:
        raise ConfigError(
            f"The demo needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'}"
            ' not installed: pip install "penstock[demo]"'
        )


def _table(results: list[Result]) -> str:
    """Set the results as aligned columns under a heading."""
    lines = [f"{'plugin':<8}{'samples':>9}{'samples/s':>11}{'validation accuracy':>21}"]
    lines += [
        f"{result.plugin:<8}{result.samples:>9,}{result.rate:>11,.0f}{result.accuracy:>21.3f}"
        for result in results
    ]
    return "\n".join(lines)


def _contact_sheet(root: str, images: Any) -> str:
    """Draw the first batch as it is fed to Keras; return the picture's path."""
    from matplotlib.figure import Figure

    x, y = images[0]
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    for axes, digit, label in zip(figure.subplots(4, 8).flat, x, y, strict=True):
        axes.imshow(digit[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(images.class_names[int(np.argmax(label))])
        axes.set_axis_off()
    path = os.path.join(root, "batch.png")
    figure.savefig(path, dpi=120)
    return path
