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

__all__ = ["Arrays", "as_array", "is_sparse", "packed", "refuse_objects", "unpacked"]


def is_sparse(given: Any) -> bool:
    """Say whether something is a sparse matrix of SciPy's."""
    return hasattr(given, "toarray") and hasattr(given, "nnz")


def as_array(given: Any) -> NDArray[Any]:
    """Return what a user gave as an array, as a NumPy array.

    Raises:
        ConfigError: It is masked, sparse, ragged, or can be none for another reason.
    """
    if np.ma.isMaskedArray(given):
        raise ConfigError(
            "A masked array was given, and Keras has no masks of that kind."
            " Fill it: array.filled(0)."
        )
    if is_sparse(given):
        raise ConfigError(
            f"A sparse matrix was given ({type(given).__name__}), and batches are dense arrays."
            " Make it dense, matrix.toarray(), or write a loader of its rows."
        )
    try:
        return np.asanyarray(given)
    except Exception as error:
        if isinstance(given, (list, tuple)) and isinstance(error, ValueError):
            raise ConfigError(
                "The rows of an array have different lengths. Give them one shape, or file names."
            ) from error
        raise ConfigError(
            f"{quote(type(given).__name__)} cannot be made a NumPy array: {quote(str(error))}"
        ) from error


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
        array = as_array(self.array)
        if array.ndim < 1 or array.dtype.kind not in "biufOUT":
            raise ConfigError(
                f"An array of shape {array.shape} and dtype {quote(array.dtype.str)} has no rows"
                " that Keras can take. Give numbers, booleans or strings, with samples along the"
                " first axis."
            )
        if array.dtype.kind == "O":
            refuse_objects(array)
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
            self.array.take(samples, axis=0, out=out, mode="clip")
        else:
            out[...] = self.array[samples]

    def __getstate__(self) -> dict[str, Any]:
        """Send a memory-map's place, not its content."""
        return {"array": packed(self.array)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "array", unpacked(state["array"]))


def packed(array: NDArray[Any]) -> Any:
    """Return an array as it travels to another process: of a memory-map, its place alone."""
    return _place(array) or array


def unpacked(sent: Any) -> NDArray[Any]:
    """Return the array that ``packed`` was given."""
    if not isinstance(sent, tuple):
        return sent  # type: ignore[no-any-return]
    name, dtype, offset, shape = sent
    return np.memmap(name, np.dtype(dtype), "r", offset, shape)


def refuse_objects(array: NDArray[Any]) -> None:
    """Refuse an array of dtype object that holds anything else than strings.

    Raises:
        ConfigError: It does; shows the first.
    """
    for cell in array.flat:
        if isinstance(cell, (list, np.ndarray)):
            raise ConfigError(
                "An array of lists was given as the source. Samples of different sizes are a part"
                " of it: (x,) or (x, y)."
            )
        if not isinstance(cell, (str, bytes)):
            raise ConfigError(
                f"An array of objects was given, such as {quote(cell)}; only strings are taken so."
                ' Make numbers of it: array.astype("float32").'
            )


def _place(array: NDArray[Any]) -> tuple[str, str, int, tuple[int, ...]] | None:
    """Return where a memory-map stands in its file, or None for what must be sent whole."""
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    if not isinstance(whole, np.memmap) or not isinstance(array, np.memmap):
        return None
    # Changes to a copy-on-write map are in memory alone.
    if whole.filename is None or whole.mode == "c" or not array.flags.c_contiguous:
        return None
    # A slice keeps the offset of its parent: count from the parent's first byte.
    offset = whole.offset + array.ctypes.data - whole.ctypes.data
    return str(whole.filename), array.dtype.str, offset, array.shape
