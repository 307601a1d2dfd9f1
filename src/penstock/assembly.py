"""One batch in the making."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.batch import Batch
from penstock.draws import Draws
from penstock.errors import PenstockError, PluginError, SampleError, quote
from penstock.failures import mend
from penstock.fields import EncodedField, LoadedField
from penstock.forms import formed
from penstock.pixelweights import PixelWeights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.memory import Pool

__all__ = ["Assembly"]


class Assembly:
    """One batch in the making: filled slice by slice, from any threads, then finished."""

    def __init__(
        self,
        batches: Batches,
        epoch: int,
        rows: NDArray[np.int64],
        turns: NDArray[np.int64] | None,
        pool: Pool,
        padding: int = 0,
    ) -> None:
        self._batches = batches
        self._epoch = epoch
        self._rows = rows  # of its own: replacements are written here
        self._turns = turns  # added to rows for what is drawn: a sample may come several times
        # Of weight 0: at first those that only fill the batch up.
        self._masked: list[int] = list(range(len(rows) - padding, len(rows)))
        self._arrays = self._leased(pool)

    def _leased(self, pool: Pool) -> list[NDArray[Any]]:
        return [
            pool.lease((len(self), *each.spec.deliver_shape), each.spec.deliver_dtype)
            for each in self._batches.loaded
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def fill(self, start: int, stop: int) -> None:
        """Load, augment, deliver and prepare samples *start* to *stop* of the batch."""
        shapes = [each.spec.shape for each in self._batches.loaded]
        self._fill(start, stop, shapes, [array[start:stop] for array in self._arrays])

    def _fill(
        self, start: int, stop: int, shapes: list[tuple[int, ...]], out: list[NDArray[Any]]
    ) -> None:
        """Fill *out*, an array per loaded field, with samples that are loaded in *shapes*."""
        rows = self._rows[start:stop]
        batches = self._batches
        ready: list[NDArray[Any]] = []
        masked: Sequence[int] = ()
        kept = 0
        began = time.perf_counter()
        for each, shape, array in zip(batches.loaded, shapes, out, strict=True):
            whole = (len(rows), *shape)
            direct = each.spec.direct and array.shape == whole and array.flags.c_contiguous
            ready.append(array if direct else batches.runtime.scratch(each, whole))
        try:
            for each, row in zip(batches.loaded, ready, strict=True):
                kept += each.load(rows, row)
        except SampleError as error:
            masked = mend(batches, self._epoch, rows, ready, error)
        loaded = time.perf_counter()
        if batches.augment and batches.runtime.sample_hooks:
            self._augment_samples(start, stop, ready)
        augmented = time.perf_counter()
        for each, array, row in zip(batches.loaded, out, ready, strict=True):
            if row is not array:
                _deliver(each, row, array)
        for place, prepare in batches.runtime.preparations:
            prepare(out[place])
        if masked:
            self._mask(start, masked)
        batches.runtime.meter.add(
            samples=len(rows),
            kept=kept,
            load=loaded - began,
            augment=augmented - loaded,
            deliver=time.perf_counter() - augmented,
        )

    def finish(self) -> tuple[Any, ...]:
        """Encode the labels, weigh the samples, and return what Keras is handed."""
        batches = self._batches
        began = time.perf_counter()
        arrays = iter(self._arrays)
        inputs = {each.name: next(arrays) for each in batches.inputs}
        targets = {
            each.name: next(arrays) if isinstance(each, LoadedField) else each.encode(self._rows)
            for each in batches.targets
        }
        weight: Any = self._weigh()
        mixed: list[Any] = []
        encoded = time.perf_counter()
        if batches.augment and batches.runtime.batch_hooks:
            for each in batches.targets:  # an encoder may keep what it returned
                if isinstance(each, EncodedField):
                    targets[each.name] = targets[each.name].copy()
            batch = self._batch(inputs, targets, weight)
            self._call(batches.runtime.batch_hooks, "augment_batch", batch, 0, len(self))
            mixed = batch.mixed
            inputs = _checked(batch.inputs, inputs, len(self))
            targets = _checked(batch.targets, targets, len(self))
            weight = _checked_weight(batch.sample_weight, len(self))
            if batches.errors.on_error == "mask":
                # A copy: what an augmenter left may be its own, and of all batches.
                weight = np.ones(len(self), np.float32) if weight is None else weight.copy()
                weight[self._masked] = 0
        weight = self._weigh_outputs(weight, targets, mixed)
        batches.runtime.meter.add(
            encode=encoded - began,
            augment=time.perf_counter() - encoded,
            bytes=sum(array.nbytes for array in self._arrays),
        )
        x: Any = next(iter(inputs.values()))
        if batches.nested_inputs:
            x = formed(batches.input_form, inputs)
        y: Any = x if batches.echo else None
        if targets:
            y = next(iter(targets.values()))
            if batches.nested_targets:
                y = formed(batches.target_form, targets)
                weight = formed(batches.target_form, weight) if isinstance(weight, dict) else weight
        elif weight is None and not batches.echo:
            return (x,)
        return (x, y) if weight is None else (x, y, weight)

    def _mask(self, start: int, places: Sequence[int]) -> None:
        """Make zeros of samples, whatever augmenters made of them."""
        for each, array in zip(self._batches.loaded, self._arrays, strict=True):
            array[[start + place for place in places]] = each.spec.blank
        self._masked.extend(start + place for place in places)

    def _weigh(self) -> NDArray[np.float32] | None:
        batches, weight = self._batches, None
        if batches.sample_weight is not None:
            weight = batches.sample_weight[self._rows]
        if batches.class_weight is not None:
            assert batches.classed is not None
            by_class = batches.class_weight[batches.classed.labels[self._rows]]
            weight = by_class if weight is None else weight * by_class
        # In every batch: Keras expects them all alike.
        if batches.errors.on_error == "mask" or batches.order.pad:
            weight = np.ones(len(self._rows), np.float32) if weight is None else weight
            weight[self._masked] = 0
        return weight

    def _weigh_outputs(
        self, weight: NDArray[Any] | None, targets: dict[str, NDArray[Any]], mixed: list[Any]
    ) -> Any:
        """Weigh the classes of each target by itself, and of a mask at every pixel."""
        given = self._batches.output_weight
        if given is None:
            return weight
        weight = np.ones(len(self), np.float32) if weight is None else weight
        weights = dict.fromkeys(targets, weight)
        for each in self._batches.targets:
            by_class = given.get(each.name)
            if isinstance(by_class, PixelWeights):
                assert isinstance(each, LoadedField)
                weights[each.name] = by_class.weigh(targets[each.name], each.spec, weight)
            elif by_class is not None:
                assert isinstance(each, EncodedField)
                classes = by_class[each.labels[self._rows]]
                for partners, share in mixed:
                    classes = share * classes + (1 - share) * classes[partners]
                weights[each.name] = weight * classes
        return weights if self._batches.nested_targets else next(iter(weights.values()))

    def _batch(
        self, inputs: dict[str, NDArray[Any]], targets: dict[str, NDArray[Any]], weight: Any
    ) -> Batch:
        """Return the batch that augmenters are given, whose dicts are its own."""
        draws = Draws(0, 0, self._rows[:0])  # each augmenter gets its own
        return Batch(dict(inputs), dict(targets), weight, draws, *self._batches.specs)

    def _augment_samples(self, start: int, stop: int, ready: list[NDArray[Any]]) -> None:
        batches = self._batches
        named = list(zip(batches.loaded, ready, strict=True))
        inputs = {each.name: row for each, row in named[: len(batches.inputs)] if row.size}
        targets = {each.name: row for each, row in named[len(batches.inputs) :] if row.size}
        batch = self._batch(inputs, targets, None)
        self._call(batches.runtime.sample_hooks, "augment_samples", batch, start, stop)
        for given, left in ((inputs, batch.inputs), (targets, batch.targets)):
            for name, row in given.items():
                if left.get(name) is not row:
                    raise PluginError(
                        f"An augmenter replaced the array of {name!r} in its batch."
                        " augment_samples must change arrays in place: batch.inputs[name][...] = …"
                    )

    def _call(
        self, hooks: list[tuple[int, Any]], hook: str, batch: Batch, start: int, stop: int
    ) -> None:
        batches, rows = self._batches, self._rows[start:stop]
        numbers = rows if self._turns is None else rows + self._turns[start:stop]
        for stream, relayed in hooks:
            batch.draws = Draws(batches.order.seed, self._epoch, numbers, stream)
            try:
                getattr(relayed, hook)(batch=batch)
            except PenstockError:
                raise
            except Exception as error:
                raise PluginError(
                    f"The augmenter {batches.runtime.names[stream]} failed on rows {rows[0]}"
                    f" and {len(rows) - 1} more:"
                    f" {type(error).__name__}: {quote(str(error))}."
                    " Check that it suits the arrays it is given: "
                    + ", ".join(f"{k} {v.dtype}{v.shape}" for k, v in batch.inputs.items())
                    + "."
                ) from error


def _deliver(each: LoadedField, loaded: NDArray[Any], out: NDArray[Any]) -> None:
    spec = each.spec
    if spec.data_format == "channels_first":
        out = np.moveaxis(out, 1, -1) if out.ndim > 2 else out
    if loaded.shape != out.shape:  # a sample of varying size is cut
        loaded = loaded[tuple(map(slice, out.shape))]
    if spec.scale == 1.0:
        np.copyto(out, loaded, casting="unsafe")
    else:
        np.multiply(loaded, out.dtype.type(spec.scale), out=out, casting="unsafe")


def _checked(
    left: dict[str, NDArray[Any]], given: dict[str, NDArray[Any]], count: int
) -> dict[str, NDArray[Any]]:
    """Return what augmenters of a batch left, if Keras can be handed it."""
    if not isinstance(left, dict) or left.keys() != given.keys():
        raise PluginError(
            f"An augmenter left {quote(list(left))} in its batch, which had {quote(list(given))}."
            " augment_batch must keep the names of arrays."
        )
    for name, array in left.items():
        kept = array is given[name]
        if not kept and (
            not isinstance(array, np.ndarray)
            or array.shape[:1] != (count,)
            or array.dtype.kind not in "biuf"
        ):
            found = f"{array.dtype}{array.shape}" if isinstance(array, np.ndarray) else quote(array)
            raise PluginError(
                f"An augmenter left {found} as {name!r} in a batch of {count}."
                f" augment_batch must leave an array of numbers whose first axis is {count}."
            )
    # As Keras does: float64 takes twice the memory and teaches nothing.
    return {
        name: array.astype(np.float32)
        if array.dtype == np.float64 and array is not given[name]
        else array
        for name, array in left.items()
    }


def _checked_weight(weight: Any, count: int) -> NDArray[np.float32] | None:
    if weight is None:
        return None
    if (
        not isinstance(weight, np.ndarray)
        or weight.shape != (count,)
        or weight.dtype.kind not in "biuf"
    ):
        raise PluginError(
            f"An augmenter left {quote(weight)} as sample_weight of a batch of {count}."
            f" augment_batch must leave None, or one number per sample."
        )
    return weight.astype(np.float32, copy=False)
