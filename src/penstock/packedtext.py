"""Many texts in two arrays: a tenth of the objects' memory, and shared by processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PackedText", "packed"]

_MANY = 10_000
_AT_ONCE = 100_000  # texts: what is made in between is bounded


class PackedText:
    """Texts that are looked up as in an array of objects; they cannot be changed.

    Args:
        ends: Where each of them ends in *data*, int64 of shape ``(n,)``.
        data: All of them in UTF-8, one after another, uint8. Surrogates, which stand for the
            bytes of file names that are no UTF-8, are encoded like any other character.
    """

    dtype = np.dtype(object)

    def __init__(self, ends: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        self._ends, self._data = ends, data

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, rows: Any) -> Any:
        chosen = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        chosen = np.where(chosen < 0, chosen + len(self), chosen)
        ends = np.atleast_1d(self._ends[chosen])
        starts = np.where(chosen == 0, 0, self._ends[chosen - 1])
        texts = [
            self._data[start:end].tobytes().decode("utf-8", "surrogatepass")
            for start, end in zip(np.atleast_1d(starts).tolist(), ends.tolist(), strict=True)
        ]
        if not chosen.ndim:
            return texts[0]
        found = np.empty(len(texts), object)
        found[:] = texts
        return found


def packed(samples: Any) -> Any:
    """Return an array of many texts packed, and anything else as it is."""
    if not isinstance(samples, np.ndarray) or samples.dtype != object or len(samples) < _MANY:
        return samples
    lengths, parts = [], []
    for start in range(0, len(samples), _AT_ONCE):
        some = samples[start : start + _AT_ONCE].tolist()
        if not all(type(each) is str for each in some):
            return samples
        encoded = [each.encode("utf-8", "surrogatepass") for each in some]
        lengths.append(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        parts.append(np.frombuffer(b"".join(encoded), np.uint8))
    return PackedText(np.cumsum(np.concatenate(lengths)), np.concatenate(parts))
