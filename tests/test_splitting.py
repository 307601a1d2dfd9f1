"""Parts are disjoint, of the sizes asked for, even in their classes, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from penstock.errors import ConfigError
from penstock.splitting import array_classes, split_positions, with_rest

SEEDS = st.integers(0, 2**64 - 1)


@st.composite
def divisions(draw, whole):
    """Draw fractions that add up to one, or to less."""
    shares = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    spare = 0 if whole else draw(st.integers(1, 20))
    return [share / (sum(shares) + spare) for share in shares]


def divided(count, fractions, seed, classes=None):
    assume(all(count * fraction >= 2 for fraction in fractions))
    return split_positions(count, fractions, seed, classes)


@given(st.integers(1, 400), divisions(whole=True), SEEDS)
def test_fractions_that_add_up_to_one_leave_no_sample_out(count, fractions, seed):
    parts = divided(count, fractions, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(count))


@given(st.integers(1, 400), divisions(whole=False), SEEDS)
def test_parts_are_disjoint_ascending_and_of_the_size_asked_for(count, fractions, seed):
    parts = divided(count, fractions, seed)
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    for fraction, part in zip(fractions, parts, strict=True):
        assert (np.diff(part) > 0).all()
        assert abs(len(part) - count * fraction) <= 1


@given(st.lists(st.integers(0, 4), min_size=8, max_size=300), divisions(whole=True), SEEDS)
def test_every_part_has_each_class_in_proportion(classes, fractions, seed):
    classes = np.array(classes)
    parts = divided(len(classes), fractions, seed, classes)
    for fraction, part in zip(fractions, parts, strict=True):
        for each in np.unique(classes):
            share = np.count_nonzero(classes == each) * fraction
            assert abs(np.count_nonzero(classes[part] == each) - share) <= len(fractions)


@given(st.integers(0, 400), SEEDS)
def test_a_split_in_two_has_each_class_to_within_one_sample(seed, label_seed):
    classes = np.random.default_rng(label_seed).integers(0, 5, 200)
    for part, fraction in zip(
        split_positions(200, [0.7, 0.3], seed, classes), (0.7, 0.3), strict=True
    ):
        counts = np.bincount(classes[part], minlength=5)
        assert (abs(counts - np.bincount(classes, minlength=5) * fraction) <= 1).all()


def test_many_small_parts_do_not_push_their_rounding_onto_the_last():
    sizes = [len(part) for part in split_positions(140, [0.01] * 50 + [0.5], 0, None)]
    assert abs(sizes[-1] - 70) <= 1
    assert max(sizes[:-1]) - min(sizes[:-1]) <= 1


@given(st.integers(20, 200), SEEDS)
def test_a_seed_always_divides_alike_and_another_otherwise(count, seed):
    first, again, other = (
        split_positions(count, [0.5, 0.5], s, None)[0] for s in (seed, seed, seed ^ 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_positions_of_a_seed_are_the_same_for_ever():
    classes = np.array([0, 1] * 10)
    parts = split_positions(20, [0.7, 0.3], 42, classes)
    assert [part.tolist() for part in parts] == GOLDEN


def test_the_first_samples_are_not_the_first_part():
    part = split_positions(1000, [0.5, 0.5], 0, None)[0]
    assert 400 < np.count_nonzero(part < 500) * 2 < 600


@pytest.mark.parametrize(
    "fraction", [0, -0.1, 1.1, 2, float("nan"), float("inf"), True, "0.5", None]
)
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ConfigError, match=r"split\(\) was given"):
        split_positions(10, [fraction], 0, None)


def test_fractions_above_one_together_are_refused():
    with pytest.raises(ConfigError, match=r"add up to 1\.1"):
        split_positions(10, [0.8, 0.3], 0, None)


def test_tenths_add_up_to_one():
    assert sum(map(len, split_positions(100, [0.1] * 10, 0, None))) == 100
    assert sum(map(len, split_positions(100, [0.7, 0.2, 0.1], 0, None))) == 100


def test_no_fractions_are_refused():
    with pytest.raises(ConfigError, match=r"split\(0\.8, 0\.2\)"):
        split_positions(10, [], 0, None)


def test_one_fraction_alone_means_that_and_the_rest():
    assert with_rest([0.75]) == (0.75, 0.25)
    assert with_rest([0.5, 0.25]) == [0.5, 0.25]
    with pytest.raises(ConfigError, match="leaves nothing for a second part"):
        with_rest([1])


def test_fractions_of_numpy_are_fractions():
    parts = split_positions(10, [np.float32(0.5), np.float64(0.5)], 0, None)
    assert list(map(len, parts)) == [5, 5]


def test_a_part_without_a_sample_is_refused():
    with pytest.raises(ConfigError, match=r"0\.01 leaves no sample of 10"):
        split_positions(10, [0.99, 0.01], 0, None)


@pytest.mark.parametrize(
    ("array", "classes"),
    [
        (np.array([5, 5, 9, 9]), [0, 0, 1, 1]),
        (np.array([[5], [5], [9], [9]]), [0, 0, 1, 1]),
        (np.array([True, False, True, False]), [1, 0, 1, 0]),
        (np.eye(3, dtype="float32")[[0, 2, 1]], [0, 2, 1]),
        (np.array([1, 2, 3, 4]), None),  # as many as there are: a count, no class
        (np.array([0.0, 1.0]), None),
        (np.array([[1, 1, 0]]), None),
        (np.zeros((3, 2, 2)), None),
    ],
)
def test_classes_are_recognised_in_arrays_of_targets(array, classes):
    found = array_classes(array)
    assert (found if found is None else found.tolist()) == classes


GOLDEN = [[0, 2, 3, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17], [1, 4, 6, 9, 18, 19]]
