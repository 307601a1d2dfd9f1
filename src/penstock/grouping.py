"""Dividing samples into parts that share no group, or no time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError
from penstock.order import shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["group_positions", "time_positions"]

_NO_EPOCH = (1 << 63) + 1  # so that a division has nothing to do with any epoch's order


def group_positions(
    groups: NDArray[Any], fractions: Sequence[float], seed: int, classes: NDArray[Any] | None
) -> list[NDArray[np.int64]]:
    """Divide samples into parts of the given *fractions*, whole groups to each.

    The largest group goes first, equal ones in an order of the seed, each to
    the part that lacks most: sizes are as near as whole groups allow, none
    is empty, and a part exceeds its share by less than the largest group.

    Args:
        groups: Group numbers from 0 of shape ``(n,)``.
        fractions: Shares of the parts, together at most 1.
        seed: Seed of the division.
        classes: Class numbers of shape ``(n,)`` to divide in proportion, as far
            as the groups allow, or None.

    Returns:
        The positions of each part, ascending.

    Raises:
        ConfigError: There are fewer groups than parts.
    """
    count = int(groups.max()) + 1
    if count < len(fractions):
        raise ConfigError(
            f"{len(fractions)} parts need as many groups, and there are {count}."
            " Give fewer parts, or a column with more groups."
        )
    sizes = np.bincount(groups, minlength=count).astype(np.float64)
    have = sizes[:, None] / len(groups)
    if classes is not None:
        _, classes = np.unique(classes, return_inverse=True)
        by_class = np.zeros((count, int(classes.max()) + 1))
        np.add.at(by_class, (groups, classes), 1)
        have = np.hstack([have, by_class / by_class.sum(axis=0)])
    shares = np.array([*fractions, max(1 - sum(fractions), 0.0)])
    lacks = np.repeat(shares[:, None], have.shape[1], axis=1)
    order = shuffled(count, seed, _NO_EPOCH)
    order = order[np.argsort(-sizes[order], kind="stable")]
    part_of = np.empty(count, np.int64)
    empty = set(range(len(fractions)))
    for done, group in enumerate(order.tolist()):
        own = have[group]
        # What is left to do, as a sum of squares, grows least where most is lacking.
        costs = (own * (own - 2 * lacks)).sum(axis=1)
        if count - done <= len(empty):  # the last groups go where there are none
            part = min(empty, key=costs.__getitem__)
        else:
            part = int(np.argmin(costs))
        empty.discard(part)
        part_of[group] = part
        lacks[part] -= own
    return [np.flatnonzero(part_of[groups] == part) for part in range(len(fractions))]


def time_positions(times: NDArray[Any], fractions: Sequence[float]) -> list[NDArray[np.int64]]:
    """Divide samples into parts of the given *fractions*, the earliest first.

    Samples of one time stay together: a cut goes to the nearest change.

    Args:
        times: What to sort by, of shape ``(n,)``.
        fractions: Shares of the parts, together at most 1.

    Returns:
        The positions of each part, ascending.

    Raises:
        ConfigError: A part has no time of its own.
    """
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    changes = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(times)]])
    ends = np.minimum(np.cumsum(fractions), 1.0) * len(times)
    cuts = [0, *(int(changes[np.argmin(abs(changes - end))]) for end in ends)]
    parts = [np.sort(order[start:stop]) for start, stop in pairwise(cuts)]
    for fraction, positions in zip(fractions, parts, strict=True):
        if not len(positions):
            raise ConfigError(
                f"A fraction of {fraction:g} leaves no time of {len(changes) - 1}: samples of one"
                " time stay together. Give a larger fraction, or a finer column."
            )
    return parts
