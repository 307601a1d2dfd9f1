"""A sequence in hands that do with it what they please."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import pickle
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError, PluginError

X = np.arange(40, dtype=np.float32).reshape(-1, 1)


def sequence(**options):
    return penstock.make_generator((X, X), **{"batch_size": 8, "seed": 3, **options})


def content(data):
    return [x.tolist() for x, _ in data]


# -- what is asked for -----------------------------------------------------------------


@pytest.mark.parametrize("index", [slice(0, 2), 0.5, "0", None, np.array([0, 1]), (0,)])
def test_a_batch_has_a_whole_number(index):
    with pytest.raises(ConfigError, match="a batch has a whole number"):
        sequence()[index]


@pytest.mark.parametrize("index", [np.int64(1), True, np.uint8(1)])
def test_a_whole_number_of_any_kind_is_one(index):
    np.testing.assert_array_equal(sequence()[index][0], sequence()[1][0])


@pytest.mark.parametrize("index", [5, -6, 2**70])
def test_a_batch_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match="there are 5"):
        sequence()[index]


@pytest.mark.parametrize("epoch", [-1, 1.5, "1", None, True])
def test_an_epoch_is_a_whole_number(epoch):
    data = sequence()
    with pytest.raises(ConfigError, match="epoch="):
        data.epoch = epoch
    assert data.epoch == 0


def test_the_number_of_batches_ahead_can_be_set():
    data = sequence(workers=2, max_queue_size=1)
    expected = content(sequence())
    data.max_queue_size = 3
    assert data.max_queue_size == 3
    assert data._readahead.depth == 3
    assert content(data) == expected
    with pytest.raises(ConfigError, match="max_queue_size=0"):
        data.max_queue_size = 0


# -- what plugins return ---------------------------------------------------------------


def encoded_by(function):
    class Encoder:
        @penstock.hookimpl
        def encode_labels(self, labels):
            return function(labels)

    labels = [f"c{n % 2}" for n in range(6)]

    @dataclass(frozen=True)
    class Zeros:
        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((1,), "float32")

        @penstock.hookimpl
        def load_samples(self, samples, out):
            out[...] = 0

    table = pd.DataFrame({"sample": np.arange(6), "label": labels})
    data = penstock.make_generator(table, loader=Zeros(), encoder=Encoder())
    return data[0][1]


def test_targets_of_double_precision_are_delivered_in_single():
    assert encoded_by(lambda labels: np.linspace(0, 1, len(labels))).dtype == np.float32
    assert encoded_by(lambda labels: np.zeros(len(labels), np.float16)).dtype == np.float16


@pytest.mark.parametrize("result", [np.array(["a"] * 6), np.array([None] * 6), np.ones(6, complex)])
def test_targets_that_are_no_numbers_are_refused(result):
    with pytest.raises(PluginError, match=r"dtype .* It must return numbers"):
        encoded_by(lambda labels: result[: len(labels)])


def augmented_by(function):
    class Augmenter:
        @penstock.hookimpl
        def augment_batch(self, batch):
            function(batch)

    return sequence(augment=[Augmenter()])[0]


def set_x(value):
    def change(batch):
        batch.inputs["x"] = value(batch.inputs["x"])

    return change


def test_what_augmenters_of_batches_return_is_delivered_in_single_precision():
    x, _ = augmented_by(set_x(lambda x: x.astype(np.float64) * 2))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, sequence()[0][0] * 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_x(lambda x: x[:-1]), r"float32\(7, 1\) as 'x' in a batch of 8"),
        (set_x(lambda x: np.concatenate([x, x])), r"float32\(16, 1\) as 'x'"),
        (set_x(lambda x: x.tolist()), "as 'x' in a batch of 8"),
        (set_x(lambda x: None), "None as 'x'"),
        (set_x(lambda x: x.astype(object)), "object"),
        (lambda batch: batch.inputs.clear(), "must keep the names"),
        (lambda batch: batch.targets.update(z=X[:8]), "must keep the names"),
        (
            lambda batch: setattr(batch, "sample_weight", np.ones(7)),
            "sample_weight of a batch of 8",
        ),
        (lambda batch: setattr(batch, "sample_weight", [1] * 8), "sample_weight of a batch of 8"),
    ],
)
def test_what_augmenters_of_batches_break_is_told(change, message):
    with pytest.raises(PluginError, match=message):
        augmented_by(change)


def test_weights_of_an_augmenter_are_delivered_in_single_precision():
    weight = augmented_by(lambda batch: setattr(batch, "sample_weight", np.ones(8)))[2]
    assert weight.dtype == np.float32


# -- other threads and processes -------------------------------------------------------


def test_two_sequences_in_two_threads_are_right():
    expected = [content(sequence(seed=seed)) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: content(sequence(seed=seed, workers=2)), range(4)))
    assert found == expected


def _in_child(data, queue):
    queue.put(content(data))


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_sequence_goes_on_in_another_process(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {method}")
    data = sequence(workers=2)
    data.load_state_dict({**data.state_dict(), "epoch": 2, "batch": 1})
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(data, queue))
    child.start()
    found = queue.get(timeout=120)
    child.join(30)
    assert child.exitcode == 0
    queue.close()
    queue.join_thread()
    child.close()
    assert found == content(data)


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_while_other_threads_are_at_it_leaves_no_lock_held():
    data = sequence(workers=0)
    locks = (data._passes._lock, data._batches.runtime.lock, data._batches.runtime.failures._lock)
    held, go = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        held.set()
        go.wait()
        for lock in locks:
            lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that waits for ever
        try:
            os._exit(0 if len(content(data)) == 5 and not len(data.errors) else 1)
        finally:
            os._exit(2)
    go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_function_that_does_not_pickle_is_named():
    data = sequence(augment=[lambda image: image])
    with pytest.raises(
        ConfigError, match="that augments, cannot travel to another process.*lambda"
    ):
        pickle.dumps(data)


# -- again and again -------------------------------------------------------------------


def _memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _make_and_drop(times):
    big = np.zeros((256, 1024), np.float32)
    for number in range(times):
        data = penstock.make_generator((big, big), batch_size=64, workers=2, seed=number)
        iterator = iter(data)
        next(iterator)
        if number % 2:
            next(iterator)
        del data, iterator
    gc.collect()


def _many_epochs(times):
    big = np.zeros((256, 1024), np.float32)
    with penstock.make_generator((big, big), batch_size=64, workers=2, seed=1) as data:
        for _ in range(times):
            for _ in data:
                pass


@pytest.mark.parametrize("repeat", [_make_and_drop, _many_epochs])
def test_memory_and_descriptors_stay_as_they_are(repeat):
    _grows_no_more(repeat, 40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("repeat", "times"), [(_make_and_drop, 1000), (_many_epochs, 200)])
def test_memory_and_descriptors_stay_as_they_are_for_long(repeat, times):
    _grows_no_more(repeat, times)


def _grows_no_more(repeat, times):
    repeat(20)
    threads, before = threading.active_count(), _memory()
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    repeat(times)
    # A batch and its target are 512 KiB: one that is kept per turn would be seen.
    assert _memory() - before < times * (1 << 19) / 4
    assert threading.active_count() <= threads + 2
    if files:
        assert len(os.listdir("/proc/self/fd")) <= files


# -- the same for ever -----------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((3,), "int64")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = samples[:, None] * 1000


@dataclass(frozen=True)
class Shift:
    @penstock.hookimpl
    def augment_samples(self, batch):
        for array in batch.inputs.values():
            np.add(array, batch.draws.integers(0, 1000, size=3), out=array)


GOLDEN = "584d82dc5901bda7c24cac1ba2cfd9da"


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"workers": 1, "max_queue_size": 1},
        {"workers": 3, "max_queue_size": 5},
        {"workers": 2, "cache": "memory"},
        {"workers": 2, "on_error": "skip"},
    ],
    ids=repr,
)
def test_batches_are_the_same_as_ever(options):
    table = pd.DataFrame({"sample": np.arange(50), "label": [f"c{n % 3}" for n in range(50)]})
    data = penstock.make_generator(
        table, loader=Numbers(), augment=[Shift()], batch_size=7, seed=11, **options
    )
    digest = hashlib.sha256()
    for _ in range(3):
        for x, y in data:
            digest.update(x.astype("<i8").tobytes() + y.astype("<f4").tobytes())
    assert digest.hexdigest()[:32] == GOLDEN
