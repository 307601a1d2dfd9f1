"""Labels and weights: from what a user typed to the target fields of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.components import implements, name_of
from penstock.errors import ConfigError, LabelError, PluginError, quote, suggest
from penstock.fields import EncodedField
from penstock.labels import class_numbers, known_classes, label_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_labels", "class_weights", "encoded_field", "sample_weights"]


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
    if isinstance(labels, pd.Series) and not isinstance(labels.index, pd.RangeIndex):
        labels = labels.to_dict()
    if isinstance(labels, Mapping):
        samples = list(table[column])
        missing = [sample for sample in samples if sample not in labels]
        if missing:
            raise LabelError(
                f"{len(missing)} of {len(samples)} samples have no label in labels=; the first is"
                f" {quote(missing[0])}. Label them, or leave them out of the source."
            )
        table["label"] = _objects([labels[sample] for sample in samples])
        return label_values(pd.Series(_objects(list(labels.values()))), None)
    values = list(labels)
    if len(values) != len(table):
        raise LabelError(
            f"labels= has {len(values)} labels for {len(table)} samples."
            " Give one per sample, in the order of the samples, or a dict."
        )
    table["label"] = _objects(values)
    return None


def _objects(values: list[Any]) -> Any:
    """Keep numbers as a number column and anything else as it is."""
    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values):
        return np.asarray(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column


def encoded_field(
    name: str,
    encoder: Any,
    table: pd.DataFrame,
    column: str | tuple[str, ...],
    samples: pd.Series[Any] | None,
    fit_on: NDArray[Any] | None = None,
) -> EncodedField:
    """Make the target field of an encoder.

    Args:
        name: The target's name.
        encoder: The encoder.
        table: The samples table.
        column: Its column of labels, or several.
        samples: What to call the samples in messages.
        fit_on: The labels to find the classes in, if not those of the table.

    Raises:
        ConfigError: There is no such column.
        LabelError: The labels do not suit the encoder.
    """
    if not implements(encoder, "encode_labels"):
        raise PluginError(
            f"{name_of(encoder)} was given as an encoder and does not implement encode_labels."
        )
    column = list(column) if isinstance(column, (list, tuple)) else column
    for each in [column] if isinstance(column, str) else column:
        if each not in table.columns:
            raise ConfigError(
                f"There is no column {quote(each)} in the samples table."
                f"{suggest(each, map(str, table.columns))}"
                f" Name the labels with y_col= or labels=; there are"
                f" {quote([str(known) for known in table.columns])}."
            )
    values = label_values(table[column], samples)
    field = EncodedField(name, encoder, values, None)
    classes = getattr(encoder, "class_names", None)
    if classes is None:
        classes = field.hooks.fit_labels(labels=values if fit_on is None else fit_on)
        if classes is not None:
            classes = known_classes(table[column]) or list(classes)
    if classes is not None:
        field.labels = class_numbers(values, classes, samples)
        field.classes = list(classes)
    return field


def sample_weights(given: Any, table: pd.DataFrame) -> NDArray[np.float32] | None:
    """Return a weight per sample, from a column's name or an array.

    Raises:
        ConfigError: There is no such column, or a weight is no finite number of at least 0.
    """
    if given is None:
        return None
    if isinstance(given, str):
        if given not in table.columns:
            raise ConfigError(
                f"sample_weight={given!r} names no column of the samples table."
                f"{suggest(given, map(str, table.columns))}"
                f" There are {quote([str(known) for known in table.columns])}."
            )
        title, cells = f"the column {given!r}", table[given].to_numpy()
    else:
        title, cells = "sample_weight=", np.asarray(given)
    try:
        weights = np.asarray(cells, np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The weights in {title} are not all numbers: {error}.") from error
    if weights.shape != (len(table),):
        raise ConfigError(
            f"The weights in {title} have shape {weights.shape} for {len(table)} samples."
            " Give one number per sample."
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"The weight {quote(cells[row])} of row {row} in {title} is not a finite number of at"
            " least 0."
        )
    return weights


def class_weights(given: Any, targets: list[Any]) -> NDArray[np.float32] | None:
    """Return a weight per class, from a mapping or ``"balanced"``.

    ``"balanced"`` gives a class the weight n / (classes · samples of the
    class), as scikit-learn does (King & Zeng 2001).

    Raises:
        ConfigError: There are no classes to weigh, or a key or weight is wrong.
    """
    if given is None:
        return None
    classed = [
        each
        for each in targets
        if isinstance(each, EncodedField)
        and each.classes is not None
        and each.labels.dtype.kind in "iu"
    ]
    if len(classed) != 1:
        raise ConfigError(
            f"class_weight= needs one target with classes; there are {len(classed)}."
            " Give sample_weight= instead."
        )
    field = classed[0]
    classes = list(field.classes)
    if isinstance(given, str) and given == "balanced":
        counts = np.bincount(field.labels, minlength=len(classes))
        present = np.maximum(counts, 1)
        return (len(field.labels) / (np.count_nonzero(counts) * present)).astype(np.float32)
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"class_weight={quote(given)} is neither a dict from class to weight nor 'balanced'."
        )
    numbers = {each: number for number, each in enumerate(classes)}
    if not all(each in numbers for each in given):
        numbers = {number: number for number in range(len(classes))}
    weights = np.ones(len(classes), np.float32)
    for each, weight in given.items():
        if each not in numbers:
            raise ConfigError(
                f"class_weight= names the class {quote(each)}, which is not there."
                f"{suggest(each, map(str, classes))} The classes are {quote(classes)}."
            )
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)):
            raise ConfigError(f"class_weight= gives {quote(each)} the weight {quote(weight)}.")
        if not (np.isfinite(weight) and weight >= 0):
            raise ConfigError(
                f"class_weight= gives {quote(each)} the weight {weight}; it must be finite and at"
                " least 0."
            )
        weights[numbers[each]] = weight
    return weights
