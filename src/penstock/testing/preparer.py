"""What is asked of what prepares samples."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.components import implements
from penstock.errors import ConfigError
from penstock.testing.component import ComponentConformance
from penstock.testing.jobs import Preparing
from penstock.testing.runs import difference, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PreparerConformance"]


class PreparerConformance(ComponentConformance):
    """Inherit this, write ``make``, and pytest says whether your preparer keeps the contract.

    Attributes:
        heavy: Packages that importing the component's module must not import.
        timeout: Seconds that threads and processes may take.
    """

    entry_point = None  # it is given as an instance

    _kind = "preparer"
    _owner = "test_it_prepares_in_place"

    @abstractmethod
    def make(self) -> Any:
        """Return an instance, with options that make it do something."""

    def samples(self) -> list[tuple[NDArray[Any], ArraySpec]]:
        """Return arrays of samples as they are delivered, with their spec.

        By default float32 of shape ``(6, 12, 10, 3)``, and once more with the channels first.
        """
        values = np.random.default_rng(0).uniform(0, 255, (6, 12, 10, 3)).astype(np.float32)
        first = ArraySpec((12, 10, 3), "float32", data_format="channels_first")
        turned = np.ascontiguousarray(np.moveaxis(values, -1, 1))
        return [(values, ArraySpec((12, 10, 3), "float32")), (turned, first)]

    def test_it_prepares_in_place(self, tmp_path: Path) -> None:
        """The array is the memory that Keras is handed."""
        job = self._opened(tmp_path, self._made(tmp_path))
        for array, spec in job.feeds:
            given = array.copy()
            try:
                left = job.prepare(given, spec)
            except Exception as error:
                raise AssertionError(
                    f"It was given samples of {array.dtype}{array.shape} and failed:"
                    f" {sentence(error)} Take them, or override samples() to feed what it is for."
                ) from error
            assert not left, "It returned something. Write array[...] = …, and return nothing."
            assert difference([array], [given]), (
                f"It left samples of {array.dtype}{array.shape} as they were. Write into the array,"
                " array[...] = …; or override samples() to feed what it is for."
            )

    def test_it_prepares_a_sample_alike_in_any_slice(self, tmp_path: Path) -> None:
        """What happens to a sample depends on that sample, to the last bit."""
        job, _ = self._prepared(tmp_path)
        for array, spec in job.feeds:
            whole, rows = array.copy(), np.arange(len(array))
            job.prepare(whole, spec)
            for parts in ([rows[:1], rows[1:]], np.array_split(rows, 3), [rows[::-1]]):
                order = np.concatenate(parts)
                slices = [array[part] for part in parts]
                for each in slices:
                    job.prepare(each, spec)
                unlike = difference([whole[order]], [np.concatenate(slices)])
                assert not unlike, (
                    f"Samples were prepared at once, and then in slices of"
                    f" {', '.join(str(part.tolist()) for part in parts)}: {unlike}. Look at no"
                    " other sample; a product of matrices, or a sum over several samples, rounds"
                    " otherwise in another slice."
                )

    def test_it_takes_any_number_of_samples(self, tmp_path: Path) -> None:
        """A slice may be of one sample, and no samples are no reason to fail."""
        job, _ = self._prepared(tmp_path)
        for count in (0, 1):
            for array, spec in job.feeds:
                try:
                    job.prepare(array[:count].copy(), spec)
                except Exception as error:
                    raise AssertionError(
                        f"It was given {count} samples and failed: {sentence(error)}"
                    ) from error

    def _make(self, directory: Path) -> tuple[Any, Any]:  # noqa: ARG002 - arrays need no place
        return self.make(), self.samples()

    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Preparing:  # noqa: ARG002 - as above
        if not implements(made[0], "prepare_samples"):
            raise ConfigError("It does not implement prepare_samples.")
        return Preparing(*made)

    def _prepared(self, directory: Path) -> tuple[Preparing, list[NDArray[Any]]]:
        job, found = self._reference(directory)
        assert isinstance(job, Preparing)
        return job, found
