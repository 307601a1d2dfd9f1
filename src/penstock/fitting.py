"""Numbers that are fitted to an input's samples by streaming over them, and kept in files."""

from __future__ import annotations

import os
import zipfile
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from penstock.checks import check_flag, check_whole
from penstock.errors import ConfigError, quote, suggest
from penstock.forms import flattened
from penstock.progress import progress_bar
from penstock.views import plain_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec
    from penstock.batches import Batches
    from penstock.fields import LoadedField

__all__ = ["Fitted", "Samples", "broadcast_to_samples", "channels_last"]

_SCHEMA = 1


class Samples:
    """The samples of one input, to stream over.

    Args:
        sequence: The ``penstock.Sequence`` that has it.
        input_name: Which; may be None where there is one.
        augment: Whether to augment them.
        rounds: How many epochs of augmented samples to take.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: It is no sequence, has no such input, or its samples are no numbers.
    """

    def __init__(
        self,
        sequence: Any,
        input_name: str | None,
        *,
        augment: bool,
        rounds: int,
        progress: bool,
    ) -> None:
        batches: Batches | None = getattr(sequence, "_batches", None)
        if batches is None:
            raise ConfigError(
                f"fit() was given {quote(type(sequence).__name__)}. Give it the sequence to fit to:"
                " the training part of make_generator(…).split(…)."
            )
        self._sequence = sequence
        self._augment = check_flag("augment", augment)
        self._rounds = check_whole("rounds", rounds, 1)
        self._progress = progress
        if self._rounds > 1 and not augment:
            raise ConfigError(
                f"rounds={rounds} says how often augmented samples are seen; without augment=True"
                " each is the same every time. Leave it out."
            )
        self._field = _chosen(batches, input_name)

    @property
    def spec(self) -> ArraySpec:
        """What one sample is like."""
        return self._field.spec

    @property
    def name(self) -> str:
        """The input's name."""
        return self._field.name

    def __len__(self) -> int:
        return len(self._sequence._batches.rows) * self._rounds  # noqa: SLF001 - ours

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield the samples in arrays of shape ``(n, …)``, without those that cannot be loaded.

        They are as delivered and prepared so far, each once, or once per round.
        """
        batches: Batches = self._sequence._batches  # noqa: SLF001 - ours
        view = plain_view(batches)
        if self._augment:  # mixup and its like want the targets too
            view = replace(view, augment=True, targets=batches.targets)
        bar = progress_bar("fit", len(self), "sample", progress=self._progress)
        with self._sequence._of(view) as data, bar as moved:  # noqa: SLF001 - ours
            for _ in range(self._rounds):
                for batch in data:
                    x, _, weight = (*batch, None, None)[:3]
                    array = flattened(x)[self.name] if isinstance(x, dict) else x
                    moved.update(len(array))
                    yield array if weight is None else array[weight > 0]


def _chosen(batches: Batches, input_name: str | None) -> LoadedField:
    names = [each.name for each in batches.inputs]
    if input_name is None and len(names) > 1:
        raise ConfigError(
            f"There are the inputs {quote(names)}: say which to fit to, input_name={names[0]!r}."
        )
    field = next((each for each in batches.inputs if input_name in (None, each.name)), None)
    if field is None:
        raise ConfigError(
            f"input_name={quote(input_name)} names no input.{suggest(str(input_name), names)}"
            f" The inputs are {quote(names)}."
        )
    if field.spec.deliver_dtype.kind != "f":
        raise ConfigError(
            f"The samples of the input {field.name!r} are delivered as {field.spec.deliver_dtype},"
            " which has no room for scaled numbers. Have them delivered as float32."
        )
    return field


def channels_last(array: NDArray[Any], spec: ArraySpec) -> NDArray[Any]:
    """Return samples of shape ``(n, …)`` as values of shape ``(values, channels)``."""
    if spec.data_format == "channels_first" and array.ndim > 2:
        array = np.moveaxis(array, 1, -1)
    return array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1)


def broadcast_to_samples(
    values: NDArray[Any], spec: ArraySpec, title: str, what: str
) -> NDArray[Any]:
    """Return numbers per channel, per element or for all, in a shape that a sample broadcasts with.

    Raises:
        ConfigError: They are of another shape than such samples.
    """
    shape = spec.deliver_shape
    if values.shape in ((), shape):
        return values
    first = spec.data_format == "channels_first" and len(shape) > 1
    channels = (shape[0] if first else shape[-1]) if shape else 1
    if values.shape != (channels,):
        raise ConfigError(
            f"{title} has a {what} of shape {values.shape}, and samples have the shape {shape}."
            f" It must be one number, or of shape {(channels,)} or {shape}. Was it fitted to other"
            " data?"
        )
    if not shape:
        return values[0]  # type: ignore[no-any-return]
    return values.reshape(-1, *[1] * (len(shape) - 1)) if first else values


class Fitted:
    """A component whose options are numbers found in samples, and can be kept in a file."""

    _arrays: ClassVar[tuple[str, ...]]  # options that are arrays; the others are numbers

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file for ``load``: NumPy's .npz, without anything pickled.

        Args:
            path: The file, under exactly this name; one that is there is replaced.
        """
        kept = {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
        given = {name: value for name, value in kept.items() if value is not None}
        part = f"{os.fspath(path)}.new"
        with open(part, "wb") as file:
            np.savez(file, component=type(self).__name__, schema=_SCHEMA, **given)
        os.replace(part, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what ``save`` wrote.

        Raises:
            ConfigError: There is no such file, it is damaged, or holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                listed = file.zip.infolist()
                if any(each.compress_type != zipfile.ZIP_STORED for each in listed):
                    raise ValueError("it is compressed")  # and may grow without end
                found = {name: file[name] for name in file.files}
        except Exception as error:
            raise ConfigError(
                f"{cls.__name__}.load() cannot read {quote(os.fspath(path))}:"
                f" {type(error).__name__}: {quote(str(error))}. Give a file that save() wrote."
            ) from error
        kind, schema = str(found.pop("component", None)), str(found.pop("schema", None))
        if (kind, schema) != (cls.__name__, str(_SCHEMA)) or not found.keys() <= {
            each.name
            for each in fields(cls)  # type: ignore[arg-type]
        }:
            raise ConfigError(
                f"{quote(os.fspath(path))} holds {quote(kind)} of schema {quote(schema)}, and"
                f" {cls.__name__} of schema {_SCHEMA} was asked for."
            )
        return cls(
            **{
                name: value if name in cls._arrays else value.item()
                for name, value in found.items()
            }
        )
