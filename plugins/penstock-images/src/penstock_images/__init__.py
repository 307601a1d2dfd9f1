"""Image files and image augmentation for Penstock."""

from __future__ import annotations

from penstock_images.colour import Brightness, ChannelShift, Contrast
from penstock_images.loader import ImageFiles
from penstock_images.replaying import apply_transform
from penstock_images.saving import save_images
from penstock_images.warps import Flip, Rotate, Shear, Shift, Zoom

__all__ = [
    "Brightness",
    "ChannelShift",
    "Contrast",
    "Flip",
    "ImageFiles",
    "Rotate",
    "Shear",
    "Shift",
    "Zoom",
    "apply_transform",
    "save_images",
]
