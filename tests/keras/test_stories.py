"""Which samples arrive in which epoch, and in which order: the contract, story by story.

A story is a way to drive a sequence. What the model saw in each epoch of Keras'
is compared with the order of an epoch of the sequence's, sample by sample. These
tests run under whichever backend ``KERAS_BACKEND`` names.
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest

import penstock

COUNT, BATCH, LENGTH = 22, 4, 6
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)
ORDERS = [
    np.concatenate([x for x, _ in data])[:, 0].astype(int).tolist()
    for data in [penstock.make_generator((X, X), batch_size=BATCH, seed=3)]
    for _ in range(9)
]


@keras.saving.register_keras_serializable()
class Witness(keras.layers.Layer):
    """Writes down which samples have passed through, and when."""

    def build(self, shape: object) -> None:
        del shape
        self.times = self.add_weight(shape=(COUNT,), initializer="zeros", trainable=False)
        self.place = self.add_weight(shape=(COUNT,), initializer="zeros", trainable=False)
        self.clock = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.scale = self.add_weight(shape=(), initializer="zeros")

    def call(self, numbers: Any) -> Any:
        ops = keras.ops
        flat = ops.reshape(ops.cast(numbers, "int32"), (-1,))
        hot = ops.one_hot(flat, COUNT)
        now = self.clock + ops.cumsum(ops.ones_like(hot[:, 0]))
        self.times.assign(self.times + ops.sum(hot, axis=0))
        self.place.assign(self.place + ops.sum(hot * now[:, None], axis=0))
        self.clock.assign(self.clock + ops.sum(ops.ones_like(hot[:, 0])))
        return 0.0 * self.scale * ops.cast(numbers, "float32")

    def testimony(self) -> list[int]:
        """Return the samples that were seen, in order, each of them once."""
        times = np.array(keras.ops.convert_to_numpy(self.times))
        assert times.max() <= 1, f"seen more than once: {np.flatnonzero(times > 1)}"
        place = np.array(keras.ops.convert_to_numpy(self.place))
        return np.argsort(place)[COUNT - int(times.sum()) :].tolist()

    def forget(self) -> None:
        for each in (self.times, self.place, self.clock):
            each.assign(keras.ops.zeros(each.shape))


class Clerk(keras.callbacks.Callback):
    """Takes down what the model saw in each epoch of training and in each validation."""

    def __init__(self, how: str | None = None, at: int = 2) -> None:
        super().__init__()
        self.trained: list[list[int]] = []
        self.tested: list[list[int]] = []
        self.how, self.at, self.told = how, at, False

    def witness(self) -> Witness:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        return self.model.layers[-1]

    def forget(self) -> None:
        if self.witness().built:
            self.witness().forget()

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.forget()
        self.told = False

    def tell(self) -> None:
        if not self.told:
            self.trained.append(self.witness().testimony())
            self.told = True

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.tell()

    def on_test_begin(self, logs: object = None) -> None:
        self.tell()
        self.forget()

    def on_test_end(self, logs: object = None) -> None:
        self.tested.append(self.witness().testimony())

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if batch != self.at or self.how is None:
            return
        how, self.how = self.how, None
        if how == "stop":
            self.model.stop_training = True
        elif how == "error":
            raise RuntimeError("no more")
        elif how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)


def sequence(**options: Any) -> penstock.Sequence:
    return penstock.make_generator((X, X), **{"batch_size": BATCH, "seed": 3, **options})


def model(built: bool, **options: Any) -> keras.Model:
    made = keras.Sequential([Witness()])
    if built:
        made.build((None, 1))
    made.compile("sgd", "mse", **options)
    return made


@dataclass(frozen=True)
class Story:
    """How ``fit`` is called, and which epochs of the sequence it must have seen."""

    expected: list[Any]  # an epoch, or a part of one: (epoch, first batch, last batch)
    fit: dict[str, Any] = field(default_factory=dict)
    compile: dict[str, Any] = field(default_factory=dict)
    before: Any = None
    tested: list[Any] | None = None


def part(epoch: int, first: int = 0, last: int = LENGTH) -> list[int]:
    return ORDERS[epoch][first * BATCH : last * BATCH]


def expected(places: list[Any]) -> list[list[int]]:
    return [part(*each) if isinstance(each, tuple) else part(each) for each in places]


ON_TORCH = keras.backend.backend() == "torch"
STORIES = {
    "default arguments": Story([0, 1, 2], {"epochs": 3}),
    "without Keras' shuffle": Story([0, 1], {"epochs": 2, "shuffle": False}),
    "initial_epoch": Story([3, 4], {"epochs": 5, "initial_epoch": 3}),
    "fewer steps than batches": Story(
        [(0, 0, 2), (0, 2, 4), (0, 4, 6), (1, 0, 2)], {"epochs": 4, "steps_per_epoch": 2}
    ),
    "steps that do not divide the batches": Story(
        [(0, 0, 4), (0, 4, 6), (1, 0, 4)], {"epochs": 3, "steps_per_epoch": 4}
    ),
    "as many steps as batches": Story([0, 1], {"epochs": 2, "steps_per_epoch": LENGTH}),
    "more steps than batches": Story([0, 1], {"epochs": 2, "steps_per_epoch": LENGTH + 3}),
    "an epoch that was set": Story(
        [5, 6], {"epochs": 2}, before=lambda data: setattr(data, "epoch", 5)
    ),
    "after iteration": Story([1, 2], {"epochs": 2}, before=list),
    "after an iteration that was broken off": Story(
        [0, 1], {"epochs": 2}, before=lambda data: next(iter(data))
    ),
    "after looks": Story([0], {}, before=lambda data: [data[5], data[-2], data[0]]),
    "the same object for validation": Story(
        [0, 1, 2], {"epochs": 3, "validation_data": "same"}, tested=[1, 2, 3]
    ),
    "the same object for validation in steps": Story(
        [0, 1], {"epochs": 2, "validation_data": "same", "validation_steps": 2},
        tested=[(1, 0, 2), (2, 0, 2)],
    ),
    "another object for validation": Story(
        [0, 1], {"epochs": 2, "validation_data": "other"}, tested=[0, 0]
    ),
    "validation now and then": Story(
        [0, 1, 2, 3], {"epochs": 4, "validation_data": "same", "validation_freq": 2}, tested=[2, 4]
    ),
}  # fmt: skip
if not ON_TORCH:  # it refuses steps_per_execution
    STORIES |= {
        f"{count} steps per execution": Story([0, 1], {"epochs": 2}, {"steps_per_execution": count})
        for count in (2, 3, LENGTH)
    }


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_samples_of_each_epoch_are_those_of_the_contract(story: str, built: bool) -> None:
    told, data, clerk = STORIES[story], sequence(workers=2 if built else 0), Clerk()
    if told.before is not None:
        told.before(data)
    validation = {"same": data, "other": sequence()}.get(told.fit.get("validation_data"))
    random.seed(1)  # Keras' shuffle draws from it, and has no say
    model(built, **told.compile).fit(
        data, verbose=0, callbacks=[clerk], **{**told.fit, "validation_data": validation}
    )
    assert clerk.trained == expected(told.expected)
    if told.tested is not None:
        assert clerk.tested == expected(told.tested)


@pytest.mark.parametrize("at", range(LENGTH))
@pytest.mark.parametrize("how", ["stop", "error", "interrupt"])
def test_an_epoch_that_was_broken_off_is_begun_again(how: str, at: int) -> None:
    data, trained, clerk = sequence(), model(at % 2 == 0), Clerk(how, at)
    expect = {"error": RuntimeError, "interrupt": KeyboardInterrupt}.get(how)
    if expect is None:
        trained.fit(data, epochs=3, verbose=0, callbacks=[clerk])
    else:
        with pytest.raises(expect):
            trained.fit(data, epochs=3, verbose=0, callbacks=[clerk])
    assert data.epoch == 0
    again = Clerk()
    trained.fit(data, epochs=2, verbose=0, callbacks=[again])
    assert again.trained == expected([0, 1])


def test_evaluation_and_prediction_leave_the_epoch_as_it_is() -> None:
    data, made = sequence(), model(built=False)
    first = made.evaluate(data, verbose=0)
    assert made.evaluate(data, verbose=0) == first
    assert len(made.predict(data, verbose=0)) == COUNT
    assert data.epoch == 0
    clerk = Clerk()
    made.fit(data, verbose=0, callbacks=[clerk])
    made.evaluate(data, verbose=0)
    made.fit(data, verbose=0, callbacks=[clerk])
    assert clerk.trained == expected([0, 1])


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8])
@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
def test_few_batches_are_no_looks_and_looks_no_epochs(count: int, built: bool) -> None:
    data = penstock.make_generator((X[:count], X[:count]), batch_size=BATCH, seed=3)
    orders = [np.concatenate([x for x, _ in data])[:, 0].astype(int).tolist() for _ in range(3)]
    data.epoch = 0
    clerk = Clerk()
    model(built).fit(data, epochs=3, verbose=0, callbacks=[clerk])
    assert clerk.trained == orders


def test_a_second_fit_goes_on_and_one_with_an_initial_epoch_does_too() -> None:
    data, made, clerk = sequence(), model(built=False), Clerk()
    made.fit(data, epochs=2, verbose=0, callbacks=[clerk])
    made.fit(data, epochs=1, verbose=0, callbacks=[clerk])
    made.fit(data, initial_epoch=1, epochs=2, verbose=0, callbacks=[clerk])
    made.fit(data, initial_epoch=6, epochs=7, verbose=0, callbacks=[clerk])
    assert clerk.trained == expected([0, 1, 2, 3, 6])


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow's alone"
)
@pytest.mark.parametrize("story", ["fit", "validation", "stopped"])
@pytest.mark.parametrize("built", [False, True], ids=["fresh", "built"])
def test_a_mirrored_strategy_sees_the_samples_of_the_contract(story: str, built: bool) -> None:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        made = model(built)
    data, clerk = sequence(), Clerk("stop" if story == "stopped" else None)
    validation = data if story == "validation" else None
    made.fit(data, epochs=2, verbose=0, callbacks=[clerk], validation_data=validation)
    if story == "stopped":
        clerk = Clerk()
        made.fit(data, epochs=2, verbose=0, callbacks=[clerk])
    assert clerk.trained == expected([0, 1])
    assert clerk.tested == (expected([1, 2]) if validation else [])
