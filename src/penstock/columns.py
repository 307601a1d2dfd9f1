"""The loader of values that stand in the samples table itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, quote, suggest
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Columns"]


@dataclass(frozen=True)
class Columns:
    """Columns of the samples table: numbers as float32, or text as strings.

    Args:
        column: A name, for samples of shape ``()``; or several, for samples of
            shape ``(len(column),)``.
        dtype: What Keras receives: a number dtype, or ``"string"`` for text
            (TensorFlow only). float32 for numbers and strings for text by default.
    """

    column: str | tuple[str, ...]
    dtype: str | None = None

    def __post_init__(self) -> None:
        names = self.column if isinstance(self.column, (tuple, list)) else (self.column,)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ConfigError(
                f"Columns needs the name of a column, or several; found {quote(self.column)}."
            )
        if not isinstance(self.column, str):
            object.__setattr__(self, "column", tuple(self.column))
        if self.dtype not in (None, "string"):
            _check_dtype(self.dtype)

    @hookimpl
    def pick_samples(self, table: pd.DataFrame) -> NDArray[Any]:
        """Pick the values."""
        names = [self.column] if isinstance(self.column, str) else list(self.column)
        for name in names:
            if name not in table.columns:
                raise ConfigError(
                    f"There is no column {quote(name)} in the samples table."
                    f"{suggest(name, map(str, table.columns))}"
                    f" Its columns are {quote([str(known) for known in table.columns])}."
                )
            empty = int(table[name].isna().sum())
            if empty:
                raise ConfigError(
                    f"{empty} of {len(table)} cells in the column {quote(name)} are empty."
                    " Fill them (DataFrame.fillna) or drop the rows (DataFrame.dropna)."
                )
            if self.dtype != "string":
                _refuse_unless_value(table[name])
        numbers = [table[name].dtype.kind in "biuf" for name in names]
        if self.dtype == "string" or (self.dtype is None and not any(numbers)):
            values = np.empty((len(table), len(names)), object)
            for place, name in enumerate(names):
                values[:, place] = [str(cell) for cell in table[name]]
        else:
            values = np.empty((len(table), len(names)), self.dtype or np.float32)
            for place, name in enumerate(names):
                values[:, place] = _numbers(table[name], values.dtype, asked=bool(self.dtype))
        return values[:, 0].copy() if isinstance(self.column, str) else values

    @hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe one row of the values."""
        return ArraySpec(samples.shape[1:], samples.dtype)

    @hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Copy the values."""
        out[...] = samples


def _check_dtype(dtype: Any) -> None:
    cause = None
    try:
        kind = np.dtype(dtype).kind if isinstance(dtype, (str, type, np.dtype)) else ""
    except TypeError as error:
        kind, cause = "", error
    if not kind or kind not in "biuf":
        raise ConfigError(
            f"dtype={quote(dtype)} cannot be delivered; give a bool, integer or float dtype,"
            ' or "string".'
        ) from cause


def _refuse_unless_value(column: pd.Series[Any]) -> None:
    """Refuse what is neither a number nor text, and would be written out as text."""
    kind = column.dtype.kind
    if kind in "biuf":
        return
    odd = (
        column.iloc[0]
        if kind in "cmM"
        else next((cell for cell in column if not isinstance(cell, (str, Number))), None)
    )
    if odd is not None:
        raise ConfigError(
            f"The column {quote(column.name)} holds {quote(str(odd))}, which is neither a number"
            " nor text. Make numbers of it (of a date: df[c].dt.dayofyear), or say"
            ' dtype="string" for text.'
        )


def _numbers(column: pd.Series[Any], dtype: np.dtype[Any], *, asked: bool) -> NDArray[Any]:
    try:
        numbers = column.dtype.kind in "biuf"
        values = column.to_numpy() if numbers else column.to_numpy(np.float64)
        with np.errstate(over="ignore"):  # what is too large is told below
            converted: NDArray[Any] = values.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The column {quote(column.name)} holds text among columns of numbers, such as"
            f" {quote(column.iloc[0])}. Make it an input of its own."
        ) from error
    if dtype.kind == "f":
        changed = np.isinf(converted) & np.isfinite(values)
    else:
        changed = converted != values
    if changed.any():
        raise ConfigError(
            f"The column {quote(column.name)} holds {quote(values[np.argmax(changed)])}, which"
            f" dtype={dtype.name!r} cannot hold. Give another dtype=."
        )
    if not asked and values.dtype.kind in "iu":
        rounded = converted.astype(np.float64) != values
        if rounded.any():
            wrong = np.argmax(rounded)
            warnings.warn(
                f"The column {quote(column.name)} holds {values[wrong]}, which float32 rounds to"
                f' {converted[wrong]:.0f}. Give dtype="float64" to keep it, or dtype="float32" if'
                " that is meant.",
                stacklevel=2,
            )
    return converted
