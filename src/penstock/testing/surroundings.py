"""What all of a program shares, and no component may change."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["watched"]


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note what has changed at the end of the block, and put it back.

    Yields:
        A list, empty until the block ends: the names of what has changed.
    """
    before = _snapshot()
    changed: list[str] = []
    try:
        yield changed
    finally:
        after = _snapshot()
        changed += [name for name, value in before.items() if after[name] != value]
        _restore(before)


def _snapshot() -> dict[str, Any]:
    kind, words, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the state to watch
    return {
        "the state of random": random.getstate(),
        "the state of numpy.random": (kind, tuple(np.asarray(words).tolist()), *rest),
        "the current directory": os.getcwd(),
        "numpy's handling of errors": np.geterr(),
    }


def _restore(before: dict[str, Any]) -> None:
    random.setstate(before["the state of random"])
    np.random.set_state(before["the state of numpy.random"])  # noqa: NPY002 - as above
    os.chdir(before["the current directory"])
    np.seterr(**before["numpy's handling of errors"])
