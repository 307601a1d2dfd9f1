"""Resizing by the interpolations that Keras offers, with TensorFlow's results.

``bilinear`` is OpenCV's, which agrees. The others are done here, as OpenCV's
differ: its cubic kernel has another slope (-0.75 in place of -0.5), its area
turns linear when it enlarges, and it rounds other ties. Every
interpolation is separable: an output pixel is a weighted sum of a few source
pixels (taps) along each axis. Kernels: Keys 1981 (bicubic), Mitchell and
Netravali 1988, Duchon 1979 (Lanczos). As in TensorFlow without antialiasing,
kernels do not widen when an image shrinks, and weights are normalised over the
taps that lie inside the image.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    _Taps: TypeAlias = tuple[NDArray[np.intp], NDArray[np.float32]]

__all__ = ["INTERPOLATIONS", "resize"]

INTERPOLATIONS = (
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
    "gaussian",
    "mitchellcubic",
)


def resize(image: NDArray[Any], target: NDArray[Any], interpolation: str) -> None:
    """Resize *image* to the size of *target*, into *target*.

    Args:
        image: uint8 or uint16 of shape ``(h, w)`` or ``(h, w, c)``.
        target: The same dtype and number of axes; rows may lie apart.
        interpolation: One of ``INTERPOLATIONS``. Values that a kernel
            overshoots are clipped to the dtype's range.
    """
    rows, columns = target.shape[:2]
    if image.shape == target.shape:
        np.copyto(target, image)
    elif interpolation == "bilinear":
        import cv2

        cv2.resize(image, (columns, rows), dst=target, interpolation=cv2.INTER_LINEAR)
    elif interpolation == "nearest":
        lines = np.take(image, _nearest(image.shape[0], rows), axis=0)
        target[...] = np.take(lines, _nearest(image.shape[1], columns), axis=1)
    else:
        exact = image.astype(np.float32)
        lines = _weigh(exact, _taps(interpolation, image.shape[0], rows), 0)
        found = _weigh(lines, _taps(interpolation, image.shape[1], columns), 1)
        np.rint(found, out=found)
        np.clip(found, 0, np.iinfo(target.dtype).max, out=found)
        target[...] = found


def _weigh(image: NDArray[np.float32], taps: _Taps, axis: int) -> NDArray[np.float32]:
    """Sum the taps along *axis*; a row of indices and of weights per tap."""
    channels = image.shape[2] if image.ndim == 3 else 1
    total: NDArray[np.float32] | None = None
    for index, weight in zip(*taps, strict=True):
        term = np.take(image, index, axis=axis)
        # As a table of rows: numpy is slow along a last axis as short as the channels.
        flat = term.reshape(len(term), -1)
        flat *= weight[:, None] if axis == 0 else np.repeat(weight, channels)
        total = term if total is None else np.add(total, term, out=total)
    assert total is not None
    return total


@functools.lru_cache(maxsize=1024)
def _nearest(length: int, wanted: int) -> NDArray[np.intp]:
    """Number the source pixel below each output pixel's centre, in single precision."""
    step = np.float32(length) / np.float32(wanted)
    centres = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * step
    found: NDArray[np.intp] = np.minimum(np.floor(centres).astype(np.intp), length - 1)
    return found


@functools.lru_cache(maxsize=1024)
def _taps(interpolation: str, length: int, wanted: int) -> _Taps:
    """Return the source pixels and their weights, each of shape ``(taps, wanted)``."""
    step = length / wanted
    if interpolation == "area":
        edges = np.arange(wanted + 1) * step
        first = np.minimum(np.floor(edges[:-1]), length - 1)
        count = math.ceil(step) + 1
        index = first + np.arange(count)[:, None]
        weight = np.minimum(index + 1, edges[1:]) - np.maximum(index, edges[:-1])
        weight = np.maximum(weight, 0)
    else:
        kernel, radius = _KERNELS[interpolation]
        # In single precision: whether a tap on a kernel's very edge counts hangs on the last bit.
        inverse = np.float32(1) / (np.float32(wanted) / np.float32(length))
        centres = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * inverse
        first = np.ceil(centres - np.float32(radius + 0.5))
        index = first + np.arange(2 * math.ceil(radius) + 1, dtype=np.float32)[:, None]
        distance = np.abs(index + np.float32(0.5) - centres)
        weight = np.where(distance < radius, kernel(distance.astype(np.float64)), 0.0)
        weight[(index < 0) | (index >= length)] = 0.0
    used = weight.any(axis=1)
    weight, index = weight[used], np.clip(index[used], 0, length - 1)
    weight /= weight.sum(axis=0)
    return index.astype(np.intp), weight.astype(np.float32)


def _keys_cubic(x: NDArray[Any]) -> NDArray[Any]:
    inner = (1.5 * x - 2.5) * x * x + 1.0
    outer = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.asarray(np.where(x < 1, inner, outer))


def _mitchell_cubic(x: NDArray[Any]) -> NDArray[Any]:
    inner = (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0
    outer = ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    return np.asarray(np.where(x < 1, inner, outer))


def _gaussian(x: NDArray[Any]) -> NDArray[Any]:
    # TensorFlow's: a radius of 1.5 pixels is three standard deviations.
    return np.asarray(np.exp(-2.0 * x * x))


def _lanczos(radius: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda x: np.sinc(x) * np.sinc(x / radius)


_KERNELS: dict[str, tuple[Callable[[NDArray[Any]], NDArray[Any]], float]] = {
    "bicubic": (_keys_cubic, 2.0),
    "gaussian": (_gaussian, 1.5),
    "lanczos3": (_lanczos(3.0), 3.0),
    "lanczos5": (_lanczos(5.0), 5.0),
    "mitchellcubic": (_mitchell_cubic, 2.0),
}
