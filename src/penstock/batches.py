"""Batch *i* of epoch *e*, made by calling the hooks: pure, picklable, without Keras."""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.assembly import Assembly
from penstock.components import implements, name_of, relay
from penstock.errors import PluginError, quote
from penstock.failures import ErrorPolicy, Failures
from penstock.fields import EncodedField, LoadedField
from penstock.forks import renew_after_fork
from penstock.jobs import THREAD_NAME
from penstock.memory import Pool
from penstock.paddedassembly import PaddedAssembly
from penstock.preparing import Preparation
from penstock.priority import step_back
from penstock.sampling import places_and_turns
from penstock.stats import Meter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.order import Order
    from penstock.padding import Padding
    from penstock.pixelweights import PixelWeights

__all__ = ["Batches"]

_KEPT_ORDERS = 2  # a pass and the one that reads ahead into the next
_FORESEEN_FROM = 50_000  # samples, whose order takes milliseconds; beside a thread, less is nothing


@dataclass
class Batches:
    """Everything that determines the batches of a sequence.

    Attributes:
        inputs: The input fields.
        targets: The target fields.
        augmenters: Augmenter components, in the user's order.
        order: The order of the view's samples.
        rows: The rows of the samples table in this view, of shape ``(order.count,)``.
        sample_weight: float32, one per row of the samples table, or None.
        class_weight: float32, one per class of the first target that has classes, or None.
        output_weight: Such weights by target name; sample weights are a dict then, or an
            array where y is one.
        nested_inputs: Whether x is a dict of arrays, or one array.
        nested_targets: Likewise for y.
        input_form: How that dict is nested, as ``forms.formed`` takes it; None where it is not.
        target_form: Likewise for y.
        echo: Whether the inputs are the targets too (autoencoders).
        augment: Whether this view is augmented.
        errors: What becomes of samples that cannot be loaded.
        endless: Whether the next epoch follows without a word, so that there is no last batch.
        preparers: The components that prepare an input's samples, in order, by its name.
        padding: How samples of varying size become batches, where there are any.
        runtime: What is found out on the way; does not travel in a pickle.
    """

    inputs: tuple[LoadedField, ...]
    targets: tuple[LoadedField | EncodedField, ...]
    augmenters: tuple[Any, ...]
    order: Order
    rows: NDArray[np.int64]
    sample_weight: NDArray[np.float32] | None = None
    class_weight: NDArray[np.float32] | None = None
    output_weight: dict[str, NDArray[np.float32] | PixelWeights] | None = None
    nested_inputs: bool = False
    nested_targets: bool = False
    input_form: dict[str, Any] | None = None
    target_form: dict[str, Any] | None = None
    echo: bool = False
    augment: bool = True
    errors: ErrorPolicy = field(default_factory=ErrorPolicy)
    endless: bool = False
    preparers: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    padding: Padding | None = None
    runtime: _Runtime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.runtime = _Runtime(self)

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def loaded(self) -> list[LoadedField]:
        """The fields that loaders load."""
        return [
            *self.inputs,
            *(target for target in self.targets if isinstance(target, LoadedField)),
        ]

    @cached_property
    def specs(self) -> tuple[dict[str, ArraySpec], dict[str, ArraySpec]]:
        """What the loaders of inputs, and of targets, say of them, by name."""
        targets = {each.name: each.spec for each in self.targets if isinstance(each, LoadedField)}
        return {each.name: each.spec for each in self.inputs}, targets

    @property
    def classed(self) -> EncodedField | None:
        """The first target that gives each sample one class."""
        encoded = (each for each in self.targets if isinstance(each, EncodedField))
        return next((each for each in encoded if each.single_class), None)

    @property
    def labelled(self) -> EncodedField | None:
        """The target that gives the samples their classes, or else their values."""
        encoded = [each for each in self.targets if isinstance(each, EncodedField)]
        return next(
            (each for each in encoded if each.classes is not None), next(iter(encoded), None)
        )

    def make(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Make batch *index* of *epoch*, in this thread.

        Returns:
            ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        assembly = self.start(epoch, index, Pool())
        assembly.fill(0, len(assembly))
        return assembly.finish()

    def start(self, epoch: int, index: int, pool: Pool) -> Assembly:
        """Start batch *index* of *epoch* in memory leased from *pool*."""
        return self.assemble(epoch, index, *self.rows_of(epoch, index), pool)

    def assemble(
        self,
        epoch: int,
        index: int,
        rows: NDArray[np.int64],
        turns: NDArray[np.int64] | None,
        pool: Pool,
    ) -> Assembly:
        """As ``start``, of the rows and turns that ``rows_of`` returned, maybe elsewhere."""
        kind = Assembly if self.padding is None else PaddedAssembly
        return kind(self, epoch, rows, turns, pool, padding=self.order.padding(index))

    def rows_of(self, epoch: int, index: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Return the rows of batch *index* of *epoch*, and their turns where samples are drawn."""
        found = self.order.batch(self._ordered(epoch), index)
        if self.order.sampling is None:
            return found.copy(), None  # replacements are written there
        places, turns = places_and_turns(found)
        return self.rows[places], turns

    def foresee(self, epoch: int) -> None:
        """Order the samples of *epoch* in a thread, if there are so many that it takes a while."""
        if self.order.samples_per_epoch >= _FORESEEN_FROM and epoch not in self.runtime.orders:
            with suppress(RuntimeError):  # the system gives no more threads: who asks orders them
                threading.Thread(
                    target=self._order_ahead, args=(epoch,), name=THREAD_NAME, daemon=True
                ).start()

    def settle(self, *, last: bool) -> None:
        """Make what caches stored readable; between epochs, and at the end."""
        for each in self.loaded:
            if each.cache is not None:
                each.cache.publish(last=last)

    def _order_ahead(self, epoch: int) -> None:
        step_back()
        with suppress(Exception):  # which is told to who asks for a batch of it
            self._ordered(epoch)

    def _ordered(self, epoch: int) -> NDArray[np.int64]:
        """Return the rows of an epoch in its order; with a sampling, what ``Order.epoch`` draws."""
        orders = self.runtime.orders
        with self.runtime.lock:
            if epoch in orders:
                return orders[epoch]
        order = self.order.epoch(epoch)  # nobody waits for an order that he did not ask for
        if order is None:
            found = self.rows
        else:
            found = order if self.order.sampling is not None else self.rows[order]
        with self.runtime.lock:
            orders.setdefault(epoch, found)
            while len(orders) > _KEPT_ORDERS:
                del orders[next(iter(orders))]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "runtime"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.runtime = _Runtime(self)


class _Runtime:
    """What batches find out as they go, and what does not travel in a pickle."""

    def __init__(self, batches: Batches) -> None:
        self.lock = threading.Lock()
        renew_after_fork(self, "lock")
        self.orders: dict[int, NDArray[np.int64]] = {}
        self.meter = Meter()
        self.failures = Failures(batches.errors, batches.order.count)
        self._threads = threading.local()
        fused = _fused(batches.augmenters)
        self.names = {place: names for place, names, _, _ in fused}
        self.sample_hooks = [(p, r) for p, _, a, r in fused if implements(a, "augment_samples")]
        self.batch_hooks = [(p, r) for p, _, a, r in fused if implements(a, "augment_batch")]
        self.preparations = [
            (place, Preparation(each, batches.preparers[each.name]))
            for place, each in enumerate(batches.inputs)
            if each.name in batches.preparers
        ]

    def scratch(self, each: LoadedField, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return this thread's buffer for loaded samples of a field, in *shape*."""
        size = math.prod(shape)
        buffers: dict[int, NDArray[Any]] = self._threads.__dict__.setdefault("buffers", {})
        buffer = buffers.get(id(each))
        if buffer is None or len(buffer) < size:
            buffer = buffers[id(each)] = np.empty(size, each.spec.dtype)
        return buffer[:size].reshape(shape)


def _fused(augmenters: tuple[Any, ...]) -> list[tuple[int, str, Any, Any]]:
    """Let neighbours that wish to become one do so.

    Returns:
        For each augmenter left: the place of its first part in the user's list, what to call
        it in messages, itself, and its relay.
    """
    left: list[tuple[int, str, Any, Any]] = []
    for place, each in enumerate(augmenters):
        relayed = relay(each)
        if left:
            first, names, last, hooks = left[-1]
            try:
                fused = hooks.fuse_with(following=each)
                if fused is not None:
                    left[-1] = first, f"{names}, {name_of(each)}", fused, relay(fused)
                    continue
            except Exception as error:
                raise PluginError(
                    f"{name_of(last)}.fuse_with failed on {name_of(each)}:"
                    f" {type(error).__name__}: {quote(str(error))}."
                    " It must return an augmenter that does the work of both, or None."
                ) from error
        left.append((place, name_of(each), each, relayed))
    return left
