"""Many texts in two arrays: a third of the objects' memory, and shared by processes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["PackedText", "in_chunks", "packed"]

_MANY = 10_000
_AT_ONCE = 100_000  # texts: what is made in between is bounded


class PackedText:
    """Texts that are looked up as in an array of objects; they cannot be changed.

    Args:
        ends: Where each of them ends in *data*, uint32 or int64 of shape ``(n,)``.
        data: All of them in UTF-8, one after another, uint8. Surrogates, which stand for the
            bytes of file names that are no UTF-8, are encoded like any other character.
    """

    dtype = np.dtype(object)
    ndim = 1

    def __init__(self, ends: NDArray[Any], data: NDArray[np.uint8]) -> None:
        self._ends, self._data = ends, data

    @classmethod
    def of(cls, texts: Iterable[str]) -> PackedText:
        """Pack texts, which may be made one after another."""
        lengths, parts = [np.zeros(0, np.int64)], []
        for some in in_chunks(texts):
            encoded = [each.encode("utf-8", "surrogatepass") for each in some]
            lengths.append(np.fromiter(map(len, encoded), np.int64, len(encoded)))
            parts.append(b"".join(encoded))
        return cls._laid(np.concatenate(lengths), parts)

    @classmethod
    def joined(cls, several: Sequence[PackedText]) -> PackedText:
        """Return the texts of several, one after another."""
        lengths = [np.zeros(0, np.int64), *(each._lengths() for each in several)]  # noqa: SLF001
        return cls._laid(np.concatenate(lengths), [each._data for each in several])  # noqa: SLF001

    @classmethod
    def _laid(cls, lengths: NDArray[np.int64], parts: Sequence[Any]) -> PackedText:
        """Lay out texts that are encoded already."""
        ends = np.cumsum(lengths)
        size = int(ends[-1]) if len(ends) else 0
        data, at = np.empty(size, np.uint8), 0
        for part in parts:
            data[at : at + len(part)] = np.frombuffer(part, np.uint8)
            at += len(part)
        return cls(ends.astype(np.uint32) if size < 1 << 32 else ends, data)

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self._ends.nbytes + self._data.nbytes

    def __getitem__(self, rows: Any) -> Any:
        chosen = self._chosen(rows)
        texts = self._texts(np.atleast_1d(chosen))
        if not chosen.ndim:
            return texts[0]
        found = np.empty(len(texts), object)
        found[:] = texts
        return found

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._texts(np.arange(start, min(start + _AT_ONCE, len(self))))

    def separated(self, mark: bytes) -> bytes:
        """Return all of them in UTF-8 with one byte between each two."""
        marked = np.insert(self._data, self._ends[:-1].astype(np.int64), ord(mark))
        return marked.tobytes()

    def tolist(self) -> list[str]:
        """Return all of them."""
        return list(self)

    def taken(self, rows: Any) -> PackedText:
        """Return some of them, packed."""
        chosen = self._chosen(rows)
        if len(chosen) == len(self) and (chosen == np.arange(len(self))).all():
            return self
        lengths, parts = self._lengths(chosen), []
        for start in range(0, len(chosen), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            many, own = lengths[some], self._starts(chosen[some])
            # Its place in the text, for each byte of each of them.
            shift = np.repeat(own - np.cumsum(many) + many, many)
            parts.append(self._data[shift + np.arange(len(shift))])
        return self._laid(lengths, parts)

    def _chosen(self, rows: Any) -> NDArray[np.int64]:
        chosen = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        elif not chosen.size:
            chosen = chosen.astype(np.int64)  # as an empty list is of floats
        return np.where(chosen < 0, chosen + len(self), chosen)

    def _starts(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(chosen == 0, 0, self._ends[chosen - 1]).astype(np.int64)

    def _lengths(self, chosen: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        if chosen is None:
            return np.diff(self._ends.astype(np.int64), prepend=0)
        return self._ends[chosen].astype(np.int64) - self._starts(chosen)

    def _texts(self, chosen: NDArray[np.int64]) -> list[str]:
        starts, ends = self._starts(chosen).tolist(), self._ends[chosen].tolist()
        data = memoryview(self._data)
        return [
            str(data[start:end], "utf-8", "surrogatepass")
            for start, end in zip(starts, ends, strict=True)
        ]


def in_chunks(texts: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the entries of a list, of an array of any kind or of an iterator, some at a time."""
    if hasattr(texts, "__getitem__") and hasattr(texts, "__len__"):
        for start in range(0, len(texts), _AT_ONCE):
            yield list(texts[start : start + _AT_ONCE])
        return
    whole = iter(texts)
    while some := list(islice(whole, _AT_ONCE)):
        yield some


def packed(samples: Any) -> Any:
    """Return an array of many texts packed, and anything else as it is."""
    if not isinstance(samples, np.ndarray) or samples.dtype != object or len(samples) < _MANY:
        return samples
    for some in in_chunks(samples):
        if not all(type(each) is str for each in some):
            return samples
    return PackedText.of(samples)
