"""Many texts in two arrays: a third of the objects' memory, and shared by processes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    def of(cls, texts: Iterable[str], before: str = "") -> PackedText:
        """Pack texts, which may be made one after another, each with the same *before* it."""
        parts = []
        extra = len(before.encode("utf-8", "surrogatepass"))
        for some in in_chunks(texts):
            whole = before + before.join(some)
            coded = whole.encode("utf-8", "surrogatepass")
            # Where there are letters of several bytes, each text has to be counted by itself.
            counted = some
            if len(coded) > len(whole):
                counted = [each.encode("utf-8", "surrogatepass") for each in some]
            lengths = extra + np.fromiter(map(len, counted), np.int64, len(some))
            parts.append(cls(np.cumsum(lengths), np.frombuffer(coded, np.uint8)))
        return cls.joined(parts)

    @classmethod
    def joined(cls, several: list[PackedText]) -> PackedText:
        """Return the texts of several, one after another.

        Args:
            several: Those; the list is emptied on the way, so that no text takes memory twice.
        """
        size = sum(len(each._data) for each in several)  # noqa: SLF001 - our own
        kind = np.uint32 if size < 1 << 32 else np.int64
        ends, data = np.empty(sum(map(len, several)), kind), np.empty(size, np.uint8)
        row = at = 0
        several.reverse()
        while several:
            part = several.pop()
            np.add(part._ends, at, ends[row : row + len(part)], casting="unsafe")  # noqa: SLF001
            data[at : at + len(part._data)] = part._data  # noqa: SLF001
            row, at = row + len(part), at + len(part._data)  # noqa: SLF001
        return cls(ends, data)

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self._ends.nbytes + self._data.nbytes

    def move_to(self, same: PackedText) -> None:
        """Read the same texts from where others hold them."""
        self._ends, self._data = same._ends, same._data

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, slice) and rows.step in (None, 1):
            return _as_objects(self._stretch(*rows.indices(len(self))[:2]))
        chosen = self._chosen(rows)
        texts = self._texts(np.atleast_1d(chosen))
        if not chosen.ndim:
            return texts[0]
        return _as_objects(texts)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._stretch(start, min(start + _AT_ONCE, len(self)))

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
        parts = []
        for start in range(0, len(chosen), _AT_ONCE):
            some = chosen[start : start + _AT_ONCE]
            starts = self._starts(some)
            lengths = self._ends[some] - starts
            ends = np.cumsum(lengths)
            # Its place in the text, for each byte of each of them.
            shift = np.repeat(starts - ends + lengths, lengths)
            parts.append(PackedText(ends, self._data[shift + np.arange(len(shift))]))
        return self.joined(parts)

    def _chosen(self, rows: Any) -> NDArray[np.int64]:
        chosen = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        elif not chosen.size:
            chosen = chosen.astype(np.int64)  # as an empty list is of floats
        return np.where(chosen < 0, chosen + len(self), chosen)

    def _starts(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(chosen == 0, 0, self._ends[chosen - 1]).astype(np.int64)

    def _stretch(self, start: int, stop: int) -> list[str]:
        """Return neighbours: where each letter is a byte, parts of one long text."""
        if start >= stop:
            return []
        begin = int(self._ends[start - 1]) if start else 0
        ends = (self._ends[start:stop].astype(np.int64) - begin).tolist()
        coded = self._data[begin : begin + ends[-1]].tobytes()
        if not coded.isascii():
            return self._texts(np.arange(start, stop))
        text = coded.decode("ascii")
        return [text[one:other] for one, other in zip([0, *ends[:-1]], ends, strict=True)]

    def _texts(self, chosen: NDArray[np.int64]) -> list[str]:
        starts, ends = self._starts(chosen).tolist(), self._ends[chosen].tolist()
        data = self._data.data
        return [
            str(data[start:end], "utf-8", "surrogatepass")
            for start, end in zip(starts, ends, strict=True)
        ]


def _as_objects(texts: list[str]) -> NDArray[Any]:
    found = np.empty(len(texts), object)
    found[:] = texts
    return found


def in_chunks(texts: Any) -> Iterator[list[Any]]:
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
