"""Components from functions of one sample.

A loader is a function ``path -> array``, an encoder ``label -> array``, an
augmenter ``(array, generator) -> array``. Their keyword-only parameters are the
component's options. What the batch hooks need beyond that is here: the shape
and dtype, the writing into the batch, the attribution of errors.
"""

from __future__ import annotations

import inspect
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from penstock.declarations import check_class
from penstock.errors import ConfigError, PluginError, quote
from penstock.functionloader import (
    FunctionComponent,
    FunctionLoader,
    check_measure,
    checked_pattern,
)
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["augmenter", "encoder", "in_dtype", "loader", "refuse_places"]


class _Encoder(FunctionComponent):
    _own = ("column",)

    @hookimpl
    def encode_labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        encoded = np.stack([np.asarray(self._call(label)) for label in labels])
        return encoded.astype(np.float32) if encoded.dtype.kind == "f" else encoded


class _Augmenter(FunctionComponent):
    masks: ClassVar[bool | None] = None

    @hookimpl
    def augment_samples(self, batch: Batch) -> None:
        placed = {name for name, spec in batch.input_specs.items() if spec.placed}
        arrays = {name: array for name, array in batch.inputs.items() if name not in placed}
        if self.masks is not False:
            advice = f"Say penstock.augmenter({type(self).__name__}, masks=False) if it moves none."
            refuse_places(batch, f"The function {type(self).__name__!r}", advice)
            arrays.update(self._masks_of(batch))
        generators = batch.draws.generators()
        states = [each.bit_generator.state for each in generators] if len(arrays) > 1 else []
        for name, array in arrays.items():
            # All arrays of a sample see the same numbers: an image and its mask move alike.
            for generator, state in zip(generators, states, strict=False):
                generator.bit_generator.state = state
            for place, generator in enumerate(generators):
                changed = np.asarray(self._call(array[place], generator))
                if changed.shape != array.shape[1:]:
                    raise PluginError(
                        f"{type(self).__name__} turned {name!r} of shape {array.shape[1:]} into"
                        f" {changed.shape}. An augmenter must keep the shape."
                    )
                array[place] = in_dtype(changed, array.dtype)

    def _masks_of(self, batch: Batch) -> dict[str, NDArray[Any]]:
        """Return the loaded targets that lie over an image pixel by pixel.

        Raises:
            ConfigError: There are some, and nobody said whether the function is for them.
        """
        images = {array.shape[1:3] for array in batch.inputs.values() if array.ndim == 4}
        found = {
            name: array
            for name, array in batch.targets.items()
            if array.ndim in (3, 4) and array.shape[1:3] in images
        }
        if found and self.masks is None:
            name = type(self).__name__
            raise ConfigError(
                f"The augmenter {name!r} is a function of one array, and the batch has images and"
                f" {next(iter(found))!r}, a loaded target of their height and width. Say"
                f" penstock.augmenter({name}, masks=True) if it moves pixels, so that the target"
                " moves with its image, or masks=False if it changes their values alone."
            )
        return found


def refuse_places(batch: Batch, who: str, advice: str) -> None:
    """Refuse boxes and points beside an augmenter that may move pixels, and cannot move these.

    Raises:
        ConfigError: There are some.
    """
    for specs in (batch.input_specs, batch.target_specs):
        for name, spec in specs.items():
            if spec.coordinates is not None:
                raise ConfigError(
                    f"{who} cannot move boxes or points, and {quote(name)} holds such. {advice}"
                    " Augmenters of penstock-images, such as flip and rotate, move them with their"
                    " image."
                )


def in_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return *values* in a sample's dtype: rounded and clipped, never wrapped around."""
    if values.dtype == dtype or dtype.kind not in "iu":
        return values
    limits = np.iinfo(dtype)
    rounded: NDArray[Any] = np.clip(np.rint(values), limits.min, limits.max)
    return rounded.astype(dtype)


