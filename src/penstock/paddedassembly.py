"""One batch of samples of varying size in the making."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.assembly import Assembly
from penstock.errors import SampleError, TooManyErrors
from penstock.failures import replacement
from penstock.fields import LoadedField
from penstock.padding import fill_beside, mask_name, real
from penstock.sizes import sizes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.memory import Pool

__all__ = ["PaddedAssembly"]


class PaddedAssembly(Assembly):
    """As ``Assembly``, padded to the largest sample of the batch.

    Its samples are measured by the first thread that fills a slice, and then it
    is allocated. Samples are loaded and augmented in their own size, those of
    one size that follow one another together, and padded afterwards: neither a
    loader nor an augmenter sees padding, and what becomes of a sample does not
    depend on which others are in its batch. What replaces a sample that cannot be
    loaded comes last, when all others are there.
    """

    def _leased(self, pool: Pool) -> list[NDArray[Any]]:
        self._pool = pool
        self._lock = threading.Lock()
        self._sizes: dict[str, NDArray[np.int32]] = {}
        self._lost: list[int] = []
        self._empty: list[int] = []  # places of samples that others are to replace
        return []

    def fill(self, start: int, stop: int) -> None:
        """Load, augment, deliver and pad samples *start* to *stop* of the batch."""
        with self._lock:
            if not self._arrays:
                self._arrays = self._allocated()
        for first, last in self._runs(start, stop):
            self._fill_alike(first, last, lost=first in self._lost)

    def _fill_alike(self, first: int, last: int, *, lost: bool = False) -> None:
        """Fill what samples of one size take up, and pad it."""
        loaded = self._batches.loaded
        shapes = [self._shape(each, first) for each in loaded]
        windows = [
            array[(slice(first, last), *map(slice, each.spec.delivered(shape)))]
            for each, array, shape in zip(loaded, self._arrays, shapes, strict=True)
        ]
        if lost:
            self._mask(first, range(last - first))
            self._batches.runtime.meter.add(samples=last - first)
        else:
            self._fill(first, last, shapes, windows)
        for each, array, shape in zip(loaded, self._arrays, shapes, strict=True):
            if each.sizes is not None:
                value = self._padding.value(each)
                fill_beside(array[first:last], each.spec.delivered(shape), value)

    def finish(self) -> tuple[Any, ...]:
        """Replace what cannot be loaded, go on as all do, and put masks beside the inputs."""
        if self._empty:
            self._replace(sorted(self._empty))
        x, *others = super().finish()
        if self._padding.mask:
            inputs = self._batches.inputs
            masks = {
                mask_name(each.name): self._real(each) for each in inputs if each.sizes is not None
            }
            x = {**(x if isinstance(x, dict) else {inputs[0].name: x}), **masks}
        return (x, *others)

    def _mask(self, start: int, places: Sequence[int]) -> None:
        if self._batches.errors.on_error == "skip":
            self._empty.extend(start + place for place in places)
        else:
            super()._mask(start, places)

    def _replace(self, places: list[int]) -> None:
        """Put other samples in the places of those that cannot be loaded, and pad the batch anew.

        It is as large as the largest of the samples that are in it after all.
        """
        for place in places:
            row = int(self._rows[place])
            self._rows[place] = replacement(self._batches, self._epoch, row, self._loads)
        for which, each in enumerate(self._batches.loaded):
            if each.sizes is not None:
                measured = self._sizes[each.name] = each.sizes.of(self._rows)
                self._arrays[which] = self._resized(each, self._arrays[which], measured)
        self._empty.clear()
        for place in places:
            self._fill_alike(place, place + 1)
        if self._empty:
            raise TooManyErrors(
                f"The sample in row {self._rows[self._empty[0]]} could be loaded, and then could"
                " not, when it was to replace another."
            )

    def _loads(self, row: int) -> SampleError | None:
        try:
            for each in self._batches.loaded:
                each.each(np.array([row]))
        except SampleError as error:
            return error
        return None

    def _resized(
        self, each: LoadedField, array: NDArray[Any], measured: NDArray[np.int32]
    ) -> NDArray[Any]:
        """Return a batch of a field in the size that its samples need now."""
        spec = each.spec
        shape = spec.delivered(spec.sized(self._padding.sizes(measured)))
        if shape == array.shape[1:]:
            return array
        common = tuple(map(min, shape, array.shape[1:]))
        inside = (slice(None), *map(slice, common))
        resized = self._pool.lease((len(self), *shape), spec.deliver_dtype, varying=True)
        resized[inside] = array[inside]
        fill_beside(resized, common, self._padding.value(each))
        return resized

    @property
    def _padding(self) -> Any:
        return self._batches.padding

    def _shape(self, each: LoadedField, place: int) -> tuple[int, ...]:
        """Return the shape in which the sample at *place* is loaded."""
        if each.sizes is None:
            return each.spec.shape
        return each.spec.sized(self._sizes[each.name][place].tolist())

    def _allocated(self) -> list[NDArray[Any]]:
        arrays = []
        for each in self._batches.loaded:
            spec, shape = each.spec, each.spec.shape
            if each.sizes is not None:
                measured = self._sizes[each.name] = sizes_of(each, self._rows, self._failed)
                shape = spec.sized(self._padding.sizes(measured))
            arrays.append(
                self._pool.lease(
                    (len(self), *spec.delivered(shape)),
                    spec.deliver_dtype,
                    varying=each.sizes is not None,
                )
            )
        return arrays

    def _failed(self, place: int, error: SampleError) -> None:
        """Take note of a sample that cannot be measured."""
        batches, row = self._batches, int(self._rows[place])
        batches.runtime.failures.note(row, error)
        if batches.errors.on_error == "raise":
            raise error
        self._lost.append(place)

    def _runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Divide a slice into stretches of samples of one size."""
        columns = [sizes[start:stop] for sizes in self._sizes.values()]
        lost = np.isin(np.arange(start, stop), self._lost)
        table = np.concatenate([*columns, lost[:, None]], axis=1)
        edges = np.flatnonzero((table[1:] != table[:-1]).any(axis=1)) + 1
        bounds = [start, *(start + edges).tolist(), stop]
        return list(pairwise(bounds))

    def _real(self, each: LoadedField) -> NDArray[np.bool_]:
        shapes = {
            known.name: array.shape[1:]
            for known, array in zip(self._batches.loaded, self._arrays, strict=True)
        }
        return real(each.spec, self._sizes[each.name], shapes[each.name])

    def _weigh_outputs(self, weight: Any, targets: dict[str, NDArray[Any]], mixed: Any) -> Any:
        """Give what is padded in a target a weight of 0."""
        batches, weight = self._batches, super()._weigh_outputs(weight, targets, mixed)
        fields = batches.inputs if batches.echo else batches.targets
        varying = [
            each for each in fields if isinstance(each, LoadedField) and each.sizes is not None
        ]
        if not varying or not self._padding.weigh:
            return weight
        if not isinstance(weight, dict):
            weight = np.ones(len(self), np.float32) if weight is None else weight
            weight = {each.name: weight for each in fields}
        for each in varying:
            mask = self._real(each)
            own = weight[each.name]
            weight[each.name] = own.reshape(*own.shape, *[1] * (mask.ndim - own.ndim)) * mask
        nested = batches.nested_inputs if batches.echo else batches.nested_targets
        return weight if nested else weight[fields[0].name]
