"""However training ends, what follows is exact, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import threading
import weakref

import keras
import numpy as np
import pytest

import penstock

COUNT = 60
BATCH = 8
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)


def numbers(**options: object) -> penstock.Sequence:
    return penstock.make_generator((X, X), **{"batch_size": BATCH, "seed": 3, **options})


def line() -> keras.Model:
    """A model that always predicts 0: its loss is the mean square of what it was shown."""
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(0.0), "mse")
    return made


MEAN_SQUARE = float((X**2).mean())


class Wrecker(keras.callbacks.Callback):
    """Ends training in the middle of an epoch."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if batch != 3:
            return
        if self.how == "stop":
            self.model.stop_training = True
        elif self.how == "error":
            raise RuntimeError("no more")
        elif self.how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("how", ["stop", "error", "interrupt"])
@pytest.mark.parametrize("workers", [0, 2])
def test_training_that_broke_off_is_followed_by_whole_epochs(how: str, workers: int) -> None:
    data, model = numbers(workers=workers), line()
    expect = {"error": RuntimeError, "interrupt": KeyboardInterrupt}.get(how)
    if expect is None:
        model.fit(data, epochs=3, verbose=0, callbacks=[Wrecker(how)])
    else:
        with pytest.raises(expect):
            model.fit(data, epochs=3, verbose=0, callbacks=[Wrecker(how)])
    history = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert history == pytest.approx([MEAN_SQUARE] * 2, rel=1e-5)
    assert data.epoch == 2


def test_a_sequence_dropped_in_the_middle_of_an_epoch_takes_its_threads_along() -> None:
    data = numbers(workers=3)
    for index in range(3):
        data[index]
    iterator = iter(data)
    next(iterator)
    gone = weakref.ref(data)
    del data, iterator
    gc.collect()
    assert gone() is None
    assert not [each for each in threading.enumerate() if each.name == "penstock"]


class Busybody(keras.callbacks.Callback):
    """Uses the very sequence that is being trained on, in the middle of its epochs."""

    def __init__(self, data: penstock.Sequence, how: str) -> None:
        super().__init__()
        self.data = data
        self.how = how
        self.other = line()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if self.how == "evaluates":
            self.other.evaluate(self.data, verbose=0)
        elif self.how == "evaluates a part":
            self.other.evaluate(self.data, steps=2, verbose=0)
        elif self.how == "predicts":
            self.other.predict(self.data, verbose=0)
        elif self.how == "iterates":
            list(self.data)
        elif self.how == "indexes":
            assert len(self.data[batch % self.data.num_batches]) == 2


@pytest.mark.parametrize(
    "how", ["evaluates", "evaluates a part", "predicts", "iterates", "indexes"]
)
def test_a_callback_may_use_the_sequence_that_is_trained_on(how: str) -> None:
    data = numbers()
    history = line().fit(data, epochs=3, verbose=0, callbacks=[Busybody(data, how)])
    assert history.history["loss"] == pytest.approx([MEAN_SQUARE] * 3, rel=1e-5)


def test_an_index_means_the_current_epoch_after_a_pass_that_was_broken_off() -> None:
    data = numbers()
    line().fit(data, steps_per_epoch=2, verbose=0)
    list(data)
    seen = np.concatenate([data[index][0][:, 0] for index in range(len(data))])
    np.testing.assert_array_equal(np.sort(seen), X[:, 0])
    np.testing.assert_array_equal(seen, np.concatenate([x for x, _ in data])[:, 0])


def test_a_loop_of_ones_own_may_begin_and_end_its_epochs() -> None:
    data, orders = numbers(), []
    for _ in range(3):
        data.on_epoch_begin()
        orders.append(np.concatenate([data[index][0] for index in range(len(data))])[:, 0])
        data.on_epoch_end()
    assert data.epoch == 3
    assert len({tuple(order) for order in orders}) == 3


