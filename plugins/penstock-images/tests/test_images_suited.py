"""An augmenter of images that is given none says so when the sequence is made."""

from __future__ import annotations

from importlib.metadata import entry_points

import numpy as np
import pytest

import penstock
from penstock import ArraySpec
from penstock.batch import Batch
from penstock.components import check_augmenters, instance
from penstock.draws import Draws
from penstock.errors import ConfigError
from penstock_images import ChannelShift

AUGMENTERS = sorted(
    entry.name
    for entry in entry_points(group="penstock.augmenters")
    if entry.value.startswith("penstock_images:")
)
IMAGES = np.zeros((8, 6, 5, 3), np.uint8)
LABELS = np.eye(2, dtype=np.float32)[np.arange(8) % 2]


def check(name, inputs, targets=None):
    check_augmenters([instance("augmenter", name, {})], (inputs, targets or {}))


@pytest.mark.parametrize("name", AUGMENTERS)
def test_numbers_of_a_csv_are_no_images(name, tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b,kind\n" + "1.5,2,x\n3.5,4,y\n" * 5)
    with pytest.raises(ConfigError, match=r"images.* is float32 of shape \(2,\).*Leave"):
        penstock.make_generator(str(path), x_col=["a", "b"], y_col="kind", augment=[name])


@pytest.mark.parametrize("name", sorted({*AUGMENTERS} - {"cutmix"}))
def test_gray_images_without_channels_are_told_of_the_axis(name):
    with pytest.raises(ConfigError, match=r"uint8 of shape \(6, 5\).*x\[\.\.\., None\]"):
        penstock.make_generator((IMAGES[..., 0], LABELS), augment=[name])


@pytest.mark.parametrize("name", sorted({*AUGMENTERS} - {"cutmix"}))
def test_one_image_among_the_inputs_is_enough(name):
    x = {"vitals": np.ones((8, 4), np.float32), "picture": IMAGES}
    with penstock.make_generator((x, LABELS), augment=[name], workers=0) as made:
        assert (made[0][0]["vitals"] == 1).all()


@pytest.mark.parametrize("name", AUGMENTERS)
def test_boxes_and_points_are_no_images(name):
    points = ArraySpec((3, 17, 2), np.float32, coordinates="xy", objects="people")
    with pytest.raises(ConfigError, match="images"):
        check(name, {"points": points})


@pytest.mark.parametrize("name", ["flip", "rotate", "shear", "shift", "zoom"])
def test_what_moves_masks_needs_no_image_beside_them(name):
    numbers, mask = ArraySpec((4,), np.float32), ArraySpec((6, 5, 1), np.uint8)
    check(name, {"x": numbers}, {"y": mask})


@pytest.mark.parametrize("name", ["brightness", "channelshift", "erase", "randaugment"])
def test_what_changes_colours_needs_images_among_the_inputs(name):
    x, mask = np.ones((8, 4), np.float32), IMAGES[..., :1]
    with pytest.raises(ConfigError, match="there are none"):
        penstock.make_generator((x, mask), augment=[name])


def test_images_of_any_size_are_images():
    spec = ArraySpec((None, None, 3), np.uint8)
    for name in AUGMENTERS:
        check(name, {"x": spec})


def test_points_among_the_inputs_keep_their_places_when_channels_are_shifted():
    points = np.full((2, 3, 17, 2), 4.0, np.float32)
    spec = ArraySpec((3, 17, 2), np.float32, coordinates="xy", objects="people")
    batch = Batch(
        {"x": IMAGES[:2].copy(), "points": points},
        {},
        None,
        Draws(0, 0, np.arange(2)),
        {"points": spec},
    )
    ChannelShift(intensity=(20, 20)).augment_samples(batch)
    assert (points == 4.0).all()
