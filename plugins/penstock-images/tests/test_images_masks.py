"""What fills an image is no class of its mask."""

from __future__ import annotations

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from penstock_images import RandAugment, Rotate, Shear, Shift, TrivialAugment, Zoom, apply_transform

GREY, NO_CLASS = 127, 255
CONSTANT = {"fill_mode": "constant", "fill_value": GREY}
FILLING = [
    Rotate(factor=(0.125, 0.125), **CONSTANT, mask_value=NO_CLASS),
    Shear(angle=(30, 30), **CONSTANT, mask_value=NO_CLASS),
    Shift(height_factor=(0.5, 0.5), width_factor=0.0, **CONSTANT, mask_value=NO_CLASS),
    Zoom(height_factor=(0.5, 0.5), **CONSTANT, mask_value=NO_CLASS),
    RandAugment(operations=["translate_x"], magnitude=30, fill_value=GREY, mask_value=NO_CLASS),
    TrivialAugment(operations=["rotate"], fill_value=GREY, mask_value=NO_CLASS),
]
IDS = [type(each).__name__ for each in FILLING]
IMAGES = np.full((4, 40, 40, 3), 200, np.uint8)
MASKS = np.ones((4, 40, 40, 1), np.uint8)


def generate(augmenter, masks=MASKS, **options):
    return penstock.make_generator(
        (IMAGES, masks), augment=[augmenter], workers=0, seed=1, shuffle=False, **options
    )


@pytest.mark.parametrize("flat", [False, True], ids=["with channels", "flat"])
@pytest.mark.parametrize("augmenter", FILLING, ids=IDS)
def test_images_are_filled_with_one_value_and_masks_with_another(augmenter, flat):
    with generate(augmenter, MASKS[..., 0] if flat else MASKS) as sequence:
        images, masks = sequence[0]
    assert NO_CLASS not in images
    assert (images == GREY).any()
    assert set(np.unique(masks)) == {1, NO_CLASS}
    # An image of one colour has the filling, and blends with it, where the mask has no class.
    masks = masks.reshape(4, 40, 40)
    assert (images[masks == NO_CLASS] < 200).all()


@pytest.mark.parametrize("augmenter", FILLING, ids=IDS)
def test_masks_are_filled_with_the_class_0_where_nothing_is_said(augmenter):
    options = {"fill_mode": "constant", "fill_value": GREY}
    small = {"operations": augmenter.operations} if hasattr(augmenter, "operations") else {}
    with generate(type(augmenter)(**options, **small)) as sequence:
        _, masks = sequence[0]
    assert set(np.unique(masks)) <= {0, 1}


def test_pixels_of_no_class_weigh_nothing():
    with generate(FILLING[2], class_weight={1: 2.0, NO_CLASS: 0.0}) as sequence:
        _, masks, weights = sequence[0]
    assert (masks == NO_CLASS).sum() == masks.size // 2
    assert (weights == np.where(masks[..., 0] == NO_CLASS, 0.0, 2.0)).all()


@pytest.mark.parametrize("augmenter", FILLING[:4], ids=IDS[:4])
def test_what_was_drawn_fills_a_mask_again(augmenter):
    with generate(augmenter) as sequence:
        _, masks = sequence[0]
        drawn = sequence.transforms(0)
    assert drawn[0]["mask_value"] == NO_CLASS
    assert (apply_transform(MASKS[0], drawn, mask=True) == masks[0]).all()
    mine = [{name: drawn[0][name] for name in drawn[0] if name != "mask_value"}]
    again = apply_transform(MASKS[0], mine, mask=True, mask_value=NO_CLASS)
    assert (again == masks[0]).all()


@pytest.mark.parametrize("augmenter", FILLING, ids=IDS)
@pytest.mark.parametrize(
    ("value", "dtype"), [(-1, "uint8"), (256, "uint8"), (0.5, "int32"), (2, "bool")]
)
def test_a_class_that_the_mask_cannot_hold_is_refused(augmenter, value, dtype):
    wrong = type(augmenter)(fill_mode="constant", mask_value=value)
    with pytest.raises(ConfigError, match=rf"mask_value={value}.*{dtype}"):
        generate(wrong, MASKS.astype(dtype))


@pytest.mark.parametrize("kind", [RandAugment, Rotate, Shear, Shift, TrivialAugment, Zoom])
def test_a_mask_value_that_would_not_be_used_is_refused(kind):
    with pytest.raises(ConfigError, match="fill_mode is 'reflect'"):
        kind(fill_mode="reflect", mask_value=3)


def test_augmenters_that_fill_masks_otherwise_stay_apart():
    first, second = Rotate(**CONSTANT), Rotate(**CONSTANT, mask_value=NO_CLASS)
    assert len(first.fuse_with(second).runs) == 2
    assert len(second.fuse_with(second).runs) == 1
