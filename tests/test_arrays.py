"""Arrays and memory-maps pass through as fit(x, y) would take them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from penstock.fields import LoadedField

RNG = np.random.default_rng(0)


def loaded(array, rows):
    """Load *rows* as a batch does."""
    loader = penstock.Arrays(array)
    field = LoadedField("x", loader, loader.pick_samples(), None, None)
    field.describe()
    out = np.full((len(rows), *field.spec.shape), 1, field.spec.dtype)
    field.load(np.asarray(rows), out)
    return out


@pytest.mark.parametrize(
    ("dtype", "delivered"),
    [
        ("float64", "float32"),
        ("float32", "float32"),
        ("float16", "float32"),
        (">f4", "float32"),
        ("uint8", "uint8"),
        (">i4", "int32"),
        ("int64", "int64"),
        ("bool", "bool"),
        ("U4", "object"),
    ],
)
def test_floats_are_delivered_as_float32_and_anything_else_as_it_is(dtype, delivered):
    spec = penstock.Arrays(np.zeros((3, 2), dtype)).describe_sample()
    assert spec.shape == (2,)
    assert spec.deliver_dtype == np.dtype(delivered)


ARRAYS = {
    "C order": RNG.normal(size=(7, 3, 2)),
    "Fortran order": np.asfortranarray(RNG.normal(size=(7, 3, 2))),
    "every other row": RNG.normal(size=(14, 3))[::2],
    "backwards": RNG.normal(size=(7, 3))[::-1],
    "transposed": RNG.normal(size=(3, 7)).T,
    "broadcast": np.broadcast_to(np.arange(3.0), (7, 3)),
    "big-endian": np.arange(21, dtype=">f8").reshape(7, 3),
    "one axis": np.arange(7),
    "text": np.array(list("abcdefg")),
    "objects": np.array(list("abcdefg"), object),
    "booleans": np.arange(7) % 2 == 0,
    "read-only": np.frombuffer(bytes(range(21)), np.uint8).reshape(7, 3),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_rows_are_gathered_from_any_layout(array):
    rows = [6, 0, 0, 3]
    np.testing.assert_array_equal(loaded(array, rows), array[rows])


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_any_layout_survive_a_pickle(array):
    again = pickle.loads(pickle.dumps(penstock.Arrays(array))).array
    np.testing.assert_array_equal(again, array)
    assert again.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_lists_are_arrays_too():
    assert loaded([[1, 2], [3, 4]], [1]).tolist() == [[3, 4]]


@pytest.mark.parametrize(
    "array", [np.float32(3), np.zeros(3, complex), np.zeros(3, "datetime64[s]"), None]
)
def test_what_has_no_rows_for_keras_is_refused(array):
    with pytest.raises(ConfigError, match="has no rows that Keras can take"):
        penstock.Arrays(array)


@pytest.fixture
def memmap(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(400_000, dtype=np.float64).reshape(1000, 400))
    return np.load(tmp_path / "a.npy", mmap_mode="r")


def test_a_memory_map_travels_as_its_place(memmap):
    sent = pickle.dumps(penstock.Arrays(memmap))
    assert len(sent) < 2000
    again = pickle.loads(sent).array
    assert isinstance(again, np.memmap)
    assert str(again.filename) == str(memmap.filename)
    np.testing.assert_array_equal(again, memmap)


@pytest.mark.parametrize(
    "view",
    [
        lambda m: m[700:],
        lambda m: m[100:900][50:],
        lambda m: m[:5],
        lambda m: m[::2],
        lambda m: m[:, 3:],
        lambda m: m.reshape(2000, 200)[1:],
        lambda m: m.view(np.int64)[9:],
        lambda m: m.T,
        lambda m: m[3],
        lambda m: m[3:4, :200],
    ],
)
def test_a_part_of_a_memory_map_arrives_as_that_part(memmap, view):
    part = view(memmap)
    again = pickle.loads(pickle.dumps(penstock.Arrays(part))).array
    assert again.dtype == part.dtype
    np.testing.assert_array_equal(again, part)


def test_what_was_changed_in_memory_alone_arrives_changed(memmap):
    changed = np.load(memmap.filename, mmap_mode="c")
    changed[0] = -1.0
    again = pickle.loads(pickle.dumps(penstock.Arrays(changed))).array
    np.testing.assert_array_equal(again, changed)


def test_a_raw_memory_map_with_an_offset_arrives(tmp_path):
    (tmp_path / "raw").write_bytes(b"header" + np.arange(100, dtype="<i4").tobytes())
    memmap = np.memmap(tmp_path / "raw", "<i4", "r", 6, (50, 2))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(penstock.Arrays(memmap))).array, memmap)


def test_a_fortran_memory_map_is_loaded_and_arrives(tmp_path):
    np.save(tmp_path / "f.npy", np.asfortranarray(np.arange(12.0).reshape(4, 3)))
    memmap = np.load(tmp_path / "f.npy", mmap_mode="r")
    assert loaded(memmap, [2, 0]).tolist() == [[6, 7, 8], [0, 1, 2]]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(penstock.Arrays(memmap))).array, memmap)
