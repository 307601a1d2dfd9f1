"""Lists of arrays of different sizes are samples of varying size, as files are."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import penstock
from penstock.errors import ConfigError
from penstock.raggedarrays import RaggedArrays
from penstock.testing import LoaderConformance

RNG = np.random.default_rng(2)
WALKS = [RNG.normal(size=(size, 3)).astype("float32") for size in RNG.integers(1, 31, 40)]
KINDS = np.arange(40) % 3


class TestRaggedArrays(LoaderConformance):
    entry_point = None
    values = WALKS[:6]

    def make(self, directory):
        return RaggedArrays(self.values), list(range(6))

    def expected(self, directory):
        return self.values


class TestMemoryMaps(TestRaggedArrays):
    def make(self, directory):
        for number, array in enumerate(self.values):
            np.save(directory / f"{number}.npy", array)
        maps = [np.load(directory / f"{number}.npy", mmap_mode="r") for number in range(6)]
        return RaggedArrays(maps), list(range(6))


def objects(cells):
    array = np.empty(len(cells), object)
    for place, cell in enumerate(cells):
        array[place] = cell
    return array


def everything(sequence):
    with sequence:
        return [batch for _ in range(2) for batch in sequence]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_mask": True, "pad_value": -1.0},
        {"pad_to": 12, "drop_remainder": True},
        {"pad_to_multiple_of": 8, "padding_mask": True, "bucket_by_length": 2},
        {"augment": lambda array, generator: array + generator.normal(), "workers": 3},
    ],
    ids=["plain", "masked", "cut", "bucketed", "augmented"],
)
def test_batches_have_the_bytes_that_they_have_from_files(options, tmp_path):
    for number, walk in enumerate(WALKS):
        np.save(tmp_path / f"{number:02}.npy", walk)
    names = [f"{number:02}.npy" for number in range(40)]
    options = {"batch_size": 6, "seed": 4, **options}
    from_files = penstock.make_generator(
        names, labels=KINDS, encoder="int", root=tmp_path, shape=(None, 3), **options
    )
    from_lists = penstock.make_generator((WALKS, KINDS), encoder="int", **options)
    for one, other in zip(everything(from_files), everything(from_lists), strict=True):
        assert pickle.dumps(one) == pickle.dumps(other)


@given(
    st.lists(st.lists(st.integers(-9, 9), max_size=7), min_size=2, max_size=20),
    st.integers(1, 5),
    st.sampled_from(["lists", "tuple", "arrays", "objects"]),
)
def test_each_sample_comes_once_and_whole(cells, batch_size, form):
    x = cells
    if form == "tuple":
        x = tuple(cells)
    elif form == "arrays":
        x = [np.array(cell, np.int64) for cell in cells]
    elif form == "objects":
        x = objects(cells)
    assume(len({len(cell) for cell in cells}) > 1)
    seen = []
    data = penstock.make_generator(
        (x, np.arange(len(cells))), batch_size=batch_size, padding_mask=True, seed=1, workers=0
    )
    with data:
        for batch, places in data:
            assert batch["x"].dtype == (np.int64 if any(cells) else np.float32)
            for row, real, place in zip(batch["x"], batch["x_mask"], places, strict=True):
                assert row[real].tolist() == cells[place]
                assert not row[~real].any()
                seen.append(int(place))
    assert sorted(seen) == list(range(len(cells)))


def test_images_are_augmented_in_their_own_size_and_several_axes_may_vary():
    photos = [RNG.integers(1, 255, (n + 2, 9 - n, 3), np.uint8) for n in range(6)]
    data = penstock.make_generator(
        ({"photo": photos, "age": np.arange(6.0)}, KINDS[:6]),
        augment=lambda array, _: array[::-1, ::-1] if array.ndim == 3 else array,
        batch_size=3,
        shuffle=False,
    )
    with data:
        (x, _), _ = data
    assert x["photo"].shape == (3, 4, 9, 3)
    for photo, made in zip(photos, x["photo"], strict=False):
        height, width, _ = photo.shape
        assert (made[:height, :width] == photo[::-1, ::-1]).all()
        assert not made[height:].any()
        assert not made[:, width:].any()


def test_targets_of_varying_size_weigh_nothing_where_they_are_padded():
    tags = [np.arange(len(walk)) for walk in WALKS]
    with penstock.make_generator((WALKS, tags), batch_size=5, shuffle=False) as data:
        x, y, weight = data[0]
    lengths = [len(walk) for walk in WALKS[:5]]
    assert x.shape[:2] == y.shape == weight.shape
    assert weight.sum(axis=1).tolist() == lengths


def test_an_encoder_takes_them_for_several_labels_of_a_sample():
    labels = [["cat"], ["cat", "dog"], []]
    with penstock.make_generator(
        (WALKS[:3], labels), encoder="multilabel", batch_size=3, shuffle=False
    ) as data:
        assert data.class_names == ["cat", "dog"]
        assert data[0][1].tolist() == [[1, 0], [1, 1], [0, 0]]


def test_text_is_padded_with_empty_strings():
    with penstock.make_generator(([["a", "b"], ["c"]],), shuffle=False) as data:
        (x,) = (data.unbatched(),)
        assert [sample[0].tolist() for sample in x] == [["a", "b"], ["c"]]


def test_an_array_of_lists_of_one_length_has_no_padding():
    cells = objects([[1, 2], [3, 4], [5, 6]])
    with penstock.make_generator((cells,), shuffle=False) as data:
        assert data[0][0].tolist() == [*cells]


@pytest.mark.parametrize(
    "cells",
    [
        [1.0, np.float32(2), np.array(3.0), 4],
        [[1, 2], np.array([3, 4]), (5, 6)],
        [["a", "b"], ["c", "d"]],
        [[[1, 2], [3, 4]], np.ones((2, 2))],
    ],
    ids=["numbers", "rows", "words", "matrices"],
)
def test_what_only_looks_different_is_one_array(cells):
    with penstock.make_generator((cells,), shuffle=False) as data:
        assert "RaggedArrays" not in repr(data)
        assert np.shape(data[0][0]) == np.shape(cells)


def test_lists_of_lists_may_differ_in_their_second_axis():
    cells = [[[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]]]
    with penstock.make_generator((cells,), shuffle=False) as data:
        assert data[0][0].tolist() == [[[1, 2, 0], [3, 4, 0]], [[1, 2, 3], [4, 5, 6]]]


def test_processes_make_the_same_batches_and_read_memory_maps_where_they_are(tmp_path):
    for number, walk in enumerate(WALKS):
        np.save(tmp_path / f"{number}.npy", walk)
    maps = [np.load(tmp_path / f"{number}.npy", mmap_mode="r") for number in range(40)]
    sent = pickle.dumps(RaggedArrays(maps))
    # What is far larger than its memory-maps' places would have been sent with them.
    large = [np.lib.format.open_memmap(tmp_path / "large.npy", "w+", "f4", (10**6,)), *maps]
    assert len(pickle.dumps(RaggedArrays([each.reshape(-1) for each in large]))) < len(sent) + 4000
    options = {"batch_size": 8, "seed": 0}
    here = everything(penstock.make_generator((maps, KINDS), **options))
    there = penstock.make_generator((maps, KINDS), executor="processes", workers=1, **options)
    for one, other in zip(here, everything(there), strict=True):
        for each, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(each, same)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        ([[1, 2], [3, None, 4]], "sample 1 is"),
        ([[1, 2], ["a"]], "sample 1 is"),
        ([[1, 2], [[3]]], "2 axes"),
        ([[1, 2], 3], "0 axes"),
        ([[1, 2j], [3]], "sample 0 is"),
    ],
)
def test_what_are_no_arrays_of_numbers_is_told_by_its_place(x, told):
    with pytest.raises(ConfigError, match=told):
        penstock.make_generator((x,))


def test_several_inputs_in_a_list_are_told_to_be_a_dict():
    two = [np.zeros((10, 3)), np.zeros((10, 4))]
    with pytest.raises(ConfigError, match=r"'x': 2, 'y': 10.*several inputs are a dict"):
        penstock.make_generator((two, np.zeros(10)))
    with pytest.raises(ConfigError, match=r"\(x,\), where x may be a list of samples of different"):
        penstock.make_generator(two)
    with pytest.raises(ConfigError, match=r"a part of it: \(x,\)"):
        penstock.make_generator(objects(two))
