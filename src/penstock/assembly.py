"""One batch in the making."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.batch import Batch
from penstock.components import name_of
from penstock.draws import Draws
from penstock.errors import PenstockError, PluginError, quote
from penstock.fields import LoadedField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.memory import Pool

__all__ = ["Assembly"]


class Assembly:
    """One batch in the making: filled slice by slice, from any threads, then finished."""

    def __init__(self, batches: Batches, epoch: int, rows: NDArray[np.int64], pool: Pool) -> None:
        self._batches = batches
        self._epoch = epoch
        self._rows = rows
        self._arrays = [
            pool.lease((len(rows), *each.spec.deliver_shape), each.spec.deliver_dtype)
            for each in batches.loaded
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def fill(self, start: int, stop: int) -> None:
        """Load, augment and deliver samples *start* to *stop* of the batch."""
        rows = self._rows[start:stop]
        batches = self._batches
        ready = []
        for each, array in zip(batches.loaded, self._arrays, strict=True):
            row = array[start:stop]
            if not each.spec.direct:
                row = batches.runtime.scratch(each, len(rows))
            each.load(rows, row)
            ready.append(row)
        if batches.augment and batches.runtime.sample_hooks:
            self._augment_samples(rows, ready)
        for each, array, row in zip(batches.loaded, self._arrays, ready, strict=True):
            if not each.spec.direct:
                _deliver(each, row, array[start:stop])

    def finish(self) -> tuple[Any, ...]:
        """Encode the labels, weigh the samples, and return what Keras is handed."""
        batches = self._batches
        arrays = iter(self._arrays)
        inputs = {each.name: next(arrays) for each in batches.inputs}
        targets = {
            each.name: next(arrays) if isinstance(each, LoadedField) else each.encode(self._rows)
            for each in batches.targets
        }
        weight = self._weigh()
        if batches.augment and batches.runtime.batch_hooks:
            batch = Batch(inputs, targets, weight, Draws(0, 0, self._rows[:0]))
            self._call(batches.runtime.batch_hooks, "augment_batch", batch, self._rows)
            inputs, targets, weight = batch.inputs, batch.targets, batch.sample_weight
        x: Any = inputs if batches.nested_inputs else next(iter(inputs.values()))
        if batches.echo:
            return (x, x) if weight is None else (x, x, weight)
        if not targets:
            return (x,) if weight is None else (x, None, weight)
        y: Any = targets if batches.nested_targets else next(iter(targets.values()))
        return (x, y) if weight is None else (x, y, weight)

    def _weigh(self) -> NDArray[np.float32] | None:
        batches, weight = self._batches, None
        if batches.sample_weight is not None:
            weight = batches.sample_weight[self._rows]
        if batches.class_weight is not None:
            assert batches.classed is not None
            by_class = batches.class_weight[batches.classed.labels[self._rows]]
            weight = by_class if weight is None else weight * by_class
        return weight

    def _augment_samples(self, rows: NDArray[np.int64], ready: list[NDArray[Any]]) -> None:
        batches = self._batches
        named = list(zip(batches.loaded, ready, strict=True))
        inputs = {each.name: row for each, row in named[: len(batches.inputs)]}
        targets = {each.name: row for each, row in named[len(batches.inputs) :]}
        batch = Batch(dict(inputs), dict(targets), None, Draws(0, 0, rows[:0]))
        self._call(batches.runtime.sample_hooks, "augment_samples", batch, rows)
        for given, left in ((inputs, batch.inputs), (targets, batch.targets)):
            for name, row in given.items():
                if left.get(name) is not row:
                    raise PluginError(
                        f"An augmenter replaced the array of {name!r} in its batch."
                        " augment_samples must change arrays in place: batch.inputs[name][...] = …"
                    )

    def _call(
        self, hooks: list[tuple[int, Any]], hook: str, batch: Batch, rows: NDArray[np.int64]
    ) -> None:
        batches = self._batches
        for stream, relayed in hooks:
            batch.draws = Draws(batches.order.seed, self._epoch, rows, stream)
            try:
                getattr(relayed, hook)(batch=batch)
            except PenstockError:
                raise
            except Exception as error:
                augmenter = name_of(batches.augmenters[stream])
                raise PluginError(
                    f"The augmenter {augmenter} failed on rows {rows[0]} and {len(rows) - 1} more:"
                    f" {type(error).__name__}: {quote(str(error))}."
                    " Check that it suits the arrays it is given: "
                    + ", ".join(f"{k} {v.dtype}{v.shape}" for k, v in batch.inputs.items())
                    + "."
                ) from error


def _deliver(each: LoadedField, loaded: NDArray[Any], out: NDArray[Any]) -> None:
    spec = each.spec
    if spec.deliver_shape != spec.shape or spec.data_format == "channels_first":
        out = np.moveaxis(out, 1, -1) if out.ndim > 2 else out
    if spec.scale == 1.0:
        np.copyto(out, loaded, casting="unsafe")
    else:
        np.multiply(loaded, out.dtype.type(spec.scale), out=out, casting="unsafe")
