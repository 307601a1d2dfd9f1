"""Labels that follow from others: from the names of samples, and merged classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.errors import ConfigError, LabelError, enumerate_some, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.sources import Source

__all__ = ["choose_folders", "is_rule", "labels_by_rule", "merge_labels", "merged_classes"]


def is_rule(labels: Any) -> bool:
    """Say whether *labels* are a pattern or a function of a sample's name."""
    return isinstance(labels, re.Pattern) or (
        callable(labels) and not hasattr(labels, "__array__") and not isinstance(labels, type)
    )


def labels_by_rule(
    rule: re.Pattern[Any] | Callable[[Any], Any], table: pd.DataFrame, column: str
) -> list[Any]:
    """Return the label of each sample, by a pattern or a function of its name.

    Args:
        rule: A pattern with one group, or one called ``label``: what it finds first in a name
            is the label. Or a function from name to label.
        table: The samples table.
        column: The column of names.

    Raises:
        ConfigError: The pattern has no such group, or there are no names.
        LabelError: Names have no label; says how many and names the first.
    """
    if column not in table.columns:
        raise ConfigError(
            f"labels={quote(rule)} looks at names, and there is no column {quote(column)} of them."
        )
    names = table[column].tolist()
    if isinstance(rule, re.Pattern):
        return _matched(rule, names)
    labels = []
    for name in names:
        try:
            labels.append(rule(name))
        except Exception as error:
            raise LabelError(
                f"The function in labels= failed on {quote(name)}: {type(error).__name__}:"
                f" {quote(str(error))}. It is given the name of a sample, and returns its label."
            ) from error
    return labels


def _matched(pattern: re.Pattern[Any], names: list[Any]) -> list[Any]:
    group: str | int = "label" if "label" in pattern.groupindex else 1
    if pattern.groups != 1 and group == 1:
        raise ConfigError(
            f"labels={quote(pattern.pattern)} has {pattern.groups} groups; put round brackets"
            " around the label alone, or name its group: (?P<label>…)."
        )
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None or not isinstance(pattern.pattern, str):
        raise ConfigError(
            f"labels={quote(pattern.pattern)} looks at names, which are strings; there is"
            f" {quote(names[0] if wrong is None else wrong)}."
        )
    found = [pattern.search(name) for name in names]
    labels = [None if match is None else match[group] for match in found]
    missing = [name for name, label in zip(names, labels, strict=True) if not label]
    if missing:
        raise LabelError(
            f"labels={quote(pattern.pattern)} finds no label in {len(missing)} of {len(names)}"
            f" names: {enumerate_some(missing)}. Correct the pattern, or leave them out."
        )
    return labels


def merged_classes(class_names: Any) -> tuple[Any, Mapping[Any, Any] | None]:
    """Divide ``class_names=`` into the classes in order, and the mapping to them if it is one."""
    if not isinstance(class_names, Mapping):
        return class_names, None
    if not class_names:
        raise ConfigError("class_names={} merges no labels; give a dict from label to class.")
    return list(dict.fromkeys(class_names.values())), class_names


def merge_labels(
    table: pd.DataFrame, column: Any, merge: Mapping[Any, Any], fit_on: NDArray[Any] | None
) -> NDArray[Any] | None:
    """Put classes in place of the labels in a column, which is changed in place.

    Args:
        table: The samples table.
        column: The column of labels.
        merge: The class of each label.
        fit_on: Other labels to merge, or None.

    Returns:
        Those other labels, merged.

    Raises:
        LabelError: A label has no class.
    """
    if not isinstance(column, str) or column not in table.columns:
        raise ConfigError(
            f"class_names= is a dict that merges labels, and there is no column {quote(column)} of"
            " labels. Name it with y_col=."
        )
    cells = _merged(table[column].tolist(), merge)
    table[column] = pd.Series(cells, index=table.index, dtype=object)
    # The classes are those of the mapping: what else was fitted has no say any more.
    return None if fit_on is None else np.array([*dict.fromkeys(merge.values())], object)


def _merged(cells: Sequence[Any], merge: Mapping[Any, Any]) -> list[Any]:
    flat = [
        label for cell in cells for label in (cell if isinstance(cell, (list, tuple)) else [cell])
    ]
    unknown = [label for label in flat if label not in merge]
    if unknown:
        raise LabelError(
            f"{len(unknown)} labels are not in class_names=:"
            f" {enumerate_some(list(dict.fromkeys(unknown)))}. Give each a class, its own name if"
            " it stays as it is, or leave those samples out."
        )
    return [
        list(dict.fromkeys(merge[label] for label in cell))
        if isinstance(cell, (list, tuple))
        else merge[cell]
        for cell in cells
    ]


def choose_folders(source: Source, class_names: Any) -> None:
    """Take the folders of a directory that are the classes, in their order, as Keras does.

    Where a class has no folder too, all stay: a name may be misspelt, and labels
    that are no classes are refused.

    Args:
        source: The source; its table is replaced.
        class_names: The classes, or None for all.
    """
    if "label" not in source.table.columns or not isinstance(class_names, (list, tuple)):
        return
    folders = source.table["label"]
    if not source.listed or not isinstance(folders.dtype, pd.CategoricalDtype):
        return
    known = set(folders.cat.categories)
    if not all(isinstance(name, str) and name in known for name in class_names):
        return
    if len(set(class_names)) < len(class_names):  # refused where classes are
        return
    numbers = pd.Index(class_names, dtype=object).get_indexer(pd.Index(folders.astype(object)))
    chosen = np.argsort(numbers, kind="stable")[np.count_nonzero(numbers < 0) :]
    if len(chosen):
        source.table = source.table.iloc[chosen].reset_index(drop=True)
