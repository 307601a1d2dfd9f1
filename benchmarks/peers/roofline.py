"""What the machine can do: bare loops of the native calls, on as many threads as cores.

There is no order, no label, no check, no Keras: each thread does every so
many-th file, over and over in the same memory.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measuring import Looping
from benchmarks.peers.files import labelled_files
from benchmarks.processor import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["images", "npy", "take"]


def images(folder: str, *, reduce: int = 1) -> Looping:
    """Read, ``simplejpeg``, ``cv2.resize`` into a row, and the conversion to float32."""
    import cv2
    import simplejpeg

    cv2.setNumThreads(0)
    paths, _, _ = labelled_files(folder)

    def work(part: list[str]) -> None:
        row, batch = np.empty((224, 224, 3), np.uint8), np.empty((32, 224, 224, 3), np.float32)
        space = np.empty(3 * (4000 // reduce) * (3000 // reduce), np.uint8)  # of the largest
        for place, path in enumerate(part):
            with open(path, "rb") as file:
                data = file.read()
            options: dict[str, Any] = {"fastdct": True, "fastupsample": True, "min_factor": reduce}
            options["buffer"] = space
            if reduce > 1:
                options |= {"min_height": 3000 // reduce, "min_width": 4000 // reduce}
            pixels = simplejpeg.decode_jpeg(data, "RGB", **options)
            cv2.resize(pixels, (224, 224), dst=row)
            np.copyto(batch[place % 32], row)

    return _threaded(paths, work)


def npy(folder: str, *, batch_size: int) -> Looping:
    """``open`` and ``preadv`` into a row."""
    paths, _, _ = labelled_files(folder)
    sample = np.load(paths[0])

    def work(part: list[str]) -> None:
        head, batch = bytearray(128), np.empty((batch_size, *sample.shape), sample.dtype)
        rows = [memoryview(row).cast("B") for row in batch]
        for place, path in enumerate(part):
            file = os.open(path, os.O_RDONLY)
            os.preadv(file, [head, rows[place % batch_size]], 0)
            os.close(file)

    return _threaded(paths, work)


def take(folder: str) -> Looping:
    """``np.take`` of 1,024 rows of a table in memory."""
    del folder
    table = np.random.default_rng(0).random((400_000, 30), np.float32)
    order = np.random.default_rng(1).permutation(len(table)).reshape(-1, 1000)

    def work(part: list[Any]) -> None:
        batch = np.empty((1000, 30), np.float32)
        for rows in part:
            np.take(table, rows, axis=0, out=batch, mode="clip")

    return _threaded(list(order), work, each=1000)


def _threaded(items: list[Any], work: Callable[[list[Any]], None], each: int = 1) -> Looping:
    threads = len(usable_cores())
    pool = ThreadPoolExecutor(threads)
    parts = [items[number::threads] for number in range(threads)]

    def epoch() -> int:
        list(pool.map(work, parts))
        return each * len(items)

    return Looping(epoch)
