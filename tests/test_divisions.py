"""Parts share no group and no time, are near the sizes asked for, and can be kept in files."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, strategies as st

import penstock
from penstock.errors import ConfigError
from penstock.grouping import group_positions, time_positions

SEEDS = st.integers(0, 2**64 - 1)
GROUPS = st.lists(st.integers(0, 30), min_size=4, max_size=120).map(
    lambda groups: pd.factorize(np.array(groups))[0]
)
SHARES = st.lists(st.integers(1, 5), min_size=2, max_size=4).map(
    lambda shares: [share / sum(shares) for share in shares]
)


def parted(groups, fractions, seed, classes=None):
    assume(len(set(groups)) >= len(fractions))
    return group_positions(groups, fractions, seed, classes)


@given(GROUPS, SHARES, SEEDS, st.booleans())
def test_no_group_is_in_two_parts_and_no_sample_is_left_out(groups, fractions, seed, stratify):
    parts = parted(groups, fractions, seed, groups % 3 if stratify else None)
    assert all(map(len, parts))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    seen = [set(groups[part]) for part in parts]
    assert sum(map(len, seen)) == len(set(groups))
    assert all((np.diff(part) > 0).all() for part in parts)


@given(GROUPS, SHARES, SEEDS)
def test_a_part_exceeds_its_share_by_less_than_the_largest_group(groups, fractions, seed):
    parts = parted(groups, fractions, seed)
    for fraction, part in zip(fractions, parts, strict=True):
        assert len(part) - fraction * len(groups) < np.bincount(groups).max() + 1e-6


@given(SEEDS)
def test_groups_of_one_class_each_divide_each_class_in_proportion(seed):
    classes = np.array([0] * 30 + [1] * 90)
    parts = group_positions(np.arange(120), [0.5, 0.3, 0.2], seed, classes)
    for part, fraction in zip(parts, (0.5, 0.3, 0.2), strict=True):
        np.testing.assert_allclose(np.bincount(classes[part]), fraction * np.array([30, 90]))


def test_another_seed_divides_groups_otherwise():
    groups = np.repeat(np.arange(40), 2)
    first, again, other = (group_positions(groups, [0.5, 0.5], s, None)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fractions_below_one_leave_whole_groups_out():
    groups = np.repeat(np.arange(20), 5)
    parts = group_positions(groups, [0.5, 0.2], 0, None)
    assert list(map(len, parts)) == [50, 20]


@given(st.lists(st.integers(0, 40), min_size=2, max_size=100), SHARES)
def test_parts_by_time_follow_one_another_and_share_no_time(times, fractions):
    times = np.array(times)
    parts = []
    with suppress(ConfigError):
        parts = time_positions(times, fractions)
    if not parts:
        assert min(fractions) * len(times) < max(np.bincount(times))
        return
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(times)))
    for earlier, later in pairwise(parts):
        assert times[earlier].max() < times[later].min()


@given(st.integers(4, 200), SHARES)
def test_parts_by_distinct_times_are_of_the_sizes_asked_for(count, fractions):
    if count * min(fractions) < 1:
        return
    parts = time_positions(np.random.default_rng(count).permutation(count), fractions)
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - fraction * count) <= 1


# In a sequence

TABLE = pd.DataFrame(
    {
        "value": np.arange(12.0),
        "label": ["a", "b"] * 6,
        "patient": list("ppqqrrssttuu"),
        "day": pd.date_range("2024-01-01", periods=12)[::-1],
        "text": [f"2024-05-{day:02}" for day in range(1, 13)],
        "part": ["train"] * 6 + ["val"] * 4 + ["other"] * 2,
        "hole": [None, *range(11)],
        "word": ["never"] * 12,
        "one": [1] * 12,
    }
)


def sequence(table=TABLE, **options):
    given = {"x_col": ["value"], "y_col": "label", "seed": 3, "batch_size": 4}
    return penstock.make_generator(table, **{**given, **options})


def values(part):
    return part.samples["value"].astype(int).tolist()


def test_a_group_column_keeps_groups_together_and_an_array_does_the_same():
    train, val = sequence().split(0.5, 0.5, groups="patient")
    assert not set(train.samples["patient"]) & set(val.samples["patient"])
    assert train.num_samples == val.num_samples == 6
    again, _ = sequence().split(0.5, 0.5, groups=TABLE["patient"].to_numpy())
    assert values(again) == values(train)
    inner, rest = train.split(0.5, 0.5, groups="patient")  # of a part
    assert not set(inner.samples["patient"]) & set(rest.samples["patient"])
    assert not set(values(inner) + values(rest)) & set(values(val))


@pytest.mark.parametrize("column", ["day", "text", "value"])
def test_a_time_column_gives_the_earliest_to_the_first_part(column):
    train, val = sequence().split(0.75, time=column)
    assert train.samples[column].max() < val.samples[column].min()
    assert (train.num_samples, val.num_samples) == (9, 3)


def test_times_with_zones_are_compared_as_instants():
    table = TABLE.assign(when=["2024-01-01T10:00+05:00", "2024-01-01T06:00Z"] * 6)
    early, _late = sequence(table).split(0.5, 0.5, time="when")
    assert set(early.samples["when"]) == {"2024-01-01T10:00+05:00"}


def test_a_column_names_the_parts():
    val, train = sequence().split("val", "train", by="part")
    assert (values(train), values(val)) == ([0, 1, 2, 3, 4, 5], [6, 7, 8, 9])
    low, high = sequence().split(False, True, by=TABLE["value"] > 8)
    assert (low.num_samples, high.num_samples) == (9, 3)


@pytest.mark.parametrize("groups", [None, "patient"])
def test_folds_validate_on_each_sample_once(groups):
    folds = sequence().folds(3, groups=groups)
    assert sorted(value for _, val in folds for value in values(val)) == list(range(12))
    for train, val in folds:
        assert sorted(values(train) + values(val)) == list(range(12))
        train.check_disjoint(val, by=groups)
        assert sorted(np.bincount(val.labels)) == [2, 2]


def test_folds_by_time_train_on_what_was_before():
    folds = sequence().folds(3, time="day")
    assert [(train.num_samples, val.num_samples) for train, val in folds] == [
        (3, 3),
        (6, 3),
        (9, 3),
    ]
    for train, val in folds:
        assert train.samples["day"].max() < val.samples["day"].min()


def test_parts_but_the_first_are_in_order_and_unaugmented_unless_told():
    data = sequence(augment=lambda x: x + 100, batch_size=12)
    train, val = data.split("train", "val", by="part")
    assert train[0][0].min() >= 100
    assert val[0][0].ravel().tolist() == [6, 7, 8, 9]
    _, val = data.split("train", "val", by="part", augment=True)
    assert val[0][0].min() >= 100


@pytest.mark.parametrize("asked", [{"drop_remainder": True}, {"remainder": "drop"}])
def test_whatever_divides_them_only_the_first_part_loses_a_short_last_batch(asked, tmp_path):
    data = sequence(batch_size=5, **asked)
    train, val = data.split(0.5)
    penstock.save_split(tmp_path / "split.csv", train=train, val=val)
    divided = [
        data.split(0.5),
        data.split(0.5, groups="patient"),
        data.split(0.5, time="day"),
        data.split("train", "val", by="part"),
        *data.folds(2),
        data.load_split(tmp_path / "split.csv"),
        sequence(batch_size=5, validation_split=0.5, subset="both", **asked),
    ]
    for train, val in divided:
        assert [len(y) for _, y in train] == [5] * (train.num_samples // 5)
        assert sum(len(y) for _, y in val) == val.num_samples
        assert val.num_samples % 5
    _, val = data.split(0.5)
    assert [len(y) for _, y in val.take(4)] == [4]  # as what it is taken of


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ((0.5, 0.5), {"groups": "pateint"}, "Did you mean 'patient'?"),
        ((0.5, 0.5), {"groups": [1, 2]}, "of shape (2,) for 12 samples"),
        (
            (0.5, 0.5),
            {"groups": "hole"},
            "no value for 1 of 12 samples; the first is at position 0",
        ),
        ((0.5, 0.5), {"groups": "one"}, "2 parts need as many groups, and there are 1"),
        ((0.5, 0.5), {"time": "one"}, "leaves no time of 1"),
        ((0.5, 0.5), {"time": "word"}, "there is 'never'"),
        ((0.5, 0.5), {"time": "day", "groups": "patient"}, "beside time="),
        ((0.5, 0.5), {"time": "day", "seed": 1}, "beside time="),
        ((0.5, 0.5), {"by": "part"}, "needs the name of each part, once"),
        (("train", "vla"), {"by": "part"}, "Did you mean 'val'?"),
        ((), {"by": "part"}, "split('train', 'val', by='part')"),
        (("train", "train"), {"by": "part"}, "the name of each part, once"),
        (("train",), {"by": "part", "seed": 1}, "beside by="),
        ((), {"groups": "patient"}, "needs at least one fraction"),
    ],
)
def test_a_division_that_cannot_be_is_refused(parts, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        sequence().split(*parts, **options)


@pytest.mark.parametrize("option", ["groups", "by"])
def test_values_that_cannot_be_compared_are_refused(option):
    data = penstock.make_generator((np.zeros((4, 2)), np.arange(4)), batch_size=2)
    values = np.empty(4, object)
    values[:] = [[1], [2], [1], [2]]
    with pytest.raises(ConfigError, match="can be compared"):
        data.split(0.5, 0.5, **{option: values})
    with pytest.raises(ConfigError, match="the name of each part"):
        data.split(["a"], by=["a", "b", "a", "b"])


@pytest.mark.parametrize(
    ("k", "options", "message"),
    [
        (1, {}, "k=1 was given"),
        (13, {}, "needs at least 13 samples; there are 12"),
        (7, {"groups": "patient"}, "7 parts need as many groups, and there are 6"),
        (12, {"time": "day"}, "needs at least 13 samples"),
    ],
)
def test_folds_that_cannot_be_are_refused(k, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        sequence().folds(k, **options)


# Samples in common


def test_parts_with_samples_or_values_in_common_are_told(npy_files):
    data = sequence()
    train, val = data.split("train", "val", by="part")
    train.check_disjoint(val)
    train.check_disjoint(val, by="patient")
    with pytest.raises(ConfigError, match="1 samples in common: 3"):
        data.take(4).check_disjoint(data.subset([3, 7]))
    with pytest.raises(
        ConfigError, match=r"1 values of 'patient' in common: 'p'.*groups='patient'"
    ):
        data.subset([0]).check_disjoint(data.subset([1]), by="patient")
    files = penstock.make_generator(npy_files, seed=0)
    listed = penstock.make_generator([str(npy_files / "a" / "0.npy")], encoder="none")
    with pytest.raises(ConfigError, match="in common"):
        files.check_disjoint(listed)
    with pytest.raises(ConfigError, match="different sources"):
        files.check_disjoint(data)


def test_a_file_in_several_rows_is_told_when_it_goes_to_different_parts(npy_files):
    table = pd.DataFrame({"sample": ["a/0.npy", "b/2.npy"] * 4, "label": ["a", "b"] * 4})
    data = penstock.make_generator(table, root=npy_files, loader="npy", seed=1)
    with pytest.warns(UserWarning, match=r"2 files stand in several rows.*groups="):
        data.split(0.5, 0.5)
    train, val = data.split(0.5, 0.5, groups="sample", stratify=False)
    train.check_disjoint(val)


# Files


def test_a_split_is_the_same_after_it_was_saved_and_loaded(tmp_path, npy_files):
    data = penstock.make_generator(npy_files, seed=4)
    parts = dict(zip(("train", "val"), data.split(0.5, 0.5), strict=True))
    penstock.save_split(tmp_path / "split.csv", **parts)
    text = (tmp_path / "split.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "part,sample"
    assert [each.name for each in tmp_path.glob("split*")] == ["split.csv"]
    names = list(data.samples["sample"])[::-1]
    labels = {name: name[0] for name in names}
    turned = penstock.make_generator(names, root=npy_files, labels=labels, seed=9)
    for part, again in zip(parts.values(), turned.load_split(tmp_path / "split.csv"), strict=True):
        assert set(again.samples["sample"]) == set(part.samples["sample"])


def test_samples_without_names_are_saved_by_their_rows(tmp_path):
    train, val = sequence().split("val", "train", by="part")
    penstock.save_split(tmp_path / "split.csv", train=train, val=val)
    assert (tmp_path / "split.csv").read_text(encoding="utf-8").splitlines()[:2] == [
        "part,index",
        "train,6",
    ]
    for part, again in zip(
        (train, val), sequence().load_split(tmp_path / "split.csv"), strict=True
    ):
        assert values(again) == values(part)


def test_strange_names_survive_a_saved_split(tmp_path, strange_names):
    for name in strange_names:
        np.save(tmp_path / "x.npy", np.zeros(1))
        (tmp_path / "x.npy").rename(tmp_path / name)
    data = penstock.make_generator(strange_names, root=tmp_path, encoder="none", loader="npy")
    train, val = data.split(0.5)
    penstock.save_split(tmp_path / "split", train=train, val=val)
    for part, again in zip((train, val), data.load_split(tmp_path / "split"), strict=True):
        assert list(part.samples["sample"]) == list(again.samples["sample"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("part,index\n", "has ['part', 'index'] where"),
        ("part,row\ntrain,1\n", "has ['part', 'row'] where"),
        ("part,index\ntrain,1,2\n", "has ['train', '1', '2'] where"),
        ("part,index\ntrain,1\nval,1\n", "names '1' twice"),
        ("part,index\ntrain,1\nval,12\n", "names 1 samples that are not here: '12'"),
        ("part,sample\ntrain,1\n", "those here have no names"),
        ('part,index\ntrain,"1\n', "cannot be read"),
    ],
)
def test_a_file_that_is_no_split_of_these_samples_is_refused(tmp_path, text, message):
    (tmp_path / "split.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(message)):
        sequence().load_split(tmp_path / "split.csv")


def test_what_is_no_split_is_not_saved(tmp_path):
    data = sequence()
    path = tmp_path / "split.csv"
    with pytest.raises(ConfigError, match="given no part"):
        penstock.save_split(path)
    with pytest.raises(ConfigError, match="which is no sequence"):
        penstock.save_split(path, train=[1])
    with pytest.raises(ConfigError, match="is of another source than 'train'"):
        penstock.save_split(path, train=data, val=sequence())
    with pytest.raises(ConfigError, match="in common"):
        penstock.save_split(path, train=data, val=data.take(2))
    with pytest.raises(ConfigError, match="cannot be read"):
        data.load_split(path)
