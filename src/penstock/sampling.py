"""Epochs that do not hold each sample once: longer, shorter, balanced or weighted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.draws import key, mix, places_in_order
from penstock.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TURN", "Sampling", "places_and_turns"]

_DRAW = 0x4452_4157  # tells these hashes from those of the order
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
TURN = 40  # a draw is a place below 2**40, and above it the turn that the sample has


def places_and_turns(drawn: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide draws into the samples' places, and their turns in multiples of 2**40.

    A sample that comes several times in an epoch has another turn each time:
    augmentation adds it to the sample's number, and differs.
    """
    places = drawn & ((1 << TURN) - 1)
    return places, drawn - places


@dataclass(frozen=True, eq=False)
class Sampling:
    """Which samples an epoch has, as a function of (seed, epoch).

    Attributes:
        length: How many; None for as many as there are, or without replacement as many
            as there can be.
        groups: A group number per sample, or None for one group of all.
        shares: A share per group, in any unit, or None for equal ones.
        weights: Float64, one per sample, in place of groups.
        replacement: Whether a sample may come several times in an epoch.
    """

    length: int | None = None
    groups: NDArray[Any] | None = None
    shares: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    replacement: bool = True

    def of(self, positions: NDArray[Any]) -> Sampling:
        """Return the sampling of some of the samples."""
        groups = None if self.groups is None else self.groups[positions]
        weights = None if self.weights is None else self.weights[positions]
        return replace(self, groups=groups, weights=weights)

    def count(self, samples: int) -> int:
        """Return how many samples an epoch has, of so many.

        Raises:
            ConfigError: There are not as many as are asked for, or none at all.
        """
        if self.weights is not None:
            most = float(np.count_nonzero(self.weights))
        else:
            sizes, shares = self._groups(samples)
            here = shares > 0
            most = float(np.min(sizes[here] / shares[here], initial=np.inf))
        if not 0 < most < np.inf:
            raise ConfigError(
                f"sampling= leaves none of {samples} samples: all that are here have the weight 0."
            )
        if self.length is None:
            return samples if self.replacement else max(int(most + 1e-9), 1)
        if not self.replacement and self.length > most + 1e-9:
            raise ConfigError(
                f"samples_per_epoch={self.length} with replacement=False asks for more than there"
                f" are: {int(most + 1e-9)} of these {samples} samples can be drawn, each once."
                " Give fewer, or replacement=True."
            )
        return self.length

    def draw(self, samples: int, seed: int, epoch: int, *, shuffle: bool) -> NDArray[np.int64]:
        """Return an epoch's draws of ``range(samples)``, group by group.

        Those of a group go on where the last epoch's ended: all its samples
        come, in an order of their own, before one comes again. Without
        replacement a round of a group ends early where it holds no whole epoch
        more. Draws by weight are those of an epoch by itself.
        """
        count = self.count(samples)
        if self.weights is not None:
            draw = _systematic if self.replacement else _once
            return draw(self.weights, count, int(key(seed, epoch, _DRAW)))
        quotas = self._quotas(samples, count)
        if self.groups is None:
            return self._cycle(samples, count, epoch, int(key(seed, 0, _DRAW)), shuffle=shuffle)
        members = np.argsort(self.groups, kind="stable")
        sizes = np.bincount(self.groups, minlength=len(quotas))
        ends = np.cumsum(sizes)
        parts = []
        for group, quota in enumerate(quotas.tolist()):
            if quota:
                own = members[ends[group] - sizes[group] : ends[group]]
                drawn = self._cycle(
                    len(own), quota, epoch, int(key(seed, group + 1, _DRAW)), shuffle=shuffle
                )
                places, turns = places_and_turns(drawn)
                parts.append(own[places] + turns)
        return np.concatenate(parts)

    def _groups(self, samples: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the size of each group, and its share of an epoch; 0 for one without samples."""
        if self.groups is None:
            return np.array([samples]), np.ones(1)
        sizes = np.bincount(self.groups, minlength=0 if self.shares is None else len(self.shares))
        shares = np.where(sizes > 0, 1.0 if self.shares is None else self.shares, 0.0)
        return sizes, shares / max(shares.sum(), np.finfo(float).tiny)

    def _quotas(self, samples: int, count: int) -> NDArray[np.int64]:
        """Divide an epoch among the groups, by largest remainders."""
        _, shares = self._groups(samples)
        exact = shares * count
        quotas = np.floor(exact + 1e-9).astype(np.int64)
        remainders = np.where(shares > 0, exact - quotas, -1.0)
        largest = np.argsort(-remainders, kind="stable")
        quotas[largest[: count - quotas.sum()]] += 1
        return quotas

    def _cycle(
        self, count: int, quota: int, epoch: int, word: int, *, shuffle: bool
    ) -> NDArray[np.int64]:
        """Return what an epoch takes of an endless row of permutations of ``range(count)``."""
        if self.replacement:
            before, start = divmod(epoch * quota, count)
        else:
            before, start = divmod(epoch, count // quota)
            start *= quota
        rounds = -(-(start + quota) // count)
        if shuffle:
            numbers = np.arange(rounds, dtype=np.uint64) + np.uint64(before % 2**64)
            words = mix(numbers * _GOLDEN + np.uint64(word))[:, None]
            order = np.argsort(mix(words + np.arange(count, dtype=np.uint64) * _GOLDEN), axis=1)
        else:
            order = np.broadcast_to(np.arange(count), (rounds, count))
        drawn = order + (np.arange(rounds, dtype=np.int64) << TURN)[:, None]
        return drawn.reshape(-1)[start : start + quota]


def _systematic(weights: NDArray[np.float64], count: int, word: int) -> NDArray[np.int64]:
    """Draw each sample as often as its share of *count* says, rounded down or up at random.

    Systematic sampling (Madow, "On the theory of systematic sampling II", 1949)
    along a random arrangement: unbiased, and with less variance than
    independent draws.
    """
    arranged = places_in_order(_hashes(len(weights), word))
    total = np.cumsum(weights[arranged])
    offset = float(_unit(_hashes(1, word ^ 1))[0])
    points = (np.arange(count) + offset) * (total[-1] / count)
    found = np.searchsorted(total, points, side="right")
    # Rounding may lead past the last that has a weight.
    found = np.minimum(found, np.searchsorted(total, total[-1], side="left"))
    turns = np.arange(count) - np.searchsorted(found, found, side="left")
    drawn: NDArray[np.int64] = arranged[found] + (turns << TURN)
    return drawn


def _once(weights: NDArray[np.float64], count: int, word: int) -> NDArray[np.int64]:
    """Draw *count* different samples, one after another by their weights.

    By exponential keys (Efraimidis & Spirakis, "Weighted random sampling with
    a reservoir", 2006).
    """
    waits = -np.log1p(-_unit(_hashes(len(weights), word)))
    with np.errstate(divide="ignore", invalid="ignore"):
        keys = np.where(weights > 0, waits / weights, np.inf)
    return np.argsort(keys, kind="stable")[:count].astype(np.int64)


def _hashes(count: int, word: int) -> NDArray[np.uint64]:
    return mix(np.arange(count, dtype=np.uint64) * _GOLDEN + np.uint64(word))


def _unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
