"""What is asked of a loader."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from penstock.components import implements, instance, relay
from penstock.errors import BackendMissing, SampleError, quote
from penstock.files import has_suffix
from penstock.sources import column_of, open_source, plain_source
from penstock.testing.component import skip
from penstock.testing.jobs import Loading
from penstock.testing.loading import LoadingConformance
from penstock.testing.runs import sentence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec

__all__ = ["LoaderConformance"]


class LoaderConformance(LoadingConformance):
    """Inherit this, write ``make``, and pytest says whether your loader keeps the contract.

    Attributes:
        entry_point: The name under which it is installed; empty for whichever
            it is; None for a loader that is not installed.
        tolerance: How far loaded values may be from ``expected``.
        heavy: Packages that importing the loader's module must not import.
        timeout: Seconds that threads and processes may take.
        by_name: True for a loader that claims nothing, and is asked for by name.
    """

    by_name: ClassVar[bool] = False

    @abstractmethod
    def make(self, directory: Path) -> tuple[Any, Any]:
        """Write samples below *directory*; return the loader and what it shall load.

        Returns:
            An instance of the loader, and what a user would give to
            ``make_generator``: names of files relative to *directory* (or
            whatever samples are) in a list, a DataFrame, or the path of one
            file or directory relative to *directory*. At least three samples,
            no two alike.
        """

    def corrupt(self, directory: Path) -> str | None:
        """Write a sample that cannot be loaded; return its name relative to *directory*.

        By default a file with the loader's first suffix that holds garbage.
        None where no sample can be corrupt.
        """
        suffixes = getattr(self._made(directory)[0], "suffixes", ())
        if not suffixes:
            return None
        name = f"corrupt{suffixes[0]}"
        (directory / name).write_bytes(b"This is no sample of yours.\x00\xff\xfe")
        return name

    def foreign(self, directory: Path) -> list[Any]:
        """Write data of another kind; return sources that the loader must not claim."""
        path = directory / "data.foreign"
        path.write_bytes(b"This is for another loader.")
        return [str(directory), str(path), [str(path)]]

    def test_it_claims_its_own_data(self, tmp_path: Path) -> None:
        """A source of its kind is read without loader= being named."""
        loader, given = self._made(tmp_path)
        job = self._described(tmp_path)
        has_suffixes = bool(getattr(loader, "suffixes", ()))
        own: list[Any] = []
        if isinstance(given, str):
            own = [os.path.join(tmp_path, given)]
        elif job.field.prefix is not None:
            own = [job.samples(np.arange(len(job))).tolist()]
            if has_suffixes:
                own.append(str(tmp_path))
        elif isinstance(given, list) and implements(loader, "claims_source"):
            own = [given]
        for source in own if has_suffixes or implements(loader, "claims_source") else ():
            if self.by_name:
                assert not _claims(loader, source), f"by_name = True, and it claimed {source!r}."
                continue
            assert _claims(loader, source), (
                f"The loader did not claim {quote(source)}, which make() had it load."
                " List its endings in suffixes, in lower case and with their dot, or return"
                " True from claims_source."
            )

    def test_it_claims_no_foreign_data(self, tmp_path: Path) -> None:
        """A source of another kind is left to others."""
        own, foreign = tmp_path / "own", tmp_path / "foreign"
        own.mkdir()
        foreign.mkdir()
        loader, _ = self._made(own)
        for source in self.foreign(foreign):
            assert not _claims(loader, source), (
                f"The loader claimed {quote(source)}, which is not of its kind: users of other"
                " plugins would have to name theirs. Look for your own endings in claims_source."
            )

    def test_a_corrupt_sample_is_named(self, tmp_path: Path) -> None:
        """What a library throws does not reach the user bare, nor is nothing said."""
        self._measurable(self._loaded(tmp_path)[0])
        loader, given = self._made(tmp_path)
        name = self.corrupt(tmp_path)
        if name is None:
            return
        advice = (
            'Raise penstock.errors.SampleCorrupt("what was found and what to do", sample=path),'
            " or let the library's exception pass."
        )
        raised: Exception | None = None
        try:
            job = self._opened(tmp_path, (loader, _with(given, name, loader)))
            job.field.each(np.arange(len(job)))
        except Exception as error:
            raised = error
        assert raised is not None, f"{name!r} is corrupt, and was loaded without a word. {advice}"
        assert isinstance(raised, SampleError), (
            f"{name!r} is corrupt, and {type(raised).__name__} was raised, which is no SampleError:"
            f" {raised} {advice}"
        )
        assert name in str(raised), f"{name!r} is corrupt; the error says: {raised} {advice}"

    def test_it_feeds_a_generator(self, tmp_path: Path) -> None:
        """An epoch of make_generator delivers every sample once."""
        try:
            from penstock.factory import make_generator
        except BackendMissing as error:
            skip(str(error))
        job, whole = self._loaded(tmp_path)
        if self._unwritten(job):
            skip("its values are not its own; see test_it_writes_every_element_of_out")
        self._measurable(job)
        varying = job.field.spec.varying
        loader, given = self._made(tmp_path)
        path = isinstance(given, str)
        count = len(job)
        try:
            data = make_generator(
                os.path.join(tmp_path, given) if path else given,
                loader=loader,
                root=None if path or job.field.prefix is None else str(tmp_path),
                labels=range(count),
                encoder="float",
                batch_size=max(2, 2 * count // 3),
                pad_to=[max(job.shape[axis], 1) for axis in varying] or None,
                shuffle=False,  # as it is asked for in any order elsewhere
                workers=0,  # what threads do has a test of its own
            )
            batches = list(data)
            data.close()
        except Exception as error:
            raise AssertionError(
                f"make_generator was given the loader and its samples, and failed:"
                f" {sentence(error)} Do without what it does not give the hooks."
            ) from error
        places = np.concatenate([y for _, y in batches]).astype(np.int64)
        assert sorted(places) == list(range(count)), (
            f"An epoch of {count} samples delivered those numbered {quote(places.tolist())}."
            " List every sample once."
        )
        if whole.dtype.hasobject:  # text arrives as the backend's tensors
            return
        delivered = np.concatenate([x for x, _ in batches])[np.argsort(places)]
        expected = _delivered(whole, job.field.spec)
        floats = expected.dtype.kind == "f"
        assert np.array_equal(delivered, expected, equal_nan=floats), (
            "The generator delivered other values than load_samples writes by itself. Let them"
            " depend on the sample alone, and on no option that the generator fills in"
            " (class_names, root, sample_weight, seed, y_col)."
        )

    def _make(self, directory: Path) -> tuple[Any, Any]:
        return self.make(directory)

    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Loading:
        loader, given = instance("loader", made[0], {}), plain_source(made[1])
        path = isinstance(given, str)
        source = open_source(
            os.path.join(directory, given) if path else given,
            loader,
            root=None if path else str(directory),
            contained=True,
            follow_links=False,
        )
        return Loading(source.field("x", loader))


def _claims(loader: Any, source: Any) -> bool:
    if implements(loader, "claims_source"):
        return bool(relay(loader).claims_source(source=source))
    return has_suffix(source, getattr(loader, "suffixes", ()))


def _with(given: Any, name: str, loader: Any) -> Any:
    """Add a sample to what ``make`` returned."""
    if isinstance(given, str):
        return given  # it was written to where the others are
    if isinstance(given, pd.DataFrame):
        return pd.concat([given, given.iloc[-1:].assign(**{column_of(loader): name})])
    return [*given, name]


def _delivered(loaded: NDArray[Any], spec: ArraySpec) -> NDArray[Any]:
    if spec.data_format == "channels_first" and loaded.ndim > 2:
        loaded = np.moveaxis(loaded, -1, 1)
    if spec.scale != 1.0:
        loaded = np.multiply(loaded, spec.deliver_dtype.type(spec.scale))
    return loaded.astype(spec.deliver_dtype)
