"""What augmenters that move pixels have in common."""

from __future__ import annotations

from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, Any

import penstock
from penstock_images.fusing import Fusible, images_of, refuse_without_images
from penstock_images.geometry import affine, in_succession
from penstock_images.moving import FILL_MODES, INTERPOLATIONS, Filling
from penstock_images.options import check_choice, check_number, check_pair
from penstock_images.together import move_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["FillsPlaces", "MovesPixels", "check_filling", "filled_by"]


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


def check_filling(mode: object, value: object, interpolation: object) -> None:
    """Refuse what does not say how places are filled."""
    check_choice("fill_mode", mode, FILL_MODES)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_number("fill_value", value)


def filled_by(mode: str, value: float, interpolation: str) -> Filling:
    """Return how places are filled; a value that is not used is none."""
    return Filling(mode, value if mode == "constant" else 0.0, interpolation)


class FillsPlaces(MovesPixels):
    """One that may leave places to be filled, with the options that say how."""

    fill_mode: str
    fill_value: float
    interpolation: str

    @property
    def filling(self) -> Filling:
        """How it fills and interpolates."""
        return filled_by(self.fill_mode, self.fill_value, self.interpolation)

    def _check_filling(self) -> None:
        check_filling(self.fill_mode, self.fill_value, self.interpolation)

    def _freeze_pair(self, name: str, low: float, high: float, *, symmetric: bool = True) -> None:
        """Check a factor; a list, which cannot be hashed, becomes a tuple."""
        value = getattr(self, name)
        check_pair(name, value, low=low, high=high, symmetric=symmetric)
        if isinstance(value, list):
            object.__setattr__(self, name, tuple(value))