def test_two_sequences_at_once_do_not_disturb_each_other() -> None:
    first, second = numbers(seed=1), numbers(seed=2)
    for (x, _), (z, _) in zip(first, second, strict=True):
        assert x.shape == z.shape
    for data, again in ((first, numbers(seed=1)), (second, numbers(seed=2))):
        data.epoch = 0
        for (x, _), (z, _) in zip(data, again, strict=True):
            np.testing.assert_array_equal(x, z)


def test_fit_in_a_thread_is_exact() -> None:
    data, found = numbers(), []

    def train() -> None:
        found.extend(line().fit(data, epochs=2, verbose=0).history["loss"])

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert found == pytest.approx([MEAN_SQUARE] * 2, rel=1e-5)


@pytest.mark.parametrize("steps", [1, 3, 8])
def test_validation_steps_see_the_first_batches_in_order(steps: int) -> None:
    validation = numbers(shuffle=False)
    history = line().fit(
        numbers(), validation_data=validation, validation_steps=steps, epochs=1, verbose=0
    )
    seen = X[: steps * BATCH]
    assert history.history["val_loss"][0] == pytest.approx(float((seen**2).mean()), rel=1e-5)


def test_an_epoch_may_be_set_to_go_on_where_another_run_ended() -> None:
    whole, rest = numbers(), numbers()
    orders = [np.concatenate([x for x, _ in whole])[:, 0] for _ in range(4)]
    rest.epoch = 2
    np.testing.assert_array_equal(np.concatenate([x for x, _ in rest])[:, 0], orders[2])
    np.testing.assert_array_equal(np.concatenate([x for x, _ in rest])[:, 0], orders[3])
    assert not np.array_equal(orders[2], orders[3])


def test_the_class_weights_of_fit_weigh_the_right_samples() -> None:
    labels = (np.arange(COUNT) % 3 == 0).astype("int32")
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(2, "softmax", kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    data = penstock.make_generator((X, labels), batch_size=COUNT, seed=1)
    loss = model.fit(data, class_weight={0: 1.0, 1: 4.0}, verbose=0).history["loss"][0]
    weights = np.where(labels, 4.0, 1.0)
    # Every sample costs log 2 at even odds. How a weighted loss is divided is Keras' affair.
    assert loss == pytest.approx(np.log(2) * weights.sum() / COUNT, rel=1e-4)


def test_weights_that_we_deliver_weigh_as_those_of_fit() -> None:
    labels = np.where(np.arange(COUNT) % 3 == 0, "rare", "usual")

    def model() -> keras.Model:
        made = keras.Sequential(
            [
                keras.Input((1,)),
                keras.layers.Dense(2, "softmax", kernel_initializer="zeros"),
            ]
        )
        made.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
        return made

    options = {"encoder": "categorical", "batch_size": COUNT, "seed": 1}
    ours = penstock.make_generator((X, labels), class_weight={"rare": 4.0}, **options)
    plain = penstock.make_generator((X, labels), **options)
    assert model().fit(ours, verbose=0).history["loss"] == pytest.approx(
        model().fit(plain, class_weight={0: 4.0, 1: 1.0}, verbose=0).history["loss"], rel=1e-5
    )


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow's alone"
)
@pytest.mark.parametrize("workers", [1, 4])
def test_evaluation_under_a_mirrored_strategy_is_right_the_first_time(workers: int) -> None:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
        model.compile("sgd", "mse")
    data = penstock.make_generator((X, X), batch_size=1, shuffle=False, workers=workers)
    for _ in range(2):
        assert model.evaluate(data, verbose=0) == pytest.approx(MEAN_SQUARE, rel=1e-5)


def test_the_next_epoch_is_read_ahead_while_one_ends_and_none_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("penstock.pace._BRIEF_SECONDS", 0.0)  # these batches are
    data, ready = numbers(workers=1, max_queue_size=2), []

    class Looker(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            ready.append(sorted(data._readahead._crew.jobs))

    line().fit(data, epochs=3, verbose=0, callbacks=[Looker()])
    assert ready == [[(1, 0), (1, 1)], [(2, 0), (2, 1)], []]
