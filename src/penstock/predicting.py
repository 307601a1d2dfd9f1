"""What a model predicts, as a table with the samples' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.components import implements
from penstock.errors import ConfigError, quote
from penstock.fields import EncodedField
from penstock.forms import flattened
from penstock.sources import column_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["prediction_table"]


def prediction_table(
    model: Any,
    data: Any,
    targets: Iterable[Any],
    batches: Batches,
    table: pd.DataFrame,
    options: dict[str, Any],
) -> pd.DataFrame:
    """Return what *model* predicts for *data*; see ``Outlets.predictions``.

    Args:
        model: The model.
        data: A sequence of each sample once, in order.
        targets: The target fields that it would have.
        batches: Its batches.
        table: The samples table.
        options: For ``model.predict``.

    Raises:
        ConfigError: The model cannot predict, or returns something of another length.
    """
    if not callable(getattr(model, "predict", None)):
        raise ConfigError(
            f"predictions({quote(model)}) needs a model: something with a method predict()."
        )
    outputs = _named(model.predict(data, **options))
    rows = batches.rows
    loader = batches.inputs[0].component
    # A loader that picks for itself may name a column of values.
    named = "sample" if implements(loader, "pick_samples") else column_of(loader)
    names = table[named].iloc[rows].to_numpy(object) if named in table.columns else rows
    columns: dict[str, Any] = {"sample": pd.Series(names, dtype=object), "index": rows}
    encoded = [each for each in targets if isinstance(each, EncodedField)]
    for each in encoded:
        label = "label" if len(encoded) == 1 else f"label_{each.name}"
        columns[label] = _labels(each, rows)
    failed = data.errors["index"].to_numpy(np.int64)
    lost = np.isin(rows, failed)
    for name, output in outputs.items():
        if len(output) != len(rows):
            raise ConfigError(
                f"The model predicted {len(output)} values for {len(rows)} samples. It must return"
                " one per sample: leave steps= out."
            )
        columns |= _columns(name, output, lost, _classes(encoded, name, alone=len(outputs) == 1))
    return pd.DataFrame(columns)


def _named(outputs: Any) -> dict[str, NDArray[Any]]:
    if isinstance(outputs, Mapping):
        return {name: np.asarray(each) for name, each in flattened(outputs).items()}
    if isinstance(outputs, (list, tuple)):
        return {f"prediction_{place}": np.asarray(each) for place, each in enumerate(outputs)}
    return {"prediction": np.asarray(outputs)}


def _classes(encoded: list[EncodedField], name: str, *, alone: bool) -> list[Any]:
    for each in encoded:
        if each.classes is not None and (each.name == name or (alone and len(encoded) == 1)):
            return list(each.classes) if each.single_class else []
    return []


def _labels(each: EncodedField, rows: NDArray[np.int64]) -> pd.Series[Any]:
    own = each.labels[rows]
    cells: list[Any] = list(own)
    if each.classes is not None:
        classes = list(each.classes)
        cells = [
            classes[number] if each.single_class else tuple(classes[one] for one in number)
            for number in own.tolist()
        ]
    return pd.Series(cells, dtype=own.dtype if each.classes is None and own.ndim == 1 else object)


def _columns(
    name: str, output: NDArray[Any], lost: NDArray[np.bool_], classes: list[Any]
) -> dict[str, Any]:
    if lost.any():
        output = output.astype(np.result_type(output.dtype, np.float32))
        output[lost] = np.nan
    if output.ndim == 2 and output.shape[1] == 1:
        output = output[:, 0]
    if output.ndim == 1:
        return {name: output}
    if output.ndim > 2:
        return {name: pd.Series(list(output), dtype=object)}
    if output.shape[1] != len(classes):
        return {f"{name}_{place}": each for place, each in enumerate(output.T)}
    best = np.where(lost, 0, output.argmax(axis=1) if not lost.all() else 0)
    predicted = [None if gone else classes[one] for one, gone in zip(best, lost, strict=True)]
    title = "predicted" if name == "prediction" else f"predicted_{name}"
    by_class = {f"{name}_{each}": column for each, column in zip(classes, output.T, strict=True)}
    return {title: pd.Series(predicted, dtype=object), **by_class}
