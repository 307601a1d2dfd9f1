"""Each request of Keras belongs to one pass over one epoch, in every way that Keras asks.

The scripts are what Keras was seen to do: A an adapter reads ``workers``, N it
reads ``num_batches``, B and E it calls ``on_epoch_begin`` and ``on_epoch_end``,
numbers are the batches it asks for. Each request is answered for an epoch,
written below it.
"""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, strategies as st

from penstock.passes import Passes


def answers(script, length=6, passes=None, depth=4):
    """Play a script; return the epoch that each request was answered for."""
    passes = passes or Passes(length)
    events = {
        "A": passes.adapter_made,
        "N": passes.length_read,
        "B": passes.begin,
        "E": passes.end,
    }
    return "".join(
        str(passes.request(int(word), depth)[0]) if word.isdigit() else (events[word]() or " ")
        for word in script.replace(" ", "")
    ).split()


@pytest.mark.parametrize(
    ("script", "epochs"),
    [
        pytest.param(
            "A N01 E B N012345 E B N012345 E B N012345 E",
            "00 000000 111111 222222",
            id="TensorFlow",
        ),
        pytest.param(
            "A B N0 E B N012345 E B N012345 E", "0 000000 111111", id="JAX and torch, a fresh model"
        ),
        pytest.param(
            "A E B N012345 E B N012345 E", "000000 111111", id="JAX and torch, a built model"
        ),
        pytest.param(
            "A B N01 E B N012345 E B N012345 E", "00 000000 111111", id="JAX, one batch ahead"
        ),
        pytest.param(
            "A N01 E B N012345 EE B N012345 EE", "00 000000 111111", id="TensorFlow, validation"
        ),
        pytest.param("A E B N012345 EE B N012345 EE", "000000 111111", id="JAX, validation"),
        pytest.param(
            "A N01 E B N012345 A N01 E B N012345 E E B N012345 B N012345 E E",
            "00 000000 11 111111 222222 333333",
            id="TensorFlow, training and validation on one object",
        ),
        pytest.param(
            "A B N0 E B N012345 A E B N012345 E E B N012345 B N012345 E E",
            "0 000000 111111 222222 333333",
            id="JAX, training and validation on one object",
        ),
        pytest.param(
            "A N01 E B N01 E B 23 E B 45 E B N01 E B 23 E B 45 E",
            "00 00 00 00 11 11 11",
            id="TensorFlow, two steps per epoch",
        ),
        pytest.param(
            "A N01 E B N0123 E B 45 E B N012345 E",
            "00 0000 00 111111",
            id="TensorFlow, prefetched beyond the steps of an epoch",
        ),
        pytest.param(
            "A B N0 E B N0 E B 1 E B 2 E B 3 E B 4 E B 5 E B N0 E B 1 E",
            "0 0 0 0 0 0 0 1 1",
            id="JAX, one step per epoch",
        ),
        pytest.param(
            "A N01 E B N012 A N01 E B N012345 E B N0 E",
            "00 000 00 000000 1",
            id="TensorFlow, stopped and begun again",
        ),
        pytest.param(
            "A B N0 E B N012 E A E B N012345 E B N0",
            "0 000 000000 1",
            id="JAX, stopped and begun again",
        ),
        pytest.param(
            "A N01 E B N012345 E A N01 E B N012345 E", "00 000000 11 111111", id="two calls of fit"
        ),
        pytest.param(
            "A N01 E B N00112233445 5 E B N012345 E",
            "00 00000000000 0 111111",
            id="looks in a callback",
        ),
        pytest.param("A N01 E B N0152345 E B N012345", "00 0000000 111111", id="a look ahead"),
        pytest.param(
            "A N01 E B N012345 E B N0123 2 45 E B N0",
            "00 000000 1111 1 11 2",
            id="a look back in the second epoch",
        ),
        pytest.param(
            "A E B N01 A E B N0 EE B 23 B N0 EE B 45 B N0 EE B N01",
            "00 0 00 0 00 1 11",
            id="JAX, few steps of training and of validation on one object",
        ),
        pytest.param(
            "A E B N012345 E 012345 E 012345 E 0",
            "000000 111111 222222 3",
            id="loops after fit",
        ),
    ],
)
def test_requests_are_answered_for_the_epoch_of_their_pass(script, epochs):
    random.seed(1)  # a shuffle that Keras did not make could begin just like the script
    assert "".join(answers(script)) == epochs.replace(" ", "")


