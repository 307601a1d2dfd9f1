"""The batch as augmenters see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.draws import Draws

__all__ = ["Batch"]


@dataclass
class Batch:
    """A batch, or a slice of one, on its way to Keras.

    Attributes:
        inputs: Arrays of shape ``(n, …)`` by input name; a single input is ``"x"``.
        targets: Likewise for targets; a single target is ``"y"``.
        sample_weight: float32 of shape ``(n,)``, or None.
        draws: Random numbers for the batch's samples.
        input_specs: What the loaders said of the inputs, by name.
        target_specs: What they said of those targets that are loaded. Labels that are encoded
            have none.
        mixed: What ``mix`` was given, in order.
    """

    inputs: dict[str, NDArray[Any]]
    targets: dict[str, NDArray[Any]]
    sample_weight: NDArray[Any] | None
    draws: Draws
    input_specs: Mapping[str, ArraySpec] = field(default_factory=dict)
    target_specs: Mapping[str, ArraySpec] = field(default_factory=dict)
    mixed: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = field(default_factory=list)

    def partners(self) -> NDArray[np.intp]:
        """Draw a partner for each sample, for ``augment_batch`` alone.

        Samples go round in a circle by a number that each of them draws. Those of weight 0,
        such as the zeros in the place of a sample that could not be loaded, are their own
        partners, and nobody else's.

        Returns:
            The partners' places in the batch, of shape ``(n,)``: each comes once.
        """
        drawn = self.draws.uniform()
        weight = self.sample_weight
        live = np.arange(len(drawn)) if weight is None else np.flatnonzero(weight)
        circle = live[np.argsort(drawn[live], kind="stable")]
        partners = np.arange(len(drawn))
        partners[circle] = np.roll(circle, -1)
        return partners

    def mix(
        self,
        partners: NDArray[np.intp],
        share: NDArray[np.float64],
        *,
        moved: frozenset[str] = frozenset(),
    ) -> None:
        """Mix targets and weights of samples with their partners', in place.

        A sample's target becomes ``share * target + (1 - share) * partner's``, and so does
        its weight. For ``augment_batch``, of an augmenter that mixes inputs itself.

        Args:
            partners: Places in the batch, of shape ``(n,)``.
            share: What each sample keeps of itself, from 0 to 1, of shape ``(n,)``.
            moved: Names of targets that the augmenter has mixed already.

        Raises:
            ConfigError: A target cannot be mixed: class numbers, text, boxes or points.
        """
        single = share.astype(np.float32)
        left = {name: array for name, array in self.targets.items() if name not in moved}
        for name, array in left.items():
            self._check_mixable(name, array)
        for array in left.values():
            kept = single.reshape(-1, *[1] * (array.ndim - 1))
            array[...] = kept * array + (1 - kept) * array[partners]
        if self.sample_weight is not None:
            weight = self.sample_weight
            weight[...] = single * weight + (1 - single) * weight[partners]
        self.mixed.append((partners, single))

    def _check_mixable(self, name: str, array: NDArray[Any]) -> None:
        spec = self.target_specs.get(name)
        if spec is not None and spec.placed:
            raise ConfigError(
                f"The samples of a batch were to be mixed, and the target {quote(name)} holds"
                " boxes, points or what belongs to them, which cannot be. Leave mixup and cutmix"
                " out of augment=, or that target."
            )
        if array.dtype.kind != "f":
            labels = spec is None and array.ndim == 1
            instead = (
                ' Say encoder="categorical", with the loss categorical_crossentropy.'
                if labels
                else " Deliver it as float32, one-hot where it holds classes."
            )
            raise ConfigError(
                f"The samples of a batch were to be mixed, and the target {quote(name)} is"
                f" {array.dtype} of shape {array.shape}: between two whole numbers there is no"
                f" target.{instead}"
            )
