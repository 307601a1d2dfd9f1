"""A pickle in a file whose arrays are read where they lie: once in memory for all processes."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.memory import ALIGNMENT
from penstock.ownpickles import from_own_process

if TYPE_CHECKING:
    import pickle
    from collections.abc import Callable, Sequence

__all__ = ["read_mapped", "write_mapped"]


def write_mapped(path: str, text: bytes, parts: Sequence[pickle.PickleBuffer]) -> None:
    """Write a pickle, of protocol 5, and the buffers that were left out of it.

    The file is: how many parts there are, a table of (start, stop) in bytes, int64; then
    the pickle and the buffers, each at a multiple of 64 bytes.
    """
    views = [memoryview(text), *(part.raw() for part in parts)]
    places, stop = [], 8 + 16 * len(views)
    for view in views:
        start = -(-stop // ALIGNMENT) * ALIGNMENT
        stop = start + view.nbytes
        places.append((start, stop))
    with open(path, "wb") as file:
        file.write(np.array([len(views), *np.ravel(places)], "<i8").tobytes())
        for (start, _), view in zip(places, views, strict=True):
            file.seek(start)
            file.write(view)
        file.truncate(max(stop, 1))


def read_mapped(path: str, named: Callable[[str], Any] | None = None) -> Any:
    """Return what was written; its arrays are read-only views of the file.

    Args:
        path: The file.
        named: Finds what the pickle has only a name of.
    """
    with open(path, "rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    count = int(np.frombuffer(whole, "<i8", 1)[0])
    places = np.frombuffer(whole, "<i8", 2 * count, 8).reshape(count, 2).tolist()
    text, *parts = [whole[start:stop] for start, stop in places]
    return from_own_process(text, buffers=parts, named=named)
