"""Training that writes down what it trains on, and is broken off: run by test_resume.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import penstock

COUNT, BATCH = 22, 4
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)


class Broken(Exception):
    """Training was broken off."""


@keras.saving.register_keras_serializable()
class Last(keras.layers.Layer):
    """Keeps the numbers of the last batch, and how many were seen since the weights were made."""

    def build(self, shape: object) -> None:
        del shape
        self.last = self.add_weight(shape=(BATCH,), initializer="zeros", trainable=False)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.scale = self.add_weight(shape=(), initializer="zeros")

    def call(self, numbers: Any, training: bool | None = None) -> Any:
        ops = keras.ops
        flat = ops.reshape(ops.cast(numbers, "float32"), (-1,))
        filled = ops.concatenate([flat + 1.0, ops.zeros((BATCH,))])[:BATCH]
        if training:
            self.last.assign(filled)
            self.count.assign(self.count + ops.sum(ops.cast(filled > 0, "float32")))
        return 0.0 * self.scale * ops.cast(numbers, "float32")


class Log(keras.callbacks.Callback):
    """Writes a line per step: the epoch, the samples, and how many the weights have seen."""

    def __init__(self, path: Path, at: int | None, how: str) -> None:
        super().__init__()
        self.path = path
        self.at, self.how, self.steps, self.epoch = at, how, 0, 0

    def on_train_begin(self, logs: object = None) -> None:
        self.file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - until it is killed

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        layer = self.model.layers[-1]
        seen = np.array(keras.ops.convert_to_numpy(layer.last)).astype(int)
        count = int(np.array(keras.ops.convert_to_numpy(layer.count)))
        line = {"epoch": self.epoch, "samples": (seen[seen > 0] - 1).tolist(), "count": count}
        self.file.write(json.dumps(line).encode() + b"\n")
        self.steps += 1
        if self.steps == self.at:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            self.file.close()
            raise Broken

    def on_train_end(self, logs: object = None) -> None:
        self.file.close()


def train(
    folder: Path,
    at: int | None = None,
    how: str = "error",
    save_freq: str | int = 1,
    fit: dict[str, Any] | None = None,
    compile_: dict[str, Any] | None = None,
    **options: Any,
) -> penstock.Sequence:
    """Train, or go on with training; break it off after *at* steps."""
    data = penstock.make_generator((X, X), **{"batch_size": BATCH, "seed": 3, **options})
    model = keras.Sequential([Last()])
    model.build((None, 1))
    model.compile("sgd", "mse", **(compile_ or {}))
    backup = penstock.callbacks.BackupAndRestore(folder / "backup", data, save_freq=save_freq)
    log = Log(folder / "log", at, how)
    fit = {"epochs": 3, "verbose": 0, **(fit or {})}
    validation = data if fit.pop("validate", False) else None
    model.fit(data, validation_data=validation, callbacks=[backup, log], **fit)
    return data


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]) or None, "kill", int(sys.argv[3]))
