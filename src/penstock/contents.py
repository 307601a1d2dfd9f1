"""What is in a sequence: its samples and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.divisions import Divisions
from penstock.textcolumn import as_seen

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from penstock.fields import EncodedField, LoadedField

__all__ = ["Contents"]


class Contents(Divisions):
    """Samples in batches, as people look at them."""

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
        return as_seen(self._table.iloc[self._batches.rows].reset_index(drop=True))

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

    @property
    def classes(self) -> NDArray[Any]:
        """The class numbers, or values, of the samples, by Keras' name for ``labels``."""
        return self.labels

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 where labels are values."""
        return len(self.class_names)

    @property
    def n(self) -> int:
        """Number of samples, by Keras' name for ``num_samples``."""
        return self.num_samples

    @property
    def filenames(self) -> list[str]:
        """The files of the first input, as the source names them, in the order of ``samples``."""
        field = self._of_files()
        return list(field.samples[self._batches.rows])

    @property
    def filepaths(self) -> list[str]:
        """The paths of these files, below the root."""
        return list(self._of_files().pick(self._batches.rows))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one sample of the first input, as delivered."""
        return self._batches.inputs[0].spec.deliver_shape

    @property
    def errors(self) -> pd.DataFrame:
        """The samples that could not be loaded so far, a row each.

        Columns are ``sample``, ``index`` (the row of the source), ``error`` (the
        class), ``reason`` and ``count``, how often it was tried in vain.
        ``make_generator(exclude=…)`` takes the table.
        """
        return self._batches.runtime.failures.table(self._table)

    # -- inside ------------------------------------------------------------

    def _of_files(self) -> LoadedField:
        field = self._batches.inputs[0]
        if field.prefix is None:
            raise AttributeError("This sequence has no files: its first input reads none.")
        return field

    def _labelled(self) -> EncodedField:
        field = self._batches.labelled
        if field is None:
            raise AttributeError(
                "This sequence has no labels: its targets are loaded, or there are none."
            )
        return field
