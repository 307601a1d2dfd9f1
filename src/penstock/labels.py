"""Labels on their way from a column of the samples table to class numbers."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.encoders import are_vectors
from penstock.errors import LabelError, enumerate_some, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["class_numbers", "infer_encoder", "known_classes", "label_values"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"-?\d+")


def label_values(
    column: pd.Series[Any] | pd.DataFrame, samples: pd.Series[Any] | None
) -> NDArray[Any]:
    """Return a label column as an array, having refused missing labels.

    Args:
        column: The label column, or several of them.
        samples: The samples they belong to, for the message.

    Returns:
        Shape ``(n,)``, or ``(n, k)`` for k columns; lists and sets become tuples.

    Raises:
        LabelError: Labels are missing; says how many and names the first sample.
    """
    if isinstance(column, pd.Series):
        column = _each_text_once(column)
        several = [column]
    else:
        several = [_each_text_once(each) for _, each in column.items()]
    missing = np.logical_or.reduce([_missing(each) for each in several])
    if missing.any():
        rows = np.flatnonzero(missing)
        which = enumerate_some(rows.tolist() if samples is None else list(samples.iloc[rows]))
        which = f"row {which}" if samples is None else which
        raise LabelError(
            f"{len(rows)} of {len(column)} samples have no label: {which}."
            " Label them, or leave them out of the source."
        )
    for each in several:
        if each.dtype.kind in "biufcmM":
            continue
        known = known_classes(each)  # of which there are few, and of samples many
        cells = each if known is None else known
        found = next((value for value in cells if isinstance(value, bytes)), None)
        if found is not None:
            raise LabelError(
                f"Labels are bytes, such as {quote(found)}. Make text of them:"
                " [label.decode() for label in labels], or dataset.asstr() in h5py."
            )
    if isinstance(column, pd.DataFrame):
        return column.to_numpy()
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object).to_numpy()
    values = column.to_numpy() if column.dtype.kind in "biuf" else column.to_numpy(object)
    if len(values) and isinstance(values[0], (list, tuple, set, frozenset, np.ndarray)):
        tuples = np.empty(len(values), object)
        for row, label in enumerate(values):
            if not isinstance(label, (list, tuple, set, frozenset, np.ndarray)):
                raise LabelError(
                    f"The label {quote(label)} of row {row} is no list, and that of row 0 is one."
                    " Give every sample a list, if only of one label."
                )
            tuples[row] = tuple(label.tolist() if isinstance(label, np.ndarray) else label)
        return tuples
    return values


def _each_text_once(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of texts as a categorical one, and any other as it is.

    There are few classes and many samples, and pandas hands the texts of a column out slowly.
    """
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        return column
    codes, texts = pd.factorize(column)
    # As objects: those that stand for bytes of no UTF-8 are none of pandas' strings.
    known = pd.Index(np.asarray(texts, object), dtype=object)
    return pd.Series(pd.Categorical.from_codes(codes, categories=known), column.index)


def _missing(column: pd.Series[Any]) -> NDArray[np.bool_]:
    missing = column.isna().to_numpy(bool, copy=True)
    if column.dtype.kind not in "biufcmM":
        # An empty cell of a CSV file is an empty string. Cells may be lists, and arrays.
        known = known_classes(column)
        if known is not None:
            empty = [number for number, name in enumerate(known) if name == ""]
            return missing | column.cat.codes.isin(empty).to_numpy(bool)
        missing |= np.fromiter((isinstance(cell, str) and not cell for cell in column), bool)
    return missing


def known_classes(column: pd.Series[Any] | pd.DataFrame) -> list[Any] | None:
    """Return the classes of a categorical column, in its order, or None."""
    if isinstance(column, pd.Series) and isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return None


