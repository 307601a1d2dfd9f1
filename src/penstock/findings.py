"""What a loader finds in a source: how many samples, of what kind, of what size."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.labels import known_classes, label_values

if TYPE_CHECKING:
    import pandas as pd

    from penstock.fields import LoadedField

__all__ = ["Example", "Finding", "find"]

_BATCH = 32
_STAT_AT_MOST = 20_000
_MEASURED = 1_000


@dataclass(frozen=True)
class Example:
    """One sample, loaded.

    Attributes:
        sample: The file's name, or the row's number.
        label: Its label, or None.
        low: Its smallest value as delivered, or None where values are no numbers.
        high: Its largest.
        finite: Whether no value is NaN or infinite.
    """

    sample: str
    label: str | None
    low: float | None
    high: float | None
    finite: bool


@dataclass(frozen=True)
class Finding:
    """What a loader finds in a source.

    Attributes:
        samples: How many.
        label_column: The column of labels in the samples table, or None.
        classes: How many samples each class has, or None where there are no classes.
        shape: Shape of one sample, as loaded.
        dtype: Its dtype.
        delivered_shape: Shape of one sample, as Keras receives it.
        delivered_dtype: Its dtype.
        scale: Factor that is applied on delivery.
        sample_bytes: Bytes of one sample, as Keras receives it.
        batch_bytes: Bytes of a batch of 32.
        files: How many files the samples are.
        disk_bytes: Bytes of these files.
        estimated: Whether that is reckoned from some of them.
        examples: The first, the middle and the last sample.
    """

    samples: int
    label_column: str | None
    classes: dict[str, int] | None
    shape: tuple[int | None, ...]
    dtype: str
    delivered_shape: tuple[int | None, ...]
    delivered_dtype: str
    scale: float
    sample_bytes: int
    batch_bytes: int
    files: int
    disk_bytes: int
    estimated: bool
    examples: list[Example]


def find(read: LoadedField, labels: pd.Series[Any] | None, *, values: bool) -> Finding:
    """Describe the samples of a field, and load three of them.

    Args:
        read: The field.
        labels: The label of each sample, or None.
        values: Whether labels are values, and no classes.

    Raises:
        LabelError: Samples have no label.
        SampleError: One of the three cannot be loaded.
    """
    spec = read.spec
    count = len(read.samples)
    size, largest = _elements(read)
    files, disk_bytes, estimated = _size(read)
    return Finding(
        samples=count,
        label_column=None if labels is None else str(labels.name),
        classes=None if labels is None or values else _classes(labels),
        shape=spec.shape,
        dtype=_dtype_name(spec.dtype),
        delivered_shape=spec.deliver_shape,
        delivered_dtype=_dtype_name(spec.deliver_dtype),
        scale=spec.scale,
        sample_bytes=size * spec.deliver_dtype.itemsize,
        batch_bytes=_BATCH * largest * spec.deliver_dtype.itemsize,
        files=files,
        disk_bytes=disk_bytes,
        estimated=estimated,
        examples=_examples(read, labels),
    )


def _elements(read: LoadedField) -> tuple[int, int]:
    """Return the mean and the largest number of elements of some of the samples."""
    if read.sizes is None:
        count = math.prod(read.spec.shape)
        return count, count
    rows = np.arange(0, len(read.samples), -(-len(read.samples) // _MEASURED))
    counts = [math.prod(read.spec.sized(sizes)) for sizes in read.sizes.of(rows).tolist()]
    return round(sum(counts) / len(counts)), max(counts)


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind == "O" else str(dtype.name)


def _classes(labels: pd.Series[Any]) -> dict[str, int]:
    import pandas as pd

    values = label_values(labels, None)
    counts = pd.Series(values, dtype=object).value_counts(sort=False).to_dict()
    known = known_classes(labels)
    names: Any = known
    if names is None:
        names = sorted(counts, key=lambda name: (isinstance(name, str), name))
    return {str(name): int(counts.get(name, 0)) for name in names}


def _size(read: LoadedField) -> tuple[int, int, bool]:
    """Return how many files the samples are, their bytes, and whether these are estimated."""
    if read.prefix is None:
        one = read.source is not None and os.path.isfile(read.source)
        return (1, os.path.getsize(str(read.source)), False) if one else (0, 0, False)
    step = -(-len(read.samples) // _STAT_AT_MOST)
    sizes = [os.path.getsize(read.prefix + name) for name in read.samples[::step]]
    return len(read.samples), sum(sizes) * len(read.samples) // len(sizes), step > 1


def _examples(read: LoadedField, labels: pd.Series[Any] | None) -> list[Example]:
    rows = np.unique(np.linspace(0, len(read.samples) - 1, 3).astype(np.int64))
    return [
        _example(
            read.samples[row] if read.prefix is not None else int(row),
            None if labels is None else labels.iloc[row],
            values,
            read.spec.scale,
        )
        for row, values in zip(rows, read.each(rows), strict=True)
    ]


def _example(sample: Any, label: Any, values: Any, scale: float) -> Example:
    name, title = str(sample), None if label is None else str(label)
    if np.asarray(values).dtype.kind == "O":
        return Example(name, title, None, None, finite=True)
    # A sample may be a single number.
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    if low is not None and high is not None:
        low, high = sorted((low * scale, high * scale))
    return Example(name, title, low, high, finite=finite.size == numbers.size)
