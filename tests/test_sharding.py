"""Several processes make one batch together: every sample once, equal steps, equal shapes."""

from __future__ import annotations

import sys
import types
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import penstock
from penstock.errors import ConfigError
from penstock.order import Order
from penstock.sampling import Sampling, places_and_turns
from penstock.sharding import worlds_at_hand

WORLDS = (1, 2, 3, 4, 7, 8)
SHARES = (1, 3, 8)
MODES = {"drop": {"drop_remainder": True}, "pad": {"pad": True}}
CASES = [(world, share, mode) for world in WORLDS for share in SHARES for mode in MODES]


def counts(world, share):
    """Return numbers of samples around those where something changes."""
    size = world * share
    found = {1, 2, world - 1, world, world + 1, size - 1, size, size + 1, 997}
    return sorted(found - {0})


def orders(count, world, share, mode, **options):
    """Return the order of each rank, for batches of *share* samples in each."""
    whole = Order(count, world * share, **{"shuffle": True, "seed": 5, **options, **MODES[mode]})
    return [
        Order(**{**whole.__dict__, "shard": (rank, world)} | {"sampling": whole.sampling})
        for rank in range(world)
    ]


def epoch_of(order, epoch=0):
    """Return the batches of an epoch, and how many of each are only there to fill it up."""
    whole = order.epoch(epoch)
    return [(order.batch(whole, index), order.padding(index)) for index in range(len(order))]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("world", "share", "mode"), CASES)
def test_ranks_have_equal_steps_and_shapes_and_together_each_sample_once(
    world, share, mode, shuffle
):
    size = world * share
    for count in counts(world, share):
        ranks = [epoch_of(order) for order in orders(count, world, share, mode, shuffle=shuffle)]
        assert len({len(steps) for steps in ranks}) == 1
        assert all(len(batch) == share for steps in ranks for batch, _ in steps)
        real = [batch[: share - padding] for steps in ranks for batch, padding in steps]
        delivered = np.concatenate([*real, np.zeros(0, np.int64)])
        kept = count // size * size if mode == "drop" else count
        whole = Order(count, size, shuffle, 5).epoch(0)
        expected = (np.arange(count) if whole is None else whole)[:kept]
        assert sorted(delivered.tolist()) == sorted(expected.tolist())


@pytest.mark.parametrize(("world", "share", "mode"), CASES)
def test_the_blocks_of_a_step_are_the_batch_of_one_process_in_order(world, share, mode):
    for count in counts(world, share):
        alone = Order(count, world * share, True, 5)
        whole = alone.epoch(3)
        ranks = [epoch_of(order, 3) for order in orders(count, world, share, mode)]
        for index in range(len(ranks[0])):
            steps = [steps[index] for steps in ranks]
            together = np.concatenate([batch[: share - padding] for batch, padding in steps])
            np.testing.assert_array_equal(together, alone.batch(whole, index))
            for batch, padding in steps:  # what fills it up is in the same step
                assert set(batch[share - padding :].tolist()) <= set(together.tolist())


