"""Dicts of dicts of arrays, with None in places, go through fit, evaluate and predict."""

from __future__ import annotations

import pickle
import re

import keras
import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError
from penstock.fields import LoadedField

COUNT = 20
RNG = np.random.default_rng(0)
X = {
    "pair": {
        "left": RNG.normal(size=(COUNT, 3)).astype(np.float32),
        "right": RNG.normal(size=(COUNT, 2)).astype(np.float32),
    },
    "age": np.arange(COUNT, dtype=np.float32)[:, None],
}
Y = {"head": {"a": np.arange(COUNT, dtype=np.float32), "b": np.ones(COUNT, np.float32)}}


class Plus(keras.layers.Layer):
    """Adds what may not be there."""

    def call(self, x, other=None):
        return x if other is None else x + keras.ops.sum(other)

    def compute_output_shape(self, x_shape, other_shape=None):
        return x_shape


def model(*, optional: bool = False) -> keras.Model:
    """Return one that predicts 0 for whatever it is given, and takes it as it is nested."""
    inputs = {
        "pair": {"left": keras.Input((3,), name="left"), "right": keras.Input((2,), name="right")},
        "age": keras.Input((1,), name="age"),
    }
    joined = keras.layers.Concatenate()([inputs["pair"]["left"], inputs["pair"]["right"]])
    if optional:
        inputs["note"] = keras.Input((2,), name="note", optional=True)
        joined = Plus()(joined, inputs["note"])
    first, second = (keras.layers.Dense(1, kernel_initializer="zeros") for _ in "ab")
    made = keras.Model(inputs, {"head": {"a": first(joined), "b": second(inputs["age"])}})
    made.compile(keras.optimizers.SGD(0.0), {"head": {"a": "mse", "b": "mse"}})
    return made


@pytest.mark.parametrize("optional", [False, True], ids=["", "with None"])
def test_nested_inputs_and_targets_go_through_keras(optional: bool) -> None:
    x = {**X, "note": None} if optional else X
    made = model(optional=optional)
    data = penstock.make_generator((x, Y), batch_size=6, seed=0)
    loss = float(np.square(Y["head"]["a"]).mean() + 1)
    history = made.fit(data, validation_data=data, epochs=2, verbose=0).history
    assert history["loss"] == pytest.approx([loss] * 2, rel=1e-5)
    assert history["val_loss"] == pytest.approx([loss] * 2, rel=1e-5)
    assert made.evaluate(data, verbose=0, return_dict=True)["loss"] == pytest.approx(loss, rel=1e-5)
    assert made.predict(data, verbose=0)["head"]["a"].shape == (COUNT, 1)
    named = data.predictions(made, verbose=0)
    assert {"head/a", "head/b"} <= set(named.columns)


def test_weights_without_targets_go_through_keras() -> None:
    class Total(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.sum(x))
            return x

    dense = keras.layers.Dense(1, kernel_initializer="ones")
    made = keras.Sequential([keras.Input((2,)), dense, Total()])
    made.compile(keras.optimizers.SGD(0.0))
    ones = np.ones((8, 2), np.float32)
    data = penstock.make_generator((ones, None, np.ones(8)), batch_size=4)
    assert made.fit(data, verbose=0).history["loss"] == pytest.approx([8.0])


def test_a_batch_has_the_form_of_what_was_given() -> None:
    data = penstock.make_generator(({**X, "note": None}, Y), batch_size=COUNT, shuffle=False)
    for sequence in (data, pickle.loads(pickle.dumps(data)), data.take(5), data.split(0.5, 0.5)[1]):
        x, y = sequence._batches.make(0, 0)
        assert list(x) == ["pair", "age", "note"]
        assert list(x["pair"]) == ["left", "right"]
        assert x["note"] is None
        assert list(y["head"]) == ["a", "b"]
    x, y = data[0]
    assert np.array_equal(x["pair"]["right"], X["pair"]["right"])
    assert np.array_equal(y["head"]["a"], Y["head"]["a"])
    one = list(data.unbatched())
    assert len(one) == COUNT
    assert np.array_equal(one[3][0]["pair"]["left"], X["pair"]["left"][3])
    assert one[3][0]["note"] is None


def test_names_within_names_are_joined_for_whoever_names_fields() -> None:
    data = penstock.make_generator((X, Y), prepare={"pair/left": lambda x: x * 0}, shuffle=False)
    assert not data[0][0]["pair"]["left"].any()
    assert list(data.statistics(progress=False).fields) == [
        "pair/left", "pair/right", "age", "head/a", "head/b",
    ]  # fmt: skip
    scaling = penstock.Standardize.fit(data, input_name="age", progress=False)
    assert scaling.mean == pytest.approx([9.5])


def test_components_nest_as_arrays_do() -> None:
    table = pd.DataFrame({"age": np.arange(6.0), "bmi": np.ones(6), "kind": list("abcabc")})
    data = penstock.make_generator(
        table,
        inputs={
            "numbers": {"age": penstock.Columns("age"), "bmi": penstock.Columns("bmi")},
            "z": None,
        },
        targets={"out": {"kind": penstock.Int(column="kind"), "age": penstock.Float(column="age")}},
        class_weight={"out/kind": "balanced"},
        shuffle=False,
    )
    x, y, weight = data[0]
    assert x["numbers"]["age"].tolist() == list(range(6))
    assert x["z"] is None
    assert y["out"]["kind"].tolist() == [0, 1, 2, 0, 1, 2]
    assert weight["out"]["kind"].tolist() == [1] * 6
    assert all(isinstance(each, LoadedField) for each in data._batches.inputs)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ({"a": {"b": X["age"]}, "a/b": X["age"]}, "Two arrays have the name 'a/b'"),
        ({"a": {}, "b": X["age"]}, "'a' is empty"),
        ({"a": {1: X["age"]}}, "names are strings"),
        ({"a": None}, "no array for x"),
    ],
)
def test_what_cannot_be_named_is_refused(x: object, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        penstock.make_generator((x, Y))
