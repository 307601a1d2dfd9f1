"""Predictions stand beside the samples that they are of."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError


class Model:
    """Predicts what a function makes of each batch of inputs."""

    def __init__(self, function):
        self.function = function

    def predict(self, data, verbose=0):
        parts = [self.function(batch[0]) for batch in data]
        if isinstance(parts[0], dict):
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if isinstance(parts[0], list):
            return [np.concatenate(each) for each in zip(*parts, strict=True)]
        return np.concatenate(parts)


def same(x):
    return x[:, :1] * 10


def one_hot(x):
    return np.eye(3, dtype=np.float32)[x[:, 0].astype(int) // 2]


@pytest.fixture
def data(npy_files):
    return penstock.make_generator(
        npy_files, augment=lambda x: x + 100, sampling="balanced", batch_size=4, seed=1
    )


def test_whatever_the_order_each_sample_has_its_own_prediction(data):
    list(data)
    table = data.predictions(Model(same), verbose=0)
    assert list(table.columns) == ["sample", "index", "label", "prediction"]
    assert table["sample"].tolist() == [f"{'abc'[n // 2]}/{n}.npy" for n in range(6)]
    assert table["prediction"].tolist() == [0, 10, 20, 30, 40, 50]
    assert table["label"].tolist() == list("aabbcc")
    assert data.epoch == 1


def test_a_part_keeps_names_and_rows_of_the_source(data):
    table = data.subset([5, 2]).predictions(Model(same))
    assert table["sample"].tolist() == ["c/5.npy", "b/2.npy"]
    assert table["index"].tolist() == [5, 2]
    assert table["prediction"].tolist() == [50, 20]


def test_outputs_per_class_are_named_by_class_and_the_highest_is_told(data):
    table = data.predictions(Model(one_hot))
    assert list(table.columns)[3:] == ["predicted", "prediction_a", "prediction_b", "prediction_c"]
    assert (table["predicted"] == table["label"]).all()
    assert table["prediction_b"].tolist() == [0, 0, 1, 1, 0, 0]


def test_several_outputs_have_columns_of_their_own_names():
    table = pd.DataFrame({"v": [1.0, 2.0], "kind": ["m", "n"], "size": [7.0, 8.0]})
    data = penstock.make_generator(table, x_col=["v"], targets={"kind": "int", "size": "float"})
    outputs = Model(lambda x: {"kind": np.eye(2)[x[:, 0].astype(int) - 1], "size": x})
    found = data.predictions(outputs)
    assert found["predicted_kind"].tolist() == found["label_kind"].tolist() == ["m", "n"]
    assert found["size"].tolist() == [1, 2]
    assert found["label_size"].tolist() == [7, 8]
    assert found["sample"].tolist() == found["index"].tolist() == [0, 1]
    listed = data.predictions(Model(lambda x: [x, np.hstack([x, x, x])]))
    assert [name for name in listed if name.startswith("prediction")] == [
        "prediction_0",
        "prediction_1_0",
        "prediction_1_1",
        "prediction_1_2",
    ]


def test_maps_stand_in_one_column_and_labels_of_several_are_tuples():
    table = pd.DataFrame({"v": [1.0, 2.0], "tags": [["m"], ["m", "n"]]})
    data = penstock.make_generator(table, x_col=["v"], y_col="tags", encoder="multilabel")
    found = data.predictions(Model(lambda x: np.repeat(x, 6, axis=1).reshape(-1, 2, 3)))
    assert found["label"].tolist() == [("m",), ("m", "n")]
    assert found["prediction"][1].tolist() == [[2, 2, 2], [2, 2, 2]]


@pytest.mark.parametrize("function", [same, one_hot])
def test_a_sample_that_cannot_be_loaded_has_no_prediction(npy_files, function):
    (npy_files / "b" / "2.npy").write_bytes(b"damaged")
    data = penstock.make_generator(npy_files, on_error="skip", seed=1)
    with pytest.warns(UserWarning, match="could not be loaded"):
        table = data.predictions(Model(function))
    lost = table.filter(like="predict").isna()
    assert lost.loc[2].all()
    assert not lost.drop(2).any(axis=None)


def test_what_cannot_predict_is_refused(data):
    with pytest.raises(ConfigError, match=re.escape("needs a model")):
        data.predictions("model")
    with pytest.raises(ConfigError, match="predicted 2 values for 6 samples"):
        data.predictions(Model(lambda x: x[:1]))
