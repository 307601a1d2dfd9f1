"""Loading every sample of a source once, to find those that cannot be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, SampleError, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.fields import LoadedField

__all__ = ["BadSample", "scan", "write_bad"]

_SLICE = 16  # samples that are loaded at once


@dataclass(frozen=True)
class BadSample:
    """A sample that cannot be loaded.

    Attributes:
        sample: Its name in the source.
        index: Its row.
        error: The class of the error.
        reason: What is wrong.
    """

    sample: str
    index: int
    error: str
    reason: str


def scan(
    read: LoadedField,
    names: Sequence[Any],
    *,
    workers: int,
    progress: Callable[[int, int], object] | None = None,
) -> list[BadSample]:
    """Load each sample of a field once, and return those that cannot be.

    Args:
        read: The field.
        names: What its samples are called.
        workers: How many threads load.
        progress: Is told how many samples were looked at, and how many are bad.

    Raises:
        PenstockError: Something is wrong that is no sample's fault.
    """
    count = len(read.samples)
    slices = [np.arange(at, min(at + _SLICE, count)) for at in range(0, count, _SLICE)]
    found: list[BadSample] = []
    done = 0
    # Some slices ahead of what was looked at, and not all of a million at once.
    with ThreadPoolExecutor(max(1, workers), "penstock-scan") as pool:
        pending = [
            pool.submit(_scan_slice, read, names, rows) for rows in slices[: 4 * workers + 4]
        ]
        try:
            for at, rows in enumerate(slices):
                found += pending[at % len(pending)].result()
                following = at + len(pending)
                if following < len(slices):
                    pending[at % len(pending)] = pool.submit(
                        _scan_slice, read, names, slices[following]
                    )
                done += len(rows)
                if progress is not None:
                    progress(done, len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _scan_slice(
    read: LoadedField, names: Sequence[Any], rows: NDArray[np.int64]
) -> list[BadSample]:
    try:
        read.each(rows)
    except SampleError:
        return [bad for row in rows.tolist() if (bad := _scan_one(read, names, row))]
    return []


def _scan_one(read: LoadedField, names: Sequence[Any], row: int) -> BadSample | None:
    try:
        read.each(np.array([row]))
    except SampleError as error:
        return BadSample(str(names[row]), row, type(error).__name__, error.message)
    return None


def write_bad(found: Sequence[BadSample], path: str) -> None:
    """Write a list that ``exclude=`` takes: a CSV, or for any other ending a name per line.

    Raises:
        ConfigError: It cannot be written, or a name has no place in it.
    """
    import csv

    table = path.lower().endswith(".csv")
    if not table and any("\n" in bad.sample for bad in found):
        raise ConfigError(f"A name with a line break needs a CSV: --write-bad {quote(path)}.csv")
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            if table:
                writer = csv.writer(file)
                writer.writerow(("sample", "index", "error", "reason"))
                writer.writerows((bad.sample, bad.index, bad.error, bad.reason) for bad in found)
            else:
                file.writelines(f"{bad.sample}\n" for bad in found)
    except OSError as error:
        raise ConfigError(
            f"The list {quote(os.fspath(path))} cannot be written: {error.strerror}."
        ) from error
