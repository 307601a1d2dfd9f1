"""Texts that were packed are those that were packed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from penstock import mapped, packedtext
from penstock.packedtext import PackedText, packed

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
    rows = data.draw(st.lists(st.integers(-len(texts), len(texts) - 1), max_size=9))
    assert found[np.array(rows, int)].tolist() == plain[np.array(rows, int)].tolist()
    assert found[::2].tolist() == plain[::2].tolist()
    assert found[len(texts) // 2] == plain[len(texts) // 2]
    mask = np.arange(len(texts)) % 3 == 0
    assert found[mask].tolist() == plain[mask].tolist()


def test_few_texts_and_what_is_none_stay_as_they_are(monkeypatch):
    few = np.array(["a", "b"], object)
    assert packed(few) is few
    monkeypatch.setattr(packedtext, "_MANY", 1)
    for other in (np.arange(3), np.array(["a", 1], object), np.array(["a", "b"])):
        assert packed(other) is other


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
