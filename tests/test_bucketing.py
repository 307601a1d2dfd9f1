"""Batches by length: each sample once, by (seed, epoch) alone, with little to pad."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

import penstock
from penstock.bucketing import Bucketing
from penstock.errors import StateMismatch
from penstock.order import Order
from penstock.sampling import Sampling, places_and_turns


@st.composite
def orders(draw):
    count = draw(st.integers(1, 200))
    lengths = draw(
        st.lists(st.integers(0, 30), min_size=count, max_size=count).map(
            lambda values: np.array(values, np.int32)
        )
    )
    return Order(
        count,
        draw(st.integers(1, 12)),
        shuffle=True,
        seed=draw(st.integers(0, 2**64 - 1)),
        bucketing=Bucketing(lengths, draw(st.integers(2, 6))),
    )


@given(order=orders(), epoch=st.integers(0, 1000))
def test_each_sample_comes_once_and_an_epoch_is_as_long_as_without(order, epoch):
    arranged = order.epoch(epoch)
    assert sorted(arranged.tolist()) == list(range(order.count))
    plain = replace(order, bucketing=None)
    assert len(order) == len(plain)
    sizes = [len(order.batch(arranged, index)) for index in range(len(order))]
    assert sizes == [len(plain.batch(plain.epoch(epoch), index)) for index in range(len(plain))]
    np.testing.assert_array_equal(arranged, order.epoch(epoch))


@given(order=orders(), epoch=st.integers(0, 1000))
def test_batches_are_made_of_a_window_of_the_shuffled_epoch(order, epoch):
    step = order.batch_size * order.bucketing.window
    plain, arranged = replace(order, bucketing=None).epoch(epoch), order.epoch(epoch)
    for start in range(0, order.count, step):
        assert set(plain[start : start + step]) == set(arranged[start : start + step])


@given(order=orders(), epoch=st.integers(0, 1000))
def test_batches_of_a_window_do_not_overlap_in_length(order, epoch):
    arranged, lengths = order.epoch(epoch), order.bucketing.lengths
    batches = [order.batch(arranged, index) for index in range(len(order))]
    window = order.bucketing.window
    for start in range(0, len(batches), window):
        full = [each for each in batches[start : start + window] if len(each) == order.batch_size]
        spans = sorted((lengths[each].min(), lengths[each].max()) for each in full)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(order=orders(), length=st.integers(1, 300), epoch=st.integers(0, 5))
def test_drawn_samples_keep_their_turns(order, length, epoch):
    order = replace(order, sampling=Sampling(length))
    plain = replace(order, bucketing=None)
    arranged = order.epoch(epoch)
    assert sorted(arranged.tolist()) == sorted(plain.epoch(epoch).tolist())
    assert places_and_turns(arranged)[0].max() < order.count


def test_the_short_batch_may_be_of_any_length():
    lengths = np.arange(103, dtype=np.int32)
    order = Order(103, 10, shuffle=True, seed=1, bucketing=Bucketing(lengths, 100))
    last = {int(order.batch(order.epoch(epoch), 10).mean()) // 20 for epoch in range(60)}
    assert last == set(range(6))


def test_batches_are_others_in_each_epoch():
    lengths = np.random.default_rng(0).integers(1, 100, 1000).astype(np.int32)
    order = Order(1000, 10, shuffle=True, seed=1, bucketing=Bucketing(lengths, 10))
    first, second = (
        {frozenset(order.batch(order.epoch(epoch), index)) for index in range(100)}
        for epoch in (0, 1)
    )
    assert not first & second


@pytest.mark.parametrize(("window", "most"), [(10, 0.31), (100, 0.06)])
def test_little_is_left_to_pad(window, most):
    """Lengths as of sentences: log-normal, of which half are below 20."""
    lengths = np.exp(np.random.default_rng(0).normal(3, 0.7, 32_000)).astype(np.int32) + 1

    def padding(bucketing):
        order = Order(len(lengths), 32, shuffle=True, seed=1, bucketing=bucketing)
        batches = lengths[order.epoch(0)].reshape(-1, 32)
        return 1 - batches.sum() / (batches.max(axis=1) * 32).sum()

    assert padding(None) > 0.6
    assert padding(Bucketing(lengths, window)) < most


@pytest.fixture
def sounds(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for number in range(60):
        array = np.full((1 + number * 7 % 30, 2), number + 1, "float32")
        np.save(tmp_path / "ab"[number % 3 == 0] / f"{number:02}.npy", array)
    return tmp_path


def generator(sounds, **options):
    given = {"shape": (None, 2), "batch_size": 4, "seed": 5, "bucket_by_length": 4, **options}
    return penstock.make_generator(str(sounds), **given)


def numbers(data):
    return [x[:, 0, 0].astype(int).tolist() for x, *_ in data]


def test_a_split_off_part_holds_each_sample_once_in_order(sounds):
    with generator(sounds) as data:
        train, val = data.split(0.7, 0.3, seed=0)
        seen = list(chain(*numbers(val)))
        assert len(seen) == val.num_samples
        names = [name.rpartition("/")[2] for name in val.samples["sample"]]
        assert seen == [int(name[:2]) + 1 for name in names]
        trained = numbers(train)
        assert sorted([*chain(*trained), *seen]) == list(range(1, 61))
        lengths = [[1 + (number - 1) * 7 % 30 for number in batch] for batch in trained]
        assert np.mean([max(each) - min(each) for each in lengths]) < 10
    with generator(sounds) as data, data.subset(range(30, 50)) as some:
        names = [name.rpartition("/")[2] for name in some.samples["sample"]]
        assert sorted(chain(*numbers(some))) == sorted(int(name[:2]) + 1 for name in names)


def test_classes_are_balanced_all_the_same(sounds):
    with generator(sounds, sampling="balanced", samples_per_epoch=80) as data:
        labels = np.concatenate([y for _, y in data])
    np.testing.assert_array_equal(labels.sum(axis=0), [40, 40])


def test_training_goes_on_in_the_middle_of_an_epoch(sounds):
    with generator(sounds) as data:
        batches = iter(data)
        begun = numbers([next(batches) for _ in range(6)])
        state = data.state_dict()
    with generator(sounds) as data:
        whole = numbers(data)
    with generator(sounds) as data:
        data.load_state_dict(state)
        assert begun + numbers(data) == whole


@pytest.mark.parametrize(
    "options",
    [{"bucket_by_length": False}, {"bucket_by_length": 5}, {"pad_to": 9}, {"padding_mask": True}],
)
def test_a_state_is_refused_where_batches_would_be_others(sounds, options):
    with generator(sounds) as data:
        state = data.state_dict()
    with (
        generator(sounds, **options) as data,
        pytest.raises(StateMismatch, match="bucketing was|padding was"),
    ):
        data.load_state_dict(state)
