"""A sequence as a ``tf.data.Dataset``."""

from __future__ import annotations

from typing import Any

from penstock.errors import ConfigError

__all__ = ["tf_dataset"]


def tf_dataset(sequence: Any) -> Any:
    """Return a dataset of a sequence's batches; see ``Outlets.to_tf_dataset``.

    Raises:
        ConfigError: TensorFlow is not there, or cannot express these batches.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ConfigError(
            f"to_tf_dataset() needs TensorFlow: {error}. Install penstock[tensorflow]."
        ) from error

    def spec(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: spec(each) for name, each in part.items()}
        if part is None:
            raise ConfigError(
                "to_tf_dataset() cannot express None: weights without targets, or an input that is"
                " None. Leave sample_weight=, or that input, out."
            )
        found = tf.convert_to_tensor(part)
        # The last batch may be short; the others tell the shape of a sample.
        return tf.TensorSpec((None, *found.shape[1:]), found.dtype)

    dataset = tf.data.Dataset.from_generator(
        lambda: iter(sequence), output_signature=tuple(spec(part) for part in sequence[0])
    )
    begun = sequence.state_dict()["batch"]  # what is left of an epoch has fewer batches, once
    count = sequence.num_batches
    count = tf.data.INFINITE_CARDINALITY if count is None else count
    return dataset if begun else dataset.apply(tf.data.experimental.assert_cardinality(count))
