"""Given the same parameters, pixels agree with those of Keras' ImageDataGenerator.

Its functions are asked themselves. It is known to differ from what its arguments say:
``apply_affine_transform`` exchanges the two sides of an image that is not square when it looks
for the middle, and what is drawn from ``height_shift_range`` moves pixels sideways.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from keras.src.legacy.preprocessing import image as theirs

import penstock
from penstock_images import (
    Brightness,
    ChannelShift,
    Flip,
    Rotate,
    Shear,
    Shift,
    Zoom,
    apply_transform,
)

# Keras takes SciPy's function from where it used to be.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`")
# How exactly OpenCV knows a place between two pixels: 4 in 32nds of a pixel.
COORDINATES = 5e-4 if cv2.__version__ >= "5" else 1 / 32
AFFINE = {
    "rotation": {"theta": 30.0},
    "rotation the other way": {"theta": -77.5},
    "a quarter turn": {"theta": 90.0},
    "shift by whole pixels": {"tx": 5, "ty": -7},
    "shift sideways": {"tx": -3.25},
    "shift up": {"ty": 4.6},
    "shear": {"shear": 20.0},
    "shear the other way": {"shear": -35.0},
    "zoom out": {"zx": 1.5, "zy": 1.2},
    "zoom in": {"zx": 0.4, "zy": 0.7},
    "zoom one axis": {"zx": 1.0, "zy": 1.9},
    "all": {"theta": 12.0, "tx": 4.5, "ty": -2.25, "shear": 15.0, "zx": 1.2, "zy": 0.8},
}
# What they call the borders that OpenCV has: theirs blend nothing in beyond the edge for
# "constant", and let the last pixel and the first coincide for "wrap".
SAME = {"nearest": "nearest", "reflect": "reflect", "constant": "grid-constant"}
SAME["wrap"] = "grid-wrap"


@pytest.fixture
def square(photo):
    return photo[100:140, 200:240].astype(np.float32)


@pytest.fixture
def centred(monkeypatch):
    """Their way, with the middle of an image where it is."""
    middle = theirs.transform_matrix_offset_center
    monkeypatch.setattr(
        theirs, "transform_matrix_offset_center", lambda matrix, x, y: middle(matrix, y, x)
    )


def affine(image, parameters, fill_mode="nearest", cval=0.0, order=1):
    return theirs.apply_affine_transform(
        image,
        **parameters,
        row_axis=0,
        col_axis=1,
        channel_axis=2,
        fill_mode=fill_mode,
        cval=cval,
        order=order,
    )


@pytest.mark.parametrize("parameters", AFFINE.values(), ids=AFFINE)
@pytest.mark.parametrize("fill_mode", SAME)
def test_pixels_are_moved_alike(fill_mode, parameters, square):
    ours = apply_transform(square, parameters, fill_mode=fill_mode, fill_value=9.0)
    expected = affine(square, parameters, SAME[fill_mode], 9.0)

    assert ours.dtype == np.float32
    assert np.abs(ours - expected).max() <= 1e-3 + 255 * COORDINATES
    assert np.abs(ours - square).mean() > 1  # something was done


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parameters=st.fixed_dictionaries(
        {},
        optional={
            "theta": st.floats(-180, 180),
            "tx": st.floats(-30, 30),
            "ty": st.floats(-30, 30),
            "shear": st.floats(-60, 60),
            "zx": st.floats(0.2, 3),
            "zy": st.floats(0.2, 3),
        },
    ),
    fill_mode=st.sampled_from(list(SAME)),
)
def test_any_parameters_move_pixels_alike(parameters, fill_mode, square):
    # Theirs have an order of their own; here it is that of the dict.
    parameters = {name: parameters[name] for name in AFFINE["all"] if name in parameters}
    ours = apply_transform(square, parameters, fill_mode=fill_mode, fill_value=9.0)
    expected = affine(square, parameters, SAME[fill_mode], 9.0)

    assert np.abs(ours - expected).max() <= 1e-3 + 255 * COORDINATES


@pytest.mark.parametrize("parameters", AFFINE.values(), ids=AFFINE)
@pytest.mark.parametrize("fill_mode", SAME)
def test_inside_of_the_image_their_own_borders_make_no_difference(fill_mode, parameters, square):
    inside = affine(np.ones_like(square), parameters, "constant", 0.0) == 1
    ours = apply_transform(square, parameters, fill_mode=fill_mode, fill_value=9.0)
    error = np.abs(ours - affine(square, parameters, fill_mode, 9.0))

    assert inside.mean() > 0.2
    assert error[inside].max() <= 1e-3 + 255 * COORDINATES
    if fill_mode in ("nearest", "reflect"):
        assert error.max() <= 1e-3 + 255 * COORDINATES


def test_ours_blends_the_last_pixel_with_a_constant_and_theirs_ends_there(square):
    parameters = {"tx": 11.5, "ty": 3.25}
    ours = apply_transform(square, parameters, fill_mode="constant", fill_value=9.0)
    expected = affine(square, parameters, "constant", 9.0)

    assert np.abs(ours - expected)[:36, :28].max() <= 1e-3 + 255 * COORDINATES
    assert (ours[37:] == 9).all()
    assert (ours[:, 29:] == 9).all()
    assert (expected[36:] == 9).all()
    assert (expected[:, 28:] == 9).all()
    last = 0.75 * square[3:39, 39] + 0.25 * square[4:40, 39]
    assert np.abs(ours[:36, 28] - (last + 9) / 2).max() <= 1e-3 + 255 * COORDINATES


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_whole_numbers_are_rounded(channels, dtype, square):
    pixels = np.resize(square, (40, 40, channels)).astype(dtype)
    ours = apply_transform(pixels, AFFINE["all"])
    expected = affine(pixels.astype(np.float32), AFFINE["all"])

    assert ours.dtype == dtype
    assert np.abs(ours - expected).max() <= 0.501 + 255 * COORDINATES


@pytest.mark.parametrize("parameters", AFFINE.values(), ids=AFFINE)
def test_images_that_are_not_square_turn_about_their_middle(parameters, photo, centred):
    pixels = photo[100:130, 200:260].astype(np.float32)
    ours = apply_transform(pixels, parameters)

    assert np.abs(ours - affine(pixels, parameters)).max() <= 1e-3 + 255 * COORDINATES


def test_theirs_turn_about_another_point(photo):
    pixels = photo[100:130, 200:260].astype(np.float32)
    parameters = {"theta": 90.0}

    assert np.abs(apply_transform(pixels, parameters) - affine(pixels, parameters)).mean() > 10


def test_an_interpolation_order_of_0_is_nearest(square):
    parameters = {"theta": 13.0, "zx": 1.31, "zy": 0.77}
    ours = apply_transform(square, parameters, interpolation="nearest")

    # Ties between two pixels may go either way.
    assert (ours == affine(square, parameters, order=0)).mean() > 0.99


@pytest.mark.parametrize("intensity", [30.0, -45.5, 0.0])
def test_channels_are_shifted_alike(intensity, square):
    dull = square * 0.5 + 40  # without black and white
    ours = apply_transform(dull, {"channel_shift_intensity": intensity})
    expected = theirs.apply_channel_shift(dull, intensity, channel_axis=2)

    assert np.abs(ours - expected).max() <= 1e-3
    whole = apply_transform(dull.astype(np.uint8), {"channel_shift_intensity": intensity})
    expected = theirs.apply_channel_shift(np.floor(dull), intensity, channel_axis=2)
    assert np.abs(whole - expected).max() <= 0.501


@pytest.mark.parametrize("brightness", [0.0, 0.4, 1.0, 1.7])
def test_brightness_is_multiplied_alike(brightness, square):
    ours = apply_transform(square.astype(np.uint8), {"brightness": brightness})
    expected = theirs.apply_brightness_shift(square, brightness, scale=False)

    assert np.abs(ours - expected).max() <= 1  # Pillow rounds down


@pytest.mark.parametrize("horizontal", [False, True])
@pytest.mark.parametrize("vertical", [False, True])
def test_flips_are_alike(horizontal, vertical, square):
    parameters = {"flip_horizontal": horizontal, "flip_vertical": vertical}
    expected = theirs.ImageDataGenerator().apply_transform(square, parameters)

    assert np.array_equal(apply_transform(square, parameters), expected)


@pytest.mark.parametrize("seed", range(8))
def test_all_that_it_draws_for_an_image_can_be_applied_here(seed, square):
    generator = theirs.ImageDataGenerator(
        rotation_range=30,
        width_shift_range=0.1,
        height_shift_range=0.2,
        brightness_range=(0.7, 1.3),
        shear_range=15,
        zoom_range=(0.8, 1.4),
        channel_shift_range=25,
        horizontal_flip=True,
        vertical_flip=True,
        fill_mode="reflect",
    )
    parameters = generator.get_random_transform(square.shape, seed)
    ours = apply_transform(square, parameters, fill_mode="reflect")
    expected = generator.apply_transform(square, parameters)

    # It makes whole numbers before it changes the brightness, and after.
    assert np.abs(ours - expected).max() <= 1 + parameters["brightness"] + 400 * COORDINATES


# Argument -> the augmenter that draws alike, and the names in their parameters and in ours.
DRAWN = {
    "rotation_range": (40, Rotate(factor=40 / 360), "theta", "theta"),
    "width_shift_range": (0.2, Shift(height_factor=0, width_factor=0.2), "ty", "tx"),
    "height_shift_range": (0.2, Shift(height_factor=0.2, width_factor=0), "tx", "ty"),
    "width_shift_range, whole": (5, Shift(width_pixels=4, height_factor=0), "ty", "tx"),
    "height_shift_range, listed": (
        [-8, -2, 8, 2],
        Shift(height_pixels=[-8, -2, 2, 8], width_factor=0),
        "tx",
        "ty",
    ),
    "shear_range": (25, Shear(angle=25), "shear", "shear"),
    "zoom_range": (0.3, Zoom(height_factor=0.3, width_factor=0.3), "zx", "zx"),
    "zoom_range, bounds": (
        (0.5, 3.0),
        Zoom(height_factor=(-0.5, 2.0), width_factor=(-0.5, 2.0)),
        "zy",
        "zy",
    ),
    "channel_shift_range": (
        60.0,
        ChannelShift(intensity=60.0),
        "channel_shift_intensity",
        "channel_shift_intensity",
    ),
    "brightness_range": ((0.4, 1.6), Brightness(gain=(0.4, 1.6)), "brightness", "brightness"),
    "horizontal_flip": (True, Flip(), "flip_horizontal", "flip_horizontal"),
    "vertical_flip": (True, Flip(mode="vertical"), "flip_vertical", "flip_vertical"),
}


@pytest.mark.parametrize("argument", DRAWN)
def test_each_argument_draws_from_the_same_range(argument):
    value, augmenter, their_name, our_name = DRAWN[argument]
    generator = theirs.ImageDataGenerator(**{argument.partition(",")[0]: value})
    expected = np.array(
        [generator.get_random_transform((30, 50, 3), seed)[their_name] for seed in range(300)]
    )
    images = np.zeros((300, 30, 50, 3), np.uint8)
    sequence = penstock.make_generator(images, augment=augmenter, seed=1)
    found = np.array([sequence.transforms(at)[0][our_name] for at in range(300)], np.float64)

    if len(np.unique(expected)) < 20:
        assert set(np.abs(found)) == set(np.abs(expected))
        assert set(found) == set(expected)
    else:
        span = np.ptp(expected)
        assert np.abs(found.min() - expected.min()) < 0.05 * span
        assert np.abs(found.max() - expected.max()) < 0.05 * span
        assert np.abs(found.mean() - expected.mean()) < 0.1 * span
