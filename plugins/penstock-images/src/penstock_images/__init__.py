"""Image files and image augmentation for Penstock."""

from __future__ import annotations

from penstock_images.colour import Brightness, Contrast
from penstock_images.loader import ImageFiles
from penstock_images.warps import Flip, Rotate, Shear, Shift, Zoom

__all__ = ["Brightness", "Contrast", "Flip", "ImageFiles", "Rotate", "Shear", "Shift", "Zoom"]
