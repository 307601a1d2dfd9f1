"""Aligned memory for batches, leased to whoever reads them and recycled after the last.

TensorFlow and JAX (on CPU) take a NumPy array without a copy where it is
64-byte aligned and C-contiguous, and keep reading it for as long as they like.
A ring of buffers would therefore corrupt data silently. A lease does not: the
array handed out refers to an owner, every view and every tensor that aliases
the memory keeps that owner alive, and only its end returns the memory.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["ALIGNMENT", "Lease", "Memory", "Pool", "lease"]

ALIGNMENT = 64


class Memory(np.ndarray[Any, Any]):
    """A stretch of memory that can be leased."""


class Lease(np.ndarray[Any, Any]):
    """Owns memory on behalf of the arrays that alias it.

    An array is the quickest of owners. It needs a class of its own, and so does what it owns:
    a view remembers, of the arrays below it, the last before one of its own class.

    Attributes:
        memory: What it owns; None of a view.
        give_back: Called with the memory when nobody can see it any more.
    """

    memory: Memory | None = None
    give_back: Callable[[Memory], None]

    def __del__(self) -> None:
        """Give the memory back. May run in any thread at any time."""
        if self.memory is not None:
            self.give_back(self.memory)


def lease(
    memory: Memory, shape: Sequence[int], dtype: np.dtype[Any], give_back: Callable[[Memory], None]
) -> NDArray[Any]:
    """Return an array at the beginning of *memory*; *give_back* is called when it is gone."""
    owner = np.ndarray.__new__(Lease, shape, dtype, memory)
    owner.memory, owner.give_back = memory, give_back
    return owner.view(np.ndarray)


class Pool:
    """Leases aligned arrays, and keeps the blocks that came back for the next lease.

    Args:
        spare: How many free blocks of one size to keep at most.
    """

    def __init__(self, spare: int = 8) -> None:
        self._spare = spare
        # Blocks come back in any thread at any time: deque operations are atomic, a lock
        # could deadlock.
        self._free: dict[int, deque[Memory]] = {}
        self._open = True

    def lease(
        self, shape: Sequence[int], dtype: np.dtype[Any], *, varying: bool = False
    ) -> NDArray[Any]:
        """Return a C-contiguous array of arbitrary content, 64-byte aligned.

        Objects (strings) have no memory to align and are allocated plainly.

        Args:
            shape: Its shape.
            dtype: Its dtype.
            varying: Whether others will ask for other sizes: blocks of powers of two are
                leased, so that they fit again, and there are few kinds to keep spare ones of.
        """
        shape = tuple(shape)
        if dtype.hasobject:
            return np.empty(shape, dtype)
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        if varying:
            size = 1 << (size - 1).bit_length()
        free = self._free.get(size)
        if free is None:
            free = self._free.setdefault(size, deque(maxlen=self._spare))
        try:
            block = free.pop()
        except IndexError:
            block = _aligned(size).view(Memory)
        return lease(block, shape, dtype, self._take_back)

    def close(self) -> None:
        """Free what is not leased; what is leased is freed when it comes back."""
        self._open = False
        for free in list(self._free.values()):
            free.clear()

    def _take_back(self, block: Memory) -> None:
        if self._open:
            self._free[len(block)].append(block)


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]
