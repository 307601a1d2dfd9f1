"""The encoders that come with Penstock: labels to targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, LabelError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Binary", "Categorical", "Float", "Int", "Multilabel", "are_vectors"]


@dataclass(frozen=True, kw_only=True)
class Int:
    """Class numbers, int32 of shape (n,), for sparse categorical losses.

    Args:
        column: The samples table's column of labels.
        class_names: The classes in the order of their numbers; sorted by default.
    """

    column: str | None = None
    class_names: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        _freeze_class_names(self)

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> Sequence[Any]:
        """Sort the classes."""
        return _sorted_classes(labels)

    @hookimpl
    def encode_labels(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        """Give each sample its class number."""
        return labels.astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One-hot vectors, float32 of shape (n, classes), for categorical losses.

    Args:
        column: The samples table's column of labels.
        class_names: The classes in the order of the vector; sorted by default.
    """

    column: str | None = None
    class_names: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        _freeze_class_names(self)

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> Sequence[Any]:
        """Sort the classes."""
        return _sorted_classes(labels)

    @hookimpl
    def encode_labels(self, labels: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.float32]:
        """Set the element of each sample's class to one."""
        target = np.zeros((len(labels), len(classes)), np.float32)
        target[np.arange(len(labels)), labels] = 1.0
        return target


@dataclass(frozen=True, kw_only=True)
class Binary:
    """Zeros and ones, float32 of shape (n, 1), for binary losses with two classes.

    Args:
        column: The samples table's column of labels.
        class_names: The negative and the positive class; sorted by default.
    """

    column: str | None = None
    class_names: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        _freeze_class_names(self)
        if self.class_names is not None:
            _refuse_unless_two(self.class_names)

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> Sequence[Any]:
        """Sort the two classes."""
        classes = _sorted_classes(labels)
        _refuse_unless_two(classes)
        return classes

    @hookimpl
    def encode_labels(self, labels: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.float32]:
        """Give the second class a one."""
        _refuse_unless_two(classes)
        return labels.astype(np.float32).reshape(-1, 1)


@dataclass(frozen=True, kw_only=True)
class Multilabel:
    """Vectors of zeros and ones, float32 of shape (n, classes), for samples with several labels.

    Args:
        column: The samples table's column; each cell a list, tuple or set of labels.
        class_names: The classes in the order of the vector; sorted by default.
    """

    column: str | None = None
    class_names: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        _freeze_class_names(self)

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> Sequence[Any]:
        """Sort the classes found in all the lists."""
        if len(labels) and not isinstance(labels[0], tuple):
            raise LabelError(
                'encoder="multilabel" needs a list of labels per sample; found'
                f" {quote(labels[0])}. Split the cells into lists first."
            )
        if are_vectors(labels):
            raise LabelError(
                'encoder="multilabel" needs lists of the labels that a sample has; found vectors of'
                f' zeros and ones, such as {quote(labels[0])}. Say encoder="float" to use them as'
                " they are."
            )
        return _sorted_classes([label for several in labels for label in several])

    @hookimpl
    def encode_labels(self, labels: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.float32]:
        """Set the elements of each sample's classes to one."""
        target = np.zeros((len(labels), len(classes)), np.float32)
        for row, numbers in enumerate(labels):
            target[row, numbers] = 1.0
        return target


@dataclass(frozen=True, kw_only=True)
class Float:
    """Numbers as they are, float32 of shape (n,) or (n, columns), for regression.

    Args:
        column: The samples table's column of numbers, or of lists of as many
            numbers each, or several columns.
    """

    column: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.column, list):
            object.__setattr__(self, "column", tuple(self.column))

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> None:
        """Check that every label is finite in float32; there are no classes."""
        lists = labels.dtype == object and labels.ndim == 1
        lengths = {len(each) if isinstance(each, tuple) else 1 for each in labels if lists}
        if len(lengths) > 1 or 0 in lengths:
            raise LabelError(
                'encoder="float" needs the same number of numbers for each sample; found lists of'
                f" {min(lengths)} to {max(lengths)}. Fill them up, or leave those samples out."
            )
        try:
            finite = np.isfinite(_as_float32(labels)).reshape(len(labels), -1).all(axis=1)
            row = int(np.argmin(finite))
        except (TypeError, ValueError):
            finite, row = None, _first_that_fails(labels)
        if finite is None:
            raise LabelError(
                f'encoder="float" needs numbers; found {_shown(labels[row])} in row {row}.'
                ' Correct it, or say encoder="categorical" for classes.'
            )
        if not finite.all():
            raise LabelError(
                'encoder="float" needs numbers that are finite in float32;'
                f" found {_shown(labels[row])} in row {row}."
            )

    @hookimpl
    def encode_labels(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Convert to float32."""
        return _as_float32(labels)


def _as_float32(labels: NDArray[Any]) -> NDArray[np.float32]:
    if labels.dtype.kind in "cmM":
        raise TypeError
    if len(labels) and isinstance(labels.flat[0], tuple):
        labels = np.array(labels.tolist(), object)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        return labels.astype(np.float32)


def _first_that_fails(labels: NDArray[Any]) -> int:
    for row in range(len(labels)):
        try:
            _as_float32(labels[row : row + 1])
        except (TypeError, ValueError):
            return row
    return 0


def _shown(label: Any) -> str:
    return quote(label.tolist() if isinstance(label, np.ndarray) else label)


def are_vectors(labels: NDArray[Any]) -> bool:
    """Say whether labels that are tuples are rows of zeros and ones, and no lists of classes."""
    lengths = {len(label) for label in labels}
    return (
        len(lengths) == 1
        and lengths.isdisjoint({0, 1})
        and all(each in (0, 1) for label in labels for each in label)
    )


def _freeze_class_names(encoder: Any) -> None:
    if encoder.class_names is None:
        return
    given = encoder.class_names
    if isinstance(given, str):
        raise ConfigError(f"class_names={quote(given)} is one string; give a list of classes.")
    # A set has no order, and a dict might mean another one.
    if not isinstance(given, Iterable) or isinstance(given, (bytes, Mapping, AbstractSet)):
        raise ConfigError(
            f"class_names={quote(given)} was given; it must be a list of the classes in the order"
            " of their numbers."
        )
    names = tuple(given.tolist() if isinstance(given, np.ndarray) else given)
    if not names:
        raise ConfigError("class_names= names no class. Name at least one, or leave it out.")
    object.__setattr__(encoder, "class_names", names)


def _sorted_classes(labels: Any) -> list[Any]:
    if isinstance(labels, np.ndarray):
        if labels.dtype.kind in "biu" and labels.dtype.isnative and labels.ndim == 1:
            import pandas as pd  # not needed where encoders do their work

            labels = pd.unique(labels)
        labels = labels.tolist()
    given = list(labels)
    try:
        return sorted(set(given))
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in given})
        raise LabelError(
            f"The labels are of types that cannot be sorted as classes: {', '.join(kinds)}."
            " Make them all strings, or give class_names=."
        ) from error


def _refuse_unless_two(classes: Sequence[Any]) -> None:
    if len(classes) != 2:
        raise LabelError(
            f'encoder="binary" needs two classes; found {len(classes)}: {quote(list(classes))}.'
            ' Say encoder="categorical" or encoder="int".'
        )
