"""What was found out about a source, written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.errors import quote
from penstock.texttable import text_table

if TYPE_CHECKING:
    from penstock.findings import Example, Finding
    from penstock.inspecting import Inspection

__all__ = ["as_text"]

_CLASSES = 10


def as_text(inspection: Inspection) -> str:
    """Return the report on a source: its loaders, columns, samples, and the call to type."""
    parts = []
    if inspection.candidates:
        rows = [[each.loader, each.verdict, each.reason] for each in inspection.candidates]
        parts.append(text_table(["Loader", "Verdict", "Why"], rows))
    if inspection.columns:
        columns = [[quote(c.name), c.holds, quote(c.first)] for c in inspection.columns]
        parts.append(text_table(["Column", "Holds", "First"], columns))
    if inspection.found is not None:
        parts.append(_facts(inspection.found, str(inspection.loader)))
        parts.append("\n".join(["Some of them:", *map(_example, inspection.found.examples)]))
    if inspection.call is not None:
        parts.append(inspection.call)
    return "\n\n".join(parts)


def _facts(found: Finding, loader: str) -> str:
    sizes = (found.sample_bytes, found.batch_bytes, found.samples * found.sample_bytes)
    sample, batch, everything = map(_bytes, sizes)
    facts = [
        f"Samples:    {found.samples:,}, read by {loader!r}",
        f"Labels:     {_labels(found)}",
        f"Loaded:     {_array(found.shape, found.dtype)}",
        f"Delivered:  {_array(found.delivered_shape, found.delivered_dtype)}{_scaled(found)}",
        f"Memory:     {sample} per sample, {batch} per batch of 32, {everything} in all",
    ]
    if found.files:
        files = "1 file" if found.files == 1 else f"{found.files:,} files"
        about = "about " if found.estimated else ""
        facts.append(f"On disk:    {about}{_bytes(found.disk_bytes)} in {files}")
    return "\n".join(facts)


def _labels(found: Finding) -> str:
    if found.label_column is None:
        return "none found; give labels= or y_col= if there are any"
    if found.classes is None:
        return f"values in the column {quote(found.label_column)}"
    named = [f"{quote(name)} {count:,}" for name, count in found.classes.items()]
    more = f" and {len(named) - _CLASSES} more" if len(named) > _CLASSES else ""
    classes = "1 class" if len(named) == 1 else f"{len(named):,} classes"
    return f"{classes}: {', '.join(named[:_CLASSES])}{more}"


def _array(shape: tuple[int | None, ...], dtype: str) -> str:
    return f"{dtype} of shape {shape}"


def _scaled(found: Finding) -> str:
    return "" if found.scale == 1 else f", multiplied by {found.scale:.6g}"


def _example(example: Example) -> str:
    label = "" if example.label is None else f", {quote(example.label)}"
    values = "" if example.low is None else f": {example.low:.6g} to {example.high:.6g}"
    broken = "" if example.finite else ", and values that are NaN or infinite"
    sample = example.sample if example.sample.isdigit() else quote(example.sample)
    return f"  {sample}{label}{values}{broken}"


def _bytes(count: int) -> str:
    """Write a number of bytes with three digits, in powers of 1,024."""
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{value:.3g} {unit}"
