"""Brief batches are made several at a time, and nobody can tell from what is in them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import penstock
from penstock import pace
from penstock.errors import SampleCorrupt
from penstock.memory import ALIGNMENT
from penstock.runs import followers, most_at_once

X = np.random.default_rng(0).random((101, 16), np.float32)
LABELS = np.arange(101) % 3


@pytest.fixture(autouse=True)
def _every_batch_is_brief(monkeypatch):
    monkeypatch.setattr(pace, "_BRIEF_SECONDS", math.inf)


@dataclass(frozen=True)
class Rows:
    """Rows of X, and how many were asked for at a time; one may be broken."""

    broken: int | None = None
    asked: list[int] = field(default_factory=list)

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec(X.shape[1:], X.dtype)

    @penstock.hookimpl
    def load_samples(self, samples, out):
        self.asked.append(len(samples))
        if self.broken in samples:
            raise SampleCorrupt("It is broken.", sample=self.broken)
        out[...] = X[samples]


@dataclass(frozen=True)
class Noise:
    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"] += batch.draws.uniform(size=1).astype(np.float32)


def made(loader=None, batch_size=8, **options):
    options = {"seed": 5, "augment": Noise()} | options
    table = pd.DataFrame({"sample": np.arange(len(X)), "label": LABELS})
    return penstock.make_generator(table, loader=loader or Rows(), batch_size=batch_size, **options)


def walked(data, epochs=1):
    """Ask for the batches of two epochs, or of many, as ``fit`` does; return them all."""
    count = 2 * 13 if data._batches.endless else None
    return [batch for _ in range(epochs) for batch in itertools.islice(data, count)]


def flat(batch):
    parts = batch.values() if isinstance(batch, dict) else batch
    return [batch] if isinstance(batch, np.ndarray) else [a for part in parts for a in flat(part)]


def same(one, other):
    pairs = zip(flat(one), flat(other), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


OPTIONS = {
    "plain": {},
    "in order": {"shuffle": False},
    "weights": {"sample_weight": np.linspace(0, 1, len(X)), "class_weight": {0: 1, 1: 2, 2: 3}},
    "drawn": {"sampling": "balanced", "samples_per_epoch": 150},
    "of another length": {"samples_per_epoch": 50},
    "endless": {"samples_per_epoch": math.inf},
    "inputs as targets": {"encoder": "input", "augment": None},
    "a shard": {"shard": (1, 2), "remainder": "drop"},
    "the last dropped": {"drop_remainder": True},
    "cached": {"cache": "memory"},
    "prepared": {"prepare": lambda x: 2 * x},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_is_made_at_once_is_what_is_made_one_by_one(options):
    alone = made(workers=0, **options)
    loader = Rows()
    together = made(loader, **options)
    size = alone[0][0].shape[0]
    del loader.asked[:]
    for one, other in zip(walked(alone, 2), walked(together, 2), strict=True):
        assert same(one, other)
        assert (one[0] is one[1]) == (other[0] is other[1])
    assert max(loader.asked) == 5 * size  # the one that is asked for, and max_queue_size=4


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.lists(st.integers(0, 200), max_size=12), st.data())
def test_batches_are_the_same_whoever_asks_for_which(size, depth, looks, data):
    alone, together = made(batch_size=16 * size, workers=0), made(batch_size=16 * size)
    together.max_queue_size = depth
    walk = iter(together)
    for index in range(len(alone)):
        for look in data.draw(st.lists(st.sampled_from(looks or [0]), max_size=2)):
            assert same(together[look % len(alone)], alone[look % len(alone)])
        assert same(next(walk), alone[index])


def test_nested_inputs_and_several_targets_are_cut_apart_like_arrays():
    x = {"a": X, "b": {"c": X[:, :4], "d": None}}
    y = {"class": LABELS.astype(np.float32), "value": X[:, 0]}
    alone, together = (
        penstock.make_generator((x, y), batch_size=16, seed=1, workers=workers)
        for workers in (0, 2)
    )
    for one, other in zip(alone, together, strict=True):
        assert other[0]["b"]["d"] is None
        assert np.array_equal(one[0]["a"], other[0]["a"])
        assert np.array_equal(one[0]["b"]["c"], other[0]["b"]["c"])
        assert same(one[1], other[1])


@pytest.mark.parametrize("on_error", ["raise", "skip", "mask"])
def test_a_sample_that_is_broken_troubles_no_batch_but_its_own(on_error):
    loader = Rows(broken=21)  # in the third batch of the first run
    data = made(loader, on_error=on_error, shuffle=False, max_errors=None)
    if on_error != "raise":
        with pytest.warns(UserWarning, match="1 sample"):
            assert len(walked(data)) == len(data)
        return
    walk = iter(data)
    whole = made(shuffle=False, workers=0)
    for index in range(2):
        assert same(next(walk), whole[index])
    assert loader.asked.count(5 * 8) == 1  # what failed is not tried as one again
    with pytest.raises(SampleCorrupt, match="index 21"):
        next(walk)
    assert same(data[3], whole[3])


@pytest.mark.parametrize(
    "options",
    [
        {"augment": "mixup"},
        {"on_error": "mask"},
        {"on_error": "skip"},
        {"shard": (0, 2), "remainder": "pad"},
        {"encoder": penstock.encoder(lambda label: [float(label)])()},
        {"batch_size": 31, "loader": Rows(), "augment": None, "dtype": "uint8"},
    ],
)
def test_what_concerns_a_batch_as_a_whole_is_done_to_batches_of_their_own(options):
    if options.pop("dtype", None):
        x = np.zeros((101, 3), np.uint8)
        data = penstock.make_generator((x, x), batch_size=options["batch_size"])
    else:
        data = made(**options)
    assert most_at_once(data._batches) == 1


def test_each_batch_of_a_run_lies_where_it_is_taken_without_a_copy():
    for x, _ in walked(made(batch_size=32)):
        assert x.ctypes.data % ALIGNMENT == 0
        assert x.flags.c_contiguous


def test_batches_that_are_held_are_not_written_to():
    data = made(batch_size=32)
    held = walked(data, 6)
    kept = [x.copy() for x, _ in held]
    walked(data, 6)
    assert all(np.array_equal(x, copy) for (x, _), copy in zip(held, kept, strict=True))


def test_two_who_walk_at_a_time_do_not_take_from_each_other():
    loader = Rows()
    data = made(loader)
    for one, other in zip(data, data, strict=True):
        assert same(one, other)
    assert sum(loader.asked) < 3 * len(X)


def test_a_look_takes_nothing_from_a_walk():
    loader = Rows()
    data, alone = made(loader), made(workers=0)
    walk = iter(data)
    for index in range(len(data)):
        assert same(next(walk), alone[index])
        assert same(data[index], alone[index])
    assert sum(loader.asked) < 3 * len(X)


def test_what_was_made_and_not_asked_for_is_let_go_of_at_the_end():
    data = made()
    for _ in range(5):
        next(iter(data))
    assert [len(each) for each in data._readahead._made.values()] == [4, 4]
    data.close()
    assert not data._readahead._made


def test_large_batches_are_made_one_at_a_time():
    x = np.zeros((64, 2**16), np.float32)
    assert most_at_once(penstock.make_generator((x, x), batch_size=32)._batches) == 1
    assert most_at_once(penstock.make_generator((x, x), batch_size=1)._batches) == 4


@pytest.mark.parametrize(
    ("upcoming", "most", "expected"),
    [
        ([(0, 4), (0, 5), (0, 6)], 5, [(0, 4), (0, 5), (0, 6)]),
        ([(0, 4), (0, 5), (0, 6)], 2, [(0, 4)]),
        ([(0, 4), (1, 0), (1, 1)], 5, [(0, 4)]),
        ([(0, 5), (0, 6)], 5, []),
        ([(0, 4)], 1, []),
        ([], 5, []),
    ],
)
def test_those_are_made_at_once_that_follow_each_other_in_one_epoch(upcoming, most, expected):
    assert followers((0, 3), upcoming, most) == expected
