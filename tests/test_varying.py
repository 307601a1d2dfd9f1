"""Samples of varying size: measured, loaded in their own size, padded, masked, weighed."""

from __future__ import annotations

import gc
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import penstock
from penstock.errors import ConfigError, PluginError, SampleError, SampleMismatch
from penstock.memory import Pool
from penstock.padding import Padding, fill_beside, real


@pytest.fixture
def sounds(tmp_path):
    """Files of 1 to 30 rows of 3 numbers, all the file's number."""
    sizes = np.random.default_rng(3).integers(1, 31, 40)
    for number, size in enumerate(sizes):
        np.save(tmp_path / f"{number:02}.npy", np.full((size, 3), number + 1, "float32"))
    return tmp_path


def generator(sounds, **options):
    given = {"shape": (None, 3), "batch_size": 8, "seed": 5, "encoder": "none", **options}
    return penstock.make_generator(str(sounds), **given)


def test_a_batch_is_as_large_as_its_largest_sample_and_padded_with_zeros(sounds):
    seen = []
    with generator(sounds) as data:
        for (x,) in data:
            lengths = (x[..., 0] != 0).sum(axis=1)
            assert x.shape == (8, lengths.max(), 3)
            assert x.dtype == np.float32
            for sample, length in zip(x, lengths, strict=True):
                number = int(sample[0, 0])
                seen.append(number)
                stored = np.load(sounds / f"{number - 1:02}.npy")
                np.testing.assert_array_equal(sample[:length], stored)
                assert not sample[length:].any()
    assert sorted(seen) == list(range(1, 41))


@pytest.mark.parametrize("workers", [0, 3])
def test_batches_are_the_same_for_any_number_of_threads(sounds, workers):
    def flip(array, generator):
        return array + generator.integers(1, 100)

    def epoch(workers):
        options = {"augment": flip, "padding_mask": True, "bucket_by_length": 2}
        with generator(sounds, workers=workers, **options) as data:
            return [x for (x,) in data]

    for one, other in zip(epoch(1), epoch(workers), strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])
        np.testing.assert_array_equal(one["x_mask"], other["x_mask"])


def test_padding_has_the_value_that_was_asked_for_and_masks_say_where_it_is(sounds):
    with generator(sounds, pad_value=-1, padding_mask=True) as data:
        for (x,) in data:
            assert list(x) == ["x", "x_mask"]
            assert x["x_mask"].dtype == bool
            np.testing.assert_array_equal(x["x_mask"], x["x"][..., 0] != -1)


def test_batches_are_padded_to_what_was_asked_for_and_longer_samples_are_cut(sounds):
    with generator(sounds, pad_to=12, padding_mask=True) as data:
        for (x,) in data:
            assert x["x"].shape == (8, 12, 3)
            numbers = x["x"][:, 0, 0].astype(int)
            lengths = [len(np.load(sounds / f"{number - 1:02}.npy")) for number in numbers]
            np.testing.assert_array_equal(x["x_mask"].sum(axis=1), np.minimum(lengths, 12))
            np.testing.assert_array_equal(x["x"][..., 1] != 0, x["x_mask"])


def test_sizes_are_rounded_up_to_a_multiple(sounds):
    with generator(sounds, pad_to_multiple_of=8) as data:
        assert {x.shape[1] for (x,) in data} <= {8, 16, 24, 32}


def test_augmenters_see_samples_without_padding_and_alike_in_any_batch(sounds):
    seen = []

    def turned(array, generator):
        seen.append(len(array))
        return array[::-1] * generator.random()

    def by_number(batch_size):
        found = {}
        with generator(sounds, augment=turned, batch_size=batch_size) as data:
            rows = data._batches
            for index in range(len(data)):
                (x,) = data[index]
                for row, sample in zip(rows.rows_of(0, index)[0], x, strict=True):
                    size = len(np.load(sounds / f"{row:02}.npy"))
                    assert not sample[size:].any()
                    found[int(row)] = sample[:size].copy()
        return found

    small, large = by_number(2), by_number(40)
    for row, sample in small.items():
        np.testing.assert_array_equal(sample, large[row])
    assert set(seen) == {len(sample) for sample in small.values()}


