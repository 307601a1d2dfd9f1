"""Who asked for it is told of each epoch once as it begins and once as it ends."""

from __future__ import annotations

import pickle
import threading
from contextlib import nullcontext

import keras
import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from penstock.jobs import THREAD_NAME
from penstock.order import Order

COUNT = 40
X = np.arange(COUNT, dtype=np.float32).reshape(-1, 1)


def numbers(**options: object) -> tuple[penstock.Sequence, list[tuple[str, int]]]:
    """Return a sequence of 5 batches, and what is heard of its epochs."""
    data = penstock.make_generator((X, X), **{"batch_size": 8, "seed": 3, **options})
    return data, listened_to(data)


def listened_to(data: penstock.Sequence) -> list[tuple[str, int]]:
    heard: list[tuple[str, int]] = []
    data.on_epoch(
        begin=lambda epoch: heard.append(("begin", epoch)),
        end=lambda epoch: heard.append(("end", epoch)),
    )
    return heard


def epochs(*wanted: int) -> list[tuple[str, int]]:
    return [(what, epoch) for epoch in wanted for what in ("begin", "end")]


def line() -> keras.Model:
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(0.0), "mse")
    return made


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_of_fit_begins_and_ends_once(workers: int) -> None:
    data, heard = numbers(workers=workers)
    line().fit(data, epochs=3, verbose=0)
    assert heard == epochs(0, 1, 2)
    line().fit(data, epochs=2, verbose=0)
    assert heard == epochs(0, 1, 2, 3, 4)


def test_validation_evaluation_and_prediction_are_no_epochs() -> None:
    data, heard = numbers()
    val, heard_of_val = numbers(shuffle=False)
    model = line()
    model.evaluate(data, verbose=0)
    model.predict(data, verbose=0)
    model.fit(data, validation_data=val, epochs=3, verbose=0)
    model.fit(data, validation_data=data, initial_epoch=3, epochs=5, verbose=0)
    assert heard == epochs(0, 1, 2, 3, 4)
    assert heard_of_val == []


@pytest.mark.parametrize(("steps", "passes"), [(5, 4), (1, 0), (3, 2)])
def test_with_steps_per_epoch_an_epoch_is_still_a_pass(steps: int, passes: int) -> None:
    data, heard = numbers()
    with pytest.warns(UserWarning, match="ran out of data") if steps == 3 else nullcontext():
        line().fit(data, steps_per_epoch=steps, epochs=4, verbose=0)
    assert heard[: 2 * passes] == epochs(*range(passes))
    assert heard[2 * passes :] in ([], [("begin", passes)])
    assert data.epoch == passes


def test_an_epoch_begins_before_it_is_trained_on_and_ends_after() -> None:
    data = penstock.make_generator((X, X), batch_size=8, seed=3)
    heard = listened_to(data)

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            heard.append(("step", batch))

    line().fit(data, epochs=2, verbose=0, callbacks=[Steps()])
    steps = [("step", number) for number in range(5)]
    assert heard == [
        ("begin", 0), *steps, ("end", 0), ("begin", 1), *steps, ("end", 1),
    ]  # fmt: skip


def test_a_pass_that_was_broken_off_is_one_epoch() -> None:
    data, heard = numbers()

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.model.stop_training = batch == 2

    line().fit(data, epochs=3, verbose=0, callbacks=[Stop()])
    assert heard == [("begin", 0)]
    line().fit(data, epochs=2, verbose=0)
    assert heard == epochs(0, 1)


def test_loops_of_ones_own_are_epochs() -> None:
    data, heard = numbers()
    list(data)
    next(iter(data))  # a look that leads nowhere
    list(data)
    data.on_epoch_begin()
    for index in range(len(data)):
        data[index]
    data.on_epoch_end()
    assert heard == epochs(0, 1, 2)
    data.epoch = 1
    list(data)
    assert heard == epochs(0, 1, 2, 1)


def test_functions_may_use_the_sequence_and_stay_with_it() -> None:
    data, heard = numbers()
    seen: list[int] = []
    data.on_epoch(begin=lambda _: seen.append(data.epoch), end=lambda _: seen.append(data.epoch))
    list(data)
    assert seen == [0, 1]
    for other in (data.take(16), pickle.loads(pickle.dumps(data))):
        list(other)
    assert heard == epochs(0)


def test_what_is_no_function_is_refused() -> None:
    data, _ = numbers()
    with pytest.raises(ConfigError, match="needs a function"):
        data.on_epoch(begin=3)
    with pytest.raises(ConfigError, match="begin=, end= or both"):
        data.on_epoch()


def test_the_order_of_many_samples_is_there_before_their_epoch_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ordered: list[tuple[int, str]] = []
    order = Order.epoch

    def noted(self: Order, epoch: int) -> object:
        ordered.append((epoch, threading.current_thread().name))
        return order(self, epoch)

    monkeypatch.setattr(Order, "epoch", noted)
    x = np.arange(60_000, dtype=np.float32).reshape(-1, 1)
    data = penstock.make_generator((x, x), batch_size=10_000, seed=3)
    line().fit(data, epochs=2, verbose=0)
    assert (1, THREAD_NAME) in ordered
    assert 2 not in [epoch for epoch, _ in ordered]  # nobody asked for a third


@pytest.mark.parametrize("at_fault", ["thread", "order"])
def test_an_epoch_that_could_not_be_ordered_ahead_is_ordered_when_it_begins(
    monkeypatch: pytest.MonkeyPatch, at_fault: str
) -> None:
    order, start = Order.epoch, threading.Thread.start

    def fails_ahead(self: Order, epoch: int) -> object:
        if threading.current_thread().name == THREAD_NAME:
            raise MemoryError
        return order(self, epoch)

    def starts_no_more(self: threading.Thread) -> None:
        if self.name == THREAD_NAME:
            raise RuntimeError("can't start new thread")
        start(self)

    if at_fault == "thread":
        monkeypatch.setattr(threading.Thread, "start", starts_no_more)
    else:
        monkeypatch.setattr(Order, "epoch", fails_ahead)
    x = np.arange(60_000, dtype=np.float32).reshape(-1, 1)
    data = penstock.make_generator((x, x), batch_size=10_000, seed=3)
    line().fit(data, epochs=2, verbose=0)
    assert data.epoch == 2
