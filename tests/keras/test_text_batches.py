"""Text reaches models on TensorFlow; on the other backends numbers do, and strings are refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError

TEXTS = ["so bad", "bad film", "good film", "so good"] * 2


@pytest.fixture
def reviews(tmp_path):
    for number, text in enumerate(TEXTS):
        folder = tmp_path / ("pos" if "good" in text else "neg")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(text)
    return str(tmp_path)


def lengths(texts):
    return np.array([[len(text), text.count("o")] for text in texts], np.float32)


def model(*layers, dtype):
    made = keras.Sequential([keras.Input((2,) if dtype == "float32" else (), dtype=dtype), *layers])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def test_strings_go_into_a_model_on_tensorflow_and_are_refused_elsewhere(reviews):
    vectorize = keras.layers.TextVectorization(output_mode="count")
    vectorize.adapt(TEXTS)
    train = penstock.make_generator(reviews, loader="text", encoder="int", batch_size=3, seed=0)
    if keras.backend.backend() != "tensorflow":
        net = model(keras.layers.Dense(2, activation="softmax"), dtype="float32")
        with pytest.raises(ConfigError, match="Keras takes none on .*vectorize="):
            net.fit(train, verbose=0)
        return
    net = model(vectorize, keras.layers.Dense(2, activation="softmax"), dtype="string")
    assert np.isfinite(net.fit(train, epochs=2, verbose=0).history["loss"]).all()
    assert net.predict(train, verbose=0).shape == (8, 2)


def test_numbers_made_on_the_way_go_into_a_model_on_every_backend(reviews):
    train = penstock.make_generator(
        reviews, loader="text", encoder="int", vectorize=lengths, batch_size=3, seed=0
    )
    net = model(keras.layers.Dense(2, activation="softmax"), dtype="float32")
    assert np.isfinite(net.fit(train, epochs=2, verbose=0).history["loss"]).all()
