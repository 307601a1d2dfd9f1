"""The encoders that come with Penstock: labels to targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, LabelError, quote
from penstock.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Binary", "Categorical", "Float", "Int", "Multilabel"]


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
        column: The samples table's column of numbers, or several columns.
    """

    column: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.column, list):
            object.__setattr__(self, "column", tuple(self.column))

    @hookimpl
    def fit_labels(self, labels: NDArray[Any]) -> None:
        """Check that every label is a finite number; there are no classes."""
        for row, label in enumerate(
            labels.reshape(len(labels), -1) if labels.dtype == object else ()
        ):
            _numbers(label, row)
        if labels.dtype != object:
            finite = np.isfinite(labels.reshape(len(labels), -1)).all(axis=1)
            if not finite.all():
                row = int(np.argmin(finite))
                raise LabelError(
                    'encoder="float" needs finite numbers;'
                    f" found {quote(labels[row])} in row {row}."
                )

    @hookimpl
    def encode_labels(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """Convert to float32."""
        return labels.astype(np.float32)


def _numbers(label: NDArray[Any], row: int) -> None:
    try:
        finite = np.isfinite(label.astype(np.float64)).all()
    except (TypeError, ValueError) as error:
        raise LabelError(
            f'encoder="float" needs numbers; found {quote(label.tolist())} in row {row}.'
            ' Correct it, or say encoder="categorical" for classes.'
        ) from error
    if not finite:
        raise LabelError(
            f'encoder="float" needs finite numbers; found {quote(label.tolist())} in row {row}.'
        )


def _freeze_class_names(encoder: Any) -> None:
    if encoder.class_names is None:
        return
    if isinstance(encoder.class_names, str):
        raise ConfigError(
            f"class_names={quote(encoder.class_names)} is one string; give a list of classes."
        )
    object.__setattr__(encoder, "class_names", tuple(encoder.class_names))


def _sorted_classes(labels: Any) -> list[Any]:
    given = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
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
