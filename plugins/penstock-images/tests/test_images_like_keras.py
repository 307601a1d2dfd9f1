"""Pixels agree with those of keras.utils.image_dataset_from_directory."""

from __future__ import annotations

import numpy as np
import pytest

from penstock_images import ImageFiles

SIZES = [(375, 500), (300, 200), (64, 64), (31, 97), (480, 120)]


@pytest.fixture
def folder(tmp_path, photo):
    from PIL import Image

    (tmp_path / "a").mkdir()
    for number, (height, width) in enumerate(SIZES):
        crop = np.resize(photo, (height, width, 3)) if height > 375 else photo[:height, :width]
        Image.fromarray(np.ascontiguousarray(crop)).save(tmp_path / "a" / f"{number}.png")
    return tmp_path


def by_keras(folder, **options):
    import keras

    data = keras.utils.image_dataset_from_directory(
        folder, labels=None, shuffle=False, batch_size=len(SIZES), verbose=False, **options
    )
    return next(iter(data)).numpy()


def by_us(folder, **options):
    loader = ImageFiles(**options)
    paths = np.array(sorted(str(path) for path in (folder / "a").iterdir()), dtype=object)
    spec = loader.describe_sample(paths)
    assert spec.deliver_dtype == np.float32
    out = np.empty((len(paths), *spec.shape), spec.dtype)
    loader.load_samples(paths, out)
    return np.moveaxis(out, -1, 1) if spec.data_format == "channels_first" else out


def test_the_defaults_are_those_of_keras(folder):
    ours, theirs = by_us(folder), by_keras(folder)

    assert ours.shape == theirs.shape == (len(SIZES), 256, 256, 3)
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(224, 224), (33, 600), (100, 90), (16, 20)])
def test_stretched_images_agree_at_any_size(folder, interpolation, size):
    options = {"image_size": size, "interpolation": interpolation}
    tolerance = 0 if interpolation == "nearest" else 1

    assert np.abs(by_us(folder, **options) - by_keras(folder, **options)).max() <= tolerance


@pytest.mark.parametrize(
    "interpolation", ["bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]
)
@pytest.mark.parametrize("size", [(224, 224), (33, 600), (16, 20)])
def test_the_other_interpolations_agree_within_the_range_of_pixels(folder, interpolation, size):
    options = {"image_size": size, "interpolation": interpolation}
    theirs = np.clip(by_keras(folder, **options), 0, 255)

    assert np.abs(by_us(folder, **options) - theirs).max() <= 1


@pytest.mark.parametrize("size", [(224, 224), (100, 160), (7, 300), (250, 90)])
@pytest.mark.parametrize("option", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_cropping_and_padding_fall_on_the_same_pixels(folder, option, size):
    options = {"image_size": size, option: True}

    assert np.abs(by_us(folder, **options) - by_keras(folder, **options)).max() <= 1


def test_color_modes_agree(folder):
    for mode in ("rgb", "rgba"):
        ours, theirs = by_us(folder, color_mode=mode), by_keras(folder, color_mode=mode)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 1


def test_grayscale_is_tensorflows_luminance(folder):
    size = {"image_size": (64, 64), "interpolation": "nearest"}
    theirs = by_keras(folder, color_mode="grayscale", **size)
    ours = by_us(folder, color_mode="grayscale", **size)

    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


def test_channels_first_agrees(folder):
    options = {"image_size": (40, 50), "data_format": "channels_first"}

    assert by_us(folder, **options).shape == (len(SIZES), 3, 40, 50)
    assert np.abs(by_us(folder, **options) - by_keras(folder, **options)).max() <= 1


def test_accurate_jpegs_are_those_of_tensorflow_to_the_pixel(write, load, photo):
    import tensorflow as tf

    path = write("photo.jpg", photo, quality=90)
    theirs = tf.io.decode_jpeg(tf.io.read_file(path)).numpy()

    assert np.array_equal(load(path, decode="accurate"), theirs)
    assert np.abs(load(path).astype(int) - theirs).mean() < 2
