"""What is asked of an augmenter."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.components import check_augmenters, implements, instance, relay
from penstock.errors import ConfigError
from penstock.testing.component import ComponentConformance
from penstock.testing.jobs import Augmenting, Feed
from penstock.testing.runs import difference, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from penstock.batch import Batch

__all__ = ["AugmenterConformance"]

_EPOCHS = 8


class AugmenterConformance(ComponentConformance):
    """Inherit this, write ``make``, and pytest says whether your augmenter keeps the contract.

    Attributes:
        entry_point: The name under which it is installed; empty for whichever
            it is; None for an augmenter that is not installed.
        deterministic: Whether it does the same in every epoch, on purpose.
        changes_targets: Whether it changes targets too, as rotation turns an
            image and its mask, or mixup blends labels.
        heavy: Packages that importing the augmenter's module must not import.
        timeout: Seconds that threads and processes may take.
    """

    deterministic: ClassVar[bool] = False
    changes_targets: ClassVar[bool] = False

    _kind = "augmenter"
    _owner = "test_it_takes_every_array_it_is_fed"

    @abstractmethod
    def make(self) -> Any:
        """Return an instance of the augmenter, with options that make it do something."""

    def inputs(self) -> list[dict[str, NDArray[Any]]]:
        """Return arrays to feed it with: by input name, at least three samples each.

        By default one input, ``"x"``: images of shape ``(6, 12, 10, 3)``, as
        uint8 and then as float32 from 0 to 255.
        """
        pixels = np.random.default_rng(0).integers(0, 256, (6, 12, 10, 3))
        return [{"x": pixels.astype(dtype)} for dtype in (np.uint8, np.float32)]

    def targets(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return targets to go with inputs.

        By default a mask, uint8 of the first input's shape with one channel,
        for augmenters of samples, and one-hot labels for those of batches.
        """
        first = next(iter(inputs.values()))
        if implements(self.make(), "augment_batch"):
            return {"y": np.eye(3, dtype=np.float32)[np.arange(len(first)) % 3]}
        shape = (*first.shape[:-1], 1) if first.ndim > 1 else first.shape
        return {"mask": np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)}

    def test_it_takes_every_array_it_is_fed(self, tmp_path: Path) -> None:
        """Loaders deliver several dtypes."""
        made = self._made(tmp_path)
        given = "nothing yet"
        try:
            job = self._opened(tmp_path, made)
            for feed in job.feeds:
                given = _described(feed)
                check_augmenters([job.component], feed.specs)
                job.augment(job.batch(feed, np.arange(len(feed))))
        except Exception as error:
            raise AssertionError(
                f"The augmenter was given {given} and failed: {sentence(error)}"
                " Take it, or override inputs() here to feed what it is for."
            ) from error

    def test_it_changes_arrays_in_place(self, tmp_path: Path) -> None:
        """The arrays of a batch are the memory that Keras is handed."""
        job, _ = self._augmented(tmp_path)
        for feed in job.feeds:
            batch = job.batch(feed, np.arange(len(feed)))
            before = _all_of(batch)
            shapes = {name: (array.shape, array.dtype) for name, array in before.items()}
            job.augment(batch)
            after = _all_of(batch)
            same = after.keys() == before.keys() and all(
                after[name] is array and (array.shape, array.dtype) == shapes[name]
                for name, array in before.items()
            )
            assert same, (
                f"The augmenter was given {_described(feed)} and left other arrays in the batch:"
                f" {', '.join(f'{k} {v.dtype}{v.shape}' for k, v in after.items())}."
                " Write into the arrays, batch.inputs[name][...] = …, and keep shape and dtype."
            )

    def test_it_augments_a_sample_alike_in_any_slice(self, tmp_path: Path) -> None:
        """What happens to a sample depends on that sample and its draws."""
        job, _ = self._augmented(tmp_path)
        if not implements(job.component, "augment_samples"):
            return
        for feed in job.feeds:
            rows = np.arange(len(feed))
            whole = self._sliced(job, feed, [rows])
            for parts in ([rows[:1], rows[1:]], np.array_split(rows, 3), [rows[::-1]]):
                order = np.concatenate(parts)
                unlike = difference([each[order] for each in whole], self._sliced(job, feed, parts))
                assert not unlike, (
                    f"{_described(feed)} were augmented at once, and then in slices of the samples"
                    f" {', '.join(str(part.tolist()) for part in parts)}: {unlike}."
                    " Draw a number for each sample (batch.draws gives a row per sample), and look"
                    " at no other sample; where samples meet, implement augment_batch."
                )

    def test_it_differs_from_epoch_to_epoch(self, tmp_path: Path) -> None:
        """Every epoch sees a sample otherwise, unless that is not meant."""
        job, _ = self._augmented(tmp_path)
        first = job.run()
        same = not any(difference(first, job.run(epoch=each)) for each in range(1, _EPOCHS))
        assert same or not self.deterministic, (
            "The augmenter is said to be deterministic, and gave other values in another epoch."
            " Leave batch.draws alone, or remove deterministic = True here."
        )
        assert not same or self.deterministic, (
            f"The augmenter gave the same in {_EPOCHS} epochs. Draw from batch.draws; feed it what"
            " it is for, by inputs(); or set deterministic = True here if that is meant."
        )

    def test_it_leaves_targets_alone(self, tmp_path: Path) -> None:
        """Targets and weights are changed by those alone who say so."""
        job, _ = self._augmented(tmp_path)
        if self.changes_targets:
            return
        for feed in job.feeds:
            batch = job.batch(feed, np.arange(len(feed)))
            job.augment(batch)
            kept = [batch.targets.get(name, array[:0]) for name, array in feed.targets.items()]
            unlike = difference(list(feed.targets.values()), kept)
            assert not unlike, (
                f"The augmenter was given {_described(feed)} and changed the targets: {unlike}."
                " Change batch.inputs alone; or set changes_targets = True here if that is meant."
            )

    def test_it_takes_an_empty_slice(self, tmp_path: Path) -> None:
        """No samples are no reason to fail."""
        job, _ = self._augmented(tmp_path)
        if implements(job.component, "augment_samples"):
            self._check_count(job, 0)

    def test_it_takes_a_batch_of_one_sample(self, tmp_path: Path) -> None:
        """The last batch of an epoch may be as short as that."""
        job, _ = self._augmented(tmp_path)
        self._check_count(job, 1)

    def test_it_does_the_work_of_those_it_fuses_with(self, tmp_path: Path) -> None:
        """Two neighbours that become one change samples as two, whatever the slice."""
        job, _ = self._augmented(tmp_path)
        if not implements(job.component, "fuse_with"):
            return
        fused = relay(job.component).fuse_with(following=job.component)
        if fused is None:
            return
        both = self._opened(tmp_path, (fused, job.feeds))
        pairs = ((job.run(epoch=each), both.run(epoch=each)) for each in range(_EPOCHS))
        assert any(difference(*pair) for pair in pairs), (
            "fuse_with returned an augmenter that does in each of"
            f" {_EPOCHS} epochs what one of the two does alone. Do the work of both:"
            " batch.draws.together(2) has the draws of each."
        )
        for feed in job.feeds:
            rows = np.arange(len(feed))
            unlike = difference(
                [each[::-1] for each in self._sliced(both, feed, [rows])],
                self._sliced(both, feed, [rows[::-1][:1], rows[::-1][1:]]),
            )
            assert not unlike, (
                f"fuse_with returned an augmenter that treats a sample otherwise in another slice:"
                f" {unlike}. Draw a number for each sample, and look at no other sample."
            )

    def _check_count(self, job: Augmenting, count: int) -> None:
        for feed in job.feeds:
            try:
                job.augment(job.batch(feed, np.arange(count)))
            except Exception as error:
                raise AssertionError(
                    f"The augmenter was given a batch of {count} samples and failed:"
                    f" {sentence(error)} Take any number of samples."
                ) from error

    def _make(self, directory: Path) -> tuple[Any, list[Feed]]:  # noqa: ARG002 - arrays need no place
        augmenter = self.make()
        weight = implements(augmenter, "augment_batch")
        return augmenter, [
            Feed(
                inputs,
                self.targets(inputs),
                np.ones(len(next(iter(inputs.values()))), np.float32) if weight else None,
            )
            for inputs in self.inputs()
        ]

    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Augmenting:  # noqa: ARG002 - as above
        augmenter = instance("augmenter", made[0], {})
        if not any(implements(augmenter, each) for each in ("augment_samples", "augment_batch")):
            raise ConfigError("It implements neither augment_samples nor augment_batch.")
        return Augmenting(augmenter, made[1])

    def _augmented(self, directory: Path) -> tuple[Augmenting, list[NDArray[Any]]]:
        job, found = self._reference(directory)
        assert isinstance(job, Augmenting)
        return job, found

    def _sliced(self, job: Augmenting, feed: Feed, parts: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Augment the samples of a feed slice by slice; return them put together."""
        batches = [job.batch(feed, part) for part in parts]
        for batch in batches:
            relay(job.component).augment_samples(batch=batch)
        arrays = [[*batch.inputs.values(), *batch.targets.values()] for batch in batches]
        return [np.concatenate(each) for each in zip(*arrays, strict=True)]


def _all_of(batch: Batch) -> dict[str, NDArray[Any]]:
    return {
        **{f"inputs[{name!r}]": array for name, array in batch.inputs.items()},
        **{f"targets[{name!r}]": array for name, array in batch.targets.items()},
    }


def _described(feed: Feed) -> str:
    arrays = {**feed.inputs, **feed.targets}
    return ", ".join(f"{name} {array.dtype}{array.shape}" for name, array in arrays.items())
