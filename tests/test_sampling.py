"""Epochs drawn by class or weight: the shares asked for, the same for the same (seed, epoch)."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import penstock
from penstock.errors import ConfigError
from penstock.order import Order
from penstock.sampling import Sampling, places_and_turns

SEEDS = st.integers(0, 2**64 - 1)
EPOCHS = st.integers(0, 2**40)
LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60)
WEIGHTS = st.lists(st.sampled_from([0, 0.1, 0.5, 1, 2, 7.5]), min_size=1, max_size=60)
COUNTS = st.integers(1, 150)


def drawn(sampling, count, seed, epoch, *, shuffle=True):
    return places_and_turns(sampling.draw(count, seed, epoch, shuffle=shuffle))[0]


@given(LABELS, COUNTS, SEEDS, EPOCHS)
def test_a_balanced_epoch_has_as_many_of_each_class_and_is_as_long_as_asked_for(
    labels, length, seed, epoch
):
    groups = np.array(labels)
    places = drawn(Sampling(length, groups), len(groups), seed, epoch)
    assert len(places) == length
    counts = np.bincount(groups[places], minlength=5)[np.unique(groups)]
    assert counts.max() - counts.min() <= 1


@given(LABELS, st.lists(st.sampled_from([0, 1, 2.5, 40]), min_size=5, max_size=5), COUNTS, SEEDS)
def test_an_epoch_has_the_share_of_each_class_to_within_one_sample(labels, shares, length, seed):
    groups, shares = np.array(labels), np.array(shares)
    here = shares * np.isin(np.arange(5), groups)
    if not here.any():
        with pytest.raises(ConfigError, match="leaves none"):
            Sampling(length, groups, shares).count(len(groups))
        return
    places = drawn(Sampling(length, groups, shares), len(groups), seed, 3)
    counts = np.bincount(groups[places], minlength=5)
    assert (abs(counts - length * here / here.sum()) < 1 + 1e-6).all()
    assert len(places) == length


@given(LABELS, COUNTS, SEEDS, st.integers(1, 6))
def test_over_epochs_every_sample_of_a_class_comes_before_one_comes_again(
    labels, length, seed, epochs
):
    groups = np.array(labels)
    sampling = Sampling(length, groups)
    places = np.concatenate([drawn(sampling, len(groups), seed, epoch) for epoch in range(epochs)])
    times = np.bincount(places, minlength=len(groups))
    for group in np.unique(groups):
        own = times[groups == group]
        assert own.max() - own.min() <= 1


@given(COUNTS, COUNTS, SEEDS, st.booleans())
def test_an_epoch_of_any_length_goes_on_where_the_last_one_ended(count, length, seed, shuffle):
    sampling = Sampling(length)
    epochs = -(-3 * count // length)
    places = [drawn(sampling, count, seed, epoch, shuffle=shuffle) for epoch in range(epochs)]
    together = np.concatenate(places)[: 3 * count].reshape(3, count)
    np.testing.assert_array_equal(np.sort(together), np.tile(np.arange(count), (3, 1)))
    if not shuffle:
        np.testing.assert_array_equal(together, np.tile(np.arange(count), (3, 1)))


@given(LABELS, SEEDS, EPOCHS)
def test_without_replacement_no_sample_comes_twice_and_the_rarest_class_sets_the_length(
    labels, seed, epoch
):
    groups = np.array(labels)
    sampling = Sampling(None, groups, replacement=False)
    places = drawn(sampling, len(groups), seed, epoch)
    assert len(np.unique(places)) == len(places)
    _, sizes = np.unique(groups, return_counts=True)
    assert len(places) == sizes.min() * len(sizes)
    assert (np.unique(groups[places], return_counts=True)[1] == sizes.min()).all()


@given(WEIGHTS, COUNTS, SEEDS, EPOCHS)
def test_a_sample_comes_as_often_as_its_weight_says_rounded_down_or_up(
    weights, length, seed, epoch
):
    weights = np.array(weights)
    if not weights.any():
        weights[0] = 1
    places = drawn(Sampling(length, weights=weights), len(weights), seed, epoch)
    assert len(places) == length
    times = np.bincount(places, minlength=len(weights))
    assert (abs(times - length * weights / weights.sum()) < 1 + 1e-6).all()
    assert not times[weights == 0].any()


@given(WEIGHTS, SEEDS, EPOCHS)
def test_weights_without_replacement_choose_each_sample_once_at_most(weights, seed, epoch):
    weights = np.array(weights)
    possible = np.count_nonzero(weights)
    if not possible:
        return
    length = (possible + 1) // 2
    sampling = Sampling(length, weights=weights, replacement=False)
    places = drawn(sampling, len(weights), seed, epoch)
    assert len(np.unique(places)) == length
    assert (weights[places] > 0).all()
    with pytest.raises(ConfigError, match="asks for more than there are"):
        Sampling(possible + 1, weights=weights, replacement=False).count(len(weights))


def test_weights_are_heeded_on_average():
    weights = np.array([1.0, 2.0, 4.0, 0.5])
    times = np.zeros(4)
    for epoch in range(4000):
        times += np.bincount(drawn(Sampling(1, weights=weights), 4, 7, epoch), minlength=4)
    assert times / 4000 == pytest.approx(weights / weights.sum(), abs=0.03)
    first = np.zeros(4)
    for epoch in range(4000):
        sampling = Sampling(1, weights=weights, replacement=False)
        first += np.bincount(drawn(sampling, 4, 7, epoch), minlength=4)
    assert first / 4000 == pytest.approx(weights / weights.sum(), abs=0.03)


@given(LABELS, COUNTS, SEEDS, EPOCHS)
def test_a_sample_that_comes_again_has_another_turn(labels, length, seed, epoch):
    groups = np.array(labels)
    for sampling in (Sampling(length, groups), Sampling(length, weights=groups + 0.5)):
        draws = sampling.draw(len(groups), seed, epoch, shuffle=True)
        assert len(np.unique(draws)) == length


@given(LABELS, COUNTS, SEEDS, EPOCHS, st.integers(1, 9))
def test_batches_hold_the_epoch_whatever_is_asked_for_first(labels, length, seed, epoch, size):
    order = Order(len(labels), size, True, seed, sampling=Sampling(length, np.array(labels)))
    whole = order.epoch(epoch)
    batches = [order.batch(whole, index) for index in reversed(range(len(order)))]
    np.testing.assert_array_equal(np.concatenate(batches[::-1]), whole)
    assert len(whole) == length
    np.testing.assert_array_equal(order.epoch(epoch), whole)


@pytest.mark.parametrize(
    ("sampling", "digest"),
    [
        (Sampling(50), "b0c018a05b76c840"),
        (Sampling(50, np.arange(40) % 3), "e0a29d153d8b377a"),
        (Sampling(50, weights=np.arange(40) / 2), "3a5bbed07a5f587f"),
    ],
)
def test_what_is_drawn_for_a_seed_is_the_same_for_ever(sampling, digest):
    found = Order(40, 8, True, 42, sampling=sampling).epoch(7).astype("<i8").tobytes()
    assert hashlib.sha256(found).hexdigest()[:16] == digest


# In a sequence

LABEL = ["common"] * 17 + ["rare"] * 3


def sequence(**options):
    table = pd.DataFrame({"value": np.arange(20.0), "label": LABEL, "weight": np.arange(20.0)})
    given = {"x_col": ["value"], "y_col": "label", "encoder": "int", "batch_size": 6, "seed": 3}
    return penstock.make_generator(table, **{**given, **options})


def delivered(batches):
    batches = list(batches)
    return np.concatenate([batch[0].ravel() for batch in batches]), np.concatenate(
        [batch[1] for batch in batches]
    )


def test_rare_classes_come_as_often_as_common_ones():
    with sequence(sampling="balanced") as data:
        x, y = delivered(data)
        assert np.bincount(y).tolist() == [10, 10]
        assert (x[y == 1] >= 17).all()
        more, _ = delivered(data)
        assert len(np.unique(np.concatenate([x, more]))) == 20  # none is left out for long


def test_shares_by_class_and_an_epoch_of_any_length():
    with sequence(sampling={"rare": 3}, samples_per_epoch=40) as data:
        assert (len(data), data.num_samples) == (7, 20)
        assert np.bincount(delivered(data)[1]).tolist() == [10, 30]
        assert "40 of 20 samples per epoch, in 7 batches of 6" in repr(data)


def test_weights_of_samples_come_from_a_column_or_an_array():
    with sequence(sampling="weight", samples_per_epoch=190) as data:
        x, _ = delivered(data)
        assert np.bincount(x.astype(int), minlength=20).tolist() == list(range(20))
    with sequence(sampling=np.arange(20) == 4) as data:
        assert set(delivered(data)[0]) == {4}


def test_without_replacement_common_classes_are_cut_to_the_rarest():
    with sequence(sampling="balanced", replacement=False) as data:
        x, y = delivered(data)
        assert np.bincount(y).tolist() == [3, 3]
        assert len(set(x)) == 6


@pytest.mark.parametrize("cache", [None, "memory"])
def test_threads_and_caches_have_no_say_in_what_is_drawn(cache):
    def noisy(x, generator):
        return x + generator.random()

    noise = penstock.augmenter(noisy)()
    runs = []
    for workers in (0, 3):
        options = {"cache": cache, "workers": workers, "augment": noise, "seed": 5}
        with sequence(sampling="balanced", **options) as data:
            runs.append([delivered(data)[0] for _ in range(3)])
            np.testing.assert_array_equal(data[1][0], data._batches.make(3, 1)[0])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_a_sample_that_comes_again_is_augmented_anew():
    @penstock.augmenter
    def noisy(x, generator):
        return x + generator.random() / 2

    with sequence(sampling="balanced", augment=noisy()) as data:
        x, _ = delivered(data)
        assert len(np.unique(x)) == 20 > len(np.unique(np.floor(x)))


def test_validation_data_hold_each_sample_once_as_it_comes():
    train, val = sequence(sampling="balanced", samples_per_epoch=100).split(0.5, 0.5)
    assert sum(map(len, (delivered(train)[1],))) == 100
    x, y = delivered(val)
    np.testing.assert_array_equal(np.sort(x), val.samples["value"])
    assert len(y) == val.num_samples
    assert set(delivered(train)[0]) == set(train.samples["value"])


def test_a_part_is_balanced_by_itself():
    part = sequence(sampling="balanced").subset(np.arange(12, 20))
    assert np.bincount(delivered(part)[1]).tolist() == [4, 4]


def test_a_state_of_other_sampling_is_refused():
    state = sequence(sampling="balanced").state_dict()
    sequence(sampling="balanced").load_state_dict(state)
    with pytest.raises(penstock.errors.StateMismatch, match="sampling was"):
        sequence().load_state_dict(state)


def test_classes_in_arrays_are_balanced_too():
    y = np.array([0] * 9 + [1])
    data = penstock.make_generator((np.zeros((10, 2)), y), sampling="balanced", seed=0)
    assert np.bincount(data[0][1]).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": "ballanced"}, "Did you mean 'balanced'?"),
        ({"sampling": {"rair": 2}}, "names the class 'rair', which is not there. Did you mean"),
        ({"sampling": {"rare": -1}}, "it must be finite and at least 0"),
        ({"sampling": {"rare": 0, "common": 0}}, "leaves none of 20 samples"),
        ({"sampling": np.zeros(20)}, "leaves none of 20 samples"),
        ({"sampling": [1.0]}, "shape (1,) for 20 samples"),
        ({"sampling": "balanced", "shuffle": False}, "Give one of them."),
        ({"sampling": "balanced", "class_weight": "balanced"}, "make up for rare classes twice"),
        (
            {"sampling": "balanced", "encoder": "none", "y_col": None},
            "needs labels that are classes",
        ),
        ({"sampling": {"y": {"rare": 2}, "z": "balanced"}}, "by the classes of one target"),
        ({"samples_per_epoch": 0}, "samples_per_epoch=0 was given"),
        (
            {"samples_per_epoch": 10**13},
            "from 1 to 2147483647. For epochs without an end give math.inf.",
        ),
        ({"samples_per_epoch": 21, "replacement": False}, "20 of these 20 samples can be drawn"),
        (
            {"samples_per_epoch": 7, "sampling": "balanced", "replacement": False},
            "6 of these 20 samples can be drawn",
        ),
        ({"replacement": False}, "each sample comes once anyway"),
        ({"replacement": 1}, "replacement=1 was given; it must be True or False"),
        ({"replacement": False, "sampling": "weight"}, "needs samples_per_epoch="),
        ({"samples_per_epoch": 3, "drop_remainder": True}, "leaves no batch of 3 samples"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        sequence(**options)


def test_with_several_targets_with_classes_one_is_named():
    table = pd.DataFrame({"x": range(8), "a": ["n", "m"] * 4, "b": ["r"] + ["s"] * 7})

    def data(sampling):
        return penstock.make_generator(
            table, x_col=["x"], targets={"a": "int", "b": "int"}, sampling=sampling, seed=0
        )

    assert np.bincount(data({"b": "balanced"})[0][1]["b"]).tolist() == [4, 4]
    assert np.bincount(data({"b": {"r": 7}})[0][1]["b"]).tolist() == [7, 1]
    with pytest.raises(ConfigError, match=r"sampling=\{'a': 'balanced'\}"):
        data("balanced")


def test_classes_of_several_targets_are_weighed_each_by_itself():
    table = pd.DataFrame(
        {"x": range(8), "a": ["n", "m"] * 4, "b": ["r"] + ["s"] * 7, "w": [1.0, 3.0] * 4}
    )

    def data(**options):
        targets = {"a": "int", "b": "int", "c": penstock.Float(column="x")}
        given = {"x_col": ["x"], "targets": targets, "shuffle": False}
        return penstock.make_generator(table, **given, **options)

    weighed = data(class_weight={"a": {"n": 5}, "b": "balanced"}, sample_weight="w")
    weight = weighed[0][2]
    assert weight["a"].tolist() == [5.0, 3.0] * 4
    np.testing.assert_allclose(weight["b"], np.array([1, 3] * 4) * ([4.0] + [4 / 7] * 7))
    assert weight["c"].tolist() == [1.0, 3.0] * 4
    assert all(len(batch) == 2 for batch in data(class_weight={"a": "balanced"}).split(0.5)[1])
    with pytest.raises(ConfigError, match="names the target 'd'"):
        data(class_weight={"d": "balanced"})
    with pytest.raises(ConfigError, match="Give them by target"):
        data(class_weight="balanced")


def test_an_order_that_memory_does_not_hold_is_told(monkeypatch):
    def full(*_):
        raise MemoryError

    with sequence(samples_per_epoch=2_000_000) as data:
        monkeypatch.setattr("penstock.order.shuffled", full)
        with pytest.raises(ConfigError, match=r"no memory for .* epoch of 2,000,000 samples"):
            data[0]
