"""Every sample exactly once per epoch, in whatever way Keras drives the sequence.

These tests run under whichever backend ``KERAS_BACKEND`` names.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import penstock

COUNT = 53
BATCH = 8
LENGTH = 7  # batches


@keras.saving.register_keras_serializable()
class Tally(keras.layers.Layer):
    """Counts how often each sample number has passed through."""

    def __init__(self, count: int = COUNT) -> None:
        super().__init__()
        self.count = count

    def build(self, shape: object) -> None:
        del shape
        self.seen = self.add_weight(
            shape=(self.count,), initializer="zeros", trainable=False, name="seen"
        )
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")

    def call(self, numbers: object) -> object:
        flat = keras.ops.reshape(keras.ops.cast(numbers, "int32"), (-1,))
        self.seen.assign(self.seen + keras.ops.sum(keras.ops.one_hot(flat, self.count), axis=0))
        return 0.0 * self.scale * keras.ops.cast(numbers, "float32")


class Recorder(keras.callbacks.Callback):
    """Notes the tally of each epoch of training and of each validation."""

    def __init__(self) -> None:
        super().__init__()
        self.trained: list[np.ndarray] = []
        self.tested: list[np.ndarray] = []

    def _tally(self) -> np.ndarray:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        return np.array(keras.ops.convert_to_numpy(self.model.layers[-1].seen))

    def _zero(self) -> None:
        layer = self.model.layers[-1]
        if layer.built:
            layer.seen.assign(keras.ops.zeros(layer.count))

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._zero()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if not self.tested or len(self.tested) <= len(self.trained):
            self.trained.append(self._tally())

    def on_test_begin(self, logs: object = None) -> None:
        if len(self.trained) == len(self.tested):
            self.trained.append(self._tally())
        self._zero()

    def on_test_end(self, logs: object = None) -> None:
        self.tested.append(self._tally())


def model(built: bool, **compile_options: object) -> keras.Model:
    made = keras.Sequential([Tally()])
    if built:
        made.build((None, 1))
    made.compile("sgd", "mse", **compile_options)
    return made


def numbers(**options: object) -> penstock.Sequence:
    x = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)
    options = {"batch_size": BATCH, "seed": 5, **options}
    return penstock.make_generator((x, x), **options)


ONCE = np.ones(COUNT)


@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
@pytest.mark.parametrize("shuffle", [False, True], ids=["ordered", "shuffled"])
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_fit_with_default_arguments_delivers_each_sample_once_per_epoch(
    built: bool, shuffle: bool, workers: int
) -> None:
    recorder = Recorder()
    data = numbers(shuffle=shuffle, workers=workers)
    model(built).fit(data, epochs=3, verbose=0, callbacks=[recorder])
    for tally in recorder.trained:
        np.testing.assert_array_equal(tally, ONCE)
    assert len(recorder.trained) == 3
    assert data.epoch == 3


@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
def test_validation_delivers_each_sample_once_beside_training(built: bool) -> None:
    recorder = Recorder()
    model(built).fit(
        numbers(), validation_data=numbers(shuffle=False), epochs=3, verbose=0, callbacks=[recorder]
    )
    for tally in recorder.trained + recorder.tested:
        np.testing.assert_array_equal(tally, ONCE)
    assert len(recorder.tested) == 3


@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
def test_one_object_serves_training_and_validation(built: bool) -> None:
    recorder = Recorder()
    data = numbers()
    model(built).fit(data, validation_data=data, epochs=3, verbose=0, callbacks=[recorder])
    for tally in recorder.trained + recorder.tested:
        np.testing.assert_array_equal(tally, ONCE)


@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
@pytest.mark.parametrize("workers", [1, 4])
def test_evaluate_returns_the_right_number_the_first_time(built: bool, workers: int) -> None:
    x = np.arange(40, dtype=np.float32).reshape(-1, 1)
    data = penstock.make_generator((x, x), batch_size=1, shuffle=False, workers=workers)
    tested = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
    if built:
        tested.build((None, 1))
    tested.compile("sgd", "mse")
    for _ in range(2):
        assert tested.evaluate(data, verbose=0) == pytest.approx(float((x**2).mean()), rel=1e-5)


def test_predict_returns_every_sample_in_order() -> None:
    x = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)
    data = penstock.make_generator(x, batch_size=BATCH, shuffle=False)
    same = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1.0)])
    for _ in range(2):
        np.testing.assert_array_equal(same.predict(data, verbose=0), x)


@pytest.mark.parametrize("steps", [1, 3, 5, LENGTH])
@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_fewer_steps_than_batches_walk_through_all_samples(built: bool, steps: int) -> None:
    recorder = Recorder()
    model(built).fit(
        numbers(), steps_per_epoch=steps, epochs=3 * LENGTH, verbose=0, callbacks=[recorder]
    )
    # Keras ends an epoch short where the data ends: passes are whole all the same.
    total = np.cumsum(recorder.trained, axis=0)
    whole = [row for row in total if row.min() == row.max()]
    assert len(whole) >= (3 * LENGTH * steps) // (LENGTH + steps)
    for row in total:
        assert row.max() - row.min() <= 1


@pytest.mark.parametrize("per_call", [1] if keras.backend.backend() == "torch" else [2, 3, LENGTH])
def test_several_steps_per_execution_lose_nothing(per_call: int) -> None:
    recorder = Recorder()
    model(built=True, steps_per_execution=per_call).fit(
        numbers(), epochs=3, verbose=0, callbacks=[recorder]
    )
    for tally in recorder.trained:
        np.testing.assert_array_equal(tally, ONCE)


def test_a_second_fit_goes_on_with_the_next_epoch() -> None:
    data, trained = numbers(), model(built=False)
    for epoch in range(3):
        recorder = Recorder()
        trained.fit(data, epochs=1, verbose=0, callbacks=[recorder])
        np.testing.assert_array_equal(recorder.trained[0], ONCE)
        assert data.epoch == epoch + 1


def test_training_that_was_stopped_begins_the_epoch_again() -> None:
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            if batch == 2:
                self.model.stop_training = True

    data, trained = numbers(), model(built=False)
    trained.fit(data, epochs=5, verbose=0, callbacks=[Stop()])
    assert data.epoch == 0
    recorder = Recorder()
    trained.fit(data, epochs=2, verbose=0, callbacks=[recorder])
    for tally in recorder.trained:
        np.testing.assert_array_equal(tally, ONCE)
    assert data.epoch == 2


@pytest.mark.parametrize("count", [1, 8, 9, 16])
@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
def test_one_or_two_batches_count_epochs_like_many(built: bool, count: int) -> None:
    x = np.arange(count, dtype=np.float32).reshape(-1, 1)
    data = penstock.make_generator((x, x), batch_size=8, seed=1)
    recorder = Recorder()
    made = keras.Sequential([Tally()])
    if built:
        made.build((None, 1))
    made.compile("sgd", "mse")
    made.fit(data, epochs=3, verbose=0, callbacks=[recorder])
    for tally in recorder.trained:
        np.testing.assert_array_equal(tally[:count], np.ones(count))
    assert data.epoch == 3


def test_a_look_at_a_batch_in_a_callback_disturbs_nothing() -> None:
    data = numbers()

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            data[0]

    recorder = Recorder()
    model(built=True).fit(data, epochs=3, verbose=0, callbacks=[recorder, Look()])
    for tally in recorder.trained:
        np.testing.assert_array_equal(tally, ONCE)
    assert data.epoch == 3
