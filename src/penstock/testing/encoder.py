"""What is asked of an encoder."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from penstock.components import implements, instance, relay
from penstock.errors import LabelError, PenstockError, quote
from penstock.givenlabels import add_labels
from penstock.labels import label_values
from penstock.targets import encoded_field
from penstock.testing.component import ComponentConformance
from penstock.testing.jobs import Encoding
from penstock.testing.runs import count_kinds, difference, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from penstock.fields import EncodedField

__all__ = ["EncoderConformance"]


class EncoderConformance(ComponentConformance):
    """Inherit this, write ``make``, and pytest says whether your encoder keeps the contract.

    Attributes:
        entry_point: The name under which it is installed; empty for whichever
            it is; None for an encoder that is not installed.
        unseen: A label that none of ``make`` is, to be refused; None for an
            encoder that takes any label.
        heavy: Packages that importing the encoder's module must not import.
        timeout: Seconds that threads and processes may take.
    """

    unseen: ClassVar[Any] = "a label that was never seen"

    _kind = "encoder"
    _owner = "test_it_encodes_every_label"

    @abstractmethod
    def make(self) -> tuple[Any, Any]:
        """Return the encoder, and labels for it to encode.

        Returns:
            An instance of the encoder, and one label per sample in a list or
            array, or a DataFrame of label columns. At least three labels, not
            all alike.
        """

    def test_it_encodes_every_label(self, tmp_path: Path) -> None:
        """encode_labels returns a row for every label."""
        made = self._made(tmp_path)
        try:
            job = self._opened(tmp_path, made)
            [target] = job.run()
        except Exception as error:
            raise AssertionError(
                f"The encoder was fitted to the labels that make() returned, and then given them"
                f" all: {sentence(error)} Let encode_labels return a NumPy array with"
                " a row for each label, in order."
            ) from error
        assert target.dtype.kind in "biuf", (
            f"encode_labels returned an array of dtype {target.dtype}, which Keras cannot take."
            " Return numbers or booleans."
        )
        unlike = count_kinds(target)
        assert len(target) >= 3 and unlike >= 2, (  # noqa: PT018 - one message
            f"{len(target)} labels were encoded, as {unlike} different targets. Let make() return"
            " at least three, not all alike: mistakes between them cannot be seen otherwise."
        )

    def test_it_finds_the_same_classes_in_any_order(self, tmp_path: Path) -> None:
        """Classes and their numbers do not depend on the order of the samples."""
        encoder, _ = self._made(tmp_path)
        if not implements(encoder, "fit_labels"):
            return
        self._working(tmp_path, self._made(tmp_path))
        labels = self._values(tmp_path)
        found = [
            relay(encoder).fit_labels(labels=part.copy())
            for part in (labels, labels[::-1], np.roll(labels, 1, axis=0))
        ]
        classes = [None if each is None else list(each) for each in found]
        other = next((each for each in classes if each != classes[0]), classes[0])
        assert other == classes[0], (
            f"fit_labels found the classes {quote(classes[0])} and, with the labels in another"
            f" order, {quote(other)}. Sort them: a class must keep its number."
        )

    def test_it_keeps_the_order_of_labels(self, tmp_path: Path) -> None:
        """Row i of the target belongs to label i."""
        job, whole = self._encoded(tmp_path)
        rows = np.arange(len(job))
        for order in (rows[::-1], np.roll(rows, 1)):
            unlike = difference([whole[order]], [job.field.encode(order)])
            assert not unlike, (
                f"The labels were given in the order {quote(order.tolist())}; expected and encoded"
                f" were {unlike}. Let row i of the target be label i."
            )

    def test_it_encodes_a_batch_as_part_of_the_whole(self, tmp_path: Path) -> None:
        """What else is in the batch has no say."""
        job, whole = self._encoded(tmp_path)
        rows = np.arange(len(job))
        for parts in (np.array_split(rows, 2), [rows[:2], rows[2:]]):
            unlike = _unlike(job, whole, parts)
            assert not unlike, (
                f"All labels were encoded at once, and then in batches of"
                f" {quote([len(part) for part in parts])}: {unlike}."
                " Encode each label by itself; what is common to all is found in fit_labels."
            )

    def test_it_encodes_one_label_as_it_encodes_many(self, tmp_path: Path) -> None:
        """The last batch may hold a single sample."""
        job, whole = self._encoded(tmp_path)
        unlike = _unlike(job, whole, [np.array([row]) for row in range(len(job))])
        assert not unlike, (
            f"All labels were encoded at once, and then one at a time: {unlike}."
            " Return shape (1, …) for one label, in the same dtype: do not squeeze."
        )

    def test_it_leaves_the_labels_it_is_given_alone(self, tmp_path: Path) -> None:
        """The arrays of labels and classes are the core's."""
        job, _ = self._encoded(tmp_path)
        field = job.field
        before, labels, values = field.labels.copy(), field.labels.copy(), self._values(tmp_path)
        classes = None if field.classes is None else list(field.classes)
        field.hooks.encode_labels(labels=labels, classes=classes)
        field.hooks.fit_labels(labels=values)
        changed = (before, self._values(tmp_path), field.classes), (labels, values, classes)
        assert _equal(*changed), (
            f"The hooks were given {quote(list(before))} and left {quote(list(labels))}, or changed"
            " what fit_labels was given, or the classes. Change a copy: labels.copy()."
        )

    def test_an_unseen_label_is_refused(self, tmp_path: Path) -> None:
        """A label that is not among the classes is an error, and no class."""
        job, _ = self._encoded(tmp_path)
        if self.unseen is None:
            return
        table, column = _table(*self._made(tmp_path))
        wrong = self.unseen
        if isinstance(self._values(tmp_path)[0], tuple):
            wrong = [self.unseen]
        for name in [column] if isinstance(column, str) else column:
            cells = table[name].to_numpy(object, copy=True)
            cells[0] = wrong
            table[name] = pd.Series(cells, dtype=object)
        fit_on = None if job.field.classes is None else self._values(tmp_path)
        advice = (
            "Return the classes from fit_labels, and what is not among them is refused for you;"
            " set unseen = None here if there is no such label."
        )
        refused: PenstockError | None = None
        try:
            encoded_field("y", job.field.component, table, column, None, fit_on)
        except PenstockError as error:
            refused = error
        assert refused is not None, f"The label {wrong!r} was encoded without a word. {advice}"
        assert job.field.classes is None or isinstance(refused, LabelError), (
            f"The label {wrong!r} was refused with {type(refused).__name__}, which is no"
            f" LabelError: {refused} {advice}"
        )

    def _make(self, directory: Path) -> tuple[Any, Any]:  # noqa: ARG002 - labels need no place
        return self.make()

    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Encoding:  # noqa: ARG002 - as above
        encoder = instance("encoder", made[0], {})
        return Encoding(_field(encoder, *_table(encoder, made[1])))

    def _encoded(self, directory: Path) -> tuple[Encoding, NDArray[Any]]:
        job, [whole] = self._reference(directory)
        assert isinstance(job, Encoding)
        return job, whole

    def _values(self, directory: Path) -> NDArray[Any]:
        """Return what ``fit_labels`` is given."""
        table, column = _table(*self._made(directory))
        return label_values(table[column if isinstance(column, str) else list(column)], None)


