"""A sequence as a ``tf.data.Dataset``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["tf_dataset"]


def tf_dataset(sequence: Any, outline: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Any:
    """Return a dataset of a sequence's batches; see ``Outlets.to_tf_dataset``.

    Args:
        sequence: The sequence.
        outline: Gives the shapes of samples whose size varies, for a batch.

    Raises:
        ConfigError: TensorFlow is not there, or cannot express these batches.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ConfigError(
            f"to_tf_dataset() needs TensorFlow: {error}. Install penstock[tensorflow]."
        ) from error

    def spec(part: Any, shape: Any) -> Any:
        if isinstance(part, dict):
            return {name: spec(each, shape and shape[name]) for name, each in part.items()}
        if part is None:
            raise ConfigError(
                "to_tf_dataset() cannot express None: weights without targets, or an input that is"
                " None. Leave sample_weight=, or that input, out."
            )
        found = tf.convert_to_tensor(part)
        # The last batch may be short; the others tell the shape of a sample.
        return tf.TensorSpec((None, *(shape or found.shape[1:])), found.dtype)

    first = sequence[0]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(sequence),
        output_signature=tuple(map(spec, first, outline(first))),
    )
    begun = sequence.state_dict()["batch"]  # what is left of an epoch has fewer batches, once
    count = sequence.num_batches
    count = tf.data.INFINITE_CARDINALITY if count is None else count
    return dataset if begun else dataset.apply(tf.data.experimental.assert_cardinality(count))
