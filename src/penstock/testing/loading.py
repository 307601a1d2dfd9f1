"""What is asked of a loader's hooks: what they write, and what they leave alone."""

from __future__ import annotations

import gc
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.errors import PenstockError, quote
from penstock.testing.component import ComponentConformance, skip
from penstock.testing.jobs import Loading
from penstock.testing.runs import count_kinds, difference, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LoadingConformance"]


class LoadingConformance(ComponentConformance):
    """The tests of ``describe_sample`` and ``load_samples``."""

    tolerance: ClassVar[float] = 0.0

    _kind = "loader"
    _owner = "test_it_loads_every_sample"

    def expected(self, directory: Path) -> Any:  # noqa: ARG002 - for those who override it
        """Return what ``load_samples`` shall write for the samples of ``make``.

        Returns:
            An array of shape ``(n, *spec.shape)``, or one per sample where sizes vary; or None
            to compare nothing.
        """
        return None

    def test_it_describes_its_samples(self, tmp_path: Path) -> None:
        """Batches are allocated by what describe_sample says."""
        made = self._made(tmp_path)
        advice = (
            "describe_sample must return the one penstock.ArraySpec(shape, dtype) that holds for"
            " all samples, whichever it is given."
        )
        try:
            job = self._opened(tmp_path, made)
            samples = job.samples(np.arange(len(job)))
            specs = [job.field.spec]
            for part in (samples, samples[-1:], samples[::-1]):
                hooks = job.field.hooks
                specs.append(hooks.describe_sample(samples=part, source=job.field.source))
        except Exception as error:
            known = isinstance(error, PenstockError)  # says what to do itself
            raise AssertionError(
                f"Describing what make() returned failed: {sentence(error)}"
                f"{'' if known else f' {advice}'}"
            ) from error
        other = next((spec for spec in specs if spec != specs[0]), None)
        assert other is None, (
            f"The samples were described as {specs[0]} and, asked again, as {other}. {advice}"
        )

    def test_it_loads_every_sample(self, tmp_path: Path) -> None:
        """load_samples fills a row of out for every sample."""
        job = self._described(tmp_path)
        try:
            [found] = job.run()
        except Exception as error:
            raise AssertionError(
                f"load_samples was given all {len(job)} samples that make() returned, and failed:"
                f" {sentence(error)} Fill out, of shape {(len(job), *job.field.spec.shape)}, with"
                f" one per row.{_hint(error)}"
            ) from error
        unlike = count_kinds(found)
        assert len(found) >= 3 and unlike >= 2, (  # noqa: PT018 - one message
            f"{len(found)} samples were loaded, as {unlike} different arrays. Let make() return at"
            " least three, no two alike: mistakes between them cannot be seen otherwise."
        )
        wanted = self.expected(tmp_path)
        if wanted is not None:
            if self._unwritten(job):
                skip("its values are not its own; see test_it_writes_every_element_of_out")
            self._compare(job, found, job.padded(wanted))

    def test_it_measures_its_samples(self, tmp_path: Path) -> None:
        """measure_samples says how large a sample is, whichever are asked for with it."""
        job = self._described(tmp_path)
        wrong = _mismeasured(job) if job.field.spec.varying else ""
        assert not wrong, (
            f"measure_samples was asked for the sizes of samples, {wrong}. Return an array of whole"
            " numbers: a row per sample, in the order of samples, with its size in each axis that"
            " describe_sample gave as None."
        )

    def test_it_keeps_the_order_of_samples(self, tmp_path: Path) -> None:
        """Row i of out is sample i, in whichever order samples come."""
        job, whole = self._loaded(tmp_path)
        rows = np.arange(len(job))
        for order in (rows[::-1], np.roll(rows, 1)):
            unlike = difference([whole[order]], [job.load(order)])
            assert not unlike, (
                f"The samples were asked for in the order {quote(order.tolist())}; expected and"
                f" loaded were {unlike}. Write sample i into out[i]."
            )

    def test_it_loads_repeated_samples(self, tmp_path: Path) -> None:
        """A slice may hold a sample more than once."""
        job, whole = self._loaded(tmp_path)
        rows = np.repeat(np.arange(len(job)), 2)
        unlike = self._failing(job, rows) or difference([whole[rows]], [job.load(rows)])
        assert not unlike, (
            f"Every sample was asked for twice in one slice; expected and loaded were {unlike}."
            " Write a row of out for each entry of samples, repeated or not."
        )

    def test_it_takes_an_empty_slice(self, tmp_path: Path) -> None:
        """No samples are no reason to fail."""
        job, _ = self._loaded(tmp_path)
        wrong = self._failing(job, np.arange(0))
        assert not wrong, (
            f"load_samples was given no samples, and an out of no rows: {wrong}."
            " Return without doing anything then."
        )

    def test_it_loads_a_slice_as_it_loads_each_sample_alone(self, tmp_path: Path) -> None:
        """What else is in the slice has no say."""
        job, whole = self._loaded(tmp_path)
        rows = np.arange(len(job))
        for parts in (np.split(rows, len(rows)), np.array_split(rows, 2)):
            wrong = next(filter(None, (self._failing(job, part) for part in parts)), "")
            found = [] if wrong else [np.concatenate([job.load(part) for part in parts])]
            wrong = wrong or difference([whole], found)
            assert not wrong, (
                f"All samples were loaded at once, and then in slices of"
                f" {quote([len(part) for part in parts])}: {wrong}."
                " Load each sample by itself: slices depend on the number of threads."
            )

    def test_it_writes_every_element_of_out(self, tmp_path: Path) -> None:
        """The memory of out has been used before; what stands beside it is in use."""
        job, _ = self._loaded(tmp_path)
        memory = job.blank(len(job) + 2)
        job.fill(job.samples(np.arange(len(job))), memory[1:-1])
        assert not difference([job.blank(2)], [memory[[0, -1]]]), (
            "load_samples changed memory that lies beside out, where other threads write their"
            " samples. Write into out[...] and nowhere else."
        )
        unlike = self._unwritten(job)
        assert not unlike, (
            f"out was filled with two different values beforehand, and afterwards held {unlike}:"
            " elements were left unwritten, or added to. Write all of out, padding included."
        )

    def test_it_keeps_no_reference_to_out(self, tmp_path: Path) -> None:
        """A batch that was handed out is never written again, and its memory is given back."""
        job, whole = self._loaded(tmp_path)
        rows = np.arange(len(job))
        advice = "Copy what a cache shall keep: cache[...] = out[i].copy()."
        out = job.blank(len(rows))
        job.fill(job.samples(rows), out)
        job.load(rows[::-1])
        unlike = difference([whole], [out])
        assert not unlike, (
            f"A later call changed what an earlier one had loaded: {unlike}. {advice}"
        )
        out = job.blank(len(rows))
        job.fill(job.samples(rows), out)
        watch = weakref.ref(out)
        del out
        if watch() is not None:
            gc.collect()  # a cycle is no reference
        assert watch() is None, (
            "Something keeps out, or a view of it, after load_samples has returned; its memory is"
            f" used for another batch by then. {advice}"
        )

    def test_it_leaves_the_samples_it_is_given_alone(self, tmp_path: Path) -> None:
        """The array of samples is the core's."""
        job, _ = self._loaded(tmp_path)
        before, samples = (job.samples(np.arange(len(job))) for _ in range(2))
        job.field.hooks.describe_sample(samples=samples, source=job.field.source)
        job.fill(samples, job.blank(len(samples)))
        assert np.array_equal(before, samples), (
            f"The hooks were given the samples {quote(before.tolist())} and left"
            f" {quote(samples.tolist())}. Change a copy: samples.copy()."
        )

    @abstractmethod
    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Loading: ...

    def _described(self, directory: Path) -> Loading:
        made = self._made(directory)
        try:
            return self._opened(directory, made)
        except Exception as error:
            skip(f"there is nothing to load; see test_it_describes_its_samples: {error}")

    def _loaded(self, directory: Path) -> tuple[Loading, NDArray[Any]]:
        job, [whole] = self._reference(directory)
        assert isinstance(job, Loading)
        return job, whole

    def _unwritten(self, job: Loading) -> str:
        """Say where what out held before is seen afterwards; empty where it is not."""
        found = []
        for byte in (0x00, 0x5A):
            out = job.blank(len(job), byte)
            job.fill(job.samples(np.arange(len(job))), out)
            found.append([out.copy()])  # what a loader does later has a test of its own
        return difference(*found)

    def _measurable(self, job: Loading) -> None:
        """Skip where samples are not measured as they should be."""
        if job.field.spec.varying and _mismeasured(job):
            skip("its sizes are wrong; see test_it_measures_its_samples")

    def _failing(self, job: Loading, rows: NDArray[Any]) -> str:
        """Say how loading *rows* fails; empty where it does not."""
        try:
            job.load(rows)
        except Exception as error:
            return sentence(error).removesuffix(".")
        return ""

    def _compare(self, job: Loading, found: NDArray[Any], wanted: NDArray[Any]) -> None:
        assert found.shape == wanted.shape, (
            f"expected() has shape {wanted.shape}; load_samples filled an out of {found.shape}."
            " Correct describe_sample, or expected() here: it has a row per sample."
        )
        if found.dtype.hasobject:
            right = np.asarray(found == wanted)
        else:
            right = np.asarray(
                np.isclose(found, wanted, rtol=0, atol=self.tolerance, equal_nan=True)
            )
        wrong = np.flatnonzero(~right.reshape(len(found), -1).all(axis=1))
        if len(wrong):
            row = int(wrong[0])
            place = np.unravel_index(int(np.argmin(right[row])), right.shape[1:])
            raise AssertionError(
                f"{len(wrong)} of {len(found)} samples are not as expected(); the first is"
                f" {quote(job.samples(wrong[:1])[0])}: at [{', '.join(map(str, (row, *place)))}] it"
                f" has {quote(found[row][place])} and not {quote(wanted[row][place])}."
            )


def _mismeasured(job: Loading) -> str:
    """Say how measuring fails; empty where it does not."""
    rows, axes = np.arange(len(job)), len(job.field.spec.varying)
    try:
        alone = job.measured(job.samples(rows))
        for order in (rows, rows[::-1], np.repeat(rows, 2), rows[:0]):
            found = job.measure(job.samples(order))
            if (
                not isinstance(found, np.ndarray)
                or found.dtype.kind not in "iu"
                or found.shape != (len(order), axes)
            ):
                is_array = isinstance(found, np.ndarray)
                told = f"{found.dtype}{found.shape}" if is_array else quote(found)
                return f"{len(order)} of them, and returned {told}"
            if not np.array_equal(found, alone[order]):
                return (
                    f"and gave {quote(alone[order].tolist())} for each by itself and"
                    f" {quote(found.tolist())} for the same together"
                )
    except Exception as error:
        return f"and failed: {sentence(error).removesuffix('.')}"
    return ""


def _hint(error: Exception) -> str:
    """Explain NumPy's refusal of a row of another shape."""
    if "broadcast" not in str(error):
        return ""
    return " Let describe_sample give the shape of what is loaded."
