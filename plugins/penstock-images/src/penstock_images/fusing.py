"""Several augmenters as one.

Numbers are drawn for all of them at once, and those of one kind, next to one
another, go over the pixels together: every pixel is fetched, calculated and
rounded once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import penstock
from penstock.errors import ConfigError, quote
from penstock_images.threads import single_threaded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["Fused", "Fusible", "images_of", "refuse_without_images"]


class Fusible(ABC):
    """An augmenter that can be one with its neighbours in the user's list."""

    numbers: ClassVar[int]
    """How many numbers are drawn for a sample, whatever the sample is."""

    @abstractmethod
    def fits(self, run: tuple[Fusible, ...]) -> bool:
        """Say whether *run*, of one kind, and then this one can be done at once."""

    @staticmethod
    @abstractmethod
    def augment(run: tuple[Any, ...], drawn: list[NDArray[np.float64]], batch: Batch) -> None:
        """Do to a batch what a run of augmenters of one kind do, one after the other.

        Args:
            run: The augmenters.
            drawn: For each of them numbers from 0 to 1, of shape ``(n, numbers)``.
            batch: The batch, of n samples.
        """

    @abstractmethod
    def describe(self, drawn: NDArray[np.float64], batch: Batch) -> dict[str, Any]:
        """Name what was drawn, so that ``replaying`` can do it again.

        Args:
            drawn: Numbers from 0 to 1, of shape ``(n, numbers)``.
            batch: A batch of such arrays.

        Returns:
            Parameters of shape ``(n,)``, and options that they depend on.
        """

    @penstock.hookimpl
    def check_specs(
        self,
        input_specs: Mapping[str, ArraySpec],
        target_specs: Mapping[str, ArraySpec],  # noqa: ARG002 - left alone here
    ) -> None:
        """Refuse inputs none of which is an image."""
        refuse_without_images(self, input_specs)

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Change images in place."""
        Fused(((self,),)).augment_samples(batch)

    @penstock.hookimpl
    def describe_draws(self, batch: Batch) -> dict[str, Any]:
        """Say what would be done to images."""
        return self.describe(batch.draws.uniform(size=self.numbers), batch)

    @penstock.hookimpl
    def fuse_with(self, following: object) -> object | None:
        """Be one with the next, if that is of this plugin."""
        return Fused(((self,),)).fuse_with(following)


@dataclass(frozen=True)
class Fused:
    """Augmenters that follow one another, as one.

    Args:
        runs: They, in order, in runs of those that can be done at once.
    """

    runs: tuple[tuple[Fusible, ...], ...]

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Change images in place; each part draws what it would draw by itself."""
        parts = [each for run in self.runs for each in run]
        most = max(each.numbers for each in parts)
        # All at once: for a few samples, it is the calls of NumPy that take time.
        rows = batch.draws.together(len(parts)).uniform(size=most).reshape(len(parts), -1, most)
        drawn = [row[:, : each.numbers] for row, each in zip(rows, parts, strict=True)]
        with single_threaded:
            for run in self.runs:
                run[0].augment(run, drawn[: len(run)], batch)
                del drawn[: len(run)]

    @penstock.hookimpl
    def fuse_with(self, following: object) -> object | None:
        """Take the next in, if it is of this plugin."""
        if not isinstance(following, Fusible):
            return None
        *before, last = self.runs
        if following.fits(last):
            return Fused((*before, (*last, following)))
        return Fused((*self.runs, (following,)))


def images_of(
    arrays: dict[str, NDArray[Any]], specs: Mapping[str, ArraySpec] | None = None
) -> Iterator[NDArray[Any]]:
    """Yield the arrays that are images: of shape ``(n, h, w, c)`` and numbers, and no places."""
    for name, array in arrays.items():
        if array.ndim == 4 and array.dtype.kind in "buif":
            spec = specs.get(name) if specs else None
            if spec is None or not spec.placed:
                yield array


def refuse_without_images(
    augmenter: object,
    inputs: Mapping[str, ArraySpec],
    masks: Mapping[str, ArraySpec] | None = None,
) -> None:
    """Refuse to augment arrays none of which is an image, as ``images_of`` has it.

    Args:
        augmenter: What was to change them.
        inputs: What loaders say of the inputs.
        masks: What they say of targets, where the augmenter changes these too.

    Raises:
        ConfigError: There is no image.
    """
    given = {**inputs, **(masks or {})}
    for spec in given.values():
        if len(spec.shape) == 3 and spec.dtype.kind in "buif" and not spec.placed:
            return
    flat = any(len(spec.shape) == 2 and spec.dtype.kind in "buif" for spec in inputs.values())
    found = ", ".join(f"{quote(k)} is {v.dtype} of shape {v.shape}" for k, v in given.items())
    raise ConfigError(
        f"{type(augmenter).__name__} in augment= changes images, arrays of numbers of shape"
        f" (height, width, channels), and there are none: {found}. Leave it out"
        + ("; or give gray images an axis of channels: x[..., None]." if flat else ".")
    )
