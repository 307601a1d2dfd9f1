"""Weights of the classes of masks: a sample weight for every pixel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import penstock
from penstock.errors import ConfigError
from penstock_images import CutMix, ImageFiles

SIZE = {"image_size": (5, 6)}
GREY = {**SIZE, "color_mode": "grayscale", "interpolation": "nearest"}
WEIGHTS = {0: 0.25, 1: 3.0, 255: 0.0}


@pytest.fixture
def scans(tmp_path):
    """Six images with masks of the classes 0, 1 and 2, and 255 for nobody knows."""
    rng = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8)).save(tmp_path / name)
        mask = rng.choice([0, 1, 2, 255], (5, 6)).astype(np.uint8)
        Image.fromarray(mask).save(tmp_path / f"mask{name}")
        np.save(tmp_path / f"{name}.npy", mask)
    table = pd.DataFrame(
        {
            "scan": names,
            "mask": [f"mask{name}" for name in names],
            "array": [f"{name}.npy" for name in names],
            "sick": [0, 1, 0, 0, 1, 0],
            "trust": np.linspace(0.5, 1, 6),
        }
    )
    return table, tmp_path


def segments(scans, targets=None, **options):
    table, root = scans
    options = {"class_weight": WEIGHTS, "batch_size": 6, "seed": 0, "root": root, **options}
    mask = ImageFiles(column="mask", dtype="uint8", **GREY)
    return penstock.make_generator(
        table,
        inputs={"scan": ImageFiles(column="scan", **SIZE)},
        targets=targets or {"mask": mask},
        **options,
    )


def expected(mask):
    return np.where(mask == 0, 0.25, np.where(mask == 1, 3.0, np.where(mask == 255, 0.0, 1.0)))


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "uint8"},
        {"dtype": "float32"},
        {"dtype": "float32", "rescale": 1 / 255},
        {"dtype": "int32", "data_format": "channels_first"},
    ],
)
def test_each_pixel_has_the_weight_of_its_class(scans, options):
    _, y, weight = segments(scans, {"mask": ImageFiles(column="mask", **GREY, **options)})[0]
    mask = y["mask"].reshape(6, 5, 6)
    if "rescale" in options:
        mask = np.rint(mask * 255)
    assert weight["mask"].dtype == np.float32
    np.testing.assert_array_equal(weight["mask"], expected(mask).astype(np.float32))


def test_masks_without_channels_and_of_the_only_target_will_do(scans):
    _, root = scans
    x = np.zeros((6, 5, 6, 3), np.float32)
    y = np.stack([np.load(root / f"{number}.png.npy") for number in range(6)])
    found, mask, weight = penstock.make_generator((x, y), class_weight=WEIGHTS)[0]
    assert found.shape == x.shape
    np.testing.assert_array_equal(weight, expected(mask).astype(np.float32))


def test_weights_of_samples_multiply_those_of_pixels(scans):
    table, root = scans
    (root / "2.png").write_bytes(b"broken")
    _, y, weight = segments(scans, sample_weight="trust", on_error="mask", shuffle=False)[0]
    trust = table["trust"].to_numpy() * (np.arange(6) != 2)
    wanted = expected(y["mask"][..., 0]) * trust[:, None, None]
    np.testing.assert_allclose(weight["mask"], wanted, rtol=1e-6)


def test_a_mask_and_labels_are_weighed_each_by_itself(scans):
    targets = {
        "mask": ImageFiles(column="mask", dtype="uint8", **GREY),
        "sick": penstock.Int(column="sick"),
        "depth": ImageFiles(column="scan", **SIZE),
    }
    by_target = {"mask": WEIGHTS, "sick": {1: 4.0}}
    _, y, weight = segments(scans, targets, class_weight=by_target)[0]
    np.testing.assert_array_equal(weight["mask"], expected(y["mask"][..., 0]).astype(np.float32))
    np.testing.assert_array_equal(weight["sick"], np.where(y["sick"] == 1, 4.0, 1.0))
    np.testing.assert_array_equal(weight["depth"], np.ones(6))


def test_a_mask_beside_one_target_with_classes_is_not_meant(scans):
    targets = {
        "mask": ImageFiles(column="mask", dtype="uint8", **GREY),
        "sick": penstock.Int(column="sick"),
    }
    _, y, weight = segments(scans, targets, class_weight={1: 4.0})[0]
    np.testing.assert_array_equal(weight, np.where(y["sick"] == 1, 4.0, 1.0))


def test_pixels_are_weighed_where_augmenters_have_moved_them_to(scans):
    augment = ["flip", "rotate", CutMix()]
    for _, y, weight in segments(scans, augment=augment, batch_size=3):
        np.testing.assert_allclose(weight["mask"], expected(y["mask"][..., 0]), rtol=1e-6)


def test_validation_is_not_weighed(scans):
    train, val = segments(scans).split(0.5, 0.5)
    assert len(train[0]) == 3
    assert len(val[0]) == 2


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        ("balanced", "every mask would have to be counted"),
        ({"mask": "balanced"}, "every mask would have to be counted"),
        ({"cell": 2.0}, "class numbers"),
        ({0.5: 2.0}, "class numbers"),
        ({10**9: 2.0}, "at most 65535"),
        ({0: -1.0}, "at least 0"),
        ({0: "much"}, "'much'"),
        ({}, "Give a dict"),
        ({"maks": {0: 1.0}}, "Did you mean 'mask'"),
    ],
)
def test_weights_that_cannot_be_are_refused(scans, weights, wanted):
    with pytest.raises(ConfigError, match=wanted):
        segments(scans, class_weight=weights)


def test_a_target_that_is_no_mask_has_no_classes(scans):
    with pytest.raises(ConfigError, match="needs one target with classes"):
        segments(scans, {"depth": ImageFiles(column="scan", **SIZE)})
