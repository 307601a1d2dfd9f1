"""Components that keep the contract; the broken ones are made of them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import penstock


class Endless:
    """A job that does its work once, and never again in a thread or process of its own."""

    home = os.getpid()

    def run(self, shift=0):
        if os.getpid() != self.home or threading.current_thread() is not threading.main_thread():
            time.sleep(5)
        return [np.zeros(3)]

    def __reduce__(self):
        return _endless, (os.getpid(),)


def _endless(home):
    job = Endless()
    job.home = home
    return job


class RawHooks:
    suffixes: ClassVar[tuple[str, ...]] = (".raw",)

    @penstock.hookimpl
    def describe_sample(self, samples):
        return penstock.ArraySpec((4,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        offset = self.trouble()
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path) + np.float32(offset)

    def read(self, path):
        values = np.fromfile(path, "<f4")
        if values.shape != (4,):
            raise penstock.errors.SampleCorrupt(f"4 numbers were expected; found {values.shape}.")
        return values

    def trouble(self):
        """Add nothing; broken components do otherwise."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Raw(RawHooks):
    column: str = "sample"


@dataclass(frozen=True, kw_only=True)
class Ragged(RawHooks):
    """As many numbers as a file has."""

    column: str = "sample"

    @penstock.hookimpl
    def describe_sample(self, samples):
        return penstock.ArraySpec((None,), "float32")

    @penstock.hookimpl
    def measure_samples(self, samples):
        return np.array([[os.path.getsize(path) // 4] for path in samples], int).reshape(-1, 1)

    def read(self, path):
        if os.path.getsize(path) % 4:
            raise penstock.errors.SampleCorrupt("This is no whole number of numbers.")
        return np.fromfile(path, "<f4")


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """A loader without files, with every hook of its own."""

    count: int = 5

    @penstock.hookimpl
    def claims_source(self, source):
        return isinstance(source, str) and source.endswith(".numbers")

    @penstock.hookimpl
    def list_samples(self, source):
        import pandas as pd

        return pd.DataFrame({"sample": np.arange(self.count)})

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec(
            (2, 3, 1), "uint8", deliver_dtype="float32", scale=1 / 255, data_format="channels_first"
        )

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = samples[:, None, None, None]


class ClassHooks:
    @penstock.hookimpl
    def fit_labels(self, labels):
        return sorted(set(labels.tolist()))

    @penstock.hookimpl
    def encode_labels(self, labels, classes):
        target = np.full((len(labels), len(classes)), self.trouble(), np.float32)
        target[np.arange(len(labels)), labels] += 1
        return target

    def trouble(self):
        return 0


@dataclass(frozen=True, kw_only=True)
class Classes(ClassHooks):
    column: str | None = None


class ShiftHooks:
    @penstock.hookimpl
    def augment_samples(self, batch):
        x = batch.inputs["x"]
        added = batch.draws.integers(0, 100).reshape(-1, 1, 1, 1) + self.trouble()
        x[...] = (x.astype(np.int64) + added) % 256

    def trouble(self):
        return 0


@dataclass(frozen=True, kw_only=True)
class Shift(ShiftHooks):
    bias: int = 0


@dataclass(frozen=True, kw_only=True)
class Mixup:
    least: float = 0.5

    @penstock.hookimpl
    def augment_batch(self, batch):
        share = batch.draws.uniform(self.least, 1.0)
        for arrays in (batch.inputs, batch.targets):
            for array in arrays.values():
                own = share.reshape(-1, *[1] * (array.ndim - 1))
                array[...] = own * array + (1 - own) * array[::-1]


@penstock.loader(suffixes=(".raw",))
def raw_function(path, *, scale: float = 1.0):
    return scale * np.fromfile(path, "<f4")


@penstock.encoder
def signed_function(label, *, positive: str = "b"):
    return {"a": -1, positive: 1}[label]


@penstock.augmenter(masks=False)
def noise_function(array, rng, *, deviation: float = 20.0):
    return array + rng.normal(0, deviation, array.shape)


@penstock.augmenter(masks=False)
def negative_function(array):
    return 255 - array
