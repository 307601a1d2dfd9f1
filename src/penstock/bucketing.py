"""Batches of samples of like size, so that there is little to pad."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.draws import key
from penstock.order import shuffled
from penstock.sampling import places_and_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bucketing"]

_BUCKET = 0x4255_434B  # tells these hashes from those of order and augmentation


@dataclass(frozen=True, eq=False)
class Bucketing:
    """Rearranges an epoch so that batches hold samples of like size.

    The shuffled epoch is cut into windows of many batches. A window is sorted by
    size and cut into batches, and these are shuffled. Which samples meet in a
    batch is still drawn anew in each epoch; with windows as long as an epoch
    they would nearly always be the same.

    Attributes:
        lengths: int32, one per sample: how large it is.
        window: How many batches are sorted together.
    """

    lengths: NDArray[np.int32]
    window: int

    def of(self, positions: NDArray[Any]) -> Bucketing:
        """Return the bucketing of some of the samples."""
        return replace(self, lengths=self.lengths[positions])

    def arrange(
        self, order: NDArray[np.int64], batch_size: int, seed: int, epoch: int
    ) -> NDArray[np.int64]:
        """Return *order* rearranged: a pure function of its arguments.

        Where the epoch ends with a batch that is not full, this is cut from
        anywhere in the last window's sizes: were it always the largest, then
        ``drop_remainder=True`` would always leave these out.

        Args:
            order: The shuffled epoch, of positions, or of draws (see ``sampling``).
            batch_size: Samples per batch.
            seed: Seed of the order.
            epoch: The epoch.
        """
        lengths = self.lengths[places_and_turns(order)[0]]
        word = int(key(seed, epoch, _BUCKET))
        arranged = np.empty_like(order)
        step = self.window * batch_size
        for number, start in enumerate(range(0, len(order), step)):
            part = order[start : start + step]
            # Equal sizes keep the order of the shuffle.
            part = part[np.argsort(lengths[start : start + step], kind="stable")]
            full, rest = divmod(len(part), batch_size)
            if rest:
                cut = batch_size * (int(key(word, number)) % (full + 1))
                last = part[cut : cut + rest]
                part = np.concatenate([part[:cut], part[cut + rest :], last])
            batches = part[: full * batch_size].reshape(full, batch_size)
            stop = start + full * batch_size
            arranged[start:stop] = batches[shuffled(full, word, number)].reshape(-1)
            arranged[stop : start + len(part)] = part[full * batch_size :]
        return arranged
