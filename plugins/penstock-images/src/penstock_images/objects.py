"""The loaders of boxes and their labels: what annotations say of images.

Images are resized when they are loaded, and boxes with them: an annotation's pixels become
those of the loaded image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, LabelError, quote, suggest
from penstock_images.annotations import (
    cells_of,
    count_of,
    fill,
    numbers_of,
    row_error,
    split,
)
from penstock_images.coordinates import BOXES, clipped, from_corners, to_corners
from penstock_images.options import check_choice, check_count, check_number, check_pair
from penstock_images.placing import Placing, check_placing, loaded_size

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["BoxLabels", "Boxes"]


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Boxes around objects in images, float32 of shape (boxes, 4), filled up with -1.

    Augmenters that move pixels move them too.

    Args:
        images: The loader of the images that they are in: it says how these are resized, cut
            and padded. Or (height, width) of images that are not.
        column: The table's column of boxes: for each image a list of lists of four numbers,
            an array, or JSON of them; an empty one for an image without any.
        bounding_box_format: What Keras is given: ``"xyxy"``, ``"yxyx"``, ``"xywh"`` or
            ``"center_xywh"`` in pixels of the loaded image, or with ``"rel_"`` before it as
            fractions of its width and height; names as in Keras.
        source_format: What the column has, likewise, in pixels of the file; the same by default.
        size: The columns of the (height, width) of the files, upright, where they are needed:
            for pixels in the column, or images that are cut or padded.
        max_boxes: How many a sample has room for; the most that an image has by default.
        min_visible: The share of a box' area that has to be left in the image when it is cut or
            moved, from 0 to 1; of boxes that keep less, none is left. 0 keeps any rest.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    images: Any
    column: str = "boxes"
    bounding_box_format: str = "xyxy"
    source_format: str | None = None
    size: tuple[str, str] | None = None
    max_boxes: int | None = None
    min_visible: float = 0.0

    def __post_init__(self) -> None:
        for name in ("bounding_box_format", "source_format"):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), BOXES)
        if self.max_boxes is not None:
            check_count("max_boxes", self.max_boxes)
        check_number("min_visible", self.min_visible)
        check_pair("min_visible", self.min_visible, low=0.0, high=1.0, symmetric=False)
        check_placing(self)

    @penstock.hookimpl
    def pick_samples(self, table: pd.DataFrame) -> NDArray[Any]:
        """Pick each image's boxes, in the format that is delivered."""
        boxes, counts, kept = self.find(table)
        return split(boxes[kept], _kept(counts, kept))

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe the boxes of an image: as many for all."""
        room = count_of(samples, 16, "max_boxes", self.max_boxes)
        return ArraySpec(
            (room, 4),
            "float32",
            coordinates=self.bounding_box_format,
            objects=self.column,
            min_visible=float(self.min_visible),
        )

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Copy the boxes, and fill up with -1."""
        fill(samples, out)

    def find(
        self, table: pd.DataFrame
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        """Return all boxes of a table, how many each row has, and which are in the loaded image.

        Raises:
            ConfigError: A box is none, or lies outside of its image.
        """
        cells = cells_of(table, self.column)
        given, counts = numbers_of(cells, self.column, 4)
        source = self.source_format or self.bounding_box_format
        rows = np.repeat(np.arange(len(counts)), counts)
        corners = to_corners(given, source)
        wrong = (corners[:, 2] <= corners[:, 0]) | (corners[:, 3] <= corners[:, 1])
        if wrong.any():
            place = int(np.argmax(wrong))
            raise row_error(
                self.column,
                int(rows[place]),
                given[place],
                f"has no width or height as {source!r}. Correct it, or give another"
                " source_format=.",
            )
        placing = Placing.of(self, table, source)
        placing.check(corners, rows)
        height, width = loaded_size(self.images)
        cut, empty = clipped(placing.placed(corners, rows), height, width, self.min_visible)
        if self.bounding_box_format.startswith("rel_"):
            cut /= [width, height, width, height]
        boxes = from_corners(cut, self.bounding_box_format).astype(np.float32)
        return boxes, counts, ~empty


@dataclass(frozen=True, kw_only=True)
class BoxLabels:
    """The classes of boxes, int32 of shape (boxes,), filled up with -1.

    Where a box leaves the image, its label becomes -1 with it.

    Args:
        boxes: The loader of the boxes.
        column: The table's column of labels: for each image a list, one label per box.
        class_names: The classes in the order of their numbers, for labels that are names.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    boxes: Boxes
    column: str = "labels"
    class_names: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.boxes, Boxes):
            raise ConfigError(
                f"boxes={quote(self.boxes)} was given to BoxLabels; give the loader of the boxes,"
                " boxes=Boxes(…)."
            )
        if self.class_names is not None:
            if isinstance(self.class_names, str):
                raise ConfigError(
                    f"class_names={quote(self.class_names)} is one string; give a list of classes."
                )
            object.__setattr__(self, "class_names", tuple(self.class_names))

    @penstock.hookimpl
    def pick_samples(self, table: pd.DataFrame) -> NDArray[Any]:
        """Pick the class numbers of each image's boxes."""
        cells = cells_of(table, self.column)
        _, counts, kept = self.boxes.find(table)
        labels: list[Any] = []
        for row, (cell, count) in enumerate(zip(cells, counts.tolist(), strict=True)):
            if len(cell) != count:
                raise row_error(
                    self.column,
                    row,
                    cell,
                    f"are {len(cell)} labels, and {self.boxes.column!r} has {count} boxes there."
                    " Give one label per box.",
                )
            labels.extend(cell)
        return split(self._numbers(labels)[kept], _kept(counts, kept))

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe the labels of an image: as many for all."""
        room = count_of(samples, 4, "max_boxes", self.boxes.max_boxes)
        return ArraySpec((room,), "int32", objects=self.boxes.column)

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Copy the class numbers, and fill up with -1."""
        fill(samples, out)

    def _numbers(self, labels: list[Any]) -> NDArray[np.int32]:
        if self.class_names is None:
            for label in labels:
                whole = isinstance(label, (int, np.integer)) and not isinstance(label, bool)
                if not whole or not 0 <= label < 2**31:
                    raise LabelError(
                        f"The column {quote(self.column)} has the label {quote(label)}, which is no"
                        " class number. Give class_names=, in the order of their numbers."
                    )
            return np.array(labels, np.int32)
        numbers = {name: number for number, name in enumerate(self.class_names)}
        for label in labels:
            if label not in numbers:
                raise LabelError(
                    f"The column {quote(self.column)} has the label {quote(label)}, which is not"
                    f" among class_names=.{suggest(label, map(str, self.class_names))}"
                    f" They are {quote(list(self.class_names))}."
                )
        return np.array([numbers[label] for label in labels], np.int32)


def _kept(counts: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many of each row are kept."""
    rows = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(rows[kept], minlength=len(counts))
