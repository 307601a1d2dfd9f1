"""Random numbers depend on (seed, epoch, sample, stream) and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock.draws import Draws, key, mix, places_in_order

SEEDS = st.integers(0, 2**64 - 1)
NUMBERS = st.lists(st.integers(0, 2**40), min_size=1, max_size=30)


def story(draws):
    """Draw in every way, as an augmenter would."""
    return [
        draws.uniform(),
        draws.normal(size=2),
        draws.integers(-3, 9, size=(2, 3)),
        draws.chance(0.3),
        np.array([each.random() for each in draws.generators()]),
        draws.uniform(-1, 1, size=4),
    ]


WORDS = st.one_of(
    st.lists(SEEDS, unique=True),
    st.lists(st.integers(0, 500), unique=True),  # nothing but the last bits tells them apart
    st.lists(st.sampled_from([n << 40 | m for n in range(9) for m in range(99)]), unique=True),
)


@given(WORDS)
def test_places_come_in_the_order_of_their_words(words):
    given = np.array(words, np.uint64)
    found = places_in_order(given)
    np.testing.assert_array_equal(found, np.argsort(given), strict=True)
    assert given.tolist() == words


def test_of_millions_of_words_some_begin_alike_and_are_told_apart():
    words = mix(np.arange(3_000_000, dtype=np.uint64))
    np.testing.assert_array_equal(places_in_order(words), np.argsort(words))


@given(SEEDS, SEEDS, NUMBERS, st.data())
def test_a_samples_draws_have_nothing_to_do_with_its_neighbours(seed, epoch, numbers, data):
    chosen = data.draw(st.lists(st.integers(0, len(numbers) - 1), max_size=10))
    whole = story(Draws(seed, epoch, np.array(numbers, np.int64), 2))
    part = story(Draws(seed, epoch, np.array(numbers, np.int64)[chosen], 2))
    for all_drawn, some_drawn in zip(whole, part, strict=True):
        np.testing.assert_array_equal(all_drawn[chosen], some_drawn)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, ">i8"])
def test_the_dtype_and_the_layout_of_the_numbers_have_no_say(dtype):
    numbers = np.arange(20)
    expected = Draws(1, 2, numbers).uniform()
    np.testing.assert_array_equal(Draws(1, 2, numbers.astype(dtype)).uniform(), expected)
    np.testing.assert_array_equal(Draws(1, 2, np.repeat(numbers, 3)[::3]).uniform(), expected)


@given(SEEDS, SEEDS, NUMBERS)
def test_the_same_calls_give_the_same_numbers_and_further_calls_fresh_ones(seed, epoch, numbers):
    first, second = (Draws(seed, epoch, np.array(numbers)) for _ in range(2))
    once, again = first.uniform(), second.uniform()
    np.testing.assert_array_equal(once, again)
    assert not (first.uniform() == once).any()


@given(SEEDS, SEEDS, SEEDS)
def test_another_seed_epoch_or_stream_gives_other_numbers(seed, epoch, stream):
    numbers = np.arange(8)
    drawn = {
        tuple(Draws(*words[:2], numbers, words[2]).uniform())
        for words in {
            (seed, epoch, stream),
            (seed ^ 1, epoch, stream),
            (seed, epoch ^ 1, stream),
            (seed, epoch, stream ^ 1),
        }
    }
    assert len(drawn) == 4


@given(SEEDS, SEEDS, NUMBERS, st.integers(0, 50), st.integers(1, 5))
def test_drawing_together_is_what_each_augmenter_would_draw(seed, epoch, numbers, stream, count):
    numbers = np.array(numbers, np.int64)
    draws = Draws(seed, epoch, numbers, stream)
    draws.uniform()  # what was drawn before has no say
    together = draws.together(count)
    assert len(together) == count * len(numbers)
    alone = [story(Draws(seed, epoch, numbers, stream + place)) for place in range(count)]
    for drawn, *parts in zip(story(together), *alone, strict=True):
        np.testing.assert_array_equal(drawn, np.concatenate(parts))


@given(SEEDS, NUMBERS)
def test_more_numbers_begin_with_the_fewer(seed, numbers):
    few, more = (Draws(seed, 0, np.array(numbers)).uniform(size=size) for size in (2, 5))
    np.testing.assert_array_equal(few, more[:, :2])


def test_seed_and_epoch_are_not_interchangeable():
    assert not (Draws(1, 2, np.arange(9)).uniform() == Draws(2, 1, np.arange(9)).uniform()).any()


def test_golden_values():
    # Written down once: no release of NumPy and no processor may change them.
    draws = Draws(42, 3, np.array([0, 1, 1000]), 1)
    assert draws.uniform().tolist() == GOLDEN_UNIFORM
    assert draws.integers(0, 1000, size=2).tolist() == GOLDEN_INTEGERS
    assert draws.chance(0.5).tolist() == GOLDEN_CHANCE
    np.testing.assert_allclose(draws.normal(), GOLDEN_NORMAL, rtol=1e-12)
    assert int(key(1, 2, 3)) == GOLDEN_KEY


@given(st.lists(SEEDS, max_size=4))
def test_a_key_is_hashed_as_arrays_are(words):
    golden = np.uint64(0x9E3779B97F4A7C15)
    state = np.zeros(1, np.uint64)
    for word in words:
        state = mix((state + golden) ^ mix(np.array([word], np.uint64) + golden))
    assert key(*words) == state[0]


def test_the_hash_is_that_of_splitmix64():
    # Reference outputs of SplitMix64 with seed 1234567 (Vigna's splitmix64.c).
    states = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mix(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_uniform_draws_are_uniform():
    drawn = Draws(0, 0, np.arange(40_000)).uniform(-2.0, 6.0)
    assert drawn.min() >= -2.0
    assert drawn.max() < 6.0
    assert drawn.mean() == pytest.approx(2.0, abs=0.05)
    assert drawn.std() == pytest.approx(8 / 12**0.5, rel=0.02)
    counts = np.histogram(drawn, 20, (-2, 6))[0]
    assert abs(counts - 2000).max() < 5 * 2000**0.5


def test_neighbouring_samples_and_successive_draws_are_uncorrelated():
    drawn = Draws(0, 0, np.arange(20_000)).uniform(size=3)
    for one, other in [
        (drawn[:-1, 0], drawn[1:, 0]),
        (drawn[:, 0], drawn[:, 1]),
        (drawn[:, 0], Draws(0, 1, np.arange(20_000)).uniform()),
        (drawn[:, 0], Draws(0, 0, np.arange(20_000), 1).uniform()),
    ]:
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_normal_draws_are_normal():
    drawn = Draws(0, 0, np.arange(40_000)).normal(3.0, 2.0)
    assert np.isfinite(drawn).all()
    assert drawn.mean() == pytest.approx(3.0, abs=0.05)
    assert drawn.std() == pytest.approx(2.0, rel=0.02)
    assert (abs(drawn - 3.0) < 2.0).mean() == pytest.approx(0.6827, abs=0.01)


def test_whole_numbers_are_drawn_evenly_from_low_to_below_high():
    drawn = Draws(0, 0, np.arange(30_000)).integers(-1, 2)
    assert drawn.dtype == np.int64
    assert np.bincount(drawn + 1).tolist() == pytest.approx([10_000] * 3, rel=0.05)


def test_chance_is_what_it_says():
    draws = Draws(0, 0, np.arange(20_000))
    assert draws.chance(0.25).mean() == pytest.approx(0.25, abs=0.02)
    assert not draws.chance(0.0).any()
    assert draws.chance(1.0).all()


class Highest(Draws):
    """Draws the largest words that there are."""

    def _bits(self, count):
        super()._bits(count)
        return np.full((len(self), count), 2**64 - 1, np.uint64)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (5, 6), (-9, -8), (10**6, 10**6 + 1), (-1, 0)])
def test_the_upper_bound_is_never_drawn(low, high):
    draws = Highest(0, 0, np.arange(1))
    assert draws.uniform(low, high)[0] < high
    assert draws.integers(low, high)[0] == high - 1


def test_no_draw_is_infinite():
    assert np.isfinite(Highest(0, 0, np.arange(1)).normal()).all()


@pytest.mark.parametrize("size", [(), 0, 1, 3, (2, 3), (0, 2), (np.int64(2),), np.int64(2)])
def test_shapes_are_as_asked(size):
    expected = (5, *np.empty(size).shape)
    assert Draws(0, 0, np.arange(5)).uniform(size=size).shape == expected
    assert Draws(0, 0, np.arange(5)).normal(size=size).shape == expected


def test_no_samples_draw_nothing():
    draws = Draws(0, 0, np.arange(0))
    assert len(draws) == 0
    assert draws.uniform(size=3).shape == (0, 3)
    assert draws.generators() == []


def test_the_global_random_state_is_neither_read_nor_written():
    import random

    before = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    story(Draws(0, 0, np.arange(5)))
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # noqa: NPY002


GOLDEN_UNIFORM = [0.35340768034750725, 0.1384081137285389, 0.06723726216338621]
GOLDEN_INTEGERS = [[62, 821], [155, 479], [283, 669]]
GOLDEN_CHANCE = [True, True, False]
GOLDEN_NORMAL = [-0.45386241807147043, -0.7080639589104428, -0.8851766000652203]
GOLDEN_KEY = 17824878756907967