def test_unbatched_samples_have_no_padding(sounds):
    with generator(sounds, padding_mask=True, bucket_by_length=True) as data:
        samples = list(data.unbatched())
    assert len(samples) == 40
    for (x,) in samples:
        stored = np.load(sounds / f"{int(x['x'][0, 0]) - 1:02}.npy")
        np.testing.assert_array_equal(x["x"], stored)
        assert x["x_mask"].shape == (len(stored),)
        assert x["x_mask"].all()


def test_statistics_leave_padding_out(sounds):
    with generator(sounds, padding_mask=True, pad_value=1000) as data:
        found = data.statistics(progress=False)["x"]
    stored = np.concatenate([np.load(path) for path in sorted(sounds.glob("*.npy"))])
    assert found.shape == (None, 3)
    np.testing.assert_array_equal(found.count, [len(stored)] * 3)
    np.testing.assert_allclose(found.mean, stored.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.std, stored.std(axis=0), rtol=1e-6)


def test_it_says_how_it_pads(sounds):
    with generator(sounds, padding_mask=True, bucket_by_length=True) as data:
        text = repr(data)
    assert "float32(8, None, 3)" in text
    assert "padded to the largest of the batch, with masks" in text
    assert "by length, 100 batches sorted together" in text
    with generator(sounds, pad_to_multiple_of=4) as data:
        assert "padded to a multiple of 4" in repr(data)


def test_a_pickled_sequence_makes_the_same_batches(sounds):
    with generator(sounds, bucket_by_length=True) as data:
        copy = pickle.loads(pickle.dumps(data))
        with copy:
            for (one,), (other,) in zip(data, copy, strict=True):
                np.testing.assert_array_equal(one, other)


def test_each_sample_is_measured_once(sounds, monkeypatch):
    from penstock_npy import NpyFiles

    measured = []
    original = NpyFiles.measure_samples

    def watched(self, samples):
        measured.extend(samples)
        return original(self, samples)

    monkeypatch.setattr(NpyFiles, "measure_samples", watched)
    watched.penstock_impl = original.penstock_impl
    with generator(sounds, workers=0) as data:
        for _ in range(3):
            list(data)
    assert len(measured) == len(set(measured)) == 40


# -- targets -------------------------------------------------------------------


@pytest.fixture
def tagged(tmp_path):
    rows = []
    for number, size in enumerate([3, 7, 1, 5, 7, 2]):
        np.save(tmp_path / f"x{number}.npy", np.full((size, 2), number + 1, "float32"))
        np.save(tmp_path / f"y{number}.npy", np.full((size,), number + 1, "int32"))
        rows.append((f"x{number}.npy", f"y{number}.npy", number % 2, number + 1.0))
    return tmp_path, pd.DataFrame(rows, columns=["x", "y", "label", "w"])


def tagger(tagged, **options):
    from penstock_npy import NpyFiles

    folder, table = tagged
    given = {
        "inputs": {"x": NpyFiles(column="x", shape=(None, 2))},
        "targets": {"tags": NpyFiles(column="y", shape=(None,), dtype=None)},
        "root": str(folder),
        "batch_size": 4,
        "seed": 2,
        **options,
    }
    return penstock.make_generator(table, **given)


def test_what_is_padded_in_a_target_has_a_weight_of_zero(tagged):
    with tagger(tagged, pad_value={"tags": -1}) as data:
        for x, y, weight in data:
            assert y["tags"].shape == x["x"].shape[:2]
            np.testing.assert_array_equal(y["tags"] == -1, weight["tags"] == 0)
            np.testing.assert_array_equal(weight["tags"] == 1, x["x"][..., 0] != 0)


