"""Keras takes a weight per pixel, on every backend, and means by it what we do."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import penstock

COUNT, HEIGHT, WIDTH, CLASSES = 10, 4, 6, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(COUNT, HEIGHT, WIDTH, 2)).astype(np.float32)
MASKS = RNG.integers(0, CLASSES, (COUNT, HEIGHT, WIDTH, 1)).astype(np.int32)
WEIGHTS = {0: 0.5, 1: 4.0, 2: 0.0}
TABLE = np.array([0.5, 4.0, 0.0])


def entropies(predicted, masks):
    """The cross-entropy of every pixel."""
    chosen = np.take_along_axis(predicted, masks, axis=-1)[..., 0]
    return -np.log(chosen)


@pytest.fixture
def segmenter():
    keras.utils.set_random_seed(1)
    image = keras.Input((HEIGHT, WIDTH, 2), name="image")
    mask = keras.layers.Dense(CLASSES, activation="softmax", name="mask")(image)
    return keras.Model(image, mask)


@pytest.mark.parametrize("channel", [True, False])
def test_the_loss_is_that_of_weighted_pixels(segmenter, channel):
    masks = MASKS if channel else MASKS[..., 0]
    weighed = penstock.make_generator((X, masks), class_weight=WEIGHTS, batch_size=5)
    segmenter.compile("sgd", "sparse_categorical_crossentropy")

    loss = segmenter.evaluate(weighed, verbose=0)

    predicted = segmenter.predict(X, verbose=0)
    wanted = (TABLE[MASKS[..., 0]] * entropies(predicted, MASKS)).mean()
    assert loss == pytest.approx(wanted, rel=1e-4)


@pytest.fixture
def network():
    """A mask of two classes, and a label."""
    image = keras.Input((HEIGHT, WIDTH, 2), name="image")
    mask = keras.layers.Dense(1, activation="sigmoid", name="mask")(image)
    sick = keras.layers.Dense(1, activation="sigmoid", name="sick")(keras.layers.Flatten()(image))
    made = keras.Model({"image": image}, {"mask": mask, "sick": sick})
    made.compile("sgd", {"mask": "binary_crossentropy", "sick": "binary_crossentropy"})
    return made


@pytest.mark.parametrize("weights", [{0: 0.0}, {0: 2.0}])
def test_fit_learns_nothing_from_pixels_of_weight_0(network, weights):
    labels = (np.arange(COUNT) % 2).astype(np.float32)[:, None]
    weighed = penstock.make_generator(
        ({"image": X}, {"mask": np.zeros_like(MASKS), "sick": labels}),
        class_weight={"mask": weights},
        batch_size=4,
    )
    layers = [network.get_layer(name) for name in ("mask", "sick")]
    before = [layer.get_weights() for layer in layers]

    network.fit(weighed, epochs=2, verbose=0)

    mask, sick = (
        all(np.array_equal(old, new) for old, new in zip(given, layer.get_weights(), strict=True))
        for given, layer in zip(before, layers, strict=True)
    )
    assert mask == (weights[0] == 0.0)
    assert not sick
