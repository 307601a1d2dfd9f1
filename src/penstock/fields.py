"""The named inputs and targets of a batch: each a component with the samples it reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.components import implements, name_of, relay
from penstock.errors import (
    PenstockError,
    PluginError,
    SampleCorrupt,
    SampleError,
    SampleMissing,
    quote,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec

__all__ = ["EncodedField", "LoadedField"]


class _Hooked:
    """Talks to a component through its hooks, which do not travel in a pickle."""

    component: Any

    @property
    def hooks(self) -> Any:
        """The component's hook relay."""
        hooks = self.__dict__.get("_hooks")
        if hooks is None:
            hooks = self.__dict__["_hooks"] = relay(self.component)
        return hooks

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hooks"}


@dataclass(eq=False)
class LoadedField(_Hooked):
    """An input or target that a loader loads.

    Attributes:
        name: Its name in the batch.
        component: The loader.
        samples: What to load, one entry per row of the samples table.
        source: The path that the user gave, or None.
        prefix: What stands before a path in *samples*, or None where they are no paths.
        spec: What a loaded sample is like.
    """

    name: str
    component: Any
    samples: NDArray[Any]
    source: str | None
    prefix: str | None
    spec: ArraySpec = field(init=False)

    def describe(self) -> None:
        """Ask the loader what its samples are like, and check that it can load the first.

        Raises:
            PluginError: The loader gives no description, or none that holds.
            SampleError: The samples looked at cannot be read, or differ.
        """
        for hook in ("describe_sample", "load_samples"):
            if not implements(self.component, hook):
                raise PluginError(
                    f"The loader {name_of(self.component)} does not implement {hook}, which every"
                    " loader needs. Mark the method with @penstock.hookimpl."
                )
        look_at = self._spread(20_000) if self.prefix is not None else self.samples
        try:
            spec = self.hooks.describe_sample(samples=look_at, source=self.source)
        except PenstockError:
            raise
        except Exception as error:
            raise self._wrapped(error, 0) from error
        from penstock.arrayspec import ArraySpec

        if not isinstance(spec, ArraySpec):
            raise PluginError(
                f"{name_of(self.component)}.describe_sample returned {quote(spec)}."
                " It must return a penstock.ArraySpec(shape, dtype)."
            )
        self.spec = spec

    def load(self, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Fill *out* with the samples in *rows* of the table.

        Raises:
            SampleError: One cannot be loaded; names it, its row and the loader.
        """
        try:
            self.hooks.load_samples(samples=self._pick(rows), out=out, source=self.source)
        except Exception as error:
            if len(rows) == 1:
                wrapped = self._wrapped(error, int(rows[0]))
                raise wrapped from (wrapped.__cause__ if wrapped is error else error)
            # Somewhere in the slice: one by one, the guilty sample names itself.
            for place, row in enumerate(rows):
                self.load(np.array([row]), out[place : place + 1])

    def _pick(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        samples = self.samples[rows]
        if self.prefix:
            prefix = self.prefix
            samples[:] = [prefix + name for name in samples]
        return samples

    def _spread(self, count: int) -> NDArray[Any]:
        step = -(-len(self.samples) // count)
        return self._pick(np.arange(0, len(self.samples), step))

    def _wrapped(self, error: Exception, row: int) -> PenstockError:
        loader = name_of(self.component)
        sample = self._pick(np.array([row]))[0]
        if isinstance(error, SampleError):
            error.sample, error.index, error.loader = sample, row, loader
            return error
        if isinstance(error, PenstockError):
            return error
        if isinstance(error, (FileNotFoundError, PermissionError)):
            return SampleMissing(
                f"{quote(sample)} cannot be opened: {error.strerror or error}."
                " Check that it exists and may be read.",
                sample=sample,
                index=row,
                loader=loader,
            )
        return SampleCorrupt(
            f"{quote(sample)} cannot be loaded: {type(error).__name__}: {quote(str(error))}."
            " Mend the file, or leave it out of the source.",
            sample=sample,
            index=row,
            loader=loader,
        )


@dataclass(eq=False)
class EncodedField(_Hooked):
    """A target that an encoder makes from labels.

    Attributes:
        name: Its name in the batch.
        component: The encoder.
        labels: Class numbers or values, one entry per row of the samples table.
        classes: The classes in the order of their numbers, or None.
    """

    name: str
    component: Any
    labels: NDArray[Any]
    classes: Sequence[Any] | None

    @property
    def single_class(self) -> bool:
        """Whether each sample has one class."""
        return self.classes is not None and self.labels.dtype.kind in "iu"

    def encode(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the target of the samples in *rows* of the table.

        Raises:
            PluginError: The encoder fails, or returns something of another length.
        """
        try:
            target = self.hooks.encode_labels(labels=self.labels[rows], classes=self.classes)
        except PenstockError:
            raise
        except Exception as error:
            raise PluginError(
                f"The encoder {name_of(self.component)} failed on a batch of {len(rows)} labels:"
                f" {type(error).__name__}: {quote(str(error))}."
            ) from error
        if not isinstance(target, np.ndarray) or target.shape[:1] != (len(rows),):
            shape = getattr(target, "shape", None)
            raise PluginError(
                f"The encoder {name_of(self.component)} returned"
                f" {type(target).__name__} of shape {shape} for {len(rows)} labels."
                f" It must return a NumPy array whose first axis is {len(rows)}."
            )
        return target
