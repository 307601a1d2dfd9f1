"""Samples of varying size, kept in memory or replaced where they cannot be loaded."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, SampleCorrupt, TooManyErrors

COUNT = 30
LOADED: list[str] = []
LOCK = threading.Lock()


@dataclass(frozen=True)
class Runs:
    """Files of bytes; a sample has as many rows of 3 as the file has bytes."""

    column: str = "sample"

    suffixes = (".run",)

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((None, 3), "uint8", deliver_dtype="float32")

    @penstock.hookimpl
    def measure_samples(self, samples):
        sizes = [os.path.getsize(path) for path in samples]
        for path, size in zip(samples, sizes, strict=True):
            if Path(path).read_bytes()[:1] == b"?":
                raise SampleCorrupt("It has no size.", path)
            assert size
        return np.array(sizes)[:, None]

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            data = np.frombuffer(Path(path).read_bytes(), np.uint8)
            if data[0] == ord("!"):
                raise SampleCorrupt("It is broken.", path)
            row[...] = data[:, None]
            with LOCK:
                LOADED.append(Path(path).name)


@pytest.fixture
def runs(tmp_path):
    """Write COUNT files of 1 to 20 bytes, all the file's number and 100."""
    sizes = np.random.default_rng(7).integers(1, 21, COUNT)
    for number, size in enumerate(sizes):
        (tmp_path / f"{number:02}.run").write_bytes(bytes([100 + number]) * size)
    LOADED.clear()
    return tmp_path


def generator(runs, **options):
    given = {"loader": Runs(), "batch_size": 4, "seed": 3, "encoder": "none", **options}
    return penstock.make_generator(str(runs), **given)


def epochs(sequence, count=3):
    with sequence:
        return [
            {name: array.copy() for name, array in batch[0].items()}
            for _ in range(count)
            for batch in sequence
        ]


def same(some, others):
    for one, other in zip(some, others, strict=True):
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])


# Kept in memory


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("cache_bytes", [None, 1500])
def test_a_cache_in_memory_gives_the_same_bytes_as_none(runs, workers, cache_bytes):
    options = {
        "workers": workers,
        "padding_mask": True,
        "bucket_by_length": 2,
        "augment": lambda array, generator: array + generator.integers(0, 9),
    }
    plain = epochs(generator(runs, **options))
    same(plain, epochs(generator(runs, cache="memory", cache_bytes=cache_bytes, **options)))


def test_later_epochs_load_nothing(runs):
    with generator(runs, cache="memory", workers=0) as data:
        list(data)
        assert sorted(LOADED) == sorted(each.name for each in runs.iterdir())
        list(data)
        list(data)
    assert len(LOADED) == COUNT


def test_what_finds_no_room_is_loaded_in_every_epoch(runs):
    room = 1500
    with generator(runs, cache="memory", cache_bytes=room, workers=0) as data:
        list(data)
        LOADED.clear()
        list(data)
    again = {int(name[:2]) for name in LOADED}
    kept = [3 * (runs / f"{number:02}.run").stat().st_size for number in set(range(COUNT)) - again]
    assert kept
    assert 0 < sum(kept) <= room
    # Of each, what an array of its own costs is counted too.
    assert len(kept) <= room // 128
    LOADED.clear()


def test_fields_of_one_size_and_of_several_share_the_room(runs):
    table = pd_table(runs)

    @penstock.loader(shape=())
    def first(path):
        return np.uint8(Path(path).read_bytes()[0])

    def made(**options):
        inputs = {"run": Runs(), "first": first()}
        return penstock.make_generator(
            table, inputs=inputs, root=runs, batch_size=4, seed=1, encoder="none", **options
        )

    same(epochs(made()), epochs(made(cache="memory")))
    same(epochs(made()), epochs(made(cache="memory", cache_bytes=2000)))


def pd_table(runs):
    import pandas as pd

    return pd.DataFrame({"sample": sorted(path.name for path in runs.iterdir())})


def test_the_cache_stays_behind_in_a_pickle_and_starts_again(runs):
    with generator(runs, cache="memory", workers=0, padding_mask=True) as data:
        list(data)
        again = pickle.loads(pickle.dumps(data))
        LOADED.clear()
        with again:
            list(again)
            assert len(LOADED) == COUNT
            list(again)
        assert len(LOADED) == COUNT


def test_a_cache_on_disk_is_refused(runs):
    with pytest.raises(ConfigError, match=r"cache='disk' keeps samples of one size.*'memory'"):
        generator(runs, cache="disk")


# Replaced

REPLACED = pytest.mark.filterwarnings("ignore:.*replaced by others")


