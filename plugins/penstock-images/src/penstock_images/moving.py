"""Moving pixels as matrices tell, as fast as OpenCV can.

OpenCV warps four channels in less time than three, and a pixel near the border
takes it several times as long as one inside. So images are first copied to where
there is room around them: with a fourth channel where they have three, and with
the border that the matrix reaches for. Both together make a warp of 8-bit colour
2.3 times as fast. The result is the same but for the last bit of coordinates.
"""

from __future__ import annotations

import threading
from math import ceil, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock_images.geometry import from_corner

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FILL_MODES", "INTERPOLATIONS", "Filling", "mirror", "move"]

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")
# Bytes per pixel that OpenCV flips; it counts them as channels.
_WIDEST = 64
# OpenCV warps these; others go through one that holds all of their values.
_NATIVE = ("uint8", "uint16", "int16", "float32", "float64")
_STAND_INS = {"bool": "uint8", "int8": "int16", "float16": "float32"}
# Those for which OpenCV has a fast way inside an image, for 1, 3 and 4 channels.
_FAST = ("uint8", "uint16", "float32")
# How many times its size an image may take up with its borders.
_ROOM = 4


class Filling(NamedTuple):
    """What comes in from outside, and how pixels between pixels are calculated."""

    mode: str = "reflect"
    value: float = 0.0
    interpolation: str = "bilinear"
    mask_value: float = 0.0

    @property
    def of_masks(self) -> Filling:
        """What is done to masks: what lies between two classes is not a third."""
        return self._replace(value=self.mask_value, interpolation="nearest")

    def named(self) -> dict[str, Any]:
        """Return it as the options of augmenters that it comes from."""
        return {
            "fill_mode": self.mode,
            "fill_value": self.value,
            "mask_value": self.mask_value,
            "interpolation": self.interpolation,
        }


class _Room(threading.local):
    """Memory of each thread's own, used again and again: new memory takes time to get."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the array *name*, of any content."""
        size = prod(shape) * dtype.itemsize
        held = self._held.get(name)
        if held is None or len(held) < size:
            held = self._held[name] = np.empty(size, np.uint8)
        return held[:size].view(dtype).reshape(shape)


_room = _Room()


def move(images: NDArray[Any], change: NDArray[np.float64], filling: Filling) -> None:
    """Move the pixels of each of *images* by its change, in place.

    Nothing is done where a change is none, and a flip moves whole pixels.

    Args:
        images: Of shape ``(n, h, w, c)``, C-contiguous.
        change: Of shape ``(n, 2, 3)``, as ``geometry`` has it.
        filling: What is done at the borders and between pixels.
    """
    height, width = images.shape[1:3]
    matrices = from_corner(change, height, width)
    plain: dict[tuple[float, ...], tuple[bool, bool]] = {
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0): (False, False),
        (-1.0, 0.0, width - 1.0, 0.0, 1.0, 0.0): (False, True),
        (1.0, 0.0, 0.0, 0.0, -1.0, height - 1.0): (True, False),
        (-1.0, 0.0, width - 1.0, 0.0, -1.0, height - 1.0): (True, True),
    }
    warp = _Warp(images, filling)
    for image, matrix, numbers in zip(
        images, matrices, matrices.reshape(-1, 6).tolist(), strict=True
    ):
        flip = plain.get(tuple(numbers))
        if flip is None:
            warp(image, matrix, numbers)
        elif flip != (False, False):
            mirror(image, vertical=flip[0], horizontal=flip[1])


def mirror(image: NDArray[Any], *, vertical: bool, horizontal: bool) -> None:
    """Mirror *image*, of shape ``(h, w, c)`` and C-contiguous, in place."""
    import cv2

    # As bytes, so that every dtype will do; numpy's way is for pixels too wide for OpenCV.
    pixels = image.view(np.uint8)
    if pixels.shape[2] <= _WIDEST:
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        cv2.flip(pixels, (-1 if horizontal else 0) if vertical else 1, dst=pixels)
    else:
        image[...] = image[:: -1 if vertical else 1, :: -1 if horizontal else 1]


