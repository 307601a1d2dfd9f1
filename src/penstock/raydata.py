"""A sequence as a dataset of Ray Data, for work that is no training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.checks import check_whole
from penstock.elsewhere import Task, be_a_worker, opened
from penstock.errors import ConfigError
from penstock.onray import put

if TYPE_CHECKING:
    from penstock.batches import Batches

__all__ = ["ray_dataset"]


def ray_dataset(batches: Batches, epoch: int) -> Any:
    """Return a dataset of a sequence's samples; see ``Outlets.to_ray_dataset``.

    Raises:
        ConfigError: Ray Data is not there, or no Ray is set up.
    """
    try:
        import ray.data
    except ImportError as error:
        raise ConfigError(
            f'to_ray_dataset() needs Ray Data: {error}. pip install "penstock[ray]".'
        ) from error
    epoch = check_whole("epoch", epoch, 0)
    names = _names(batches)
    token, reference = put(batches)

    def make(block: dict[str, Any]) -> dict[str, Any]:
        parts = [_columns(token, [reference], epoch, int(index), names) for index in block["id"]]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    numbers = ray.data.range(len(batches), override_num_blocks=len(batches))
    return numbers.map_batches(make, batch_size=1, num_cpus=1)


def _names(batches: Batches) -> tuple[list[str], list[str]]:
    inputs = [each.name for each in batches.inputs]
    targets = [each.name for each in batches.targets]
    wrong = {*inputs} & {*targets} | {*inputs, *targets} & {"index", "sample_weight"}
    if wrong:
        raise ConfigError(
            f"to_ray_dataset() needs names that differ, for inputs and targets become columns"
            f" beside 'index' and 'sample_weight'; {sorted(wrong)} are taken twice."
        )
    return inputs, targets


def _columns(
    token: str,
    references: list[Any],
    epoch: int,
    index: int,
    names: tuple[list[str], list[str]],
) -> dict[str, Any]:
    """Make a batch, and return it as columns."""
    import ray

    be_a_worker()
    maker = opened(token, lambda: ray.get(references[0]))
    rows, turns = maker.batches.rows_of(epoch, index)
    made = maker(Task(epoch, index, rows, turns))
    if made.error is not None:
        raise made.error
    assert made.batch is not None
    x, y, weight = (*made.batch, None, None)[:3]
    columns: dict[str, Any] = {"index": rows}
    for part, own in ((x, names[0]), (y, names[1])):
        columns |= part if isinstance(part, dict) else dict(zip(own, (part,), strict=False))
    if weight is not None and not isinstance(weight, dict):
        columns["sample_weight"] = weight
    return {name: each for name, each in columns.items() if each is not None}
