"""Windows over arrays are Keras' own, cut from the arrays themselves, and divided honestly."""

from __future__ import annotations

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import penstock
from penstock.errors import ConfigError, PenstockError
from penstock.testing import LoaderConformance
from penstock.windows import WindowRows

RNG = np.random.default_rng(0)


def windows(source, **options):
    return penstock.make_generator(
        source, loader="windows", **{"shuffle": False, "batch_size": 7, "seed": 0} | options
    )


def delivered(sequence):
    """Return all windows, and all targets if there are any."""
    batches = [sequence[index] for index in range(len(sequence))]
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def of_keras(data, targets, **options):
    from keras.utils import timeseries_dataset_from_array

    found = list(timeseries_dataset_from_array(data, targets, batch_size=None, **options))
    parts = [each if isinstance(each, tuple) else (each,) for each in found]
    return tuple(np.stack([np.asarray(each) for each in part]) for part in zip(*parts, strict=True))


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, derandomize=True)
@given(
    count=st.integers(2, 60),
    features=st.sampled_from([(), (1,), (3,), (2, 2)]),
    fewer=st.integers(0, 10),
    length=st.integers(1, 12),
    stride=st.integers(1, 5),
    rate=st.integers(1, 4),
    start=st.none() | st.integers(0, 20),
    end=st.none() | st.integers(1, 59),
    targeted=st.booleans(),
)
def test_windows_and_targets_are_those_of_keras(
    count, features, fewer, length, stride, rate, start, end, targeted
):
    assume(rate < count and stride < count)
    assume((start or 0) < (end or count) and (end is None or end < count))
    # With a start Keras would look for targets behind their end.
    assume(not start or not fewer)
    assume(fewer < count)
    data = RNG.normal(size=(count, *features)).astype(np.float32)
    targets = np.arange(count - fewer) if targeted else None
    options = {"sequence_length": length, "sequence_stride": stride, "sampling_rate": rate}
    options |= {"start_index": start, "end_index": end}
    left = (end or count) - (start or 0) - (length - 1) * rate
    if left < 1:
        with pytest.raises(ConfigError, match=r"There is no window: one takes \d+ rows"):
            windows((data, targets), **options)
        return
    same(delivered(windows((data, targets), **options)), of_keras(data, targets, **options))


@settings(max_examples=40, derandomize=True)
@given(
    count=st.integers(5, 50),
    length=st.integers(1, 12),
    stride=st.integers(1, 4),
    rate=st.integers(1, 4),
    start=st.integers(0, 10),
    end=st.none() | st.integers(5, 49),
    reverse=st.booleans(),
)
def test_targets_at_the_end_are_those_of_a_timeseries_generator(
    count, length, stride, rate, start, end, reverse
):
    from keras.src.legacy.preprocessing.sequence import TimeseriesGenerator

    assume(end is None or end < count)
    assume(start + length <= (count - 1 if end is None else end))
    # Theirs are as long as the last slice of rows; a length that is none of its steps leaves more.
    data = RNG.normal(size=(count, 2)).astype(np.float32)
    theirs = TimeseriesGenerator(
        data,
        data,
        length,
        sampling_rate=rate,
        stride=stride,
        start_index=start,
        end_index=end,
        reverse=reverse,
        batch_size=8,
    )
    ours = windows(
        (data, data),
        sequence_length=-(-length // rate),
        sampling_rate=rate,
        sequence_stride=stride,
        start_index=start,
        end_index=None if end is None else end + 1,
        target_offset=length,
        reverse=reverse,
    )
    found = [theirs[index] for index in range(len(theirs))]
    same(delivered(ours), tuple(np.concatenate(part) for part in zip(*found, strict=True)))


def test_targets_may_be_windows_ahead():
    data = np.arange(20, dtype=np.float32)
    x, y = delivered(
        windows((data, data), sequence_length=4, target_offset=4, target_length=3, sampling_rate=2)
    )
    assert x[0].tolist() == [0, 2, 4, 6]
    assert y[0].tolist() == [4, 6, 8]
    assert x[-1].tolist() == [11, 13, 15, 17]
    assert y[-1].tolist() == [15, 17, 19]


def test_no_window_crosses_from_one_series_into_the_next():
    series = [np.arange(5) + 100, np.arange(2) + 200, np.arange(4) + 300]
    sequence = windows((series, series), sequence_length=3, target_offset=2)
    x, y = delivered(sequence)
    assert x.tolist() == [
        [100, 101, 102],
        [101, 102, 103],
        [102, 103, 104],
        [300, 301, 302],
        [301, 302, 303],
    ]
    assert y.tolist() == x[:, -1].tolist()
    assert sequence.samples["series"].tolist() == [0, 0, 0, 2, 2]
    assert sequence.samples["start"].tolist() == [0, 1, 2, 0, 1]
    train, val = sequence.split(0.5, groups="series")
    assert set(train.samples["series"]) & set(val.samples["series"]) == set()


def test_several_inputs_and_targets_are_cut_alike():
    data = {"heat": RNG.normal(size=(9, 2)), "rain": np.arange(9)}
    sequence = windows((data, {"next": np.arange(9)}), sequence_length=3, target_offset=3)
    x, y = sequence[0]
    assert {name: each.shape for name, each in x.items()} == {"heat": (6, 3, 2), "rain": (6, 3)}
    assert x["rain"][0].tolist() == [0, 1, 2]
    assert y["next"].tolist() == [3, 4, 5, 6, 7, 8]


def test_labels_of_windows_are_encoded():
    labels = np.array(["calm", "storm"] * 5)
    sequence = windows((np.arange(10.0), labels), sequence_length=2, encoder="categorical")
    assert sequence.class_names == ["calm", "storm"]
    assert sequence[0][1][:2].tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ConfigError, match="one label per window"):
        windows(
            (np.arange(10.0), labels), sequence_length=2, target_length=2, encoder="categorical"
        )


