"""Each request belongs to one pass over one epoch, in every way that Keras asks.

The scripts are what Keras was seen to do, for a reader T that trains and a
reader V that does not: B it begins an epoch, W a walk begins, digits are so
many requests, E an epoch and the pass end, P an epoch ends and the pass does not,
R it gives its pass up. Each request is answered for a batch of an epoch.
"""

from __future__ import annotations

import gc
import threading

import pytest
from hypothesis import given, strategies as st

from penstock.passes import Passes


class Reader:
    """Stands for an adapter of Keras'."""


class Player:
    """Plays scripts, as ``T: B W 3 P``."""

    def __init__(self, length=6):
        self.passes = Passes(length)
        self.readers = {"T": Reader(), "V": Reader()}
        self.walkers = {}
        self.begun = 0

    def play(self, script):
        """Return what each request was answered with: an epoch, and the batches in order."""
        answers = []
        name = "T"
        for word in script.split():
            if word.rstrip(":") in self.readers:
                name = word.rstrip(":")
                continue
            reader = self.readers[name]
            if word == "new":
                self.readers[name] = Reader()
            elif word == "B":
                self.passes.begin(reader, trains=name == "T")
            elif word == "W":
                self.begun += 1
                self.walkers[name] = self.begun
                self.passes.walk(reader, self.begun)
            elif word == "R":
                self.passes.drop(reader)
            elif word in "EP":
                self.passes.end(reader, over=word == "E")
            else:
                asked = [self.passes.request(reader, self.walkers[name]) for _ in range(int(word))]
                epochs = {epoch for epoch, _ in asked}
                assert len(epochs) == 1
                answers.append(f"{epochs.pop()}:{''.join(str(index) for _, index in asked)}")
        return " ".join(answers)


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        pytest.param("R B W 6 E B W 6 E B W 6 E", "0:012345 1:012345 2:012345", id="fit"),
        pytest.param(
            "B W 1 R B W 6 E B W 6 E", "0:0 0:012345 1:012345", id="JAX and torch, a fresh model"
        ),
        pytest.param("B W 6 R B W 6 E", "0:012345 0:012345", id="a look that fetched all"),
        pytest.param(
            "T: R B W 6 E V: R B W 6 E R B W 6 E T: B W 6 E V: R B W 6 E R T: B W 6 E",
            "0:012345 1:012345 1:012345 1:012345 2:012345 2:012345",
            id="training and validation on one object",
        ),
        pytest.param(
            "R B W 2 P B 2 P B 2 E B W 2", "0:01 0:23 0:45 1:01", id="fewer steps than batches"
        ),
        pytest.param(
            "R B W 4 P B 2 P B E B W 2",
            "0:0123 0:45 1:01",
            id="TensorFlow, fetched beyond the steps of an epoch",
        ),
        pytest.param("R B W 4 new R B W 6 E B W 1", "0:0123 0:012345 1:0", id="stopped"),
        pytest.param(
            "R B W 6 new R B W 6 E B W 1",
            "0:012345 0:012345 1:0",
            id="TensorFlow, stopped when all was fetched",
        ),
        pytest.param("R B W 6 E new R B W 6 E", "0:012345 1:012345", id="two calls of fit"),
        pytest.param(
            "T: R B W 2 V: R B W 6 E T: 2 V: new R B W 2 T: 2 E B W 1",
            "0:01 0:012345 0:23 0:01 0:45 1:0",
            id="callbacks that evaluate",
        ),
        pytest.param("R B W 6 W 6 E", "0:012345 1:012345", id="a walk that begins before an end"),
    ],
)
def test_the_next_request_of_a_pass_is_for_the_next_batch(script, answers):
    assert Player().play(script) == answers


def test_a_pass_is_one_walk_whatever_others_walk_at_the_time():
    passes, readers = Passes(5), [Reader() for _ in range(50)]
    for each in readers:
        passes.walk(each, id(each))
    for index in range(5):
        for each in readers:
            assert passes.request(each, id(each)) == (0, index)


def test_walks_of_readers_that_are_gone_are_forgotten():
    passes = Passes(5)
    for number in range(100):
        reader = Reader()
        passes.walk(reader, number)
        passes.request(reader, number)
    del reader
    gc.collect()
    assert len(passes._walks) <= 1
    assert not passes._readers


def test_a_number_that_comes_again_is_another_walk():
    player = Player()
    assert player.play("R B W 3 new B") == "0:012"
    player.begun = 0
    assert player.play("W 2") == "0:01"


