"""The loader ``csv`` for Penstock: one sample per row of a CSV file."""

from __future__ import annotations

from penstock_csv.loader import CsvRows

__all__ = ["CsvRows"]