def test_weights_of_samples_go_on_to_their_parts(tagged):
    from penstock.encoders import Categorical
    from penstock_npy import NpyFiles

    targets = {
        "tags": NpyFiles(column="y", shape=(None,), dtype=None),
        "label": Categorical(column="label"),
    }
    with tagger(tagged, targets=targets, sample_weight="w") as data:
        for x, y, weight in data:
            np.testing.assert_array_equal(weight["label"], x["x"][:, 0, 0])
            np.testing.assert_array_equal(weight["tags"], y["tags"])


def test_an_autoencoder_has_weights_of_zero_on_padding_too(sounds):
    with generator(sounds, encoder="input", padding_mask=True) as data:
        for x, y, weight in data:
            np.testing.assert_array_equal(x["x"], y)
            np.testing.assert_array_equal(weight, x["x_mask"].astype("float32"))
            assert weight.dtype == np.float32


def test_unbatched_targets_and_weights_have_no_padding(tagged):
    with tagger(tagged) as data:
        for x, y, weight in data.unbatched():
            assert len(x["x"]) == len(y["tags"]) == len(weight["tags"])
            assert weight["tags"].all()


# -- several axes, other layouts -------------------------------------------------


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_two_axes_vary_in_either_data_format(tmp_path, data_format):
    shapes = [(2, 5, 3), (4, 1, 3), (3, 3, 3)]
    for number, shape in enumerate(shapes):
        np.save(tmp_path / f"{number}.npy", np.full(shape, number + 1, "uint8"))
    with generator(
        tmp_path,
        shape=(None, None, 3),
        data_format=data_format,
        padding_mask=True,
        shuffle=False,
    ) as data:
        ((x,),) = list(data)
        statistics = data.statistics(progress=False)["x"]
    array = x["x"] if data_format == "channels_last" else np.moveaxis(x["x"], 1, -1)
    assert array.shape == (3, 4, 5, 3)
    assert x["x_mask"].shape == (3, 4, 5)
    for number, (height, width, _) in enumerate(shapes):
        assert (array[number, :height, :width] == number + 1).all()
        assert array[number].sum() == (number + 1) * height * width * 3
        assert x["x_mask"][number, :height, :width].all()
        assert x["x_mask"][number].sum() == height * width
    assert statistics.count.tolist() == [10 + 4 + 9] * 3


def test_strings_are_padded_with_empty_ones(tmp_path):
    lines = {"a": ["one", "two"], "b": ["three"], "c": []}

    @penstock.loader(shape=(None,))
    def words(name):
        return np.array(lines[name], object)

    @dataclass(frozen=True)
    class Words:
        column: str = "sample"

        @penstock.hookimpl
        def pick_samples(self, table):
            return table["sample"].to_numpy(object)

        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((None,), object)

        @penstock.hookimpl
        def measure_samples(self, samples):
            return np.array([[len(lines[each])] for each in samples], int).reshape(-1, 1)

        @penstock.hookimpl
        def load_samples(self, samples, out):
            for name, row in zip(samples, out, strict=True):
                row[:] = lines[name]

    batches = penstock.make_generator(
        pd.DataFrame({"sample": list(lines)}), loader=Words(), encoder="none", shuffle=False
    )._batches
    (x,) = batches.make(0, 0)
    assert x.tolist() == [["one", "two"], ["three", ""], ["", ""]]


# -- functions -----------------------------------------------------------------


def test_a_function_says_which_sizes_vary_and_is_measured_by_loading(tmp_path):
    calls = []

    @penstock.loader(suffixes=(".txt",), shape=(None,))
    def codes(path):
        calls.append(path)
        return np.frombuffer(Path(path).read_bytes(), np.uint8)

    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("x" * (number + 1))
    with penstock.make_generator(
        str(tmp_path), loader=codes(), encoder="none", shuffle=False
    ) as data:
        for _ in range(3):
            ((x,),) = list(data)
            assert (x != 0).sum(axis=1).tolist() == [1, 2, 3, 4]
    assert len(calls) == 1 + 4 + 3 * 4  # described, measured once, loaded in each epoch


