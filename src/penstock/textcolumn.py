"""Packed texts as a column of the samples table, which people see as strings when they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, take

from penstock.packedtext import PackedText

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["TextColumn", "as_seen", "packed_column"]

_ARROW_OFFSETS = {"string": np.int32, "large_string": np.int64}


class _Packed(ExtensionDtype):
    """The dtype of packed texts; it has no name that a user could type."""

    name = "packed"
    type = str

    @classmethod
    def construct_array_type(cls) -> builtins.type[TextColumn]:
        return TextColumn

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        raise TypeError(f"No dtype of this kind is made of {string!r}.")


class TextColumn(ExtensionArray):
    """Packed texts where pandas expects an array; they cannot be changed.

    Args:
        text: The texts. A column and the fields that are loaded by it share them.
        plain: The dtype that people shall see.
    """

    def __init__(self, text: PackedText, plain: Any = object) -> None:
        self.text, self.plain = text, plain

    @property
    def dtype(self) -> ExtensionDtype:
        """See ``ExtensionArray``; so are the others."""
        return _Packed()

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.text.nbytes

    def __len__(self) -> int:
        return len(self.text)

    def __iter__(self) -> Iterator[str]:
        return iter(self.text)

    def __getitem__(self, item: Any) -> Any:
        item = pd.api.indexers.check_array_indexer(self, item)
        if isinstance(item, (int, np.integer)):
            return self.text[item]
        return type(self)(self.text.taken(item), self.plain)

    def __eq__(self, other: object) -> Any:
        return np.asarray(self, object) == np.asarray(other, object)

    def __hash__(self) -> int:
        return id(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.text[:], dtype)

    def isna(self) -> NDArray[np.bool_]:
        """No text is missing."""
        return np.zeros(len(self), bool)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Any:
        """Return some of them; plain where some may be missing."""
        if allow_fill and (np.asarray(indices) < 0).any():
            return take(np.asarray(self, object), indices, allow_fill=True, fill_value=fill_value)
        return self[np.asarray(indices, np.int64)]

    def copy(self) -> Self:
        """Return the same: nobody can change them."""
        return type(self)(self.text, self.plain)

    @classmethod
    def _from_sequence(cls, scalars: Any, **_: Any) -> Self:
        return cls(PackedText.of(scalars))

    @classmethod
    def _from_factorized(cls, values: Any, original: Self) -> Self:
        return cls(PackedText.of(values), original.plain)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        return cls(PackedText.joined([each.text for each in to_concat]), to_concat[0].plain)


def packed_column(column: pd.Series[Any]) -> TextColumn | None:
    """Pack a column of texts, none of which is missing; return None for any other."""
    values: Any = column.array
    kind: Any = column.dtype
    if isinstance(values, TextColumn):
        return values
    if kind == np.dtype(object) or getattr(kind, "storage", None) == "python":
        values = column.to_numpy(object)
        whole = all(type(each) is str for each in values)
        return TextColumn(PackedText.of(values), kind) if whole else None
    if not isinstance(kind, (pd.StringDtype, pd.ArrowDtype)) or column.hasnans:
        return None
    arrow = values.__arrow_array__()
    parts = getattr(arrow, "chunks", [arrow])
    if any(str(part.type) not in _ARROW_OFFSETS for part in parts):
        return None
    return TextColumn(PackedText.joined(list(map(_of_arrow, parts))), kind)


def _of_arrow(texts: Any) -> PackedText:
    """Pack an array of pyarrow's, which is all but packed: no text is looked at."""
    _, offsets, data = texts.buffers()
    if not len(texts):
        return PackedText(np.empty(0, np.int64), np.empty(0, np.uint8))
    borders = np.frombuffer(offsets, _ARROW_OFFSETS[str(texts.type)])
    borders = borders[texts.offset : texts.offset + len(texts) + 1]
    data = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return PackedText(borders[1:] - borders[0], data[borders[0] : borders[-1]])


def as_seen(table: pd.DataFrame) -> pd.DataFrame:
    """Return a samples table with strings in place of packed texts."""
    packed = {
        str(name): column.astype(object).astype(column.array.plain)
        for name, column in table.items()
        if isinstance(column.array, TextColumn)
    }
    return table.assign(**packed) if packed else table
