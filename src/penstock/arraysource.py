"""Arrays as a source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import Arrays, as_array, is_sparse
from penstock.components import instance
from penstock.errors import ConfigError
from penstock.forms import flattened
from penstock.raggedarrays import RaggedArrays, is_ragged
from penstock.sources import Source
from penstock.targets import encoded_field

if TYPE_CHECKING:
    from penstock.fields import EncodedField, LoadedField

__all__ = ["is_arrays", "open_arrays", "part_of"]


def is_arrays(given: Any) -> bool:
    """Say whether a source is arrays, and no path, table or list of names."""
    if isinstance(given, tuple):
        return bool(given) and not isinstance(given[0], (str, os.PathLike))
    if isinstance(given, Mapping):
        return True
    if isinstance(given, (str, pd.DataFrame, pd.Series, pd.Index)):
        return False
    if isinstance(given, np.ndarray):
        return given.dtype.kind not in "OUST"
    if isinstance(given, list):
        return bool(given) and not isinstance(given[0], (str, os.PathLike))
    return hasattr(given, "__array__") or is_sparse(given)


def part_of(given: Any, place: int) -> Any:
    """Return x (*place* 0) or y (1) of given arrays, or None."""
    if isinstance(given, tuple):
        return given[place] if place < len(given) else None
    return given if place == 0 else None


def open_arrays(
    given: Any, encoder: Any, shared: dict[str, Any]
) -> tuple[Source, list[LoadedField], list[LoadedField | EncodedField], Any]:
    """Make the samples table and the fields of arrays.

    Args:
        given: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
        encoder: What to encode y with, if anything.
        shared: The generator's options.

    Returns:
        The source, the input fields, the target fields, and the weights or None.

    Raises:
        ConfigError: The arrays differ in length, or are of a kind that Keras cannot take.
    """
    if isinstance(given, list) and any(isinstance(part, np.ndarray) for part in given):
        raise ConfigError(
            f"A list of {len(given)} arrays was given. Give a tuple, (x, y) or (x,), where x may be"
            " a list of samples of different sizes; or a dict of arrays for several inputs:"
            " ({'a': …, 'b': …}, y)."
        )
    parts = given if isinstance(given, tuple) else (given,)
    if not 1 <= len(parts) <= 3:
        raise ConfigError(
            f"A tuple of {len(parts)} was given;"
            " arrays come as (x,), (x, y) or (x, y, sample_weight)."
        )
    named = [
        {} if part is None else flattened(part) if isinstance(part, Mapping) else {name: part}
        for name, part in zip("xy", parts[:2], strict=False)
    ]
    loaders = [{name: _loader(each) for name, each in part.items()} for part in named]
    if not loaders[0]:
        raise ConfigError("There is no array for x. Give arrays: x, (x, y) or ({'a': …}, y).")
    lengths = {name: len(each.pick_samples()) for part in loaders for name, each in part.items()}
    if len(set(lengths.values())) != 1:
        raise ConfigError(
            f"The arrays have different numbers of samples: {lengths}."
            " Give the same number along the first axis of each; several inputs are a dict."
        )
    count = next(iter(lengths.values()))
    if not count:
        raise ConfigError("The arrays have 0 samples. Give at least one.")
    source = Source(pd.DataFrame({"sample": np.arange(count)}))
    inputs, *targets = [
        [source.field(name, each) for name, each in part.items()] for part in loaders
    ]
    loaded = targets[0] if targets else []
    weight = parts[2] if len(parts) == 3 else None
    if encoder is None:
        return source, inputs, [*loaded], weight
    if encoder in ("none", "input"):
        return source, inputs, [], weight
    return source, inputs, [_encoded(encoder, loaded, source, shared)], weight


def _loader(given: Any) -> Arrays | RaggedArrays:
    return RaggedArrays(given) if is_ragged(given) else Arrays(as_array(given))


def _encoded(
    encoder: Any, fields: list[LoadedField], source: Source, shared: dict[str, Any]
) -> EncodedField:
    """Encode an array of labels that was given as y.

    Raises:
        ConfigError: It is not one array of labels of shape ``(n,)`` or ``(n, k)``.
    """
    if len(fields) != 1:
        raise ConfigError("encoder= belongs to one target; with targets= each has its own.")
    component = instance("encoder", encoder, shared)
    loader = fields[0].component
    if isinstance(loader, RaggedArrays):  # several labels for a sample
        source.table["label"] = [tuple(each.tolist()) for each in loader.arrays]
        return encoded_field("y", component, source.table, "label", None)
    array = loader.array
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    columns = ["label"] if array.ndim == 1 else [f"label {n}" for n in range(array.shape[-1])]
    if array.ndim > 2:
        raise ConfigError(f"encoder= needs labels of shape (n,) or (n, k); found {array.shape}.")
    for name, values in zip(columns, array.reshape(len(array), -1).T, strict=True):
        source.table[name] = values
    column = columns[0] if len(columns) == 1 else tuple(columns)
    return encoded_field("y", component, source.table, column, None)
