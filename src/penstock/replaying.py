"""Which samples a batch has, and what augmenters draw for them: to look at, and to do again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.batch import Batch
from penstock.checks import check_whole
from penstock.components import name_of, relay
from penstock.draws import Draws
from penstock.errors import ConfigError, PenstockError, PluginError, quote
from penstock.sampling import TURN, places_and_turns
from penstock.textcolumn import as_seen

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.fields import LoadedField

__all__ = ["batch_table", "drawn_transforms"]


def batch_table(batches: Batches, table: pd.DataFrame, epoch: int, index: int) -> pd.DataFrame:
    """Return the samples of batch *index* of *epoch*; see ``Outlets.batch_samples``."""
    if not -len(batches) <= index < len(batches):
        raise ConfigError(f"batch_samples({index}) was asked for; there are {len(batches)}.")
    # Not from the orders that batches keep: those are of the epochs in training.
    drawn = batches.order.batch(batches.order.epoch(epoch), index % len(batches))
    places, turns = places_and_turns(np.asarray(drawn))
    found = as_seen(table.iloc[batches.rows[places]].reset_index(drop=True))
    return found.assign(position=places, turn=turns >> TURN)


def drawn_transforms(
    batches: Batches, epoch: int, position: int, turn: int
) -> list[dict[str, Any]]:
    """Return what each augmenter draws for a sample; see ``Outlets.transforms``.

    Raises:
        ConfigError: There is no such sample.
        SampleError: It is one of varying size, and cannot be measured.
        PluginError: An augmenter fails to say.
    """
    position = check_whole("position", position, 0, len(batches.rows) - 1)
    turn = check_whole("turn", turn, 0)
    if not batches.augment:
        return []
    row = batches.rows[position : position + 1]
    number = row + (turn << TURN)
    told = []
    for stream, each in enumerate(batches.augmenters):
        batch = Batch(
            _unloaded(batches.inputs, row),
            _unloaded(batches.targets, row),
            None,
            Draws(batches.order.seed, epoch, number, stream),
            *batches.specs,
        )
        told.append({"augmenter": name_of(each), **_described(each, batch)})
    return told


def _unloaded(fields: tuple[Any, ...], row: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return an array for each loaded field, of one sample in its size, that takes no memory."""
    loaded: list[LoadedField] = [each for each in fields if hasattr(each, "spec")]
    return {
        each.name: np.broadcast_to(np.zeros((), each.spec.dtype), (1, *_shape(each, row)))
        for each in loaded
    }


def _shape(each: LoadedField, row: NDArray[np.int64]) -> tuple[int, ...]:
    return each.spec.shape if each.sizes is None else each.spec.sized(*each.sizes.of(row).tolist())


def _described(augmenter: Any, batch: Batch) -> dict[str, Any]:
    try:
        told = relay(augmenter).describe_draws(batch=batch)
    except PenstockError:
        raise
    except Exception as error:
        raise PluginError(
            f"{name_of(augmenter)}.describe_draws failed: {type(error).__name__}:"
            f" {quote(str(error))}. It must say what augment_samples would draw, by name."
        ) from error
    if told is None:
        return {}
    if not isinstance(told, Mapping) or not all(isinstance(name, str) for name in told):
        raise PluginError(
            f"{name_of(augmenter)}.describe_draws returned {quote(told)}."
            " It must return a dict of what was drawn, by name, or None."
        )
    return {name: _of_one(each) for name, each in told.items()}


def _of_one(each: Any) -> Any:
    """Return what is the only sample's: a number of Python's, where it is one."""
    if not isinstance(each, np.ndarray) or not each.ndim:
        return each
    return each[0].tolist() if each.ndim > 1 else each[0].item()
