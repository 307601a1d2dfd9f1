"""The loader of arrays in memory that are not all of one size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrays import as_array, packed, unpacked
from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["RaggedArrays", "is_ragged"]


def is_ragged(given: Any) -> bool:
    """Say whether something is a list of arrays, or of lists, that are not all of one size."""
    if isinstance(given, np.ndarray):
        cells = given.dtype.hasobject and given.ndim == 1 and len(given) > 0
        return cells and isinstance(given[0], (list, tuple, np.ndarray))
    if not isinstance(given, (list, tuple)) or not given:
        return False
    return len({_shape(each) for each in given}) > 1


def _shape(cell: Any) -> tuple[int, ...]:
    """Return the shape of an array, or that of a list as its first cells have it."""
    shape = getattr(cell, "shape", None)
    if shape is not None:
        return tuple(shape)
    if isinstance(cell, (list, tuple)):
        return (len(cell), *(_shape(cell[0]) if cell else ()))
    return ()


@dataclass(frozen=True, eq=False)
class RaggedArrays:
    """Arrays of different sizes, a sample each, delivered as ``Arrays`` delivers rows.

    They are not copied, but for lists, which become arrays; memory-maps stay where they are.

    Args:
        arrays: The samples: arrays of numbers, booleans or strings, or lists of them, all with
            the same number of axes. An axis varies where two of them differ in it.

    Raises:
        ConfigError: One is no such array, or has another number of axes.
    """

    arrays: Sequence[Any]
    _sizes: NDArray[np.int64] = field(init=False, repr=False)
    _varying: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        arrays = [as_array(each) for each in self.arrays]
        first = next((each for each in arrays if each.size), arrays[0])
        kinds = "U" if first.dtype.kind == "U" else "biuf"
        for place, array in enumerate(arrays):
            # An empty list is an array of floats, and says nothing.
            if (
                array.ndim != first.ndim
                or not array.ndim
                or (array.size and array.dtype.kind not in kinds)
            ):
                raise ConfigError(
                    f"Samples of different sizes were given, and sample {place} is"
                    f" {quote(self.arrays[place])}: {array.dtype} with {array.ndim} axes. Give"
                    " arrays of numbers, or lists of them, or all of strings, with as many axes"
                    f" each, such as {max(first.ndim, 1)}. For several inputs give a dict."
                )
        sizes = np.array([array.shape for array in arrays], np.int64)
        object.__setattr__(self, "arrays", arrays)
        object.__setattr__(self, "_sizes", sizes)
        object.__setattr__(self, "_varying", (sizes != sizes[0]).any(axis=0) | (sizes[0] == 0))

    @hookimpl
    def pick_samples(self) -> NDArray[np.int64]:
        """Pick the places of arrays in their list."""
        return np.arange(len(self.arrays), dtype=np.int64)

    @hookimpl
    def describe_sample(self) -> ArraySpec:
        """Describe an array, with None for each axis in which they differ."""
        axes = zip(self._sizes[0].tolist(), self._varying.tolist(), strict=True)
        shape = tuple(None if varies else size for size, varies in axes)
        kinds = {array.dtype for array in self.arrays if array.size} or {self.arrays[0].dtype}
        dtype = np.result_type(*kinds)
        return ArraySpec(shape, dtype, deliver_dtype=np.float32 if dtype.kind == "f" else None)

    @hookimpl
    def measure_samples(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Look sizes up."""
        return self._sizes[samples][:, self._varying]

    @hookimpl
    def load_samples(self, samples: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Copy arrays."""
        for row, place in zip(out, samples.tolist(), strict=True):
            row[...] = self.arrays[place]

    def __getstate__(self) -> dict[str, Any]:
        """Send memory-maps' places, not their content."""
        return {**self.__dict__, "arrays": [packed(each) for each in self.arrays]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "arrays": [unpacked(each) for each in state["arrays"]]})
