"""The named inputs and targets of a batch: each a component with the samples it reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.components import implements, name_of, relay
from penstock.errors import PenstockError, PluginError, SampleCorrupt, SampleError, quote
from penstock.packedtext import packed
from penstock.reattempts import load_again, undescribed
from penstock.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.caching import FieldCache
    from penstock.packedtext import PackedText

__all__ = ["EncodedField", "LoadedField"]

_TOLERATED = 100  # samples that cannot be read, before others are looked at no more


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
        samples: What to load, one entry per row of the samples table; paths are packed.
        source: The path that the user gave, or None.
        prefix: What stands before a path in *samples*, or None where they are no paths.
        spec: What a loaded sample is like.
        cache: Where loaded samples are kept, or None.
        sizes: The sizes of its samples, where they vary.
        deadly: Rows that are not to be tried: they ended the process that did.
    """

    name: str
    component: Any
    samples: NDArray[Any] | PackedText
    source: str | None
    prefix: str | None
    spec: ArraySpec = field(init=False)
    cache: FieldCache | None = field(default=None, init=False)
    sizes: Sizes | None = field(default=None, init=False)
    called: ClassVar[str] = "load_samples"
    deadly: frozenset[int] = field(default=frozenset(), init=False)

    def describe(self, *, tolerant: bool = False) -> None:
        """Ask the loader what its samples are like, and check that it can load the first.

        Args:
            tolerant: Whether to ask again without a sample that cannot be read.

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
        look_at: Any = self._spread(20_000) if self.prefix is not None else self.samples
        spec = self._described(look_at, _TOLERATED if tolerant else 0)
        from penstock.arrayspec import ArraySpec

        if not isinstance(spec, ArraySpec):
            raise PluginError(
                f"{name_of(self.component)}.describe_sample returned {quote(spec)}."
                " It must return a penstock.ArraySpec(shape, dtype)."
            )
        self.spec = spec
        if spec.varying:
            if not implements(self.component, "measure_samples"):
                raise PluginError(
                    f"{name_of(self.component)} describes samples of shape {spec.shape}, and does"
                    " not implement measure_samples, which says how large each is where that is"
                    " None."
                )
            self.sizes = Sizes(self)

    def load(self, rows: NDArray[np.int64], out: NDArray[Any]) -> int:
        """Fill *out* with the samples in *rows* of the table.

        Returns:
            How many a cache had.

        Raises:
            SampleError: One cannot be loaded; names it, its row and the loader.
        """
        if not out.size:  # a sample of varying size may be empty
            return 0
        if self.cache is not None:
            return self.cache.load(rows, out, self.load_anew)
        self.load_anew(rows, out)
        return 0

    def load_anew(self, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        """As ``load``, by the loader itself."""
        try:
            self.call_loader(rows, out)
        except Exception as error:
            load_again(self, rows, out, error)

    def call_loader(self, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Have the loader fill *out*, and let through what it raises."""
        if self.deadly and not self.deadly.isdisjoint(rows.tolist()):
            raise SampleCorrupt(
                "The process that loaded it died, or did not answer, each time it was tried."
                " Mend the file, or leave it out of the source."
            )
        if self.hooks.load_samples(samples=self.pick(rows), out=out, source=self.source):
            raise PluginError(
                f"{name_of(self.component)}.load_samples returned something. It must write the"
                " samples into the array that it is given, out[i] = …, and return nothing."
            )

    def each(self, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Return the samples in *rows*, by the loader itself, each of its own size.

        Raises:
            SampleError: One cannot be loaded; names it, its row and the loader.
        """
        if self.sizes is None:
            out = np.empty((len(rows), *self.spec.shape), self.spec.dtype)
            self.load_anew(rows, out)
            return list(out)
        shapes = [self.spec.sized(sizes) for sizes in self.sizes.of(rows).tolist()]
        arrays = [np.empty((1, *shape), self.spec.dtype) for shape in shapes]
        for place, array in enumerate(arrays):
            if array.size:
                self.load_anew(rows[place : place + 1], array)
        return [array[0] for array in arrays]

    def pick(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return what the loader is given for *rows*: full paths, for files."""
        samples: NDArray[Any] = self.samples[rows]
        if self.prefix:
            prefix = self.prefix
            samples[:] = [prefix + name for name in samples]
        return samples

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "samples": packed(self.samples)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.cache is not None:
            self.cache.open(self)

    def _described(self, look_at: NDArray[Any], tolerated: int) -> Any:
        while True:
            try:
                return self.hooks.describe_sample(samples=look_at, source=self.source)
            except SampleError as error:
                error.loader = error.loader or name_of(self.component)
                if not tolerated or len(look_at) < 2:
                    raise
                guilty = np.array([each is error.sample for each in look_at.tolist()])
                look_at = look_at[~guilty] if guilty.any() else look_at[1:]
                tolerated -= 1
            except PenstockError:
                raise
            except Exception as error:
                raise undescribed(error, self, look_at) from error

    def _spread(self, count: int) -> NDArray[Any]:
        step = -(-len(self.samples) // count)
        return self.pick(np.arange(0, len(self.samples), step))


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
        if target.dtype.kind not in "biuf":
            raise PluginError(
                f"The encoder {name_of(self.component)} returned an array of dtype {target.dtype}."
                " It must return numbers, in the dtype that Keras shall see."
            )
        # As Keras does: float64 takes twice the memory and teaches nothing.
        return target.astype(np.float32) if target.dtype == np.float64 else target
