"""Training from batches that are made elsewhere is training from those made here."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest

import penstock

X = np.arange(44, dtype=np.float32).reshape(22, 2) / 44
Y = X.sum(axis=1, keepdims=True)


def history(**options: Any) -> list[float]:
    """Return the losses of training, validation, evaluation and the mean prediction."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    made = penstock.make_generator((X, Y), batch_size=4, seed=1, **options)
    train, val = made.split(0.7, 0.3, seed=0)
    with made, train, val:
        told = model.fit(train, validation_data=val, epochs=3, verbose=0).history
        last = [model.evaluate(val, verbose=0), float(model.predict(val, verbose=0).mean())]
    return [*told["loss"], *told["val_loss"], *last]


@pytest.mark.parametrize("executor", ["processes", "given"])
def test_fit_evaluate_and_predict_are_the_same_on_any_executor(executor: str) -> None:
    threads = set(threading.enumerate())
    with ThreadPoolExecutor(2) as given:
        chosen = given if executor == "given" else executor
        assert history(executor=chosen, workers=2) == pytest.approx(history(), rel=1e-6)
    assert {each for each in threading.enumerate() if each.name == "penstock"} <= threads
