"""What Keras' iterators over directories and tables say of the same files, Penstock says too."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

import penstock
from penstock.errors import ConfigError, SampleMissing

SIZE = (8, 6)
CLASSES = ("cat", "dog", "eel")
PAIR = ("cat", "eel")
NOT_DOGS = re.compile(r"^dog/")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Write twelve images, some of them in folders of folders, with names that sort badly."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in CLASSES:
        for file in ("10.png", "2.PNG", "B.jpg", "deep/a.bmp"):
            path = root / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of one colour where decoders differ in how they enlarge it.
            shape = (1, 1, 3) if path.suffix == ".jpg" else (*SIZE, 3)
            pixels = np.broadcast_to(rng.integers(0, 256, shape, dtype=np.uint8), (*SIZE, 3))
            Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        (root / name / "notes.txt").write_text("no image")
    return root


@pytest.fixture
def table(root):
    """List the images in an order of its own, with a column of each kind."""
    paths = sorted(
        each.relative_to(root).as_posix() for each in root.rglob("*.*") if each.suffix != ".txt"
    )
    table = pd.DataFrame({"path": paths, "label": [each[:3] for each in paths]})
    table["age"], table["legs"] = np.arange(12) / 3, np.arange(12) % 4
    table["weight"] = np.arange(12) / 12 + 0.1
    table["tags"] = [["indoors"], ["night", "indoors"], ["day"]] * 4
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


def theirs_of_directory(root, **options):
    iterator = ImageDataGenerator(data_format="channels_last").flow_from_directory(
        root, target_size=SIZE, batch_size=12, shuffle=False, interpolation="bilinear", **options
    )
    return iterator, next(iterator)


def ours_of_directory(root, **options):
    data = penstock.make_generator(
        root, image_size=SIZE, batch_size=12, shuffle=False, loader="images", **options
    )
    return data, next(iter(data))


def theirs_of_table(table, root, **options):
    iterator = ImageDataGenerator(data_format="channels_last").flow_from_dataframe(
        table, root, "path", target_size=SIZE, batch_size=12, shuffle=False, **options
    )
    return iterator, next(iterator)


def ours_of_table(table, root, **options):
    data = penstock.make_generator(
        table,
        x_col="path",
        root=root,
        loader="images",
        image_size=SIZE,
        batch_size=12,
        shuffle=False,
        **options,
    )
    return data, next(iter(data))


def flat(y):
    """Return a target without the axis of one that our binary target has."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def assert_same_samples(ours, x, theirs, their_x):
    """See that files, order, pixels and numbers agree."""
    assert ours.filenames == list(theirs.filenames)
    assert ours.filepaths == list(theirs.filepaths)
    assert ours.n == theirs.n == theirs.samples
    assert ours.image_shape == theirs.image_shape
    # JPEG is decoded by another library, and may differ by a few steps.
    assert np.abs(x - their_x).max() <= 3
    exact = [not name.endswith(".jpg") for name in ours.filenames]
    assert np.array_equal(x[exact], their_x[exact])


BY_FOLDER = {
    "categorical": ({"class_mode": "categorical"}, {}),
    "sparse": ({"class_mode": "sparse"}, {"encoder": "int"}),
    "binary of two classes": (
        {"classes": list(PAIR), "class_mode": "binary"},
        {"class_names": PAIR, "encoder": "binary"},
    ),
    "classes chosen": ({"classes": list(PAIR)}, {"class_names": PAIR}),
}


@pytest.mark.parametrize(("theirs", "ours"), BY_FOLDER.values(), ids=BY_FOLDER)
def test_class_folders(root, theirs, ours):
    iterator, (their_x, their_y) = theirs_of_directory(root, **theirs)
    data, (x, y) = ours_of_directory(root, **ours)
    assert_same_samples(data, x, iterator, their_x)
    assert np.array_equal(flat(y), their_y)
    assert data.class_indices == iterator.class_indices
    assert data.num_classes == iterator.num_classes
    assert data.classes.tolist() == list(iterator.classes)
    assert data.labels.tolist() == list(iterator.labels)


def test_chosen_classes_in_another_order_are_read_in_that_order(root):
    iterator, (their_x, their_y) = theirs_of_directory(root, classes=["eel", "cat"])
    data, (x, y) = ours_of_directory(root, class_names=["eel", "cat"])
    assert data.class_indices == iterator.class_indices
    assert_same_samples(data, x, iterator, their_x)
    assert np.array_equal(y, their_y)


@pytest.mark.parametrize(("mode", "encoder"), [("input", "input"), (None, "none")])
def test_folders_without_labels(root, mode, encoder):
    iterator, theirs = theirs_of_directory(root, class_mode=mode)
    data, (x, *y) = ours_of_directory(root, encoder=encoder)
    assert_same_samples(data, x, iterator, theirs[0] if mode else theirs)
    if mode:
        assert np.array_equal(y[0], x)
        assert np.abs(y[0] - theirs[1]).max() <= 3
    else:
        assert y == []


