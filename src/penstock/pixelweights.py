"""Weights of the classes of a mask: a sample weight for every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.fields import LoadedField

__all__ = ["PixelWeights", "is_mask", "pixel_weights"]

_LARGEST = 65_535  # of a class number: the table has a place for each


@dataclass(frozen=True, eq=False)
class PixelWeights:
    """Weights of class numbers; a number that is not named has the weight 1.

    Attributes:
        first: The class number of the table's first weight.
        table: float32: the weights of the numbers from there on. The first and the last
            stand for all numbers before and after.
    """

    first: int
    table: NDArray[np.float32]

    def weigh(
        self, mask: NDArray[Any], spec: ArraySpec, weight: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Return a weight for every pixel.

        Args:
            mask: The mask as it is delivered, of shape ``(n, h, w)`` or with one channel.
            spec: What the loader said of it.
            weight: A weight per sample, of shape ``(n,)``.

        Returns:
            float32 of shape ``(n, h, w)``, as a loss of Keras has a value per pixel.
        """
        if len(spec.shape) == 3:
            mask = mask[:, 0] if spec.data_format == "channels_first" else mask[..., 0]
        # What was scaled on delivery is a class number again.
        numbers = mask if mask.dtype.kind in "biu" else np.rint(mask / spec.scale)
        places = numbers.astype(np.int64)
        places -= self.first
        np.clip(places, 0, len(self.table) - 1, out=places)
        weights = self.table[places]
        weights *= weight[:, None, None]
        return weights


def is_mask(field: LoadedField, sizes: Collection[tuple[int, ...]]) -> bool:
    """Say whether a loaded target has a class number for each pixel of an image.

    Args:
        field: The target.
        sizes: (height, width) of the images among the inputs.
    """
    shape = field.spec.shape
    flat = shape[:2] if len(shape) == 3 and shape[-1] == 1 else shape
    return len(flat) == 2 and flat in sizes and field.spec.dtype.kind in "biuf"


def pixel_weights(given: Any, name: str) -> PixelWeights:
    """Return the weights of a mask's classes.

    Args:
        given: A mapping from class number to weight.
        name: The target's name.

    Raises:
        ConfigError: It is none, or a number or weight in it cannot be.
    """
    if not isinstance(given, Mapping) or not given:
        why = " To balance them, every mask would have to be counted first." * (given == "balanced")
        raise ConfigError(
            f"class_weight={quote(given)} was given for the mask {quote(name)}.{why}"
            " Give a dict from class number to weight: {0: 0.2, 1: 5.0}."
        )
    for number, weight in given.items():
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or abs(int(number)) > _LARGEST:
            raise ConfigError(
                f"class_weight= names the class {quote(number)} of the mask {quote(name)}, whose"
                f" pixels are class numbers. Give whole numbers of at most {_LARGEST}."
            )
        plain = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not plain or not (np.isfinite(weight) and weight >= 0):
            raise ConfigError(
                f"class_weight= gives {quote(number)} the weight {quote(weight)}; it must be a"
                " finite number of at least 0."
            )
    first = min(map(int, given)) - 1
    table = np.ones(max(map(int, given)) - first + 2, np.float32)
    for number, weight in given.items():
        table[int(number) - first] = weight
    return PixelWeights(first, table)
