"""Samples that cannot be loaded: tried again, named, replaced, masked, counted, left out."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import penstock
from penstock import reattempts
from penstock.errors import (
    ConfigError,
    OutOfResources,
    PluginError,
    SampleCorrupt,
    SampleError,
    SampleMissing,
    TooManyErrors,
)
from penstock.memory import Lease

if TYPE_CHECKING:
    from pathlib import Path

COUNT, BATCH = 22, 4


@dataclass(frozen=True)
class Numbers:
    """Sample n is filled with n + 1; some cannot be loaded."""

    bad: tuple[int, ...] = ()
    scale: float = 1.0
    dtype: str = "float32"

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((3,), self.dtype, deliver_dtype="float32", scale=self.scale)

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for place, sample in enumerate(samples):
            if sample in self.bad:
                raise SampleCorrupt("It is cut.")
            out[place] = sample + 1


@dataclass(frozen=True)
class Shift:
    @penstock.hookimpl
    def augment_samples(self, batch):
        for array in batch.inputs.values():
            np.add(array, batch.draws.uniform(1, 2, size=1).astype(array.dtype), out=array)


def sequence(bad=(), on_error="skip", count=COUNT, **options):
    table = pd.DataFrame({"sample": np.arange(count), "label": [f"c{n % 3}" for n in range(count)]})
    options = {"loader": Numbers(tuple(bad)), "batch_size": BATCH, "seed": 3, **options}
    return penstock.make_generator(table, on_error=on_error, **options)


def numbers(data):
    return np.concatenate([batch[0][:, 0] for batch in data]).astype(int) - 1


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(reattempts, "_PAUSES", (0.0, 0.0, 0.0))


pytestmark = pytest.mark.filterwarnings("ignore:.*could not be loaded and:UserWarning")


# -- raise -----------------------------------------------------------------------------


def test_by_default_a_sample_that_cannot_be_loaded_ends_it_and_is_recorded():
    data = sequence([7], on_error="raise")
    with pytest.raises(SampleCorrupt, match="It is cut"):
        list(data)
    assert data.errors["sample"].tolist() == [7]


# -- skip ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[7], [0, 1, 2, 3], list(range(0, 22, 2))])
def test_another_sample_stands_in_with_its_own_label_and_weight(bad):
    weights = np.arange(COUNT, dtype=np.float32)
    data, whole = sequence(bad, sample_weight=weights), sequence()
    for (x, y, weight), (z, *_) in zip(data, whole, strict=True):
        found, meant = x[:, 0].astype(int) - 1, z[:, 0].astype(int) - 1
        assert x.shape == z.shape
        assert not set(found) & set(bad)
        good = ~np.isin(meant, bad)
        np.testing.assert_array_equal(found[good], meant[good])
        assert y.argmax(axis=1).tolist() == (found % 3).tolist()
        assert weight.tolist() == found.tolist()


@settings(deadline=None, max_examples=20)
@given(
    st.sets(st.integers(0, COUNT - 1), max_size=15),
    st.sampled_from([0, 1, 3, 8]),
    st.integers(1, 5),
    st.sampled_from(["skip", "mask"]),
)
def test_what_stands_in_depends_on_no_thread(bad, workers, depth, on_error):
    expected = sequence(bad, on_error, workers=0, augment=[Shift()])
    data = sequence(bad, on_error, workers=workers, max_queue_size=depth, augment=[Shift()])
    for _ in range(2):
        for one, other in zip(data, expected, strict=True):
            for left, right in zip(one, other, strict=True):
                np.testing.assert_array_equal(left, right)
    data.close()


def test_other_epochs_have_other_stand_ins():
    data = sequence([7])
    epochs = [numbers(data) for _ in range(6)]
    doubled = {int(np.bincount(epoch).argmax()) for epoch in epochs}
    assert len(doubled) > 1


def test_a_stand_in_comes_from_the_same_part():
    first, second = sequence(range(0, 22, 2)).split(0.5, 0.5)
    assert set(numbers(first)) <= set(first.samples["sample"])
    assert set(numbers(second)) <= set(second.samples["sample"])


def test_nothing_to_stand_in_is_an_error():
    data = sequence(range(COUNT))
    with pytest.raises(TooManyErrors, match="Nothing was found to replace"):
        list(data)


def test_all_inputs_of_a_sample_are_replaced_together():
    table = pd.DataFrame({"a": np.arange(COUNT), "b": np.arange(COUNT)})

    @dataclass(frozen=True)
    class Column(Numbers):
        column: str = "sample"

    data = penstock.make_generator(
        table,
        inputs={"a": Column(column="a"), "b": Column((7, 8), column="b")},
        targets={"t": Column((3,), column="a")},
        batch_size=BATCH, seed=3, on_error="skip",
    )  # fmt: skip
    for x, y in data:
        np.testing.assert_array_equal(x["a"], x["b"])
        np.testing.assert_array_equal(x["a"], y["t"])
        assert not set(x["a"][:, 0].astype(int) - 1) & {3, 7, 8}


# -- mask ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"augment": [Shift()]}, {"loader": Numbers((7, 9), 0.5, "uint8")}]
)
@pytest.mark.parametrize("weights", [None, np.full(COUNT, 2.0)])
def test_a_masked_sample_is_zeros_of_weight_zero(options, weights):
    data = sequence([7, 9], "mask", shuffle=False, sample_weight=weights, **options)
    x, y, weight = (np.concatenate(each) for each in zip(*data, strict=True))
    expected = np.full(COUNT, 1.0 if weights is None else 2.0, np.float32)
    expected[[7, 9]] = 0
    assert weight.tolist() == expected.tolist()
    assert not x[[7, 9]].any()
    assert x[np.setdiff1d(np.arange(COUNT), [7, 9])].all()
    assert y.argmax(axis=1).tolist() == (np.arange(COUNT) % 3).tolist()


def test_every_batch_has_weights_where_samples_may_be_masked():
    for batch in sequence([], "mask"):
        assert batch[2].tolist() == [1] * len(batch[0])


@pytest.mark.parametrize("weights", ["new", "its own", "none"])
def test_an_augmenter_of_batches_cannot_give_a_masked_sample_weight(weights):
    own = np.ones(BATCH, np.float32)

    class Weigh:
        @penstock.hookimpl
        def augment_batch(self, batch):
            count = len(batch.draws)
            left = {"new": np.ones(count, np.float32), "its own": own[:count], "none": None}
            batch.sample_weight = left[weights]

    data = sequence([7], "mask", shuffle=False, augment=[Weigh()])
    found = np.concatenate([weight for *_, weight in data])
    np.testing.assert_array_equal(found, np.arange(COUNT) != 7)
    assert own.all()


# -- budget and record -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "enough"),
    [(3, True), (2, False), (0, False), (1.0, True), (0.14, True), (0.13, False)],
)
def test_more_errors_than_allowed_end_it(most, enough):
    data = sequence([4, 9, 17], max_errors=most)
    if enough:
        for _ in range(3):
            list(data)
        return
    with pytest.raises(TooManyErrors) as caught:
        list(data)
    assert "of 22 samples could not be loaded" in str(caught.value)
    assert isinstance(caught.value.__cause__, SampleCorrupt)
    pickle.loads(pickle.dumps(caught.value))


def test_the_record_counts_each_sample():
    data = sequence([4, 9], "mask", workers=2)
    for _ in range(3):
        list(data)
    table = data.errors
    assert table.columns.tolist() == ["sample", "index", "error", "reason", "count"]
    assert table["sample"].tolist() == [4, 9]
    assert table["error"].unique().tolist() == ["SampleCorrupt"]
    assert table["reason"].unique().tolist() == ["It is cut."]
    assert table["count"].tolist() == [3, 3]


def test_the_end_of_an_epoch_tells_once_what_became_of_how_many():
    data = sequence([4, 9], "mask")
    with pytest.warns(
        UserWarning, match=r"2 samples of 22 could not be loaded and were masked .*: 4, 9\."
    ) as told:
        list(data)
    assert len(told) == 1


@pytest.mark.filterwarnings("error")
def test_an_epoch_without_errors_tells_nothing():
    list(sequence())
    data = sequence([4], "raise")
    with pytest.raises(SampleError):
        list(data)
    data.on_epoch_end()


def test_the_record_is_written_and_can_be_left_out_by_it(tmp_path):
    log = tmp_path / "bad.csv"
    data = sequence([4, 9], error_log=log)
    list(data)
    assert pd.read_csv(log)["sample"].tolist() == [4, 9]
    rest = sequence([4, 9], "raise", exclude=log)
    assert sorted(numbers(rest)) == [n for n in range(22) if n not in (4, 9)]
    assert sorted(numbers(sequence([4, 9], "raise", exclude=data.errors))) == sorted(numbers(rest))


def test_parts_of_one_sequence_write_one_record(tmp_path):
    log = tmp_path / "bad.csv"
    parts = sequence([4, 9, 10, 17], error_log=log).split(0.5, 0.5)
    found = []
    for part in parts:
        list(part)
        found += part.errors["sample"].tolist()
    assert len(found) > len(parts[1].errors)
    assert pd.read_csv(log)["sample"].tolist() == sorted(set(found)) == [4, 9, 10, 17]


def test_a_record_that_cannot_be_written_ends_no_training(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with sequence([4], error_log=folder / "bad.csv") as data:
        folder.rmdir()
        with pytest.warns(UserWarning, match=r"error_log='.*bad.csv' cannot be written"):
            assert len(list(data)) == len(data)
        folder.mkdir()
    assert (folder / "bad.csv").exists()


@pytest.mark.parametrize("use", ["predictions", "statistics"])
@pytest.mark.parametrize(("most", "enough"), [(1, False), (2, True), (0.05, False), (0.1, True)])
def test_predictions_and_statistics_allow_no_more_errors_than_training(use, most, enough):
    data = sequence([4, 9], max_errors=most)
    model = type("Model", (), {"predict": lambda _, data: np.concatenate([b[0] for b in data])})
    given = {"predictions": (model(),), "statistics": ()}[use]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if enough:
            getattr(data, use)(*given)
        else:
            with pytest.raises(TooManyErrors, match=f"max_errors={most}"):
                getattr(data, use)(*given)


def leases():
    """Count the blocks of memory that somebody holds."""
    gc.collect()
    return sum(type(each) is Lease and each.memory is not None for each in gc.get_objects())


@pytest.mark.parametrize("on_error", ["raise", "skip", "mask"])
def test_the_record_keeps_no_batch_alive(on_error):
    @dataclass(frozen=True)
    class Large(Numbers):
        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((8192,), "float32")

    data = sequence(on_error=on_error, loader=Large((7,)), workers=0)
    before = leases()
    try:
        list(data)
    except SampleCorrupt:
        assert on_error == "raise"
    assert len(data.errors) == 1
    assert leases() == before


def test_no_record_is_written_where_nothing_failed(tmp_path):
    with sequence(error_log=tmp_path / "bad.csv") as data:
        list(data)
    assert not (tmp_path / "bad.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "skp"}, "Did you mean 'skip'"),
        ({"on_error": None}, "on_error=None"),
        ({"max_errors": -1}, "max_errors=-1"),
        ({"max_errors": 1.5}, "max_errors=1.5"),
        ({"max_errors": float("nan")}, "max_errors=nan"),
        ({"max_errors": True}, "max_errors=True"),
        ({"max_errors": "3"}, "max_errors='3'"),
        ({"on_error": "raise", "max_errors": 3}, "on_error='skip' or 'mask'"),
        ({"error_log": 3}, "error_log=3"),
        ({"error_log": "no/such/bad.csv"}, "Make the directory"),
        ({"error_log": "."}, "the name of a file in it"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(options, message):
    with pytest.raises(ConfigError) as caught:
        sequence(**options)
    assert message in str(caught.value)


# -- trying again ----------------------------------------------------------------------


@dataclass(frozen=True)
class Moody(Numbers):
    """Raises *error* for sample 7, so many times."""

    error: Any = None
    times: int = 1
    wrap: bool = False
    seen: list[int] = field(default_factory=list)

    @penstock.hookimpl
    def load_samples(self, samples, out):
        if 7 in samples and len(self.seen) < self.times:
            self.seen.append(len(samples))
            if self.wrap:
                raise SampleMissing("It cannot be read.") from self.error
            raise self.error
        super().load_samples(samples, out)


@pytest.mark.parametrize("number", [errno.EIO, errno.EAGAIN, errno.ETIMEDOUT, errno.ESTALE])
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("times", [1, 4])  # the slice alone, or its samples too
def test_what_may_pass_is_tried_again_and_told_once(number, wrap, times):
    loader = Moody(error=OSError(number, os.strerror(number)), times=times, wrap=wrap)
    data = sequence(on_error="raise", loader=loader, workers=0)
    with pytest.warns(UserWarning, match="did not when it was tried again") as told:
        assert sorted(numbers(data)) == list(range(22))
    assert len(told) == 1
    assert len(loader.seen) == times
    loader.seen.clear()
    assert sorted(numbers(data)) == list(range(22))


def test_what_does_not_pass_is_an_error_of_the_sample():
    data = sequence(on_error="raise", loader=Moody(error=OSError(errno.EIO, "no"), times=99))
    with pytest.raises(SampleMissing) as caught:
        list(data)
    assert caught.value.index == 7
    assert "cannot be opened: no" in str(caught.value)


def test_what_cannot_pass_is_not_tried_again():
    loader = Moody(error=OSError(errno.EACCES, "no"), times=99)
    with pytest.raises(SampleMissing):
        list(sequence(on_error="raise", loader=loader, workers=0))
    assert len(loader.seen) == 2  # the slice, and the sample


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(errno.EMFILE, "Too many open files"), OSError(errno.ENFILE, "x")],
)
@pytest.mark.parametrize("on_error", ["raise", "skip", "mask"])
def test_when_resources_run_out_no_sample_is_to_blame(error, on_error):
    data = sequence(on_error=on_error, loader=Moody(error=error, times=99))
    with pytest.raises(OutOfResources, match="No sample is to blame") as caught:
        list(data)
    assert caught.value.__cause__ is error
    assert not len(data.errors)


@pytest.mark.parametrize("on_error", ["skip", "mask"])
def test_a_broken_plugin_is_no_bad_sample(on_error):
    data = sequence(on_error=on_error, loader=Moody(error=PluginError("mine"), times=99))
    with pytest.raises(PluginError, match="mine"):
        list(data)


def test_a_loader_that_fails_on_slices_alone_is_told_of_once():
    @dataclass(frozen=True)
    class OneByOne(Numbers):
        @penstock.hookimpl
        def load_samples(self, samples, out):
            if len(samples) > 1:
                raise ValueError("one at a time")
            super().load_samples(samples, out)

    data = sequence(on_error="raise", loader=OneByOne(), workers=0)
    with pytest.warns(UserWarning, match="failed for 4 samples at once .*one at a time") as told:
        assert sorted(numbers(data)) == list(range(22))
    assert len(told) == 1


def test_failures_in_many_threads_are_all_recorded():
    data = sequence(range(0, 22, 2), "mask", batch_size=1, workers=0)

    def look(part):
        for index in range(part, 22, 4):  # two that look at one batch may share its failure
            for _ in range(3):
                data[index]

    threads = [threading.Thread(target=look, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert data.errors["count"].tolist() == [3] * 11


# -- before training -------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    for number in range(8):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{number}.npy", np.full(2, number, np.float32))
    return tmp_path


def test_a_bad_first_sample_and_missing_files_do_not_prevent_a_tolerant_generator(files):
    (files / "a" / "0.npy").write_bytes(b"")
    names = [f"{'ab'[n % 2]}/{n}.npy" for n in range(9)]
    with pytest.raises(SampleError):
        penstock.make_generator(names, root=files)
    data = penstock.make_generator(
        names, root=files, on_error="mask", shuffle=False, encoder="none"
    )
    x, _, weight = next(iter(data))
    assert weight.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert x[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    list(data)
    assert data.errors["sample"].tolist() == [names[0], names[8]]


def test_a_tolerant_generator_needs_one_good_sample(files):
    with pytest.raises(SampleError):
        penstock.make_generator(["x.npy", "y.npy"], root=files, on_error="skip", encoder="none")


@pytest.mark.parametrize(
    "exclude",
    [
        lambda root: ["a/2.npy", "b/3.npy"],
        lambda root: [root / "a" / "2.npy", str(root / "b" / "3.npy")],
        lambda root: pd.DataFrame({"sample": ["a/2.npy", "b/3.npy"]}),
        lambda root: pd.Series(["a/2.npy", "b/3.npy"]),
        lambda root: written(root.parent / "list.txt", "a/2.npy\n\nb/3.npy\n"),
        lambda root: written(root.parent / "list.csv", "index,sample\n2,a/2.npy\n3,b/3.npy\n"),
    ],
)
def test_samples_are_left_out_however_they_are_named(files, exclude):
    data = penstock.make_generator(files, exclude=exclude(files), shuffle=False)
    assert data.samples["sample"].tolist() == [f"a/{n}.npy" for n in (0, 4, 6)] + [
        f"b/{n}.npy" for n in (1, 5, 7)
    ]
    assert sorted(np.concatenate([x for x, _ in data])[:, 0]) == [0, 1, 4, 5, 6, 7]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_labels_and_weights_in_order_lose_what_is_left_out(files, kind):
    names = [f"{'ab'[n % 2]}/{n}.npy" for n in range(8)]
    data = penstock.make_generator(
        names, root=files, labels=kind([str(n) for n in range(8)]), sample_weight=kind(range(8)),
        exclude=["b/3.npy"], shuffle=False, encoder="int",
    )  # fmt: skip
    ((x, y, weight),) = data
    assert [data.class_names[number] for number in y] == [str(int(value)) for value in x[:, 0]]
    assert weight.tolist() == x[:, 0].tolist()


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        (["c/9.npy"], "the source has none of them; its first sample is 'a/0.npy'"),
        ("nowhere.csv", "cannot be read"),
        (5, "exclude=5 names no samples"),
        (pd.DataFrame({"path": ["a"]}), "no column 'sample'"),
        ([f"{'ab'[n % 2]}/{n}.npy" for n in range(8)], "names every sample"),
    ],
)
def test_an_exclusion_that_cannot_work_is_refused(files, exclude, message):
    with pytest.raises(ConfigError) as caught:
        penstock.make_generator(files, exclude=exclude)
    assert message in str(caught.value)


def test_an_empty_exclusion_leaves_nothing_out(files):
    assert penstock.make_generator(files, exclude=[]).num_samples == 8
