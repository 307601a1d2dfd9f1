"""Random numbers that depend on (seed, epoch, sample) and on nothing else.

A counter-based generator: draw *k* of a sample is a hash of its key and *k*,
so that whole batches are drawn at once, and the slice, thread, machine or
version of NumPy has no say. The hash is the finaliser of SplitMix64 (Steele,
Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import math
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Draws", "mix", "places_in_order"]

# The chance that none is taken of so many is that of one in 10**15.
_ATTEMPTS = 12
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = 2**64 - 1
_STEPS = (
    (np.uint64(30), np.uint64(_FIRST)),
    (np.uint64(27), np.uint64(_SECOND)),
    np.uint64(31),
)


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash 64-bit words one to one: distinct words stay distinct."""
    (by_30, first), (by_27, second), by_31 = _STEPS
    z = (z ^ (z >> by_30)) * first
    z ^= z >> by_27
    z *= second
    z ^= z >> by_31
    return z


def places_in_order(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return ``np.argsort(words)`` of hashes that are all different.

    NumPy sorts numbers several times as fast as it finds the order of them: each takes
    its place along, in the bits that hardly ever decide.
    """
    bits = np.uint64(len(words).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    keyed = words & ~low
    keyed |= np.arange(len(words), dtype=np.uint64)
    keyed.sort()
    order = (keyed & low).view(np.int64)
    keyed >>= bits
    undecided = np.flatnonzero(keyed[1:] == keyed[:-1])
    if len(undecided):
        places = np.union1d(undecided, undecided + 1)
        among = order[places]
        order[places] = among[np.argsort(words[among])]
    return order


def key(*words: int) -> np.uint64:
    """Hash whole numbers below 2**64, in order, to one word."""
    return np.uint64(reduce(_absorb, words, 0))


def _absorb(state: int, word: int) -> int:
    return _mix_one((state + _GOLDEN & _MASK) ^ _mix_one(word + _GOLDEN & _MASK))


def _mix_one(z: int) -> int:
    """Hash as ``mix`` does: a single word in Python takes a twentieth of NumPy's time."""
    z = (z ^ z >> 30) * _FIRST & _MASK
    z = (z ^ z >> 27) * _SECOND & _MASK
    return z ^ z >> 31


class Draws:
    """Random numbers for the samples of a batch, a row per sample.

    Every call gives fresh numbers; the same calls in the same order give the
    same numbers for the same (seed, epoch, sample), whatever else is in the
    batch.

    Args:
        seed: The sequence's seed, below 2**64.
        epoch: The epoch.
        numbers: The samples' numbers, of shape ``(n,)``.
        stream: Tells the draws of one augmenter from those of another.
    """

    def __init__(
        self, seed: int, epoch: int, numbers: NDArray[np.integer[Any]], stream: int = 0
    ) -> None:
        self._seed, self._epoch, self._numbers = seed, epoch, numbers
        self._streams = range(stream, stream + 1)
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._numbers) * len(self._streams)

    def together(self, count: int) -> Draws:
        """Return the draws of *count* augmenters at once: this one, and those after it.

        For one that does the work of several (the hook ``fuse_with``). There is a row per
        sample for the first, then a row per sample for the second, and so on: what each of
        them would draw by itself.
        """
        draws = Draws(self._seed, self._epoch, self._numbers)
        draws._streams = range(self._streams.start, self._streams.start + count)
        return draws

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: int | Sequence[int] = ()
    ) -> NDArray[np.float64]:
        """Draw from [low, high); shape ``(n,)`` or ``(n, *size)``."""
        unit = self._unit(size)
        if (low, high) == (0.0, 1.0):
            return unit
        drawn = low + (high - low) * unit
        return np.minimum(drawn, math.nextafter(high, low))  # rounding may reach the bound

    def normal(
        self, mean: float = 0.0, deviation: float = 1.0, size: int | Sequence[int] = ()
    ) -> NDArray[np.float64]:
        """Draw from a normal distribution, by Box and Muller; shapes as ``uniform``."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(size=size)))
        return mean + deviation * radius * np.cos(2.0 * np.pi * self.uniform(size=size))

    def integers(self, low: int, high: int, size: int | Sequence[int] = ()) -> NDArray[np.int64]:
        """Draw whole numbers from [low, high); shapes as ``uniform``."""
        return low + np.floor(self._unit(size) * (high - low)).astype(np.int64)

    def beta(self, a: float, b: float, size: int | Sequence[int] = ()) -> NDArray[np.float64]:
        """Draw from a beta distribution, with *a* and *b* above 0; shapes as ``uniform``."""
        first, second = self._log_gamma(a, size), self._log_gamma(b, size)
        # Of the logarithms: where a and b are small, both may be too small for a float.
        return 1.0 / (1.0 + np.exp(np.minimum(second - first, 700.0)))

    def chance(self, probability: float) -> NDArray[np.bool_]:
        """Draw True with *probability*; shape ``(n,)``."""
        return self.uniform() < probability

    def generators(self) -> list[np.random.Generator]:
        """Return a NumPy generator per sample, for code that wants one."""
        return [np.random.Generator(np.random.PCG64(int(word))) for word in self._bits(1)[:, 0]]

    def _log_gamma(self, shape: float, size: int | Sequence[int]) -> NDArray[np.float64]:
        """Draw the logarithm of a gamma variable.

        By Marsaglia & Tsang, "A simple method for generating gamma variables" (ACM TOMS 26,
        2000), of which at least 95 % of attempts are taken; a sample draws as many numbers
        whatever becomes of them.
        """
        sizes = (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)
        d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
        normal = self.normal(size=(*sizes, _ATTEMPTS))
        unit = 1.0 - self.uniform(size=(*sizes, _ATTEMPTS))
        root = np.maximum(1.0 + normal / math.sqrt(9.0 * d), 1e-300)
        cube = 3.0 * np.log(root)
        taken = np.log(unit) < normal**2 / 2.0 + d - d * np.exp(cube) + d * cube
        first = taken.argmax(axis=-1)[..., None]
        drawn: NDArray[np.float64] = math.log(d) + np.take_along_axis(cube, first, -1)[..., 0]
        if shape < 1.0:
            drawn += np.log(1.0 - self.uniform(size=sizes)) / shape
        return drawn

    def _unit(self, size: int | Sequence[int]) -> NDArray[np.float64]:
        """Draw from [0, 1), 53 bits each."""
        shape = (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)
        bits = self._bits(math.prod(shape))
        bits >>= np.uint64(11)
        unit = bits.astype(np.float64)
        unit *= 2.0**-53
        return unit.reshape(len(self), *shape)

    def _bits(self, count: int) -> NDArray[np.uint64]:
        counters = np.arange(self._drawn + 1, self._drawn + 1 + count, dtype=np.uint64)
        self._drawn += count
        return mix(self._keys[:, None] + counters * np.uint64(_GOLDEN))

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        """A word per sample: not every augmenter draws."""
        words = np.ascontiguousarray(self._numbers, np.int64).view(np.uint64) * np.uint64(_GOLDEN)
        state = int(key(self._seed, self._epoch))
        keys = [_absorb(state, stream) for stream in self._streams]
        return mix((words + np.array(keys, np.uint64)[:, None]).reshape(-1))
