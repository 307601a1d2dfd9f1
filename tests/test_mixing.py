"""mixup: what is mixed with what, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

import penstock
from penstock import ArraySpec, Batch, Draws, MixUp
from penstock.errors import ConfigError
from penstock.testing import AugmenterConformance
from penstock_images import ImageFiles


class TestMixUp(AugmenterConformance):
    entry_point = "mixup"
    changes_targets = True

    def make(self):
        return MixUp(alpha=1.0)


def batch_of(x, y, weight=None, seed=0, **specs):
    draws = Draws(seed, 0, np.arange(len(x)))
    return Batch({"x": x.copy()}, {"y": y.copy()}, weight, draws, **specs)


def numbered(count, dtype=np.float32):
    """Samples that say who they are: sample i is all i, its one-hot label too."""
    x = np.repeat(np.arange(count, dtype=dtype)[:, None], 5, 1)
    return x, np.eye(count, dtype=np.float32)


@given(st.integers(0, 40), st.integers(0, 2**32), st.data())
def test_partners_go_round_and_leave_out_whoever_weighs_nothing(count, seed, data):
    weight = np.array(
        data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=count, max_size=count))
    )
    batch = Batch({}, {}, weight.astype(np.float32), Draws(seed, 0, np.arange(count)))

    partners = batch.partners()

    assert sorted(partners) == list(range(count))
    live = np.flatnonzero(weight)
    dead = np.flatnonzero(weight == 0)
    assert (partners[dead] == dead).all()
    if len(live) > 1:
        assert (partners[live] != live).all()


def test_who_meets_whom_depends_on_seed_epoch_and_samples_alone():
    def pairs(numbers, seed=3, epoch=1):
        partners = Batch({}, {}, None, Draws(seed, epoch, np.array(numbers))).partners()
        return {
            (number, numbers[partner]) for number, partner in zip(numbers, partners, strict=True)
        }

    first = pairs([4, 8, 15, 16, 23, 42])
    assert pairs([42, 16, 8, 4, 23, 15]) == first
    assert pairs([4, 8, 15, 16, 23, 42], epoch=2) != first
    assert pairs([4, 8, 15, 16, 23, 42], seed=4) != first


@given(st.integers(1, 30), st.sampled_from([0.1, 0.4, 1.0, 5.0]), st.integers(0, 2**32))
@settings(deadline=None)
def test_samples_and_targets_are_mixed_in_the_same_shares(count, alpha, seed):
    x, y = numbered(count)
    weight = np.linspace(0.5, 2, count, dtype=np.float32)
    batch = batch_of(x, y, weight.copy(), seed)

    MixUp(alpha=alpha).augment_batch(batch)

    mixed = batch.targets["y"]
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-5)
    assert (np.count_nonzero(mixed, axis=1) <= 2).all()
    np.testing.assert_allclose(batch.inputs["x"], mixed @ x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(batch.sample_weight, mixed @ weight, rtol=1e-4)


def test_shares_are_drawn_from_a_beta_distribution():
    drawn = Draws(1, 2, np.arange(20_000))
    for a, b in ((0.2, 0.2), (1.0, 1.0), (4.0, 2.0)):
        share = drawn.beta(a, b)
        assert ((share >= 0) & (share <= 1)).all()
        expected = np.random.default_rng(0).beta(a, b, 20_000)
        # The Kolmogorov-Smirnov distance of two samples of this size is below this, mostly.
        places = np.linspace(0.001, 0.999, 200)
        distance = np.abs(
            np.searchsorted(np.sort(share), places) - np.searchsorted(np.sort(expected), places)
        ).max()
        assert distance / 20_000 < 0.02
    assert np.isfinite(drawn.beta(1e-6, 1e-6)).all()


def test_a_probability_leaves_the_other_samples_as_they_are():
    x, y = numbered(400)
    batch = batch_of(x, y)

    MixUp(alpha=5.0, probability=0.25).augment_batch(batch)

    kept = (batch.inputs["x"] == x).all(axis=1)
    assert 250 < np.count_nonzero(kept) < 350
    assert (batch.targets["y"][kept] == y[kept]).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float64"])
def test_images_of_whole_numbers_are_rounded(dtype):
    x = np.stack([np.full((3, 4, 3), 200 * number, dtype) for number in (0, 1)])
    batch = batch_of(x, np.eye(2, dtype=np.float32))

    MixUp(alpha=50.0).augment_batch(batch)

    first, second = batch.inputs["x"][:, 0, 0, 0].tolist()
    shares = batch.targets["y"]
    assert 0 < first < 200
    assert 0 < second < 200
    assert abs(first - 200 * shares[0, 1]) <= 0.51
    assert batch.inputs["x"].dtype == dtype


def test_a_batch_of_one_stays_as_it_is():
    x, y = numbered(1)
    batch = batch_of(x + 7, y)
    MixUp().augment_batch(batch)
    assert (batch.inputs["x"] == 7).all()
    assert (batch.targets["y"] == 1).all()


# Of real files, through the generator


@pytest.fixture
def table(tmp_path):
    rows = []
    for number in range(10):
        name = f"{number}.png"
        Image.fromarray(np.full((6, 6, 3), 25 * number, np.uint8)).save(tmp_path / name)
        Image.fromarray(np.full((6, 6), number % 3, np.uint8)).save(tmp_path / f"m{name}")
        rows.append((name, f"m{name}", "abc"[number % 3], number % 2))
    frame = pd.DataFrame(rows, columns=["path", "mask", "label", "sex"])
    return tmp_path, frame


def generator(table, **options):
    root, frame = table
    given = {"x_col": "path", "y_col": "label", "image_size": (6, 6), "root": root, "seed": 5}
    return penstock.make_generator(
        frame, **{"augment": "mixup", "batch_size": 4, **given, **options}
    )


def test_any_number_of_threads_gives_the_same_bytes(table):
    batches = [
        [
            [part.tobytes() for part in batch]
            for _ in range(2)
            for batch in generator(table, workers=workers)
        ]
        for workers in (0, 1, 3)
    ]
    assert batches[0] == batches[1] == batches[2]
    plain = [batch[0].tobytes() for batch in generator(table, augment=None)]
    assert all(first[0] != second for first, second in zip(batches[0], plain, strict=False))


def test_the_short_last_batch_is_mixed_within_itself(table):
    x, y = generator(table)[2]
    assert len(x) == len(y) == 2
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_validation_is_not_mixed(table):
    train, val = generator(table).split(0.5, 0.5)
    assert set(np.unique(val[0][1])) == {0.0, 1.0}
    assert len(np.unique(train[0][1])) > 2


def test_a_sample_that_is_masked_leaks_into_none(table):
    (table[0] / "3.png").write_bytes(b"broken")
    masked = generator(
        table, y_col="path", on_error="mask", batch_size=10, augment=MixUp(alpha=2.0)
    )
    x, y, weight = masked[0]
    live = weight > 0
    assert np.count_nonzero(live) == 9
    np.testing.assert_allclose(weight[live], 1)
    assert not x[~live].any()
    assert y[~live].tolist() == [np.eye(10)[3].tolist()]
    assert not y[live, 3].any()
    np.testing.assert_allclose(x[live, 0, 0, 0], 25 * y[live] @ np.arange(10), rtol=1e-4)


def test_weights_of_several_targets_are_mixed_as_the_targets_are(table):
    root, frame = table
    made = penstock.make_generator(
        frame,
        inputs={"image": ImageFiles(column="path", image_size=(6, 6))},
        targets={
            "kind": penstock.Categorical(column="label"),
            "sex": penstock.Categorical(column="sex"),
        },
        class_weight={"kind": {"a": 1.0, "b": 2.0, "c": 5.0}, "sex": {0: 1.0, 1: 3.0}},
        augment=MixUp(alpha=2.0),
        root=root,
        seed=0,
        batch_size=10,
    )
    _, y, weight = made[0]
    np.testing.assert_allclose(weight["kind"], y["kind"] @ [1.0, 2.0, 5.0], rtol=1e-5)
    np.testing.assert_allclose(weight["sex"], y["sex"] @ [1.0, 3.0], rtol=1e-5)


def test_arrays_of_the_user_are_never_written_to():
    x, y = numbered(8)
    before = x.copy(), y.copy()
    sequence = penstock.make_generator((x, y), augment="mixup", batch_size=4, seed=0)
    assert len(list(sequence)) == 2
    assert (x == before[0]).all()
    assert (y == before[1]).all()


def test_what_an_encoder_keeps_is_never_written_to(table):
    kept = np.eye(3, dtype=np.float32)[[0] * 10]

    class Stubborn:
        @penstock.hookimpl
        def encode_labels(self, labels):
            return kept[: len(labels)]

    before = kept.copy()
    list(generator(table, encoder=Stubborn(), augment=MixUp(alpha=1.0)))
    assert (kept == before).all()


def test_a_cache_keeps_samples_unmixed(table):
    cached, plain = generator(table, cache="memory"), generator(table)
    for _ in range(3):
        for found, expected in zip(cached, plain, strict=True):
            assert (found[0] == expected[0]).all()
            assert (found[1] == expected[1]).all()


# What is refused


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"alpha": 0}, "above 0"),
        ({"alpha": -1.0}, "above 0"),
        ({"alpha": float("nan")}, "above 0"),
        ({"alpha": float("inf")}, "above 0"),
        ({"alpha": "much"}, "above 0"),
        ({"probability": 1.5}, "from 0 to 1"),
    ],
)
def test_options_that_cannot_work_are_refused(options, wanted):
    with pytest.raises(ConfigError, match=wanted):
        MixUp(**options)


def test_class_numbers_cannot_be_mixed(table):
    with pytest.raises(ConfigError, match='"categorical"') as caught:
        generator(table, encoder="int")[0]
    assert "categorical_crossentropy" in str(caught.value)


def test_inputs_of_whole_numbers_or_text_cannot_be_mixed():
    tokens = np.arange(12).reshape(4, 3)
    with pytest.raises(ConfigError, match="'x' is int"):
        penstock.make_generator((tokens, np.eye(4, dtype="f4")), augment="mixup")[0]
    text = pd.DataFrame({"words": list("abcd"), "label": list("xxyy")})
    with pytest.raises(ConfigError, match="mixup mixes values"):
        penstock.make_generator(
            text, inputs={"words": penstock.Columns("words")}, y_col="label", augment="mixup"
        )[0]


def test_masks_of_class_numbers_are_refused_until_their_values_can_be_mixed(table):
    root, frame = table

    def masked(augment, dtype, **options):
        options = {"image_size": (6, 6), **options}
        mask = ImageFiles(column="mask", color_mode="grayscale", dtype=dtype, **options)
        return penstock.make_generator(
            frame,
            inputs={"image": ImageFiles(column="path", **options)},
            targets={"mask": mask},
            root=root,
            augment=augment,
            batch_size=4,
            seed=0,
        )

    with pytest.raises(ConfigError, match="Use cutmix"):
        masked("mixup", "float32")[0]
    with pytest.raises(ConfigError, match="Use cutmix"):
        masked("mixup", "float32", data_format="channels_first")[0]
    with pytest.raises(ConfigError, match="float32"):
        masked(MixUp(mix_masks=True), "uint8")[0]
    _, y = masked(MixUp(alpha=5.0, mix_masks=True), "float32")[0]
    assert (y["mask"] % 1).any()


def test_boxes_cannot_be_mixed():
    boxes = ArraySpec((2, 4), "float32", coordinates="xyxy")
    x, y = np.zeros((3, 4, 4, 3), np.float32), np.zeros((3, 2, 4), np.float32)
    with pytest.raises(ConfigError, match="boxes"):
        MixUp().augment_batch(batch_of(x, y, target_specs={"y": boxes}))
