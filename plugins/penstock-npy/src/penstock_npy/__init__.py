"""The loader ``npy`` for Penstock: one sample per ``.npy`` file."""

from __future__ import annotations

from penstock_npy.loader import NpyFiles

__all__ = ["NpyFiles"]
