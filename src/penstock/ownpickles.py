"""The one place that unpickles, and what it is: messages between processes of one user's.

Data are never unpickled. What is read here was written by this process, or by one
that it started or was started by, and came by a pipe, a shared memory or a
file of theirs alone.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["from_own_process"]


def from_own_process(
    text: Any,
    buffers: Iterable[Any] | None = None,
    named: Callable[[str], Any] | None = None,
) -> Any:
    """Return what a process of ours pickled.

    Args:
        text: The pickle.
        buffers: Those that were left out of it.
        named: Finds what there is only a name of.
    """
    reader = _Reader(io.BytesIO(text), buffers=buffers)
    reader.named = named
    return reader.load()


class _Reader(pickle.Unpickler):  # no data: see above
    named: Callable[[str], Any] | None = None

    def persistent_load(self, name: str) -> Any:
        if self.named is None:
            raise pickle.UnpicklingError(f"There is only the name {name!r}.")
        return self.named(name)