class _Warp:
    """Warps images of one size, dtype and number of channels."""

    def __init__(self, images: NDArray[Any], filling: Filling) -> None:
        import cv2

        _, self.height, self.width, channels = images.shape
        name = images.dtype.name
        native = name in _NATIVE
        self.dtype = images.dtype if native else np.dtype(_STAND_INS.get(name, "float64"))
        self.direct = native and channels in (1, 3, 4)
        bilinear = filling.interpolation == "bilinear"
        self.fast = bilinear and name in _FAST
        self.flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if bilinear else cv2.INTER_NEAREST)
        self.mode = {
            "reflect": cv2.BORDER_REFLECT,
            "constant": cv2.BORDER_CONSTANT,
            "nearest": cv2.BORDER_REPLICATE,
            "wrap": cv2.BORDER_WRAP,
        }[filling.mode]
        self.value = (filling.value,) * 4

    def __call__(
        self, image: NDArray[Any], matrix: NDArray[np.float64], numbers: list[float]
    ) -> None:
        """Warp *image*, of shape ``(h, w, c)``, by *matrix*, of those *numbers*, in place."""
        borders = self._borders(*numbers) if self.fast else (0, 0, 0, 0)
        if self.direct:
            self._warp(image, image, matrix, borders)
            return
        first = 0
        while first < image.shape[2]:
            left = image.shape[2] - first
            # OpenCV warps up to 4 channels at once, and 2 less exactly than 3.
            count = 4 if left >= 4 else 3 if left == 3 else 1
            group = image[:, :, first : first + count]
            result = np.empty(group.shape, self.dtype)
            self._warp(np.ascontiguousarray(group, self.dtype), result, matrix, borders)
            if image.dtype.kind in "iu" and self.dtype.kind == "f":
                np.rint(result, out=result)
            group[...] = result
            first += count

    def _borders(
        self, xx: float, xy: float, x: float, yx: float, yy: float, y: float
    ) -> tuple[int, int, int, int]:
        """Return how far beyond the top, bottom, left and right the corners reach."""
        across, along = self.width - 1, self.height - 1
        borders = (
            max(0, ceil(-y - min(0.0, yx * across) - min(0.0, yy * along))),
            max(0, ceil(y + max(0.0, yx * across) + max(0.0, yy * along) - along)),
            max(0, ceil(-x - min(0.0, xx * across) - min(0.0, xy * along))),
            max(0, ceil(x + max(0.0, xx * across) + max(0.0, xy * along) - across)),
        )
        rows, columns = self.height + sum(borders[:2]), self.width + sum(borders[2:])
        return borders if rows * columns <= _ROOM * self.height * self.width else (0, 0, 0, 0)

    def _warp(
        self,
        image: NDArray[Any],
        out: NDArray[Any],
        matrix: NDArray[np.float64],
        borders: tuple[int, int, int, int],
    ) -> None:
        """Warp 1, 3 or 4 channels into *out*, which may be *image*."""
        import cv2

        top, bottom, left, right = borders
        wider = self.fast and image.shape[2] == 3
        size = (self.width, self.height)
        shape = (top + self.height + bottom, left + self.width + right)
        source = _room.take("source", (*shape, 4 if wider else image.shape[2]), self.dtype)
        result = out
        if wider:
            inside = source[top : top + self.height, left : left + self.width]
            image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=inside)
            result = _room.take("result", (self.height, self.width, 4), self.dtype)
        if any(borders):
            cv2.copyMakeBorder(image, *borders, self.mode, dst=source, value=self.value)
            matrix = matrix.copy()
            matrix[:, 2] += left, top
        elif not wider:
            np.copyto(source, image)
        cv2.warpAffine(
            source,
            matrix,
            size,
            dst=result,
            flags=self.flags,
            borderMode=self.mode,
            borderValue=self.value,
        )
        if wider:
            cv2.cvtColor(result, cv2.COLOR_RGBA2RGB, dst=out)
