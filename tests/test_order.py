"""Which samples make batch i of epoch e: every sample once, the same for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock.order import Order, shuffled

SEEDS = st.integers(0, 2**64 - 1)
COUNTS = st.integers(1, 300)


@given(st.integers(0, 2000), SEEDS, SEEDS)
def test_an_order_is_a_permutation(count, seed, epoch):
    order = shuffled(count, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


@given(COUNTS, st.integers(1, 400), st.booleans(), st.booleans(), SEEDS, st.integers(0, 99))
def test_batches_deliver_every_sample_once(count, size, shuffle, drop, seed, epoch):
    order = Order(count, size, shuffle, seed, drop)
    whole = order.epoch(epoch)
    batches = [order.batch(whole, index) for index in range(len(order))]
    delivered = np.concatenate(batches) if batches else np.arange(0)
    assert len(np.unique(delivered)) == len(delivered)
    assert len(delivered) == (count // size * size if drop else count)
    assert all(len(batch) == size for batch in batches[:-1])
    if drop:
        assert all(len(batch) == size for batch in batches)
    if not shuffle:
        np.testing.assert_array_equal(delivered, np.arange(len(delivered)))


@pytest.mark.parametrize(
    ("count", "size", "drop", "length"),
    [(10, 5, False, 2), (11, 5, False, 3), (11, 5, True, 2), (4, 5, False, 1), (4, 5, True, 0)],
)
def test_the_number_of_batches_counts_the_short_last_one_unless_it_is_dropped(
    count, size, drop, length
):
    assert len(Order(count, size, False, 0, drop)) == length


def test_without_shuffle_the_order_takes_no_memory():
    assert Order(10**12, 32, False, 0).epoch(0) is None
    assert Order(10**12, 32, False, 0).batch(None, 10**9).tolist()[:2] == [
        32 * 10**9,
        32 * 10**9 + 1,
    ]


def test_another_seed_or_epoch_is_another_order():
    orders = {shuffled(50, seed, epoch).tobytes() for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_every_sample_comes_to_every_place():
    places = np.array([shuffled(10, 0, epoch) for epoch in range(3000)])
    for place in places.T:
        assert np.bincount(place, minlength=10).tolist() == pytest.approx([300] * 10, abs=80)


def test_the_global_random_state_has_no_say():
    expected = shuffled(100, 1, 1)
    np.random.seed(3)  # noqa: NPY002
    np.testing.assert_array_equal(shuffled(100, 1, 1), expected)


@pytest.mark.parametrize(
    ("count", "seed", "epoch", "digest"),
    [
        (10, 0, 0, "23866363ba49b77e"),
        (1000, 42, 7, "2e96e1caad2b9428"),
        (1000, 2**64 - 1, 2**63, "88db9a068a245cae"),
    ],
)
def test_the_order_of_a_seed_is_the_same_for_ever(count, seed, epoch, digest):
    order = shuffled(count, seed, epoch).astype("<i8").tobytes()
    assert hashlib.sha256(order).hexdigest()[:16] == digest