@settings(max_examples=80)
@given(
    count=st.integers(1, 200),
    share=st.integers(1, 9),
    worlds=st.lists(st.integers(1, 6), min_size=2, max_size=2),
    length=st.one_of(st.none(), st.integers(1, 150)),
    mode=st.sampled_from(sorted(MODES)),
    epoch=st.integers(0, 3),
)
def test_the_samples_of_a_step_are_the_same_for_any_world_with_sampling_too(
    count, share, worlds, length, mode, epoch
):
    size = share * worlds[0] * worlds[1]
    sampling = None if length is None else Sampling(length, weights=np.linspace(1, 2, count))
    steps = []
    for world in worlds:
        ranks = [
            epoch_of(order, epoch)
            for order in orders(count, world, size // world, mode, sampling=sampling)
        ]
        steps.append(
            [
                sorted(
                    place
                    for batch, padding in each
                    for place in batch[: len(batch) - padding].tolist()
                )
                for each in zip(*ranks, strict=True)
            ]
        )
    assert steps[0] == steps[1]
    if sampling is not None:
        places, _ = places_and_turns(
            np.array([place for step in steps[0] for place in step], np.int64)
        )
        assert (places < count).all()


# -- sequences -------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"] += batch.draws.uniform(size=1).astype(np.float32)


X = np.arange(23, dtype=np.float32)[:, None]


def generators(world, **options):
    options = {"batch_size": 6, "seed": 3, **options}
    return [
        penstock.make_generator((X, X), shard=(rank, world), **options) for rank in range(world)
    ]


def test_what_is_trained_on_is_dropped_and_what_is_evaluated_is_padded():
    parts = [each.subset(range(22)).split(0.5, 0.5) for each in generators(2)]
    assert {tuple(map(len, each)) for each in parts} == {(1, 2)}
    train, val = zip(*parts, strict=True)
    assert all(len(batch) == 2 and len(batch[0]) == 3 for each in train for batch in each)
    seen = []
    for each in val:
        for x, _, weight in each:
            assert x.shape == (3, 1)
            assert set(weight.tolist()) <= {0.0, 1.0}
            seen += x[weight > 0].ravel().tolist()
    assert len(seen) == len(set(seen)) == val[0].num_samples == 11


def test_metrics_over_padded_ranks_are_those_of_all_samples():
    total = weights = 0.0
    for each in generators(3, remainder="pad"):
        for x, _, weight in each:
            total += float((x[:, 0] * weight).sum())
            weights += float(weight.sum())
    assert weights == len(X)
    assert total / weights == pytest.approx(float(X.mean()))


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_the_state_of_one_world_is_that_of_another(world):
    alone = penstock.make_generator((X, X), batch_size=6, seed=3, remainder="drop")
    steps = iter(alone)
    next(steps)
    state = alone.state_dict()
    expected = [sorted(x.ravel().tolist()) for x, _ in steps]
    ranks = generators(world, remainder="drop")
    for each in ranks:
        each.load_state_dict(state)
    found = [
        sorted(np.concatenate([x.ravel() for x, _ in step]).tolist())
        for step in zip(*ranks, strict=True)
    ]
    assert found == expected


def test_augmentation_and_replacements_are_those_of_one_process():
    options = {"augment": [Noise()], "remainder": "drop"}
    alone = [x for x, _ in penstock.make_generator((X, X), batch_size=6, seed=3, **options)]
    ranks = generators(3, **options)
    for step, expected in zip(zip(*ranks, strict=True), alone, strict=True):
        np.testing.assert_array_equal(np.concatenate([x for x, _ in step]), expected)


def test_without_shards_a_short_last_batch_can_be_padded():
    *_, (x, y, weight) = penstock.make_generator(
        (X, X), batch_size=6, shuffle=False, remainder="pad"
    )
    assert x.ravel().tolist() == [18, 19, 20, 21, 22, 18]
    assert weight.tolist() == [1, 1, 1, 1, 1, 0]
    assert y.shape == (6, 1)


def test_class_weights_and_masks_stand_beside_padding():
    table = pd.DataFrame({"x": X[:, 0], "label": ["a", "b"] * 11 + ["a"]})
    made = penstock.make_generator(
        table,
        x_col="x",
        y_col="label",
        class_weight={"b": 3.0},
        batch_size=6,
        shuffle=False,
        remainder="pad",
    )
    *_, (_, _, weight) = made
    assert weight.tolist() == [1, 3, 1, 3, 1, 0]


def test_predictions_and_statistics_are_of_all_samples():
    class Model:
        def predict(self, x, **_):
            return np.concatenate([batch[0] for batch in x])

    for each in generators(2, remainder="pad"):
        assert len(each.predictions(Model())) == len(X)


def test_a_shard_says_so():
    assert "part 2 of 3 of each batch: 2 samples" in repr(generators(3)[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard": (0, 4), "batch_size": 6}, "cannot be cut into 4 equal parts. Give 4 or 8."),
        ({"shard": (0, 8), "batch_size": 6}, "Give 8."),
        ({"shard": (2, 2)}, "rank=2 was given; it must be a whole number from 0 to 1"),
        ({"shard": (0, 0)}, "world=0"),
        ({"shard": 3}, "it must be (rank, world)"),
        ({"shard": "automatic"}, "or 'auto'"),
        ({"shard": (0, 2), "remainder": "keep"}, "wait for one another for ever"),
        ({"remainder": "padded"}, "Did you mean 'pad'"),
        ({"remainder": "pad", "drop_remainder": True}, "beside drop_remainder=True"),
        ({"shard": (0, 2), "batch_size": 64}, "or remainder='pad'"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(options, message):
    with pytest.raises(ConfigError) as caught:
        penstock.make_generator((X, X), **{"batch_size": 6, **options})
    assert message in str(caught.value)


# -- who this process is ---------------------------------------------------------------


class Said:
    """A library that says which process this is."""

    def __init__(self, monkeypatch):
        for name in ("RANK", "WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("ray.train", "jax", "torch.distributed"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        self._patch = monkeypatch

    def ray(self, rank, world):
        context = types.SimpleNamespace(get_world_rank=lambda: rank, get_world_size=lambda: world)
        module = types.SimpleNamespace(get_context=lambda: context)
        self._patch.setitem(sys.modules, "ray.train", module)

    def jax(self, rank, world, *, initialized=True):
        module = types.SimpleNamespace(
            distributed=types.SimpleNamespace(is_initialized=lambda: initialized),
            process_index=lambda: rank,
            process_count=lambda: world,
        )
        self._patch.setitem(sys.modules, "jax", module)

    def torch(self, rank, world):
        module = types.SimpleNamespace(
            is_initialized=lambda: True, get_rank=lambda: rank, get_world_size=lambda: world
        )
        self._patch.setitem(sys.modules, "torch.distributed", module)

    def environment(self, rank, world):
        self._patch.setenv("RANK", str(rank))
        self._patch.setenv("WORLD_SIZE", str(world))


@pytest.fixture
def said(monkeypatch):
    return Said(monkeypatch)


@pytest.mark.parametrize("library", ["ray", "jax", "torch", "environment"])
def test_auto_takes_what_a_library_says(said, library):
    getattr(said, library)(1, 3)
    made = penstock.make_generator((X, X), batch_size=6, shard="auto")
    assert made._batches.order.shard == (1, 3)


def test_auto_is_all_of_it_where_there_is_one_process(said):
    said.jax(0, 1, initialized=False)
    assert penstock.make_generator((X, X), shard="auto")._batches.order.shard == (0, 1)


def test_two_that_agree_are_believed_and_two_that_do_not_are_refused(said):
    said.ray(1, 2)
    said.jax(1, 2)
    said.environment(1, 2)
    assert worlds_at_hand().keys() == {"Ray Train", "keras.distribution", "torch"}
    assert penstock.make_generator((X, X), batch_size=6, shard="auto")._batches.order.shard == (
        1,
        2,
    )
    said.jax(0, 2)
    with pytest.raises(ConfigError) as caught:
        penstock.make_generator((X, X), shard="auto")
    assert "Ray Train says rank 1 of 2; keras.distribution says rank 0 of 2" in str(caught.value)


def test_a_world_that_nobody_shards_is_warned_about_unless_that_is_meant(said):
    said.environment(0, 2)
    with pytest.warns(UserWarning, match="process 0 of 2, and nobody shares the samples out"):
        made = penstock.make_generator((X, X))
    assert made._batches.order.shard == (0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        penstock.make_generator((X, X), shard=(0, 1))
        penstock.make_generator((X, X), batch_size=6, shard="auto")


@pytest.mark.parametrize(("rank", "world"), [("", "2"), ("x", "2"), ("2", "2"), ("-1", "2")])
def test_an_environment_that_means_nothing_is_left_alone(said, rank, world):
    said.environment(rank, world)
    assert worlds_at_hand() == {}


def test_a_process_outside_of_training_is_no_worker(said, monkeypatch):
    def refuse():
        raise RuntimeError("cannot be used outside of a Ray Train training function")

    monkeypatch.setitem(sys.modules, "ray.train", types.SimpleNamespace(get_context=refuse))
    assert worlds_at_hand() == {}
