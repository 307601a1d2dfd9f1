"""What a component does in a test: the same work, wherever it is done.

Jobs pickle, and need neither Keras nor pandas nor pytest: a spawned process runs
them as they are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.batch import Batch
from penstock.components import implements, relay
from penstock.draws import Draws
from penstock.padding import fill_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.fields import EncodedField, LoadedField

__all__ = ["Augmenting", "Encoding", "Feed", "Importing", "Job", "Loading", "Preparing"]

_FIRST_NUMBER = 100  # a sample's number is not its place in the batch
_SEED = 7


class Job(Protocol):
    """Work that a component does."""

    def run(self, shift: int = 0) -> list[NDArray[Any]]:
        """Do it, with the samples moved on by *shift* places; return what came of it."""
        ...


@dataclass
class Loading:
    """Loading samples."""

    field: LoadedField

    def __len__(self) -> int:
        return len(self.field.samples)

    def run(self, shift: int = 0) -> list[NDArray[Any]]:
        """Load all samples."""
        return [self.load(np.roll(np.arange(len(self)), -shift))]

    def load(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Load the samples in *rows*; return a copy, which no later call can reach."""
        out = self.blank(len(rows))
        self.fill(self.samples(rows), out)
        return out.copy()

    def fill(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Call the hook; where sizes vary, for samples of one size each time, and pad."""
        if not self.field.spec.varying or not len(samples):
            self._call(samples, out)
            return
        sizes = self.measured(samples)
        edges = np.flatnonzero((sizes[1:] != sizes[:-1]).any(axis=1)) + 1
        for first, last in pairwise([0, *edges.tolist(), len(samples)]):
            shape = self.field.spec.sized(sizes[first])
            part = out[(slice(first, last), *map(slice, shape))]
            whole = part if part.flags.c_contiguous else part.copy()
            self._call(samples[first:last], whole)
            part[...] = whole
            fill_beside(out[first:last], shape, "" if out.dtype.hasobject else 0)

    def measured(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Return the sizes of samples, each measured by itself."""
        parts = np.split(samples, len(samples))
        return np.stack([np.asarray(self.measure(part), np.int64).reshape(-1) for part in parts])

    def measure(self, samples: NDArray[Any]) -> Any:
        """Call the hook that measures."""
        return self.field.hooks.measure_samples(samples=samples, source=self.field.source)

    def padded(self, arrays: Any) -> NDArray[Any]:
        """Return an array per sample as one array, as ``load`` does."""
        if not self.field.spec.varying:
            return np.asarray(arrays)
        out = np.zeros_like(self.blank(len(arrays)))
        for row, array in zip(out, arrays, strict=True):
            row[tuple(map(slice, np.shape(array)))] = array
        return out

    def _call(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        self.field.hooks.load_samples(samples=samples, out=out, source=self.field.source)

    def samples(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return what the hook is given for *rows*: full paths where samples are files."""
        samples: NDArray[Any] = self.field.samples[rows]
        if self.field.prefix:
            samples[:] = [self.field.prefix + name for name in samples]
        return samples

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample, padded to the largest of all."""
        spec = self.field.spec
        if not spec.varying:
            return spec.shape
        return spec.sized(self.measured(self.samples(np.arange(len(self)))).max(axis=0).tolist())

    def blank(self, count: int, byte: int = 0xA5) -> NDArray[Any]:
        """Return memory for *count* samples that is full of *byte*."""
        spec = self.field.spec
        out = np.empty((count, *self.shape), spec.dtype)
        if out.dtype.hasobject:
            out[...] = f"unwritten {byte}"
        else:
            out.view(np.uint8).fill(byte)
        return out


@dataclass
class Encoding:
    """Encoding labels."""

    field: EncodedField

    def __len__(self) -> int:
        return len(self.field.labels)

    def run(self, shift: int = 0) -> list[NDArray[Any]]:
        """Encode all labels."""
        return [self.field.encode(np.roll(np.arange(len(self)), -shift))]


@dataclass
class Feed:
    """Arrays for an augmenter, by name."""

    inputs: dict[str, NDArray[Any]]
    targets: dict[str, NDArray[Any]]
    sample_weight: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    @property
    def specs(self) -> tuple[dict[str, ArraySpec], dict[str, ArraySpec]]:
        """What loaders would say of these inputs and targets."""
        inputs, targets = (
            {name: ArraySpec(array.shape[1:], array.dtype) for name, array in arrays.items()}
            for arrays in (self.inputs, self.targets)
        )
        return inputs, targets


@dataclass
class Augmenting:
    """Augmenting batches."""

    component: Any
    feeds: list[Feed]

    def run(self, shift: int = 0, epoch: int = 0) -> list[NDArray[Any]]:
        """Augment copies of all feeds."""
        found: list[NDArray[Any]] = []
        for feed in self.feeds:
            batch = self.batch(feed, np.roll(np.arange(len(feed)), -shift), epoch)
            self.augment(batch)
            found += [*batch.inputs.values(), *batch.targets.values()]
        return found

    def batch(self, feed: Feed, rows: NDArray[Any], epoch: int = 0) -> Batch:
        """Return copies of *rows* of a feed as a batch."""
        weight = feed.sample_weight
        return Batch(
            {name: array[rows] for name, array in feed.inputs.items()},
            {name: array[rows] for name, array in feed.targets.items()},
            None if weight is None else weight[rows],
            Draws(_SEED, epoch, rows + _FIRST_NUMBER),
        )

    def augment(self, batch: Batch) -> None:
        """Call the hooks that there are."""
        hooks = relay(self.component)
        for hook in ("augment_samples", "augment_batch"):
            if implements(self.component, hook):
                getattr(hooks, hook)(batch=batch)


@dataclass
class Preparing:
    """Preparing samples."""

    component: Any
    feeds: list[tuple[NDArray[Any], ArraySpec]]

    def run(self, shift: int = 0) -> list[NDArray[Any]]:
        """Prepare copies of all feeds."""
        found = [(np.roll(array, -shift, axis=0), spec) for array, spec in self.feeds]
        for array, spec in found:
            self.prepare(array, spec)
        return [array for array, _ in found]

    def prepare(self, array: NDArray[Any], spec: ArraySpec) -> Any:
        """Call the hook."""
        return relay(self.component).prepare_samples(array=array, spec=spec)


@dataclass(frozen=True)
class Importing:
    """Importing a module, to see what that costs."""

    module: str
    heavy: frozenset[str]

    def run(self, shift: int = 0) -> list[str]:  # noqa: ARG002 - there is nothing to move on
        """Import it; return which of the heavy modules came with it."""
        before = set(sys.modules)
        import_module(self.module)
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        return sorted(self.heavy & new)
