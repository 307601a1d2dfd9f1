"""What each encoder makes of labels, and what it says to labels that do not suit it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError, LabelError, PluginError
from penstock.targets import encoded_field

CLASSED = [penstock.Int, penstock.Categorical, penstock.Binary, penstock.Multilabel]


def field(encoder, labels, **options):
    table = pd.DataFrame({"label": pd.Series(labels, dtype=options.pop("dtype", None))})
    return encoded_field("y", encoder, table, "label", None, **options)


def target(encoder, labels, **options):
    made = field(encoder, labels, **options)
    return made.encode(np.arange(len(labels)))


def is_exactly(array, values, dtype):
    assert array.dtype == dtype
    assert array.tolist() == values
    return True


def test_int_gives_class_numbers():
    assert is_exactly(target(penstock.Int(), ["b", "a", "c"]), [1, 0, 2], np.int32)


def test_categorical_gives_one_hot_vectors():
    assert is_exactly(
        target(penstock.Categorical(), ["b", "a", "c"]),
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        np.float32,
    )


def test_binary_gives_a_column_of_zeros_and_ones():
    assert is_exactly(target(penstock.Binary(), ["no", "yes", "no"]), [[0], [1], [0]], np.float32)


def test_multilabel_gives_a_one_for_each_label():
    labels = [["a", "c"], [], {"b"}, ("c", "c")]
    expected = [[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert is_exactly(target(penstock.Multilabel(), labels, dtype=object), expected, np.float32)


def test_float_gives_the_numbers():
    assert is_exactly(target(penstock.Float(), [1.5, -2.0]), [1.5, -2.0], np.float32)
    assert is_exactly(target(penstock.Float(), ["1.5", "1e3"]), [1.5, 1000.0], np.float32)
    assert is_exactly(target(penstock.Float(), [1, 2]), [1.0, 2.0], np.float32)


def test_float_gives_several_columns_as_one_target():
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    made = encoded_field("y", penstock.Float(column=["a", "b"]), table, ["a", "b"], None)
    assert is_exactly(made.encode(np.array([1, 0])), [[2.0, 1.5], [1.0, 0.5]], np.float32)


@pytest.mark.parametrize("bad", ["nan", "inf", "many"])
def test_float_refuses_what_is_no_finite_number_and_names_the_row(bad):
    with pytest.raises(LabelError, match=f"found '{bad}' in row 1"):
        field(penstock.Float(), ["1", bad])


def test_float_takes_a_list_of_numbers_per_sample():
    labels = [[1, 2], (0.5, 1.5), np.array([3, 4])]
    found = target(penstock.Float(), labels, dtype=object)
    assert is_exactly(found, [[1, 2], [0.5, 1.5], [3, 4]], np.float32)


@pytest.mark.parametrize("labels", [[[1, 2], [3]], [[1], 2], [[], []]])
def test_float_refuses_lists_of_different_lengths(labels):
    with pytest.raises(LabelError, match="the same number of numbers|no list"):
        field(penstock.Float(), labels, dtype=object)


@pytest.mark.parametrize("dtype", [None, object])
def test_float_refuses_what_float32_cannot_hold(dtype):
    with pytest.raises(LabelError, match=r"finite in float32; found 1e\+39 in row 1"):
        field(penstock.Float(), [1.0, 1e39], dtype=dtype)


@pytest.mark.parametrize(
    "labels", [[1j, 2j], pd.date_range("2020", periods=2), pd.to_timedelta([1, 2])]
)
def test_float_refuses_what_is_no_real_number(labels):
    with pytest.raises(LabelError, match="needs numbers; found .* in row 0"):
        field(penstock.Float(), labels)


def test_float_refuses_infinite_numbers():
    with pytest.raises(LabelError, match="found inf in row 1"):
        field(penstock.Float(), [1.0, np.inf])


@pytest.mark.parametrize("encoder", CLASSED[:3])
def test_classes_are_sorted_as_keras_sorts_them(encoder):
    assert field(encoder(), ["b", "B"]).classes == ["B", "b"]
    assert field(encoder(), [10, 9]).classes == [9, 10]
    assert field(encoder(), ["10", "9"]).classes == ["10", "9"]


@pytest.mark.parametrize("encoder", CLASSED[:3])
def test_the_order_of_class_names_is_kept(encoder):
    assert field(encoder(class_names=["no", "maybe"][:2]), ["maybe", "no"]).classes == [
        "no",
        "maybe",
    ]


def test_class_names_may_name_more_classes_than_there_are_labels():
    assert target(penstock.Categorical(class_names=("x", "y", "z")), ["z", "x"]).shape == (2, 3)


@pytest.mark.parametrize("encoder", CLASSED[:3])
def test_a_label_that_is_no_class_is_refused_with_the_nearest(encoder):
    with pytest.raises(LabelError, match="Did you mean 'dog'"):
        field(encoder(class_names=["cat", "dog"]), ["cat", "dogg"])


def test_a_label_that_is_no_class_is_refused_among_several():
    with pytest.raises(LabelError, match="Did you mean 'dog'"):
        field(penstock.Multilabel(class_names=["cat", "dog"]), [["cat"], ["dogg"]], dtype=object)


def test_numbers_as_strings_are_classes_of_their_own():
    made = field(penstock.Int(), ["1", "10", "2"])
    assert made.classes == ["1", "10", "2"]


def test_lookalike_classes_are_warned_of():
    with pytest.warns(UserWarning, match="' cat' and 'cat' look alike; they are kept apart"):
        assert field(penstock.Int(), [" cat", "cat"]).classes == [" cat", "cat"]


@pytest.mark.parametrize("encoder", [*CLASSED, penstock.Float])
def test_a_missing_label_is_refused(encoder):
    with pytest.raises(LabelError, match="1 of 2 samples have no label: row 1"):
        field(encoder(), ["a", None])


def test_labels_without_a_common_order_are_refused():
    with pytest.raises(LabelError, match="cannot be sorted as classes: int, str"):
        field(penstock.Int(), ["a", 1], dtype=object)


@pytest.mark.parametrize("encoder", CLASSED)
def test_labels_that_can_be_no_classes_are_refused(encoder):
    with pytest.raises(LabelError):
        field(encoder(), [{"a": 1}, {"b": 2}], dtype=object)


def test_binary_refuses_another_number_of_classes_than_two():
    with pytest.raises(LabelError, match="found 3: "):
        field(penstock.Binary(), ["a", "b", "c"])
    with pytest.raises(LabelError, match="found 1: "):
        field(penstock.Binary(), ["a", "a"])
    with pytest.raises(LabelError, match="found 3: "):
        penstock.Binary(class_names=("a", "b", "c"))


def test_binary_counts_the_categories_of_a_column_before_the_first_batch():
    column = pd.Categorical(["a", "b"], categories=["a", "b", "c"])
    with pytest.raises(LabelError, match="found 3"):
        encoded_field("y", penstock.Binary(), pd.DataFrame({"label": column}), "label", None)


def test_binary_knows_a_category_that_no_sample_has():
    column = pd.Categorical(["a", "a"], categories=["a", "b"])
    made = encoded_field("y", penstock.Binary(), pd.DataFrame({"label": column}), "label", None)
    assert made.classes == ["a", "b"]
    assert made.encode(np.arange(2)).tolist() == [[0], [0]]


def test_an_encoder_that_finds_its_own_classes_has_its_way_with_categories():
    class Own(Wrong):
        @penstock.hookimpl
        def fit_labels(self, labels):
            return ["c", "a"]

    column = pd.Categorical(["a", "c"], categories=["a", "b", "c"])
    made = encoded_field("y", Own(np.zeros((2, 1))), pd.DataFrame({"label": column}), "label", None)
    assert made.classes == ["c", "a"]
    assert made.labels.tolist() == [1, 0]


def test_multilabel_takes_arrays_of_labels():
    labels = [np.array(["a", "b"]), np.array(["b"])]
    assert is_exactly(
        target(penstock.Multilabel(), labels, dtype=object), [[1, 1], [0, 1]], np.float32
    )


def test_multilabel_refuses_a_single_label():
    with pytest.raises(LabelError, match=r"needs a list of labels per sample; found 'a,b'"):
        field(penstock.Multilabel(), ["a,b", "c"])


def test_one_class_alone_is_warned_of():  # C21: a model cannot learn from it
    with pytest.warns(UserWarning, match="one class"):
        field(penstock.Categorical(), ["a", "a"])


def test_classes_that_were_fitted_elsewhere_are_used():
    made = field(penstock.Int(), ["c"], fit_on=np.array(["a", "b", "c"], object))
    assert made.classes == ["a", "b", "c"]
    assert made.labels.tolist() == [2]


def test_rows_are_encoded_in_the_order_asked_for_with_repeats():
    made = field(penstock.Int(), ["a", "b", "c"])
    assert made.encode(np.array([2, 2, 0])).tolist() == [2, 2, 0]


@pytest.mark.parametrize("encoder", CLASSED)
def test_one_string_is_no_list_of_classes(encoder):
    with pytest.raises(ConfigError, match="is one string"):
        encoder(class_names="ab")


@pytest.mark.parametrize("encoder", [*CLASSED, penstock.Float])
def test_encoders_are_values(encoder):
    made = encoder(column="label")
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(encoder(column="label"))


def test_a_missing_column_is_named_with_those_there_are():
    table = pd.DataFrame({"label": ["a"], "path": ["b"]})
    with pytest.raises(ConfigError, match="no column 'lable'.*Did you mean 'label'.*'path'"):
        encoded_field("y", penstock.Int(), table, "lable", None)


def test_what_is_no_encoder_is_refused():
    table = pd.DataFrame({"label": ["a"]})
    with pytest.raises(PluginError, match="does not implement encode_labels"):
        encoded_field("y", penstock.Columns("label"), table, "label", None)


class Wrong:
    def __init__(self, result):
        self.result = result

    @penstock.hookimpl
    def encode_labels(self, labels):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize("result", [None, [0, 1], np.zeros(3), np.zeros(()), "ab"])
def test_an_encoder_that_returns_something_else_than_a_row_per_label_is_named(result):
    with pytest.raises(PluginError, match="The encoder Wrong returned .* for 2 labels"):
        target(Wrong(result), ["a", "b"])


def test_an_encoder_that_fails_is_named_with_its_cause():
    with pytest.raises(
        PluginError, match="The encoder Wrong failed on a batch of 2.*KeyError"
    ) as caught:
        target(Wrong(KeyError("x")), ["a", "b"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_encoder_that_fails_to_fit_is_named_with_its_cause():
    class Unfit(Wrong):
        @penstock.hookimpl
        def fit_labels(self, labels):
            raise KeyError("x")

    with pytest.raises(PluginError, match="Unfit") as caught:
        target(Unfit(None), ["a", "b"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_encoding_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for encoder in (penstock.Int, penstock.Categorical):
            target(encoder(), ["a", "b"])


@pytest.mark.parametrize("dtype", ["<i4", ">i4", ">u2", ">i8", "uint8", "int64"])
@pytest.mark.parametrize("named", [False, True])
def test_numbers_are_classes_in_whatever_bytes_they_are_stored(dtype, named):
    labels = np.array([7, 3, 7, 12, 3], dtype)
    given = {"class_names": [12, 7, 3]} if named else {}
    data = penstock.make_generator(
        (np.zeros((5, 2), np.float32), labels), encoder="int", shuffle=False, **given
    )
    assert data.class_names == ([12, 7, 3] if named else [3, 7, 12])
    assert data[0][1].tolist() == ([1, 2, 1, 0, 2] if named else [1, 0, 1, 2, 0])


def test_labels_in_several_columns_are_no_classes():
    x, y = np.zeros((4, 2), np.float32), np.eye(4, dtype=np.int64)
    with pytest.raises(LabelError, match="cannot be sorted as classes: list"):
        penstock.make_generator((x, y), encoder="categorical")
