"""Dividing samples into disjoint parts."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock.order import shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["array_classes", "check_fractions", "split_positions", "with_rest"]

_NO_EPOCH = 1 << 63  # so that a split has nothing to do with any epoch's order


def with_rest(fractions: Sequence[float]) -> Sequence[float]:
    """Complete a single fraction: 0.8 means 0.8 and the rest.

    Raises:
        ConfigError: It is out of range, or leaves no rest.
    """
    if len(fractions) != 1:
        return fractions
    check_fractions(fractions)
    if fractions[0] == 1:
        raise ConfigError(
            "split(1) leaves nothing for a second part. Give a fraction below 1, such as 0.8."
        )
    return fractions[0], 1 - fractions[0]


def split_positions(
    count: int, fractions: Sequence[float], seed: int, classes: NDArray[Any] | None
) -> list[NDArray[np.int64]]:
    """Divide ``range(count)`` at random into parts of the given *fractions*.

    Args:
        count: Number of samples.
        fractions: Shares of the parts, each in (0, 1], together at most 1.
        seed: Seed of the division.
        classes: Class numbers of shape ``(count,)`` to divide in proportion:
            every part holds each class's share to within one sample per part.

    Returns:
        The positions of each part, ascending.

    Raises:
        ConfigError: A fraction is out of range, or leaves a part empty.
    """
    check_fractions(fractions)
    arranged = shuffled(count, seed, _NO_EPOCH)
    if classes is not None:
        # Sorted by class, at random within it, an even cut through the
        # arrangement is a stratified one.
        arranged = arranged[np.argsort(classes[arranged], kind="stable")]
    parts: list[NDArray[np.int64]] = []
    remaining = arranged
    total = 0.0
    for fraction in fractions:
        total += fraction
        wanted = round(count * min(total, 1.0)) - (count - len(remaining))
        # Sample j goes to this part when the running total j * share passes a
        # half: sizes are exact, and classes even.
        share = wanted / max(len(remaining), 1)
        steps = np.floor(np.arange(len(remaining) + 1) * share + 0.5 + 1e-9)
        taken = np.diff(steps) > 0
        parts.append(np.sort(remaining[taken]))
        remaining = remaining[~taken]
    for fraction, part in zip(fractions, parts, strict=True):
        if not len(part):
            raise ConfigError(
                f"A fraction of {fraction} leaves no sample of {count}."
                " Give a larger fraction, or more samples."
            )
    return parts


def check_fractions(fractions: Sequence[float]) -> None:
    """Check the shares of parts.

    Raises:
        ConfigError: There are none, one is out of range, or they exceed 1 together.
    """
    if not fractions:
        raise ConfigError("split() needs at least one fraction, such as split(0.8, 0.2).")
    for fraction in fractions:
        if (
            isinstance(fraction, bool)
            or not isinstance(fraction, Real)
            or not math.isfinite(fraction)
            or not 0 < fraction <= 1
        ):
            raise ConfigError(
                f"split() was given the fraction {quote(fraction)};"
                " it must be above 0 and at most 1. Give several one by one: split(0.8, 0.2)."
            )
    total = math.fsum(map(float, fractions))
    if total > 1 + 1e-9:
        raise ConfigError(f"split() was given fractions that add up to {total:g}, more than 1.")


def array_classes(array: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the class numbers in an array of targets, or None where they are no classes.

    Classes are whole numbers of shape ``(n,)`` or ``(n, 1)``, each of them
    twice on average, or one-hot vectors of shape ``(n, classes)``.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind in "biu":
        found, numbers = np.unique(array, return_inverse=True)
        return numbers if 2 * len(found) <= len(array) else None
    if array.ndim == 2 and array.dtype.kind in "biuf":
        one_hot = ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all()
        return np.argmax(array, axis=1) if one_hot else None
    return None
