"""What comes with Penstock, and the environment variables that keep all else out.

For a run that must not depend on what is installed beside:
``PENSTOCK_DISABLE_PLUGINS=1`` leaves the distributions that come with Penstock,
``PENSTOCK_PLUGINS=one,two`` leaves these and the named ones.
"""

from __future__ import annotations

import os
import re

__all__ = ["BUNDLED", "OURS", "disabling", "normal"]

BUNDLED: dict[str, dict[str, str]] = {
    "loader": {
        "arrays": "penstock",
        "audio": "penstock-audio",
        "box_labels": "penstock-images",
        "boxes": "penstock-images",
        "columns": "penstock",
        "csv": "penstock-csv",
        "images": "penstock-images",
        "keypoints": "penstock-images",
        "npy": "penstock-npy",
        "text": "penstock",
        "windows": "penstock",
    },
    "encoder": dict.fromkeys(("binary", "categorical", "float", "int", "multilabel"), "penstock"),
    "augmenter": {
        "mixup": "penstock",
        **dict.fromkeys(
            ("flip", "rotate", "shear", "zoom", "shift", "brightness", "contrast"),
            "penstock-images",
        ),
        **dict.fromkeys(("cutmix", "erase", "randaugment", "trivialaugment"), "penstock-images"),
    },
}
"""By kind and name, the distributions of the components that come with Penstock."""

OURS = frozenset(home for names in BUNDLED.values() for home in names.values())
"""The distributions that come with Penstock, itself among them."""


def normal(distribution: str) -> str:
    """Return a distribution's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def disabling(distribution: str) -> str:
    """Return the setting in the environment that keeps a distribution out.

    Returns:
        ``VARIABLE=value``; empty where the distribution is used.
    """
    if normal(distribution) in OURS:
        return ""
    disable = os.environ.get("PENSTOCK_DISABLE_PLUGINS", "")
    if disable.strip().lower() not in ("", "0", "false", "no", "off"):
        return f"PENSTOCK_DISABLE_PLUGINS={disable}"
    allowed = os.environ.get("PENSTOCK_PLUGINS", "")
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    if names and normal(distribution) not in map(normal, names):
        return f"PENSTOCK_PLUGINS={allowed}"
    return ""