def test_a_function_is_measured_by_another_one_that_knows_its_options(tmp_path):
    def size(path, *, limit):
        return min(Path(path).stat().st_size, limit)

    calls = []

    @penstock.loader(suffixes=(".txt",), shape=(None,), measure=size)
    def codes(path, *, limit: int = 3):
        calls.append(path)
        return np.frombuffer(Path(path).read_bytes(), np.uint8)[:limit]

    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("x" * (number + 1))
    with penstock.make_generator(
        str(tmp_path), loader=codes(limit=2), encoder="none", shuffle=False
    ) as data:
        ((x,),) = list(data)
    assert (x != 0).sum(axis=1).tolist() == [1, 2, 2, 2]
    assert len(calls) == 1 + 4


def test_a_function_that_returns_another_shape_is_told_apart(tmp_path):
    (tmp_path / "0.txt").write_text("x")
    (tmp_path / "1.txt").write_text("xx")

    @penstock.loader(suffixes=(".txt",))
    def fixed(path):
        return np.zeros(Path(path).stat().st_size)

    @penstock.loader(suffixes=(".txt",), shape=(None, 2))
    def flat(path):
        return np.zeros(Path(path).stat().st_size)

    @penstock.loader(suffixes=(".txt",), shape=(None,), measure=lambda _: 1)
    def short(path):
        return np.zeros(Path(path).stat().st_size)

    with pytest.raises(SampleMismatch, match=r"say which sizes vary: @penstock.loader\(shape="):
        list(penstock.make_generator(str(tmp_path), loader=fixed(), encoder="none"))
    with pytest.raises(SampleMismatch, match=r"flat was said to return \(None, 2\)"):
        penstock.make_generator(str(tmp_path), loader=flat(), encoder="none")
    with pytest.raises(SampleMismatch, match=r"has shape \(2,\), and was measured to have \(1,\)"):
        list(penstock.make_generator(str(tmp_path), loader=short(), encoder="none"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": len}, "says how large a sample is in those axes that are None"),
        ({"shape": (4,), "measure": len}, "those axes that are None"),
        ({"shape": (None,), "measure": 3}, "it is a function"),
        ({"shape": (None,), "measure": lambda _, *, limit: limit}, "asks for 'limit', which is no"),
        ({"shape": "ab"}, "whole numbers of at least 1, or of None"),
    ],
)
def test_what_a_function_cannot_be_said_to_return_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        penstock.loader(lambda path: path, **options)


# -- what cannot be loaded or measured ---------------------------------------------


def test_a_sample_that_cannot_be_measured_is_named(sounds):
    (sounds / "07.npy").write_bytes(b"<html>")
    with pytest.raises(SampleError, match=r"07\.npy"), generator(sounds) as data:
        list(data)
    with pytest.raises(SampleError, match=r"07\.npy"):
        generator(sounds, bucket_by_length=True)


@pytest.mark.parametrize("bucket", [False, 2])
@pytest.mark.filterwarnings("ignore:.*could not be loaded")
def test_a_sample_that_cannot_be_measured_or_loaded_is_masked(sounds, bucket):
    (sounds / "07.npy").write_bytes(b"<html>")
    whole = (sounds / "09.npy").read_bytes()
    with generator(
        sounds, on_error="mask", bucket_by_length=bucket, padding_mask=True, pad_value=-1
    ) as data:
        batches = data._batches
        list(data)
        # Changed after it was measured.
        (sounds / "09.npy").write_bytes(whole[:-4])
        for index, (x, y, weight) in enumerate(data):
            assert y is None
            rows = batches.rows_of(1, index)[0]
            lost = np.isin(rows, [7, 9])
            np.testing.assert_array_equal(weight, np.where(lost, 0, 1))
            assert not x["x_mask"][rows == 7].any()
            assert (x["x"][rows == 7] == -1).all()
            assert np.isin(x["x"][rows == 9], [0, -1]).all()
        assert data.errors["index"].tolist() == [7, 9]


