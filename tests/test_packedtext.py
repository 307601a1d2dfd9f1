"""Texts that were packed are those that were packed, wherever they lie."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from penstock import mapped, packedtext, sharedtexts
from penstock.packedtext import PackedText, packed
from penstock.sharedtexts import SharedTexts, read_with_texts
from penstock.textcolumn import TextColumn, as_seen

# Any characters: file names may have surrogates, and texts line breaks and zeros.
TEXTS = st.lists(st.text(st.characters(exclude_categories=()), max_size=8), min_size=1, max_size=40)


@settings(max_examples=100)
@given(TEXTS, st.data())
def test_texts_are_looked_up_as_in_an_array(texts, data):
    plain = np.empty(len(texts), object)
    plain[:] = texts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packedtext, "_MANY", 1)
        patch.setattr(packedtext, "_AT_ONCE", 7)
        found = packed(plain)
        assert isinstance(found, PackedText)
        assert len(found) == len(plain)
        assert list(found) == found.tolist() == texts
        rows = np.array(
            data.draw(st.lists(st.integers(-len(texts), len(texts) - 1), max_size=9)), int
        )
        assert found.taken(rows).tolist() == plain[rows].tolist()
        both = PackedText.joined([found.taken(rows), found])
        assert both.tolist() == plain[rows].tolist() + texts
    assert found[rows].tolist() == plain[rows].tolist()
    assert found[::2].tolist() == plain[::2].tolist()
    assert found[len(texts) // 2] == plain[len(texts) // 2]
    mask = np.arange(len(texts)) % 3 == 0
    assert found[mask].tolist() == plain[mask].tolist()
    assert pickle.loads(pickle.dumps(found)).tolist() == texts
    assert found.separated(b"\0") == "\0".join(texts).encode("utf-8", "surrogatepass")


def test_few_texts_and_what_is_none_stay_as_they_are(monkeypatch):
    few = np.array(["a", "b"], object)
    assert packed(few) is few
    monkeypatch.setattr(packedtext, "_MANY", 1)
    for other in (np.arange(3), np.array(["a", 1], object), np.array(["a", "b"])):
        assert packed(other) is other


def test_no_texts_are_no_texts():
    none = PackedText.of([])
    assert (len(none), none.tolist(), none.taken([]).tolist()) == (0, [], [])


def test_packing_takes_little_more_than_the_letters(at_little_cost, monkeypatch):
    monkeypatch.setattr(packedtext, "_AT_ONCE", 5_000)
    with at_little_cost(70 * 200_000):  # the strings alone would take 84 bytes each
        made = PackedText.of(f"class{row % 100:02d}/photo_{row:08d}.jpeg" for row in range(200_000))
    assert made.nbytes == 200_000 * (27 + 4)


@settings(max_examples=50)
@given(TEXTS, st.text(st.characters(exclude_categories=()), max_size=3))
def test_what_stands_before_each_is_packed_with_it(texts, before):
    assert PackedText.of(texts, before).tolist() == [before + each for each in texts]


@given(TEXTS, st.data())
def test_a_column_does_what_one_of_strings_does(texts, data):
    table = pd.DataFrame({"sample": TextColumn(PackedText.of(texts)), "row": range(len(texts))})
    plain = pd.DataFrame({"sample": pd.Series(texts, dtype=object), "row": range(len(texts))})
    pd.testing.assert_frame_equal(as_seen(table), plain)
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=9))
    pd.testing.assert_frame_equal(as_seen(table.iloc[rows]), plain.iloc[rows])
    kept = np.isin(plain["row"], rows)
    pd.testing.assert_frame_equal(as_seen(table[kept]), plain[kept])
    pd.testing.assert_frame_equal(as_seen(pd.concat([table, table])), pd.concat([plain, plain]))
    assert table["sample"].is_unique == plain["sample"].is_unique
    assert list(table["sample"].unique()) == list(plain["sample"].unique())
    assert (table["sample"] == texts[0]).tolist() == (plain["sample"] == texts[0]).tolist()
    codes, names = pd.factorize(table["sample"])
    assert [names[code] for code in codes] == texts
    assert pickle.loads(pickle.dumps(table))["sample"].tolist() == texts


def test_arrays_in_a_file_are_views_of_it(tmp_path):
    value = {"rows": np.arange(1000), "none": np.zeros(0), "texts": ["a", "b"]}
    parts = []
    text = pickle.dumps(value, protocol=5, buffer_callback=parts.append)
    path = str(tmp_path / "value")
    mapped.write_mapped(path, text, parts)
    found = mapped.read_mapped(path)
    np.testing.assert_array_equal(found["rows"], value["rows"])
    assert found["none"].shape == (0,)
    assert found["texts"] == ["a", "b"]
    assert found["rows"].ctypes.data % 64 == 0
    assert not found["rows"].flags.writeable


def test_texts_are_written_once_and_read_where_they_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(sharedtexts, "_LARGE", 1)
    names = [f"{row}.npy" for row in range(1000)]
    text = PackedText.of(names)
    texts = SharedTexts()
    pickles = [texts.write(str(tmp_path / part), {"names": text, "part": part}) for part in "ab"]
    assert max(map(len, pickles)) < 500
    assert texts.path_of(text) == texts.path_of(text)
    assert text.tolist() == names
    for array in (text._data, text._ends):
        assert not array.flags.owndata  # here they are read from the file, too
    for part in "ab":
        found = read_with_texts(str(tmp_path / part))
        assert (found["names"].tolist(), found["part"]) == (names, part)
    folder = os.path.dirname(texts.path_of(text))
    texts.close()
    assert not os.path.exists(folder)
    assert text.tolist() == names


def test_a_name_without_its_texts_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sharedtexts, "_LARGE", 1)
    texts = SharedTexts()
    texts.write(str(tmp_path / "a"), PackedText.of(["x"]))
    with pytest.raises(pickle.UnpicklingError, match="only the name"):
        mapped.read_mapped(str(tmp_path / "a"))
    texts.close()
