"""The loader of arrays and memory-maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Arrays"]


@dataclass(frozen=True, eq=False)
class Arrays:
    """Rows of an array or memory-map, passed through as ``fit(x, y)`` would take them.

    Floating-point arrays are delivered as float32, as Keras does; integers and
    booleans as they are.

    Args:
        array: The array; its first axis counts the samples.
    """

    array: NDArray[Any]

    def __post_init__(self) -> None:
        array = np.asanyarray(self.array)
        if array.ndim < 1 or array.dtype.kind not in "biufOUT":
            raise ConfigError(
                f"An array of shape {array.shape} and dtype {quote(array.dtype.str)} has no rows"
                " that Keras can take. Give numbers, booleans or strings, with samples along the"
                " first axis."
            )
        object.__setattr__(self, "array", array)

    @hookimpl
    def pick_samples(self) -> NDArray[np.int64]:
        """Pick row numbers."""
        return np.arange(len(self.array), dtype=np.int64)

    @hookimpl
    def describe_sample(self) -> ArraySpec:
        """Describe a row."""
        dtype = self.array.dtype
        return ArraySpec(
            self.array.shape[1:], dtype, deliver_dtype=np.float32 if dtype.kind == "f" else None
        )

    @hookimpl
    def load_samples(self, samples: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Gather rows."""
        if self.array.dtype == out.dtype and self.array.flags.c_contiguous:
            # "raise" would gather into a buffer first; the rows are ours and in range.
            np.take(self.array, samples, axis=0, out=out, mode="clip")
        else:
            out[...] = self.array[samples]

    def __getstate__(self) -> dict[str, Any]:
        """Send a memory-map's place, not its content."""
        array = self.array
        if isinstance(array, np.memmap) and array.filename is not None and array.flags.c_contiguous:
            return {"memmap": (str(array.filename), array.dtype.str, array.offset, array.shape)}
        return {"array": array}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "memmap" in state:
            name, dtype, offset, shape = state["memmap"]
            array = np.memmap(name, np.dtype(dtype), "r", offset, shape)
        else:
            array = state["array"]
        object.__setattr__(self, "array", array)
