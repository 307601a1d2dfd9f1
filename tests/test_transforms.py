"""Other libraries' transforms in augment=[…]."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import keras
import numpy as np
import pytest

import penstock
from penstock import transforms
from penstock.errors import ConfigError, PluginError
from penstock.testing import AugmenterConformance
from penstock.transforms import AlbumentationsTransform, KerasLayer

if find_spec("albumentations") is None:  # the tests' stand-in remains
    albumentations = None
else:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network
    import albumentations


def real(transform):
    """Mark a case that needs the library itself."""
    return pytest.param(transform, marks=needs_albumentations)


needs_albumentations = pytest.mark.skipif(albumentations is None, reason="no Albumentations")
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


ROLLED = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


def masked(augmenter, masks=None, **options):
    """Make batches of images, and of masks that show where an image's pixels are."""
    masks = np.tile(ROLLED, (24, 1, 1, 1)) if masks is None else masks
    x = np.repeat(masks.reshape(24, 8, 8, 1), 3, axis=-1) * 4
    return x, penstock.make_generator(
        (x, masks), augment=[augmenter], shuffle=False, seed=3, batch_size=5, **options
    )


def turned(array, rng):
    return np.rot90(array, rng.integers(4))


def shift():
    return keras.layers.RandomTranslation(0.3, 0.3, fill_mode="reflect", interpolation="nearest")


@pytest.mark.parametrize(
    "transform",
    [
        keras.layers.RandomFlip,
        shift,
        lambda: keras.Sequential([keras.layers.RandomFlip(), keras.layers.Rescaling(1), shift()]),
        real(lambda: albumentations.Compose([albumentations.RandomRotate90(p=0.9)])),
        penstock.augmenter(turned, masks=True),
    ],
    ids=["a Keras flip", "a Keras shift", "several Keras layers", "Albumentations", "a function"],
)
@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8)])
def test_a_mask_moves_with_its_image(transform, shape):
    x, data = masked(transform(), np.tile(ROLLED.reshape(shape), (24, *[1] * len(shape))))
    batches = list(data)
    images, masks = (np.concatenate([batch[place] for batch in batches]) for place in (0, 1))
    assert (images != x).any(axis=(1, 2, 3)).mean() > 0.4
    np.testing.assert_array_equal(images[..., 0], masks.reshape(24, 8, 8) * 4)


@pytest.mark.parametrize(
    "transform",
    [
        lambda: keras.layers.RandomBrightness(0.5),
        lambda: keras.layers.GaussianNoise(1.0),
        real(lambda: albumentations.RandomBrightnessContrast(p=1.0)),
        penstock.augmenter(lambda a, rng: a + rng.normal(0, 20), masks=False),
    ],
    ids=["a Keras preprocessing layer", "a Keras layer", "Albumentations", "a function"],
)
def test_a_mask_keeps_its_values_where_its_image_changes_colour(transform):
    x, data = masked(transform())
    batches = list(data)
    images, masks = (np.concatenate([batch[place] for batch in batches]) for place in (0, 1))
    assert not np.array_equal(images, x)
    np.testing.assert_array_equal(masks, np.tile(ROLLED, (24, 1, 1, 1)))


def test_a_rotated_mask_has_no_values_between_its_classes():
    masks = np.random.default_rng(0).choice([0, 100], (24, 8, 8, 1)).astype(np.uint8)
    _, data = masked(keras.layers.RandomRotation(0.4), masks)
    assert set(np.unique(every(data, 1))) == {0, 100}


@pytest.mark.parametrize(
    ("augmenter", "said"),
    [
        (turned, "penstock.augmenter(turned, masks=True) if it moves pixels"),
        (keras.layers.Lambda(lambda x: x), "layer Lambda does not say what becomes of masks"),
    ],
    ids=["a function", "a Keras layer"],
)
def test_an_augmenter_that_does_not_say_what_becomes_of_masks_is_refused_beside_one(
    augmenter, said
):
    _, data = masked(augmenter)
    with pytest.raises(ConfigError) as caught:
        data[0]
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "transform",
    [
        lambda: turned,
        shift,
        real(lambda: albumentations.RandomRotate90(p=1.0)),
    ],
    ids=["a function", "a Keras layer", "Albumentations"],
)
def test_the_inputs_of_a_sample_are_changed_alike(transform):
    data = penstock.make_generator(({"left": X, "right": X.copy()},), augment=[transform()], seed=1)
    for (batch,) in data:
        np.testing.assert_array_equal(batch["left"], batch["right"])


def test_a_layer_shared_by_two_generators_gives_each_what_it_would_have_alone():
    def data(layer, seed):
        return penstock.make_generator(
            (X,), augment=[layer], seed=seed, shuffle=False, workers=2, batch_size=3
        )

    alone = [every(data(keras.layers.RandomFlip(), seed)) for seed in (1, 2)]
    layer = keras.layers.RandomFlip()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(every, [data(layer, 1), data(layer, 2)]))
    np.testing.assert_array_equal(alone, together)


class TestAKerasLayer(AugmenterConformance):
    """What the kit asks of everybody's augmenters."""

    entry_point = None
    changes_targets = True

    def make(self):
        return KerasLayer(keras.layers.RandomFlip())


@needs_albumentations
class TestAnAlbumentationsTransform(AugmenterConformance):
    """What the kit asks of everybody's augmenters."""

    entry_point = None
    changes_targets = True

    def make(self):
        return AlbumentationsTransform(albumentations.Compose([albumentations.RandomRotate90()]))

    def inputs(self):
        return [{"x": X}, {"x": X.astype(np.float32)}]


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_while_a_layer_runs_can_run_layers():
    with transforms._KERAS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads may run, and JAX says so in words of its own
        child = os.fork()
        if not child:
            os._exit(not transforms._KERAS.acquire(timeout=10))
    assert os.waitpid(child, 0)[1] == 0


def test_a_layer_that_changes_the_shape_is_named():
    data = made(keras.layers.CenterCrop(4, 4))
    with pytest.raises(PluginError, match=r"CenterCrop turned a sample of shape \(8, 8, 3\) into"):
        every(data)


@pytest.mark.parametrize("nonsense", [3, {"flip": True}, object()])
def test_what_is_no_augmenter_is_refused(nonsense):
    with pytest.raises(ConfigError, match="is no augmenter"):
        made(nonsense)


@pytest.mark.parametrize("transform", [keras.layers.RandomFlip(), Blot()], ids=["layer", "blot"])
def test_what_is_called_with_images_is_refused_where_there_are_none(transform, monkeypatch):
    monkeypatch.setattr(Blot, "__module__", "albumentations.stand_in")
    with pytest.raises(ConfigError, match=r"called with images.*float32 of shape \(4,\)"):
        penstock.make_generator((np.ones((8, 4), np.float32),), augment=[transform])
