"""Which samples make batch i of epoch e: pure arithmetic on (seed, epoch, i)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.draws import key, mix, places_in_order
from penstock.errors import ConfigError

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
    return places_in_order(mix(words))


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
        shard: The rank of this process, and how many there are: it makes its part of each batch.
        pad: Whether a last batch that is not full is filled up, with samples that are in it.
    """

    count: int
    batch_size: int
    shuffle: bool
    seed: int
    drop_remainder: bool = False
    sampling: Sampling | None = None
    bucketing: Bucketing | None = None
    shard: tuple[int, int] = (0, 1)
    pad: bool = False

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        full, rest = divmod(self.samples_per_epoch, self.batch_size)
        return full if self.drop_remainder or not rest else full + 1

    @cached_property
    def samples_per_epoch(self) -> int:
        """How many samples an epoch has."""
        return self.count if self.sampling is None else self.sampling.count(self.count)

    @property
    def share(self) -> int:
        """How many samples of a full batch are this shard's."""
        return self.batch_size // self.shard[1]

    def epoch(self, epoch: int) -> NDArray[np.int64] | None:
        """Return the order of a whole epoch, or None where it is that of the samples.

        With a sampling, it is one of draws: see ``places_and_turns``.

        Raises:
            ConfigError: There is no memory for so many.
        """
        try:
            return self._drawn(epoch)
        except MemoryError as error:
            raise ConfigError(
                f"There is no memory for the order of an epoch of {self.samples_per_epoch:,}"
                " samples. Give a smaller samples_per_epoch=; math.inf is without an end."
            ) from error

    def _drawn(self, epoch: int) -> NDArray[np.int64] | None:
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
        """Return what is at the places of batch *index* in *epoch_order*: this shard's block of it.

        Blocks are contiguous, and of one size in all shards. The last ``padding(index)``
        positions are there for that alone: they begin again with the first of the batch.
        """
        start, stop, padding = self._block(index)
        if not padding:
            return np.arange(start, stop) if epoch_order is None else epoch_order[start:stop]
        begin, end = self._bounds(index)
        again = begin + np.arange(padding) % (end - begin)
        places = np.concatenate([np.arange(start, stop), again])
        return places if epoch_order is None else epoch_order[places]

    def padding(self, index: int) -> int:
        """Return how many positions at the end of batch *index* are only there to fill it up."""
        return self._block(index)[2] if self.pad else 0

    def _bounds(self, index: int) -> tuple[int, int]:
        start = index * self.batch_size
        return start, min(start + self.batch_size, self.samples_per_epoch)

    def _block(self, index: int) -> tuple[int, int, int]:
        """Return start and stop of this shard's block of a batch, and what it lacks."""
        begin, end = self._bounds(index)
        rank, share = self.shard[0], self.share
        start = min(begin + rank * share, end)
        stop = min(start + share, end)
        return start, stop, share - (stop - start) if self.pad else 0
