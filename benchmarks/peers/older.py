"""What Keras had before tf.data, and what tutorials write for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmarks.delivery import Delivery, Fitting
from benchmarks.models import one_layer
from benchmarks.peers.files import labelled_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["data_generator", "image_data_generator"]


def image_data_generator(folder: str, *, workers: int, augment: bool = False) -> Delivery:
    """``ImageDataGenerator.flow_from_directory``."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    options: dict[str, Any] = {
        "horizontal_flip": True,
        "rotation_range": 20,
        "height_shift_range": 0.1,
        "width_shift_range": 0.1,
        "zoom_range": 0.1,
        "brightness_range": (0.8, 1.2),
    }
    generator = ImageDataGenerator(**(options if augment else {}))
    data = generator.flow_from_directory(
        folder, target_size=(224, 224), interpolation="bilinear", batch_size=32
    )
    data.workers = workers
    return Delivery(data)


def data_generator(
    folder: str, *, batch_size: int, workers: int, train: bool = False
) -> Delivery | Fitting:
    """The tutorials' ``DataGenerator``; with *train* in a ``fit`` of a model of one layer."""
    paths, numbers, classes = labelled_files(folder)
    labels = dict(zip(paths, numbers, strict=True))
    shape = np.load(paths[0]).shape
    data = _DataGenerator(paths, labels, batch_size, shape, classes, workers=workers)
    return Fitting(data, model=one_layer(shape, classes)) if train else Delivery(data)


class _DataGenerator(keras.utils.PyDataset):  # type: ignore[misc]
    """The pattern of a hundred tutorials, down to the tail that it drops.

    But for two lines: arrays are float32, not float64, as every model takes
    them. That makes it faster.
    """

    def __init__(
        self,
        ids: list[str],
        labels: dict[str, int],
        batch_size: int,
        dim: tuple[int, ...],
        n_classes: int,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.dim = dim
        self.batch_size = batch_size
        self.labels = labels
        self.ids = ids
        self.n_classes = n_classes
        self.on_epoch_end()

    def __len__(self) -> int:
        return int(np.floor(len(self.ids) / self.batch_size))

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        indexes = self.indexes[index * self.batch_size : (index + 1) * self.batch_size]
        return self._data_generation([self.ids[k] for k in indexes])

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self.indexes = np.arange(len(self.ids))
        np.random.shuffle(self.indexes)  # noqa: NPY002 - as it stands in the tutorials

    def _data_generation(self, ids: list[str]) -> tuple[NDArray[Any], NDArray[Any]]:
        x = np.empty((self.batch_size, *self.dim), np.float32)
        y = np.empty((self.batch_size), dtype=int)
        for i, each in enumerate(ids):
            x[i,] = np.load(each)
            y[i] = self.labels[each]
        return x, keras.utils.to_categorical(y, num_classes=self.n_classes).astype(np.float32)
