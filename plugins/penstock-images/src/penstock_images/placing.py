"""From the pixels of a file to those of the loaded image.

What loading does to an image is, along each axis, a factor and an offset: the image is
resized, and cut or padded so that its sides keep their ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.errors import ConfigError, quote, suggest
from penstock_images.fitting import fit_image
from penstock_images.loader import ImageFiles
from penstock_images.options import check_size

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Placing", "check_placing", "loaded_size"]

# How far beyond the borders an annotation may reach, as a fraction of the size: some are rounded.
_SLACK = 0.1


def loaded_size(images: Any) -> tuple[int, int]:
    """Return the (height, width) of images as they are loaded."""
    size = images.image_size if isinstance(images, ImageFiles) else images
    assert size is not None  # see check_placing
    return size


def check_placing(loader: Any) -> None:
    """Check the options ``images`` and ``size`` of *loader*, and that what is needed is there.

    Raises:
        ConfigError: A value that cannot work.
    """
    if not isinstance(loader.images, ImageFiles):
        object.__setattr__(loader, "images", check_size("images", loader.images))
    elif loader.images.image_size is None:
        raise ConfigError(
            "images= leaves images in their own sizes, and boxes and points have their places in"
            " images of one size: give the images an image_size=."
        )
    size = loader.size
    if size is None:
        return
    if not isinstance(size, (tuple, list)) or not (
        len(size) == 2 and all(isinstance(name, str) for name in size)
    ):
        raise ConfigError(
            f"size={quote(size)} cannot work: give the names of the columns of the files' height"
            ' and width, ("height", "width").'
        )
    object.__setattr__(loader, "size", tuple(size))
    if not isinstance(loader.images, ImageFiles):
        raise ConfigError(
            f"size={quote(size)} was given beside images={loader.images}, which says that already."
            " Leave one of them out."
        )


class Placing(NamedTuple):
    """What becomes of the places in each row's image.

    Attributes:
        column: Where they are from.
        source: Their format.
        size: (width, height) of the files, of shape ``(rows, 2)``; 1 for fractions.
        factor: Along x and y, of shape ``(rows, 2)``.
        offset: Added then, in pixels of the loaded image.
    """

    column: str
    source: str
    size: NDArray[np.float64] | None
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def of(cls, loader: Any, table: pd.DataFrame, source: str) -> Placing:
        """Find out what becomes of places given in the format *source*.

        Raises:
            ConfigError: The sizes of the files are needed and not there.
        """
        images, rows = loader.images, len(table)
        relative = source.startswith("rel_")
        height, width = loaded_size(images)
        loaded = np.tile([float(width), float(height)], (rows, 1))
        still = np.zeros((rows, 2))
        if not isinstance(images, ImageFiles):
            unit = np.ones((rows, 2))
            factor = loaded if relative else unit
            return cls(loader.column, source, unit if relative else loaded, factor, still)
        fitted = images.crop_to_aspect_ratio or images.pad_to_aspect_ratio
        if relative and not fitted:
            return cls(loader.column, source, np.ones((rows, 2)), loaded, still)
        sizes = _sizes(loader, table, source)
        unit = sizes if relative else np.ones((rows, 2))
        factor, offset = loaded / sizes, still
        if fitted:
            factor, offset = _fitted(sizes, images)
        given = np.ones((rows, 2)) if relative else sizes
        return cls(loader.column, source, given, factor * unit, offset)

    def placed(self, corners: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return *corners*, of shape ``(total, 4)``, in pixels of the loaded image."""
        found: NDArray[np.float64] = corners * np.tile(self.factor[rows], 2)
        found += np.tile(self.offset[rows], 2)
        return found

    def check(self, corners: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        """Refuse places that lie well outside of the file's image.

        Raises:
            ConfigError: There are some; says what may be wrong.
        """
        if not len(corners):
            return
        size = np.tile(np.ones((len(rows), 2)) if self.size is None else self.size[rows], 2)
        outside = ((corners < -_SLACK * size) | (corners > (1.0 + _SLACK) * size)).any(axis=1)
        relative = self.source.startswith("rel_")
        if outside.any():
            place = int(np.argmax(outside))
            shape = "" if relative else f" of {size[place, 1]:.0f} x {size[place, 0]:.0f} pixels"
            advice = f'"{self.source[4:]}" for pixels' if relative else '"xywh" or "xyxy"'
            raise ConfigError(
                f"In the column {quote(self.column)}, row {rows[place]}: from"
                f" {corners[place, :2].tolist()} to {corners[place, 2:].tolist()} is outside of the"
                f" image{shape}. Check source_format={self.source!r}: {advice}?"
            )
        if not relative and np.abs(corners).max() <= 1.0:
            raise ConfigError(
                f"All of the column {quote(self.column)} is at most 1, and"
                f" source_format={self.source!r} means pixels. Fractions of the image are"
                f' source_format="rel_{self.source}".'
            )


def _sizes(loader: Any, table: pd.DataFrame, source: str) -> NDArray[np.float64]:
    """Return the (width, height) of each row's file."""
    if loader.size is None:
        why = (
            "cuts or pads images to their aspect ratio"
            if source.startswith("rel_")
            else f"resizes images, and source_format={source!r} counts the files' pixels"
        )
        raise ConfigError(
            f"The loader of images {why}: give the columns of the files' sizes,"
            f' size=("height", "width"), to {type(loader).__name__}.'
        )
    found = []
    for name in reversed(loader.size):
        if name not in table.columns:
            raise ConfigError(
                f"size= names the column {quote(name)}, which is not there."
                f"{suggest(name, map(str, table.columns))}"
                f" There are {quote([str(known) for known in table.columns])}."
            )
        column = table[name]
        numbers = column.dtype.kind in "iuf"
        if not numbers or not (column >= 1).all():
            raise ConfigError(f"The column {quote(name)} holds sizes that are not at least 1.")
        found.append(column.to_numpy(np.float64))
    return np.stack(found, axis=1)


def _fitted(
    sizes: NDArray[np.float64], images: ImageFiles
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return factors and offsets for images that are cut or padded, by (width, height)."""
    kinds, which = np.unique(sizes, axis=0, return_inverse=True)
    factors, offsets = np.empty_like(kinds), np.empty_like(kinds)
    for place, (width, height) in enumerate(kinds.astype(int).tolist()):
        fit = fit_image(
            height,
            width,
            loaded_size(images),
            crop=images.crop_to_aspect_ratio,
            pad=images.pad_to_aspect_ratio,
        )
        factors[place] = fit.columns / fit.width, fit.rows / fit.height
        offsets[place] = fit.right, fit.down
        offsets[place] -= factors[place] * [fit.left, fit.top]
    which = which.reshape(-1)
    return factors[which], offsets[which]
