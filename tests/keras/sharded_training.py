"""Train with Keras on JAX in one of several processes; write what each step lost.

Called as ``python sharded_training.py rank world port file``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import keras
import numpy as np

import penstock

COUNT, BATCH, EPOCHS = 50, 8, 2


class Losses(keras.callbacks.Callback):
    """Notes the running mean of the loss after each step."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(float(logs["loss"]))


def run(rank, world, port):
    if world > 1:
        keras.distribution.initialize(f"127.0.0.1:{port}", world, rank)
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(auto_shard_dataset=False)
        )
    keras.utils.set_random_seed(1)
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(COUNT, 5)).astype(np.float32)
    y = (x @ numbers.normal(size=(5, 1))).astype(np.float32)
    data = penstock.make_generator((x, y), batch_size=BATCH, shard="auto", remainder="drop", seed=4)
    val = penstock.make_generator((x, y), batch_size=BATCH, shard="auto", remainder="pad", seed=4)
    model = keras.Sequential(
        [keras.layers.Input((5,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse", weighted_metrics=["mae"])
    losses = Losses()
    model.fit(data, epochs=EPOCHS, verbose=0, callbacks=[losses])
    found = model.evaluate(val, verbose=0, return_dict=True)
    predicted = np.asarray(model(x)) if world == 1 else None
    return {
        "losses": losses.found,
        "mae": found["mae"],
        "exact": None if predicted is None else float(np.abs(predicted - y).mean()),
    }


if __name__ == "__main__":
    rank, world, port, file = sys.argv[1:]
    Path(file).write_text(json.dumps(run(int(rank), int(world), port)), encoding="utf-8")