def test_an_epoch_that_is_set_is_that_of_the_next_pass():
    player = Player()
    player.play("R B W 3")
    player.passes.go_to(7)
    assert player.play("3 E B W 6 E B W 1") == "0:345 7:012345 8:0"


def test_a_pass_may_begin_in_the_middle_of_its_epoch_once():
    player = Player()
    player.passes.go_to(3, 4)
    assert player.passes.begin(player.readers["V"], trains=False) == (6, None)
    assert player.play("V: B W 6 E") == "3:012345"
    assert player.passes.begin(player.readers["T"]) == (2, None)
    assert player.play("T: W 1 R B W 2 E B W 6 E") == "3:4 3:45 4:012345"
    assert player.passes.begin(player.readers["T"]) == (6, None)


def test_a_pass_that_goes_on_has_as_many_batches_as_when_it_began():
    player = Player()
    player.passes.go_to(0, 2)
    player.play("R B W 3 P")
    assert player.passes.begin(player.readers["T"]) == (4, None)
    player.play("1 E")
    assert player.passes.begin(player.readers["T"]) == (6, None)


def test_an_epoch_that_counts_steps_is_shorter_once():
    passes, reader, other = Passes(6), Reader(), Reader()
    passes.go_to(1, 4, steps_left=1)
    assert passes.begin(other, trains=False, steps=5) == (6, 5)
    assert passes.begin(reader, steps=3) == (2, 1)
    assert passes.begin(reader, steps=1) == (2, 3)
    assert passes.begin(reader, steps=3) == (2, 3)


def test_steps_that_are_left_are_for_an_epoch_that_counts_them():
    passes, reader = Passes(6), Reader()
    passes.go_to(1, 4, steps_left=2)
    assert passes.begin(reader) == (2, None)
    assert passes.begin(reader, steps=3) == (2, 3)


def test_the_place_of_an_iteration_is_after_what_it_delivered():
    passes = Passes(3)
    assert passes.place == (0, 0)
    passes.iterate(0, 2)
    assert passes.place == (0, 2)
    passes.iterate(0, 3)
    assert (passes.place, passes.epoch) == ((1, 0), 0)
    passes.iterated(0)
    assert passes.place == (1, 0)
    passes.iterate(1, 1)
    passes.begin(Reader())
    assert passes.place == (1, 0)


@pytest.mark.parametrize(("given", "found"), [(0, 2), (2, 2), (5, 5)])
def test_the_epoch_is_no_less_than_that_of_fit(given, found):
    player = Player()
    player.passes.go_to(2)
    player.passes.begin(player.readers["T"], epoch=given)
    assert player.play("W 6") == f"{found}:012345"


# -- others --------------------------------------------------------------------------


@pytest.mark.parametrize("loops", ["012345 0123 012345", "543210 012345", "001122334455 0123450"])
def test_a_loop_over_the_batches_ends_its_epochs_itself(loops):
    passes, epoch = Passes(6), 0
    for loop in loops.split():
        passes.look_anew()
        assert {passes.look(int(index)) for index in loop} == {epoch}
        passes.looked()
        epoch += set(loop) == set("012345")
        assert passes.epoch == epoch


def test_looks_that_end_no_epoch_move_nothing():
    player = Player()
    for index in range(6):
        player.passes.look(index)
    assert player.play("R B W 6") == "0:012345"
    assert player.passes.epoch == 0


def test_iteration_completes_an_epoch():
    passes = Passes(3)
    passes.iterated(0)
    assert passes.epoch == 1
    passes.iterated(0)  # an older iterator that ends late
    assert passes.epoch == 1


def test_requests_from_several_threads_are_told_apart():
    passes, reader, got = Passes(4000), Reader(), []
    passes.walk(reader, 1)

    def ask():
        got.extend(passes.request(reader, 1) for _ in range(1000))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [(0, index) for index in range(4000)]


@given(st.lists(st.sampled_from(["new", "B", "W", "R", "E", "P", "ask"]), max_size=60))
def test_whatever_is_asked_is_answered_and_epochs_never_go_back(words):
    player, latest = Player(), 0
    player.play("W")
    for word in words:
        if word == "ask":
            epoch, index = player.passes.request(player.readers["T"], player.walkers["T"])
            assert epoch <= player.passes.epoch
            assert index in range(6)
        else:
            player.play(word)
        assert player.passes.epoch >= latest
        latest = player.passes.epoch
