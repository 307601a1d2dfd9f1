"""Images in their own sizes: measured by their headers, upright, padded to the largest."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError, SampleError, SampleRefused
from penstock_images import Flip, ImageFiles, Rotate, Shift, apply_transform

SIDEWAYS = 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("upright", [True, False])
def test_a_sideways_image_is_measured_as_it_is_loaded(write, suffix, upright):
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    exif[0x010E] = "x" * 5000  # the header is long
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    path = write(f"a.{suffix}", pixels, exif=exif)
    loader = ImageFiles(image_size=None, exif_orientation=upright)
    sizes = loader.measure_samples(np.array([path], object))
    turned = upright or suffix == "tiff"  # decoders turn these by themselves
    assert sizes.tolist() == [[50, 30] if turned else [30, 50]]
    out = np.empty((1, *sizes[0], 3), np.uint8)
    loader.load_samples(np.array([path], object), out)
    if suffix == "png":
        expected = np.rot90(pixels, -1) if upright else pixels
        np.testing.assert_array_equal(out[0], expected)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images_are_padded_below_and_to_the_right_after_augmentation(write, data_format):
    sizes = [(20, 30), (40, 10), (25, 25), (20, 30)]
    paths = [
        write(f"{number}.png", np.full((*size, 3), 100 + number, np.uint8))
        for number, size in enumerate(sizes)
    ]
    with penstock.make_generator(
        [os.path.basename(path) for path in paths],
        root=os.path.dirname(paths[0]),
        loader=ImageFiles(image_size=None, data_format=data_format),
        encoder="none",
        augment=[Flip(), Rotate(factor=0.1, fill_mode="nearest")],
        shuffle=False,
        padding_mask=True,
        seed=1,
    ) as data:
        ((x,),) = list(data)
    images = x["x"] if data_format == "channels_last" else np.moveaxis(x["x"], 1, -1)
    assert images.shape == (4, 40, 30, 3)
    for number, (height, width) in enumerate(sizes):
        assert x["x_mask"][number].sum() == height * width
        np.testing.assert_allclose(images[number, :height, :width], 100 + number)
        assert images[number].sum() == pytest.approx((100 + number) * height * width * 3)


def test_what_is_drawn_is_told_in_pixels_of_each_image(write):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in [(20, 30), (40, 10), (25, 25)]]
    paths = [write(f"{number}.png", image) for number, image in enumerate(images)]
    with penstock.make_generator(
        [os.path.basename(path) for path in paths],
        root=os.path.dirname(paths[0]),
        loader=ImageFiles(image_size=None, dtype="uint8"),
        encoder="none",
        augment=[
            Shift(height_factor=(0.5, 0.5), width_factor=(-0.2, -0.2)),
            Rotate(),
            "brightness",
        ],
        shuffle=False,
        seed=1,
    ) as data:
        ((x,),) = list(data)
        for position, image in enumerate(images):
            height, width, _ = image.shape
            drawn = data.transforms(position, epoch=0)
            assert drawn[0]["ty"] == pytest.approx(-0.5 * height)
            assert drawn[0]["tx"] == pytest.approx(0.2 * width)
            again = apply_transform(image, drawn)
            np.testing.assert_array_equal(x[position, :height, :width], again)


def test_nothing_is_told_of_an_image_that_cannot_be_measured(write):
    path = write("0.png", b"none")
    write("1.png", np.zeros((4, 4, 3), np.uint8))
    with (
        penstock.make_generator(
            ["0.png", "1.png"],
            root=os.path.dirname(path),
            loader=ImageFiles(image_size=None),
            encoder="none",
            augment="shift",
            on_error="mask",
        ) as data,
        pytest.raises(SampleError, match=r"0\.png"),
    ):
        data.transforms(0)


def test_an_image_of_too_many_pixels_is_refused_before_memory_is_asked_for(write):
    path = write("a.jpg", np.zeros((100, 100, 3), np.uint8))
    loader = ImageFiles(image_size=None, max_pixels=9_999)
    with pytest.raises(SampleRefused, match="at most 9,999 pixels"):
        loader.measure_samples(np.array([path], object))


@pytest.mark.parametrize("option", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_own_sizes_cannot_be_fitted(option):
    with pytest.raises(ConfigError, match="image_size=None leaves images in their own sizes"):
        ImageFiles(image_size=None, **{option: True})
