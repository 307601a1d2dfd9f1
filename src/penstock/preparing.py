"""What happens to every sample of an input, in training and validation alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.components import implements, name_of, relay
from penstock.errors import ConfigError, PenstockError, PluginError, quote, suggest
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.fields import LoadedField

__all__ = ["Preparation", "choose_preparers", "title_of"]

_ANY_SIZE = 8  # in place of one that varies


def choose_preparers(given: Any, inputs: Sequence[LoadedField]) -> dict[str, tuple[Any, ...]]:
    """Return the components that prepare each input, from what a user typed.

    Args:
        given: A component, a function of one sample, a Keras layer, or several of them in
            order, for the only input; or a dict of these by input name. None for none.
        inputs: The input fields.

    Raises:
        ConfigError: What was given prepares nothing, or it is not said which input.
        PluginError: It fails on an array like the input's, or changes its shape.
    """
    if given is None:
        return {}
    names = [each.name for each in inputs]
    if not isinstance(given, Mapping):
        if len(names) > 1:
            raise ConfigError(
                f"There are the inputs {quote(names)}: say which one to prepare,"
                f" {{{names[0]!r}: …}}."
            )
        given = {names[0]: given}
    fields = {each.name: each for each in inputs}
    chosen = {}
    for name, several in given.items():
        if name not in fields:
            raise ConfigError(
                f"{quote(name)} was to be prepared, and is no input.{suggest(str(name), names)}"
                f" The inputs are {quote(names)}; targets are not prepared."
            )
        listed = several if isinstance(several, (list, tuple)) else [several]
        chosen[name] = tuple(map(_component, listed))
        Preparation(fields[name], chosen[name]).rehearse()
    return chosen


class Preparation:
    """What prepares one input, ready to be called.

    Args:
        field: The input.
        components: What prepares it, in order.
    """

    def __init__(self, field: LoadedField, components: Sequence[Any]) -> None:
        self._input = field.name
        self._spec = field.spec
        self._steps = [(title_of(each), relay(each)) for each in components]

    def __call__(self, array: NDArray[Any]) -> None:
        """Prepare delivered samples of shape ``(n, …)``, in place."""
        for title, hooks in self._steps:
            try:
                left = hooks.prepare_samples(array=array, spec=self._spec)
            except PenstockError:
                raise
            except Exception as error:
                raise PluginError(
                    f"{title}, which prepares the input {self._input!r}, failed on samples of"
                    f" shape {array.shape[1:]} and dtype {array.dtype}: {type(error).__name__}:"
                    f" {quote(str(error))}."
                ) from error
            if left:
                raise PluginError(
                    f"{title}.prepare_samples returned something. It must change the array that"
                    " it is given in place, array[...] = …, and return nothing."
                )

    def rehearse(self) -> None:
        """Prepare one sample of made-up numbers: what cannot work is said before training."""
        dtype = self._spec.deliver_dtype
        shape = tuple(_ANY_SIZE if size is None else size for size in self._spec.deliver_shape)
        array = np.full((1, *shape), "text", object) if dtype.hasobject else _ramp(shape, dtype)
        with np.errstate(all="ignore"):
            self(array)


def _ramp(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return one sample of different numbers from 0.1 to 1, or from 1 to 100 where they are whole.

    A function that divides by a sample's deviation, or takes logarithms, gets along with them.
    """
    low, high = (0.1, 1.0) if dtype.kind == "f" else (1, 100)
    return np.linspace(low, high, math.prod(shape)).astype(dtype).reshape(1, *shape)


def _component(given: Any) -> Any:
    libraries = {kind.__module__.partition(".")[0] for kind in type(given).__mro__}
    if "keras" in libraries and hasattr(given, "call"):
        return _Layer(given)
    if implements(given, "prepare_samples") and not isinstance(given, type):
        return given
    if isinstance(given, type):
        raise ConfigError(f"{given.__name__} is a class; make it: {given.__name__}(…).")
    for hook in ("augment_samples", "augment_batch"):
        if implements(given, hook):
            raise ConfigError(
                f"{name_of(given)} is an augmenter, which validation data do not see. Give it in"
                " augment=."
            )
    if not callable(given):
        raise ConfigError(
            f"{quote(given)} prepares no samples: give a function of one sample, a Keras layer, or"
            " a component that implements prepare_samples, such as penstock.Standardize."
        )
    return _Function(given)


def title_of(component: Any) -> str:
    """Return what to call what prepares samples in messages."""
    if isinstance(component, _Function):
        function = component.function
        return str(getattr(function, "__qualname__", type(function).__name__))
    return name_of(component.layer if isinstance(component, _Layer) else component)


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of one sample, such as ``preprocess_input`` of Keras' applications."""

    function: Any

    @hookimpl
    def prepare_samples(self, array: NDArray[Any]) -> None:
        """Put what the function returns in each sample's place."""
        for place in range(len(array)):
            values = np.asarray(self.function(array[place]))
            _refuse_other(values, array.shape[1:], array.dtype, self)
            # Text stands in cells, and a 0-dimensional array would be put there whole.
            array[place] = values.item() if array.dtype.hasobject and not values.ndim else values


@dataclass(frozen=True, eq=False)
class _Layer:
    """A Keras layer without anything random in it, such as ``Rescaling`` or ``Normalization``."""

    layer: Any

    def __post_init__(self) -> None:
        random = [
            each.name
            for each in self.layer._flatten_layers()  # noqa: SLF001 - Keras has no public way
            if any(type(value).__name__ == "SeedGenerator" for value in vars(each).values())
        ]
        if random:
            raise ConfigError(
                f"Keras' layer {random[0]} draws random numbers, and what prepares samples does"
                " the same to each of them every time. Give it in augment=."
            )

    @hookimpl
    def prepare_samples(self, array: NDArray[Any]) -> None:
        """Call the layer, as in prediction."""
        result = self.layer(array.copy(), training=False)
        if hasattr(result, "detach"):  # torch's, which may stand elsewhere or want a gradient
            result = result.detach().cpu()
        values = np.asarray(result)
        _refuse_other(values, array.shape, array.dtype, self)
        array[...] = values


def _refuse_other(
    values: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any], component: Any
) -> None:
    """Refuse a result that cannot take the place of what it was made of."""
    if values.shape != shape:
        raise PluginError(
            f"{title_of(component)} turned samples of shape {shape} into {values.shape}. What"
            " prepares samples must keep their shape; change it where they are loaded."
        )
    if not np.can_cast(values.dtype, dtype, "same_kind"):
        raise PluginError(
            f"{title_of(component)} turned samples of dtype {dtype} into {values.dtype}. What"
            " prepares samples must keep the kind of their dtype: have them delivered as float32."
        )
