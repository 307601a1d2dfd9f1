"""Where the time goes: counted while batches are made, read by whoever asks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields, replace

from penstock.forks import renew_after_fork

__all__ = ["Meter", "Stats"]


@dataclass
class Stats:
    """What a sequence delivered, and how long each part of it took.

    Times are in seconds. Those of the work are summed over threads, so that
    together they may exceed the time that passed.

    Attributes:
        batches: Batches delivered.
        samples: Samples in batches that were made.
        kept: Samples among them that a cache had.
        bytes: Bytes of the arrays made.
        waited: How long whoever asked for batches waited for them.
        elsewhere: How long it was busy with other things (training) between batches.
        load: Loading, in threads.
        augment: Augmenting slices and whole batches, in threads.
        deliver: Casting, scaling and placing channels for Keras, in threads.
        encode: Encoding labels and weighing samples, in threads.
    """

    batches: int = 0
    samples: int = 0
    kept: int = 0
    bytes: int = 0
    waited: float = 0.0
    elsewhere: float = 0.0
    load: float = 0.0
    augment: float = 0.0
    deliver: float = 0.0
    encode: float = 0.0

    @property
    def waiting_share(self) -> float:
        """Share of the time that was spent waiting for batches, from 0 to 1."""
        return self.waited / max(self.waited + self.elsewhere, 1e-9)

    def __str__(self) -> str:
        """Say it in a few lines."""
        work = self.load + self.augment + self.deliver + self.encode
        parts = ", ".join(
            f"{name} {getattr(self, name) / max(work, 1e-9):.0%}"
            for name in ("load", "augment", "deliver", "encode")
        )
        total = self.waited + self.elsewhere
        return (
            f"{self.batches:,} batches delivered in {total:.2f} s,"
            f" {self.waiting_share:.0%} of it waiting for data\n"
            f"{self.samples:,} samples made ({self.bytes / 1e6:,.0f} MB) in {work:.2f} s of"
            f" threads: {parts}"
        ) + (f"\n{self.kept:,} of them were in the cache" if self.kept else "")


class Meter:
    """Sums up figures from any threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        renew_after_fork(self)
        self._sums = Stats()

    def add(self, **figures: float) -> None:
        """Add to the sums of these names."""
        with self._lock:
            sums = self._sums.__dict__
            for name, figure in figures.items():
                sums[name] += figure

    def read(self, *, reset: bool = False) -> Stats:
        """Return the sums so far; *reset* begins anew."""
        with self._lock:
            found = replace(self._sums)
            if reset:
                for each in fields(Stats):
                    setattr(self._sums, each.name, each.default)
            return found
