"""tf.data: as Keras sets it up, and as one tunes it by hand."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf

from benchmarks.delivery import Delivery
from benchmarks.peers.files import one_hot

__all__ = ["csv", "from_directory", "keras_layers", "npy", "tuned"]

_SIZE = (224, 224)
_AUTO = tf.data.AUTOTUNE


def from_directory(folder: str, *, cache: str = "") -> Delivery:
    """``image_dataset_from_directory``; with *cache* kept decoded in memory.

    Of ``"batches"`` the first epoch's are kept and delivered again and again;
    ``"samples"`` are shuffled and batched anew in each epoch.
    """
    if cache == "batches":
        return Delivery(lambda: _from_directory(folder).cache().prefetch(_AUTO), fresh=True)
    if cache == "samples":
        return Delivery(lambda: _samples_kept(folder), fresh=True)
    return Delivery(_from_directory(folder))


def _samples_kept(folder: str) -> Any:
    samples = _from_directory(folder, batch_size=None).cache()
    return samples.shuffle(2_000).batch(32, num_parallel_calls=_AUTO).prefetch(_AUTO)


def keras_layers(folder: str) -> Delivery:
    """``image_dataset_from_directory`` and Keras' random layers in its ``map``."""
    from keras import layers

    random = [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(20 / 360),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1),
        layers.RandomBrightness(0.2),
    ]

    def augment(x: Any, y: Any) -> tuple[Any, Any]:
        for layer in random:
            x = layer(x, training=True)
        return x, y

    return Delivery(_from_directory(folder).map(augment, _AUTO).prefetch(_AUTO))


def tuned(folder: str, *, ratio: int = 1) -> Delivery:
    """JPEGs read, decoded at 1/*ratio* of their size and resized in one parallel ``map``."""
    paths, labels = one_hot(folder)

    def load(path: Any, label: Any) -> tuple[Any, Any]:
        image = tf.io.decode_jpeg(
            tf.io.read_file(path),
            channels=3,
            ratio=ratio,
            fancy_upscaling=False,
            dct_method="INTEGER_FAST",
        )
        image = tf.image.resize(image, _SIZE)
        image.set_shape((*_SIZE, 3))
        return image, label

    return Delivery(_pipeline(paths, labels, load, 32))


def npy(folder: str, *, batch_size: int, shape: tuple[int, ...]) -> Delivery:
    """``.npy`` files, whose 128 bytes of header are cut off, by ``decode_raw``."""
    paths, labels = one_hot(folder)

    def load(path: Any, label: Any) -> tuple[Any, Any]:
        data = tf.strings.substr(tf.io.read_file(path), 128, -1)
        return tf.reshape(tf.io.decode_raw(data, tf.float32), shape), label

    return Delivery(_pipeline(paths, labels, load, batch_size))


def csv(folder: str) -> Delivery:
    """``make_csv_dataset``, its columns stacked into rows."""
    data = tf.data.experimental.make_csv_dataset(
        os.path.join(folder, "table.csv"),
        1024,
        column_defaults=[tf.float32] * 30 + [tf.int32],
        label_name="label",
        num_epochs=1,
        num_parallel_reads=2,
    )

    def stack(columns: dict[str, Any], label: Any) -> tuple[Any, Any]:
        return tf.stack(list(columns.values()), axis=1), label

    return Delivery(data.map(stack, _AUTO).prefetch(_AUTO))


def _from_directory(folder: str, batch_size: int | None = 32) -> Any:
    import keras

    return keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=_SIZE, batch_size=batch_size, verbose=False
    )


def _pipeline(paths: list[str], labels: Any, load: Any, batch_size: int) -> Any:
    data = tf.data.Dataset.from_tensor_slices((paths, labels)).shuffle(len(paths))
    options = tf.data.Options()
    options.deterministic = False
    data = data.with_options(options).map(load, _AUTO)
    return data.batch(batch_size, num_parallel_calls=_AUTO).prefetch(_AUTO)
