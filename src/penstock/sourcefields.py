"""The input and target fields of a source, from what a user typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.checks import check_names, refuse_beside
from penstock.components import instance, refuse_options
from penstock.errors import ConfigError
from penstock.forms import flattened
from penstock.givenlabels import add_labels
from penstock.labelrules import is_rule, labels_by_rule, merge_labels
from penstock.sources import column_of, of_column
from penstock.targets import label_target, named_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.fields import EncodedField, LoadedField
    from penstock.sources import Source

__all__ = ["make_inputs", "make_targets", "takes_root"]


def takes_root(field: LoadedField | EncodedField, root: str) -> bool:
    """Say whether a field reads file names below *root*."""
    names = getattr(field, "prefix", None) is not None
    return names or getattr(field.component, "root", None) == root


def make_inputs(
    single: Any,
    inputs: Mapping[str, Any] | None,
    options: dict[str, Any],
    source: Source,
    shared: dict[str, Any],
) -> list[LoadedField]:
    """Make the fields of the single input, or of several by name.

    Raises:
        ConfigError: Options stand beside several inputs, or one cannot work.
    """
    if inputs is None:
        return [source.field("x", single)]
    refuse_options(options, "inputs=")
    check_names("inputs", inputs, "loaders")
    flat = flattened(inputs)
    check_names("inputs", flat, "loaders")
    named = {name: instance("loader", each, shared) for name, each in flat.items()}
    return [source.field(name, of_column(each, name, source)) for name, each in named.items()]


def make_targets(
    targets: Mapping[str, Any] | None,
    encoder: Any,
    labels: Any,
    y_col: Any,
    source: Source,
    inputs: list[LoadedField],
    shared: dict[str, Any],
    merge: Mapping[Any, Any] | None = None,
) -> list[LoadedField | EncodedField]:
    """Make the fields of the targets: of the labels, of several by name, or none.

    Raises:
        ConfigError: What was typed contradicts itself, or cannot work.
    """
    fit_on = None
    if labels is not None:
        column = column_of(inputs[0].component)
        if is_rule(labels):
            labels = labels_by_rule(labels, source.table, column)
        fit_on = add_labels(source.table, labels, column)
    if merge is not None:
        fit_on = merge_labels(source.table, y_col or "label", merge, fit_on)
    if targets is not None:
        if encoder is not None:
            raise ConfigError("encoder= is for one target; with targets= each has its own.")
        check_names("targets", targets, "encoders or loaders")
        return named_targets(flattened(targets), source, y_col, shared, labelled=labels is not None)
    if isinstance(encoder, str) and encoder in ("none", "input"):
        # A loader may have to know which columns are labels, if only to leave them out.
        used = any(getattr(each.component, "y_col", None) is not None for each in inputs)
        refuse_beside(
            f"encoder={encoder!r}, which needs no labels. Leave one of them out.",
            labels=labels,
            y_col=None if used else y_col,
        )
        return []
    if labels is not None:
        if y_col is not None:
            raise ConfigError("labels= and y_col= both say what the labels are; give one of them.")
        y_col = "label"
    return label_target(encoder, source, y_col, fit_on, inputs, shared)
