"""Targets: from what a user typed to the target fields of a batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.components import complete, implements, instance, name_of
from penstock.errors import (
    ConfigError,
    PenstockError,
    PluginError,
    quote,
    suggest,
)
from penstock.fields import EncodedField
from penstock.labels import class_numbers, infer_encoder, known_classes, label_values
from penstock.sources import column_of, of_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from penstock.fields import LoadedField
    from penstock.sources import Source

__all__ = ["encoded_field", "label_target", "named_targets", "refuse_unused"]


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
