"""Augmenters: what moves, what stays, and that only seed, epoch and sample decide."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from penstock.draws import Draws
from penstock_images import Brightness, Contrast, Flip, Rotate, Shear, Shift, Zoom
from penstock_images.geometry import flips, rotations, shifts
from penstock_images.moving import Filling, move

GEOMETRIC = [
    Flip(mode="horizontal_and_vertical"),
    Rotate(factor=0.3),
    Zoom(height_factor=0.4, width_factor=0.2),
    Shift(height_factor=0.3, width_factor=0.3, fill_mode="wrap"),
    Shear(x_factor=0.3, y_factor=0.2, fill_mode="nearest"),
]
COLOUR = [Brightness(factor=0.5), Contrast(factor=0.5)]
NOTHING = [
    Rotate(factor=0.0),
    Shear(x_factor=0.0, y_factor=0.0),
    Zoom(height_factor=0.0),
    Shift(height_factor=0.0, width_factor=0.0),
    Brightness(factor=0.0),
    Contrast(factor=0.0),
]
DTYPES = ["uint8", "uint16", "int16", "float16", "float32", "float64", "int32", "int64"]


def images(count=6, size=(20, 24), channels=3, dtype="uint8", seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (count, *size, channels))
    return values.astype(dtype)


def smooth(count=4, size=(40, 40), channels=1):
    wave = np.add.outer(np.arange(size[0]), np.arange(size[1])) * 2.0 + 40
    return np.repeat(np.repeat(wave[None, :, :, None], count, 0), channels, 3).astype(np.uint8)


@pytest.mark.parametrize("augmenter", GEOMETRIC + COLOUR, ids=lambda a: type(a).__name__)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cuts=st.lists(st.integers(0, 7), max_size=3),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 9),
)
def test_slices_get_what_the_whole_batch_gets(augmenter, batch_of, cuts, seed, epoch):
    numbers = np.array([3, 1, 4, 1, 5, 9, 2])
    start = images(7)[[0, 1, 2, 1, 4, 5, 6]]
    whole, sliced = start.copy(), start.copy()
    masks, sliced_masks = start.copy(), start.copy()

    augmenter.augment_samples(batch_of(whole, masks, seed=seed, epoch=epoch, numbers=numbers))
    edges = [0, *sorted(cuts), 7]
    for low, high in pairwise(edges):
        part = slice(low, high)
        augmenter.augment_samples(
            batch_of(
                sliced[part], sliced_masks[part], seed=seed, epoch=epoch, numbers=numbers[part]
            )
        )

    assert np.array_equal(whole, sliced)
    assert np.array_equal(masks, sliced_masks)
    assert np.array_equal(whole[1], whole[3])


@pytest.mark.parametrize("augmenter", GEOMETRIC + COLOUR, ids=lambda a: type(a).__name__)
def test_samples_and_epochs_differ(augmenter, batch_of):
    same = np.repeat(images(1), 16, axis=0)
    first, second = same.copy(), same.copy()

    augmenter.augment_samples(batch_of(first, epoch=0))
    augmenter.augment_samples(batch_of(second, epoch=1))

    assert len(np.unique(first.reshape(16, -1), axis=0)) >= 3
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("augmenter", GEOMETRIC + COLOUR, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4, 5, 9])
def test_any_dtype_and_number_of_channels_will_do(augmenter, dtype, channels, batch_of):
    start = images(channels=channels, dtype=dtype)
    batch = batch_of(start.copy(), start.copy())

    augmenter.augment_samples(batch)

    assert batch.inputs["x"].dtype == start.dtype
    assert batch.inputs["x"].shape == start.shape
    assert not np.array_equal(batch.inputs["x"], start)
    values = batch.inputs["x"].astype(np.float64)
    assert np.isfinite(values).all()
    if augmenter in GEOMETRIC:
        assert values.max() <= 255
        assert set(np.unique(batch.targets["mask"])) <= set(np.unique(start))


@pytest.mark.parametrize("augmenter", GEOMETRIC, ids=lambda a: type(a).__name__)
def test_channels_move_together(augmenter, batch_of):
    one = images(channels=1)
    many = np.repeat(one, 70, axis=3)

    augmenter.augment_samples(batch_of(one))
    augmenter.augment_samples(batch_of(many))

    assert np.array_equal(np.repeat(one, 70, axis=3), many)


@pytest.mark.parametrize("augmenter", NOTHING, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_no_strength_leaves_every_pixel_as_it_is(augmenter, dtype, batch_of):
    start = images(dtype=dtype) * (3 if dtype != "uint8" else 1)
    batch = batch_of(start.copy(), start.copy())

    augmenter.augment_samples(batch)

    assert np.array_equal(batch.inputs["x"], start)
    assert np.array_equal(batch.targets["mask"], start)


@pytest.mark.parametrize("augmenter", GEOMETRIC, ids=lambda a: type(a).__name__)
def test_image_and_mask_move_together(augmenter, batch_of):
    spots = np.zeros((8, 30, 30, 1), np.uint8)
    spots[:, 5:15, 8:20] = 255
    batch = batch_of(np.repeat(spots, 3, axis=3), spots.copy())

    augmenter.augment_samples(batch)

    seen = batch.inputs["x"][..., :1] > 127
    agreement = (seen == (batch.targets["mask"] > 127)).mean()
    assert agreement > 0.97
    assert not np.array_equal(batch.targets["mask"], spots)
    assert set(np.unique(batch.targets["mask"])) <= {0, 255}


def test_masks_of_another_size_move_by_the_same_fractions(batch_of):
    large = np.zeros((8, 60, 60, 1), np.uint8)
    large[:, 12:36, 12:24] = 255
    small = large[:, ::2, ::2].copy()

    Shift(height_factor=0.3, width_factor=0.3).augment_samples(batch_of(large, small))

    assert (large[:, ::2, ::2] == small).mean() > 0.97


@pytest.mark.parametrize("augmenter", COLOUR, ids=lambda a: type(a).__name__)
def test_colours_of_masks_stay(augmenter, batch_of):
    masks = images(channels=1)

    augmenter.augment_samples(batch_of(images(), masks))

    assert np.array_equal(masks, images(channels=1))


@pytest.mark.parametrize("augmenter", GEOMETRIC + COLOUR, ids=lambda a: type(a).__name__)
def test_what_is_no_image_is_left_alone(augmenter, batch_of):
    others = {
        "vector": np.arange(12.0).reshape(6, 2),
        "volume": np.arange(6 * 16.0).reshape(6, 2, 2, 2, 2),
        "words": np.full((6, 1, 1, 1), "a", dtype=object),
    }
    batch = batch_of(images())
    batch.inputs.update({name: value.copy() for name, value in others.items()})

    augmenter.augment_samples(batch)

    for name, value in others.items():
        assert np.array_equal(batch.inputs[name], value)


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        ("horizontal", [(1, 1), (1, -1)]),
        ("vertical", [(1, 1), (-1, 1)]),
        ("horizontal_and_vertical", [(1, 1), (1, -1), (-1, 1), (-1, -1)]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_flips_mirror_and_do_nothing_else(mode, allowed, dtype, batch_of):
    start = images(64, (5, 7), dtype=dtype) if dtype != "bool" else images(64, (5, 7)) > 99
    flipped = start.copy()

    Flip(mode=mode).augment_samples(batch_of(flipped))

    seen = set()
    for before, after in zip(start, flipped, strict=True):
        found = [(v, h) for v, h in allowed if np.array_equal(after, before[::v, ::h])]
        assert found
        seen.update(found)
    assert seen == set(allowed)


def test_flips_as_matrices_are_the_same_flips(batch_of):
    flip = Flip(mode="horizontal_and_vertical")
    start = images(16)
    flipped, warped = start.copy(), start.copy()

    flip.augment_samples(batch_of(flipped))
    change = flip.change(Draws(0, 0, np.arange(16)).uniform(size=2), 20, 24)
    change[:, 0, 1] = 1e-12  # hardly a change, and no flip to look at
    move(warped, change, Filling("constant"))

    assert np.array_equal(flipped, warped)
    assert flips(np.array([False]), np.array([False]))[0].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_positive_angle_turns_counter_clockwise():
    start = images(1, (21, 21))
    turned = start.copy()

    move(turned, rotations(np.array([0.25])), Filling("constant", interpolation="nearest"))

    assert np.array_equal(turned[0], np.rot90(start[0]))


@pytest.mark.parametrize(
    ("layer", "ours"),
    [
        ("RandomRotation", lambda x: Rotate(factor=(x / 3, x / 3))),
        ("RandomZoom", lambda x: Zoom(height_factor=(x, x))),
        ("RandomZoom", lambda x: Zoom(height_factor=(-x, -x))),
        ("RandomTranslation", lambda x: Shift(height_factor=(x, x), width_factor=(-x, -x))),
        ("RandomBrightness", lambda x: Brightness(factor=(x, x))),
        ("RandomBrightness", lambda x: Brightness(factor=(-x, -x))),
    ],
)
def test_options_mean_what_they_mean_in_keras(layer, ours, batch_of):
    import keras

    augmenter = ours(0.2)
    given = {
        name: getattr(augmenter, name)
        for name in ("factor", "height_factor", "width_factor")
        if hasattr(augmenter, name)
    }
    start = smooth()
    theirs = np.asarray(
        getattr(keras.layers, layer)(**given)(start.astype("float32"), training=True)
    )
    changed = start.copy()

    augmenter.augment_samples(batch_of(changed))

    difference = np.abs(changed.astype(float) - theirs)
    assert np.abs(start.astype(float) - theirs).mean() > 4
    assert np.median(difference) <= 1
    assert difference.mean() < 1.5


def test_contrast_stretches_about_the_mean_of_a_channel(batch_of):
    start = images(3, dtype="float64")
    changed = start.copy()
    batch = batch_of(changed)

    Contrast(factor=(0.5, 0.0), value_range=(-1e9, 1e9)).augment_samples(batch)

    mean = start.mean(axis=(1, 2), keepdims=True)
    assert np.allclose(changed.mean(axis=(1, 2), keepdims=True), mean)
    gains = (changed - mean) / (start - mean)
    assert np.allclose(gains, gains[:, :1, :1, :1])
    assert (gains >= 0.5).all()
    assert (gains < 1.0).all()


@pytest.mark.parametrize("augmenter", [Brightness(factor=0.4), Contrast(factor=0.9)])
def test_bytes_agree_with_floats_and_are_clipped(augmenter, batch_of):
    as_bytes, as_floats = images(8), images(8).astype(np.float32)

    augmenter.augment_samples(batch_of(as_bytes))
    augmenter.augment_samples(batch_of(as_floats))

    assert np.abs(as_bytes - as_floats).max() <= 0.501
    assert as_floats.min() == 0
    assert as_floats.max() == 255


def test_the_value_range_scales_brightness(batch_of):
    unit = images(8).astype(np.float64) / 255
    full = images(8).astype(np.float64)

    Brightness(value_range=(0, 1)).augment_samples(batch_of(unit))
    Brightness().augment_samples(batch_of(full))

    assert np.allclose(unit * 255, full)


def test_outside_is_filled_as_asked(batch_of):
    start = images(1, (8, 8), dtype="float32") + 1
    filled = {}
    for mode in ("constant", "nearest", "reflect", "wrap"):
        moved = start.copy()
        move(moved, shifts(np.array([0.0]), np.array([-4.0])), Filling(mode, 7.0))
        assert np.array_equal(moved[0, 4:], start[0, :4])
        filled[mode] = moved[0, :4]

    assert (filled["constant"] == 7).all()
    assert (filled["nearest"] == start[0, 0]).all()
    assert np.array_equal(filled["reflect"], start[0, 3::-1])
    assert np.array_equal(filled["wrap"], start[0, 4:])


def test_shifts_are_fractions_of_height_and_width(batch_of):
    start = images(2, (8, 20))
    moved = start.copy()

    Shift(height_factor=(0.25, 0.25), width_factor=(-0.5, -0.5), fill_mode="wrap").augment_samples(
        batch_of(moved)
    )

    assert np.array_equal(moved, np.roll(start, (2, -10), axis=(1, 2)))


def test_shifts_down_and_right_are_drawn_apart():
    drawn = Draws(0, 0, np.arange(500)).uniform(size=2)
    change = Shift(height_factor=(0.0, 1.0), width_factor=(0.0, 1.0)).change(drawn, 10, 10)

    assert abs(np.corrcoef(change[:, :, 2].T)[0, 1]) < 0.2


def test_whole_numbers_are_rounded_and_not_cut(batch_of):
    whole = images(4, dtype="int32")
    exact = whole.astype(np.float64)

    Rotate(factor=0.2).augment_samples(batch_of(whole))
    Rotate(factor=0.2).augment_samples(batch_of(exact))

    assert np.array_equal(whole, np.rint(exact))


def test_without_a_width_factor_the_aspect_ratio_stays():
    drawn = Draws(0, 0, np.arange(50)).uniform(size=2)
    kept = Zoom(height_factor=0.5).change(drawn, 10, 20)
    free = Zoom(height_factor=0.5, width_factor=0.5).change(drawn, 10, 20)

    assert np.array_equal(kept[:, 0, 0], kept[:, 1, 1])
    assert np.array_equal(kept[:, 1, 1], free[:, 1, 1])
    assert not np.array_equal(free[:, 0, 0], free[:, 1, 1])


def test_images_are_slanted_as_keras_slants_them(batch_of):
    import keras

    start = smooth(12)
    layer = keras.layers.RandomShear(x_factor=(0.3, 0.3), y_factor=(0.1, 0.1), seed=1)
    theirs = np.asarray(layer(start.astype("float32"), training=True))
    ours = start.copy()

    Shear(x_factor=(0.3, 0.3), y_factor=(0.1, 0.1)).augment_samples(batch_of(ours))

    # Either way, by chance, and both ways among twelve.
    distance = np.abs(ours[:, None].astype(float) - theirs[None]).mean(axis=(2, 3, 4))
    assert (distance.min(axis=1) < 1.5).all()
    assert (distance.min(axis=0) < 1.5).all()
    assert (distance.max(axis=1) > 4).all()


def test_the_number_of_draws_does_not_depend_on_the_data(batch_of):
    for augmenter in GEOMETRIC + COLOUR:
        after = []
        for batch in (batch_of(images(6)), batch_of(np.zeros((6, 3, 3, 1), np.float32))):
            augmenter.augment_samples(batch)
            after.append(batch.draws.uniform())
        assert np.array_equal(*after)
