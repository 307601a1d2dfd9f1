"""Labels that are given beside the samples, as a column of their table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import as_array
from penstock.errors import ConfigError, LabelError, enumerate_some, quote
from penstock.labels import label_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_labels"]

_IN_ORDER = " A Series is looked up by its index; labels.to_list() are labels in order."


def add_labels(table: pd.DataFrame, labels: Any, column: str) -> NDArray[Any] | None:
    """Add the column ``label`` to a samples table.

    Args:
        table: The samples table, changed in place.
        labels: A mapping from sample to label, or a label per sample.
        column: The column of samples that a mapping's keys stand in.

    Returns:
        All labels of a mapping, those of other samples included, so that
        training and validation generators made from one mapping agree on the
        classes; None otherwise.

    Raises:
        LabelError: Samples have no label; says how many and names the first.
    """
    labels, order, by_index = _plain_labels(labels)
    if isinstance(labels, Mapping):
        if column not in table.columns:
            raise ConfigError(
                f"labels= is a dict by sample, and there is no column {quote(column)} of samples"
                " to look up. Give one label per sample in order, or y_col=."
            )
        samples = list(table[column])
        # The dict of a tutorial has ids, and a directory has their files.
        keys = [each if each in labels else _without_ending(each) for each in samples]
        missing = [sample for sample, key in zip(samples, keys, strict=True) if key not in labels]
        if missing:
            raise LabelError(
                f"{len(missing)} of {len(samples)} samples have no label in labels=:"
                f" {enumerate_some(missing)}. Label them, or leave them out of the source."
                f"{_IN_ORDER if by_index else ''}"
            )
        table["label"] = _column([labels[key] for key in keys], order)
        return label_values(_column(list(labels.values())), None)
    if len(labels) != len(table):
        raise LabelError(
            f"labels= has {len(labels)} labels for {len(table)} samples."
            " Give one per sample, in the order of the samples, or a dict."
        )
    table["label"] = _column(labels, order)
    return None


def _plain_labels(given: Any) -> tuple[Mapping[Any, Any] | list[Any], pd.Index[Any] | None, bool]:
    """Return labels as a mapping or a list, the order of their classes, and if they had an index.

    Raises:
        ConfigError: They are neither, or have no order.
        LabelError: A sample is named twice.
    """
    if isinstance(given, (pd.Categorical, pd.CategoricalIndex)):
        given = pd.Series(given)
    if isinstance(given, pd.Series):
        order = given.cat.categories if isinstance(given.dtype, pd.CategoricalDtype) else None
        if isinstance(given.index, pd.RangeIndex):
            return given.to_list(), order, False
        if not given.index.is_unique:
            twice = given.index[given.index.duplicated()][0]
            raise LabelError(
                f"labels= has several labels for the sample {quote(twice)}. Leave one of them:"
                " labels[~labels.index.duplicated()]."
            )
        return given.to_dict(), order, True
    if isinstance(given, Mapping):
        return given, None, False
    if isinstance(given, (str, bytes, AbstractSet, pd.DataFrame)) or not isinstance(
        given, Iterable
    ):
        raise ConfigError(
            f"labels={quote(given)} was given; it must be a dict from sample to label, or a list"
            " of one label per sample. A column of the table is named with y_col=; folders are"
            " labels without either."
        )
    return list(as_array(given) if hasattr(given, "__array__") else given), None, False


def _without_ending(sample: Any) -> Any:
    return os.path.splitext(sample)[0] if isinstance(sample, str) else sample


def _column(values: list[Any], order: pd.Index[Any] | None = None) -> pd.Series[Any]:
    """Keep numbers as a number column, classes in their order, and anything else as it is."""
    if order is not None:
        return pd.Series(pd.Categorical(values, categories=order))
    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values):
        return pd.Series(values)
    cells = np.empty(len(values), object)
    for row, value in enumerate(values):  # at once, rows of a matrix would be spread over cells
        cells[row] = value
    # pandas would infer a string dtype, which cannot hold names that are not UTF-8.
    return pd.Series(cells, dtype=object)
