"""Samples of varying size in one batch: how large it is, what stands beside them, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.sizes import sizes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batches import Batches
    from penstock.fields import LoadedField

__all__ = [
    "Padding",
    "across",
    "batch_outline",
    "fill_beside",
    "mapped",
    "mask_name",
    "outline",
    "real",
    "unmarked",
    "unpadded",
]


@dataclass(frozen=True)
class Padding:
    """How samples of varying size become batches.

    Attributes:
        to: The size of every batch, per varying axis of a field or for all of them; None for
            the largest of its samples. Longer samples are cut.
        multiple: What sizes are rounded up to a multiple of.
        values: What padding is filled with, by field name; 0, or an empty string, by default.
        mask: Whether masks are inputs too.
        weigh: Whether targets of varying size get a weight of 0 where they are padded.
    """

    to: tuple[int | None, ...] | int | None = None
    multiple: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    mask: bool = False
    weigh: bool = True

    def sizes(self, measured: NDArray[np.int32]) -> list[int]:
        """Return the padded sizes of a batch, given those of its samples, of shape ``(n, k)``."""
        axes = measured.shape[1]
        fixed = self.to if isinstance(self.to, tuple) else (self.to,) * axes
        largest = np.maximum(measured.max(axis=0), 1).tolist()
        return [
            -(-most // self.multiple) * self.multiple if size is None else size
            for size, most in zip(fixed, largest, strict=True)
        ]

    def shape(self, spec: ArraySpec) -> tuple[int | None, ...]:
        """Return the shape of one padded sample, as delivered; None where batches differ."""
        fixed = self.to if isinstance(self.to, tuple) else (self.to,) * len(spec.varying)
        return spec.delivered(spec.sized(fixed))  # type: ignore[arg-type]

    def value(self, each: LoadedField) -> Any:
        """Return what the padding of a field is filled with."""
        return self.values.get(each.name, "" if each.spec.deliver_dtype.hasobject else 0)


def mask_name(name: str) -> str:
    """Return the name of the mask of an input."""
    return f"{name}_mask"


def across(spec: ArraySpec, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return those sizes of a delivered *shape* that vary: the shape of a mask."""
    return tuple(
        size for size, given in zip(shape, spec.deliver_shape, strict=True) if given is None
    )


def real(spec: ArraySpec, sizes: NDArray[np.int32], padded: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where a batch holds samples and no padding.

    Args:
        spec: The description of a sample.
        sizes: Their sizes, of shape ``(n, k)``.
        padded: The shape of a padded sample, as delivered.

    Returns:
        Booleans of shape ``(n, …)``, with an axis for each that varies, in the order in
        which they are delivered.
    """
    exact = np.array([across(spec, spec.delivered(spec.sized(each))) for each in sizes.tolist()])
    most = across(spec, padded)
    mask = np.ones((len(sizes), *most), np.bool_)
    for axis, size in enumerate(most):
        ends = exact[:, axis].reshape(-1, *[1] * len(most))
        along = np.arange(size).reshape(-1, *[1] * (len(most) - axis - 1))
        mask &= along < ends
    return mask


def fill_beside(array: NDArray[Any], exact: tuple[int, ...], value: Any) -> None:
    """Fill what is no part of samples of shape *exact* in an array of shape ``(n, …)``."""
    for axis, size in enumerate(exact):
        if size < array.shape[axis + 1]:
            array[(*[slice(None)] * (axis + 1), slice(size, None))] = value


def outline(batches: Batches, shapes: Mapping[str, tuple[Any, ...]], batch: Any) -> tuple[Any, ...]:
    """Return the shapes of one sample in the places where *batch* has arrays.

    Args:
        batches: What made it.
        shapes: The delivered shapes of one sample, by the names of fields of varying size.
        batch: ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, of arrays or dicts of them.

    Returns:
        The same structure, with None for what does not vary.
    """
    masks = {each.name: across(each.spec, shapes[each.name]) for each in _varying(batches)}
    x = {**shapes, **{mask_name(name): shape for name, shape in masks.items()}}
    first = batches.inputs[0].name
    targets = batches.inputs if batches.echo else batches.targets
    only = targets[0].name if targets else ""
    parts = ((x, first), (shapes, only), (masks, only))
    return tuple(
        _outlines(part, known) if isinstance(part, dict) else known.get(alone)
        for part, (known, alone) in zip(batch, parts, strict=False)
    )


def _outlines(part: dict[str, Any], known: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    return {
        name: _outlines(each, known, f"{above}{name}/")
        if isinstance(each, dict)
        else known.get(above + name)
        for name, each in part.items()
    }


def batch_outline(batches: Batches, batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return ``outline`` with None for each size that differs from batch to batch."""
    padding, varying = batches.padding, _varying(batches)
    shapes = {each.name: padding.shape(each.spec) for each in varying} if padding else {}
    return outline(batches, shapes, batch)


def unmarked(batches: Batches) -> Batches:
    """Return *batches* without masks, and without weights of what is padded."""
    if batches.padding is None:
        return batches
    return replace(batches, padding=replace(batches.padding, mask=False, weigh=False))


def unpadded(
    batches: Batches, rows: NDArray[np.int64], samples: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Cut the padding off *samples*, which are in *rows* of the table."""
    varying = _varying(batches)
    measured = {each.name: sizes_of(each, rows).tolist() for each in varying}
    for place, sample in enumerate(samples):
        shapes = {
            each.name: each.spec.delivered(each.spec.sized(measured[each.name][place]))
            for each in varying
        }
        yield mapped(_cut, sample, outline(batches, shapes, sample))


def _cut(array: Any, shape: tuple[int, ...]) -> Any:
    return array[tuple(map(slice, shape))]


def mapped(change: Callable[[Any, Any], Any], batch: Any, outlines: Any) -> Any:
    """Return *batch* with each array that has an outline changed: ``change(array, shape)``."""
    if isinstance(batch, tuple):
        return tuple(mapped(change, *pair) for pair in zip(batch, outlines, strict=True))
    if isinstance(batch, Mapping):
        return {name: mapped(change, part, outlines[name]) for name, part in batch.items()}
    return batch if outlines is None or batch is None else change(batch, outlines)


def _varying(batches: Batches) -> list[LoadedField]:
    return [each for each in batches.loaded if each.sizes is not None]
