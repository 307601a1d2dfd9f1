"""Loaders that tell how often they load, for tests that need them in a module with a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import penstock

LOADED = []  # the file names, in the order of loading


@dataclass(frozen=True)
class ByteFiles:
    """Files of bytes; sample i is the file's first byte, *width* times."""

    column: str = "sample"
    width: int = 4
    offset: int = 0
    function: object = None

    suffixes = (".byte",)

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((self.width,), "uint8", deliver_dtype="float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = Path(path).read_bytes()[0] + self.offset
            LOADED.append(Path(path).name)


def named(offset):
    """Return a loader made of a function that holds a value and a set of strings."""

    def first_byte(path):
        LOADED.append(Path(path).name)
        assert Path(path).suffix in {".byte", ".bytes", ".octet"}
        return np.full(4, Path(path).read_bytes()[0] + offset)

    return penstock.loader(first_byte, suffixes=(".byte",))()


def epoch(sequence):
    """Return the batches of one epoch, joined."""
    return np.concatenate([np.asarray(batch[0]) for batch in sequence])
