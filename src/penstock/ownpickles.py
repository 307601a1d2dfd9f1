"""The one place that unpickles, and what it is: messages between processes of one user's.

Data are never unpickled. What is read here was written by this process, or by one
that it started or was started by, and came by a pipe, a shared memory or a
file of theirs alone.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["from_own_process"]


def from_own_process(text: Any, buffers: Iterable[Any] | None = None) -> Any:
    """Return what a process of ours pickled; *buffers* are those that it left out."""
    return pickle.loads(text, buffers=buffers)  # noqa: S301 - no data: see above
