"""The loader ``npy``."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock.errors import (
    ConfigError,
    SampleCorrupt,
    SampleMismatch,
    quote,
    suggest,
)
from penstock_npy.reading import fill_rows, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock_npy.header import NpyHeader

__all__ = ["NpyFiles"]

_DTYPES = ("bool", "float16", "float32", "float64", "int32", "int64", "uint8")
_SIZES_LOOKED_AT = 20_000
_HEADERS_LOOKED_AT = 1_000


@dataclass(frozen=True, kw_only=True)
class NpyFiles:
    """Arrays from .npy files, one per sample, all of one shape and dtype.

    Files are read straight into the batch. Pickled content is never loaded.
    Big-endian and Fortran-ordered files are converted.

    Args:
        column: Column of the samples table that names the files.
        dtype: What Keras receives, a bool, integer or float dtype; None for
            the files' own.
        data_format: ``"channels_last"`` or ``"channels_first"``, for what
            Keras receives; files hold the channels last. None is channels last.
        shape: Shape in which each file's array is seen, for example
            ``(32, 32, 32, 1)`` for files of ``(32, 32, 32)``; None for the files' own.
            With None in it, as in ``(None, 40)``, that axis varies from file to file, and
            batches are padded; all else is as the files have it.
        check_finite: Whether NaN and infinite values are errors.

    Raises:
        ConfigError: An option has a value that is not allowed.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".npy",)

    column: str = "sample"
    dtype: str | None = "float32"
    data_format: Literal["channels_last", "channels_first"] | None = "channels_last"
    shape: tuple[int | None, ...] | None = None
    check_finite: bool = False

    def __post_init__(self) -> None:
        if self.dtype is not None:
            object.__setattr__(self, "dtype", _numeric_name(self.dtype))
        if self.shape is not None:
            object.__setattr__(self, "shape", _checked_shape(self.shape))

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe the first file; find the files whose size shows that they differ."""
        if len(samples) == 0:
            raise ConfigError("There is no .npy file to read: the samples table is empty.")
        first = read_header(samples[0])
        if not self._takes(first.shape, first.shape):
            raise self._refused(samples[0], first.shape)
        self._check_sizes(samples, first)
        return ArraySpec(
            first.shape if self.shape is None else self.shape,
            first.native,
            deliver_dtype=first.native if self.dtype is None else self.dtype,
            data_format=self.data_format or "channels_last",
        )

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Read each file into its row of *out*."""
        fill_rows(samples.tolist(), out, reshape=self.shape is not None and not self._varies)
        if self.check_finite and out.dtype.kind == "f":
            finite = np.isfinite(out).all(axis=tuple(range(1, out.ndim)))
            if not finite.all():
                index = int(np.argmin(finite))
                bad = int(np.count_nonzero(~np.isfinite(out[index])))
                raise SampleCorrupt(
                    f"A .npy file holds {bad} values that are NaN or infinite, and "
                    "check_finite=True. Replace them or leave the file out.",
                    sample=samples[index],
                )

    @penstock.hookimpl
    def measure_samples(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Look at the files' headers."""
        axes = [axis for axis, size in enumerate(self.shape or ()) if size is None]
        sizes = np.empty((len(samples), len(axes)), np.int64)
        for row, path in zip(sizes, samples, strict=True):
            header = read_header(path)
            if not self._takes(header.shape, header.shape):
                raise self._refused(path, header.shape)
            row[:] = [header.shape[axis] for axis in axes]
        return sizes

    @property
    def _varies(self) -> bool:
        return self.shape is not None and None in self.shape

    def _takes(self, found: tuple[int, ...], first: tuple[int, ...]) -> bool:
        """Say whether a file's shape is as the first file's, or as *shape* asks."""
        if self.shape is None:
            return found == first
        sizes = [size for size in self.shape if size is not None]
        if len(sizes) == len(self.shape):
            return prod(found) == prod(sizes)
        return len(found) == len(self.shape) and all(
            size in (None, there) for size, there in zip(self.shape, found, strict=True)
        )

    def _refused(self, path: str, found: tuple[int, ...]) -> SampleMismatch:
        asked, there = f"shape={quote(self.shape)} was asked for", quote(found)
        if self._varies:
            advice = (
                f"the file has shape {there}. Give None for each axis that varies, and no other."
            )
        else:
            count = prod(size or 1 for size in self.shape or ())
            asked += f", with {count} elements"
            advice = (
                f"the file has shape {there}, {prod(found)} elements. Give a shape with as many."
            )
        return SampleMismatch(f"{asked}; {advice}", sample=path)

    def _check_sizes(self, samples: NDArray[Any], first: NpyHeader) -> None:
        size = first.offset + first.nbytes
        # Where sizes vary each look opens a file.
        count = min(len(samples), _HEADERS_LOOKED_AT if self._varies else _SIZES_LOOKED_AT)
        for index in np.linspace(0, len(samples) - 1, count).astype(np.int64).tolist():
            path = samples[index]
            with suppress(OSError, ValueError):  # what is wrong with it is said below
                if os.stat(path).st_size == size:
                    continue
            # Another size may be just another padding of the header.
            found = read_header(path)
            if self._varies and not self._takes(found.shape, first.shape):
                raise self._refused(path, found.shape)
            if not self._takes(found.shape, first.shape) or found.native != first.native:
                raise SampleMismatch(
                    f"The .npy files differ: the first, {quote(samples[0])}, has shape "
                    f"{quote(first.shape)} of {first.dtype.name}; this one has shape "
                    f"{quote(found.shape)} of {found.dtype.name}. Give all files one shape and "
                    f"dtype, or leave this one out.{_varying(first.shape, found.shape)}",
                    sample=path,
                )


def _numeric_name(dtype: object) -> str:
    try:
        found = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError as error:
        raise ConfigError(
            f"dtype={quote(dtype)} is not a NumPy dtype.{suggest(str(dtype), _DTYPES)}"
        ) from error
    if found.kind not in "biuf":
        raise ConfigError(
            f"dtype={quote(dtype)} is not a dtype of numbers; use a bool, integer or float dtype, "
            "or None for the files' own."
        )
    return str(found.name)


def _varying(first: tuple[int, ...], found: tuple[int, ...]) -> str:
    if len(first) != len(found):
        return ""
    pairs = zip(first, found, strict=True)
    shape = tuple(one if one == other else None for one, other in pairs)
    if None not in shape:
        return ""
    return f" Or say shape={shape}, to have them padded to the largest of their batch."


def _checked_shape(shape: object) -> tuple[int | None, ...]:
    if not isinstance(shape, (tuple, list)) or any(
        size is not None
        and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1)
        for size in shape
    ):
        raise ConfigError(
            f"shape={quote(shape)} is not a tuple of whole numbers of at least 1, or of None for an"
            " axis that varies."
        )
    return tuple(None if size is None else int(size) for size in shape)