def infer_encoder(labels: NDArray[Any], column: str) -> str:
    """Name the encoder that these labels ask for when the user names none.

    Raises:
        LabelError: They could be meant in several ways; says what to type.
    """
    first = labels[0] if labels.ndim == 1 and len(labels) else None
    if isinstance(first, tuple) and are_vectors(labels):
        raise LabelError(
            f"The labels in {column!r} are vectors of zeros and ones, such as {quote(first)}."
            ' Say encoder="float" to use them as they are, or give the number of the class of'
            " each sample: labels.argmax(axis=1)."
        )
    if isinstance(first, tuple):
        raise LabelError(
            f"The labels in {column!r} are lists, such as {quote(first)}."
            ' Say encoder="multilabel" to encode them as a vector of zeros and ones, or'
            ' encoder="float" if they are numbers to predict.'
        )
    if isinstance(first, (dt.date, dt.timedelta)):
        raise LabelError(
            f"The labels in {column!r} are dates or times, such as {quote(str(first))}."
            ' Make numbers of them for encoder="float", or say encoder="categorical" if they are'
            " classes."
        )
    if labels.ndim > 1:
        raise LabelError(
            f"There are {labels.shape[1]} label columns, {quote(column)}."
            ' Say encoder="float" to use them as the values of one target,'
            " or targets={…} to give each an encoder of its own."
        )
    if labels.dtype.kind == "f" or _look_like_floats(labels):
        raise LabelError(
            f"The labels in {column!r} are floating-point numbers, such as {quote(first)}."
            ' Say encoder="float" for regression, or encoder="categorical" if they are classes.'
        )
    return "categorical"


def _look_like_floats(labels: NDArray[Any]) -> bool:
    if labels.dtype != object:
        return False
    if all(isinstance(label, float) for label in labels):
        return True
    return all(isinstance(label, str) and _NUMBER.fullmatch(label) for label in labels) and not all(
        _WHOLE.fullmatch(label) for label in labels
    )


def class_numbers(
    labels: NDArray[Any], classes: Sequence[Any], samples: pd.Series[Any] | None
) -> NDArray[Any]:
    """Return the position of each label in *classes*.

    Returns:
        int32 of shape ``(n,)``; for labels that are tuples, an object array of
        int32 arrays.

    Raises:
        LabelError: A label is not among the classes; names the nearest.
    """
    index = pd.Index(list(classes), dtype=object)
    try:
        twice = [each for each, count in Counter(classes).items() if count > 1]
    except TypeError as error:  # a list cannot be looked up
        raise LabelError(
            f"The classes are {quote(list(classes))}; each must be a string or a number."
        ) from error
    if twice:
        raise LabelError(f"The class {quote(twice[0])} is given twice. Name every class once.")
    _warn_of_lookalikes(classes)
    if labels.ndim != 1:
        raise LabelError(
            f"Classes need one label column; found {labels.shape[1]}."
            " Say targets={…} for several."
        )
    if len(labels) and isinstance(labels[0], tuple):
        flat = [label for several in labels for label in several]
        lengths = [len(several) for several in labels]
        numbers = index.get_indexer(pd.Index(flat, dtype=object))
        _refuse_unknown(numbers, flat, classes, np.repeat(np.arange(len(labels)), lengths), samples)
        result = np.empty(len(labels), object)
        result[:] = np.split(numbers.astype(np.int32), np.cumsum(lengths)[:-1])
        return result
    # To look up each number once is faster; not so for objects.
    if labels.dtype.kind in "biu" and labels.dtype.isnative:
        codes, numerals = pd.factorize(labels)
        known = np.asarray(index.get_indexer(pd.Index(numerals.astype(object), dtype=object)))
        numbers = known[codes]
    else:
        numbers = np.asarray(index.get_indexer(pd.Index(labels.astype(object), dtype=object)))
    _refuse_unknown(numbers, labels, classes, np.arange(len(labels)), samples)
    return numbers.astype(np.int32)


def _refuse_unknown(
    numbers: NDArray[Any],
    labels: Sequence[Any] | NDArray[Any],
    classes: Sequence[Any],
    rows: NDArray[Any],
    samples: pd.Series[Any] | None,
) -> None:
    unknown = np.flatnonzero(numbers < 0)
    if not len(unknown):
        return
    label, row = labels[unknown[0]], int(rows[unknown[0]])
    name = row if samples is None else samples.iloc[row]
    raise LabelError(
        f"{len(unknown)} labels are not among the {len(classes)} classes; the first is"
        f" {quote(label)} of sample {quote(name)} in row {row}."
        f"{suggest(label, [str(known) for known in classes])}"
        f" The classes are {quote(list(classes))}:"
        " add it to class_names=, or leave those samples out (exclude=)."
    )


def _warn_of_lookalikes(classes: Sequence[Any]) -> None:
    seen: dict[object, str] = {}
    for name in classes:
        if not isinstance(name, str):
            continue
        plain: object = name.strip()
        if _NUMBER.fullmatch(name.strip()):
            plain = float(name)
        if plain in seen:
            warnings.warn(
                f"The classes {quote(seen[plain])} and {quote(name)} look alike;"
                " they are kept apart.",
                stacklevel=2,
            )
        seen[plain] = name
