"""Augmenters that follow one another are one: the same changes, over the pixels once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import penstock
from penstock.draws import Draws
from penstock_images import Brightness, Contrast, Flip, Rotate, Shear, Shift, Zoom
from penstock_images.moving import FILL_MODES

FIVE = [
    Flip(mode="horizontal_and_vertical"),
    Rotate(factor=0.1),
    Shift(height_factor=0.2, width_factor=0.2),
    Shear(x_factor=0.2, y_factor=0.2),
    Zoom(height_factor=0.2, width_factor=0.3),
]
STILL = [
    Rotate(factor=0.0),
    Shift(height_factor=0.0, width_factor=0.0),
    Shear(x_factor=0.0, y_factor=0.0),
    Zoom(height_factor=0.0),
]
# How exactly OpenCV knows a place between two pixels, far outside: 5 calculates in float32; 4
# in 32nds of a pixel.
COORDINATES = 5e-4 if cv2.__version__ >= "5" else 1 / 32
DTYPES = ["uint8", "uint16", "float32", "int32", "float64"]


def fused(augmenters):
    return reduce(lambda first, second: first.fuse_with(second), augmenters)


def one_by_one(augmenters, batch):
    """Call each by itself, with the draws of its place."""
    draws = batch.draws
    for stream, each in enumerate(augmenters):
        batch.draws = Draws(draws._seed, draws._epoch, draws._numbers, stream)
        each.augment_samples(batch)


def images(count=6, size=(20, 24), channels=3, dtype="uint8"):
    values = np.random.default_rng(0).random((count, *size, channels))
    return (values * (65535 if dtype == "uint16" else 255)).astype(dtype)


# What augmenters mean, written down as plainly as can be


def source_of(augmenter, unit, x, y, size):
    """Return the place in the image from which (x, y) of the result is taken."""
    height, width = size
    cx, cy = (width - 1) / 2, (height - 1) / 2

    def spread(number, factor):
        low, high = factor if isinstance(factor, tuple) else (-factor, factor)
        return low + (high - low) * number

    if isinstance(augmenter, Flip):
        up = unit[0] < 0.5 and "vertical" in augmenter.mode
        left = unit[1] < 0.5 and "horizontal" in augmenter.mode
        return (width - 1 - x if left else x), (height - 1 - y if up else y)
    if isinstance(augmenter, Rotate):
        angle = 2 * np.pi * spread(unit[0], augmenter.factor)
        dx, dy = x - cx, y - cy
        return (
            cx + np.cos(angle) * dx - np.sin(angle) * dy,
            cy + np.sin(angle) * dx + np.cos(angle) * dy,
        )
    if isinstance(augmenter, Zoom):
        tall = wide = 1 + spread(unit[0], augmenter.height_factor)
        if augmenter.width_factor is not None:
            wide = 1 + spread(unit[1], augmenter.width_factor)
        return cx + wide * (x - cx), cy + tall * (y - cy)
    if isinstance(augmenter, Shear):
        sign = 1 if unit[2] < 0.5 else -1
        down = sign * spread(unit[0], augmenter.y_factor)
        right = sign * spread(unit[1], augmenter.x_factor)
        return x + right * y, y + down * x
    assert isinstance(augmenter, Shift)
    down, right = spread(unit[0], augmenter.height_factor), spread(unit[1], augmenter.width_factor)
    return x - right * width, y - down * height


def place(index, length, mode):
    """Return where an index beyond an axis is taken from; -1 for the fill value."""
    if mode == "constant":
        return np.where((index < 0) | (index >= length), -1, index)
    if mode == "nearest":
        return np.clip(index, 0, length - 1)
    if mode == "wrap":
        return index % length
    folded = index % (2 * length)
    return np.where(folded >= length, 2 * length - 1 - folded, folded)


def pixels(image, x, y, mode, value):
    rows, columns = place(y, image.shape[0], mode), place(x, image.shape[1], mode)
    found = image[rows, columns].astype(np.float64)
    found[(rows < 0) | (columns < 0)] = value
    return found


def moved(augmenters, image, place_in_list, seed, *, nearest=False):
    """Return an image moved by all augmenters, and how near its pixels are to a tie."""
    size = image.shape[:2]
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    for stream in reversed(range(len(augmenters))):
        drawn = Draws(seed, 0, np.array([place_in_list]), stream).uniform(size=3)[0]
        x, y = source_of(augmenters[stream], drawn, x, y, size)
    filling = next((each for each in augmenters if not isinstance(each, Flip)), Rotate())
    mode, value = filling.fill_mode, filling.mask_value if nearest else filling.fill_value
    if nearest:
        tie = np.minimum(abs(x % 1 - 0.5), abs(y % 1 - 0.5))
        return pixels(image, np.rint(x).astype(int), np.rint(y).astype(int), mode, value), tie
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = (x - left)[..., None], (y - top)[..., None]
    above = (1 - right) * pixels(image, left, top, mode, value)
    above += right * pixels(image, left + 1, top, mode, value)
    below = (1 - right) * pixels(image, left, top + 1, mode, value)
    below += right * pixels(image, left + 1, top + 1, mode, value)
    return (1 - down) * above + down * below, None


@st.composite
def geometric(draw):
    """Draw some augmenters that move pixels, all with the same filling."""
    filling = {"fill_mode": draw(st.sampled_from(FILL_MODES)), "fill_value": 7.0}
    if filling["fill_mode"] == "constant":
        filling["mask_value"] = 3.0

    def factor(low, high):
        bounds = st.floats(low, high)
        return draw(st.tuples(bounds, bounds).map(sorted).map(tuple))

    def one(kind):
        if kind is Flip:
            return Flip(mode=draw(st.sampled_from(["vertical", "horizontal_and_vertical"])))
        if kind is Rotate:
            return Rotate(factor=factor(-1, 1), **filling)
        if kind is Zoom:
            wide = factor(-0.9, 1) if draw(st.booleans()) else None
            return Zoom(height_factor=factor(-0.9, 1), width_factor=wide, **filling)
        if kind is Shear:
            return Shear(x_factor=factor(0, 1), y_factor=factor(0, 1), **filling)
        return Shift(height_factor=factor(-1, 1), width_factor=factor(-1, 1), **filling)

    kinds = st.lists(st.sampled_from([Flip, Rotate, Zoom, Shear, Shift]), min_size=2, max_size=5)
    return [one(kind) for kind in draw(kinds)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    augmenters=geometric(),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    channels=st.sampled_from([1, 3, 4, 7]),
    size=st.sampled_from([(20, 24), (31, 9)]),
    seed=st.integers(0, 2**32),
)
def test_all_together_do_what_their_matrices_multiply_to(
    augmenters, dtype, channels, size, seed, batch_of
):
    start = images(2, size, channels, dtype)
    batch = batch_of(start.copy(), start.copy(), seed=seed)
    largest = 65535 if dtype == "uint16" else 255
    rounding = 0.5 if dtype != "float32" else 0.0

    fused(augmenters).augment_samples(batch)

    for at, image in enumerate(start):
        expected, _ = moved(augmenters, image, at, seed)
        error = np.abs(batch.inputs["x"][at] - expected)
        assert error.max() <= rounding + largest * COORDINATES
        mask, tie = moved(augmenters, image, at, seed, nearest=True)
        sure = tie > 1e-3
        assert np.array_equal(batch.targets["mask"][at][sure], mask[sure])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("active", FIVE, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("at", [0, 2, 4])
def test_one_among_others_that_do_nothing_gives_the_bytes_it_gives_alone(
    active, at, channels, dtype, batch_of
):
    augmenters = [*STILL[:at], active, *STILL[at:]]
    together, alone = (
        batch_of(images(channels=channels, dtype=dtype), images(channels=1)) for _ in range(2)
    )

    fused(augmenters).augment_samples(together)
    one_by_one(augmenters, alone)

    assert np.array_equal(together.inputs["x"], alone.inputs["x"])
    assert np.array_equal(together.targets["mask"], alone.targets["mask"])
    assert not np.array_equal(together.inputs["x"], images(channels=channels, dtype=dtype))


@pytest.mark.parametrize(
    "augmenters",
    [
        [Rotate(), Shift(fill_mode="constant")],
        [Rotate(fill_mode="constant"), Shift(fill_mode="constant", fill_value=9)],
        [Rotate(), Zoom(interpolation="nearest")],
        [Rotate(), Brightness(factor=0.9), Shift()],
        [Brightness(factor=0.9), Brightness(factor=0.9, value_range=(0, 200))],
        [Brightness(), Zoom(), Contrast(factor=0.9), Flip()],
    ],
)
def test_what_cannot_be_done_at_once_is_done_one_after_the_other(augmenters, batch_of):
    together, alone = batch_of(images(), images()), batch_of(images(), images())

    fused(augmenters).augment_samples(together)
    one_by_one(augmenters, alone)

    assert np.array_equal(together.inputs["x"], alone.inputs["x"])
    assert np.array_equal(together.targets["mask"], alone.targets["mask"])


def test_flips_need_no_filling_and_a_value_is_none_but_for_constant(batch_of):
    augmenters = [
        Rotate(fill_mode="wrap"),
        Flip(),
        Shift(fill_mode="wrap", fill_value=3),
    ]

    assert len(fused(augmenters).runs) == 1
    assert len(fused([Flip(), Flip(), Zoom(fill_mode="constant", fill_value=1)]).runs) == 1
    assert Flip().fuse_with("a string") is None


def test_what_one_takes_away_the_next_can_bring_back(batch_of):
    right, left = (Shift(height_factor=0.0, width_factor=(f, f)) for f in (0.5, -0.5))
    batch = batch_of(images())

    fused([right, left]).augment_samples(batch)

    assert np.array_equal(batch.inputs["x"], images())


def test_image_and_mask_move_together(batch_of):
    spots = np.zeros((8, 30, 30, 1), np.uint8)
    spots[:, 8:18, 8:20] = 255
    batch = batch_of(np.repeat(spots, 3, axis=3), spots.copy())

    fused([*FIVE, Brightness(factor=0.1)]).augment_samples(batch)

    seen = batch.inputs["x"][..., :1] > 127
    assert (seen == (batch.targets["mask"] > 127)).mean() > 0.97
    assert not np.array_equal(batch.targets["mask"], spots)
    assert set(np.unique(batch.targets["mask"])) <= {0, 255}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_colours_are_changed_and_clipped_once(channels, dtype, batch_of):
    augmenters = [Brightness(factor=(0.5, 0.6)), Contrast(factor=0.5), Brightness(factor=-0.55)]
    start = images(channels=channels, dtype=dtype).astype(np.float64)
    batch = batch_of(images(channels=channels, dtype=dtype))
    top = {"uint16": 65535, "int32": 2**31 - 1}.get(dtype, 255)
    span = top + 2**31 if dtype == "int32" else top

    fused(augmenters).augment_samples(batch)

    unit = [Draws(0, 0, np.arange(6), stream).uniform() for stream in range(3)]
    first, gain, last = (
        (low + (high - low) * each)[:, None, None, None]
        for each, (low, high) in zip(unit, [(0.5, 0.6), (0.5, 1.5), (-0.55, 0.55)], strict=True)
    )
    brighter = start + first * span
    mean = brighter.mean(axis=(1, 2), keepdims=True)
    expected = np.clip((brighter - mean) * gain + mean + last * span, top - span, top)
    error = np.abs(batch.inputs["x"] - expected)
    assert error.max() <= (0.5 if dtype[0] in "ui" else 0.0) + 1e-6 * span


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("factor", [0.9, (0.1, 0.1), (-0.3, -0.1), (1.0, 1.0), (-1.0, -1.0)])
def test_bytes_are_brightened_as_numbers_are_rounded(factor, channels, batch_of):
    start = np.arange(256, dtype=np.uint8).repeat(channels).reshape(1, 4, 64, channels)
    batch = batch_of(start.copy())
    drawn = Draws(0, 0, np.arange(1)).uniform()[0]
    low, high = factor if isinstance(factor, tuple) else (-factor, factor)

    Brightness(factor=factor).augment_samples(batch)

    added = (low + (high - low) * drawn) * 255.0
    assert np.array_equal(batch.inputs["x"], np.clip(np.rint(start + added), 0, 255))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 7), max_size=3), seed=st.integers(0, 2**64 - 1))
def test_slices_and_threads_have_no_say(batch_of, cuts, seed):
    numbers = np.array([3, 1, 4, 1, 5, 9, 2])
    start = images(7)[[0, 1, 2, 1, 4, 5, 6]]
    whole, sliced = (batch_of(start.copy(), start.copy()) for _ in range(2))
    whole.draws = Draws(seed, 1, numbers)
    augmenter = fused([*FIVE, Brightness(), Contrast()])

    augmenter.augment_samples(whole)
    parts = [slice(*edges) for edges in pairwise([0, *sorted(cuts), 7])]

    def augment(part):
        batch = batch_of(
            sliced.inputs["x"][part],
            sliced.targets["mask"][part],
            seed=seed,
            epoch=1,
            numbers=numbers[part],
        )
        augmenter.augment_samples(batch)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(augment, parts))

    assert np.array_equal(whole.inputs["x"], sliced.inputs["x"])
    assert np.array_equal(whole.targets["mask"], sliced.targets["mask"])
    assert np.array_equal(whole.inputs["x"][1], whole.inputs["x"][3])


def test_a_generator_gives_the_same_pixels_for_any_batch_size_and_number_of_threads(tmp_path):
    names = [f"{number:02}.npy" for number in range(11)]
    for name, image in zip(names, images(11, (16, 18)), strict=True):
        np.save(tmp_path / name, image)
    seen = []
    for batch_size, workers in ((11, 0), (4, 1), (3, 3)):
        with penstock.make_generator(
            names,
            root=tmp_path,
            labels=list(range(11)),
            augment=[*FIVE, "brightness", "contrast"],
            shuffle=False,
            seed=5,
            batch_size=batch_size,
            workers=workers,
        ) as sequence:
            seen.append(np.concatenate([sequence[at][0] for at in range(len(sequence))]))

    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])
