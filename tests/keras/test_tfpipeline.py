"""What TensorFlow's pipeline around a sequence does, and does not, while Keras trains."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import keras
import numpy as np
import pytest

import penstock
from penstock import tfpipeline
from penstock.tfpipeline import AT_HAND, steady

if keras.backend.backend() != "tensorflow":
    pytest.skip("only TensorFlow has pipelines", allow_module_level=True)

import tensorflow as tf
from keras.src.backend.tensorflow import trainer

COUNT = 60
BATCH = 8
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)
MEAN_SQUARE = float((X**2).mean())


def numbers(**options: object) -> penstock.Sequence:
    return penstock.make_generator((X, X), **{"batch_size": BATCH, "seed": 3, **options})


def line() -> keras.Model:
    """A model that always predicts 0: its loss is the mean square of what it was shown."""
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(0.0), "mse")
    return made


def test_the_end_of_an_epoch_waits_for_no_tuner_of_tensorflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    iterators = []
    make = trainer.TFEpochIterator.__init__

    def noted(self: object, *args: object, **options: object) -> None:
        iterators.append(self)
        make(self, *args, **options)

    monkeypatch.setattr(trainer.TFEpochIterator, "__init__", noted)
    model = line()
    model.fit(numbers(), validation_data=numbers(shuffle=False), epochs=2, verbose=0)
    model.evaluate(numbers(), verbose=0)
    model.predict(numbers(), verbose=0)
    assert len(iterators) == 4
    tuned = [each._distributed_dataset.dataset.options().autotune.enabled for each in iterators]
    assert tuned == [False] * 4


def test_tensorflow_asks_for_no_more_batches_than_it_was_told_to_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    ask = penstock.Sequence.__getitem__

    def noted(self: penstock.Sequence, index: int) -> object:
        asked.append(index)
        return ask(self, index)

    monkeypatch.setattr(penstock.Sequence, "__getitem__", noted)
    ahead = []

    class Fitful(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            # Its own buffer grows with every time that it was full and then empty.
            time.sleep(0.05 if batch % 10 == 0 else 0)
            ahead.append(len(asked) - learned - (batch + 1))

    data = penstock.make_generator((X, X), batch_size=1, seed=3)
    model = line()
    learned = 2  # Keras looks at the first two to learn what batches are like
    model.fit(data, epochs=1, verbose=0, callbacks=[Fitful()])
    assert max(ahead) == AT_HAND


def test_a_pipeline_of_another_form_keeps_its_elements() -> None:
    class Iterator:
        _distributed_dataset = tf.data.Dataset.range(4).skip(1)

    steady(Iterator)
    dataset = Iterator._distributed_dataset.dataset
    assert [int(each) for each in dataset] == [1, 2, 3]
    assert dataset.options().autotune.enabled is False


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that made each of TensorFlow's iterators."""
    names: list[str] = []
    make = tf.data.Dataset.__iter__

    def noted(self: tf.data.Dataset) -> object:
        names.append(threading.current_thread().name)
        return make(self)

    for kind in (tf.data.Dataset, type(tf.data.Dataset.range(1).with_options(tf.data.Options()))):
        monkeypatch.setattr(kind, "__iter__", noted)
    return names


class Breath(keras.callbacks.Callback):
    """Gives an epoch the time that what is made beside it takes."""

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if batch == 4:
            deadline = time.monotonic() + 10
            while any(each.name == "penstock" for each in threading.enumerate()):
                assert time.monotonic() < deadline
                time.sleep(0.01)


def test_an_iterator_is_made_while_the_epoch_before_is_on_its_way(makers: list[str]) -> None:
    history = line().fit(numbers(workers=0), epochs=3, verbose=0, callbacks=[Breath()]).history
    # Keras makes one at the end of the last epoch too.
    assert makers == ["MainThread", "penstock", "penstock", "penstock"]
    assert history["loss"] == pytest.approx([MEAN_SQUARE] * 3, rel=1e-5)


def test_epochs_too_short_for_that_are_whole_all_the_same(
    makers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfpipeline, "_SETTLED_SECONDS", 60.0)
    data = numbers(workers=0)
    began = time.monotonic()
    history = line().fit(data, validation_data=data, epochs=3, verbose=0).history
    assert time.monotonic() - began < 30
    assert set(makers) == {"MainThread"}
    assert history["loss"] == pytest.approx([MEAN_SQUARE] * 3, rel=1e-5)
    assert history["val_loss"] == pytest.approx([MEAN_SQUARE] * 3, rel=1e-5)
    assert not [each for each in threading.enumerate() if each.name == "penstock"]


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01])
def test_epochs_that_are_half_a_pass_see_each_sample_once_in_a_pass(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfpipeline, "_SETTLED_SECONDS", seconds)
    data = numbers(workers=0)
    seen = []

    class Seen(keras.Model):
        def train_step(self, given: object) -> dict[str, object]:
            x, _ = given
            tf.numpy_function(lambda each: seen.extend(each.ravel().tolist()), [x], [])
            return {"loss": tf.reduce_mean(x)}

    model = Seen()
    model.compile()
    model.fit(data, steps_per_epoch=4, epochs=6, verbose=0)  # 24 steps: three passes of eight
    assert sorted(seen) == sorted(X.ravel().tolist() * 3)


def test_what_makes_an_iterator_ahead_keeps_no_pipeline_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Epochs:
        _distributed_dataset = tf.data.Dataset.range(4).prefetch(1)

    monkeypatch.setattr(tfpipeline, "_SETTLED_SECONDS", 0.2)
    epochs = Epochs()
    steady(epochs)
    pipeline = epochs._distributed_dataset
    next(iter(pipeline))
    gone = weakref.ref(pipeline)
    del epochs._distributed_dataset, pipeline
    gc.collect()
    assert gone() is None
    Breath().on_train_batch_end(4)  # and the thread ends
