"""The loader csv keeps the contract, as Penstock's kit asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from penstock.testing import LoaderConformance
from penstock_csv import CsvRows

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "id,height,width,species\n1,1.5,2,cat\n2,2.5,3,dog\n3,3.5,4,cat\n4,-1,5,eel\n"


class TestCsvRows(LoaderConformance):
    entry_point = "csv"
    name = "table.csv"
    table = TABLE
    options: ClassVar[dict[str, Any]] = {}

    def make(self, directory: Path) -> tuple[Any, Any]:
        path = directory / self.name
        if not path.exists():  # a file written anew would be packed anew
            path.write_text(self.table, encoding="utf-8")
        cache = str(directory / ".cache")
        return CsvRows(cache_dir=cache, exclude=["id"], y_col="species", **self.options), self.name

    def expected(self, directory: Path) -> Any:
        return [[1.5, 2], [2.5, 3], [3.5, 4], [-1, 5]]


class TestTabbedFile(TestCsvRows):
    name = "table.TSV"
    table = TABLE.replace(",", "\t")
    options: ClassVar = {"dtype": "float64", "columns": ("width",)}

    def expected(self, directory: Path) -> Any:
        return [[2], [3], [4], [5]]


class TestMissingValues(TestCsvRows):
    table = TABLE.replace("2.5", "")
    options: ClassVar = {"missing": "nan"}

    def expected(self, directory: Path) -> Any:
        return [[1.5, 2], [float("nan"), 3], [3.5, 4], [-1, 5]]
