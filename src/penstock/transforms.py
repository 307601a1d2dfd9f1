"""Other libraries' transforms as augmenters, recognised without importing those libraries."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, PluginError
from penstock.hookspecs import hookimpl
from penstock.persample import augmenter, in_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["AlbumentationsTransform", "KerasLayer", "as_augmenter"]


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

    It runs one sample at a time under a lock: a layer keeps its random state
    in itself. Penstock's own augmenters are many times faster.

    Args:
        layer: The layer; it must keep the shape.
    """

    layer: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lock", threading.Lock())

    @hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Call the layer, as in training, on every input of rank 3."""
        seeds = batch.draws.integers(0, 2**31, size=2)
        for array in _images(batch.inputs):
            for row, seed in zip(array, seeds, strict=True):
                with self._lock:  # type: ignore[attr-defined]
                    for generator in _seed_generators(self.layer):
                        generator.state.assign(seed.astype(np.uint32))
                    changed = self.layer(row[None].astype(np.float32), training=True)
                _replace(row, np.asarray(changed)[0], self.layer)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the lock behind."""
        return {"layer": self.layer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "layer", state["layer"])
        self.__post_init__()


@dataclass(frozen=True, eq=False)
class AlbumentationsTransform:
    """An Albumentations transform or ``Compose``, with each sample's own seed.

    It is applied to inputs of rank 3 as images, and to loaded targets of rank 3
    as masks, with the same parameters for a sample's image and masks.

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
    def augment_samples(self, batch: Batch) -> None:
        """Call the transform on each sample."""
        images, masks = _images(batch.inputs), _images(batch.targets)
        transform = self._of_this_thread()
        for place, seed in enumerate(batch.draws.integers(0, 2**31)):
            for array in images:
                transform.set_random_seed(int(seed))
                row = array[place]
                given = {"masks": [mask[place] for mask in masks]} if masks else {}
                result = transform(image=row.copy(), **given)
                _replace(row, result["image"], self.transform)
                for mask, changed in zip(masks, result.get("masks", ()), strict=True):
                    if array is images[-1]:
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


def _images(arrays: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    return [array for array in arrays.values() if array.ndim == 4]


def _replace(row: NDArray[Any], changed: Any, transform: Any) -> None:
    values = np.asarray(changed)
    if values.shape != row.shape:
        raise PluginError(
            f"{type(transform).__name__} turned a sample of shape {row.shape} into {values.shape}."
            " An augmenter must keep the shape; resize where the samples are loaded."
        )
    row[...] = in_dtype(values, row.dtype)


def _seed_generators(layer: Any) -> list[Any]:
    """Find the seed generators of a Keras layer and the layers in it."""
    return [
        value
        for each in layer._flatten_layers()  # noqa: SLF001 - Keras has no public way
        for value in vars(each).values()
        if type(value).__name__ == "SeedGenerator"
    ]
