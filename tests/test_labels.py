"""Labels become class numbers, or an error that says which label of which sample."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from penstock.errors import LabelError
from penstock.labels import class_numbers, infer_encoder, known_classes, label_values

NAMES = pd.Series(["a.npy", "b.npy", "c.npy"], dtype=object)


def objects(*values):
    column = np.empty(len(values), object)
    column[:] = values
    return column


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_labels_are_counted_and_the_first_sample_is_named(missing):
    column = pd.Series(["cat", missing, missing], dtype=object)
    with pytest.raises(LabelError, match=r"2 of 3 samples have no label: 'b\.npy', 'c\.npy'\. "):
        label_values(column, NAMES)


@pytest.mark.parametrize("kind", ["object", "str", "string[pyarrow]", pd.ArrowDtype(pa.string())])
def test_texts_are_missing_where_there_is_none_and_where_they_are_empty(kind):
    column = pd.Series(["cat", None, ""], dtype=kind)
    with pytest.raises(LabelError, match=r"2 of 3 samples have no label: 'b\.npy', 'c\.npy'\. "):
        label_values(column, NAMES)


def test_a_number_is_missing_where_any_of_several_columns_is():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, np.nan]})
    with pytest.raises(LabelError, match="1 of 3 samples have no label: row 2"):
        label_values(table, None)


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        (pd.Series([1, 2]), np.dtype(np.int64), [1, 2]),
        (pd.Series([1.5, 2.0]), np.dtype(np.float64), [1.5, 2.0]),
        (pd.Series([True, False]), np.dtype(bool), [True, False]),
        (pd.Series(["b", "a"]), np.dtype(object), ["b", "a"]),
        *(
            (pd.Series(["b", "a", "b"], dtype=kind), np.dtype(object), ["b", "a", "b"])
            for kind in ("str", "string[pyarrow]", pd.ArrowDtype(pa.string()))
        ),
        (pd.Series(["b", 1, True], dtype=object), np.dtype(object), ["b", 1, True]),
        (pd.Series(["b", "a"], dtype="category"), np.dtype(object), ["b", "a"]),
        (pd.Series([[1, 2], {3}], dtype=object), np.dtype(object), [(1, 2), (3,)]),
        (pd.Series([2, 1], dtype="Int64"), np.dtype(np.int64), [2, 1]),
    ],
)
def test_label_columns_of_every_kind_become_arrays(column, dtype, values):
    found = label_values(column, None)
    assert found.dtype == dtype
    assert found.tolist() == values


def test_several_columns_become_a_matrix():
    assert label_values(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), None).tolist() == [[1, 3], [2, 4]]


def test_the_order_of_a_categorical_column_is_known():
    column = pd.Series(pd.Categorical(["lo", "hi"], categories=["lo", "mid", "hi"]))
    assert known_classes(column) == ["lo", "mid", "hi"]
    assert known_classes(pd.Series(["lo"])) is None
    assert known_classes(pd.DataFrame({"a": column})) is None


@pytest.mark.parametrize(
    "labels",
    [
        objects("cat", "dog"),
        objects("007", "12"),
        np.array([1, 2]),
        np.array([True, False]),
        objects("1.5", "cat"),
        objects("NA", "nan"),
    ],
)
def test_classes_are_categorical_by_default(labels):
    assert infer_encoder(labels, "label") == "categorical"


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (np.array([1.5, 2.0]), 'encoder="float"'),
        (objects(1.5, 2.5), 'encoder="float"'),
        (objects("1.5", "2"), 'encoder="float"'),
        (objects("1e5", "2"), 'encoder="categorical" if they are classes'),
        (objects(("a", "b"), ("c",)), 'encoder="multilabel"'),
        (np.zeros((3, 2)), "There are 2 label columns"),
    ],
)
def test_labels_that_could_be_meant_in_two_ways_are_not_guessed_at(labels, advice):
    with pytest.raises(LabelError) as caught:
        infer_encoder(labels, "age")
    assert advice in str(caught.value)
    assert "age" in str(caught.value)


def test_labels_become_the_positions_of_their_classes():
    numbers = class_numbers(objects("b", "a", "b"), ["a", "b"], None)
    assert numbers.tolist() == [1, 0, 1]
    assert numbers.dtype == np.int32  # as the contract of encode_labels says


def test_several_labels_become_arrays_of_positions():
    numbers = class_numbers(objects(("b", "a"), (), ("b",)), ["a", "b"], None)
    assert [each.tolist() for each in numbers] == [[1, 0], [], [1]]
    assert all(each.dtype == np.int32 for each in numbers)


@pytest.mark.parametrize(
    "labels", [objects("cat", "dgo", "dgo"), objects(("cat",), ("dgo",), ("dgo", "cat"))]
)
def test_an_unknown_label_is_named_with_its_sample_and_the_nearest_class(labels):
    with pytest.raises(LabelError) as caught:
        class_numbers(labels, ["cat", "dog"], NAMES)
    message = str(caught.value)
    assert message.startswith(
        "2 labels are not among the 2 classes; the first is 'dgo' of sample 'b.npy'"
    )
    assert "in row 1. Did you mean 'dog'?" in message
    assert "['cat', 'dog']" in message


def test_a_number_is_not_the_string_of_it():
    with pytest.raises(LabelError):
        class_numbers(objects("1", "2"), [1, 2], None)


def test_a_class_that_is_given_twice_is_refused():
    with pytest.raises(LabelError, match="The class 'a' is given twice"):
        class_numbers(objects("a"), ["a", "b", "a"], None)


def test_classes_need_one_column():
    with pytest.raises(LabelError, match="found 2"):
        class_numbers(np.zeros((3, 2), int), [0], None)


@pytest.mark.parametrize("pair", [("cat", "cat "), ("1", "1.0"), ("1", "01"), ("1e1", "10")])
def test_lookalikes_are_warned_of(pair):
    with pytest.warns(UserWarning, match="look alike"):
        class_numbers(objects(*pair), list(pair), None)


@pytest.mark.parametrize(
    "classes", [["cat", "dog"], ["1", "2"], [1, 1.5], ["nan", "NaN"], ["a", "A"]]
)
def test_classes_that_differ_are_not_warned_of(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert class_numbers(objects(*classes), classes, None).tolist() == [0, 1]


def test_a_label_that_is_no_utf8_is_found():
    assert class_numbers(objects("caf\udce9"), ["caf\udce9"], None).tolist() == [0]
