"""What several test modules make their data with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
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


@pytest.fixture
def data(tmp_path, npy_files, monkeypatch):
    """Stand where there is a bit of everything."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(
        {
            "path": [f"{'abc'[n // 2]}/{n}.npy" for n in range(6)],
            "species": ["cat", "cat", "dog", "dog", "eel", "eel"],
            "age": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
            "legs": [4, 4, 4, 4, 0, 0],
            "weight": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "note": ["a", "b", "c", "d", "e", "f"],
        }
    )
    table.to_csv("data.csv", index=False)
    Path("empty").mkdir()
    np.save("data/odd.npy", np.zeros(3, np.float32))
    Path("data/odd.npy").rename("odd.npy")
    return table
