"""Labels and targets: from what a user typed to the target fields of a batch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import as_array
from penstock.components import complete, implements, instance, name_of
from penstock.errors import (
    ConfigError,
    LabelError,
    PenstockError,
    PluginError,
    enumerate_some,
    quote,
    suggest,
)
from penstock.fields import EncodedField
from penstock.labels import class_numbers, infer_encoder, known_classes, label_values
from penstock.sources import column_of, of_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.fields import LoadedField
    from penstock.sources import Source

__all__ = ["add_labels", "encoded_field", "label_target", "named_targets", "refuse_unused"]

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
    wanted = [column] if isinstance(column, str) else list(column)
    for each in wanted:
        if each not in table.columns:
            raise ConfigError(
                f"There is no column {quote(each)} in the samples table."
                f"{suggest(each, map(str, table.columns))}"
                f" Name the labels with y_col= or labels=; there are"
                f" {quote([str(known) for known in table.columns])}."
            )
    labels = table[column] if isinstance(column, str) else table[wanted]
    values = label_values(labels, samples)
    # What finds no classes of its own takes those of the column, in its order.
    encoder = complete(encoder, {"class_names": known_classes(labels)})
    field = EncodedField(name, encoder, values, None)
    classes = getattr(encoder, "class_names", None)
    if classes is None:
        classes = _fitted(field, values if fit_on is None else fit_on)
    if classes is not None:
        field.labels = class_numbers(values, classes, samples)
        field.classes = list(classes)
        if len(field.classes) == 1:
            warnings.warn(
                f"There is one class, {quote(field.classes[0])}, and nothing to learn from it.",
                stacklevel=2,
            )
    field.encode(
        np.arange(min(len(values), 2))
    )  # what cannot be encoded is said here, and not in training
    return field


def _fitted(field: EncodedField, labels: NDArray[Any]) -> list[Any] | None:
    seen = labels.view()
    seen.flags.writeable = False  # to sort them in place would give samples others' labels
    try:
        classes = field.hooks.fit_labels(labels=seen)
    except PenstockError:
        raise
    except Exception as error:
        raise PluginError(
            f"The encoder {name_of(field.component)} failed to fit {len(labels)} labels:"
            f" {type(error).__name__}: {quote(str(error))}."
        ) from error
    if classes is None:
        return None
    if isinstance(classes, (str, bytes, AbstractSet)) or not isinstance(classes, Iterable):
        raise PluginError(
            f"{name_of(field.component)}.fit_labels returned {quote(classes)}."
            " It must return the classes in order, or None."
        )
    return list(classes)


def named_targets(
    targets: Mapping[str, Any],
    source: Source,
    y_col: Any,
    shared: dict[str, Any],
    *,
    labelled: bool,
) -> list[LoadedField | EncodedField]:
    """Make the fields of several targets: encoders or loaders, by name.

    Raises:
        ConfigError: ``y_col=`` or ``labels=``, if *labelled*, are used by none of them.
    """
    fields: list[LoadedField | EncodedField] = []
    read: set[Any] = set()
    for name, given in targets.items():
        component = of_column(instance("encoder", given, shared), name, source)
        if implements(component, "load_samples"):
            fields.append(source.field(name, component))
        else:
            column = getattr(component, "column", None) or y_col or _default_column(source, name)
            read.add(column)
            fields.append(encoded_field(name, component, source.table, column, None))
    if y_col is not None and y_col not in read:
        raise ConfigError(
            f"y_col={quote(y_col)} was given, and each target has a column of its own."
            " Leave it out, or the column of a target."
        )
    if labelled and "label" not in read:
        raise ConfigError(
            "labels= was given, and no target takes it. Give one of targets= without a column."
        )
    return fields


def refuse_unused(class_names: Any, fields: Iterable[LoadedField | EncodedField]) -> None:
    """Refuse classes that no target takes.

    Raises:
        ConfigError: No encoder has them.
    """
    if class_names is None:
        return
    taken = [getattr(each.component, "class_names", None) for each in fields]
    # What was taken has been checked: it is a list of some kind.
    if not any(each is not None and list(each) == list(class_names) for each in taken):
        raise ConfigError(
            f"class_names={quote(class_names)} was given, and no target takes it: there are no"
            " labels, or their encoder has no classes, or classes of its own. Leave it out."
        )


def _default_column(source: Source, name: str) -> str:
    return name if name in source.table.columns else "label"


def label_target(
    encoder: Any,
    source: Source,
    y_col: Any,
    fit_on: Any,
    inputs: list[LoadedField],
    shared: dict[str, Any],
) -> list[LoadedField | EncodedField]:
    """Return the single target that the labels make, or none where there are no labels."""
    column = y_col if y_col is None or isinstance(y_col, str) else tuple(y_col)
    named = getattr(encoder, "column", None) or column
    listed = fit_on is not None or "label" in source.table.columns
    if named is None and encoder is None and not (listed and _labels_belong(source, inputs)):
        return []
    named = named or "label"
    table = source.table
    if encoder is None:
        wanted = [named] if isinstance(named, str) else list(named)
        if all(each in table.columns for each in wanted):
            values = label_values(table[named if isinstance(named, str) else wanted], None)
            encoder = infer_encoder(values, str(named))
        else:
            encoder = "categorical"
    component = instance("encoder", encoder, shared)
    samples = table["sample"] if "sample" in table.columns else None
    return [encoded_field("y", component, table, named, samples, fit_on)]


def _labels_belong(source: Source, inputs: list[LoadedField]) -> bool:
    """Say whether the column ``label`` is of our making, and no user's column by chance."""
    return "sample" in source.table.columns and column_of(inputs[0].component) == "sample"
