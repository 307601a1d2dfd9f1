"""What a sequence drew for an image can be asked for, and done again to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError
from penstock_images import (
    Brightness,
    ChannelShift,
    Contrast,
    Flip,
    ImageFiles,
    Rotate,
    Shear,
    Shift,
    Zoom,
    apply_transform,
)

LISTS = {
    "all that move": [
        Flip(mode="horizontal_and_vertical"),
        Rotate(factor=0.2),
        Shear(),
        Shift(height_factor=0.3),
        Zoom(height_factor=0.3, width_factor=0.1),
    ],
    "several of a kind": [Rotate(), Zoom(), Rotate(factor=(0.1, 0.2)), Flip(), Flip()],
    "other fillings": [
        Rotate(fill_mode="constant", fill_value=77, mask_value=9),
        Shift(fill_mode="wrap", interpolation="nearest"),
        Flip(),
        Zoom(fill_mode="wrap", interpolation="nearest"),
    ],
    "in pixels and degrees": [
        Shift(height_pixels=5, width_pixels=[-3, 0, 2.5]),
        Shear(angle=(-30, 10)),
    ],
    "all that colour": [
        Brightness(),
        Contrast(factor=0.7),
        Brightness(gain=(0.2, 1.8)),
        Brightness(factor=0.3, value_range=(10, 200)),
        ChannelShift(),
        ChannelShift(intensity=(30, 60)),
        Contrast(),
    ],
    "both in turns": [Rotate(), Brightness(), Zoom(), Flip(), ChannelShift(), Shear(), Contrast()],
}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "masks").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 256, (24, 31, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        Image.fromarray(pixels[..., 0] // 64).save(tmp_path / "masks" / f"{number}.png")
    return tmp_path


def generate(folder, augment, **options):
    import pandas as pd

    files = {"image_size": (24, 31), "dtype": "uint8"}
    return penstock.make_generator(
        pd.DataFrame({"image": [f"{number}.png" for number in range(6)]}).assign(
            mask=lambda table: "masks/" + table["image"]
        ),
        inputs={"image": ImageFiles(column="image", **files)},
        targets={
            "mask": ImageFiles(
                column="mask", color_mode="grayscale", interpolation="nearest", **files
            )
        },
        root=folder,
        augment=augment,
        batch_size=4,
        **{"seed": 3} | options,
    )


@pytest.mark.parametrize("augment", LISTS.values(), ids=LISTS)
def test_parameters_that_were_drawn_make_the_same_bytes_again(augment, folder):
    plain = generate(folder, None, shuffle=False)
    images = np.concatenate([x["image"] for x, _ in plain])
    masks = np.concatenate([y["mask"] for _, y in plain])
    changed = 0
    with generate(folder, augment) as sequence:
        for epoch in (0, 4):
            sequence.epoch = epoch
            for index in range(len(sequence)):
                x, y = sequence[index]
                for place, position in enumerate(sequence.batch_samples(index)["position"]):
                    drawn = sequence.transforms(position)
                    image = apply_transform(images[position], drawn)
                    mask = apply_transform(masks[position], drawn, mask=True)
                    assert np.array_equal(image, x["image"][place])
                    assert np.array_equal(mask, y["mask"][place])
                    changed += not np.array_equal(image, images[position])
    assert changed > 6


def test_parameters_have_the_names_of_keras_and_the_options_they_depend_on(folder):
    with generate(folder, [Rotate(factor=(0.1, 0.1)), Flip(), Brightness(gain=(2, 2))]) as sequence:
        rotation, flip, brightness = sequence.transforms(0)

    assert rotation == {
        "augmenter": "Rotate",
        "theta": pytest.approx(36.0),
        "fill_mode": "reflect",
        "fill_value": 0.0,
        "mask_value": 0.0,
        "interpolation": "bilinear",
    }
    assert flip.keys() == {"augmenter", "flip_horizontal", "flip_vertical"}
    assert isinstance(flip["flip_horizontal"], bool)
    assert brightness == {"augmenter": "Brightness", "brightness": 2.0, "value_range": None}


def test_an_image_is_left_as_it_is_and_parameters_of_nothing_change_nothing(photo):
    before = photo.copy()
    turned = apply_transform(photo, {"theta": 20.0})

    assert np.array_equal(photo, before)
    assert not np.shares_memory(turned, photo)
    nothing = {"theta": 0, "tx": 0, "zx": 1, "flip_vertical": False, "brightness": None}
    for parameters in ({}, [], nothing, {"channel_shift_intensity": None}):
        assert np.array_equal(apply_transform(photo, parameters), photo)


def test_names_are_done_in_their_order(photo):
    image = photo[:40, :50]
    first = apply_transform(image, {"theta": 90.0, "tx": 5.0})
    second = apply_transform(image, {"tx": 5.0, "theta": 90.0})

    assert not np.array_equal(first, second)
    one, two = {"brightness": 2.0}, {"channel_shift_intensity": -40.0}
    both = apply_transform(image, {**one, **two})
    assert np.array_equal(both, apply_transform(apply_transform(image, one), two))


def test_an_options_place_is_among_the_parameters_or_beside_them(photo):
    image = photo[:40, :50]
    beside = apply_transform(image, {"ty": 9}, fill_mode="constant", fill_value=200)
    among = apply_transform(image, {"ty": 9, "fill_mode": "constant", "fill_value": 200})

    assert np.array_equal(beside, among)
    assert (beside[-9:] == 200).all()


def test_a_brightness_is_relative_to_the_lowest_value_of_the_range():
    image = np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 4, 3)
    darker = apply_transform(image, {"brightness": 0.5}, value_range=(-1, 1))

    assert np.allclose(darker, (image + 1) / 2 - 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (({"thetta": 3.0},), "no parameter 'thetta'. Did you mean 'theta'"),
        (({"augmenter": "Blur"},), "'Blur' says nothing of what it draws"),
        (({"theta": "wide"},), "theta='wide' cannot work: give a finite number"),
        (({"zx": 0.0},), "zx=0.0 cannot work"),
        (({"theta": True},), "theta=True cannot work"),
        (("theta",), "was given 't': give a dict"),
        (({"theta": 1.0, "fill_mode": "mirror"},), "fill_mode='mirror' is not one of"),
    ],
)
def test_what_cannot_be_applied_is_told(arguments, said):
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        apply_transform(np.zeros((8, 8, 3), np.uint8), *arguments)


def test_what_is_no_image_is_told():
    with pytest.raises(ConfigError, match=r"was given uint8 of shape \(2, 8, 8, 3\): give one"):
        apply_transform(np.zeros((2, 8, 8, 3), np.uint8), {})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Shift(height_pixels=2, height_factor=0.3), "stands in place of height_factor"),
        (lambda: Shear(angle=10, y_factor=0.2), "stands in place of y_factor"),
        (lambda: Brightness(gain=(0.5, 1.5), factor=0.1), "stands in place of factor"),
    ],
)
def test_what_stands_in_place_of_another_option_is_not_given_beside_it(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
