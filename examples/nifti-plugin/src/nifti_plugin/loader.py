"""The loader ``nifti``: its options, and the hooks that Penstock calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import penstock
from penstock.errors import ConfigError, SampleMismatch, quote

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NiftiFiles"]


@dataclass(frozen=True, kw_only=True)
class NiftiFiles:
    """Volumes from NIfTI files, turned to one orientation, cut or padded to *shape*.

    Samples have the shape ``(x, y, z, channels)``: one channel for a volume, as
    many as there are time points for a series. Values are those of the file,
    scaled by its slope and intercept.

    Args:
        column: The table's column that holds the files.
        shape: ``(x, y, z)`` of every sample, in voxels; what is larger is cut and
            what is smaller padded, about the centre. None: that of the first
            file, and a file of another shape is refused.
        canonical: Whether axes are turned to right, anterior, superior.
        window: ``(low, high)``: values beyond are moved to these.
        fill: The value of voxels that are padded.
        dtype: What Keras receives: ``"float16"``, ``"float32"`` or ``"float64"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        max_voxels: Files of more voxels are refused before they are read.

    Raises:
        ConfigError: An option has a value that cannot work.
    """

    column: str = "sample"
    shape: tuple[int, int, int] | None = None
    canonical: bool = True
    window: tuple[float, float] | None = None
    fill: float = 0.0
    dtype: Literal["float16", "float32", "float64"] = "float32"
    data_format: Literal["channels_last", "channels_first"] = "channels_last"
    max_voxels: int = 2**28

    penstock_api: ClassVar[int] = 1
    # All that the core needs to detect, list and resolve files.
    suffixes: ClassVar[tuple[str, ...]] = (".nii", ".nii.gz")

    def __post_init__(self) -> None:
        if self.shape is not None:
            # A list, as it comes from a configuration file, would not be hashable.
            object.__setattr__(self, "shape", _three_sizes(self.shape))
        if self.window is not None:
            object.__setattr__(self, "window", _window(self.window))
        if not _is_number(self.fill):
            raise ConfigError(f"fill={quote(self.fill)} is no finite number.")
        if not _is_size(self.max_voxels):
            raise ConfigError(
                f"max_voxels={quote(self.max_voxels)} is no whole number of at least 1."
            )

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> penstock.ArraySpec:
        """Read the header of the first file."""
        from nifti_plugin.reading import open_volume

        volume = open_volume(str(samples[0]), self.canonical, self.max_voxels)
        # Files are scaled as float32, whatever Keras receives then.
        return penstock.ArraySpec(
            (*(self.shape or volume.raw.shape[:3]), volume.raw.shape[3]),
            "float64" if self.dtype == "float64" else "float32",
            deliver_dtype=self.dtype,
            data_format=self.data_format,
        )

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[np.floating[Any]]) -> None:
        """Scale each volume straight into its row of the batch."""
        from nifti_plugin.reading import fill_row, open_volume

        for path, row in zip(samples, out, strict=True):
            volume = open_volume(str(path), self.canonical, self.max_voxels)
            found = volume.raw.shape
            if found[3] != row.shape[3] or (self.shape is None and found[:3] != row.shape[:3]):
                raise SampleMismatch(
                    f"A NIfTI file of shape {found} is among files of {row.shape}."
                    " Give shape=(x, y, z) to cut and pad volumes, or leave it out.",
                    sample=path,
                )
            fill_row(row, volume, self.fill)
        if self.window is not None:
            # Once for the whole slice of the batch: this is why hooks get slices.
            out.clip(*self.window, out=out)


def _three_sizes(given: Any) -> tuple[int, int, int]:
    sizes = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(sizes) != 3 or not all(map(_is_size, sizes)):
        raise ConfigError(
            f"shape={quote(given)} is no (x, y, z) of whole numbers of at least 1."
            " Channels are not part of it."
        )
    return sizes[0], sizes[1], sizes[2]


def _window(given: Any) -> tuple[float, float]:
    limits = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(limits) != 2 or not all(map(_is_number, limits)) or not limits[0] < limits[1]:
        raise ConfigError(f"window={quote(given)} is no (low, high) of two numbers in order.")
    return float(limits[0]), float(limits[1])


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
