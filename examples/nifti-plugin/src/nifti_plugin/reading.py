"""Brings the voxels of a NIfTI file into a row of a batch.

``nibabel``'s ``get_fdata()`` makes an array of float64 of the whole volume, scales
it into another, and leaves both to be copied. Here the file's own integers are
looked at where they are, and scaled straight into the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleCorrupt, SampleError, SampleRefused, quote
from penstock.reading import RegularFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Volume", "fill_row", "open_volume"]


@dataclass(frozen=True)
class Volume:
    """A volume as it is in its file.

    Attributes:
        raw: The file's numbers, a view of shape ``(x, y, z, channels)``.
        slope: What to multiply them by,
        intercept: and what to add then.
    """

    raw: NDArray[Any]
    slope: float
    intercept: float


def open_volume(path: str, canonical: bool, max_voxels: int) -> Volume:
    """Open a file, check its header, and look at its voxels.

    Args:
        path: The file.
        canonical: Whether its axes are turned to right, anterior, superior.
        max_voxels: More are refused before they are read.

    Raises:
        SampleMissing: The file cannot be opened.
        SampleCorrupt: It is no NIfTI file, or not whole.
        SampleRefused: It holds something else than one volume or series of real
            numbers, or too many.
    """
    # nibabel opens the file itself, and would wait for the writer of a pipe.
    with RegularFile(path):
        try:
            return _opened(path, canonical, max_voxels)
        except SampleError:
            raise
        except Exception as error:  # nibabel, gzip and zlib raise whatever they come across
            raise SampleCorrupt(
                f"A NIfTI file cannot be read: {type(error).__name__}: {quote(str(error))}."
                " Write it again, or leave it out."
            ) from error


def _opened(path: str, canonical: bool, max_voxels: int) -> Volume:
    import nibabel

    found = nibabel.load(path)
    if not isinstance(found, nibabel.Nifti1Image):  # NIfTI-2 is a subclass
        raise SampleRefused(f"A file is a {type(found).__name__}, and no NIfTI file. Convert it.")
    image: Any = found  # the types of nibabel end here
    shape, dtype = image.shape, image.get_data_dtype()
    if dtype.kind not in "biuf":
        raise SampleRefused(
            f"A NIfTI file holds {dtype}; only integers and floats are loaded. Convert it."
        )
    if len(shape) not in (3, 4) or 0 in shape:
        raise SampleRefused(
            f"A NIfTI file has the shape {shape}; a volume (x, y, z) or a series (x, y, z, t) was"
            " expected."
        )
    if prod(shape) > max_voxels:
        raise SampleRefused(
            f"A NIfTI file declares {shape}, more than max_voxels={max_voxels}."
            " Raise that option if it is meant."
        )
    raw = image.dataobj.get_unscaled()  # a memory-map, or what was decompressed
    if canonical:
        axes: Any = nibabel.orientations
        raw = axes.apply_orientation(raw, axes.io_orientation(image.affine))  # a view, no copy
    raw = raw if raw.ndim == 4 else raw[..., None]
    return Volume(raw, image.dataobj.slope, image.dataobj.inter)


def fill_row(row: NDArray[np.floating[Any]], volume: Volume, fill: float) -> None:
    """Write a volume's scaled values into *row*, cut or padded about the centre.

    Args:
        row: Shape ``(x, y, z, channels)``; every element is written.
        volume: A volume with as many channels.
        fill: The value of what is padded.
    """
    sizes = list(zip(volume.raw.shape[:3], row.shape[:3], strict=True))
    if any(found < wanted for found, wanted in sizes):
        row[...] = fill
    source = tuple(_middle(found, min(found, wanted)) for found, wanted in sizes)
    target = tuple(_middle(wanted, min(found, wanted)) for found, wanted in sizes)
    values, place = volume.raw[source], row[target]
    if volume.slope == 1:
        np.copyto(place, values, casting="unsafe")
    else:
        np.multiply(values, place.dtype.type(volume.slope), out=place, casting="unsafe")
    if volume.intercept:
        place += place.dtype.type(volume.intercept)


def _middle(whole: int, part: int) -> slice:
    start = (whole - part) // 2
    return slice(start, start + part)