def _field(encoder: Any, table: pd.DataFrame, column: str | tuple[str, ...]) -> EncodedField:
    return encoded_field("y", encoder, table, column, None)


def _table(encoder: Any, labels: Any) -> tuple[pd.DataFrame, str | tuple[str, ...]]:
    """Make a samples table of labels, in the column that the encoder reads."""
    column = getattr(encoder, "column", None)
    if isinstance(labels, pd.DataFrame):
        names = tuple(labels.columns)
        return labels.reset_index(drop=True), column or (names[0] if len(names) == 1 else names)
    listed = list(labels)
    table = pd.DataFrame({"sample": np.arange(len(listed))})
    add_labels(table, listed, "sample")
    column = column or "label"
    return table.rename(columns={"label": column}), column


def _unlike(job: Encoding, whole: NDArray[Any], parts: list[NDArray[Any]]) -> str:
    try:
        found = [job.field.encode(part) for part in parts]
    except PenstockError as error:
        return str(error)
    expected = [whole[part] for part in parts]
    return next(
        filter(None, (difference([a], [b]) for a, b in zip(expected, found, strict=True))), ""
    )


def _equal(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return all(
        (a is b is None)
        or (len(a) == len(b) and all(np.array_equal(*pair) for pair in zip(a, b, strict=True)))
        for a, b in zip(first, second, strict=True)
    )
