"""What Keras is handed: arrays, but where its backend would copy or refuse them.

TensorFlow and JAX (on CPU) take an aligned NumPy array without a copy. Strings
TensorFlow takes as a tensor and in no other form; and where Keras found None in
the first batches, it has a tf.data that expects an empty option there. On torch, Keras copies every
array that is no tensor yet; a tensor of the same memory it takes as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.errors import ConfigError

__all__ = ["Outline", "handed_over"]

# Those that Keras gives to torch as they are; it makes others of uint16 and uint32.
_TORCH_KINDS = frozenset("?bBhilqefd")


class Outline:
    """What Keras looks at in an array to learn what is coming.

    TensorFlow has to be told which sizes vary. Keras takes those for fixed that
    are the same in the first two batches, and the third may be another one.

    Attributes:
        shape: The shape, with None for what varies.
        dtype: The dtype.
    """

    def __init__(self, array: Any, shape: tuple[int | None, ...]) -> None:
        self.shape = (len(array), *shape)
        self.dtype = array.dtype


def handed_over(batch: tuple[Any, ...], *, walk: bool) -> tuple[Any, ...]:
    """Return a batch as the backend takes it best.

    Args:
        batch: Arrays, or dicts of them.
        walk: Whether it goes to Keras, and not to somebody who takes a look.

    Raises:
        ConfigError: It holds text, which Keras takes on TensorFlow alone.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        batch = _mapped(_text_as_tensor, batch) if _has_text(batch) else batch
        return _mapped(_none_as_option, batch) if walk and _has_none(batch) else batch
    if walk and _has_text(batch):
        raise ConfigError(
            f"The batches hold text, and Keras takes none on {backend}. Make numbers of it on the"
            " way: vectorize= of the loader of text files, or a column of numbers. On TensorFlow"
            " text goes into the model as it is."
        )
    return _mapped(_as_torch, batch) if walk and backend == "torch" else batch


def _has_text(batch: Any) -> bool:
    if isinstance(batch, np.ndarray):
        return bool(batch.dtype.hasobject)
    parts = batch.values() if isinstance(batch, dict) else batch or ()
    return any(map(_has_text, parts))


def _has_none(batch: Any) -> bool:
    if isinstance(batch, dict):
        return any(map(_has_none, batch.values()))
    return any(map(_has_none, batch)) if isinstance(batch, tuple) else batch is None


def _none_as_option(leaf: Any) -> Any:
    if leaf is not None:
        return leaf
    import tensorflow as tf

    return tf.experimental.Optional.empty(None)


def _mapped(change: Any, batch: tuple[Any, ...]) -> tuple[Any, ...]:
    import keras

    return keras.tree.map_structure(change, batch)  # type: ignore[no-any-return]


def _text_as_tensor(array: Any) -> Any:
    if not isinstance(array, np.ndarray) or array.dtype != object:
        return array
    import tensorflow as tf

    return tf.constant(array)


def _as_torch(array: Any) -> Any:
    if not isinstance(array, np.ndarray) or array.dtype.char not in _TORCH_KINDS:
        return array
    import torch

    return torch.from_numpy(array) if array.flags.writeable else array
