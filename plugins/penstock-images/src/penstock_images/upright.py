"""Turning images upright, as their EXIF orientation tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_sideways", "turn_upright"]

# Orientation -> what to flip after transposing where sideways: 1 columns, 0 rows, -1 both (OpenCV).
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}


def is_sideways(orientation: int) -> bool:
    """Say whether turning exchanges height and width."""
    return orientation >= 5


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return *pixels*, of shape ``(h, w)`` or ``(h, w, c)``, turned from *orientation* 1 to 8."""
    import cv2

    if is_sideways(orientation):
        pixels = cv2.transpose(pixels)
    return cv2.flip(pixels, _FLIPS[orientation]) if orientation in _FLIPS else pixels
