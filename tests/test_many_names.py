"""Names of files are held once, packed, and seen as strings."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import penstock
from penstock import sharedtexts
from penstock.textcolumn import packed_column

COUNT = 60
STRANGE = ["ü", "日本", "a b", "x" * 100, "\udce9" if os.name == "posix" else "e", "%s"]


@pytest.fixture
def tree(tmp_path):
    names = []
    for row in range(COUNT):
        folder = tmp_path / "data" / "ab"[row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{STRANGE[row % len(STRANGE)]}{row:03d}.npy"
        np.save(os.path.join(folder, "one.tmp.npy"), np.full(3, row, np.float32))
        os.rename(os.path.join(folder, "one.tmp.npy"), os.path.join(folder, name))
        names.append(f"{'ab'[row % 2]}/{name}")
    return str(tmp_path / "data"), sorted(names)


def text_of(sequence):
    return sequence._table["sample"].array.text


def made(source, **options):
    return penstock.make_generator(source, loader="npy", batch_size=8, seed=0, **options)


def test_a_folder_is_seen_as_strings_and_held_once(tree):
    root, names = tree
    with made(root) as sequence:
        assert sequence.samples["sample"].dtype == object
        assert sequence.samples["sample"].tolist() == sequence.filenames == names
        assert sequence.filepaths == [os.path.join(root, name) for name in names]
        assert sequence.batch_samples(0)["sample"].dtype == object
        assert text_of(sequence) is sequence._batches.inputs[0].samples
        train, val = sequence.split(0.5, 0.5)
        assert text_of(train) is text_of(val) is text_of(sequence)
        assert {*train.samples["sample"], *val.samples["sample"]} == {*names}


TEXTS = {
    "strings": pd.StringDtype("python"),
    "strings of pyarrow": pd.StringDtype("pyarrow"),
    "pyarrow": pd.ArrowDtype(pa.string()),
    "large pyarrow": pd.ArrowDtype(pa.large_string()),
}


@pytest.mark.parametrize(
    "kind", ["list", "column of objects", "ids", *(f"column of {kind}" for kind in TEXTS)]
)
def test_names_that_are_given_come_back_as_they_were(tree, kind):
    root, names = tree
    given = [name.removesuffix(".npy") for name in names] if kind == "ids" else names
    source, options = given, {}
    if kind.startswith("column"):
        source = pd.DataFrame({"path": pd.Series(given, dtype=object), "label": 0.5})
        if not kind.endswith("objects"):
            source = source[~source["path"].str.contains("\udce9")].reset_index(drop=True)
            source["path"] = source["path"].astype(TEXTS[kind.removeprefix("column of ")])
        options = {"x_col": "path", "encoder": "float"}
    before = source.copy() if isinstance(source, pd.DataFrame) else list(source)
    with made(source, root=root, **options) as sequence:
        found = sequence.samples
        if kind.startswith("column"):
            pd.testing.assert_frame_equal(found, source)
            pd.testing.assert_frame_equal(source, before)
        else:
            assert found["sample"].tolist() == given
            assert found["sample"].dtype == object
            shared = text_of(sequence) is sequence._batches.inputs[0].samples
            assert shared == (kind == "list")
        again = pickle.loads(pickle.dumps(sequence))
        assert again.filepaths == sequence.filepaths
        for mine, other in zip(sequence, again, strict=True):
            assert mine[0].tobytes() == other[0].tobytes()
        again.close()


@given(st.lists(st.text()), st.integers(0, 5), st.integers(0, 5), st.sampled_from([*TEXTS]))
def test_a_column_of_texts_is_packed_as_it_is(texts, start, again, kind):
    parts = [pd.Series(part, dtype=TEXTS[kind]) for part in (texts, texts[again:])]
    column = pd.concat(parts, ignore_index=True).iloc[start:]  # in several pieces, cut
    found = packed_column(column)
    assert list(found) == [*texts, *texts[again:]][start:]
    assert found.plain == column.dtype


@pytest.mark.parametrize("kind", TEXTS)
def test_a_column_with_texts_missing_is_not_packed(kind):
    assert packed_column(pd.Series(["a", None], dtype=TEXTS[kind])) is None


@pytest.mark.parametrize("column", [pd.Series([1]), pd.Series(["a"], dtype="category")])
def test_a_column_of_anything_else_is_not_packed(column):
    assert packed_column(column) is None


def test_a_loader_that_picks_for_itself_is_given_strings(tree):
    seen = []

    class Picking:
        suffixes = (".npy",)

        @penstock.hookimpl
        def pick_samples(self, table):
            seen.append(table["sample"])
            return np.arange(len(table))

        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((1,), "float32")

        @penstock.hookimpl
        def load_samples(self, samples, out):
            out[:, 0] = samples

    root, names = tree
    penstock.make_generator(root, loader=Picking(), batch_size=8).close()
    assert seen[0].dtype == object
    assert seen[0].tolist() == names


def test_processes_read_the_names_of_the_process_that_asks(tree, monkeypatch):
    monkeypatch.setattr(sharedtexts, "_LARGE", 1)
    root, _ = tree
    with made(root) as plain:
        expected = [part.samples["sample"].tolist() for part in plain.split(0.5, 0.5)]
        batches = [[x.tobytes() for x, *_ in part] for part in plain.split(0.5, 0.5)]
    with made(root, executor="processes", workers=1) as sequence:
        text = text_of(sequence)
        owned = text._data.flags.owndata
        train, val = sequence.split(0.5, 0.5)
        with train, val:
            both = [[x.tobytes() for x, *_ in part] for part in (train, val)]
            assert both == batches
        # It holds no other copy than the file's, which is gone from the folder by now.
        assert owned
        assert not text._data.flags.owndata
        assert [part.samples["sample"].tolist() for part in (train, val)] == expected
