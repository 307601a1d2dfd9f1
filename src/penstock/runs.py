"""Several brief batches made as one, and cut apart.

What a batch costs beside its samples – a dozen calls of Python, and caches that
the training has filled with its own – is paid once for all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.encoders import Int
from penstock.fields import EncodedField
from penstock.memory import ALIGNMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.assembly import Assembly
    from penstock.batches import Batches
    from penstock.memory import Pool
    from penstock.supply import Key

__all__ = ["cut_apart", "followers", "most_at_once", "started"]

_MOST = 5  # batches in a run: who asks shall not wait long for the first
_BYTES = 2 * 2**20  # loaded for a run: what comes first shall be at hand when it is used


def most_at_once(batches: Batches) -> int:
    """Return how many batches may be made as one: 1 where that would not give the same ones."""
    runtime, size = batches.runtime, 0
    together = batches.augment and runtime.batch_hooks
    padded = batches.padding is not None or batches.order.pad
    if together or padded or batches.output_weight or batches.errors.on_error != "raise":
        return 1
    for each in batches.targets:
        # Others may look at all the labels that they are given: at the longest, say.
        if isinstance(each, EncodedField) and type(each.component).__module__ != Int.__module__:
            return 1
    for each in batches.loaded:
        spec = each.spec
        here = batches.order.share * math.prod(spec.deliver_shape) * spec.deliver_dtype.itemsize
        if here % ALIGNMENT or spec.deliver_dtype.hasobject:
            return 1  # the second would not lie where it is taken without a copy
        size += here
    return min(max(1, _BYTES // max(size, 1)), _MOST)


def followers(key: Key, upcoming: Sequence[Key], most: int) -> list[Key]:
    """Return which of *upcoming* are made as one with the batch of *key*, *most* in all."""
    epoch, index = key
    wanted = [(epoch, index + place) for place in range(1, most)]
    same = [each == other for each, other in zip(upcoming, wanted, strict=False)]
    return wanted[: (*same, False).index(False)]


def started(batches: Batches, keys: Sequence[Key], pool: Pool) -> tuple[Assembly, list[int]]:
    """Start the batches of *keys*, of one epoch, as one; say where each of them ends."""
    rows, turns = zip(*(batches.rows_of(*key) for key in keys), strict=True)
    ends = np.cumsum([len(each) for each in rows]).tolist()
    drawn = None if turns[0] is None else np.concatenate(turns)
    return batches.assemble(*keys[0], np.concatenate(rows), drawn, pool), ends


def cut_apart(whole: tuple[Any, ...], ends: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the batches that *whole* consists of."""
    if len(ends) == 1:
        return [whole]
    starts = [0, *ends[:-1]]
    return [_part(whole, slice(start, end)) for start, end in zip(starts, ends, strict=True)]


def _part(given: Any, where: slice) -> Any:
    if isinstance(given, dict):
        return {name: _part(each, where) for name, each in given.items()}
    if isinstance(given, tuple):
        x = _part(given[0], where)  # which may be the target too
        return x, *(x if each is given[0] else _part(each, where) for each in given[1:])
    return None if given is None else given[where]
