"""The loader npy keeps the contract, as Penstock's kit asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.testing import LoaderConformance
from penstock_npy import NpyFiles

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.arange(5 * 3 * 4 * 2).reshape(5, 3, 4, 2) - 7


class TestNpyFiles(LoaderConformance):
    entry_point = "npy"
    dtype = "<f8"
    order = "C"
    options: ClassVar[dict[str, Any]] = {}

    def make(self, directory: Path) -> tuple[Any, Any]:
        for number, array in enumerate(VALUES):
            np.save(directory / f"{number}.npy", array.astype(self.dtype, order=self.order))
        return NpyFiles(**self.options), [f"{number}.npy" for number in range(len(VALUES))]

    def expected(self, directory: Path) -> Any:
        return VALUES


class TestForeignFiles(TestNpyFiles):
    """Big-endian files in Fortran's order."""

    dtype = ">i2"
    order = "F"
    options: ClassVar = {"dtype": None, "data_format": "channels_first"}


class TestReshapedFiles(TestNpyFiles):
    options: ClassVar = {"shape": (6, 4, 1), "check_finite": True}

    def expected(self, directory: Path) -> Any:
        return VALUES.reshape(5, 6, 4, 1)


class TestIds(TestNpyFiles):
    def make(self, directory: Path) -> tuple[Any, Any]:
        loader, names = super().make(directory)
        return loader, [name.removesuffix(".npy") for name in names]


class TestFolder(TestNpyFiles):
    def make(self, directory: Path) -> tuple[Any, Any]:
        loader, _ = super().make(directory)
        return loader, "."
