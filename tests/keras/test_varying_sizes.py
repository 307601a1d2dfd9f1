"""Keras trains on samples of varying size, whichever backend ``KERAS_BACKEND`` names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pandas as pd
import pytest

import penstock
from penstock_npy import NpyFiles

BACKEND = keras.backend.backend()
# The first two batches are alike: Keras must not take their size for everybody's.
SIZES = [3, 5, 2, 5, 5, 1, 4, 9, 7, 2, 6]


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    names = []
    for number, size in enumerate(SIZES):
        names.append(f"{number:02}.npy")
        np.save(tmp_path / names[-1], rng.normal(size=(size, 2)).astype("float32"))
        np.save(tmp_path / f"y{number:02}.npy", np.full((size, 1), number, "float32"))
    return tmp_path, names


def sequence(files, **options):
    folder, names = files
    given = {"shape": (None, 2), "batch_size": 2, "seed": 1, "shuffle": False, **options}
    means = [np.load(folder / name).mean(axis=0)[0] for name in names]
    given |= {"labels": [float(mean) for mean in means], "encoder": "float"}
    return penstock.make_generator(names, root=folder, **given)


@dataclass(frozen=True)
class Words:
    """The words of text files."""

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    column: str = "sample"

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((None,), object)

    @penstock.hookimpl
    def measure_samples(self, samples):
        return np.array([[len(self.words(path))] for path in samples])

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = self.words(path)

    def words(self, path):
        return Path(path).read_text(encoding="utf-8").split()


def masked_mean(rate=0.0):
    """Predict the mean of the first number over what is no padding."""
    x = keras.Input((None, 2), name="x")
    mask = keras.Input((None,), name="x_mask", dtype="bool")
    pooled = keras.layers.GlobalAveragePooling1D()(x, mask=mask)
    out = keras.layers.Dense(1, use_bias=False, name="out")(pooled)
    model = keras.Model({"x": x, "x_mask": mask}, out)
    model.get_layer("out").set_weights([np.array([[1.0], [0.0]])])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


@pytest.mark.parametrize("shuffle", [False, True])
def test_fit_evaluate_and_predict_take_batches_of_any_size(files, shuffle):
    model = masked_mean()
    data = sequence(files, padding_mask=True, pad_value=99.0, shuffle=shuffle)
    history = model.fit(data, validation_data=data, epochs=2, verbose=0)
    assert max(history.history["loss"] + history.history["val_loss"]) < 1e-10
    assert model.evaluate(data, verbose=0) < 1e-10
    table = data.predictions(model, verbose=0)
    np.testing.assert_allclose(table["prediction"], table["label"], rtol=1e-5)


def test_batches_by_length_are_trained_on_once_each(files):
    model = masked_mean()
    data = sequence(files, padding_mask=True, shuffle=True, bucket_by_length=2)
    seen = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    history = model.fit(data, epochs=3, verbose=0, callbacks=[count])
    assert max(history.history["loss"]) < 1e-10
    assert seen == [0, 1, 2, 3, 4, 5] * 3


def test_an_epoch_of_one_batch_may_have_another_size_in_the_next(files):
    model = masked_mean()
    data = sequence(files, padding_mask=True, shuffle=True, samples_per_epoch=2)
    sizes = set()
    for epoch in range(5):
        data.epoch = epoch
        sizes.add(data[0][0]["x"].shape[1])
    assert len(sizes) > 2
    data.epoch = 0
    history = model.fit(data, epochs=5, verbose=0)
    assert max(history.history["loss"]) < 1e-10


@pytest.mark.parametrize("shuffle", [False, True])
def test_padding_of_a_target_has_no_part_in_the_loss(files, shuffle):
    folder, names = files
    table = pd.DataFrame({"sample": names, "y": [f"y{name}" for name in names]})
    data = penstock.make_generator(
        table,
        inputs={"x": NpyFiles(shape=(None, 2))},
        targets={"y": NpyFiles(column="y", shape=(None, 1))},
        root=folder,
        batch_size=11,
        shuffle=shuffle,
        pad_value={"y": 1e6},
    )
    x = keras.Input((None, 2), name="x")
    out = keras.layers.Dense(1, kernel_initializer="zeros", name="y")(x)
    model = keras.Model({"x": x}, {"y": out})
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.SGD(0.0), loss, weighted_metrics=["mse"])
    expected = sum(size * number**2 for number, size in enumerate(SIZES)) / sum(SIZES)
    found = model.evaluate(data, verbose=0, return_dict=True)
    np.testing.assert_allclose([found["mse"], found["loss"]], expected, rtol=1e-5)
    (batch,) = model.fit(data, verbose=0).history["loss"]
    np.testing.assert_allclose(batch, expected, rtol=1e-5)


def test_a_masking_layer_needs_no_mask_of_ours(files):
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.Masking(-1.0),
            keras.layers.SimpleRNN(3),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    padded = sequence(files, pad_value=-1.0, batch_size=11)
    alone = sequence(files, batch_size=1)
    np.testing.assert_allclose(
        model.predict(padded, verbose=0), model.predict(alone, verbose=0), rtol=1e-4, atol=1e-6
    )
    model.fit(padded, verbose=0)


def test_a_fixed_size_is_static(files):
    data = sequence(files, pad_to=4)
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data, verbose=0)
    assert model.predict(data, verbose=0).shape == (11, 1)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="datasets are TensorFlow's")
def test_a_dataset_says_which_sizes_vary(files):
    import tensorflow as tf

    data = sequence(files, padding_mask=True)
    dataset = data.to_tf_dataset()
    x, _ = dataset.element_spec
    assert x["x"].shape.as_list() == [None, None, 2]
    assert x["x_mask"].shape.as_list() == [None, None]
    assert x["x_mask"].dtype == tf.bool
    for (found, _), (expected, _) in zip(dataset, data, strict=True):
        np.testing.assert_array_equal(found["x"], expected["x"])
    assert sequence(files, pad_to=4).to_tf_dataset().element_spec[0].shape.as_list() == [None, 4, 2]


@pytest.mark.skipif(BACKEND != "torch", reason="loaders are torch's")
def test_a_torch_loader_has_batches_of_their_sizes(files):
    data = sequence(files, padding_mask=True)
    for (found, _), (expected, _) in zip(data.to_torch(), data, strict=True):
        np.testing.assert_array_equal(found["x"].numpy(), expected["x"])
        np.testing.assert_array_equal(found["x_mask"].numpy(), expected["x_mask"])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="text is a matter of TensorFlow's")
def test_text_of_varying_length_arrives_as_tensors(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("word " * (number % 3 + 1))
    data = penstock.make_generator(
        str(tmp_path), loader=Words(), labels=range(5), encoder="float", batch_size=1
    )
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="string"),
            layers.StringLookup(vocabulary=["word"], mask_token=""),
            layers.Embedding(3, 2, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(data, epochs=2, verbose=0)
    samples = list(data.unbatched())
    assert {tuple(x) for x, _ in samples} == {("word",) * count for count in (1, 2, 3)}
