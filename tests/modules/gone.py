"""Loaders that end the process that they are in, or never come back."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import penstock


@dataclass(frozen=True)
class Numbers:
    """Sample n is filled with n."""

    width: int = 8

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((self.width,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = np.asarray(samples, np.float32)[:, None]


@dataclass(frozen=True)
class Deadly(Numbers):
    """Ends its process at some samples: *times* times, by a file for each, or always."""

    guilty: tuple[int, ...] = ()
    folder: str = ""
    times: int = 0

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = np.asarray(samples, np.float32)[:, None]
        for sample in {*np.asarray(samples, int).tolist()} & {*self.guilty}:
            if not self.times:
                os._exit(7)
            for time_ in range(self.times):
                path = Path(self.folder, f"{sample}-{time_}")
                if not path.exists():
                    path.touch()
                    os._exit(7)


@dataclass(frozen=True)
class Hanging(Numbers):
    """Never comes back from one sample."""

    guilty: int = -1

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = np.asarray(samples, np.float32)[:, None]
        if self.guilty in np.asarray(samples, int):
            time.sleep(3600)


@dataclass(frozen=True)
class Modules(Numbers):
    """Says which process it is in, and which heavy modules are loaded there."""

    @penstock.hookimpl
    def load_samples(self, samples, out):
        heavy = sum(name in sys.modules for name in ("keras", "tensorflow", "jax", "torch"))
        out[...] = [[os.getpid() % 2**20, heavy, *[0] * (self.width - 2)]] * len(samples)


@dataclass(frozen=True)
class Unlucky(Numbers):
    """Cannot load some samples."""

    guilty: tuple[int, ...] = ()

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for sample in np.asarray(samples, int).tolist():
            if sample in self.guilty:
                raise penstock.errors.SampleCorrupt("It is cut.")
        out[...] = np.asarray(samples, np.float32)[:, None]


@dataclass(frozen=True)
class Hashed(Numbers):
    """A sample is a text, and filled with its length."""

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = np.array([len(each) for each in samples], np.float32)[:, None]
