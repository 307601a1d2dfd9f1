"""The weights of samples and of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrays import as_array
from penstock.errors import ConfigError, quote, suggest
from penstock.fields import EncodedField, LoadedField
from penstock.pixelweights import is_mask, pixel_weights

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from penstock.pixelweights import PixelWeights

__all__ = ["class_weights", "is_by_target", "sample_weights", "weights_by_class"]


def sample_weights(
    given: Any, table: pd.DataFrame, option: str = "sample_weight"
) -> NDArray[np.float32] | None:
    """Return a weight per sample, from a column's name or an array.

    Raises:
        ConfigError: There is no such column, or a weight is no finite number of at least 0.
    """
    if given is None:
        return None
    if isinstance(given, str):
        if given not in table.columns:
            raise ConfigError(
                f"{option}={quote(given)} names no column of the samples table."
                f"{suggest(given, map(str, table.columns))}"
                f" There are {quote([str(known) for known in table.columns])}."
            )
        title, cells = f"the column {quote(given)}", table[given].to_numpy()
    else:
        title, cells = f"{option}=", as_array(given)
    try:
        if cells.dtype.kind not in "biufOU":
            raise TypeError(f"their dtype is {cells.dtype}")
        with np.errstate(over="ignore"):  # what is too large is told below
            weights = cells.astype(np.float32)
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


def class_weights(
    given: Any, targets: list[Any], inputs: list[LoadedField]
) -> tuple[NDArray[np.float32] | None, dict[str, NDArray[np.float32] | PixelWeights] | None]:
    """Return a weight per class, from a mapping or ``"balanced"``, or such weights by target.

    ``"balanced"`` gives a class the weight n / (classes · samples of the
    class), as scikit-learn does (King & Zeng 2001).

    Args:
        given: ``"balanced"``, a dict from class to weight, or a dict of these by target name.
        targets: The target fields.
        inputs: The input fields.

    Returns:
        The weights of the classes of the only target that has any; or those of several
        targets, or of a mask, by name. The other is None.

    Raises:
        ConfigError: There are no classes to weigh, or a key or weight is wrong.
    """
    if given is None:
        return None, None
    classed = [each for each in targets if isinstance(each, EncodedField) and each.single_class]
    sizes = {each.spec.shape[:2] for each in inputs if len(each.spec.shape) == 3}
    masks: list[Any] = [
        each for each in targets if isinstance(each, LoadedField) and is_mask(each, sizes)
    ]
    if is_by_target(given):
        fields: dict[str, Any] = {each.name: each for each in (*classed, *masks)}
        for name in given:
            if name not in fields:
                raise ConfigError(
                    f"class_weight= names the target {quote(name)}, and there is none of that name"
                    f" with classes.{suggest(name, fields)} Those with classes are"
                    f" {quote(list(fields))}."
                )
        return None, {
            name: pixel_weights(each, name)
            if fields[name] in masks
            else _class_weights(each, fields[name])
            for name, each in given.items()
        }
    if not classed and len(masks) == 1:
        return None, {masks[0].name: pixel_weights(given, masks[0].name)}
    if len(classed) != 1:
        several = (
            f" Give them by target: class_weight={{{classed[0].name!r}: 'balanced', …}}."
            if classed
            else " Give sample_weight= instead."
        )
        raise ConfigError(
            f"class_weight= needs one target with classes; there are {len(classed)}.{several}"
        )
    return _class_weights(given, classed[0]), None


def is_by_target(given: Any) -> bool:
    """Say whether weights of classes are given by target."""
    return isinstance(given, Mapping) and any(
        isinstance(each, Mapping) or (isinstance(each, str) and each == "balanced")
        for each in given.values()
    )


def _class_weights(given: Any, field: EncodedField) -> NDArray[np.float32]:
    classes = list(field.classes or ())
    if isinstance(given, str) and given == "balanced":
        counts = np.bincount(field.labels, minlength=len(classes))
        present = np.maximum(counts, 1)
        return (len(field.labels) / (np.count_nonzero(counts) * present)).astype(np.float32)
    return weights_by_class("class_weight", given, classes)


def weights_by_class(option: str, given: Any, classes: list[Any]) -> NDArray[np.float32]:
    """Return a weight per class: what a mapping names, and 1 for the others.

    Args:
        option: What the user typed it for.
        given: A mapping from class, its name or number, to weight.
        classes: The classes in the order of their numbers.

    Raises:
        ConfigError: A class is not there, or a weight no finite number of at least 0.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{option}={quote(given)} is neither a dict from class to weight nor 'balanced'."
        )
    numbers = {each: number for number, each in enumerate(classes)}
    if not all(each in numbers for each in given):
        numbers = {number: number for number in range(len(classes))}
    weights = np.ones(len(classes), np.float32)
    for each, weight in given.items():
        if each not in numbers:
            raise ConfigError(
                f"{option}= names the class {quote(each)}, which is not there."
                f"{suggest(each, map(str, classes))} The classes are {quote(classes)}."
            )
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)):
            raise ConfigError(f"{option}= gives {quote(each)} the weight {quote(weight)}.")
        if not (np.isfinite(weight) and weight >= 0):
            raise ConfigError(
                f"{option}= gives {quote(each)} the weight {weight}; it must be finite and at"
                " least 0."
            )
        weights[numbers[each]] = weight
    return weights
