"""Views: the batches of some of the samples."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from penstock.arrays import Arrays
from penstock.checks import check_flag
from penstock.errors import ConfigError, quote
from penstock.failures import ErrorPolicy
from penstock.fields import LoadedField
from penstock.preparing import choose_preparers
from penstock.splitting import array_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.order import Order

__all__ = ["Viewed", "classes_of", "part_views", "plain_view", "prepared_view", "subset_view"]


class Viewed:
    """What has batches, and gives views of them as things of its own kind."""

    _batches: Batches
    _table: pd.DataFrame

    @abstractmethod
    def _of(self, batches: Batches) -> Self:
        """Return one of other batches of the same source."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def part_views(
    batches: Batches, parts: Sequence[NDArray[Any]], *, shuffle: bool, augment: bool
) -> list[Batches]:
    """Make a view of each part of *batches*' samples.

    The first goes on as *batches* does. The others are not shuffled and not
    augmented, unless told, hold each sample once, as it comes, and keep a last
    batch that is not full.

    Args:
        batches: What is divided.
        parts: The positions of each part.
        shuffle: Whether the other parts are shuffled too.
        augment: Whether the other parts are augmented too.

    Raises:
        ConfigError: The first part has no full batch.
    """
    check_flag("shuffle", shuffle)
    check_flag("augment", augment)
    first, *others = parts
    views = [_view(batches, first, batches.order)]
    augment = batches.augment and augment
    for positions in others:
        # What is evaluated is evaluated whole, each sample once.
        order = replace(
            batches.order,
            shuffle=batches.order.shuffle and shuffle,
            drop_remainder=False,
            pad=batches.order.pad or batches.order.shard[1] > 1,
            sampling=None,
        )
        view = _view(batches, positions, order)
        # As with fit(class_weight=…), validation is not weighted by class.
        view = replace(view, class_weight=None, output_weight=None)
        views.append(replace(view, augment=augment, endless=False))
    return views


def plain_view(batches: Batches, *, loaded_targets: bool = False) -> Batches:
    """Return the view of each sample once, in order, as loaded and delivered.

    There is no augmentation, no weight, no encoded target and no shard. A sample that
    cannot be loaded is masked where another would take its place.

    Args:
        batches: What of.
        loaded_targets: Whether targets that are loaded are kept.
    """
    order = replace(
        batches.order, shuffle=False, drop_remainder=False, sampling=None, shard=(0, 1), pad=False
    )
    tolerant = batches.errors.on_error != "raise"
    errors = ErrorPolicy("mask", batches.errors.max_errors) if tolerant else ErrorPolicy()
    targets = tuple(each for each in batches.targets if isinstance(each, LoadedField))
    return replace(
        batches,
        targets=targets if loaded_targets else (),
        order=order,
        sample_weight=None,
        class_weight=None,
        output_weight=None,
        echo=False,
        augment=False,
        endless=False,
        errors=errors,
    )


def prepared_view(batches: Batches, given: Any) -> Batches:
    """Return the view of the same samples, prepared by *given* on top of what prepares them."""
    chosen = choose_preparers(given, batches.inputs)
    names = dict.fromkeys([*batches.preparers, *chosen])
    both = {name: (*batches.preparers.get(name, ()), *chosen.get(name, ())) for name in names}
    return replace(batches, preparers=both)


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
    return _view(batches, chosen, batches.order)


def _view(batches: Batches, positions: NDArray[Any], like: Order) -> Batches:
    sampling = like.sampling and like.sampling.of(positions)
    bucketing = like.bucketing and like.bucketing.of(positions)
    order = replace(like, count=len(positions), sampling=sampling, bucketing=bucketing)
    if not len(order):
        raise ConfigError(
            f"A part of {len(positions)} samples has no full batch of {order.batch_size}."
            " Give a smaller batch_size=, or drop_remainder=False."
        )
    return replace(batches, rows=batches.rows[positions], order=order)


def classes_of(batches: Batches) -> NDArray[Any] | None:
    """Return the class number of each sample, or None where labels are no classes."""
    if batches.classed is not None:
        return batches.classed.labels[batches.rows]
    for target in batches.targets:
        if isinstance(target.component, Arrays):
            classes = array_classes(target.component.array)
            if classes is not None:
                return classes[batches.rows]
    return None