BY_COLUMN = {
    "categorical": ({"y_col": "label"}, {"y_col": "label"}),
    "sparse": ({"y_col": "label", "class_mode": "sparse"}, {"y_col": "label", "encoder": "int"}),
    "classes in an order": (
        {"y_col": "label", "classes": ["eel", "cat", "dog"]},
        {"y_col": "label", "class_names": ["eel", "cat", "dog"]},
    ),
    "binary of two classes": (
        {"y_col": "label", "classes": list(PAIR), "class_mode": "binary"},
        {"y_col": "label", "class_names": PAIR, "exclude": NOT_DOGS, "encoder": "binary"},
    ),
    "lists of labels": ({"y_col": "tags"}, {"y_col": "tags", "encoder": "multilabel"}),
    "lists of some labels in an order": (
        {"y_col": "tags", "classes": ["night", "indoors", "day"]},
        {"y_col": "tags", "encoder": "multilabel", "class_names": ["night", "indoors", "day"]},
    ),
}


@pytest.mark.parametrize("weights", [{}, {"weight_col": "weight"}], ids=["", "weights"])
@pytest.mark.parametrize(("theirs", "ours"), BY_COLUMN.values(), ids=BY_COLUMN)
def test_tables_of_files_with_classes(table, root, theirs, ours, weights):
    iterator, (their_x, their_y, *their_w) = theirs_of_table(table, root, **theirs, **weights)
    if weights:
        ours = {**ours, "sample_weight": "weight"}
    data, (x, y, *w) = ours_of_table(table, root, **ours)
    assert_same_samples(data, x, iterator, their_x)
    assert np.array_equal(flat(y), their_y)
    assert data.class_indices == iterator.class_indices
    assert [np.asarray(each).tolist() for each in data.classes] == list(iterator.classes)
    assert len(w) == len(their_w)
    for found, expected in zip(w, their_w, strict=True):
        assert found.dtype == np.float32
        assert np.allclose(found, expected, rtol=1e-6)


BY_VALUE = {
    "raw, one column": ("raw", "age", {"y_col": "age", "encoder": "float"}),
    "raw, several columns": (
        "raw",
        ["age", "legs"],
        {"y_col": ["age", "legs"], "encoder": "float"},
    ),
    "multi_output": (
        "multi_output",
        ["age", "legs"],
        {"targets": {"age": "float", "legs": "float"}},
    ),
    "input": ("input", None, {"encoder": "input"}),
}


@pytest.mark.parametrize(("mode", "y_col", "ours"), BY_VALUE.values(), ids=BY_VALUE)
def test_tables_of_files_with_values(table, root, mode, y_col, ours):
    iterator, (their_x, their_y) = theirs_of_table(table, root, class_mode=mode, y_col=y_col)
    data, (x, y) = ours_of_table(table, root, **ours)
    assert_same_samples(data, x, iterator, their_x)
    if mode == "input":
        assert np.array_equal(y, x)
    elif mode == "multi_output":  # a dict by column, where Keras has a list
        assert list(y) == y_col
        for found, expected in zip(y.values(), their_y, strict=True):
            assert np.allclose(found, expected, rtol=1e-6)
    else:
        assert y.dtype == np.float32
        assert np.allclose(y, their_y, rtol=1e-6)
        assert np.allclose(data.labels, iterator.labels, rtol=1e-6)


def test_tables_of_files_without_labels(table, root):
    iterator, their_x = theirs_of_table(table, root, class_mode=None)
    data, (x,) = ours_of_table(table, root, encoder="none")
    assert_same_samples(data, x, iterator, their_x)


def test_multi_output_of_classes_and_values(table, root):
    data, (_, y) = ours_of_table(table, root, targets={"label": "int", "age": "float"})
    assert y["label"].tolist() == [CLASSES.index(each) for each in table["label"]]
    assert np.allclose(y["age"], table["age"], rtol=1e-6)
    assert data.class_names == list(CLASSES)


def test_names_that_lead_nowhere_are_reported_where_keras_drops_them_with_a_warning(table, root):
    table.loc[3, "path"], table.loc[5, "path"] = "cat/none.png", "dog/notes.txt"
    with pytest.warns(UserWarning, match="2 invalid image filename"):
        iterator, (their_x, their_y) = theirs_of_table(table, root, y_col="label")
    with pytest.raises(SampleMissing, match=r"(?s)1 of 12 files are missing.*'cat/none\.png'"):
        ours_of_table(table, root, y_col="label")
    wrong = ["cat/none.png", "dog/notes.txt"]
    data, (x, y) = ours_of_table(table, root, y_col="label", exclude=wrong)
    assert_same_samples(data, x, iterator, their_x)
    assert np.array_equal(y, their_y)
    table = table.drop(index=3)
    with pytest.raises(penstock.errors.SampleError, match=r"notes\.txt"):
        ours_of_table(table, root, y_col="label")


def test_on_error_reports_what_could_not_be_read_and_goes_on(table, root):
    table.loc[3, "path"] = "cat/none.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says so at the end of the epoch
        data, _ = ours_of_table(table, root, y_col="label", on_error="skip")
        assert sum(len(x) for x, _ in data) == 12
    assert [name.endswith("cat/none.png") for name in data.errors["sample"]] == [True]
    data.close()


def test_a_rule_that_leaves_nothing_out_or_fails_is_refused(root):
    with pytest.raises(ConfigError, match="leaves no sample out; the first is 'cat/10.png'"):
        ours_of_directory(root, exclude=re.compile("^horse/"))
    with pytest.raises(ConfigError, match="failed on a sample's name: ZeroDivisionError"):
        ours_of_directory(root, exclude=lambda name: len(name) / 0)
    with pytest.raises(ConfigError, match="every sample"):
        ours_of_directory(root, exclude=lambda name: True)
