"""Other libraries' transforms as augmenters, recognised without importing those libraries."""

from __future__ import annotations

import copy
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, PluginError, quote
from penstock.forks import renew_after_fork
from penstock.hookspecs import hookimpl
from penstock.persample import augmenter, in_dtype, refuse_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["AlbumentationsTransform", "KerasLayer", "as_augmenter"]

_KERAS = threading.Lock()
"""One for all: generators may share a layer, or a layer of a layer."""
renew_after_fork(sys.modules[__name__], "_KERAS")

_IN_PLACE = {"Dropout", "GaussianDropout", "GaussianNoise", "Normalization", "Rescaling"}
"""Layers that change values and move nothing, and do not know masks."""


def as_augmenter(given: Any) -> Any:
    """Make an augmenter of a function, a Keras layer or an Albumentations transform.

    Raises:
        ConfigError: It is none of them.
    """
    libraries = {kind.__module__.partition(".")[0] for kind in type(given).__mro__}
    if "keras" in libraries and hasattr(given, "call"):
        return KerasLayer(given)
    if "albumentations" in libraries:
        return AlbumentationsTransform(given)
    if not callable(given):
        raise ConfigError(
            f"{type(given).__name__} is no augmenter: give a name, a component, a function"
            " (array, generator) -> array, a Keras layer or an Albumentations transform."
        )
    return augmenter(given)()


@dataclass(frozen=True, eq=False)
class KerasLayer:
    """A Keras preprocessing layer, applied to each sample with that sample's own seed.

    It is applied to inputs of rank 3 as images, and to loaded targets of rank 3
    (or of an image's height and width) as masks, with the same parameters for a
    sample's images and masks. It runs one sample at a time under a lock: a layer
    keeps its random state in itself. Penstock's own augmenters are many times
    faster.

    Args:
        layer: The layer, or a ``keras.Sequential`` of them; it must keep the shape.
    """

    layer: Any

    @hookimpl
    def check_specs(self, input_specs: Mapping[str, ArraySpec]) -> None:
        """Refuse inputs none of which is an image."""
        _refuse_without_images(self.layer, input_specs)

    @hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Call the layer, as in training, on every sample."""
        images, masks = _images(batch.inputs), _masks(batch)
        stages = _stages(self.layer)
        if masks:
            _refuse_without_masks(stages)
        for layer in (each for each, _ in stages if type(each).__name__ not in _IN_PLACE):
            refuse_places(batch, f"Keras' layer {type(layer).__name__}, called here,", "")
        for place, seed in enumerate(batch.draws.integers(0, 2**31, size=2).astype(np.uint32)):
            rows = [array[place] for array in (*images, *masks)]
            changed = [row[None].astype(np.float32) for row in rows]
            for stage, generators in stages:
                changed = _applied(stage, generators, seed, changed, len(images))
            for row, values in zip(rows, changed, strict=True):
                _replace(row, values[0], self.layer)


@dataclass(frozen=True, eq=False)
class AlbumentationsTransform:
    """An Albumentations transform or ``Compose``, with each sample's own seed.

    It is applied to inputs of rank 3 as images, and to loaded targets of rank 3
    (or of an image's height and width) as masks, with the same parameters for a
    sample's image and masks.

    Args:
        transform: The transform; it must keep the shape.
    """

    transform: Any

    def __post_init__(self) -> None:
        if not hasattr(self.transform, "set_random_seed"):
            raise ConfigError(
                f"{type(self.transform).__name__} has no set_random_seed(), so that its results"
                " could not be repeated. Update albumentations to 1.4.19 or newer."
            )
        object.__setattr__(self, "_threads", threading.local())

    @hookimpl
    def check_specs(self, input_specs: Mapping[str, ArraySpec]) -> None:
        """Refuse inputs none of which is an image."""
        _refuse_without_images(self.transform, input_specs)

    @hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Call the transform on each sample."""
        images, masks = _images(batch.inputs), _masks(batch)
        transform = self._of_this_thread()
        if not _is_of_images_only(transform):
            refuse_places(batch, f"Albumentations' {type(transform).__name__}, called here,", "")
        for place, seed in enumerate(batch.draws.integers(0, 2**31)):
            # One call for an image and the masks over it; further images are called alike.
            for array, over in zip(images, [masks, *[[]] * len(images)], strict=False):
                transform.set_random_seed(int(seed))
                given = {"masks": [mask[place].copy() for mask in over]} if over else {}
                result = transform(image=array[place].copy(), **given)
                _replace(array[place], result["image"], self.transform)
                for mask, changed in zip(over, result.get("masks", ()), strict=True):
                    _replace(mask[place], changed, self.transform)

    def _of_this_thread(self) -> Any:
        """A transform draws from a generator of its own: every thread has a copy."""
        mine = self._threads.__dict__  # type: ignore[attr-defined]
        if "transform" not in mine:
            mine["transform"] = copy.deepcopy(self.transform)
        return mine["transform"]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the threads' copies behind."""
        return {"transform": self.transform}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "transform", state["transform"])
        self.__post_init__()


