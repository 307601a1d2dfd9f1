"""Views: the batches of some of the samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrays import Arrays
from penstock.errors import ConfigError, quote
from penstock.order import Order
from penstock.splitting import array_classes, split_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["split_views", "subset_view"]


def split_views(
    batches: Batches,
    fractions: Sequence[float],
    *,
    seed: int,
    stratify: bool | None,
    shuffle: bool,
    augment: bool,
) -> list[Batches]:
    """Divide *batches*' samples at random into disjoint views.

    The first goes on as *batches* does. The others are not shuffled and not
    augmented, unless told, and count every class as it comes.

    Args:
        batches: What to divide.
        fractions: Shares of the parts, together at most 1.
        seed: Seed of the division.
        stratify: Whether every part has each class in proportion; None to do so
            where labels are classes.
        shuffle: Whether the other parts are shuffled too.
        augment: Whether the other parts are augmented too.

    Raises:
        ConfigError: The fractions do not divide these samples.
    """
    classes = None if stratify is False else _classes(batches)
    if stratify and classes is None:
        raise ConfigError(
            "split(stratify=True) needs labels that are classes, one per sample; there are none."
        )
    first, *others = split_positions(len(batches.rows), fractions, seed, classes)
    views = [_view(batches, first)]
    for positions in others:
        view = _view(batches, positions, shuffle=batches.order.shuffle and shuffle)
        # As with fit(class_weight=…), validation is not weighted by class.
        views.append(replace(view, augment=batches.augment and augment, class_weight=None))
    return views


def subset_view(batches: Batches, positions: Sequence[int] | NDArray[Any]) -> Batches:
    """Return the view of the samples at *positions*, or where a mask is True.

    Raises:
        ConfigError: There are no such positions, or none at all.
    """
    count = len(batches.rows)
    try:
        chosen = np.asarray(positions)
    except ValueError:  # lists of several lengths
        chosen = np.empty(0)
    if chosen.dtype == bool and chosen.shape == (count,):
        chosen = np.flatnonzero(chosen)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ConfigError(
            f"subset({quote(positions)}) needs positions, or a boolean for each of {count} samples,"
            " that choose at least one."
        )
    wrong = chosen[(chosen < 0) | (chosen >= count)]
    if len(wrong):
        raise ConfigError(f"subset() was given the position {wrong[0]}; there are {count} samples.")
    return _view(batches, chosen)


def _view(batches: Batches, positions: NDArray[Any], *, shuffle: bool | None = None) -> Batches:
    old = batches.order
    order = Order(
        len(positions),
        old.batch_size,
        old.shuffle if shuffle is None else shuffle,
        old.seed,
        old.drop_remainder,
    )
    if not len(order):
        raise ConfigError(
            f"A part of {len(positions)} samples has no full batch of {old.batch_size}."
            " Give a smaller batch_size=, or drop_remainder=False."
        )
    return replace(batches, rows=batches.rows[positions], order=order)


def _classes(batches: Batches) -> NDArray[Any] | None:
    """Return the class number of each sample, or None where labels are no classes."""
    if batches.classed is not None:
        return batches.classed.labels[batches.rows]
    for target in batches.targets:
        if isinstance(target.component, Arrays):
            classes = array_classes(target.component.array)
            if classes is not None:
                return classes[batches.rows]
    return None
