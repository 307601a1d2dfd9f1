"""The loader ``nifti`` for Penstock: one volume per ``.nii`` or ``.nii.gz`` file."""

from __future__ import annotations

from nifti_plugin.loader import NiftiFiles

__all__ = ["NiftiFiles"]
