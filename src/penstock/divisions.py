"""How a sequence is divided: into parts, folds and subsets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from penstock.checks import check_whole
from penstock.overlaps import refuse_overlap, warn_of_overlap
from penstock.partition import fold_positions, part_positions
from penstock.savedsplits import read_split
from penstock.views import Viewed, part_views, subset_view

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["Divisions"]


class Divisions(Viewed):
    """Samples in batches, as people divide them."""

    def split(
        self,
        *parts: Any,
        groups: Any = None,
        time: Any = None,
        by: Any = None,
        seed: int | None = None,
        stratify: bool | None = None,
        shuffle: bool = False,
        augment: bool = False,
    ) -> tuple[Self, ...]:
        """Divide the samples into disjoint sequences: at random, by group, time or column.

        The first is for training and goes on as this sequence does. The others
        are for validation and test: each sample once, not shuffled, not
        augmented, and with their last batch even where it is not full.

        Args:
            *parts: Shares of the parts, together at most 1; one alone means
                that and the rest. With *by*, the values that name the parts.
            groups: A column, or an array with one per sample: no group is in two parts,
                and sizes are as near as whole groups allow.
            time: A column of dates or numbers, or an array with one per sample: the first
                part is the earliest, and no time is in two parts. Two of them say when a
                sample begins and ends: one that reaches into a later part is left out.
            by: A column that says which part a sample belongs to, or an array.
            seed: Seed of the division; the sequence's own by default.
            stratify: Whether every part has each class in proportion; by
                default where labels are classes, but for *time* and *by*.
            shuffle: Whether the other parts are shuffled too.
            augment: Whether the other parts are augmented too.

        Returns:
            A sequence per part.

        Raises:
            ConfigError: The parts do not divide these samples.
        """
        positions = part_positions(
            self._batches,
            self._table,
            parts,
            groups=groups,
            time=time,
            by=by,
            seed=seed,
            stratify=stratify,
        )
        warn_of_overlap(self._batches, positions)
        views = part_views(self._batches, positions, shuffle=shuffle, augment=augment)
        return tuple(self._of(view) for view in views)

    def folds(
        self,
        k: int,
        *,
        groups: Any = None,
        time: Any = None,
        seed: int | None = None,
        stratify: bool | None = None,
        shuffle: bool = False,
        augment: bool = False,
    ) -> list[tuple[Self, Self]]:
        """Divide the samples for k-fold cross-validation.

        Args:
            k: How many folds; at least 2.
            groups: As in ``split``.
            time: As in ``split``. The samples are divided into *k* + 1 stretches, and a fold
                is trained on all before the one that it is validated on.
            seed: Seed of the division; the sequence's own by default.
            stratify: As in ``split``.
            shuffle: Whether validation is shuffled too.
            augment: Whether validation is augmented too.

        Returns:
            *k* pairs of training and validation data, as ``split`` makes them. Without *time*
            each sample is validated on in one fold, and trained on in all others.

        Raises:
            ConfigError: The samples cannot be divided so.
        """
        pairs = fold_positions(
            self._batches,
            self._table,
            check_whole("k", k, 2),
            groups=groups,
            time=time,
            seed=seed,
            stratify=stratify,
        )
        # By time, what one fold validates on the next one may train on.
        divided = [[validated for _, validated in pairs]] if time is None else pairs
        for parts in divided:
            warn_of_overlap(self._batches, parts)
        folds = []
        for pair in pairs:
            views = part_views(self._batches, pair, shuffle=shuffle, augment=augment)
            training, validation = (self._of(view) for view in views)
            folds.append((training, validation))
        return folds

    def load_split(
        self, path: str | os.PathLike[str], *, shuffle: bool = False, augment: bool = False
    ) -> tuple[Self, ...]:
        """Divide the samples as a file says that ``penstock.save_split`` wrote.

        Args:
            path: The file. Samples that it does not name are left out.
            shuffle: Whether the parts but the first are shuffled too.
            augment: Whether they are augmented too.

        Returns:
            A sequence per part, in the order in which they were saved.

        Raises:
            ConfigError: It is no such file, or names samples that are not here, or one twice.
        """
        positions = read_split(path, self._batches, self._table)
        views = part_views(self._batches, positions, shuffle=shuffle, augment=augment)
        return tuple(self._of(view) for view in views)

    def check_disjoint(self, *others: Divisions, by: str | None = None) -> None:
        """Refuse to go on if this sequence and others have samples in common.

        Args:
            *others: The other sequences; they may come of other sources.
            by: A column, such as of patients, that is to have no value in common;
                by default the files that are loaded, or the rows of one table.

        Raises:
            ConfigError: They have; says how many, and names some.
        """
        parts = [(each._batches, each._table) for each in (self, *others)]  # noqa: SLF001 - ours
        refuse_overlap(parts, by)

    def take(self, count: int) -> Self:
        """Return a sequence of the first *count* samples."""
        count = check_whole("count", count, 1)
        return self.subset(np.arange(min(count, len(self._batches.rows))))

    def subset(self, positions: Sequence[int] | NDArray[Any]) -> Self:
        """Return a sequence of the samples at *positions*, or where a mask is True.

        Args:
            positions: Positions in ``samples``, or a boolean per sample.
        """
        return self._of(subset_view(self._batches, positions))
