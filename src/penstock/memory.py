"""Aligned memory for batches, leased to whoever reads them and recycled after the last.

TensorFlow and JAX (on CPU) take a NumPy array without a copy where it is
64-byte aligned and C-contiguous, and keep reading it for as long as they like.
A ring of buffers would therefore corrupt data silently. A lease does not: the
array handed out refers to an exporter object, every view and every tensor that
aliases the memory keeps that object alive, and only its end returns the memory.
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ALIGNMENT", "Pool", "lease"]

ALIGNMENT = 64
_POOLED_FROM = 1 << 14  # smaller blocks are cheaper to allocate than to recycle


class _Lease:
    """Owns a block of memory on behalf of the arrays that alias it."""

    __slots__ = ("__array_interface__", "__weakref__", "_block")

    def __init__(
        self, block: object, address: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._block = block
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (address, False),
        }


def lease(
    block: object, address: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[object, NDArray[Any]]:
    """Return an array of memory at *address* in *block*, and its owner, which lives as long."""
    owner = _Lease(block, address, shape, dtype)
    return owner, np.asarray(owner)


class Pool:
    """Leases aligned arrays, and keeps the blocks that came back for the next lease.

    Args:
        spare: How many free blocks of one size to keep at most.
    """

    def __init__(self, spare: int = 8) -> None:
        self._spare = spare
        # Blocks come back from finalisers, which run in any thread at any
        # time: deque operations are atomic, a lock could deadlock.
        self._free: dict[int, deque[NDArray[np.uint8]]] = {}
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
        if size < _POOLED_FROM:
            return _aligned(size).view(dtype).reshape(shape)
        if varying:
            size = 1 << (size - 1).bit_length()
        free = self._free.get(size)
        if free is None:
            free = self._free.setdefault(size, deque(maxlen=self._spare))
        try:
            block = free.pop()
        except IndexError:
            block = _aligned(size)
        owner, array = lease(block, block.ctypes.data, shape, dtype)
        weakref.finalize(owner, self._take_back, free, block).atexit = False
        return array

    def close(self) -> None:
        """Free what is not leased; what is leased is freed when it comes back."""
        self._open = False
        for free in list(self._free.values()):
            free.clear()

    def _take_back(self, free: deque[NDArray[np.uint8]], block: NDArray[np.uint8]) -> None:
        if self._open:
            free.append(block)


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]
