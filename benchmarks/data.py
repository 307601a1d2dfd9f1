"""The data that is measured on: made once, the same everywhere, kept in a cache directory."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["DATASETS", "prepare"]

_VERSION = "2"  # raised whenever what is made changes
_LONG = ("large-photos", "tree")
_CLASSES = 10


def prepare(cache: str, name: str, *, quick: bool = False) -> str:
    """Return the path of data set *name*, made if it is not there.

    Args:
        cache: The directory of all data sets.
        name: One of ``DATASETS``.
        quick: A tenth of those that take long to go through once.
    """
    less = 10 if quick and name in _LONG else 1
    path = os.path.join(cache, f"{name}-{_VERSION}{'-quick' if less > 1 else ''}")
    if not os.path.exists(path):
        unfinished = f"{path}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(unfinished)
        DATASETS[name](unfinished, less)
        os.rename(unfinished, path)
    return path


def _photos(folder: str, less: int) -> None:
    """2,000 JPEGs of 500 x 375, 58 KB on average, in ten classes."""
    _jpegs(folder, 2000 // less, (500, 375), noise=3, quality=90)


def _large_photos(folder: str, less: int) -> None:
    """100 JPEGs of 4000 x 3000, some 3.5 MB each, in ten classes."""
    _jpegs(folder, max(20, 100 // less), (4000, 3000), noise=7, quality=92)


def _jpegs(folder: str, count: int, size: tuple[int, int], *, noise: int, quality: int) -> None:
    """Crop two real photographs at random, and add the noise that sensors have."""
    import cv2
    from sklearn.datasets import load_sample_images

    photos = [photo[..., ::-1] for photo in load_sample_images().images]
    draw = np.random.default_rng(0)
    for number in range(count):
        photo = photos[number % 2]
        image = cv2.resize(_crop(photo, draw), size, interpolation=cv2.INTER_CUBIC)
        grain = np.empty(image.shape, np.int16)
        cv2.setRNGSeed(number)
        cv2.randn(grain, np.zeros(3), np.full(3, float(noise)))
        noisy = cv2.add(image, grain, dtype=cv2.CV_8U)
        if number % 4 > 1:
            noisy = cv2.flip(noisy, 1)
        path = os.path.join(_class_folder(folder, number), f"{number:05d}.jpg")
        cv2.imwrite(path, noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _crop(photo: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    columns = int(width * draw.uniform(0.6, 0.88))
    rows = columns * 3 // 4
    top, left = draw.integers(height - rows + 1), draw.integers(width - columns + 1)
    return np.ascontiguousarray(photo[top : top + rows, left : left + columns])


def _volumes(folder: str, less: int) -> None:
    """4,000 .npy files of 32 x 32 x 32 x 1 float32, 131 KB each."""
    _npy_files(folder, 4000 // less, (32, 32, 32, 1))


def _vectors(folder: str, less: int) -> None:
    """20,000 .npy files of 3,072 float32, 12 KB each."""
    _npy_files(folder, 20_000 // less, (3072,))


def _npy_files(folder: str, count: int, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    sample = draw.random(shape, np.float32)
    for number in range(count):
        sample.flat[0] = number / count
        np.save(os.path.join(_class_folder(folder, number), f"{number:05d}.npy"), sample)


def _table(folder: str, less: int) -> None:
    """A CSV of 400,000 rows: 30 features of seven digits, and a class."""
    import pyarrow as pa
    from pyarrow import csv

    draw = np.random.default_rng(0)
    rows = 400_000 // less
    columns: dict[str, Any] = {
        f"f{number}": np.round(draw.normal(size=rows), 6) for number in range(30)
    }
    columns["label"] = draw.integers(_CLASSES, size=rows)
    csv.write_csv(pa.table(columns), os.path.join(folder, "table.csv"))


def _arrays(folder: str, less: int) -> None:
    """60,000 samples of 28 x 28 x 1 float32 with one-hot labels, as MNIST has them."""
    draw = np.random.default_rng(0)
    count = 60_000 // less
    np.save(os.path.join(folder, "x.npy"), draw.random((count, 28, 28, 1), np.float32))
    labels = np.eye(_CLASSES, dtype=np.float32)[draw.integers(_CLASSES, size=count)]
    np.save(os.path.join(folder, "y.npy"), labels)


def _tree(folder: str, less: int) -> None:
    """A million names of small .npy files in 100 classes; 1,000 files, linked to."""
    few, many = os.path.join(folder, "few"), os.path.join(folder, "many")
    per_class = 10_000 // less
    for kind in range(100):
        for parent in (few, many):
            os.makedirs(os.path.join(parent, f"class{kind:02d}"))
        for number in range(10):
            path = os.path.join(few, f"class{kind:02d}", f"{number:05d}.npy")
            np.save(path, np.full(32, 10 * kind + number, np.float32))
        for number in range(per_class):
            os.link(
                os.path.join(few, f"class{kind:02d}", f"{number % 10:05d}.npy"),
                os.path.join(many, f"class{kind:02d}", f"{number:05d}.npy"),
            )


def _class_folder(folder: str, number: int) -> str:
    path = os.path.join(folder, f"class{number % _CLASSES}")
    os.makedirs(path, exist_ok=True)
    return path


DATASETS: dict[str, Callable[[str, int], None]] = {
    "arrays": _arrays,
    "large-photos": _large_photos,
    "photos": _photos,
    "table": _table,
    "tree": _tree,
    "vectors": _vectors,
    "volumes": _volumes,
}
