"""The models that batches are delivered to. The backend is Keras' own choice."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Counted", "Reader", "counted", "one_layer", "reader"]

_STRIDE = 4001  # a prime: every so many values of a batch are looked at


class Reader(keras.Model):  # type: ignore[misc]
    """Looks at every 4,001st value of each batch, and learns nothing.

    What is measured is then the delivery; and what was delivered is counted,
    so that no batch can be left out.
    """

    def call(self, x: Any) -> Any:
        """Return the input."""
        return x

    def train_step(self, *given: Any) -> Any:
        """Take ``(data,)`` on TensorFlow and torch, ``(state, data)`` on JAX."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(given[-1])
        some = keras.ops.cast(keras.ops.reshape(x, (-1,))[::_STRIDE], "float32")
        count = keras.ops.cast(keras.ops.shape(x)[0], "float32")
        logs = {"samples": count, "mean": keras.ops.mean(some)}
        return logs if len(given) == 1 else (logs, given[0])


class Counted(keras.Model):  # type: ignore[misc]
    """Says how many samples it was given."""

    def train_step(self, *given: Any) -> Any:
        """Train, and count; takes what ``Reader`` takes."""
        found = super().train_step(*given)
        x, _, _ = keras.utils.unpack_x_y_sample_weight(given[-1])
        count = {"samples": keras.ops.cast(keras.ops.shape(x)[0], "float32")}
        return {**found, **count} if len(given) == 1 else ({**found[0], **count}, found[1])


def reader() -> Any:
    """Return a compiled ``Reader``."""
    model = Reader()
    # One more compilation for a short last batch would take longer than the epoch.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model


def counted(inputs: Any, outputs: Any) -> Any:
    """Return a compiled classifier from *inputs* to *outputs*."""
    model = Counted(inputs, outputs)
    compiled = keras.backend.backend() == "jax"
    model.compile(optimizer="sgd", loss="categorical_crossentropy", jit_compile=compiled)
    return model


def one_layer(shape: tuple[int, ...], classes: int) -> Any:
    """Return a compiled classifier of one layer."""
    inputs = keras.Input(shape)
    flat = keras.layers.Flatten()(inputs)
    return counted(inputs, keras.layers.Dense(classes, activation="softmax")(flat))
