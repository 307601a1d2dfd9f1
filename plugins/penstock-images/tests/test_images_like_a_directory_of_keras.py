"""A directory gives what keras.utils.image_dataset_from_directory gives, option by option.

What differs on purpose stands in tests of its own at the end.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError, LabelError

COUNTS = {"birds": 5, "Cats": 7, "ants": 9, "zebras": 2}
SIZES = [(60, 80), (33, 20), (64, 64), (31, 97), (120, 30)]


@pytest.fixture
def folder(tmp_path, photo):
    """Class folders of PNG files of several sizes, some of them further down."""
    number = 0
    for name, count in COUNTS.items():
        for at in range(count):
            below = tmp_path / "data" / name / ("more" if at % 4 == 3 else "")
            below.mkdir(parents=True, exist_ok=True)
            height, width = SIZES[number % len(SIZES)]
            top, left = 7 * number, 11 * number
            pixels = photo[top : top + height, left : left + width]
            Image.fromarray(np.ascontiguousarray(pixels)).save(below / f"{at}.PNG")
            number += 1
    return tmp_path / "data"


def by_keras(folder, **options):
    import keras

    options = {"shuffle": False, "image_size": (40, 50), "verbose": False} | options
    return keras.utils.image_dataset_from_directory(folder, **options)


def by_us(folder, **options):
    options = {"shuffle": False, "image_size": (40, 50), "encoder": "int"} | options
    return penstock.make_generator(folder, **options)


# Their options, ours, and by how much pixels may differ; theirs are rounded to what pixels can be.
SAME = {
    "nothing": ({}, {}, 1),
    "label_mode int": ({"label_mode": "int"}, {"encoder": "int"}, 1),
    "label_mode categorical": ({"label_mode": "categorical"}, {"encoder": "categorical"}, 1),
    "label_mode None": ({"label_mode": None}, {"encoder": "none"}, 1),
    "labels None": ({"labels": None}, {"encoder": "none"}, 1),
    "labels listed": ({"labels": [0, 1, 2] * 7 + [1, 2]}, {"labels": [0, 1, 2] * 7 + [1, 2]}, 1),
    "class_names": (
        {"class_names": ["zebras", "Cats", "birds", "ants"]},
        {"class_names": ["zebras", "Cats", "birds", "ants"]},
        1,
    ),
    "some class_names": (
        {"class_names": ["birds", "ants"]},
        {"class_names": ["birds", "ants"]},
        1,
    ),
    "label_mode binary": (
        {"class_names": ["birds", "ants"], "label_mode": "binary"},
        {"class_names": ["birds", "ants"], "encoder": "binary"},
        1,
    ),
    "color_mode grayscale": (
        {"color_mode": "grayscale", "interpolation": "nearest"},
        {"color_mode": "grayscale", "interpolation": "nearest"},
        1,
    ),
    "color_mode rgba": ({"color_mode": "rgba"}, {"color_mode": "rgba"}, 1),
    "batch_size": ({"batch_size": 4}, {"batch_size": 4}, 1),
    "image_size": ({"image_size": (17, 90)}, {"image_size": (17, 90)}, 1),
    "crop": ({"crop_to_aspect_ratio": True}, {"crop_to_aspect_ratio": True}, 1),
    "pad": ({"pad_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, 1),
    "channels_first": ({"data_format": "channels_first"}, {"data_format": "channels_first"}, 1),
    "channels_first, crop": (
        {"data_format": "channels_first", "crop_to_aspect_ratio": True},
        {"data_format": "channels_first", "crop_to_aspect_ratio": True},
        1,
    ),
    "follow_links": ({"follow_links": True}, {"follow_links": True}, 1),
    "nearest": ({"interpolation": "nearest"}, {"interpolation": "nearest"}, 0),
    **{
        f"{name}, {fit}": (
            {"interpolation": name, fit: True},
            {"interpolation": name, fit: True},
            1,
        )
        for name in ("bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
        for fit in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
        # Keras refuses to crop with these two.
        if "pad" in fit or name not in ("gaussian", "mitchellcubic")
    },
}


@pytest.mark.parametrize("option", SAME)
def test_files_labels_and_pixels_are_the_same(option, folder):
    theirs, ours, tolerance = SAME[option]
    expected, found = by_keras(folder, **theirs), by_us(folder, **ours)

    assert found.filepaths == list(expected.file_paths)
    classes = getattr(expected, "class_names", None)
    if classes is not None:
        assert [str(name) for name in found.class_names] == list(classes)
    for batch, theirs_batch in zip(found, expected, strict=True):
        wanted = theirs_batch if isinstance(theirs_batch, tuple) else (theirs_batch,)
        assert len(batch) == len(wanted)
        x, *y = (each.numpy() for each in wanted)
        assert batch[0].shape == x.shape
        # Theirs are bytes where nothing is interpolated.
        assert batch[0].dtype == np.float32
        assert np.abs(batch[0] - np.clip(x, 0, 255)).max() <= tolerance
        for mine, other in zip(batch[1:], y, strict=True):
            assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
            assert np.array_equal(mine, other)


def test_a_batch_size_of_none_is_iteration_over_single_samples(folder):
    expected = list(by_keras(folder, batch_size=None))
    found = list(by_us(folder, batch_size=4).unbatched())

    assert len(found) == len(expected) == sum(COUNTS.values())
    for (x, y), (wanted, label) in zip(found, expected, strict=True):
        assert x.shape == wanted.shape
        assert np.abs(x - wanted.numpy()).max() <= 1
        assert y == label.numpy()
    with pytest.raises(ConfigError, match=r"iterate over sequence.unbatched\(\)"):
        by_us(folder, batch_size=None)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.33, 0.5, 0.77, 0.9])
def test_parts_have_the_sizes_of_theirs(share, folder):
    options = {"validation_split": share, "seed": 3}
    both = by_us(folder, subset="both", **options)
    single = [by_us(folder, subset=name, **options) for name in ("training", "validation")]
    theirs = by_keras(folder, subset="both", **options)

    sizes = [len(each.file_paths) for each in theirs]
    assert [each.num_samples for each in both] == sizes
    assert [each.num_samples for each in single] == sizes
    assert [each.filepaths for each in both] == [each.filepaths for each in single]
    assert not set(both[0].filepaths) & set(both[1].filepaths)


def test_follow_links_agrees_below_the_class_folders(folder, tmp_path):
    if os.name == "nt":
        pytest.skip("Links need a privilege there.")
    elsewhere = tmp_path / "elsewhere"
    (folder / "Cats" / "more").rename(elsewhere)
    (folder / "Cats" / "linked").symlink_to(elsewhere)

    for follow in (False, True):
        expected = by_keras(folder, follow_links=follow)
        assert by_us(folder, follow_links=follow).filepaths == list(expected.file_paths)


@pytest.mark.parametrize("size", [(64, 64), (200, 200), (375, 500)])
def test_accurate_jpegs_are_those_of_tensorflow_resized(size, tmp_path, photo):
    (tmp_path / "a").mkdir()
    Image.fromarray(photo).save(tmp_path / "a" / "photo.jpg", quality=92)
    options = {"image_size": size}
    theirs = next(iter(by_keras(tmp_path, labels=None, **options))).numpy()
    accurate = by_us(tmp_path, encoder="none", decode="accurate", **options)[0][0]
    fast = by_us(tmp_path, encoder="none", **options)[0][0]

    assert np.abs(accurate - theirs).max() <= 1
    # Where it has enough pixels, fast averages those that a resize without antialiasing skips.
    assert np.abs(fast - theirs).mean() <= (12 if size[0] < 100 else 3)


# What differs on purpose.


def test_here_validation_has_each_class_in_proportion_and_theirs_is_the_end_of_a_shuffled_list(
    folder,
):
    train, validation = by_us(folder, validation_split=0.5, subset="both", seed=0)

    for part in (train, validation):
        assert np.abs(np.bincount(part.labels) - np.array([3.5, 4.5, 2.5, 1.0])).max() <= 1


def test_here_no_link_is_followed_unless_asked(folder, tmp_path):
    if os.name == "nt":
        pytest.skip("Links need a privilege there.")
    (folder / "ants").rename(tmp_path / "ants")
    (folder / "ants").symlink_to(tmp_path / "ants")

    assert len(by_keras(folder).file_paths) == sum(COUNTS.values())
    assert by_us(folder).num_samples == sum(COUNTS.values()) - COUNTS["ants"]
    followed = by_us(folder, follow_links=True)
    assert followed.filepaths == list(by_keras(folder, follow_links=True).file_paths)


def test_here_hidden_files_are_left_out_and_webp_and_tiff_are_read(folder):
    with Image.open(folder / "ants" / "0.PNG") as image:
        image.save(folder / "ants" / "._0.png")
        image.save(folder / "ants" / "a.webp")
        image.save(folder / "ants" / "b.tiff")
    names = {os.path.basename(path) for path in by_us(folder).filepaths}

    assert "._0.png" not in names
    assert {"a.webp", "b.tiff"} <= names
    theirs = {os.path.basename(path) for path in by_keras(folder).file_paths}
    assert "._0.png" in theirs
    assert not {"a.webp", "b.tiff"} & theirs


def test_here_a_class_that_has_no_folder_is_an_error_as_it_is_there(folder):
    with pytest.raises(ValueError, match="did not match"):
        by_keras(folder, class_names=["ants", "brids"])
    with pytest.raises(LabelError, match="labels are not among the 2 classes"):
        by_us(folder, class_names=["ants", "brids"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_mode": "int"}, "What Keras calls label_mode is encoder= here"),
        ({"labels": "inferred"}, "folders are labels without either"),
        ({"format": "tf"}, r"sequence.to_tf_dataset\(\)"),
        ({"verbose": False}, r"print\(sequence\)"),
        ({"image_size": 64}, r"give \(height, width\)"),
        ({"rotation_range": 20}, r"augment=\[penstock_images.Rotate\(factor=20 / 360\)\]"),
        ({"save_to_dir": "seen"}, r"penstock_images.save_images\(sequence"),
        ({"cval": 3.0}, "is fill_value= of augmenters here"),
    ],
)
def test_their_spelling_is_answered_with_ours(options, said, folder):
    with pytest.raises(ConfigError, match=said):
        by_us(folder, **options)


def test_the_augmenters_that_messages_show_can_be_made():
    import penstock_images
    from penstock.components import _ELSEWHERE

    shown = [text.partition("augment=[penstock_images.")[2] for text in _ELSEWHERE.values()]
    calls = [text.removesuffix("].") for text in shown if text]
    assert len(calls) == 9
    for call in calls:
        eval(call, vars(penstock_images))


def test_here_files_beside_the_class_folders_are_left_out_with_a_warning(folder):
    (folder / "ants" / "0.PNG").rename(folder / "0.PNG")

    assert len(by_keras(folder, labels=None).file_paths) == sum(COUNTS.values())
    with pytest.warns(UserWarning, match=r"1 .* files beside the class folders are left out"):
        found = by_us(folder, encoder="none")
    assert found.filepaths == list(by_keras(folder).file_paths)
