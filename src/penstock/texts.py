"""Text on its way to Keras, which takes it as a TensorFlow tensor and in no other form."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["text_as_tensors"]


def text_as_tensors(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a batch with its arrays of strings as tensors, on TensorFlow; elsewhere as it is."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return batch
    return keras.tree.map_structure(_as_tensor, batch)  # type: ignore[no-any-return]


def _as_tensor(array: Any) -> Any:
    if not isinstance(array, np.ndarray) or array.dtype != object:
        return array
    import tensorflow as tf

    return tf.constant(array)
