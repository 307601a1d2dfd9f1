"""Which samples make batch i of epoch e: pure arithmetic on (seed, epoch, i)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.draws import key, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.bucketing import Bucketing
    from penstock.sampling import Sampling

__all__ = ["Order", "shuffled"]

_SHUFFLE = 0x5348_5546  # tells the order's hashes from those of augmentation
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return a permutation of ``range(count)``: positions sorted by a hash.

    The hash is one to one, so there are no ties: every sorting algorithm, and
    every version of NumPy, gives the same order.
    """
    words = np.arange(count, dtype=np.uint64) * _GOLDEN + key(seed, epoch, _SHUFFLE)
    return np.argsort(mix(words)).astype(np.int64, copy=False)


@dataclass(frozen=True)
class Order:
    """The order of *count* samples in batches.

    Args:
        count: Number of samples.
        batch_size: Samples per batch.
        shuffle: Whether each epoch has an order of its own.
        seed: Seed of the shuffle.
        drop_remainder: Whether a last batch that is not full is left out.
        sampling: Which samples an epoch has, if not each of them once.
        bucketing: How samples of like size come into one batch, where the order is shuffled.
    """

    count: int
    batch_size: int
    shuffle: bool
    seed: int
    drop_remainder: bool = False
    sampling: Sampling | None = None
    bucketing: Bucketing | None = None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        full, rest = divmod(self.samples_per_epoch, self.batch_size)
        return full if self.drop_remainder or not rest else full + 1

    @cached_property
    def samples_per_epoch(self) -> int:
        """How many samples an epoch has."""
        return self.count if self.sampling is None else self.sampling.count(self.count)

    def epoch(self, epoch: int) -> NDArray[np.int64] | None:
        """Return the order of a whole epoch, or None where it is that of the samples.

        With a sampling, it is one of draws: see ``places_and_turns``.
        """
        drawn = None
        if self.sampling is not None:
            drawn = self.sampling.draw(self.count, self.seed, epoch, shuffle=self.shuffle)
        if not self.shuffle:
            return drawn
        order = shuffled(self.samples_per_epoch, self.seed, epoch)
        order = order if drawn is None else drawn[order]
        if self.bucketing is None:
            return order
        return self.bucketing.arrange(order, self.batch_size, self.seed, epoch)

    def batch(self, epoch_order: NDArray[Any] | None, index: int) -> NDArray[np.int64]:
        """Return the positions of batch *index* within *epoch_order*."""
        start = index * self.batch_size
        stop = min(start + self.batch_size, self.samples_per_epoch)
        if epoch_order is None:
            return np.arange(start, stop, dtype=np.int64)
        return epoch_order[start:stop]
