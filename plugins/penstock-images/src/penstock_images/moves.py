"""What augmenters that move pixels have in common."""

from __future__ import annotations

from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

import penstock
from penstock.errors import ConfigError, quote
from penstock_images.fusing import Fusible, images_of, refuse_without_images
from penstock_images.geometry import affine, in_succession
from penstock_images.moving import FILL_MODES, INTERPOLATIONS, Filling
from penstock_images.options import check_choice, check_number, check_pair
from penstock_images.together import move_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["FillsByOptions", "FillsPlaces", "MovesPixels", "filled_by"]


class MovesPixels(Fusible):
    """An augmenter that moves the pixels of inputs and targets alike."""

    @property
    def filling(self) -> Filling | None:
        """How it fills and interpolates; None where it never has to."""
        return None

    @abstractmethod
    def parameters(
        self, drawn: NDArray[np.float64], height: int, width: int
    ) -> dict[str, NDArray[np.float64]]:
        """Return the parameters that were drawn, of shape ``(n,)``, by ``geometry``'s names.

        Args:
            drawn: Numbers from 0 to 1, of shape ``(n, numbers)``.
            height: Rows of the images.
            width: Columns of the images.
        """

    def change(self, drawn: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """Return the change that was drawn, as ``geometry`` has it; arguments as above."""
        return affine(self.parameters(drawn, height, width), height, width)

    def describe(self, drawn: NDArray[np.float64], batch: Batch) -> dict[str, Any]:
        """Name the parameters, in pixels of the first images, and how places are filled."""
        inputs = images_of(batch.inputs, batch.input_specs)
        images = next(chain(inputs, images_of(batch.targets, batch.target_specs)), None)
        if images is None:
            return {}
        filling = {} if self.filling is None else self.filling.named()
        return {**self.parameters(drawn, *images.shape[1:3]), **filling}

    @penstock.hookimpl
    def check_specs(
        self, input_specs: Mapping[str, ArraySpec], target_specs: Mapping[str, ArraySpec]
    ) -> None:
        """Refuse inputs and targets none of which is an image."""
        refuse_without_images(self, input_specs, target_specs)

    def fits(self, run: tuple[Fusible, ...]) -> bool:
        """Those can be one that all fill and interpolate alike."""
        fillings = {each.filling for each in (*run, self) if isinstance(each, MovesPixels)}
        return isinstance(run[0], MovesPixels) and len(fillings - {None}) <= 1

    @staticmethod
    def augment(
        run: tuple[MovesPixels, ...], drawn: list[NDArray[np.float64]], batch: Batch
    ) -> None:
        """Move the pixels of inputs and targets, boxes and points, in place."""
        filling = next(filter(None, (each.filling for each in run)), Filling())

        def change(height: int, width: int) -> NDArray[np.float64]:
            parts = zip(run, drawn, strict=True)
            return in_succession([part.change(each, height, width) for part, each in parts])

        move_together(batch, change, filling)


def filled_by(options: Mapping[str, Any]) -> Filling:
    """Return how places are filled, by the options of augmenters; a value not used is none.

    Raises:
        ConfigError: A value that cannot work.
    """
    mode, interpolation = options["fill_mode"], options["interpolation"]
    check_choice("fill_mode", mode, FILL_MODES)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    value = check_number("fill_value", options["fill_value"])
    of_masks = check_number("mask_value", options["mask_value"])
    if mode != "constant":
        value = of_masks = 0.0
    return Filling(mode, value, interpolation, of_masks)


class FillsByOptions:
    """What may leave places to be filled, with the options that say how."""

    fill_mode: str
    fill_value: float
    mask_value: float
    interpolation: str

    @property
    def filling(self) -> Filling:
        """How it fills and interpolates."""
        return filled_by(vars(self))

    def _check_filling(self) -> None:
        if self.filling.mode != "constant" and self.mask_value:
            raise ConfigError(
                f"mask_value={quote(self.mask_value)} is what masks are filled with by"
                f" fill_mode='constant', and fill_mode is {quote(self.fill_mode)}: leave one of"
                " them out."
            )

    def _check_masks(self, specs: Mapping[str, ArraySpec]) -> None:
        """Refuse masks that cannot hold what they would be filled with."""
        value = self.filling.mask_value
        for name, spec in specs.items():
            whole = spec.dtype.kind in "bui" and len(spec.shape) in (2, 3) and not spec.placed
            if whole and not _holds(spec.dtype, value):
                raise ConfigError(
                    f"{type(self).__name__} would fill the target {quote(name)} with mask_value="
                    f"{value:g}, which {spec.dtype} cannot hold. Give a class number that it can:"
                    " 255 is a usual one for pixels of no class."
                )


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "b":
        return value in (0.0, 1.0)
    limits = np.iinfo(dtype)
    return value.is_integer() and limits.min <= value <= limits.max


class FillsPlaces(FillsByOptions, MovesPixels):
    """An augmenter that moves pixels, and may leave places to be filled."""

    @penstock.hookimpl
    def check_specs(
        self, input_specs: Mapping[str, ArraySpec], target_specs: Mapping[str, ArraySpec]
    ) -> None:
        """Refuse what has no image, and masks that cannot hold their filling."""
        super().check_specs(input_specs, target_specs)
        self._check_masks(target_specs)

    def _freeze_pair(self, name: str, low: float, high: float, *, symmetric: bool = True) -> None:
        """Check a factor; a list, which cannot be hashed, becomes a tuple."""
        value = getattr(self, name)
        check_pair(name, value, low=low, high=high, symmetric=symmetric)
        if isinstance(value, list):
            object.__setattr__(self, name, tuple(value))
