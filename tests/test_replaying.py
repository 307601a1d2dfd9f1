"""Which samples a batch has, and what was drawn for them, can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, PluginError

X = np.zeros((10, 3), np.float32)


@dataclass(frozen=True)
class Add:
    """Add a number drawn."""

    most: float = 1.0

    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"] += self._drawn(batch)[:, None]

    @penstock.hookimpl
    def describe_draws(self, batch):
        assert not batch.inputs["x"].flags.writeable
        return {"added": self._drawn(batch), "most": self.most}

    def _drawn(self, batch):
        assert batch.inputs["x"].shape[1:] == (3,)
        return batch.draws.uniform(0, self.most)


@dataclass(frozen=True)
class Quiet:
    """Draws, and does not say what."""

    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"] += batch.draws.uniform()[:, None]


@dataclass(frozen=True)
class Odd(Quiet):
    """Says what cannot be understood."""

    answer: object = None

    @penstock.hookimpl
    def describe_draws(self, batch):
        if self.answer is ValueError:
            raise ValueError("no")
        return self.answer


def make(**options):
    return penstock.make_generator((X, np.arange(10)), **{"batch_size": 4, "seed": 5} | options)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_told_of_a_sample_is_what_was_done_to_it(workers):
    with make(augment=[Add(), Add(most=100.0)], workers=workers) as sequence:
        for epoch in (0, 1):
            sequence.epoch = epoch
            for index in range(len(sequence)):
                x, y = sequence[index]
                samples = sequence.batch_samples(index)
                assert samples["position"].tolist() == y.tolist()
                for row, position in zip(x, samples["position"], strict=True):
                    first, second = sequence.transforms(position)
                    assert first["augmenter"] == second["augmenter"] == "Add"
                    assert (first["most"], second["most"]) == (1.0, 100.0)
                    assert type(first["added"]) is float
                    after_first = np.float32(first["added"]).astype(np.float64)
                    assert row[0] == np.float32(after_first + second["added"])


def test_another_epoch_can_be_asked_for_without_going_there():
    sequence = make(augment=Add())
    later = sequence.transforms(3, epoch=7)
    assert later != sequence.transforms(3)
    assert sequence.epoch == 0
    sequence.epoch = 7
    assert later == sequence.transforms(3)


def test_parts_of_a_sequence_tell_of_their_own_samples():
    sequence = make(augment=Add())
    part = sequence.subset([2, 8, 5])
    assert part.transforms(1) == sequence.transforms(8)
    train, val = sequence.split(0.5, 0.5)
    assert len(train.transforms(0)) == 1
    assert val.transforms(0) == []


def test_a_sample_that_comes_again_in_an_epoch_has_a_turn_of_its_own():
    sequence = make(augment=Add(), samples_per_epoch=25, batch_size=25)
    samples = sequence.batch_samples(0)
    again = samples[samples["position"] == samples["position"][0]]
    assert len(again) >= 2
    assert again["turn"].is_unique
    (x, _y), added = sequence[0], []
    for position, turn in zip(samples["position"], samples["turn"], strict=True):
        added.append(sequence.transforms(position, turn=turn)[0]["added"])
    assert np.array_equal(x[:, 0], np.float32(added))


def test_the_samples_of_a_batch_have_the_columns_of_the_table(tmp_path):
    names = [f"{number}.npy" for number in range(5)]
    for name in names:
        np.save(tmp_path / name, X[0])
    sequence = penstock.make_generator(
        names, root=tmp_path, labels=list(range(5)), batch_size=2, seed=0
    )
    found = sequence.batch_samples(-1)
    assert found.columns.tolist() == ["sample", "label", "position", "turn"]
    assert found["sample"].tolist() == [names[at] for at in found["position"]]
    assert len(found) == 1


def test_an_augmenter_that_says_nothing_is_listed_by_its_name():
    sequence = make(augment=[Quiet(), Odd(), Add()])
    assert [set(each) for each in sequence.transforms(0)] == [
        {"augmenter"},
        {"augmenter"},
        {"augmenter", "added", "most"},
    ]


@pytest.mark.parametrize("answer", [ValueError, [1.0], {3: 1.0}])
def test_what_an_augmenter_cannot_tell_is_its_own_fault(answer):
    with pytest.raises(PluginError, match=r"Odd.describe_draws"):
        make(augment=Odd(answer)).transforms(0)


def test_samples_and_batches_that_are_not_there_are_refused():
    sequence = make(augment=Add())
    with pytest.raises(ConfigError, match="position=10 was given"):
        sequence.transforms(10)
    with pytest.raises(ConfigError, match="epoch=-1 was given"):
        sequence.transforms(0, epoch=-1)
    with pytest.raises(ConfigError, match=r"batch_samples\(3\) was asked for; there are 3"):
        sequence.batch_samples(3)
