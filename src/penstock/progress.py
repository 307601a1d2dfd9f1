"""A progress bar, where tqdm is installed."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from types import SimpleNamespace
from typing import Any

__all__ = ["progress_bar"]


def progress_bar(title: str, total: int, unit: str, *, progress: bool) -> Any:
    """Return a context whose ``update(n)`` moves a bar, after a second of waiting.

    Args:
        title: What is done.
        total: How many there are.
        unit: Of what.
        progress: Whether to show it at all.
    """
    try:
        tqdm: Any = import_module("tqdm").tqdm
    except ImportError:
        return nullcontext(SimpleNamespace(update=int))
    # Without the thread that tqdm keeps to watch its bars.
    bar = type("Bar", (tqdm,), {"monitor_interval": 0})
    return bar(
        desc=title,
        total=total,
        unit=unit,
        unit_scale=True,
        delay=1.0,  # what is done in a second needs no bar
        leave=False,
        disable=not progress,
    )
