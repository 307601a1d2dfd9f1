"""Penstock, with default arguments."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import penstock
from benchmarks.delivery import Delivery, fitting
from benchmarks.measuring import NotAvailable, Once
from benchmarks.peers.files import saved_arrays
from benchmarks.processor import resident_bytes

if TYPE_CHECKING:
    from benchmarks.delivery import Fitting
    from benchmarks.measuring import Figures

__all__ = [
    "arrays",
    "cached",
    "csv",
    "files",
    "images",
    "listing",
    "npy",
    "packing",
]

_SIZE = (224, 224)


def images(folder: str, *, augment: bool = False) -> Delivery:
    """JPEGs, resized; with *augment* mirrored, turned, moved, enlarged and made brighter."""
    return Delivery(_photos(folder, augment=_augmenters() if augment else None))


def cached(folder: str, *, cache: str) -> Delivery:
    """JPEGs, kept decoded after the first epoch."""
    places: list[tempfile.TemporaryDirectory[str]] = []

    def anew() -> Any:
        while places:
            places.pop().cleanup()
        places.append(tempfile.TemporaryDirectory())
        options = {"cache_dir": places[0].name} if cache == "disk" else {}
        return _photos(folder, cache=cache, **options)

    try:
        anew()
    except penstock.errors.ConfigError as error:
        raise NotAvailable(str(error)) from error
    return Delivery(anew, fresh=True)


def npy(folder: str, *, batch_size: int, train: str = "") -> Delivery | Fitting:
    """``.npy`` files; with *train* in a ``fit``: of a model of one layer, or of one that reads."""
    sequence = penstock.make_generator(folder, loader="npy", batch_size=batch_size)
    return fitting(sequence, train, sequence[0][0].shape[1:]) if train else Delivery(sequence)


def csv(folder: str) -> Delivery:
    """A CSV of numbers; packed before, as it is in all but the first run."""
    sequence = penstock.make_generator(
        os.path.join(folder, "table.csv"), y_col="label", encoder="int", batch_size=1024
    )
    return Delivery(sequence)


def packing(folder: str) -> Once:
    """A CSV's first run: until the generator is there."""

    def once() -> Figures:
        with tempfile.TemporaryDirectory() as place:
            began = time.perf_counter()
            sequence = penstock.make_generator(
                os.path.join(folder, "table.csv"), y_col="label", cache_dir=place, progress=False
            )
            spent = time.perf_counter() - began
            return {"rate": sequence.num_samples / spent}

    return Once(once)


def arrays(folder: str, *, mapped: bool, train: str = "") -> Delivery | Fitting:
    """Arrays in memory, or memory-mapped; with *train* in a ``fit``."""
    x, y = saved_arrays(folder, mapped=mapped)
    sequence = penstock.make_generator((x, y), batch_size=256)
    return fitting(sequence, train, x.shape[1:]) if train else Delivery(sequence)


def files(folder: str, *, part: str) -> Delivery:
    """Small files: a thousand names, or a million of the same files."""
    source = os.path.join(folder, part)
    return Delivery(penstock.make_generator(source, loader="npy", batch_size=16))


def listing(folder: str) -> Once:
    """A million names: how long until the generator is there, and how much memory they take."""
    # What the first generator imports is no memory of files.
    penstock.make_generator(os.path.join(folder, "few"), loader="npy").close()

    def once() -> Figures:
        before, began = resident_bytes(), time.perf_counter()
        sequence = penstock.make_generator(os.path.join(folder, "many"), loader="npy")
        spent = time.perf_counter() - began
        count = sequence.num_samples
        held = resident_bytes() - before
        return {"us_per_file": 1e6 * spent / count, "bytes_per_file": held / count}

    return Once(once)


def _photos(folder: str, **options: Any) -> Any:
    return penstock.make_generator(folder, loader="images", image_size=_SIZE, **options)


def _augmenters() -> list[Any]:
    from penstock_images import Brightness, Flip, Rotate, Shift, Zoom

    return [
        Flip(),
        Rotate(factor=20 / 360),
        Shift(height_factor=0.1, width_factor=0.1),
        Zoom(height_factor=0.1),
        Brightness(factor=0.2, value_range=(0, 255)),
    ]
