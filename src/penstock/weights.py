"""The weights of samples and of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote, suggest
from penstock.fields import EncodedField

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["class_weights", "sample_weights"]


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
    classed = [each for each in targets if isinstance(each, EncodedField) and each.single_class]
    if len(classed) != 1:
        raise ConfigError(
            f"class_weight= needs one target with classes; there are {len(classed)}."
            " Give sample_weight= instead."
        )
    field = classed[0]
    classes = list(field.classes or ())
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
