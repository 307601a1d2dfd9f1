"""Reading ahead changes when batches are made, and nothing about what is in them."""

from __future__ import annotations

import gc
import math
import os
import statistics
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import penstock
from penstock import pace
from penstock.batches import Batches
from penstock.errors import SampleCorrupt
from penstock.fields import LoadedField
from penstock.jobs import Job
from penstock.memory import Pool
from penstock.order import Order
from penstock.readahead import ReadAhead

COUNT, SIZE, LENGTH = 37, 4, 10


@dataclass(frozen=True)
class Slow:
    """Sample n is filled with n, after a while; large enough for its memory to be recycled."""

    seconds: float = 0.0
    width: int = 2048

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((self.width,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        if self.seconds:
            time.sleep(self.seconds * len(samples))
        out[...] = samples[:, None]


@dataclass(frozen=True)
class Noise:
    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"] += batch.draws.uniform(size=1).astype(np.float32)


def batches(loader=None, augmenters=(Noise(),), count=COUNT):
    loaded = LoadedField("x", loader or Slow(), np.arange(count), None, None)
    loaded.describe()
    return Batches((loaded,), (), tuple(augmenters), Order(count, SIZE, True, 3), np.arange(count))


@pytest.fixture
def ahead(monkeypatch):
    """Return a function that makes a read-ahead, and close all of them afterwards."""
    made = []

    def make(workers=2, depth=3, loader=None, brief=0.0, **options):
        monkeypatch.setattr(pace, "_BRIEF_SECONDS", brief)
        made.append(ReadAhead(batches(loader, **options), workers, depth))
        return made[-1]

    yield make
    for each in made:
        each.close()
    wait_for(lambda: not ours())


def ours():
    return [thread for thread in threading.enumerate() if thread.name == "penstock"]


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


EXPECTED = {
    (epoch, index): batches().make(epoch, index)[0] for epoch in range(2) for index in range(LENGTH)
}
KEYS = st.tuples(st.integers(0, 1), st.integers(0, LENGTH - 1))


def test_batches_that_take_less_than_waking_a_thread_are_made_by_who_asks(ahead):
    made = ahead(loader=Slow(width=8), brief=0.001)

    def asks():
        made.get((0, 0), [(0, 1), (0, 2)], reader=1)
        return ours()

    wait_for(lambda: not asks())  # what it takes is found out on the way


def test_a_batch_is_brief_whatever_time_was_lost_to_others_while_it_was_made():
    learned = pace.Pace()
    for seconds in [0.0003, 0.005, 0.002, 0.003] * 5:  # the thread had to wait for a core
        learned.batch_took(seconds, 100)
        assert learned.makes_briefly(100)
    for _ in range(9):
        learned.batch_took(0.003, 100)
    assert not learned.makes_briefly(100)


def test_what_becomes_brief_again_is_so_at_once():
    learned = pace.Pace()
    for seconds, brief in [(0.03, False), (0.0003, True), (0.04, False), (0.0003, True)]:
        learned.batch_took(seconds, 100)
        assert learned.makes_briefly(100) is brief


@dataclass(frozen=True)
class Late:
    """Takes its time with whole batches."""

    seconds: float = 0.005

    @penstock.hookimpl
    def augment_batch(self, batch):
        time.sleep(self.seconds)


@dataclass(frozen=True)
class Uneven(Slow):
    """Takes its time with two samples of three."""

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = samples[:, None]
        time.sleep(0.005 * sum(samples % 3 > 0))


@pytest.mark.parametrize(
    "options", [{"augmenters": [Late()]}, {"loader": Uneven(width=8)}], ids=["late", "uneven"]
)
def test_a_batch_is_as_long_as_all_that_is_in_it(ahead, options):
    made = ahead(brief=0.001, **{"loader": Slow(width=8)} | options)
    for number in range(LENGTH * 3):
        made.get(divmod(number, LENGTH), [divmod(number + 1, LENGTH)], reader=1)
        assert not made._crew.pace.makes_briefly(SIZE)


def test_a_batch_of_a_shard_is_as_brief_as_its_part_of_the_whole(ahead):
    made = ahead(brief=0.0005)
    made._batches = replace(made._batches, order=replace(made._batches.order, shard=(0, 4)))
    made._crew.pace.seconds = 0.0002  # 0.8 ms for all of the batch, of which it makes a quarter
    made.get((0, 0), [(0, 1)], reader=1)
    assert not ours()


@dataclass(frozen=True)
class Crowded(Slow):
    """Notes how many threads load at a time."""

    seconds: float = 0.002
    inside: list = field(default_factory=list)
    most: list = field(default_factory=list)

    @penstock.hookimpl
    def load_samples(self, samples, out):
        self.inside.append(None)
        self.most.append(len(self.inside))
        try:
            super().load_samples(samples, out)
        finally:
            self.inside.pop()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_as_many_threads_load_as_there_are_workers(ahead, workers):
    loader = Crowded()
    made = ahead(workers=workers, loader=loader)
    for index in range(LENGTH - 3):
        made.get((0, index), [(0, index + 1 + later) for later in range(3)], reader=1)
    # Not one more: who asks lends a hand where a thread has nothing to do, and else waits.
    assert statistics.median(loader.most) == workers


@pytest.mark.parametrize(
    "options",
    [{"loader": Slow(0.01, width=8)}, {"loader": Slow(width=8), "augmenters": [Late(0.05)]}],
    ids=["samples", "batches"],
)
def test_batches_that_take_long_are_made_ahead_again(ahead, options):
    made = ahead(brief=0.001, **options)
    made._crew.pace.seconds = 1e-5  # as measured before
    for index in range(LENGTH - 1):
        made.get((0, index), [(0, index + 1)], reader=1)
        if ours():
            break
    assert ours()


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([0, 1, 2, 8]),
    st.integers(1, 4),
    st.lists(
        st.tuples(
            KEYS, st.lists(KEYS, max_size=6), st.booleans(), st.sampled_from([None, 1, 2, 3])
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_batches_are_the_same_for_any_threads_depth_order_and_prediction(workers, depth, requests):
    made = ReadAhead(batches(), workers, depth)
    held = []
    try:
        for key, upcoming, hold, reader in requests:
            (x,) = made.get(key, upcoming, reader)
            np.testing.assert_array_equal(x, EXPECTED[key])
            if hold:
                held.append((key, x))
        for key, x in held:  # and nobody has written to them since
            np.testing.assert_array_equal(x, EXPECTED[key])
    finally:
        made.close()


@pytest.mark.parametrize("workers", [0, 1, 2, 8])
def test_batches_asked_for_from_many_threads_are_right(ahead, workers):
    made, wrong = ahead(workers, 2), []

    def ask(start):
        for step in range(20):
            key = (0, (start + step) % LENGTH)
            upcoming = [(0, (key[1] + 1) % LENGTH)]
            if not np.array_equal(made.get(key, upcoming)[0], EXPECTED[key]):
                wrong.append(key)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_was_foretold_is_ready_when_it_is_asked_for(ahead):
    made = ahead(workers=1, depth=2, loader=Slow(0.005))
    made.get((0, 0), [(0, 1), (0, 2), (0, 3)])
    assert set(made._crew.jobs) == {(0, 1), (0, 2)}  # no more than the depth
    wait_for(lambda: all(job.ready.is_set() for job in made._crew.jobs.values()))
    ready = made._crew.jobs[0, 1]._batch
    assert made.get((0, 1)) is ready


def test_what_is_not_wanted_any_more_is_given_up(ahead):
    made = ahead(depth=3)
    made.get((0, 0), [(0, 1), (0, 2), (0, 3)])
    made.get((1, 5), [(1, 6)])
    assert set(made._crew.jobs) <= {(1, 6)}


def test_what_one_reader_wants_is_kept_while_another_reads(ahead):
    made = ahead(depth=3)
    made.get((0, 0), [(0, 1), (0, 2)], "training")
    made.get((1, 5), [(1, 6)], "validation")
    made.get((1, 0))  # a look
    assert set(made._crew.jobs) == {(0, 1), (0, 2), (1, 6)}


def test_a_reader_that_went_away_is_forgotten_when_others_come(ahead):
    made = ahead(depth=3)
    for reader in range(4):
        made.get((0, 2 * reader), [(0, 2 * reader + 1)], reader)
    assert set(made._crew.jobs) == {(0, 5), (0, 7)}


def test_a_batch_that_another_reader_has_taken_is_not_made_again_for_nobody(ahead):
    made = ahead(depth=3)
    made.get((0, 0), [(0, 1), (0, 2)], "old walk")
    made.get((0, 1), [(0, 2), (0, 3)], "new walk")
    made.get((0, 2), [(0, 3), (0, 4)], "new walk")
    assert set(made._crew.jobs) == {(0, 3), (0, 4)}


def test_without_threads_nothing_is_made_ahead(ahead):
    made = ahead(workers=0, depth=4)
    made.get((0, 0), [(0, 1), (0, 2)])
    assert not made._crew.jobs
    assert not ours()


@pytest.mark.parametrize("brief", [0.0, math.inf])
@pytest.mark.parametrize(("workers", "depth"), [(1, 1), (2, 3), (8, 4)])
def test_memory_is_bounded_by_the_batches_ahead(monkeypatch, workers, depth, brief):
    monkeypatch.setattr(pace, "_BRIEF_SECONDS", brief)
    alive, most, lock = [0], [0], threading.Lock()
    lease, give_back = Pool.lease, Pool._take_back

    def counted(self, shape, dtype):
        array = lease(self, shape, dtype)
        with lock:
            alive[0] += array.nbytes  # several batches may be made as one
            most[0] = max(most[0], alive[0])
        return array

    def returned(self, block):
        with lock:
            alive[0] -= block.nbytes
        give_back(self, block)

    monkeypatch.setattr(Pool, "lease", counted)
    monkeypatch.setattr(Pool, "_take_back", returned)
    made = ReadAhead(batches(), workers, depth)
    for epoch in range(3):
        for index in range(LENGTH - 1):
            upcoming = [(epoch, each) for each in range(index + 1, min(index + 9, LENGTH - 1))]
            made.get((epoch, index), upcoming, reader=1)
    made.close()
    assert most[0] <= (depth + 2) * EXPECTED[0, 0].nbytes
    wait_for(lambda: alive[0] == 0)


def test_memory_of_batches_is_recycled(ahead):
    made = ahead(workers=1, depth=1)
    places = set()
    for epoch in range(4):
        for index in range(LENGTH - 1):
            (x,) = made.get((epoch, index), [(epoch, (index + 1) % (LENGTH - 1))])
            places.add(x.ctypes.data)
            del x
    assert len(places) <= 4


# -- threads ---------------------------------------------------------------------------


def test_threads_are_gone_after_rest(ahead):
    made = ahead(workers=3)
    made.get((0, 0))
    assert ours()
    made.rest()
    assert not ours()
    np.testing.assert_array_equal(made.get((0, 4))[0], EXPECTED[0, 4])  # and come again


def test_rest_does_not_disturb_what_is_wanted_ahead(ahead):
    made = ahead(depth=2)
    made.get((0, 0), [(0, 1)])
    made.rest()
    assert set(made._crew.jobs) == {(0, 1)}


def test_threads_are_gone_after_close_and_come_again(ahead):
    made = ahead(workers=3, loader=Slow(0.002))
    made.get((0, 0), [(0, 1), (0, 2), (0, 3)])
    made.close()
    assert not ours()
    assert not made._crew.jobs
    assert (made.get((0, 4))[0] >= 0).all()


def test_threads_without_work_end_by_themselves(ahead):
    made = ahead(workers=3)
    made.get((0, 0))
    wait_for(lambda: not ours())
    np.testing.assert_array_equal(made.get((0, 1))[0], EXPECTED[0, 1])


@pytest.mark.parametrize("most", [0, 1])
def test_where_the_system_gives_no_thread_who_asks_makes_the_batch(ahead, monkeypatch, most):
    start = threading.Thread.start

    def limited(thread):
        if len(ours()) >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    made = ahead(workers=3)
    for index in range(3):
        batch = made.get((0, index), [(0, index + 1)])
        np.testing.assert_array_equal(batch[0], EXPECTED[0, index])
    made.close()


def test_idle_threads_hold_no_batch(ahead):
    made = ahead(workers=2)
    (x,) = made.get((0, 0))
    place = x.ctypes.data
    del x
    gc.collect()
    time.sleep(0.01)
    assert made.get((0, 1))[0].ctypes.data == place


def test_closing_twice_and_closing_what_never_began_is_fine():
    made = ReadAhead(batches(), 2, 2)
    made.close()
    made.close()


CLOSED_BY_ITS_OWN_THREAD = """
import threading, time
import test_readahead
from penstock.readahead import ReadAhead

made = ReadAhead(test_readahead.batches(test_readahead.Slow(0.001)), 2, 3)
closed = threading.Event()

class Closing(dict):
    def values(self):
        if threading.current_thread().name == "penstock" and not closed.is_set():
            made.close()
            closed.set()
        return super().values()

made.get((0, 0), [(0, 1), (0, 2)])
with made._crew.lock:
    made._crew.jobs = Closing(made._crew.jobs)
    made._crew._work.notify_all()
assert closed.wait(5)
test_readahead.wait_for(lambda: not test_readahead.ours())
"""


def test_a_thread_of_its_own_may_close_it_wherever_it_stands():
    # The garbage collector runs finalisers in any thread, between any two steps.
    subprocess.run(
        [sys.executable, "-c", CLOSED_BY_ITS_OWN_THREAD],
        cwd=Path(__file__).parent,
        timeout=30,
        check=True,
    )


# -- failures --------------------------------------------------------------------------


@dataclass(frozen=True)
class Faulty(Slow):
    guilty: int = -1

    @penstock.hookimpl
    def load_samples(self, samples, out):
        if self.guilty in samples:
            raise SampleCorrupt("It is cut.")
        super().load_samples(samples, out)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("foretold", [False, True])
def test_a_failure_reaches_the_one_who_asks_every_time_and_no_other(ahead, workers, foretold):
    guilty = int(batches().order.epoch(0)[1 * SIZE + 2])
    made = ahead(workers, 3, Faulty(guilty=guilty), augmenters=())
    plain = batches(augmenters=())
    for _ in range(3):
        np.testing.assert_array_equal(
            made.get((0, 0), [(0, 1), (0, 2)] if foretold else [])[0], plain.make(0, 0)[0]
        )
        with pytest.raises(SampleCorrupt) as caught:
            made.get((0, 1), [(0, 2)])
        assert caught.value.sample == guilty
        np.testing.assert_array_equal(made.get((0, 2))[0], plain.make(0, 2)[0])


@dataclass(frozen=True)
class Interrupted(Slow):
    """Is interrupted once, in the main thread."""

    times: list[int] = field(default_factory=list)

    @penstock.hookimpl
    def load_samples(self, samples, out):
        if threading.current_thread() is threading.main_thread() and not self.times:
            self.times.append(len(samples))
            raise KeyboardInterrupt
        super().load_samples(samples, out)


class Panic(BaseException):
    """Not an Exception, as a panic of Rust's or a test's failure."""


@dataclass(frozen=True)
class Panicking(Slow):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        raise Panic


@pytest.mark.timeout(20)
@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_no_exception_reaches_the_one_who_asks_too(ahead, workers):
    made = ahead(workers, 2, Panicking(), augmenters=())
    for _ in range(3):
        with pytest.raises(Panic):
            made.get((0, 0), [(0, 1), (0, 2)])


@pytest.mark.parametrize("workers", [0, 2])
def test_an_asker_who_is_interrupted_can_ask_again(ahead, workers):
    made = ahead(workers, 2, Interrupted(), augmenters=())
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - see below
        for _ in range(1000):  # the threads may have left the asker nothing to do
            made.get((0, 0), [(0, 1)])
    plain = batches(augmenters=())
    for index in range(3):
        np.testing.assert_array_equal(made.get((0, index), [(0, 1)])[0], plain.make(0, index)[0])


@pytest.mark.timeout(20)
def test_who_waits_for_a_batch_hears_of_the_interruption_of_who_makes_it():
    ended = []

    def ask():
        try:
            ended.append(made.get((0, 0)))
        except BaseException as error:  # a thread has nobody else to tell
            ended.append(error)

    @dataclass(frozen=True)
    class Asked(Slow):
        @penstock.hookimpl
        def load_samples(self, samples, out):
            waiting.start()
            time.sleep(0.05)
            raise KeyboardInterrupt

    made, waiting = ReadAhead(batches(Asked()), 0, 1), threading.Thread(target=ask, daemon=True)
    with pytest.raises(KeyboardInterrupt):
        made.get((0, 0))
    waiting.join(5)
    assert [type(each) for each in ended] == [KeyboardInterrupt]


def test_a_batch_goes_to_all_who_asked_and_then_out_of_sight():
    job = Job(batches().start(0, 0, Pool()), SIZE)
    job.ask()
    job.ask()
    job.fill(*job.take())
    first, second = job.collect(), job.collect()
    np.testing.assert_array_equal(first[0], second[0])
    gone = weakref.ref(second[0])
    del second
    assert gone() is None


def test_each_who_asks_for_a_batch_at_once_may_write_into_his():
    made = batches(augmenters=())
    made.echo, expected = True, made.make(0, 0)[0]
    job = Job(made.start(0, 0, Pool()), SIZE)
    for _ in range(3):
        job.ask()
    job.fill(*job.take())
    for _ in range(3):
        x, y = job.collect()
        np.testing.assert_array_equal(x, expected)
        assert x is y
        x[...] = -1


@pytest.mark.timeout(20)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_gets_the_right_batches_from_threads_of_its_own(ahead):
    made = ahead(workers=2, depth=2)
    made.get((0, 0), [(0, 1), (0, 2)])
    child = os.fork()
    if child == 0:
        try:
            right = all(
                np.array_equal(
                    made.get((0, index), [(0, (index + 1) % LENGTH)])[0], EXPECTED[0, index]
                )
                for index in (1, 2, 0, 9)
            )
            made.close()
            os._exit(0 if right and not ours() else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(made.get((0, 1), [(0, 2)])[0], EXPECTED[0, 1])
