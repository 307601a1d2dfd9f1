"""Batches can be written as pictures, to look at."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError
from penstock_images import save_images


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 12, 16, 3), np.uint8)


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_files_hold_the_augmented_images_and_are_named_by_epoch_and_sample(images, tmp_path):
    with penstock.make_generator(
        images, augment=["flip", "brightness"], batch_size=3, seed=1
    ) as sequence:
        sequence.epoch = 2
        paths = save_images(sequence, tmp_path / "seen", batches=2, prefix="aug_")
        expected = np.concatenate([sequence[0][0], sequence[1][0]])
        positions = [*sequence.batch_samples(0)["position"], *sequence.batch_samples(1)["position"]]

    names = [f"aug_epoch2_sample{position}.png" for position in positions]
    assert [os.path.basename(path) for path in paths] == names
    assert sorted(os.listdir(tmp_path / "seen")) == sorted(names)
    for path, image in zip(paths, expected, strict=True):
        assert np.array_equal(read(path), image)


def test_all_batches_are_written_where_more_are_asked_for_and_training_goes_on(images, tmp_path):
    with penstock.make_generator(images, augment="flip", batch_size=3, seed=1) as sequence:
        undisturbed = [
            x for (x,) in penstock.make_generator(images, augment="flip", batch_size=3, seed=1)
        ]
        walk = iter(sequence)
        seen = [next(walk)[0]]
        assert len(save_images(sequence, tmp_path, batches=99)) == 7
        seen += [x for (x,) in walk]

    assert all(map(np.array_equal, seen, undisturbed))


@pytest.mark.parametrize(
    ("options", "value_range"),
    [
        ({"rescale": 1 / 255}, (0, 1)),
        ({}, None),
        ({"data_format": "channels_first"}, None),
        ({"bit_depth": 16, "dtype": None}, None),
    ],
)
def test_pictures_are_the_same_however_they_are_delivered(options, value_range, images, tmp_path):
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    sequence = penstock.make_generator(
        tmp_path, shuffle=False, image_size=(12, 16), encoder="none", **options
    )
    paths = save_images(sequence, tmp_path / "seen", value_range=value_range)

    for path, image in zip(paths, images, strict=True):
        assert np.array_equal(read(path), image)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (4, "RGBA")])
def test_channels_are_kept(channels, mode, images, tmp_path):
    pixels = np.resize(images, (2, 12, 16, channels))
    (path, _) = save_images(penstock.make_generator(pixels, shuffle=False), tmp_path)

    with Image.open(path) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image).reshape(12, 16, channels), pixels[0])


def test_a_jpeg_is_near(images, tmp_path):
    flat = np.broadcast_to(images[:, :1, :1], images.shape).copy()
    (path, *_) = save_images(penstock.make_generator(flat, shuffle=False), tmp_path, format="jpeg")

    assert path.endswith("_sample0.jpeg")
    assert np.abs(read(path).astype(int) - flat[0]).max() <= 4


def test_a_sample_that_comes_again_has_a_file_for_each_turn(images, tmp_path):
    sequence = penstock.make_generator(images, samples_per_epoch=20, batch_size=20, seed=0)
    paths = save_images(sequence, tmp_path)

    assert len(set(paths)) == 20
    assert any("_turn1." in path for path in paths)


def test_each_input_that_is_images_has_files_of_its_own(images, tmp_path):
    inputs = {"left": images, "a/right": images[:, ::-1], "age": np.arange(7.0)}
    sequence = penstock.make_generator((inputs,), shuffle=False)
    paths = save_images(sequence, tmp_path)

    assert len(paths) == 14
    assert np.array_equal(read(tmp_path / "epoch0_sample3_left.png"), images[3])
    assert np.array_equal(read(tmp_path / "epoch0_sample3_a-right.png"), images[3, ::-1])


def test_what_cannot_be_seen_is_told(images, tmp_path):
    sequence = penstock.make_generator(images)
    for options, said in (
        ({"format": "gif"}, "format='gif' is not one of"),
        ({"batches": 0}, "batches=0"),
        ({"prefix": "a/b"}, "prefix='a/b' is no beginning"),
        ({"value_range": (1, 1)}, "value_range"),
    ):
        with pytest.raises(ConfigError, match=said):
            save_images(sequence, tmp_path / "no", **options)
    with pytest.raises(ConfigError, match="no images in the inputs"):
        save_images(penstock.make_generator(images[:, 0, 0]), tmp_path / "no")
    small = penstock.make_generator((images / 255).astype(np.float32))
    with pytest.raises(ConfigError, match=r"say value_range=\(0, 1\) if 1 is white"):
        save_images(small, tmp_path / "no")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("way", ["a file in the way", "a directory in the way", "under a file"])
def test_what_cannot_be_written_is_told_with_its_reason(images, tmp_path, way):
    (tmp_path / "file").write_text("here")
    (tmp_path / "seen" / "epoch0_sample0.png").mkdir(parents=True)
    directory = {
        "a file in the way": tmp_path / "file",
        "a directory in the way": tmp_path / "seen",
        "under a file": tmp_path / "file" / "below",
    }[way]
    with (
        penstock.make_generator(images, shuffle=False) as sequence,
        pytest.raises(
            ConfigError, match=r"cannot write .*epoch0_sample0\.png.*: .*Give a directory"
        ),
    ):
        save_images(sequence, directory)
