"""What goes elsewhere is what Keras would get, on every backend."""

from __future__ import annotations

import os

import keras
import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError

BACKEND = keras.backend.backend()


def sequence(**options):
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    return penstock.make_generator((x, x[:, 0]), **{"batch_size": 4, "seed": 2, **options})


def same_batches(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for batch, other in zip(found, expected, strict=True):
        for part, another in zip(batch, other, strict=True):
            np.testing.assert_array_equal(np.asarray(part), another)


def test_predictions_of_a_model_stand_beside_their_samples():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    data = sequence()
    table = data.predictions(model, verbose=0)
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    np.testing.assert_allclose(table["prediction"], model.predict(x, verbose=0)[:, 0], rtol=1e-5)
    assert table["index"].tolist() == list(range(10))


def test_a_sampled_sequence_trains_for_as_many_steps_as_it_says():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    model.fit(sequence(samples_per_epoch=18), epochs=2, verbose=0, callbacks=[count])
    assert seen == [0, 1, 2, 3, 4] * 2


@pytest.mark.skipif(BACKEND != "tensorflow", reason="weights of jax and torch need no other test")
def test_each_targets_loss_is_weighed_by_its_own_classes():
    table = pd.DataFrame({"x": np.arange(8.0), "a": ["n", "m"] * 4, "b": ["r"] + ["s"] * 7})
    data = penstock.make_generator(
        table, x_col=["x"], targets={"a": "int", "b": "int"}, class_weight={"b": {"r": 5}}
    )
    inputs = keras.Input((1,))
    outputs = {name: keras.layers.Dense(2, "softmax", name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", dict.fromkeys("ab", "sparse_categorical_crossentropy"))
    x, y, weight = data[0]
    assert sorted(weight["b"]) == [1] * 7 + [5]
    found = model.evaluate(data, verbose=0, return_dict=True)
    for name, output in model(x).items():
        each = keras.losses.sparse_categorical_crossentropy(y[name], output) * weight[name]
        assert found[f"{name}_loss"] == pytest.approx(float(keras.ops.mean(each)), rel=1e-5)


def test_samples_come_one_by_one():
    samples = list(sequence(sample_weight=np.arange(10)).unbatched())
    assert len(samples) == 10
    for x, y, weight in samples:
        assert x.shape == (2,)
        assert y == x[0] == 2 * weight
    table = pd.DataFrame({"v": [1.0, 2.0], "t": ["one", "two"]})
    data = penstock.make_generator(
        table,
        inputs={"v": penstock.Columns(("v",)), "t": penstock.Columns(("t",))},
        encoder="none",
        shuffle=False,
    )
    samples = [sample for (sample,) in data.unbatched()]
    assert [(float(each["v"].item()), np.ravel(each["t"]).tolist()) for each in samples] == [
        (1.0, ["one"]),
        (2.0, ["two"]),
    ]


def test_a_tf_dataset_walks_over_epoch_after_epoch():
    tf = pytest.importorskip("tensorflow")
    dataset = sequence().to_tf_dataset()
    assert int(dataset.cardinality()) == 3
    assert dataset.element_spec[0] == tf.TensorSpec((None, 2), tf.float32)
    expected = sequence()
    for _ in range(3):
        same_batches(dataset, expected)
    nested = penstock.make_generator(
        ({"a": np.zeros((3, 2)), "b": np.ones(3)}, np.arange(3)), shuffle=False
    )
    ((x, y),) = nested.to_tf_dataset()
    assert sorted(x) == ["a", "b"]
    assert y.numpy().tolist() == [0, 1, 2]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a model on another backend takes no dataset")
def test_a_model_trains_on_a_tf_dataset():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = sequence()
    model.fit(data.to_tf_dataset(), epochs=2, verbose=0, shuffle=False)
    assert data.epoch == 2


def test_texts_go_to_a_tf_dataset_and_what_it_cannot_hold_is_refused():
    pytest.importorskip("tensorflow")
    table = pd.DataFrame({"t": ["one", "zw\u00f6lf"]})
    data = penstock.make_generator(table, x_col=["t"], encoder="none", shuffle=False)
    ((x,),) = data.to_tf_dataset()
    assert [each.decode() for each in np.ravel(x.numpy())] == ["one", "zw\u00f6lf"]
    weighted = penstock.make_generator((np.zeros((2, 1)),), sample_weight=[1, 2])
    with pytest.raises(ConfigError, match="weights without targets"):
        weighted.to_tf_dataset()


def test_a_torch_loader_walks_over_epoch_after_epoch():
    torch = pytest.importorskip("torch")
    loader = sequence().to_torch()
    assert isinstance(loader, torch.utils.data.DataLoader)
    assert len(loader) == 3
    state = torch.random.get_rng_state()
    expected = sequence()
    for _ in range(3):
        same_batches(loader, expected)
    assert torch.equal(torch.random.get_rng_state(), state)
    weighted = penstock.make_generator((np.zeros((2, 1)),), sample_weight=[1, 2], shuffle=False)
    ((x, y, weight),) = weighted.to_torch()
    assert (tuple(x.shape), y, weight.tolist()) == ((2, 1), None, [1, 2])


@pytest.mark.parametrize(
    ("name", "needs"), [("tensorflow", "to_tf_dataset"), ("torch", "to_torch")]
)
def test_what_is_not_installed_is_named(monkeypatch, name, needs):
    if os.environ.get("KERAS_BACKEND", "tensorflow") == name:
        pytest.skip("Keras has imported it")
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ConfigError, match=rf"{needs}\(\) needs"):
        getattr(sequence(), needs)()