def _refuse_without_images(transform: Any, specs: Mapping[str, ArraySpec]) -> None:
    if not any(len(spec.shape) == 3 for spec in specs.values()):
        found = ", ".join(f"{quote(k)} is {v.dtype} of shape {v.shape}" for k, v in specs.items())
        raise ConfigError(
            f"{type(transform).__name__} in augment= is called with images, arrays of shape"
            f" (height, width, channels), and there are none: {found}. Leave it out, or give a"
            " function (array, generator) -> array, which is called with arrays of any shape."
        )


def _images(arrays: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    return [array for array in arrays.values() if array.ndim == 4]


def _masks(batch: Batch) -> list[NDArray[Any]]:
    """Return the loaded targets that move with an image, with an axis of channels."""
    sizes = {array.shape[1:3] for array in _images(batch.inputs)}
    return [
        array if array.ndim == 4 else array[..., None]
        for array in batch.targets.values()
        if array.ndim == 4 or (array.ndim == 3 and array.shape[1:] in sizes)
    ]


def _is_of_images_only(transform: Any) -> bool:
    """Say whether a transform of Albumentations moves no pixels."""
    parts = getattr(transform, "transforms", None)
    if parts is not None:
        return all(map(_is_of_images_only, parts))
    return "ImageOnlyTransform" in {kind.__name__ for kind in type(transform).__mro__}


def _replace(row: NDArray[Any], changed: Any, transform: Any) -> None:
    values = np.asarray(changed)
    if (*values.shape, 1) == row.shape:
        values = values[..., None]  # OpenCV drops a single channel
    if values.shape != row.shape:
        raise PluginError(
            f"{type(transform).__name__} turned a sample of shape {row.shape} into {values.shape}."
            " An augmenter must keep the shape; resize where the samples are loaded."
        )
    row[...] = in_dtype(values, row.dtype)


def _applied(
    layer: Any,
    generators: list[Any],
    seed: NDArray[np.uint32],
    sample: list[NDArray[Any]],
    count: int,
) -> list[NDArray[Any]]:
    """Return a sample's *count* images and its masks after one Keras layer, all by one seed."""
    changed = []
    for place, array in enumerate(sample):
        if place >= count and not _takes_masks(layer):
            changed.append(array)
            continue
        given = array if place < count else {"images": sample[0], "segmentation_masks": array}
        with _KERAS:
            for generator in generators:
                generator.state.assign(seed)
            result = layer(given, training=True)
        changed.append(np.asarray(result if place < count else result["segmentation_masks"]))
    return changed


def _stages(layer: Any) -> list[tuple[Any, list[Any]]]:
    """Return the layers that one consists of, each with its seed generators."""
    if {kind.__name__ for kind in type(layer).__mro__} & {"Pipeline", "Sequential"}:
        return [stage for each in layer.layers for stage in _stages(each)]
    return [(layer, _seed_generators(layer))]


def _refuse_without_masks(stages: list[tuple[Any, list[Any]]]) -> None:
    for layer, _ in stages:
        name = type(layer).__name__
        if not _takes_masks(layer) and name not in _IN_PLACE:
            raise ConfigError(
                f"Keras' layer {name} does not say what becomes of masks, and the batch has a"
                " loaded target of rank 3, which must move with its image. Use one of Keras'"
                " preprocessing layers, Albumentations, or an augmenter of your own."
            )


def _takes_masks(layer: Any) -> bool:
    return hasattr(layer, "transform_segmentation_masks")


def _seed_generators(layer: Any) -> list[Any]:
    """Find the seed generators of a Keras layer and the layers in it."""
    return [
        value
        for each in layer._flatten_layers()  # noqa: SLF001 - Keras has no public way
        for value in vars(each).values()
        if type(value).__name__ == "SeedGenerator"
    ]
