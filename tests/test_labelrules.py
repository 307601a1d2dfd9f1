"""Labels come from names by a pattern or a function, and a dict merges them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError, LabelError


def sequence(source, **options):
    return penstock.make_generator(source, **{"shuffle": False, "encoder": "int", **options})


def int_of(name):
    return int(name)


def test_a_pattern_finds_the_label_in_each_name(npy_files):
    data = sequence(npy_files, labels=re.compile(r"(\d)\.npy$"))
    assert data.class_names == list("012345")
    named = sequence(npy_files, labels=re.compile(r"(/)(?P<label>\d)"))
    np.testing.assert_array_equal(named.labels, data.labels)
    assert list(data.samples["label"]) == list("012345")


def test_a_function_finds_numbers_or_several_labels(npy_files):
    data = sequence(npy_files, labels=lambda name: int(name[2]) / 2, encoder="float")
    assert data[0][1].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    several = sequence(npy_files, labels=lambda name: [name[0], name[2]], encoder="multilabel")
    assert several.class_names == [*"012345", *"abc"]
    assert several[0][1][3].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_folders_of_numbers_are_numbers_to_predict(tmp_path):
    for name in ("1.5", "-2"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", np.zeros(2))
    data = sequence(tmp_path, labels=lambda name: float(name.split("/")[0]), encoder="float")
    assert data[0][1].tolist() == [-2, 1.5]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (re.compile(r"([12])\."), LabelError, "finds no label in 4 of 6 names: 'a/0.npy'"),
        (re.compile(r"\d"), ConfigError, "has 0 groups; put round brackets"),
        (re.compile(r"(\w)/(\d)"), ConfigError, "has 2 groups"),
        (re.compile(rb"(\d)"), ConfigError, "names, which are strings"),
        (int_of, LabelError, "failed on 'a/0.npy': ValueError"),
        (lambda name: None, LabelError, "6 of 6 samples have no label"),
    ],
)
def test_a_rule_that_finds_no_labels_is_refused(npy_files, labels, error, message):
    with pytest.raises(error, match=re.escape(message)):
        sequence(npy_files, labels=labels)


def test_a_dict_of_classes_merges_labels(npy_files):
    data = sequence(npy_files, class_names={"c": "rest", "a": "first", "b": "rest"})
    assert data.class_names == ["rest", "first"]
    assert data[0][1].tolist() == [1, 1, 0, 0, 0, 0]
    halves = dict(zip("012345", [7, 7, 7, 9, 9, 9], strict=True))
    ruled = sequence(npy_files, labels=lambda name: name[2], class_names=halves)
    assert ruled.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert ruled.class_names == [7, 9]


def test_merging_leaves_the_users_table_alone_and_merges_within_lists():
    table = pd.DataFrame({"x": [1.0, 2.0], "tags": [["cat", "dog"], ["car"]]})
    merge = {"cat": "pet", "dog": "pet", "car": "thing"}
    data = sequence(table, x_col=["x"], y_col="tags", encoder="multilabel", class_names=merge)
    assert data[0][1].tolist() == [[1, 0], [0, 1]]
    assert table["tags"].tolist() == [["cat", "dog"], ["car"]]


@pytest.mark.parametrize(
    ("class_names", "message"),
    [
        ({"a": "x", "b": "x"}, "2 labels are not in class_names=: 'c'"),
        ({}, "merges no labels"),
    ],
)
def test_labels_without_a_class_are_told(npy_files, class_names, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        sequence(npy_files, class_names=class_names)


def test_arrays_are_not_merged():
    with pytest.raises(ConfigError, match="beside arrays"):
        sequence((np.zeros((2, 1)), np.arange(2)), class_names={0: 1, 1: 1})


def test_it_has_the_attributes_of_keras_iterators(npy_files):
    data = penstock.make_generator(npy_files, seed=0).subset([4, 1])
    assert data.filenames == ["c/4.npy", "a/1.npy"]
    assert data.filepaths == [f"{npy_files}/c/4.npy", f"{npy_files}/a/1.npy"]
    assert (data.n, data.num_classes, data.image_shape) == (2, 3, (2,))
    assert data.classes.tolist() == [2, 0]
    with pytest.raises(AttributeError, match="has no files"):
        penstock.make_generator((np.zeros((2, 1)),)).filenames  # noqa: B018
