"""Neighbouring augmenters may become one; what is drawn for a sample stays the same."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import penstock
from penstock.errors import PluginError


@dataclass(frozen=True)
class Append:
    """Write a number drawn into the next free place of a sample."""

    name: str
    fuses: bool = True

    @penstock.hookimpl
    def augment_samples(self, batch):
        Appends((self,)).augment_samples(batch)

    @penstock.hookimpl
    def fuse_with(self, following):
        return Appends((self,)).fuse_with(following)


@dataclass(frozen=True)
class Appends:
    """Several of them, as one."""

    parts: tuple[Append, ...]

    @penstock.hookimpl
    def augment_samples(self, batch):
        drawn = batch.draws.together(len(self.parts)).uniform().reshape(len(self.parts), -1)
        for numbers in drawn:
            for row, number in zip(batch.inputs["x"], numbers, strict=True):
                row[np.flatnonzero(row == 0)[0]] = number

    @penstock.hookimpl
    def fuse_with(self, following):
        if isinstance(following, Append) and following.fuses and self.parts[-1].fuses:
            return Appends((*self.parts, following))
        return None


class Asked(Append):
    """Cannot be asked."""

    @penstock.hookimpl
    def fuse_with(self, following):
        raise KeyError(following.name)


class Careless(Append):
    """Returns what is no augmenter."""

    @penstock.hookimpl
    def fuse_with(self, following):
        return following.name


class Batchwise:
    """Works on whole batches."""

    @penstock.hookimpl
    def augment_batch(self, batch):
        batch.inputs["x"][:, -1] = 9


def generator(augment):
    zeros = np.zeros((10, 6), np.float32)
    return penstock.make_generator(
        (zeros, np.arange(10)), augment=augment, seed=3, shuffle=False, batch_size=4, workers=0
    )


def delivered(augment):
    with generator(augment) as sequence:
        return np.concatenate([sequence[at][0] for at in range(len(sequence))])


def hooks(augment):
    with generator(augment) as sequence:
        return [stream for stream, _ in sequence._batches.runtime.sample_hooks]


def test_what_is_drawn_does_not_depend_on_fusing():
    apart = delivered([Append(name, fuses=False) for name in "abcd"])

    assert np.array_equal(delivered([Append(name) for name in "abcd"]), apart)
    assert np.array_equal(
        delivered([Append("a"), Append("b", fuses=False), Append("c"), Append("d")]), apart
    )
    assert len(np.unique(apart)) == 10 * 4 + 1


def test_neighbours_that_wish_to_are_called_once():
    one, other = Append("one"), Append("other", fuses=False)

    assert hooks([one, one, one]) == [0]
    assert hooks([one, one, other, one, one]) == [0, 2, 3]
    assert hooks([other, other]) == [0, 1]
    assert hooks([one, Batchwise(), one]) == [0, 2]


def test_augmenters_of_batches_are_left_where_they_are():
    x = delivered([Append("a"), Append("b"), Batchwise()])

    assert (x[:, -1] == 9).all()
    assert (x[:, :2] != 0).all()


def test_a_copy_in_another_process_fuses_likewise():
    with generator([Append("a"), Append("b")]) as sequence:
        batches = sequence._batches
        copy = pickle.loads(pickle.dumps(batches))

    assert len(copy.runtime.sample_hooks) == 1
    assert np.array_equal(copy.make(0, 1)[0], batches.make(0, 1)[0])


def test_a_hook_that_fails_is_named():
    with pytest.raises(PluginError, match=r"Asked\.fuse_with failed on Append: KeyError") as caught:
        generator([Asked("a"), Append("b")])

    assert isinstance(caught.value.__cause__, KeyError)


def test_what_is_no_augmenter_is_refused():
    with pytest.raises(PluginError, match=r"Careless\.fuse_with failed .*str implements no hook"):
        generator([Careless("a"), Append("b")])


def test_a_failure_names_all_that_became_one():
    full = [Append(name) for name in "abcdefg"]  # one more than there are places

    with (
        generator([Append("x", fuses=False), *full]) as sequence,
        pytest.raises(PluginError, match=f"The augmenter {', '.join(['Append'] * 7)} failed"),
    ):
        sequence[0]