@overload
def loader(
    function: Callable[..., Any],
    /,
    *,
    suffixes: Sequence[str] = ...,
    shape: Sequence[int | None] | None = ...,
    measure: Callable[..., Any] | None = ...,
) -> type[Any]: ...
@overload
def loader(
    *,
    suffixes: Sequence[str] = ...,
    shape: Sequence[int | None] | None = ...,
    measure: Callable[..., Any] | None = ...,
) -> Callable[[Callable[..., Any]], type[Any]]: ...
def loader(
    function: Callable[..., Any] | None = None,
    /,
    *,
    suffixes: Sequence[str] = (),
    shape: Sequence[int | None] | None = None,
    measure: Callable[..., Any] | None = None,
) -> Any:
    """Make a loader class from a function of one sample.

    The function takes a path (or whatever stands in the samples table) and
    returns an array, the same shape and dtype for all; it is called from
    several threads. Its keyword-only parameters are the loader's options.

        >>> @penstock.loader(suffixes=(".wav",))
        ... def wav(path, *, seconds: float = 1.0):
        ...     '''Waveforms from .wav files.'''
        ...     return samples_of(path)[: int(16_000 * seconds)]

    Args:
        function: The function; leave it out to use this as a decorator with options.
        suffixes: The endings of the files that it reads, for detection and listing.
        shape: The shape of what it returns, with None for a size that varies, as in
            ``(None, 40)``; batches are padded then. By default all have that of the first.
        measure: A function of a sample that returns those sizes, a number or a tuple, without
            loading it. It is given those options that are keyword-only parameters of its.
            Without it each sample is loaded once more, to see how large it is.

    Returns:
        The class, for an entry point or for ``loader=wav(seconds=2.0)``.
    """
    if isinstance(suffixes, str):
        raise ConfigError(f'suffixes={quote(suffixes)} is one string; give a tuple: (".wav",).')
    endings = tuple(each.lower() for each in suffixes)

    def make(function: Callable[..., Any]) -> type[Any]:
        pattern = checked_pattern(shape)
        own = {
            "suffixes": endings,
            "_pattern": pattern,
            "_measure": measure and staticmethod(measure),
        }
        made = _made(function, FunctionLoader, 1, own, column="sample")
        check_measure(measure, pattern, made)
        check_class(made, f"The loader {made.__name__!r}")
        return made

    return make if function is None else make(function)


def encoder(function: Callable[..., Any], /) -> type[Any]:
    """Make an encoder class from a function of one label.

    The function takes a label as it stands in the samples table and returns a
    number or an array, the same shape for all. Its keyword-only parameters are
    the encoder's options.

    Returns:
        The class, for an entry point or for ``encoder=…()``.
    """
    return _made(function, _Encoder, 1, {}, column=None)


@overload
def augmenter(function: Callable[..., Any], /, *, masks: bool | None = None) -> type[Any]: ...
@overload
def augmenter(*, masks: bool | None = None) -> Callable[[Callable[..., Any]], type[Any]]: ...
def augmenter(function: Callable[..., Any] | None = None, /, *, masks: bool | None = None) -> Any:
    """Make an augmenter class from a function of one sample.

    The function takes an input's array and a ``numpy.random.Generator`` of
    that sample and epoch (or the array alone), and returns an array of the same
    shape; the array may be changed in place. Its keyword-only parameters are the
    augmenter's options. Several inputs of a sample are changed with the same
    random numbers.

    Args:
        function: The function; leave it out to use this as a decorator with options.
        masks: Whether loaded targets of an image's height and width are changed
            as the image is, with the same random numbers: True for what moves
            pixels, False for what changes their values. Where there are such
            targets, and nothing is said, training ends with an error.

    Returns:
        The class, for an entry point or for ``augment=…()``.
    """

    def make(function: Callable[..., Any]) -> type[Any]:
        return _made(function, _Augmenter, 2, {"masks": masks}, column=...)

    return make if function is None else make(function)


def _made(
    function: Callable[..., Any],
    base: type[FunctionComponent],
    arguments: int,
    namespace: dict[str, Any],
    column: Any,
) -> type[Any]:
    name = getattr(function, "__name__", type(function).__name__)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        parameters = []
    placed = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    required = [each.name for each in placed if each.default is each.empty]
    several = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    taken = arguments if several or not parameters else len(placed)
    if len(required) > arguments:
        raise ConfigError(
            f"{name}({', '.join(required)}) takes {len(required)} arguments; it will be called"
            f" with {arguments}. Make options keyword-only: def {name}({required[0]}, *, …)."
        )
    options: list[Any] = [] if column is ... else [("column", Any, column)]
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY:
            default = field() if each.default is each.empty else field(default=each.default)
            options.append((each.name, each.annotation, default))
    return make_dataclass(
        name if name.isidentifier() else "function",
        options,
        bases=(base,),
        frozen=True,
        kw_only=True,
        namespace={
            **namespace,
            "__doc__": function.__doc__ or f"{name}, for each sample.",
            "__module__": function.__module__,
            "__qualname__": getattr(function, "__qualname__", name),
            "function": staticmethod(function),
            "takes": min(arguments, taken),
        },
    )