def test_windows_without_targets_are_for_prediction():
    (x,) = delivered(windows(np.arange(5.0), sequence_length=2))
    assert x.dtype == np.float32
    assert x.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    x, y = windows((np.arange(5.0), None), sequence_length=2, encoder="input")[0]
    assert x.tolist() == y.tolist()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "u1", "bool", "<i8"])
def test_any_array_of_numbers_is_cut(order, dtype):
    data = np.asarray(RNG.integers(0, 2, (30, 3)).astype(dtype), order=order)
    x, y = delivered(windows((data, data[:, 0]), sequence_length=4, sampling_rate=3))
    wanted = np.stack([data[start : start + 10 : 3] for start in range(21)])
    assert x.dtype == (np.float32 if data.dtype.kind == "f" else data.dtype.newbyteorder("="))
    np.testing.assert_array_equal(x, wanted)
    np.testing.assert_array_equal(y, data[:21, 0])


def test_a_memory_map_is_read_by_the_rows_that_are_needed_and_travels_as_its_place(tmp_path):
    np.save(tmp_path / "series.npy", np.arange(300_000, dtype=np.float32))
    data = np.load(tmp_path / "series.npy", mmap_mode="r")
    sequence = windows((data, data), sequence_length=100, shuffle=True)
    assert sequence.num_samples == 300_000 - 99
    again = pickle.loads(pickle.dumps(sequence))
    same(again[3], sequence[3])
    component = sequence._batches.inputs[0].component
    assert len(pickle.dumps(component)) < 2_000


def test_each_window_comes_once_in_an_epoch():
    sequence = windows((np.arange(50.0), None), sequence_length=8, shuffle=True)
    (x,) = delivered(sequence)
    assert sorted(x[:, 0].tolist()) == list(range(43))


def test_a_cut_by_time_leaves_out_what_reaches_over_it():
    data = np.arange(100.0)
    sequence = windows((data, data), sequence_length=10, target_offset=12)
    parts = sequence.split(0.6, 0.2, 0.2, time=("start", "stop"))
    for earlier, later in pairwise(parts):
        assert earlier.samples["stop"].max() <= later.samples["start"].min()
        assert max(earlier[len(earlier) - 1][1]) < later[0][0].min()
        earlier.check_disjoint(later)
    assert [each.num_samples for each in parts] == [41, 5, 18]
    for train, val in sequence.folds(4, time=("start", "stop")):
        train.check_disjoint(val)
        # Those between earlier stretches are trained on.
        assert train.num_samples == val.samples["start"].min() - 12


