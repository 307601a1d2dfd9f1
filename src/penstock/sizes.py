"""The sizes of samples that are not all of one size: measured once, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.components import name_of
from penstock.errors import PluginError, SampleError, quote
from penstock.reattempts import load_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.fields import LoadedField

__all__ = ["Sizes", "sizes_of"]

_UNKNOWN = -1
_LARGEST = np.iinfo(np.int32).max


class Sizes:
    """The sizes of one field's samples in the axes that vary: 4 bytes per sample and axis.

    Safe to use from several threads: those that measure the same sample at once
    write the same numbers.

    Args:
        field: The field, described.
    """

    called = "measure_samples"

    def __init__(self, field: LoadedField) -> None:
        self._field = field
        shape = (len(field.samples), len(field.spec.varying))
        self._known = np.full(shape, _UNKNOWN, np.int32)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # In another process it lies in memory that all share, and cannot be written to.
        self.__dict__.update({**state, "_known": state["_known"].copy()})

    @property
    def component(self) -> Any:
        """The loader."""
        return self._field.component

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the sizes of the samples in *rows*, of shape ``(n, varying axes)``.

        Raises:
            SampleError: One cannot be measured; names it, its row and the loader.
        """
        sizes = self._known[rows]
        unknown = np.unique(rows[(sizes == _UNKNOWN).any(axis=1)])
        if not len(unknown):
            return sizes
        found = np.empty((len(unknown), sizes.shape[1]), np.int32)
        self.load_anew(unknown, found)
        self._known[unknown] = found
        return self._known[rows]

    def load_anew(self, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Fill *out* with sizes, trying again where that may help."""
        try:
            self.call_loader(rows, out)
        except Exception as error:
            load_again(self, rows, out, error)

    def call_loader(self, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Have the loader measure, and let through what it raises."""
        field = self._field
        found = field.hooks.measure_samples(samples=self.pick(rows), source=field.source)
        if (
            not isinstance(found, np.ndarray)
            or found.dtype.kind not in "iu"
            or found.shape != out.shape
            or (found.size and not 0 <= int(found.min()) <= int(found.max()) <= _LARGEST)
        ):
            is_array = isinstance(found, np.ndarray)
            told = f"{found.dtype}{found.shape}" if is_array else quote(found)
            raise PluginError(
                f"{name_of(self.component)}.measure_samples returned {told} for {len(rows)}"
                f" samples. It must return an array of whole numbers from 0, of shape {out.shape}:"
                " the sizes of each sample in the axes that describe_sample gave as None."
            )
        out[...] = found

    def pick(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return what the loader is given for *rows*."""
        return self._field.pick(rows)


def sizes_of(
    field: LoadedField,
    rows: NDArray[np.int64],
    failed: Callable[[int, SampleError], None] | None = None,
) -> NDArray[np.int32]:
    """Return the sizes of samples, and 0 for one that cannot be measured.

    Args:
        field: What they are samples of.
        rows: Their rows of the samples table.
        failed: Called with the place in *rows*, and the error, of such a sample.
    """
    assert field.sizes is not None
    try:
        return field.sizes.of(rows)
    except SampleError:
        sizes = np.zeros((len(rows), len(field.spec.varying)), np.int32)
    for place in range(len(rows)):
        try:
            sizes[place] = field.sizes.of(rows[place : place + 1])
        except SampleError as error:
            if failed is not None:
                failed(place, error)
    return sizes
