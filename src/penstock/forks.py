"""Locks that are free again in a forked child, whoever held them in the parent.

A child of ``fork`` has the thread that forked and no other. What a lock of
another thread guarded is consistent all the same: no lock here is held around
more than a few assignments.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["renew_after_fork"]

_OWNERS: weakref.WeakKeyDictionary[object, tuple[str, Callable[[], Any]]] = (
    weakref.WeakKeyDictionary()
)


def renew_after_fork(
    owner: object, name: str = "_lock", kind: Callable[[], Any] = threading.Lock
) -> None:
    """Give the attribute *name* of *owner*, a lock of a *kind*, a new one in every child."""
    _OWNERS[owner] = name, kind


def _renew() -> None:
    for owner, (name, kind) in list(_OWNERS.items()):
        setattr(owner, name, kind())


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew)
