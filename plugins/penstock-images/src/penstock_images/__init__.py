"""Image files and image augmentation for Penstock."""

from __future__ import annotations

from penstock_images.colour import Brightness, ChannelShift, Contrast
from penstock_images.cutmix import CutMix
from penstock_images.erasing import Erase
from penstock_images.loader import ImageFiles
from penstock_images.objects import Boxes, BoxLabels
from penstock_images.points import Keypoints
from penstock_images.policies import RandAugment, TrivialAugment
from penstock_images.replaying import apply_transform
from penstock_images.saving import save_images
from penstock_images.warps import Flip, Rotate, Shear, Shift, Zoom

__all__ = [
    "BoxLabels",
    "Boxes",
    "Brightness",
    "ChannelShift",
    "Contrast",
    "CutMix",
    "Erase",
    "Flip",
    "ImageFiles",
    "Keypoints",
    "RandAugment",
    "Rotate",
    "Shear",
    "Shift",
    "TrivialAugment",
    "Zoom",
    "apply_transform",
    "save_images",
]
