"""CutMix and random erasing: where boxes are, what is in them, and what is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

import penstock
from penstock import ArraySpec, Batch, Draws
from penstock.errors import ConfigError
from penstock_images import CutMix, Erase, ImageFiles

SIZE = (12, 16)


def numbered(count, size=SIZE, channels=3, dtype="uint8"):
    """Images that say who they are: image i is all i, and its label is i, one-hot."""
    images = np.broadcast_to(np.arange(count).reshape(-1, 1, 1, 1), (count, *size, channels))
    return images.astype(dtype), np.eye(count, dtype=np.float32)


def batch_of(images, targets=None, weight=None, seed=0, **specs):
    draws = Draws(seed, 0, np.arange(len(images)))
    return Batch({"x": images}, targets or {}, weight, draws, **specs)


# CutMix


@given(st.integers(1, 12), st.floats(0.05, 20), st.integers(0, 2**32), st.booleans())
@settings(deadline=None, max_examples=60)
def test_labels_are_shared_as_the_area_is(count, alpha, seed, probably):
    images, labels = numbered(count)
    weight = np.linspace(1, 2, count, dtype=np.float32)
    batch = batch_of(images, {"y": labels}, weight.copy(), seed)

    CutMix(alpha=alpha, probability=0.5 if probably else 1.0).augment_batch(batch)

    for place, (image, label) in enumerate(zip(images[..., 0], batch.targets["y"], strict=True)):
        shares = np.bincount(image.reshape(-1), minlength=count) / image.size
        np.testing.assert_allclose(label, shares, atol=1e-6)
        assert np.count_nonzero(shares) <= 2
        pasted = np.argwhere(image != place)
        if len(pasted):  # is a box
            (top, left), (bottom, right) = pasted.min(axis=0), pasted.max(axis=0) + 1
            assert (image[top:bottom, left:right] != place).all()
    np.testing.assert_allclose(batch.sample_weight, batch.targets["y"] @ weight, rtol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masks_and_further_images_are_cut_at_the_same_place(data_format):
    images, labels = numbered(8)
    near, _ = numbered(8, (24, 32), 1, "float32")
    masks, flat = images[..., :1].copy(), images[..., 0].copy()
    first = data_format == "channels_first"
    shape = (3, *SIZE) if first else (*SIZE, 3)
    spec = ArraySpec((*SIZE, 3), "uint8", data_format=data_format)
    assert spec.deliver_shape == shape
    given_images = np.ascontiguousarray(np.moveaxis(images, -1, 1)) if first else images
    batch = Batch(
        {"x": given_images, "near": near},
        {"y": labels, "mask": masks, "flat": flat},
        None,
        Draws(3, 1, np.arange(8)),
        {"x": spec},
        {"mask": ArraySpec((*SIZE, 1), "uint8"), "flat": ArraySpec(SIZE, "uint8")},
    )

    CutMix().augment_batch(batch)

    seen = given_images[:, 0] if first else given_images[..., 0]
    assert (seen == masks[..., 0]).all()
    assert (seen == flat).all()
    assert any(len(np.unique(image)) == 2 for image in seen)
    # The larger one has the say; its box, rounded, is that of the others within a pixel.
    for large, small in zip(near[..., 0], seen, strict=True):
        assert np.count_nonzero(large[::2, ::2] != small) <= sum(SIZE) * 2
        shares = np.bincount(large.astype(int).reshape(-1), minlength=8) / large.size
        np.testing.assert_allclose(labels[small[0, 0]].sum(), 1, rtol=1e-6)
        assert any(np.allclose(shares, label, atol=1e-6) for label in labels)


def test_samples_of_weight_0_neither_give_nor_take():
    images, labels = numbered(10)
    weight = np.array([1, 0] * 5, np.float32)
    batch = batch_of(images, {"y": labels}, weight)
    CutMix(alpha=5.0).augment_batch(batch)
    assert not (images[::2] % 2).any()
    assert (images[1::2] == np.arange(1, 10, 2).reshape(-1, 1, 1, 1)).all()
    assert (batch.sample_weight == [1, 0] * 5).all()


@pytest.fixture
def photos(tmp_path):
    rows = []
    for number in range(10):
        Image.fromarray(np.full((*SIZE, 3), 20 * number, np.uint8)).save(tmp_path / f"{number}.png")
        rows.append((f"{number}.png", "ab"[number % 2], 0.5 * number))
    return pd.DataFrame(rows, columns=["path", "label", "age"]), tmp_path


def generator(photos, **options):
    table, root = photos
    given = {"x_col": "path", "y_col": "label", "image_size": SIZE, "root": root, "seed": 5}
    return penstock.make_generator(table, **{"batch_size": 4, **given, **options})


@pytest.mark.parametrize("augment", [["cutmix"], ["erase", "mixup", "cutmix"]])
def test_any_number_of_threads_gives_the_same_bytes(photos, augment):
    runs = [
        [
            [part.tobytes() for part in batch]
            for batch in generator(photos, augment=augment, workers=w)
        ]
        for w in (0, 1, 3)
    ]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != [[part.tobytes() for part in batch] for batch in generator(photos)]


def test_class_numbers_and_inputs_that_are_no_images_are_refused(photos):
    with pytest.raises(ConfigError, match="categorical_crossentropy"):
        generator(photos, augment="cutmix", encoder="int")[0]
    table, root = photos
    with pytest.raises(ConfigError, match="'age' is float32 .* mixup mixes"):
        penstock.make_generator(
            table,
            inputs={
                "photo": ImageFiles(column="path", image_size=SIZE),
                "age": penstock.Columns("age"),
            },
            y_col="label",
            augment="cutmix",
            root=root,
        )[0]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({"alpha": 0.0}, "above 0"), ({"alpha": "1"}, "finite"), ({"probability": 2}, "from 0 to 1")],
)
def test_options_of_cutmix_that_cannot_work_are_refused(options, wanted):
    with pytest.raises(ConfigError, match=wanted):
        CutMix(**options)


# Random erasing


def erased(images, seed=0, **options):
    found = images.copy()
    Erase(probability=1.0, **options).augment_samples(batch_of(found, seed=seed))
    return found


def boxes_of(images, found):
    """Return the box that was erased of each image: top, left, bottom, right."""
    changed = (images != found).any(axis=-1)
    return [
        (*np.argwhere(each).min(axis=0), *(np.argwhere(each).max(axis=0) + 1)) for each in changed
    ]


@pytest.mark.parametrize("fill_mode", ["constant", "mean"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_box_of_the_area_and_the_sides_asked_for_is_erased(fill_mode, dtype):
    images = np.random.default_rng(0).integers(0, 100, (60, 50, 70, 3)).astype(dtype)
    found = erased(images, scale=(0.1, 0.3), ratio=(0.5, 2.0), fill_mode=fill_mode, fill_value=200)
    areas = []
    for image, result, box in zip(images, found, boxes_of(images, found), strict=True):
        top, left, bottom, right = box
        inside = result[top:bottom, left:right].reshape(-1, 3)
        wanted = 200 if fill_mode == "constant" else image.reshape(-1, 3).mean(axis=0)
        assert np.abs(inside - wanted).max() <= (0.51 if dtype == "uint8" else 1e-3)
        areas.append((bottom - top) * (right - left) / (50 * 70))
        assert 0.45 < (bottom - top) / (right - left) < 2.2
    assert 0.08 < min(areas) < 0.15
    assert 0.25 < max(areas) < 0.33


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "int64"])
def test_noise_is_of_all_values_and_of_each_sample_alone(dtype):
    images = np.full((12, 40, 40, 3), 50, dtype)
    images[:, 0, 0] = 0
    images[:, -1, -1] = 100
    found = erased(images, scale=(0.2, 0.3))
    noise = [
        each[top:bottom, left:right].reshape(-1)
        for each, (top, left, bottom, right) in zip(found, boxes_of(images, found), strict=True)
    ]
    values = np.concatenate(noise).astype(np.float64)
    whole = np.dtype(dtype).kind in "iu" and np.dtype(dtype).itemsize <= 2
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else (0, 100)
    assert low <= values.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 0.03 * (high - low)
    assert len({each.tobytes() for each in noise}) == 12


def test_every_second_image_is_erased_and_no_mask():
    images = np.zeros((2000, 8, 8, 1), np.uint8)
    masks = images.copy()
    Erase(fill_mode="constant", fill_value=9).augment_samples(batch_of(images, {"mask": masks}))
    assert 900 < np.count_nonzero(images.any(axis=(1, 2, 3))) < 1100
    assert not masks.any()


def test_images_of_a_sample_are_erased_at_the_same_place():
    large, small = np.zeros((20, 40, 40, 3), np.uint8), np.zeros((20, 20, 20, 1), np.uint8)
    batch = Batch({"a": large, "b": small}, {}, None, Draws(0, 0, np.arange(20)))
    Erase(probability=1.0, fill_mode="constant", fill_value=1).augment_samples(batch)
    apart = (large[:, ::2, ::2, :1] != small).reshape(20, -1).sum(axis=1)
    assert apart.max() <= 40
    assert small.any(axis=(1, 2, 3)).all()


def test_what_never_fits_is_not_erased():
    images = np.zeros((50, 2, 60, 1), np.uint8)
    found = erased(images, scale=(0.9, 1.0), ratio=(1.0, 1.0), fill_value=1, fill_mode="constant")
    assert not found.any()


@given(st.integers(0, 2**32), st.integers(0, 6))
@settings(deadline=None, max_examples=20)
def test_slices_are_erased_as_the_whole_batch_is(seed, cut):
    images, _ = numbered(6)
    whole, sliced = images.copy(), images.copy()
    Erase().augment_samples(batch_of(whole, seed=seed))
    for part in (slice(cut), slice(cut, None)):
        numbers = np.arange(6)[part]
        Erase().augment_samples(Batch({"x": sliced[part]}, {}, None, Draws(seed, 0, numbers)))
    assert (whole == sliced).all()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"probability": -0.1}, "from 0 to 1"),
        ({"probability": (0, 1)}, "from 0 to 1"),
        ({"scale": (0.0, 0.5)}, "above 0"),
        ({"scale": (0.5, 0.1)}, "pair"),
        ({"scale": 1.5}, "within"),
        ({"ratio": (0.0, 1.0)}, "above 0"),
        ({"fill_mode": "noisy"}, "Did you mean 'noise'"),
        ({"fill_value": None}, "finite number"),
    ],
)
def test_options_of_erase_that_cannot_work_are_refused(options, wanted):
    with pytest.raises(ConfigError, match=wanted):
        Erase(**options)
