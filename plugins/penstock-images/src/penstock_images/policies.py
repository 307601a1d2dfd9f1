"""Augmenters that draw from a list of operations: RandAugment and TrivialAugment.

Images are bytes, as they are loaded. Operations of a sample that move pixels and follow one
another become one warp; its mask, boxes and points move with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import penstock
from penstock.batch import Batch
from penstock.errors import ConfigError, quote, suggest
from penstock_images.fusing import images_of, refuse_without_images
from penstock_images.geometry import in_succession
from penstock_images.moves import FillsByOptions
from penstock_images.operations import COLOURS
from penstock_images.options import check_between, check_count
from penstock_images.steps import MOVES, Step, Strengths, amount_of, colour_value, matrix
from penstock_images.threads import single_threaded
from penstock_images.together import move_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.arrayspec import ArraySpec

__all__ = ["OPERATIONS", "RandAugment", "TrivialAugment"]

OPERATIONS = ("identity", *COLOURS, *MOVES)
_STRONGEST = 30  # the largest magnitude, of 31 from 0 on


class _Policy(FillsByOptions):
    """Carries out the operations that samples draw."""

    operations: tuple[str, ...]

    def _check(self) -> None:
        self._check_filling()
        given = self.operations
        if not isinstance(given, (tuple, list)) or not given:
            raise ConfigError(
                f"operations={quote(given)} cannot work: give a list of some of"
                f" {quote(list(OPERATIONS))}."
            )
        for name in given:
            if name not in OPERATIONS:
                raise ConfigError(
                    f"operations= names {quote(name)}, which is none.{suggest(name, OPERATIONS)}"
                    f" There are {quote(list(OPERATIONS))}."
                )
        object.__setattr__(self, "operations", tuple(given))

    @penstock.hookimpl
    def check_specs(
        self, input_specs: Mapping[str, ArraySpec], target_specs: Mapping[str, ArraySpec]
    ) -> None:
        """Refuse inputs without images of bytes, and masks that cannot hold their filling."""
        refuse_without_images(self, input_specs)
        self._check_masks(target_specs)
        for name, spec in input_specs.items():
            if len(spec.shape) == 3 and spec.dtype != np.uint8 and not spec.placed:
                raise ConfigError(
                    f"{type(self).__name__} changes images of bytes, uint8, and {quote(name)} is"
                    f" loaded as {spec.dtype}. Give bit_depth=8 to the loader of images; arrays"
                    " have to be saved as uint8."
                )

    def _carry_out(self, batch: Batch, drawn: list[list[Step]], strengths: Strengths) -> None:
        """Do to each sample of *batch* what it drew, in place."""
        with single_threaded:
            for place, steps in enumerate(drawn):
                part = slice(place, place + 1)
                sample = Batch(
                    {name: array[part] for name, array in batch.inputs.items()},
                    {name: array[part] for name, array in batch.targets.items()},
                    None,
                    batch.draws,
                    batch.input_specs,
                    batch.target_specs,
                )
                self._change(sample, steps, strengths)

    def _change(self, sample: Batch, steps: list[Step], strengths: Strengths) -> None:
        waiting: list[Step] = []
        for step in steps:
            if step.name in MOVES:
                waiting.append(step)
            elif step.name != "identity":
                # Colours depend on what is in the picture: it has to be moved before.
                self._move(sample, waiting, strengths)
                waiting = []
                for images in images_of(sample.inputs, sample.input_specs):
                    COLOURS[step.name](images[0], colour_value(step, strengths))
        self._move(sample, waiting, strengths)

    def _move(self, sample: Batch, steps: list[Step], strengths: Strengths) -> None:
        first = next(images_of(sample.inputs, sample.input_specs), None)
        if not steps or first is None:
            return
        sizes = (first.shape[2], first.shape[1])
        amounts = [amount_of(step, strengths, sizes) for step in steps]
        move_together(
            sample,
            lambda height, width: in_succession(
                [
                    matrix(step.name, amount, height, width)
                    for step, amount in zip(steps, amounts, strict=True)
                ]
            ),
            self.filling,
        )


@dataclass(frozen=True, kw_only=True)
class RandAugment(_Policy):
    """Change each image by a few operations out of fourteen, all of one magnitude.

    Cubuk, Zoph, Shlens & Le, "RandAugment: practical automated data augmentation with a
    reduced search space" (arXiv:1909.13719), with torchvision's ranges: at magnitude 30 shears
    of 0.3, turns of 30 degrees, shifts of 150/331 of the size, colours 0.9 more or less, four
    bits of each value, and all values inverted. For images of bytes.

    Args:
        num_ops: How many operations, one after the other; one may come twice.
        magnitude: How strong, from 0 to 30.
        operations: Those to draw from: ``"identity"``, ``"autocontrast"``, ``"brightness"``,
            ``"color"``, ``"contrast"``, ``"equalize"``, ``"posterize"``, ``"sharpness"``,
            ``"solarize"``, ``"rotate"``, ``"shear_x"``, ``"shear_y"``, ``"translate_x"``,
            ``"translate_y"``; all of them by default.
        fill_mode: What comes in from outside: ``"constant"``, ``"reflect"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    num_ops: int = 2
    magnitude: float = 9
    operations: tuple[str, ...] = OPERATIONS
    fill_mode: str = "constant"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        check_count("num_ops", self.num_ops)
        check_between("magnitude", self.magnitude, 0.0, _STRONGEST)
        self._check()

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Change images, masks, boxes and points in place."""
        drawn = batch.draws.uniform(size=(self.num_ops, 2))
        level = float(self.magnitude) / _STRONGEST
        count = len(self.operations)
        self._carry_out(
            batch,
            [
                [
                    Step(self.operations[int(which * count)], level, -1.0 if sign < 0.5 else 1.0)
                    for which, sign in steps
                ]
                for steps in drawn.tolist()
            ],
            Strengths(0.3, 30.0, 0.9, 4, 150.0 / 331.0, 0.0),
        )


@dataclass(frozen=True, kw_only=True)
class TrivialAugment(_Policy):
    """Change each image by one operation out of fourteen, of any magnitude.

    Müller & Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation" (ICCV
    2021, arXiv:2103.10158), in its wide form: shears of up to 0.99, turns of 135 degrees, shifts
    of 32 pixels, colours 0.99 more or less, two bits of each value left, and all values
    inverted. For images of bytes.

    Args:
        operations: Those to draw from; see ``RandAugment``.
        fill_mode: What comes in from outside: ``"constant"``, ``"reflect"``, ``"nearest"``
            or ``"wrap"``.
        fill_value: What ``"constant"`` fills images with.
        mask_value: What it fills masks with, which are loaded targets: a class number.
        interpolation: ``"bilinear"`` or ``"nearest"``; targets always take the nearest pixel.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    operations: tuple[str, ...] = OPERATIONS
    fill_mode: str = "constant"
    fill_value: float = 0.0
    mask_value: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        self._check()

    @penstock.hookimpl
    def augment_samples(self, batch: Batch) -> None:
        """Change images, masks, boxes and points in place."""
        count = len(self.operations)
        self._carry_out(
            batch,
            [
                [
                    Step(
                        self.operations[int(which * count)],
                        int(level * (_STRONGEST + 1)) / _STRONGEST,
                        -1.0 if sign < 0.5 else 1.0,
                    )
                ]
                for which, level, sign in batch.draws.uniform(size=3).tolist()
            ],
            Strengths(0.99, 135.0, 0.99, 6, 0.0, 32.0),
        )
