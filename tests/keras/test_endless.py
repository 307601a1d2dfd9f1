"""Sequences without end: epochs go over into one another, and each holds each sample once."""

from __future__ import annotations

import math
import pickle

import keras
import numpy as np
import pytest

import penstock
from penstock.callbacks import BackupAndRestore
from penstock.errors import ConfigError

COUNT = 20
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)


def endless(**options: object) -> penstock.Sequence:
    """Return a sequence of 3 batches per pass, the last of 4 samples."""
    given = {"batch_size": 8, "seed": 3, "samples_per_epoch": math.inf, **options}
    return penstock.make_generator((X, X), **given)


def line() -> keras.Model:
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(0.0), "mse")
    return made


def fit(model: keras.Model, data: penstock.Sequence, **options: object) -> keras.callbacks.History:
    return model.fit(data, shuffle=False, verbose=0, **options)


def expected_losses(steps: int, epochs: int, first: int = 0) -> list[float]:
    """Return the mean squares of what a sequence with an end has in so many steps."""
    data = endless(samples_per_epoch=None)
    data.epoch = first
    passes = range(-(-steps * epochs // len(data)))
    batches = [x for _ in passes for x, _ in data]
    parts = [np.concatenate(batches[i * steps : (i + 1) * steps]) for i in range(epochs)]
    return [float(np.square(part).mean()) for part in parts]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_fit_goes_on_through_the_data_each_sample_once_per_pass(steps: int, workers: int) -> None:
    data = endless(workers=workers)
    found = fit(line(), data, steps_per_epoch=steps, epochs=4).history["loss"]
    assert found == pytest.approx(expected_losses(steps, 4), rel=1e-5)


def test_fit_with_validation_and_evaluation_in_between_loses_nothing() -> None:
    data, model = endless(), line()
    val = endless(samples_per_epoch=None, shuffle=False)
    history = fit(model, data, validation_data=val, steps_per_epoch=3, epochs=4).history
    whole = float(np.square(X).mean())
    assert history["loss"] == pytest.approx([whole] * 4, rel=1e-5)
    assert history["val_loss"] == pytest.approx([whole] * 4, rel=1e-5)
    assert model.evaluate(data, steps=3, verbose=0) == pytest.approx(whole, rel=1e-5)
    assert len(model.predict(data, steps=3, verbose=0)) == COUNT


def test_passes_of_an_endless_walk_are_epochs() -> None:
    data = endless()
    heard: list[tuple[str, int]] = []
    data.on_epoch(
        begin=lambda epoch: heard.append(("begin", epoch)),
        end=lambda epoch: heard.append(("end", epoch)),
    )
    fit(line(), data, steps_per_epoch=6, epochs=2)
    # TensorFlow fetches ahead, and may have begun others.
    told = [(what, epoch) for epoch in range(4) for what in ("begin", "end")]
    assert heard[: len(told)] == told
    assert (
        heard == [(what, epoch) for epoch in range(99) for what in ("begin", "end")][: len(heard)]
    )


def test_iteration_never_ends() -> None:
    data, several = endless(), iter(endless(samples_per_epoch=None, seed=3))
    walk = iter(data)
    found = [next(walk)[0] for _ in range(3 * 5)]
    for number in range(5):
        part = np.concatenate(found[3 * number : 3 * number + 3])
        np.testing.assert_array_equal(np.sort(part[:, 0]), X[:, 0])
    for batch, (x, _) in zip(found, several, strict=False):
        np.testing.assert_array_equal(batch, x)
    assert not np.array_equal(np.concatenate(found[:3]), np.concatenate(found[3:6]))
    state = data.state_dict()
    assert (state["epoch"], state["batch"]) == (5, 0)
    walk.close()


def test_an_index_goes_on_through_the_passes() -> None:
    data = endless()
    walk = iter(endless())
    for index in range(8):
        np.testing.assert_array_equal(data[index][0], next(walk)[0])
    with pytest.raises(IndexError):
        data[-1]
    walk.close()


def test_it_has_no_length() -> None:
    data = endless()
    assert data.num_batches is None
    for ask in (len, list):
        with pytest.raises(ConfigError, match="no length.*math.inf"):
            ask(data)
    assert "again and again" in repr(data)


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
def test_keras_is_told_how_many_steps(what: str) -> None:
    options = {"shuffle": False} if what == "fit" else {}
    with pytest.raises(ConfigError, match="without steps_per_epoch="):
        getattr(line(), what)(endless(), verbose=0, **options)


def test_keras_says_that_its_own_shuffle_is_not_for_such_data() -> None:
    with pytest.warns(UserWarning, match="shuffle=True.*infinite PyDataset"):
        line().fit(endless(), steps_per_epoch=3, verbose=0)


def test_parts_but_the_first_have_an_end() -> None:
    train, val = endless().split(0.5, 0.5)
    assert train.num_batches is None
    assert len(val) == 2
    copy = pickle.loads(pickle.dumps(train))
    assert copy.num_batches is None
    assert train.statistics(progress=False)["x"].count.tolist() == [10]


def test_backups_need_an_end(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match="without end"):
        BackupAndRestore(str(tmp_path), endless())


def test_balanced_passes_have_no_end_either() -> None:
    data = penstock.make_generator(
        (X, (np.arange(COUNT) > 16).astype(int)),
        encoder="int",
        sampling="balanced",
        samples_per_epoch=math.inf,
        batch_size=10,
        seed=0,
    )
    walk = iter(data)
    for _ in range(4):
        labels = np.concatenate([next(walk)[1], next(walk)[1]])
        assert labels.mean() == 0.5
    walk.close()