@pytest.mark.parametrize(
    ("script", "epochs"),
    [
        ("A N0 E B N0 E B N0 E B N0 E", "0 0 1 2"),  # TensorFlow
        ("A B N0 E B N0 E B N0 E", "0 0 1"),  # JAX, a fresh model
        ("A E B N0 E B N0 E", "0 1"),  # JAX, a built model
        ("A N0 E B N0 EE B N0 EE", "0 0 1"),  # validation
    ],
)
def test_a_single_batch_is_an_epoch(script, epochs):
    assert "".join(answers(script, length=1)) == epochs.replace(" ", "")


def test_a_look_at_the_signature_of_two_batches_completes_nothing():
    assert answers("A N01 E B N01 E B N01", length=2) == ["00", "00", "11"]


@pytest.mark.parametrize(
    "script", ["012345 E 012345 E 543210", "012345 E 0123 E 012345", "001122334455 E 012345 E 0"]
)
def test_a_loop_over_the_batches_ends_its_epochs_itself(script):
    passes = Passes(6)
    expected, epoch = [], 0
    for part in script.split(" E "):
        expected.append(str(epoch) * len(part))
        epoch += set(part) == set("012345")
    assert [each for part in script.split(" E ") for each in _loop(passes, part)] == expected


def _loop(passes, part):
    got = answers(part, passes=passes)
    passes.end()
    return got


def test_a_loop_over_num_batches_ends_its_epochs_itself():
    assert answers("N012345 E N012345 E N012345") == ["000000", "111111", "222222"]


def test_a_loop_that_ends_no_epochs_stays_in_its_epoch():
    assert answers("012345 012345") == ["000000000000"]


def test_iteration_completes_an_epoch():
    passes = Passes(3)
    passes.completed(0)
    assert passes.epoch == 1
    passes.completed(0)  # an older iterator that ends late
    assert passes.epoch == 1


def test_an_epoch_that_is_set_is_that_of_the_next_pass():
    passes = Passes(3)
    passes.epoch = 7
    assert answers("A N01 E B N012 E B N012 E", passes=passes) == ["77", "777", "888"]


def test_a_length_that_another_thread_reads_begins_no_pass():
    passes = Passes(6)
    answers("A N01 E B N012", passes=passes)
    other = threading.Thread(target=passes.length_read)
    other.start()
    other.join()
    assert answers("345 E B N0", passes=passes) == ["000", "1"]


def test_a_pass_in_another_thread_is_followed_as_in_this_one():
    passes = Passes(6)
    answers("A N01 E B", passes=passes)
    got = []
    thread = threading.Thread(target=lambda: got.extend(answers("N012345", passes=passes)))
    thread.start()
    thread.join()
    assert got == ["000000"]
    assert answers("E B N0", passes=passes) == ["1"]


# -- prediction --------------------------------------------------------------------


def played(passes, length, depth, shuffle):
    """Play one epoch of ``fit``; return the indices asked for, and what was foretold at each."""
    passes.begin()
    passes.length_read()
    order = list(range(length))
    if shuffle:
        random.shuffle(order)
    foretold = [passes.request(index, depth)[1] for index in order]
    passes.end()
    return order, foretold


@given(st.integers(1, 40), st.integers(1, 6), st.booleans(), st.integers())
def test_what_keras_asks_for_next_is_foretold(length, depth, shuffle, state):
    passes = Passes(length)
    passes.adapter_made()
    passes.end()
    random.seed(state)
    permuted = False
    for _ in range(3):
        order, foretold = played(passes, length, depth, shuffle)
        in_order = list(range(length))
        for place, upcoming in enumerate(foretold):
            # A shuffled order that begins 0, 1, … looks like no shuffle until it does not.
            undecided = order[: place + 1] == in_order[: place + 1]
            foretells = in_order if undecided else order
            assert upcoming == foretells[place + 1 : place + 1 + depth]
        permuted |= order != in_order
    assert passes.epoch == 3
    assert passes.permuted == permuted


@given(st.permutations(range(12)))
def test_any_other_order_is_answered_right_and_foretold_no_worse_than_not_at_all(order):
    passes = Passes(12)
    passes.adapter_made()
    passes.end()
    for epoch in range(2):
        passes.begin()
        passes.length_read()
        for index in order:
            found, upcoming = passes.request(index, 4)
            assert found == epoch
            assert len(upcoming) <= 4
            assert index not in upcoming
        passes.end()


def test_the_global_random_state_is_read_and_never_written():
    random.seed(5)
    before = random.getstate()
    answers("A N01 E B N012345 E")
    assert random.getstate() == before


@given(st.lists(st.sampled_from("ANBE012345"), max_size=60))
def test_whatever_is_asked_is_answered_and_epochs_never_go_back(events):
    passes = Passes(6)
    latest = 0
    for event in events:
        answers(event, passes=passes)
        assert passes.epoch >= latest
        assert len(passes._live) <= 4
        latest = passes.epoch
