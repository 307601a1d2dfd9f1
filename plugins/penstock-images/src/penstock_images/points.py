"""The loader of points in images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock_images.annotations import cells_of, count_of, fill, numbers_of, split
from penstock_images.coordinates import POINTS
from penstock_images.options import check_choice, check_count
from penstock_images.placing import Placing, check_placing, loaded_size

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Keypoints"]


@dataclass(frozen=True, kw_only=True)
class Keypoints:
    """Points in images, float32 of shape (points, 2), filled up with -1.

    Augmenters that move pixels move them too. A point keeps its place in the list, and is
    (-1, -1) where it is not given or has left the image.

    Args:
        images: The loader of the images that they are in, or (height, width) of images that
            are not resized, cut or padded.
        column: The table's column of points: for each image a list of [x, y], an array, or JSON
            of them, in continuous pixels: the middle of the first pixel is [0.5, 0.5]. NaN or
            None for a point that is not seen.
        keypoint_format: What Keras is given: ``"xy"`` in pixels of the loaded image, or
            ``"rel_xy"`` as fractions of its width and height.
        source_format: What the column has, likewise, in pixels of the file; the same by default.
        size: As in ``Boxes``.
        max_points: How many a sample has room for; the most that an image has by default.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    images: Any
    column: str = "keypoints"
    keypoint_format: str = "xy"
    source_format: str | None = None
    size: tuple[str, str] | None = None
    max_points: int | None = None

    def __post_init__(self) -> None:
        for name in ("keypoint_format", "source_format"):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), POINTS)
        if self.max_points is not None:
            check_count("max_points", self.max_points)
        check_placing(self)

    @penstock.hookimpl
    def pick_samples(self, table: pd.DataFrame) -> NDArray[Any]:
        """Pick each image's points, in the format that is delivered."""
        given, counts = numbers_of(cells_of(table, self.column), self.column, 2, missing=True)
        source = self.source_format or self.keypoint_format
        rows = np.repeat(np.arange(len(counts)), counts)
        seen = np.asarray(np.isfinite(given).all(axis=1))
        placing = Placing.of(self, table, source)
        corners = np.tile(np.where(seen[:, None], given, 0.0), 2)
        placing.check(corners, rows)
        height, width = loaded_size(self.images)
        points = placing.placed(corners, rows)[:, :2]
        inside = ((points >= 0) & (points <= [width, height])).all(axis=1)
        if self.keypoint_format == "rel_xy":
            points /= [width, height]
        points[~(seen & inside)] = -1.0
        return split(points.astype(np.float32), counts)

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe the points of an image: as many for all."""
        room = count_of(samples, 8, "max_points", self.max_points)
        return ArraySpec((room, 2), "float32", coordinates=self.keypoint_format)

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Copy the points, and fill up with -1."""
        fill(samples, out)
