"""What one loaded sample is like, and how it is delivered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import DTypeLike

__all__ = ["ArraySpec"]

_KINDS = "biufTUO"
_BOXES = ("xyxy", "yxyx", "xywh", "center_xywh")
_POINTS = ("xy",)
# Numbers on the last axis of each format: pixels, or fractions of the width and height.
_NUMBERS = {
    prefix + name: len(name.removeprefix("center_"))
    for name in (*_BOXES, *_POINTS)
    for prefix in ("", "rel_")
}


@dataclass(frozen=True, init=False)
class ArraySpec:
    """Shape and dtype of one loaded sample, and what becomes of it on delivery.

    Loaders write samples of *shape* and *dtype*; augmenters see them so; on
    delivery to Keras each array is cast to *deliver_dtype*, multiplied by
    *scale* and, where *data_format* is ``"channels_first"``, its last axis is
    moved to the front. Samples are always loaded with the channels last.

    A loader that keeps pixels as ``uint8`` and delivers ``float32`` moves a
    quarter of the bytes through augmentation and cache.

    Args:
        shape: Shape of one sample, without the batch axis; every size at least 1, or None
            where it varies from sample to sample: the loader implements ``measure_samples``
            then, and batches are padded to the largest of their samples.
        dtype: What ``load_samples`` writes. Strings are ``object``.
        deliver_dtype: What Keras receives; *dtype* where it is not given.
        scale: Factor applied on delivery.
        data_format: ``"channels_last"`` or ``"channels_first"``, for the delivery.
        coordinates: What the last axis holds, where it is a place in the first image input:
            a box as ``"xyxy"``, ``"yxyx"``, ``"xywh"`` or ``"center_xywh"``, or a point as
            ``"xy"``, in pixels of the loaded image, (0, 0) being its top left corner; with
            ``"rel_"`` before it, in fractions of the width and height. Augmenters that move
            pixels move these too. A row of -1 is no box or point.
        objects: A name for what the first axis lists, such as boxes and their classes. Where
            one leaves the image, its row becomes -1 in all arrays of that name.
        min_visible: Of boxes: the share of its area that has to be left in the image, from 0 to
            1, or a box that is cut at the border counts as having left it. 0 keeps any rest.

    Raises:
        ConfigError: A size, dtype or data format that cannot be delivered, or coordinates
            that cannot be so.
    """

    shape: tuple[Any, ...]
    dtype: np.dtype[Any]
    deliver_dtype: np.dtype[Any]
    scale: float
    data_format: str
    coordinates: str | None
    objects: str | None
    min_visible: float

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: DTypeLike,
        *,
        deliver_dtype: DTypeLike | None = None,
        scale: float = 1.0,
        data_format: str = "channels_last",
        coordinates: str | None = None,
        objects: str | None = None,
        min_visible: float = 0.0,
    ) -> None:
        if not isinstance(shape, (tuple, list)) or not all(map(_is_size, shape)):
            raise ConfigError(
                f"A sample's shape must be a tuple of whole numbers of at least 1, or of None"
                f" where sizes vary; found {quote(shape)}."
            )
        loaded = _checked_dtype(dtype)
        delivered = loaded if deliver_dtype is None else _checked_dtype(deliver_dtype)
        if data_format not in ("channels_last", "channels_first"):
            raise ConfigError(
                f"data_format={quote(data_format)} is neither 'channels_last' nor 'channels_first'."
            )
        whole = delivered.kind != "f"
        if not _is_finite(scale) or (whole and not float(scale).is_integer()):
            raise ConfigError(
                f"scale={quote(scale)} cannot be applied on delivery as {delivered.name}:"
                " give a finite number, and a float dtype to deliver it in."
            )
        sizes = tuple(None if size is None else int(size) for size in shape)
        object.__setattr__(self, "shape", sizes)
        object.__setattr__(self, "dtype", loaded)
        object.__setattr__(self, "deliver_dtype", delivered)
        object.__setattr__(self, "scale", float(scale))
        object.__setattr__(self, "data_format", data_format)
        object.__setattr__(self, "coordinates", coordinates)
        object.__setattr__(self, "objects", objects)
        object.__setattr__(self, "min_visible", min_visible)
        if min_visible != 0:
            self._check_visible()
        if self.placed:
            self._check_places()

    @property
    def deliver_shape(self) -> tuple[Any, ...]:
        """The shape of one delivered sample."""
        return self.delivered(self.shape)

    @property
    def varying(self) -> tuple[int, ...]:
        """The axes of *shape* whose size varies from sample to sample."""
        return tuple(axis for axis, size in enumerate(self.shape) if size is None)

    def sized(self, sizes: Iterable[int]) -> tuple[int, ...]:
        """Return the shape of a loaded sample with these sizes in its varying axes."""
        left = iter(sizes)
        return tuple(next(left) if size is None else size for size in self.shape)

    def delivered(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the delivered shape of a sample that is loaded in *shape*."""
        if self.data_format == "channels_first" and len(shape) > 1:
            return (shape[-1], *shape[:-1])
        return shape

    @property
    def placed(self) -> bool:
        """Whether it holds places in an image, or what belongs to them: no pixels, no values."""
        return self.coordinates is not None or self.objects is not None

    @property
    def blank(self) -> Any:
        """What stands for a sample that cannot be loaded."""
        if self.dtype.hasobject:
            return ""
        return -1 if self.placed else 0

    def _check_places(self) -> None:
        numbers = 0 if self.coordinates is None else _NUMBERS.get(self.coordinates)
        if numbers is None:
            raise ConfigError(
                f"coordinates={quote(self.coordinates)} is none of {quote(list(_NUMBERS))}."
            )
        if numbers and (self.dtype.kind != "f" or self.shape[-1:] != (numbers,)):
            raise ConfigError(
                f"coordinates={quote(self.coordinates)} needs a float dtype and {numbers} numbers"
                f" on the last axis; found {self.dtype.name} of shape {self.shape}."
            )
        if self.objects is not None and self.dtype.kind not in "if":
            raise ConfigError(
                f"objects={quote(self.objects)} needs a dtype that holds -1; found"
                f" {self.dtype.name}."
            )
        if not self.shape or (numbers and (self.scale != 1.0 or self.deliver_shape != self.shape)):
            raise ConfigError(
                "Coordinates and objects are delivered as they are loaded, one to a row: leave"
                f" scale= and data_format= out, and give a shape with rows; found {self.shape}."
            )

    def _check_visible(self) -> None:
        share = self.min_visible
        if not _is_finite(share) or isinstance(share, bool) or not 0 <= share <= 1:
            raise ConfigError(f"min_visible={quote(share)} was given; it must be from 0 to 1.")
        if self.coordinates is None or _NUMBERS.get(self.coordinates) == len(_POINTS[0]):
            raise ConfigError(
                f"min_visible={quote(share)} is a share of boxes, and coordinates are"
                f" {quote(self.coordinates)}. Leave it out."
            )

    @property
    def direct(self) -> bool:
        """Whether what is loaded is delivered as it is."""
        return (
            self.dtype == self.deliver_dtype
            and self.scale == 1.0
            and self.deliver_shape == self.shape
            and not (self.data_format == "channels_first" and len(self.shape) > 1)
        )


def _is_size(size: object) -> bool:
    if size is None:
        return True
    return isinstance(size, (int, np.integer)) and not isinstance(size, bool) and int(size) >= 1


def _is_finite(number: object) -> bool:
    return isinstance(number, (int, float, np.number)) and math.isfinite(number)


def _checked_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise ConfigError(f"dtype={quote(dtype)} is not a NumPy dtype.") from error
    if found.kind not in _KINDS:
        raise ConfigError(
            f"dtype={quote(dtype)} cannot be fed to Keras; use a bool, integer or float dtype."
        )
    return found.newbyteorder("=") if found.kind in "biuf" else np.dtype(object)
