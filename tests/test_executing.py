"""Whoever makes batches, they are the same; whoever dies over it, nothing is lost or repeated."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from joblib.externals.loky import ProcessPoolExecutor as Loky

import penstock
from penstock.errors import (
    ConfigError,
    PluginError,
    SampleCorrupt,
    TooManyErrors,
    WorkerDied,
)
from penstock.executing import Elsewhere
from penstock.workplaces import Given

MODULES = str(Path(__file__).parent / "modules")
COUNT, SIZE = 37, 4
LENGTH = 10
TABLE = pd.DataFrame({"sample": np.arange(COUNT), "label": np.arange(COUNT) % 3})


@pytest.fixture(autouse=True)
def gone(monkeypatch):
    monkeypatch.syspath_prepend(MODULES)
    import gone

    return gone


@pytest.fixture(autouse=True)
def no_shared_memory_is_left():
    yield
    if os.path.isdir("/dev/shm"):
        gc.collect()
        mine = f"penstock-{os.getpid()}-"  # other tests may run beside
        own = [name for name in os.listdir("/dev/shm") if name.startswith(mine)]
        assert own == []


def numbers(loader, **options):
    given = {"batch_size": SIZE, "seed": 3, **options}
    table = TABLE if "y_col" in given else TABLE[["sample"]]
    return penstock.make_generator(table, loader=loader, **given)


def seen(sequence):
    """Return two epochs, as lists of bytes."""
    with sequence:
        return [
            [b"".join(np.asarray(part).tobytes() for part in b) for b in sequence] for _ in "12"
        ]


class Manual:
    """An executor that does what the test says, when it says it."""

    def __init__(self):
        self.tasks = []
        self.lost = {}  # index -> how often it shall be lost
        self.broken = False

    def submit(self, call, parcel, task):
        if self.broken:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = Future()
        self.tasks.append((task, future))
        rows = [task.probe] if task.probe is not None else []
        killer = self.lost.get(("row", *rows)) if rows else None
        if killer or (not rows and self.lost.get(task.index, 0)):
            if not rows:
                self.lost[task.index] -= 1
            future.set_exception(OSError("the machine is gone"))
        else:
            future.set_result(call(parcel, task))
        return future

    def asked(self):
        return [(task.epoch, task.index) for task, _ in self.tasks if task.probe is None]


def batches(gone, **options):
    return numbers(gone.Numbers(), **options)._batches


def window(batches, executor, depth=3, timeout=30.0):
    return Elsewhere(batches, Given(executor, timeout), 1, depth)


# -- the window ------------------------------------------------------------------------


KEYS = st.tuples(st.integers(0, 1), st.integers(0, LENGTH - 1))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(KEYS, st.lists(KEYS, max_size=6), st.sampled_from([None, 1, 2, 3])),
        min_size=1,
        max_size=12,
    ),
)
def test_batches_are_the_same_for_any_depth_order_and_prediction(depth, requests):
    import gone

    plain = batches(gone)
    with ThreadPoolExecutor(2) as pool:
        made = window(plain, pool, depth)
        for key, upcoming, reader in requests:
            (x,) = made.get(key, upcoming, reader)
            np.testing.assert_array_equal(x, plain.make(*key)[0])
        made.close()


def test_what_was_foretold_is_asked_for_once_and_no_more_than_the_depth(gone):
    manual = Manual()
    made = window(batches(gone), manual, depth=2)
    made.get((0, 0), [(0, 1), (0, 2), (0, 3)])
    made.get((0, 1), [(0, 2), (0, 3), (0, 4)])
    assert manual.asked() == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_what_is_not_wanted_any_more_is_given_up(gone):
    class Never(Manual):
        def submit(self, call, parcel, task):
            if task.index == 0:
                return super().submit(call, parcel, task)
            future = Future()
            self.tasks.append((task, future))
            return future

    never = Never()
    made = window(batches(gone), never)
    made.get((0, 0), [(0, 1), (0, 2)])
    made.get((1, 0), [])
    assert [future.cancelled() for task, future in never.tasks if task.index] == [True, True]


def test_few_bytes_at_a_time_are_few_batches(gone, monkeypatch):
    manual = Manual()
    made = window(batches(gone), manual, depth=5)
    monkeypatch.setattr(Given, "room", lambda self: 2 * SIZE * 8 * 4)  # two batches
    made.get((0, 0), [(0, each) for each in range(1, 6)])
    assert manual.asked() == [(0, 0), (0, 1), (0, 2)]


def test_a_batch_that_is_lost_is_made_again(gone):
    manual = Manual()
    manual.lost = {1: 2}
    made = window(batches(gone), manual)
    for index in range(3):
        (x,) = made.get((0, index), [(0, index + 1)])
        np.testing.assert_array_equal(x, batches(gone).make(0, index)[0])
    assert manual.asked().count((0, 1)) == 3


def test_a_batch_that_is_lost_too_often_ends_in_an_error_that_says_so(gone):
    manual = Manual()
    manual.lost = {1: 99}
    made = window(batches(gone), manual)
    made.get((0, 0))
    with pytest.raises(WorkerDied) as caught:
        made.get((0, 1))
    for part in ("Batch 1 of epoch 0 was lost 3 times", "the machine is gone", "batch_timeout="):
        assert part in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    made.get((0, 2))  # and others are not


@pytest.mark.parametrize("on_error", ["raise", "skip", "mask"])
def test_a_sample_that_ends_its_process_is_found_and_handled_as_the_policy_says(gone, on_error):
    manual = Manual()
    made = batches(gone, on_error=on_error)
    rows, _ = made.rows_of(0, 1)
    guilty = int(rows[2])
    manual.lost = {1: 3, ("row", guilty): True}
    ahead = window(made, manual)
    if on_error == "raise":
        with pytest.raises(SampleCorrupt, match="died, or did not answer") as caught:
            ahead.get((0, 1))
        assert caught.value.index == guilty
        return
    found = ahead.get((0, 1))
    others = [0, 1, 3]
    np.testing.assert_array_equal(found[0][others, 0], rows[others])
    if on_error == "mask":
        assert found[2].tolist() == [1, 1, 0, 1]
    else:
        assert found[0][2, 0] != guilty
    assert made.runtime.failures.table(TABLE)["index"].tolist() == [guilty]
    before = len(manual.tasks)
    ahead.get((1, 0))  # and from now on nobody tries it
    assert all(guilty in task.deadly for task, _ in manual.tasks[before:])


def test_a_batch_that_does_not_come_is_made_again(gone):
    class Slow(Manual):
        def submit(self, call, parcel, task):
            if not self.tasks:
                self.tasks.append((task, Future()))
                return self.tasks[0][1]
            return super().submit(call, parcel, task)

    slow = Slow()
    made = window(batches(gone), slow, timeout=0.05)
    np.testing.assert_array_equal(made.get((0, 0))[0], batches(gone).make(0, 0)[0])
    assert slow.tasks[0][1].cancelled()


def test_an_executor_that_takes_no_tasks_is_named(gone):
    manual = Manual()
    manual.broken = True
    with pytest.raises(WorkerDied, match="cannot schedule new futures after shutdown"):
        window(batches(gone), manual).get((0, 0))


def test_a_batch_that_another_reader_gave_up_is_made_all_the_same(gone):
    class Cancelled(Manual):
        def submit(self, call, parcel, task):
            if not self.tasks:
                future = Future()
                self.tasks.append((task, future))
                threading.Timer(0.05, future.cancel).start()
                return future
            return super().submit(call, parcel, task)

    made = window(batches(gone), Cancelled())
    np.testing.assert_array_equal(made.get((0, 0))[0], batches(gone).make(0, 0)[0])


def test_delivered_batches_are_held_by_nobody(gone):
    import weakref

    with ThreadPoolExecutor(1) as pool:
        made = window(batches(gone), pool)
        (x,) = made.get((0, 0), [(0, 1)])
        made.get((0, 1))
        alive = weakref.ref(x)
        del x
        assert alive() is None
        made.close()


def test_an_error_is_raised_each_time_it_is_asked_for(gone):
    made = numbers(gone.Unlucky(guilty=(5,)))._batches
    guilty = next(index for index in range(LENGTH) if 5 in made.rows_of(0, index)[0])
    with ThreadPoolExecutor(2) as pool:
        ahead = window(made, pool)
        for _ in range(2):
            with pytest.raises(SampleCorrupt, match="It is cut"):
                ahead.get((0, guilty), [(0, (guilty + 1) % LENGTH)])
        ahead.get((0, (guilty + 1) % LENGTH))
        ahead.close()


# -- executors -------------------------------------------------------------------------


def test_an_executor_of_ones_own_gives_the_bytes_of_threads(gone):
    expected = seen(numbers(gone.Numbers()))
    with ThreadPoolExecutor(2) as threads:
        assert seen(numbers(gone.Numbers(), executor=threads)) == expected


def test_batches_cross_into_an_executor_of_processes_once(gone):
    expected = seen(numbers(gone.Numbers(), y_col="label"))
    with Loky(1, env={"PYTHONPATH": MODULES}) as pool:
        made = numbers(gone.Numbers(), y_col="label", executor=pool, workers=2)
        assert seen(made) == expected
        assert made.stats().samples == 2 * COUNT  # counted there


@pytest.mark.timeout(120)
def test_processes_give_the_bytes_of_threads_and_tell_what_they_did(gone):
    options = {"y_col": "label", "on_error": "skip"}
    loader = gone.Unlucky(width=4096, guilty=(5, 6))
    with pytest.warns(UserWarning, match="2 samples of 37 could not be loaded"):
        expected = seen(numbers(loader, **options))
    made = numbers(loader, executor="processes", workers=2, **options)
    with pytest.warns(UserWarning, match="2 samples of 37 could not be loaded"):
        found = seen(made)
    assert found == expected
    stats = made.stats()
    assert (stats.batches, stats.samples) == (2 * LENGTH, 2 * COUNT)
    assert stats.load > 0
    assert made.errors["index"].tolist() == [5, 6]


@pytest.mark.timeout(120)
def test_the_processes_load_no_keras_and_are_gone_after_the_epoch(gone):
    made = numbers(gone.Modules(), executor="processes", workers=2)
    found = np.concatenate([x for (x,) in made])
    assert set(found[:, 1]) == {0}
    assert os.getpid() % 2**20 not in set(found[:, 0])
    pool = made._workplace._pool
    assert pool is None
    train, val = made.split(0.5, 0.5)  # one place for both
    batches = iter(train)
    next(batches)
    started = [each.pid for each in train._workplace._context.started]
    list(val)
    assert [each.pid for each in val._workplace._context.started] == started
    del batches
    train.close()
    assert train._workplace._pool is None
    made.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("on_error", ["skip", "mask"])
def test_samples_that_kill_their_process_cost_themselves_and_nothing_else(gone, on_error):
    made = numbers(gone.Deadly(guilty=(7,)), executor="processes", workers=2, on_error=on_error)
    with pytest.warns(UserWarning, match="1 sample of 37 could not be loaded"):
        found = np.concatenate([batch[0] for batch in made])[:, 0].astype(int)
    made.close()
    others = [each for each in range(COUNT) if each != 7]
    assert 7 not in found
    assert set(others) == set(found.tolist()) - ({0} - set(others))
    assert len(found) == COUNT
    assert made.errors["index"].tolist() == [7]


@pytest.mark.timeout(120)
def test_processes_that_die_for_another_reason_are_replaced(gone, tmp_path):
    loader = gone.Deadly(guilty=(3, 30), folder=str(tmp_path), times=1)
    made = numbers(loader, executor="processes", workers=2)
    assert seen(made) == seen(numbers(gone.Numbers()))


@pytest.mark.timeout(120)
def test_a_sample_that_never_comes_back_is_found(gone):
    made = numbers(
        gone.Hanging(guilty=9),
        executor="processes",
        workers=1,
        batch_size=COUNT,
        batch_timeout=1.5,
        on_error="mask",
    )
    with pytest.warns(UserWarning, match="could not be loaded"):
        ((x, _, weight),) = made
    made.close()
    assert weight.tolist().count(0) == 1
    assert x[weight == 0].tolist() == [[0] * 8]


@pytest.mark.timeout(120)
def test_too_many_errors_in_all_processes_together_end_it(gone):
    made = numbers(
        gone.Unlucky(guilty=tuple(range(0, 37, 6))),
        executor="processes",
        workers=2,
        on_error="skip",
        max_errors=5,
    )
    with made, pytest.raises(TooManyErrors, match="of 37 samples could not be loaded"):
        list(made)


@pytest.mark.timeout(120)
def test_what_cannot_travel_is_named(gone):
    class Local(gone.Numbers):
        pass

    with pytest.raises(ConfigError, match="cannot travel to another process"):
        numbers(Local(), executor="processes")[0]


@pytest.mark.timeout(120)
def test_what_the_other_process_cannot_import_is_named(gone, monkeypatch):
    made = numbers(gone.Numbers(), executor="processes", workers=1)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != MODULES])
    with made, pytest.raises(PluginError, match="No module named 'gone'"):
        made[0]


@pytest.mark.timeout(120)
def test_a_cache_on_disk_is_shared_by_the_processes(gone, npy_files, tmp_path):
    options = {"cache": "disk", "cache_dir": tmp_path / "cache", "batch_size": 2, "seed": 1}
    with penstock.make_generator(npy_files, executor="processes", workers=2, **options) as made:
        first = [x.tobytes() for x, _ in made]
    with penstock.make_generator(npy_files, **options) as again:
        assert [x.tobytes() for x, _ in again] == first
        assert again.stats().kept == 6


LEAVING = """
import os, signal, sys, threading, time
sys.path.insert(0, {modules!r})
import gone, pandas as pd, penstock
made = penstock.make_generator(
    pd.DataFrame({{"sample": range(37)}}), loader=gone.Numbers(4096), batch_size=4,
    executor="processes", workers=2,
)
steps = iter(made)
x, = next(steps)
next(steps)
print(*[each.pid for each in made._workplace._context.started], flush=True)
{ending}
"""
ENDINGS = {
    "an exception": "raise SystemExit('on purpose')",
    "Ctrl-C": "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    "a kill": "os.kill(os.getpid(), signal.SIGKILL)",
}


def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2][:4]


def orphans():
    """Return the blocks of shared memory whose process is gone; other tests may have some."""
    named = [name.split("-") for name in os.listdir("/dev/shm") if name.startswith("penstock-")]
    return ["-".join(parts) for parts in named if not alive(int(parts[1]))]


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_however_the_process_ends(ending, tmp_path):
    script = LEAVING.format(modules=MODULES, ending=ENDINGS[ending])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    pids = [int(each) for each in done.stdout.split()]
    assert len(pids) >= 1, done.stderr
    end = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, pids))
    for word in ("Exception ignored", "leaked", "BufferError"):
        assert ending == "a kill" or word not in done.stderr, done.stderr
    while orphans():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert ending == "a kill" or list(tmp_path.iterdir()) == []


@pytest.mark.timeout(120)
def test_what_was_delivered_outlives_the_processes_and_their_memory(gone):
    made = numbers(gone.Numbers(4096), executor="processes", workers=1)
    steps = iter(made)
    held = [next(steps) for _ in range(4)]
    made.close()
    del made, steps
    gc.collect()
    plain = numbers(gone.Numbers(4096))._batches
    for index, (x,) in enumerate(held):
        np.testing.assert_array_equal(x, plain.make(0, index)[0])
        x[...] = 0  # and is the receiver's own


def test_where_there_is_no_shared_memory_batches_are_the_same(gone, monkeypatch):
    import penstock.sharedblocks as blocks

    def full(self, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blocks._Block, "__init__", full)
    expected = seen(numbers(gone.Numbers(4096)))
    assert seen(numbers(gone.Numbers(4096), executor="processes", workers=1)) == expected


def test_a_sequence_travels_with_the_name_of_its_executor_and_without_an_object(gone):
    made = numbers(gone.Numbers(), executor="processes")
    copied = pickle.loads(pickle.dumps(made))
    assert type(copied._workplace).__name__ == "Processes"
    with ThreadPoolExecutor(1) as pool:
        made = numbers(gone.Numbers(), executor=pool)
        with pytest.raises(ConfigError, match="cannot travel to another process"):
            pickle.dumps(made)
        made.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "process"}, "Did you mean 'processes'?"),
        ({"executor": 3}, "executor=3 has no submit()"),
        ({"executor": "threads", "batch_timeout": 3}, "cannot be kept on threads"),
        ({"executor": "processes", "batch_timeout": 0}, "a number of seconds above 0"),
        ({"executor": "processes", "workers": 0}, "workers=0"),
        ({"executor": "processes", "cache": "memory"}, 'Give cache="disk"'),
    ],
)
def test_what_an_executor_cannot_do_is_refused(gone, options, message):
    with pytest.raises(ConfigError) as caught:
        numbers(gone.Numbers(), **options)
    assert message in str(caught.value)
