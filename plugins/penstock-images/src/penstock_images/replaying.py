"""Parameters applied to an image: those that a sequence drew for a sample, or any others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.batch import Batch
from penstock.draws import Draws
from penstock.errors import ConfigError, quote, suggest
from penstock_images.colour import ChangesColours, ChannelShift, checked_range
from penstock_images.geometry import PARAMETERS as PLACES
from penstock_images.moves import MovesPixels, filled_by
from penstock_images.options import check_flag, check_number, check_pair
from penstock_images.tinting import PARAMETERS as COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock_images.fusing import Fusible
    from penstock_images.moving import Filling

__all__ = ["apply_transform"]

_SHIFT = "channel_shift_intensity"
_OPTIONS = ("augmenter", "fill_mode", "fill_value", "interpolation", "mask_value", "value_range")


def apply_transform(
    image: NDArray[Any],
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    fill_mode: str = "nearest",
    fill_value: float = 0.0,
    mask_value: float = 0.0,
    interpolation: str = "bilinear",
    value_range: tuple[float, float] | None = None,
    mask: bool = False,
) -> NDArray[Any]:
    """Do to an image what parameters say, as ``ImageDataGenerator.apply_transform`` does.

    With what ``sequence.transforms`` returns, the result has the very bytes that the sequence
    made of the sample. Names that stand next to one another are done at once, in their order.

    Args:
        image: Of shape ``(h, w, c)``, of numbers, as it is loaded; it is left as it is.
        parameters: Numbers by name, or several such dicts, one after the other. By the names of
            ``ImageDataGenerator``: ``theta`` (degrees), ``tx``, ``ty`` (pixels to the left and
            up), ``shear`` (degrees), ``zx``, ``zy`` (1 changes nothing), ``flip_horizontal``,
            ``flip_vertical``, ``channel_shift_intensity``, ``brightness`` (1 changes nothing);
            and ``shear_x``, ``shear_y``, ``brightness_factor`` and ``contrast``, which
            augmenters here also draw. None changes nothing. The options below may stand among
            them.
        fill_mode: What comes in from outside: ``"nearest"``, ``"reflect"``, ``"constant"`` or
            ``"wrap"``.
        fill_value: What ``"constant"`` fills an image with.
        mask_value: What it fills a mask with.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        value_range: As augmenters that change brightness have it.
        mask: Whether it is a mask: moved by the nearest pixel, its values being left alone.

    Returns:
        A new array of the same shape and dtype.

    Raises:
        ConfigError: It is no image, or there is a name or a value that cannot work.
    """
    check_flag("mask", mask)
    pixels = np.array(image, order="C")
    if pixels.ndim != 3 or pixels.dtype.kind not in "buif":
        raise ConfigError(
            f"apply_transform() was given {pixels.dtype} of shape {pixels.shape}: give one image of"
            " numbers, of shape (height, width, channels)."
        )
    options = {
        "fill_mode": fill_mode,
        "fill_value": fill_value,
        "mask_value": mask_value,
        "interpolation": interpolation,
        "value_range": value_range,
    }
    several = [parameters] if isinstance(parameters, Mapping) else list(parameters)
    fused: Any = None
    for step in (step for each in several for step in _steps(each, options)):
        fused = step if fused is None else fused.fuse_with(step)
    if fused is None:
        return pixels
    arrays = {"image": pixels[None]}
    inputs, targets = ({}, arrays) if mask else (arrays, {})
    fused.augment_samples(Batch(inputs, targets, None, Draws(0, 0, np.zeros(1, np.int64))))
    return pixels


@dataclass(frozen=True, eq=False)
class _Place(MovesPixels):
    """A change of place that was given, and not drawn."""

    given: dict[str, NDArray[np.float64]]
    given_filling: Filling | None

    numbers: ClassVar[int] = 1

    @property
    def filling(self) -> Filling | None:
        """How it fills and interpolates."""
        return self.given_filling

    def parameters(
        self,
        drawn: NDArray[np.float64],  # noqa: ARG002 - nothing is drawn
        height: int,  # noqa: ARG002
        width: int,  # noqa: ARG002
    ) -> dict[str, NDArray[np.float64]]:
        """Return what was given."""
        return self.given


@dataclass(frozen=True, eq=False)
class _Colour(ChangesColours):
    """A change of colours that was given, and not drawn."""

    given: dict[str, NDArray[np.float64]]
    value_range: tuple[float, float] | None

    def parameters(
        self,
        drawn: NDArray[np.float64],  # noqa: ARG002 - nothing is drawn
    ) -> dict[str, NDArray[np.float64]]:
        """Return what was given."""
        return self.given


def _steps(parameters: Mapping[str, Any], options: Mapping[str, Any]) -> list[Fusible]:
    """Return augmenters that do what *parameters* say."""
    if not isinstance(parameters, Mapping):
        raise ConfigError(
            f"apply_transform() was given {quote(parameters)}: give a dict such as"
            ' {"theta": 10.0}, or what sequence.transforms() returns.'
        )
    known = (*PLACES, *COLOURS, _SHIFT)
    if parameters.keys() == {"augmenter"}:
        raise ConfigError(
            f"The augmenter {quote(parameters['augmenter'])} says nothing of what it draws, so that"
            " it cannot be done again: it has no hook describe_draws, or only mixes samples."
        )
    for name in parameters:
        if name not in known and name not in _OPTIONS:
            raise ConfigError(
                f"apply_transform() knows no parameter {quote(name)}.{suggest(name, known)}"
                f" There are {', '.join(known)}."
            )
    chosen = {**options, **{name: parameters[name] for name in options if name in parameters}}
    filling = filled_by(chosen)
    value_range = checked_range(chosen["value_range"])
    steps: list[Fusible] = []
    names = [name for name in parameters if name in known and parameters[name] is not None]
    # One step for a kind: augmenters that fill nothing do not keep others apart.
    for kind, together in groupby(names, lambda name: PLACES.get(name, name)):
        given = {name: np.array([_number(name, parameters[name])]) for name in together}
        if kind == _SHIFT:
            number = float(given[_SHIFT][0])
            steps.append(ChannelShift(intensity=(number, number)))
        elif kind in COLOURS:
            steps.append(_Colour(given, value_range))
        else:
            steps.append(_Place(given, None if kind == "flip" else filling))
    return steps


def _number(name: str, value: object) -> float:
    """Return a parameter's value as a float."""
    if isinstance(value, (bool, np.bool_)) and PLACES.get(name) == "flip":
        return float(value)
    if PLACES.get(name) == "zoom":
        return check_pair(name, value, low=1e-3, high=1e6, symmetric=False)[0]
    return check_number(name, value)
