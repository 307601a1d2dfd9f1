"""Other libraries' transforms in augment=[…]."""

from __future__ import annotations

import pickle
import sys

import keras
import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, PluginError

X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)


def every(sequence, field=0):
    return np.concatenate([batch[field] for batch in sequence])


def made(transform, **options):
    return penstock.make_generator((X, X.copy()), augment=[transform], seed=2, **options)


class Blot:
    """Looks like a transform of Albumentations': blackens a square at random."""

    def __init__(self) -> None:
        self.random = np.random.default_rng()

    def set_random_seed(self, seed):
        self.random = np.random.default_rng(seed)

    def __call__(self, *, image, masks=()):
        top, left = self.random.integers(0, 5, 2)
        result = {"image": image, "masks": list(masks)}
        for array in (image, *masks):
            array = array if array is image else array.copy()  # noqa: PLW2901
            array[top : top + 4, left : left + 4] = 0
            if array is not image:
                result["masks"] = [array]
        return result


Blot.__module__ = "albumentations.dropout"


class Old:
    """Looks like a transform of Albumentations' of before it could be seeded."""


Old.__module__ = "albumentations.old"


@pytest.mark.parametrize(
    "transform",
    [
        lambda: keras.layers.RandomFlip("horizontal"),
        lambda: keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomBrightness(0.3)]),
        Blot,
    ],
    ids=["a Keras layer", "several Keras layers", "Albumentations"],
)
def test_the_same_sample_in_the_same_epoch_is_augmented_alike_in_any_batch(transform):
    one = made(transform(), shuffle=False, batch_size=24, workers=0)
    other = made(transform(), shuffle=False, batch_size=5, workers=3)
    first = every(one)
    np.testing.assert_array_equal(first, every(other))
    assert not np.array_equal(first, X)
    assert not np.array_equal(first, every(one))  # the next epoch
    assert first.dtype == np.uint8


def test_a_mask_moves_with_its_image_under_albumentations():
    data = made(Blot(), shuffle=False)
    (x, y) = data[0]
    changed = (x != X).any(axis=(1, 2, 3))
    assert changed.all()
    np.testing.assert_array_equal(x, y)


def test_transforms_pickle(monkeypatch):
    for name in ("albumentations", Blot.__module__):
        monkeypatch.setitem(sys.modules, name, sys.modules[__name__])
    for transform in (Blot(), keras.layers.RandomFlip("horizontal", seed=1)):
        data = made(transform, shuffle=False)
        copy = pickle.loads(pickle.dumps(data))
        np.testing.assert_array_equal(every(copy), every(data))


def test_a_transform_that_cannot_be_seeded_is_refused():
    with pytest.raises(ConfigError, match="set_random_seed"):
        made(Old())


def test_a_layer_that_changes_the_shape_is_named():
    data = made(keras.layers.CenterCrop(4, 4))
    with pytest.raises(PluginError, match=r"CenterCrop turned a sample of shape \(8, 8, 3\) into"):
        every(data)


@pytest.mark.parametrize("nonsense", [3, {"flip": True}, object()])
def test_what_is_no_augmenter_is_refused(nonsense):
    with pytest.raises(ConfigError, match="is no augmenter"):
        made(nonsense)