def test_measures_that_are_none_are_the_plugins_fault(tmp_path):
    @dataclass(frozen=True)
    class Wrong:
        returned: object
        column: str = "sample"

        @penstock.hookimpl
        def pick_samples(self, table):
            return np.arange(len(table))

        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((None, 2), "float32")

        @penstock.hookimpl
        def measure_samples(self):
            return self.returned

        @penstock.hookimpl
        def load_samples(self, samples, out):
            out[...] = 0

    table = pd.DataFrame({"sample": [0, 1]})
    for returned in (None, [[1], [2]], np.ones((2, 1)), np.ones(2, int), -np.ones((2, 1), int)):
        with pytest.raises(PluginError, match=r"measure_samples returned .* of shape \(\d, 1\)"):
            list(penstock.make_generator(table, loader=Wrong(returned), encoder="none", workers=0))


def test_a_loader_that_does_not_measure_is_refused():
    @dataclass(frozen=True)
    class Unmeasured:
        column: str = "sample"

        @penstock.hookimpl
        def pick_samples(self, table):
            return np.arange(len(table))

        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((None,), "float32")

        @penstock.hookimpl
        def load_samples(self, samples, out):
            out[...] = 0

    with pytest.raises(PluginError, match="does not implement measure_samples"):
        penstock.make_generator(pd.DataFrame({"sample": [0]}), loader=Unmeasured(), encoder="none")


# -- what is refused ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad_to": 0}, "pad_to=0 was given"),
        (
            {"pad_to": (4, 5)},
            r"pad_to=\(4, 5\) has 2 sizes, and 'x' of shape \(None, 3\) varies in",
        ),
        ({"pad_to": 4, "pad_to_multiple_of": 2}, "give one of them"),
        ({"pad_to_multiple_of": 0}, "pad_to_multiple_of=0 was given"),
        ({"pad_value": "a"}, "pad_value='a' cannot stand in 'x', which is delivered as float32"),
        ({"pad_value": -1, "dtype": "uint8"}, "pad_value=-1 cannot stand in 'x'"),
        ({"pad_value": 0.5, "dtype": "int32"}, "pad_value=0.5 cannot stand in 'x'"),
        ({"pad_value": {"xx": 0}}, "pad_value= names 'xx'.*Did you mean 'x'"),
        ({"padding_mask": 1}, "padding_mask=1 was given; it must be True or False"),
        ({"bucket_by_length": 1}, "bucket_by_length=1 was given"),
        ({"bucket_by_length": True, "shuffle": False}, "bucket_by_length= .* shuffle=False asks"),
    ],
)
def test_what_cannot_be_padded_is_refused(sounds, options, message):
    with pytest.raises(ConfigError, match=message):
        generator(sounds, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"pad_to": 4},
        {"pad_to_multiple_of": 4},
        {"pad_value": 1},
        {"padding_mask": True},
        {"bucket_by_length": True},
    ],
)
def test_padding_samples_of_one_size_is_refused(options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"{name}=.* is for samples of varying size"):
        penstock.make_generator((np.zeros((4, 2)), np.zeros(4)), **options)


def test_an_augmenter_of_whole_batches_is_refused(sounds):
    @dataclass(frozen=True)
    class Mixup:
        @penstock.hookimpl
        def augment_batch(self, batch):
            batch.inputs["x"][...] = batch.inputs["x"][::-1]

    with pytest.raises(ConfigError, match="The augmenter Mixup works on whole batches"):
        generator(sounds, augment=Mixup())


def test_a_mask_with_the_name_of_an_input_is_refused(tagged):
    from penstock_npy import NpyFiles

    inputs = {
        "x": NpyFiles(column="x", shape=(None, 2)),
        "x_mask": NpyFiles(column="x", shape=(None, 2)),
    }
    with pytest.raises(ConfigError, match="would add the input 'x_mask'"):
        tagger(tagged, inputs=inputs, padding_mask=True)


def test_files_that_differ_are_told_how_to_be_padded(sounds):
    with pytest.raises(SampleMismatch, match=r"Or say shape=\(None, 3\), to have them padded"):
        penstock.make_generator(str(sounds), encoder="none")
    with pytest.raises(
        SampleMismatch, match=r"shape=\(None, 4\) was asked for; the file has shape"
    ):
        generator(sounds, shape=(None, 4))


