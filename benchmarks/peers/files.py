"""The files of a data set, as every peer finds them for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["labelled_files", "one_hot", "saved_arrays"]


def labelled_files(folder: str) -> tuple[list[str], list[int], int]:
    """Return the files below *folder*, the number of the class of each, and how many classes."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    paths, labels = [], []
    for number, name in enumerate(names):
        inside = sorted(entry.path for entry in os.scandir(os.path.join(folder, name)))
        paths += inside
        labels += [number] * len(inside)
    return paths, labels, len(names)


def one_hot(folder: str) -> tuple[list[str], NDArray[np.float32]]:
    """Return the files below *folder*, and the class of each as a row of zeros and a one."""
    paths, labels, classes = labelled_files(folder)
    return paths, np.eye(classes, dtype=np.float32)[labels]


def saved_arrays(folder: str, *, mapped: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return x and y, in memory or memory-mapped."""
    mode: Any = "r" if mapped else None
    x, y = (np.load(os.path.join(folder, name), mmap_mode=mode) for name in ("x.npy", "y.npy"))
    return x, y
