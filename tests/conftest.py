"""What several test modules make their data with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def write():
    """Return a function that writes small files below a root."""

    def write(root, *names):
        for name in names:
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    return write


@pytest.fixture
def strange_names():
    """Return names that a file may well have."""
    return [
        "caf\u00e9.npy",  # composed
        "cafe\u0301.npy",  # decomposed: another name
        os.fsdecode(b"caf\xe9.npy"),  # no UTF-8
        "n" * 251 + ".npy",  # 255 bytes
        "two\nlines.npy",
        "-rf.npy",
        "\N{WATER WAVE}.npy",
        "\u05e9\u05dc\u05d5\u05dd.npy",  # from right to left
        " padded .npy",
        "a'b\"c.npy",
        "100%.npy",
        "UPPER.NPY",
    ]


@pytest.fixture
def npy_files(tmp_path):
    """Write six samples of shape (2,) in three classes: ``data/<class>/<number>.npy``."""
    root = tmp_path / "data"
    for number in range(6):
        folder = root / "abc"[number // 2]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{number}.npy", np.full(2, number, np.float32))
    return root
