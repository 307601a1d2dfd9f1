"""The augmenter that mixes the samples of a batch with one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["MixUp"]


@dataclass(frozen=True, kw_only=True)
class MixUp:
    """Mix every sample with another of its batch, and their targets likewise.

    Zhang, Cissé, Dauphin & Lopez-Paz, "mixup: beyond empirical risk minimization" (ICLR 2018,
    arXiv:1710.09412): a sample becomes ``share * sample + (1 - share) * partner``, where the
    share is drawn from Beta(alpha, alpha), for each sample by itself as in
    ``keras.layers.MixUp``. Inputs are floats of any shape, or images of unsigned whole
    numbers, which are rounded; targets are floats, such as one-hot labels; sample weights are
    mixed too. Samples of weight 0 neither give nor take.

    Args:
        alpha: Above 0. The larger, the more even are the mixtures: 0.1 to 0.4 for ImageNet in
            the paper, and 1 for any share alike.
        probability: How many of the samples are mixed, from 0 to 1; the others stay as they are.
        mix_masks: Whether loaded targets of one channel, of an image's height and width, are
            mixed: False refuses them, as they are class numbers as a rule. True for
            probabilities, depths and the like.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    alpha: float = 0.2
    probability: float = 1.0
    mix_masks: bool = False

    def __post_init__(self) -> None:
        for name, least, most in (("alpha", 0.0, math.inf), ("probability", 0.0, 1.0)):
            value = getattr(self, name)
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if (
                not number
                or not least <= value <= most
                or (name == "alpha" and not 0 < value < most)
            ):
                wanted = "a number above 0" if name == "alpha" else "a number from 0 to 1"
                raise ConfigError(f"{name}={quote(value)} cannot work: give {wanted}.")

    @hookimpl
    def augment_batch(self, batch: Batch) -> None:
        """Mix inputs, targets and weights, in place."""
        for name, array in batch.inputs.items():
            _check_input(name, array, batch)
        if not self.mix_masks:
            _refuse_masks(batch)
        partners = batch.partners()
        share = batch.draws.beta(self.alpha, self.alpha)
        share[batch.draws.uniform() >= self.probability] = 1.0
        batch.mix(partners, share)  # refuses what it cannot mix before an input is changed
        kept = share.tolist()
        for circle in _circles(partners.tolist()):
            for array in batch.inputs.values():
                _mix(array, circle, kept)


def _mix(array: NDArray[Any], circle: list[int], share: list[float]) -> None:
    """Mix each sample of *circle* with the next, in place: with room for one sample alone."""
    first = array[circle[0]].copy()
    whole = array.dtype.kind == "u"
    for place, partner in zip(circle, [*circle[1:], None], strict=True):
        kept = share[place]
        if kept == 1.0:
            continue
        other = first if partner is None else array[partner]
        if whole:
            mixed = np.multiply(array[place], kept, dtype=np.float32)
            mixed += np.multiply(other, 1.0 - kept, dtype=np.float32)
            array[place] = np.rint(mixed)
        else:
            row = array[place : place + 1]  # never a scalar, which could not be written to
            row *= kept
            row += other * array.dtype.type(1.0 - kept)


def _circles(partners: list[int]) -> Iterator[list[int]]:
    """Yield the places of samples in the order in which each is the partner of the last."""
    seen = [place == partner for place, partner in enumerate(partners)]
    for start in range(len(partners)):
        circle: list[int] = []
        place = start
        while not seen[place]:
            seen[place] = True
            circle.append(place)
            place = partners[place]
        if circle:
            yield circle


def _check_input(name: str, array: NDArray[Any], batch: Batch) -> None:
    spec = batch.input_specs.get(name)
    if spec is not None and spec.placed:
        raise ConfigError(
            f"mixup mixes values, and the input {quote(name)} holds boxes, points or what belongs"
            " to them. Leave mixup out of augment=, or that input."
        )
    if array.dtype.kind != "f" and not (array.dtype.kind == "u" and array.ndim == 4):
        raise ConfigError(
            f"mixup mixes values, and the input {quote(name)} is {array.dtype} of shape"
            f" {array.shape}: between two whole numbers there is no sample, unless they are pixels."
            ' Deliver it as floats: dtype="float32".'
        )


def _refuse_masks(batch: Batch) -> None:
    sizes = {spec.shape[:2] for spec in batch.input_specs.values() if len(spec.shape) == 3}
    for name, spec in batch.target_specs.items():
        flat = spec.shape[:-1] if len(spec.shape) == 3 and spec.shape[-1] == 1 else spec.shape
        if flat in sizes:
            raise ConfigError(
                f"mixup mixes targets, and {quote(name)} lies over an image pixel by pixel, in one"
                " channel: between two class numbers there is no class. Use cutmix, or deliver"
                " one-hot masks; MixUp(mix_masks=True) says that its values can be mixed."
            )
