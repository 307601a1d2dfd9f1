"""Where the pixels of an image go in a sample of fixed size.

The arithmetic is that of ``keras.utils.image_dataset_from_directory``, in single
precision as there, so that borders fall on the same pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Fit", "fit_image"]


class Fit(NamedTuple):
    """A box of the image, and the box of the sample that it is resized to."""

    top: int
    left: int
    height: int
    width: int
    down: int
    right: int
    rows: int
    columns: int

    def reduction(self) -> int:
        """Return 8, 4, 2 or 1: by how much libjpeg may shrink and leave enough pixels."""
        for reduce in (8, 4, 2):
            if self.height // reduce >= self.rows and self.width // reduce >= self.columns:
                return reduce
        return 1

    def reduced(self, reduce: int) -> Fit:
        """Return the fit for an image shrunk by *reduce*, whose sizes libjpeg rounds up."""
        return self._replace(
            top=self.top // reduce,
            left=self.left // reduce,
            height=-(-self.height // reduce),
            width=-(-self.width // reduce),
        )


def fit_image(
    height: int, width: int, size: tuple[int, int], *, crop: bool = False, pad: bool = False
) -> Fit:
    """Fit an image of *height* x *width* pixels into a sample of *size*.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        size: Rows and columns of the sample.
        crop: Take the largest centred box of the sample's aspect ratio.
        pad: Keep the image whole and centre it in the sample.
    """
    rows, columns = size
    if crop:
        box_height = _crop_length(height, width, rows, columns)
        box_width = _crop_length(width, height, columns, rows)
        top, left = (height - box_height) // 2, (width - box_width) // 2
        return Fit(top, left, box_height, box_width, 0, 0, rows, columns)
    if pad:
        single = np.float32
        ratio = max(single(width) / single(columns), single(height) / single(rows))
        inner_height, inner_width = single(height) / ratio, single(width) / ratio
        down = max(0, math.floor((single(rows) - inner_height) / single(2)))
        right = max(0, math.floor((single(columns) - inner_width) / single(2)))
        # At least one pixel of an image that is extremely long and thin.
        inner_rows = min(max(1, math.floor(inner_height)), rows - down)
        inner_columns = min(max(1, math.floor(inner_width)), columns - right)
        return Fit(0, 0, height, width, down, right, inner_rows, inner_columns)
    return Fit(0, 0, height, width, 0, 0, rows, columns)


def _crop_length(length: int, other: int, wanted: int, wanted_other: int) -> int:
    found = int(np.float32(other * wanted) / np.float32(wanted_other))
    return max(min(length, found), 1)