def spoil(runs, numbers, mark=b"!"):
    """Let samples fail to be loaded (!), or to be measured (?)."""
    for number in numbers:
        path = runs / f"{number:02}.run"
        path.write_bytes(mark + path.read_bytes()[1:])


def whole(x, mask, runs):
    """Return the numbers of a batch's samples, after a look at each."""
    numbers = [int(row[0, 0]) - 100 for row in x]
    sizes = [(runs / f"{number:02}.run").stat().st_size for number in numbers]
    assert mask.sum(axis=1).tolist() == sizes
    assert x.shape == (len(x), max(sizes), 3)
    for row, real, number in zip(x, mask, numbers, strict=True):
        assert (row[real] == 100 + number).all()
        assert (row[~real] == -1).all()
    return numbers


@REPLACED
@pytest.mark.parametrize("mark", [b"!", b"?"], ids=["not loaded", "not measured"])
@pytest.mark.parametrize("options", [{}, {"bucket_by_length": 2}, {"cache": "memory"}])
def test_a_replacement_comes_whole_and_the_batch_is_as_large_as_it_needs(runs, mark, options):
    lengths = {number: (runs / f"{number:02}.run").stat().st_size for number in range(COUNT)}
    longest = sorted(range(COUNT), key=lengths.__getitem__)[-6:]
    spoiled = {1, 2, 3, *longest}
    spoil(runs, spoiled, mark)
    seen = []
    with generator(
        runs, on_error="skip", padding_mask=True, pad_value=-1.0, batch_size=3, **options
    ) as data:
        for _ in range(3):
            for (x,) in data:
                seen += whole(x["x"], x["x_mask"], runs)
        assert set(data.errors["index"]) == spoiled
    assert len(seen) == 3 * COUNT
    assert not set(seen) & spoiled
    assert {seen.count(number) for number in set(seen)} != {3}  # some came for others


@REPLACED
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_replacements_are_the_same_for_any_number_of_threads_and_in_processes(runs, executor):
    spoil(runs, [0, 4, 5, 9, 11, 20])
    spoil(runs, [6, 17], b"?")
    options = {
        "on_error": "skip",
        "padding_mask": True,
        "augment": shift(),
        "batch_size": 7,
        "remainder": "pad",
    }

    def made(**more):
        with generator(runs, **options, **more) as data:
            return [(x["x"].copy(), x["x_mask"].copy(), w.copy()) for x, w in _pairs(data)]

    plain = made(workers=0)
    for one, other in zip(plain, made(workers=3, executor=executor), strict=True):
        for array, twin in zip(one, other, strict=True):
            np.testing.assert_array_equal(array, twin)
    assert [weights.sum() for _, _, weights in plain] == [7, 7, 7, 7, 2]


@penstock.augmenter
def shift(array, generator):
    """Add a number."""
    return array + generator.integers(0, 9)


def _pairs(data):
    return [(batch[0], batch[-1]) for batch in data]


@REPLACED
def test_a_replacement_is_padded_and_cut_to_what_was_asked_for(runs):
    spoil(runs, [0, 4, 5, 9, 11, 20])
    with generator(runs, on_error="skip", pad_to=6, padding_mask=True) as data:
        for (x,) in data:
            assert x["x"].shape[1:] == (6, 3)
            for row, real in zip(x["x"], x["x_mask"], strict=True):
                size = (runs / f"{int(row[0, 0]) - 100:02}.run").stat().st_size
                assert real.sum() == min(size, 6)


def test_where_nothing_can_be_loaded_nothing_replaces_it(runs):
    spoil(runs, range(COUNT))
    with (
        generator(runs, on_error="skip", batch_size=2) as data,
        pytest.raises(TooManyErrors, match="Nothing was found to replace the sample in row"),
    ):
        data[0]


def test_a_sample_that_can_be_loaded_only_once_replaces_none(runs, monkeypatch):
    spoil(runs, [0])
    tries = {}
    real = Runs.load_samples

    def once(self, samples, out):
        for path in samples:
            tries[path] = tries.get(path, 0) + 1
            if tries[path] > 1:
                raise SampleCorrupt("It was there.", path)
        real(self, samples, out)

    once.penstock_impl = real.penstock_impl
    monkeypatch.setattr(Runs, "load_samples", once)
    with (
        generator(runs, on_error="skip", batch_size=2, shuffle=False, workers=0) as data,
        pytest.raises(TooManyErrors, match=r"could be loaded, and then could not"),
    ):
        data[0]


def test_samples_one_by_one_are_refused_where_others_may_replace_them(runs):
    with (
        generator(runs, on_error="skip") as data,
        pytest.raises(ConfigError, match=r"unbatched\(\) cuts .* on_error='mask'"),
    ):
        next(data.unbatched())
