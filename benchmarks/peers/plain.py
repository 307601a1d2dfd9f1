"""Without a data loader: arrays, loops and whole files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.delivery import Delivery, fitting
from benchmarks.measuring import Looping, Once
from benchmarks.peers.files import one_hot, saved_arrays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.delivery import Fitting
    from benchmarks.measuring import Figures

__all__ = ["arrays", "npy_loop", "pandas_chunks", "pyarrow_parse", "scan"]


def arrays(folder: str, *, mapped: bool, train: str = "") -> Delivery | Fitting:
    """``fit(x, y)``; with *train* its training, too."""
    x, y = saved_arrays(folder, mapped=mapped)
    if train:
        return fitting(x, train, x.shape[1:], y=y, batch_size=256)
    return Delivery(x, y=y, batch_size=256)


def npy_loop(folder: str, *, batch_size: int) -> Looping:
    """``np.load`` into the rows of an array, without Keras."""
    paths, _ = one_hot(folder)
    batch = np.empty((batch_size, *np.load(paths[0]).shape), np.float32)
    order = np.random.default_rng(0).permutation(len(paths))

    def epoch() -> int:
        for place, number in enumerate(order):
            batch[place % batch_size] = np.load(paths[number])
        return len(paths)

    return Looping(epoch)


def pandas_chunks(folder: str) -> Delivery:
    """``pandas.read_csv`` in chunks of a batch, by a generator."""
    import pandas as pd

    types = {**{f"f{number}": np.float32 for number in range(30)}, "label": np.int32}

    def chunks() -> Iterator[tuple[Any, Any]]:
        while True:
            for chunk in pd.read_csv(
                os.path.join(folder, "table.csv"), chunksize=1024, dtype=types
            ):
                y = chunk.pop("label").to_numpy()
                yield chunk.to_numpy(), y

    return Delivery(chunks(), steps_per_epoch=100)


def pyarrow_parse(folder: str) -> Once:
    """``pyarrow.csv.read_csv``: the file, parsed into memory and thrown away."""
    from pyarrow import csv

    def once() -> Figures:
        began = time.perf_counter()
        table = csv.read_csv(os.path.join(folder, "table.csv"))
        return {"rate": table.num_rows / (time.perf_counter() - began)}

    return Once(once)


def scan(folder: str) -> Once:
    """``os.scandir`` alone, over a million names."""
    many = os.path.join(folder, "many")

    def once() -> Figures:
        began, count = time.perf_counter(), 0
        for kind in os.scandir(many):
            count += sum(1 for entry in os.scandir(kind.path) if entry.is_file())
        return {"us_per_file": 1e6 * (time.perf_counter() - began) / count}

    return Once(once)
