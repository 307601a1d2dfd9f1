"""The rows of the table, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.workloads import files, images, tables, training

if TYPE_CHECKING:
    from benchmarks.rows import Row

__all__ = ["rows"]


def rows(cores: int, *, gpu: bool) -> list[Row]:
    """Return all rows for a machine of so many *cores*, with a GPU or without."""
    found = [*images.ROWS, *files.ROWS, *tables.ROWS, *training.ROWS]
    if cores > 2:
        found.append(images.scaling(cores))
    if gpu:
        found.append(training.GPU)
    return found
