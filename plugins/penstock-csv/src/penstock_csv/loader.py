"""The loader ``csv``."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, SampleMissing, quote, suggest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from penstock_csv.packfile import PackFile

__all__ = ["CsvRows"]

_SUFFIXES = (".csv", ".tsv")
_DTYPES = (
    *("float32", "float64", "float16", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
_OPENING = threading.Lock()


def _renew() -> None:
    """Free the lock in a forked child, where the thread that held it does not exist."""
    global _OPENING  # noqa: PLW0603 - the lock of this module
    _OPENING = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@dataclass(frozen=True, kw_only=True)
class CsvRows:
    """Rows of a CSV file as vectors of numbers, however large the file is.

    The file is parsed once, into a packed file that is memory-mapped and kept
    for the next run until the table changes.

    Args:
        columns: The feature columns; by default all that hold numbers and are
            neither excluded nor named as labels or weights.
        exclude: Columns that are no features.
        dtype: What Keras receives; also what is packed. float32 by default.
        y_col: The label column, or several.
        sample_weight: The column of sample weights.
        delimiter: What separates fields; by default a tab for ``.tsv`` and a
            comma otherwise.
        missing: ``"error"``, or ``"nan"`` to load missing features as NaN.
        cache_dir: Where packed files are kept; the user's cache directory by default.
        progress: Whether packing that takes longer than a second shows a bar.

    Raises:
        ConfigError: An option has a value that is not allowed.
    """

    columns: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    dtype: str | None = "float32"
    y_col: str | tuple[str, ...] | None = None
    sample_weight: str | None = None
    delimiter: str | None = None
    missing: Literal["error", "nan"] = "error"
    cache_dir: str | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        if self.columns is not None:
            object.__setattr__(self, "columns", _names("columns", self.columns))
            if not self.columns:
                raise ConfigError("columns=() names no column. Name at least one feature column.")
        object.__setattr__(self, "exclude", _names("exclude", self.exclude))
        if self.y_col is not None and not isinstance(self.y_col, str):
            object.__setattr__(self, "y_col", _names("y_col", self.y_col))
        object.__setattr__(self, "dtype", _dtype_name(self.dtype))
        _check_delimiter(self.delimiter)
        if self.missing == "nan" and not str(self.dtype).startswith("float"):
            raise ConfigError(f"missing='nan' needs a float dtype; found dtype={self.dtype!r}.")
        if self.cache_dir is not None:
            if not isinstance(self.cache_dir, (str, os.PathLike)):
                raise ConfigError(f"cache_dir={quote(self.cache_dir)} is not a path.")
            object.__setattr__(self, "cache_dir", os.fsdecode(self.cache_dir))

    def __getstate__(self) -> dict[str, Any]:
        # Open packed files stay behind: whoever unpickles this opens them by the source.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @penstock.hookimpl
    def claims_source(self, source: object) -> bool:
        """Claim files that are named like CSV."""
        return (
            isinstance(source, str)
            and source.lower().endswith(_SUFFIXES)
            and os.path.isfile(source)
        )

    @penstock.hookimpl
    def list_samples(self, source: str) -> pd.DataFrame:
        """List the rows by number, with their labels and weights."""
        import pandas as pd

        pack = self._pack(source)
        names = self._labels()
        count = len(pack.matrix)
        table: dict[str, Any] = {"sample": np.arange(count, dtype=np.int64)}
        for name in names:
            values = pack.label(name)
            table[name] = pd.Series(values, dtype=values.dtype)
        if isinstance(self.y_col, str):
            table["label"] = table[self.y_col]
        if self.sample_weight is not None and self.sample_weight not in table:
            table[self.sample_weight] = pack.weights()
        return pd.DataFrame(table)

    @penstock.hookimpl
    def describe_sample(self, source: str | None) -> ArraySpec:
        """Describe a row: a vector with a number per feature column."""
        pack = self._pack(source)
        return ArraySpec(pack.matrix.shape[1:], pack.matrix.dtype)

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any], source: str | None) -> None:
        """Gather the rows with one call."""
        pack = self._pack(source)
        if not pack.whole():
            raise ConfigError(
                f"The packed rows of {quote(source)} were cut short while they were read. Make the"
                " generator anew: they are packed again."
            )
        matrix = pack.matrix
        rows = samples.astype(np.int64, copy=False)
        # Seen as unsigned, a negative number is a large one: one comparison finds both.
        if len(rows) and rows.view(np.uint64).max() >= len(matrix):
            wrong = rows[(rows < 0) | (rows >= len(matrix))]
            raise SampleMissing(
                f"Row {wrong[0]} was asked for; {quote(source)} has {len(matrix)} rows. "
                "Make the generator anew if the table has changed.",
                sample=int(wrong[0]),
            )
        matrix.take(rows, axis=0, out=out, mode="clip")

    def _labels(self) -> tuple[str, ...]:
        if self.y_col is None:
            return ()
        return (self.y_col,) if isinstance(self.y_col, str) else self.y_col

    def _pack(self, source: str | None) -> PackFile:
        """Return the packed file of *source*, opened or made at the first call."""
        packs: dict[str, PackFile] = self.__dict__.setdefault("_packs", {})
        if source is not None and source in packs:
            return packs[source]
        if source is None:
            raise ConfigError(
                "CsvRows reads the rows of a file, and the source is no path. Give the path of a "
                "CSV file; for the columns of a DataFrame use penstock.Columns."
            )
        from penstock_csv.opening import open_table

        with _OPENING:
            if source not in packs:
                packs[source] = open_table(self, source)
        return packs[source]


def _names(option: str, given: object) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{option}={quote(given)} is not a list of names of columns.")
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ConfigError(f"{option}= names the column {quote(twice[0])} twice. Name each once.")
    return tuple(names)


def _dtype_name(given: object) -> str:
    if given is None:
        return "float32"
    try:
        name = np.dtype(given).name  # type: ignore[call-overload]
    except TypeError as error:
        raise ConfigError(
            f"dtype={quote(given)} is not a NumPy dtype.{suggest(str(given), _DTYPES)}"
        ) from error
    if name not in _DTYPES:
        raise ConfigError(
            f"dtype={quote(given)} is not a dtype for numbers; use one of {', '.join(_DTYPES)}."
        )
    return str(name)


def _check_delimiter(given: object) -> None:
    if given is None:
        return
    if not isinstance(given, str) or len(given) != 1 or not given.isascii() or given in '"\r\n\0':
        raise ConfigError(
            f"delimiter={quote(given)} is not one ASCII character such as ',', ';' or '\\t'."
        )
