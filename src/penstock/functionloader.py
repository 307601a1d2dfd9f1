"""Loaders from functions of one sample, of one size or of several."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, PluginError, SampleMismatch, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["FunctionComponent", "FunctionLoader", "check_measure", "checked_pattern"]


class FunctionComponent:
    """A component around a function, whose options are the dataclass' fields."""

    function: ClassVar[Callable[..., Any]]
    takes: ClassVar[int]  # positional arguments
    _own: ClassVar[tuple[str, ...]] = ()  # fields that are no options of the function

    def _call(self, *arguments: Any) -> Any:
        options = {
            each.name: getattr(self, each.name)
            for each in fields(self)  # type: ignore[arg-type]
            if each.name not in self._own
        }
        return type(self).function(*arguments[: self.takes], **options)


class FunctionLoader(FunctionComponent):
    """A loader around a function of one sample: its shape, its sizes, and whose fault it is."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    _pattern: ClassVar[tuple[int | None, ...] | None] = None
    _measure: ClassVar[Callable[..., Any] | None] = None
    _own = ("column",)

    @hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        loaded = self._call(samples[0])
        first = np.asarray(loaded)
        if first.dtype.kind not in "biuf" and not isinstance(loaded, str):
            raise PluginError(
                f"{type(self).__name__} returned {quote(loaded)} for {quote(samples[0])}."
                " It must return an array of numbers, booleans or one string."
            )
        # As Keras does: float64 takes twice the memory and teaches nothing.
        self._check_pattern(samples[0], first.shape)
        dtype = np.float32 if first.dtype.kind == "f" else first.dtype
        return ArraySpec(self._pattern or first.shape, dtype)

    @hookimpl
    def measure_samples(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Measure by the function that is there for it, or by loading."""
        pattern = self._pattern or ()
        axes = [axis for axis, size in enumerate(pattern) if size is None]
        sizes = np.empty((len(samples), len(axes)), np.int64)
        options = {name: getattr(self, name) for name in _options(self._measure)}
        for row, sample in zip(sizes, samples, strict=True):
            if self._measure is not None:
                row[:] = self._measure(sample, **options)
                continue
            shape = np.shape(self._call(sample))
            self._check_pattern(sample, shape)
            row[:] = [shape[axis] for axis in axes]
        return sizes

    @hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        for place, sample in enumerate(samples):
            loaded = np.asarray(self._call(sample))
            if loaded.shape != out.shape[1:]:
                raise self._mismatch(sample, loaded.shape, out.shape[1:])
            if not np.can_cast(loaded.dtype, out.dtype, "same_kind"):
                raise SampleMismatch(
                    f"{quote(sample)} has dtype {loaded.dtype}; the first sample has"
                    f" {out.dtype}. Make {type(self).__name__} return one dtype for all."
                )
            out[place] = loaded.item() if out.dtype == object and not loaded.ndim else loaded

    def _check_pattern(self, sample: Any, shape: tuple[int, ...]) -> None:
        pattern = self._pattern
        if pattern is None:
            return
        if len(shape) != len(pattern) or any(
            size not in (None, found) for size, found in zip(pattern, shape, strict=True)
        ):
            raise SampleMismatch(
                f"{quote(sample)} has shape {shape}; {type(self).__name__} was said to return"
                f" {pattern}. Let it return that, or correct shape=."
            )

    def _mismatch(self, sample: Any, found: tuple[int, ...], wanted: tuple[int, ...]) -> Exception:
        name = type(self).__name__
        if self._pattern is None:
            return SampleMismatch(
                f"{quote(sample)} has shape {found}; the first sample has {wanted}. Make {name}"
                " return one shape for all, or say which sizes vary:"
                " @penstock.loader(shape=(None, …))."
            )
        return SampleMismatch(
            f"{quote(sample)} has shape {found}, and was measured to have {wanted}. Make {name}"
            " return the same shape at every call, and measure= the sizes of what it returns."
        )


def checked_pattern(shape: Any) -> tuple[int | None, ...] | None:
    """Return the shape that a function was said to return.

    Raises:
        ConfigError: It is none.
    """
    return None if shape is None else ArraySpec(shape, np.float32).shape


def check_measure(measure: Any, pattern: tuple[int | None, ...] | None, made: type[Any]) -> None:
    """Check that a function can measure the samples of a loader.

    Raises:
        ConfigError: It is none, nothing varies, or it wants what is no option of the loader.
    """
    if measure is None:
        return
    if not callable(measure) or pattern is None or None not in pattern:
        raise ConfigError(
            f"measure={quote(measure)} was given with shape={quote(pattern)}; it is a function"
            " that says how large a sample is in those axes that are None in shape=."
        )
    known = {each.name for each in fields(made)}
    unknown = [name for name in _options(measure) if name not in known]
    if unknown:
        raise ConfigError(
            f"measure= asks for {unknown[0]!r}, which is no option of {made.__name__};"
            f" these are {quote(sorted(known))}."
        )


def _options(measure: Any) -> list[str]:
    if measure is None:
        return []
    parameters = inspect.signature(measure).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
