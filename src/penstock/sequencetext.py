"""A sequence in a few lines: what a notebook shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.components import name_of
from penstock.fields import EncodedField
from penstock.preparing import title_of

if TYPE_CHECKING:
    from penstock.batches import Batches
    from penstock.fields import LoadedField
    from penstock.padding import Padding

__all__ = ["sequence_text"]


def sequence_text(batches: Batches) -> str:
    """Say how many samples and batches there are, and what is in a batch; load none."""
    order = batches.order
    drawn = order.samples_per_epoch
    rank, world = order.shard
    size = order.batch_size if order.pad else min(order.batch_size, drawn)
    shuffled = f"shuffled with seed {order.seed}" if order.shuffle else "not shuffled"
    count = f"{len(order):,} batch{'es' if len(order) > 1 else ''}"
    samples = f"{order.count:,} samples"
    if order.sampling is not None:
        samples = f"{drawn:,} of {samples} per epoch,"
    head = f"{samples} in {count} of {size:,}, {shuffled}"
    if batches.endless:
        head += ", again and again"
    lines = []
    if world > 1:
        size //= world
        lines.append(f"part {rank + 1} of {world} of each batch: {size:,} samples")
    lines += [f"x {each.name!r}: {_contents(each, batches, size)}" for each in batches.inputs]
    lines += [f"y {each.name!r}: {_contents(each, batches, size)}" for each in batches.targets]
    if batches.padding is not None:
        lines.append(_padding(batches.padding))
    if order.bucketing is not None and order.shuffle:
        lines.append(f"by length, {order.bucketing.window:,} batches sorted together")
    if batches.echo:
        lines.append("y: the inputs")
    if batches.augment and batches.augmenters:
        lines.append(f"augmented by {', '.join(map(name_of, batches.augmenters))}")
    lines += [
        f"x {name!r} prepared by {', '.join(map(title_of, several))}"
        for name, several in batches.preparers.items()
    ]
    return "\n  ".join([f"<penstock.Sequence: {head}", *lines]) + ">"


def _padding(padding: Padding) -> str:
    to = "the largest of the batch" if padding.to is None else padding.to
    if padding.multiple > 1:
        to = f"a multiple of {padding.multiple}"
    return f"padded to {to}{', with masks' if padding.mask else ''}"


def _contents(each: LoadedField | EncodedField, batches: Batches, size: int) -> str:
    if not isinstance(each, EncodedField):
        spec = each.spec
        return f"{spec.deliver_dtype}{(size, *spec.deliver_shape)} by {name_of(each.component)}"
    classes = "" if each.classes is None else f", {len(each.classes):,} classes"
    target = each.encode(batches.rows[:1])
    return f"{target.dtype}{(size, *target.shape[1:])} by {name_of(each.component)}{classes}"
