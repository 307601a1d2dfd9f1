"""The Keras face: a PyDataset over batches and read-ahead."""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from penstock.checks import check_whole
from penstock.errors import BackendMissing
from penstock.passes import Passes
from penstock.readahead import ReadAhead, usable_cores
from penstock.texts import text_as_tensors
from penstock.views import split_views, subset_view

try:
    import keras
except ImportError as error:
    raise BackendMissing(
        f"Keras cannot be imported: {error}. Install a backend:"
        ' pip install "penstock[tensorflow]" (the default), or "penstock[jax]" or "penstock[torch]"'
        " with the environment variable KERAS_BACKEND set to jax or torch."
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence as SequenceOf

    import pandas as pd
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.fields import EncodedField

__all__ = ["Sequence"]


class Sequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches for ``fit``, ``evaluate`` and ``predict``; made by ``penstock.make_generator``.

    ``sequence[i]`` is batch *i* of the current epoch; iteration is one epoch.
    Batches are ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, x and y
    arrays of shape ``(batch, …)`` or dicts of them.

    Args:
        batches: What makes the batches.
        table: The samples table.
        workers: Threads that load; the usable cores by default; 0 for none.
        max_queue_size: Batches to keep ready ahead of ``fit``.
        use_multiprocessing: Accepted because Keras has it; threads are used.
    """

    def __init__(
        self,
        batches: Batches,
        table: pd.DataFrame,
        *,
        workers: int | None = None,
        max_queue_size: int = 4,
        use_multiprocessing: bool = False,
    ) -> None:
        # With more, Keras' own enqueuer loses batches and returns wrong metrics.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=max_queue_size)
        if use_multiprocessing:
            warnings.warn(
                "use_multiprocessing=True has no effect: Penstock loads on threads, which need no"
                " copies of the data. Set workers= for their number.",
                stacklevel=3,
            )
        self._batches = batches
        self._table = table
        self._threads = usable_cores() if workers is None else workers
        self._passes = Passes(len(batches))
        self._warned = False
        self._open()

    def _open(self) -> None:
        self._readahead = ReadAhead(self._batches, self._threads, self._max_queue_size)
        self._finalizer = weakref.finalize(self, self._readahead.close)

    # -- what Keras calls --------------------------------------------------

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        self._passes.length_read()
        return len(self._batches)

    @property
    def workers(self) -> int:
        """1, whatever the number of threads: Keras shall not add its own."""
        self._passes.adapter_made()
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        self._threads = check_whole("workers", value, 0)
        self._finalizer()
        self._open()

    @property
    def use_multiprocessing(self) -> bool:
        """False: Keras shall not make processes."""
        return False

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        if value:
            warnings.warn("use_multiprocessing=True has no effect.", stacklevel=2)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return batch *index* of the current epoch."""
        length = len(self._batches)
        if not -length <= index < length:
            raise IndexError(f"Batch {index} was asked for; there are {length}.")
        index %= length
        epoch, upcoming = self._passes.attribute(
            index,
            self._max_queue_size,
            sys._getframe(1),  # noqa: SLF001 - tells Keras' walks from everybody else's looks
        )
        self._warn_if_permuted()
        return self._hand_over(
            self._readahead.get((epoch, index), [(epoch, each) for each in upcoming])
        )

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over one epoch."""
        epoch, length = self.epoch, len(self)
        for index in range(length):
            ahead = range(index + 1, min(index + 1 + self._max_queue_size, length))
            yield self._hand_over(
                self._readahead.get((epoch, index), [(epoch, each) for each in ahead])
            )
        self._passes.completed(epoch)
        self._readahead.rest()

    def on_epoch_begin(self) -> None:
        """Take note; Keras calls this."""
        self._passes.begin()

    def on_epoch_end(self) -> None:
        """Take note; Keras calls this, and a loop of one's own may."""
        self._passes.end()
        self._readahead.rest()

    # -- what people reach for ---------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch that the next pass will be; may be set, for example to ``initial_epoch``."""
        return self._passes.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._passes.epoch = value

    @property
    def seed(self) -> int:
        """The seed of order and augmentation."""
        return self._batches.order.seed

    @property
    def batch_size(self) -> int:
        """Samples per batch; the last may have fewer."""
        return self._batches.order.batch_size

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return len(self._batches.rows)

    @property
    def samples(self) -> pd.DataFrame:
        """The samples table, in the order of the source."""
        return self._table.iloc[self._batches.rows].reset_index(drop=True)

    @property
    def class_names(self) -> list[Any]:
        """The classes in the order of their numbers."""
        classes = self._labelled().classes
        return [] if classes is None else list(classes)

    @property
    def class_indices(self) -> dict[Any, int]:
        """The number of each class."""
        return {name: number for number, name in enumerate(self.class_names)}

    @property
    def labels(self) -> NDArray[Any]:
        """Class numbers, or values, of the samples in the order of ``samples``."""
        return self._labelled().labels[self._batches.rows]

    def split(
        self,
        *fractions: float,
        seed: int | None = None,
        stratify: bool | None = None,
        shuffle: bool = False,
        augment: bool = False,
    ) -> tuple[Sequence, ...]:
        """Divide the samples at random into disjoint sequences.

        The first is for training and goes on as this sequence does. The others
        are for validation and test: not shuffled and not augmented.

        Args:
            *fractions: Shares of the parts, together at most 1.
            seed: Seed of the division; the sequence's own by default.
            stratify: Whether every part has each class in proportion; by
                default where labels are classes.
            shuffle: Whether the other parts are shuffled too.
            augment: Whether the other parts are augmented too.

        Returns:
            A sequence per fraction.

        Raises:
            ConfigError: The fractions do not divide these samples.
        """
        views = split_views(
            self._batches,
            fractions,
            seed=self.seed if seed is None else check_whole("seed", seed, 0, 2**64 - 1),
            stratify=stratify,
            shuffle=shuffle,
            augment=augment,
        )
        return tuple(self._of(view) for view in views)

    def take(self, count: int) -> Sequence:
        """Return a sequence of the first *count* samples."""
        count = check_whole("count", count, 1)
        return self.subset(np.arange(min(count, self.num_samples)))

    def subset(self, positions: SequenceOf[int] | NDArray[Any]) -> Sequence:
        """Return a sequence of the samples at *positions*, or where a mask is True.

        Args:
            positions: Positions in ``samples``, or a boolean per sample.
        """
        return self._of(subset_view(self._batches, positions))

    def close(self) -> None:
        """End the threads and free the memory; the sequence can be used again."""
        self._readahead.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- inside ------------------------------------------------------------

    def _of(self, batches: Batches) -> Sequence:
        return type(self)(
            batches, self._table, workers=self._threads, max_queue_size=self._max_queue_size
        )

    def _labelled(self) -> EncodedField:
        field = self._batches.labelled
        if field is None:
            raise AttributeError(
                "This sequence has no labels: its targets are loaded, or there are none."
            )
        return field

    def _hand_over(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(each.spec.deliver_dtype.hasobject for each in self._batches.loaded):
            return text_as_tensors(batch)
        return batch

    def _warn_if_permuted(self) -> None:
        if self._passes.permuted and not self._warned and not self._batches.order.shuffle:
            self._warned = True
            warnings.warn(
                "fit(shuffle=True), the default, permutes the batches of this sequence, which was"
                " made with shuffle=False. Pass shuffle=False to fit as well to keep their order.",
                stacklevel=3,
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave threads and memory behind."""
        left = ("_finalizer", "_passes", "_readahead")
        state = {name: value for name, value in self.__dict__.items() if name not in left}
        return {**state, "_epoch": self.epoch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        epoch = state.pop("_epoch")
        self.__dict__.update(state)
        self._passes = Passes(len(self._batches))
        self._passes.epoch = epoch
        self._open()