# -- arithmetic and memory -----------------------------------------------------------


@given(
    sizes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6),
    to=st.none() | st.integers(1, 9) | st.tuples(st.none(), st.integers(1, 9)),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
)
def test_a_mask_is_true_where_padding_was_not_filled_in(sizes, to, data_format):
    spec = penstock.ArraySpec((None, None, 2), "int32", data_format=data_format)
    measured = np.array(sizes, np.int32)
    shape = spec.delivered(spec.sized(Padding(to=to).sizes(measured)))
    array = np.ones((len(sizes), *shape), np.int32)
    for row, size in enumerate(sizes):
        fill_beside(array[row : row + 1], spec.delivered(spec.sized(size)), 0)
    mask = real(spec, measured, shape)
    one = array[..., 0] if data_format == "channels_last" else array[:, 0]
    np.testing.assert_array_equal(mask, one == 1)


def test_blocks_of_varying_sizes_are_used_again_and_are_few():
    pool = Pool(spare=3)
    for size in range(20_000, 60_000, 7):
        array = pool.lease((size,), np.dtype(np.uint8), varying=True)
        assert array.shape == (size,)
        assert array.ctypes.data % 64 == 0
        del array
    gc.collect()
    blocks = [len(block) for free in pool._free.values() for block in free]
    assert sorted(blocks) == [1 << 15, 1 << 16]
    held = [pool.lease((50_000,), np.dtype(np.uint8), varying=True) for _ in range(9)]
    del held
    gc.collect()
    assert len(pool._free[1 << 16]) == 3


def test_memory_does_not_grow_with_the_sizes_of_batches(tmp_path):
    for number in range(300):
        np.save(tmp_path / f"{number:03}.npy", np.zeros((1 + number * 37 % 300, 16), "float32"))
    options = {"shape": (None, 16), "batch_size": 8, "encoder": "none", "max_queue_size": 2}
    with penstock.make_generator(str(tmp_path), **options) as data:
        largest, held = 0, []
        for _ in range(4):
            largest = max(largest, *(x.nbytes for (x,) in data))
            free = data._readahead._pool._free
            held.append(sum(size * len(blocks) for size, blocks in free.items()))
            assert all(size & (size - 1) == 0 for size in free)
        # Blocks of half the size and less take together as much as those of the largest.
        assert max(held) <= 2 * free[max(free)].maxlen * 2 * largest


def test_inspect_and_scan_know_samples_of_varying_size(sounds):
    from penstock.findings import find
    from penstock.scanning import scan

    with generator(sounds) as data:
        field = data._batches.inputs[0]
        found = find(field, None, values=False)
        sizes = [np.load(path).size * 4 for path in sorted(sounds.glob("*.npy"))]
        assert found.shape == (None, 3)
        assert found.sample_bytes == pytest.approx(np.mean(sizes), abs=4)
        assert found.batch_bytes == 32 * max(sizes)
        assert [each.low for each in found.examples] == [1, 20, 40]
        assert scan(field, range(40), workers=2) == []
        (sounds / "11.npy").write_bytes(b"<html>")
        (sounds / "12.npy").write_bytes((sounds / "12.npy").read_bytes()[:-1])
        (bad, worse) = scan(field, range(40), workers=2)
    assert (bad.index, worse.index) == (11, 12)


def test_weights_of_classes_are_weights_of_whole_samples(tmp_path):
    for number in range(8):
        folder = tmp_path / ("a" if number < 2 else "b")
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{number}.npy", np.zeros((number + 1, 2), "float32"))
    options = {"shape": (None, 2), "class_weight": "balanced", "batch_size": 8}
    with penstock.make_generator(str(tmp_path), **options) as data:
        ((x, y, weight),) = list(data)
    assert x.shape == (8, 8, 2)
    np.testing.assert_allclose(weight, np.where(y[:, 0] == 1, 2.0, 2 / 3), rtol=1e-6)
