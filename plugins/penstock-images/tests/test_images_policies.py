"""RandAugment and TrivialAugment: single operations against Pillow's, and the policies whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageEnhance, ImageOps

import penstock
from penstock.batch import Batch
from penstock.draws import Draws
from penstock.errors import ConfigError
from penstock_images import RandAugment, TrivialAugment
from penstock_images.operations import COLOURS
from penstock_images.policies import OPERATIONS
from penstock_images.steps import Step, Strengths, amount_of, colour_value, matrix

LEVELS = (0.0, 0.1, 0.3, 0.5, 0.77, 1.0)
RANDOM = Strengths(0.3, 30.0, 0.9, 4, 150 / 331, 0.0)
WIDE = Strengths(0.99, 135.0, 0.99, 6, 0.0, 32.0)
IN_PILLOW = {
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "solarize": ImageOps.solarize,
    "posterize": lambda image, value: ImageOps.posterize(image, int(value)),
    "brightness": lambda image, value: ImageEnhance.Brightness(image).enhance(value),
    "contrast": lambda image, value: ImageEnhance.Contrast(image).enhance(value),
    "color": lambda image, value: ImageEnhance.Color(image).enhance(value),
    "sharpness": lambda image, value: ImageEnhance.Sharpness(image).enhance(value),
}
# Pillow cuts fractions off; and a gray image is rounded before it is blended in.
APART = {"equalize": 0, "posterize": 0, "solarize": 0, "color": 2}


def noise(channels=3, seed=0, low=0, high=256, size=(23, 31)):
    return np.random.default_rng(seed).integers(low, high, (*size, channels), dtype=np.uint8)


def pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def batch_of(images, seed=0, epoch=0, numbers=None, **targets):
    numbers = np.arange(len(images)) if numbers is None else numbers
    return Batch({"x": images}, targets, None, Draws(seed, epoch, numbers))


def test_the_operations_are_those_of_the_papers():
    assert len(OPERATIONS) == len(set(OPERATIONS)) == 14
    assert set(IN_PILLOW) == set(COLOURS)


@pytest.mark.parametrize("name", sorted(COLOURS))
@pytest.mark.parametrize("strengths", [RANDOM, WIDE], ids=["rand", "wide"])
@pytest.mark.parametrize("channels", [1, 3])
def test_colours_change_as_in_pillow(name, strengths, channels, photo):
    for image in (
        noise(channels),
        noise(channels, low=60, high=130),
        np.full((9, 8, channels), 77, np.uint8),
        np.ascontiguousarray(photo[:60, :90, :channels]),
    ):
        for level in LEVELS:
            for sign in (-1.0, 1.0):
                value = colour_value(Step(name, level, sign), strengths)
                wanted = np.asarray(IN_PILLOW[name](pillow(image), value)).reshape(image.shape)
                found = image.copy()
                COLOURS[name](found, value)
                apart = np.abs(found.astype(int) - wanted)
                assert apart.max() <= APART.get(name, 1), (level, sign)


@pytest.mark.parametrize("name", sorted(COLOURS))
@pytest.mark.parametrize("channels", [2, 4, 7])
def test_any_number_of_channels_will_do(name, channels):
    image = noise(channels)
    COLOURS[name](image, colour_value(Step(name, 0.7, 1.0), RANDOM))
    assert image.shape == (23, 31, channels)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (3, 3)])
@pytest.mark.parametrize("name", sorted(COLOURS))
def test_tiny_images_will_do(name, size):
    image = noise(size=size)
    wanted = np.asarray(IN_PILLOW[name](pillow(image), 1.0))
    COLOURS[name](image, 1.0)
    assert np.abs(image.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("strengths", [RANDOM, WIDE], ids=["rand", "wide"])
@pytest.mark.parametrize("level", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_pixels_move_as_in_pillow(name, sign, level, strengths):
    ramp = np.add.outer(np.arange(60) * 1.5, np.arange(80) * 1.2) + 20
    image = ramp.astype(np.uint8)
    amount = amount_of(Step(name, level, sign), strengths, (80, 60))
    given = {
        "shear_x": (1, amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, amount * 80, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, amount * 60),
    }
    if name == "rotate":
        wanted = Image.fromarray(image).rotate(amount, Image.Resampling.BILINEAR)
    else:
        wanted = Image.fromarray(image).transform(
            (80, 60), Image.Transform.AFFINE, given[name], Image.Resampling.BILINEAR
        )
    expected = np.asarray(wanted).astype(int)
    found = image[None, :, :, None].copy()
    # Pillow blends nothing with what is filled in.
    policy = RandAugment(fill_mode="nearest")
    policy._change(batch_of(found), [Step(name, level, sign)], strengths)
    inside = expected > 0
    assert inside.any()
    assert np.abs(found[0, ..., 0].astype(int) - expected)[inside].max() <= 2

    filled = image[None, :, :, None].copy()
    RandAugment()._change(batch_of(filled), [Step(name, level, sign)], strengths)
    outside = (filled[0, ..., 0] == 0) & inside
    assert np.count_nonzero(outside) <= 60 + 80
    assert not filled[0, ..., 0][~inside & (found[0, ..., 0] == 0)].any()


def test_strengths_are_those_of_the_papers():
    def most(name, strengths, size=(331, 331)):
        return amount_of(Step(name, 1.0, 1.0), strengths, size)

    assert most("rotate", RANDOM) == 30
    assert most("shear_x", RANDOM) == 0.3
    assert most("translate_x", RANDOM) == 150 / 331
    assert most("translate_y", WIDE, (64, 128)) == 32 / 128
    assert [colour_value(Step("posterize", level, 1.0), RANDOM) for level in (0, 0.3, 1)] == [
        8,
        7,
        4,
    ]
    assert colour_value(Step("posterize", 1.0, 1.0), WIDE) == 2
    assert colour_value(Step("solarize", 0.4, 1.0), RANDOM) == pytest.approx(153)
    assert colour_value(Step("color", 1.0, -1.0), WIDE) == pytest.approx(0.01)


@pytest.mark.parametrize("policy", [RandAugment(num_ops=3), TrivialAugment()], ids=["rand", "wide"])
def test_every_operation_comes_as_often_as_any_other(policy, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        type(policy), "_carry_out", lambda _, batch, steps, how: drawn.extend(steps)
    )
    policy.augment_samples(batch_of(np.zeros((4000, 1, 1, 3), np.uint8)))
    names = [step.name for steps in drawn for step in steps]
    counts = {name: names.count(name) / len(names) for name in OPERATIONS}
    assert min(counts.values()) > 0.8 / 14
    assert max(counts.values()) < 1.2 / 14
    levels = {step.level for steps in drawn for step in steps}
    assert len(levels) == (31 if isinstance(policy, TrivialAugment) else 1)


@given(st.integers(0, 2**32), st.lists(st.integers(0, 7), max_size=3))
@settings(deadline=None, max_examples=20)
def test_slices_get_what_the_whole_batch_gets(seed, cuts):
    policy = RandAugment(num_ops=3, magnitude=15)
    start = np.stack([noise(seed=number) for number in range(7)])
    masks = np.stack([noise(1, seed=number, high=4) for number in range(7)])
    whole, sliced = start.copy(), start.copy()
    whole_masks, sliced_masks = masks.copy(), masks.copy()
    policy.augment_samples(batch_of(whole, seed, mask=whole_masks))
    edges = [0, *sorted(cuts), 7]
    for low, high in pairwise(edges):
        part = slice(low, high)
        numbers = np.arange(7)[part]
        policy.augment_samples(
            batch_of(sliced[part], seed, numbers=numbers, mask=sliced_masks[part])
        )
    assert (whole == sliced).all()
    assert (whole_masks == sliced_masks).all()


@pytest.mark.parametrize("flat", [True, False])
def test_masks_move_with_their_images_and_keep_their_colours(flat):
    """An image of its own mask, but for colours, shows where pixels have gone."""
    masks = np.zeros((40, 32, 32, 1), np.uint8)
    masks[:, 8:20, 10:26] = 1
    images = np.repeat(masks * 200, 3, axis=3)
    moves = [name for name in OPERATIONS if name not in COLOURS]
    policy = RandAugment(
        num_ops=2, magnitude=20, operations=(*moves, "posterize"), interpolation="nearest"
    )
    target = masks[..., 0].copy() if flat else masks
    policy.augment_samples(batch_of(images, mask=target))
    assert set(np.unique(target)) == {0, 1}
    assert ((images[..., 0] > 100) == target.reshape(40, 32, 32)).all()
    assert len(np.unique(target.reshape(40, -1), axis=0)) > 20


def test_colours_leave_masks_alone():
    masks = np.stack([noise(1, seed=number) for number in range(20)])
    before = masks.copy()
    images = np.stack([noise(seed=number) for number in range(20)])
    RandAugment(operations=tuple(COLOURS), magnitude=30).augment_samples(
        batch_of(images, mask=masks)
    )
    assert (masks == before).all()


def test_nothing_is_done_by_identity_and_by_no_magnitude():
    start = np.stack([noise(seed=number) for number in range(8)])
    found = start.copy()
    RandAugment(operations=["identity"], num_ops=4).augment_samples(batch_of(found))
    assert (found == start).all()
    weak = [name for name in OPERATIONS if name not in ("autocontrast", "equalize")]
    RandAugment(operations=weak, magnitude=0).augment_samples(batch_of(found))
    # A threshold of 255 leaves all but 255 as it is, which solarize inverts.
    assert (found == start)[start < 255].all()


def test_moves_that_follow_one_another_are_one_warp():
    """There and back again, nothing is lost."""
    start = noise()[None].copy()
    found = start.copy()
    there, back = Step("translate_x", 1.0, 1.0), Step("translate_x", 1.0, -1.0)
    RandAugment()._change(batch_of(found), [there, Step("identity", 1, 1), back], RANDOM)
    assert (found == start).all()


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
@pytest.mark.parametrize("policy", [RandAugment(), TrivialAugment()], ids=["rand", "wide"])
def test_images_that_are_no_bytes_are_refused(policy, dtype):
    with pytest.raises(ConfigError, match="bit_depth=8"):
        penstock.make_generator((np.zeros((2, 4, 4, 3), dtype),), augment=[policy])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"num_ops": 0}, "at least 1"),
        ({"magnitude": 31}, "a number from 0 to 30"),
        ({"magnitude": (3, 4)}, "a number from 0 to 30"),
        ({"operations": ["rotat"]}, "Did you mean 'rotate'"),
        ({"operations": []}, "some of"),
        ({"operations": "rotate"}, "some of"),
        ({"fill_mode": "reflex"}, "reflect"),
        ({"interpolation": "cubic"}, "bilinear"),
        ({"fill_value": "grey"}, "finite number"),
    ],
)
def test_options_that_cannot_work_are_refused(options, wanted):
    with pytest.raises(ConfigError, match=wanted):
        RandAugment(**options)


def test_matrices_of_shifts_agree_for_a_mask_of_another_size():
    large, small = (matrix("translate_x", 0.25, *size)[0] for size in ((40, 80), (20, 40)))
    assert large[0, 2] == 2 * small[0, 2] == 20