def test_a_cut_by_time_in_one_column_is_as_it_was():
    sequence = windows((np.arange(30.0), None), sequence_length=1)
    train, val = sequence.split(0.5, time="start")
    assert (train.num_samples, val.num_samples) == (15, 15)


def test_windows_with_rows_in_common_are_no_fair_validation():
    sequence = windows((np.arange(100.0), None), sequence_length=5)
    with pytest.warns(UserWarning, match="Windows of one part have rows in common"):
        train, val = sequence.split(0.8, 0.2)
    with pytest.raises(ConfigError, match="samples in common"):
        train.check_disjoint(val)
    with pytest.warns(UserWarning, match="Windows of one part have rows in common"):
        sequence.split(0.8, 0.2, time="start")
    apart = windows((np.arange(100.0), None), sequence_length=5, sequence_stride=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, val = apart.split(0.8, 0.2)
    train.check_disjoint(val)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (0, {"sequence_lenght": 3}, "no option 'sequence_lenght'. Did you mean 'sequence_length'"),
        (0, {}, "refuses its options"),
        (0, {"sequence_length": 0}, "sequence_length=0 .* at least 1"),
        (0, {"sequence_length": 2.5}, "sequence_length=2.5; it must be a whole number"),
        (0, {"sequence_length": 3, "start_index": -1}, "start_index=-1 .* at least 0"),
        (0, {"sequence_length": 3, "start_index": 5, "end_index": 5}, "end_index=5 leaves no rows"),
        (0, {"sequence_length": 3, "end_index": 11}, "end_index=11 .*series 0 has 10 rows"),
        (0, {"sequence_length": 11}, "There is no window: one takes 11 rows.* has 10"),
        (0, {"sequence_length": 3, "target_offset": 10}, "and 11 to the end of its target"),
        (1, {"sequence_length": 3, "target_offset": 1}, "there are no targets"),
        (0, {"sequence_length": 3, "cache": "memory"}, "cache="),
        (0, {"sequence_length": 3, "y_col": "y"}, "y_col="),
        ("series.csv", {"sequence_length": 3}, "cut from arrays, and 'series.csv' is none"),
        ((np.arange(9), np.arange(9), np.ones(9)), {"sequence_length": 3}, "3 things were given"),
        (
            ({"a": np.arange(9), "b": np.arange(8)}, None),
            {"sequence_length": 3},
            "inputs of windows differ in length: {'a': 9, 'b': 8}",
        ),
        (
            ([np.arange(9), np.arange(9)], np.arange(9)),
            {"sequence_length": 3},
            "different numbers of series",
        ),
        (
            ([np.arange(9), np.ones((9, 2))], None),
            {"sequence_length": 3},
            "The series of 'x' differ: a row of the first is int64",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(source, options, message):
    data = np.arange(10)
    given = {0: (data, data), 1: data}.get(source, source) if isinstance(source, int) else source
    with pytest.raises(PenstockError, match=message):
        windows(given, **options)


def test_windows_are_no_loader_of_a_table(data):
    with pytest.raises(ConfigError, match="cut from the arrays that are the source"):
        penstock.make_generator(data, inputs={"x": penstock.Windows(sequence_length=3)})


def test_an_instance_does_as_well_as_a_name():
    x, _ = penstock.make_generator(
        (np.arange(9), np.arange(9)), loader=penstock.Windows(sequence_length=3), shuffle=False
    )[0]
    assert x[0].tolist() == [0, 1, 2]


class TestRowsOfWindows(LoaderConformance):
    """What a field of windows loads keeps the contract."""

    entry_point = None
    values = RNG.normal(size=(11, 2)).astype(np.float32)

    def make(self, directory):
        rows = WindowRows((penstock.Arrays(self.values),), (0,), span=5, steps=3, sampling_rate=2)
        return rows, list(range(7))

    def expected(self, directory):
        return [self.values[start : start + 5 : 2] for start in range(7)]
