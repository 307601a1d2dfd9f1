"""What people type becomes the sequence that they expect."""

from __future__ import annotations

import multiprocessing
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 0, 1, 1, 2, 2])


@dataclass(frozen=True)
class Shift:
    """Adds *amount*."""

    amount: float = 100.0

    @penstock.hookimpl
    def augment_samples(self, batch):
        for array in batch.inputs.values():
            np.add(array, self.amount, out=array)


def ordered(*args, **options):
    return penstock.make_generator(
        *args, **{"shuffle": False, "batch_size": 4, "seed": 0} | options
    )


def everything(sequence):
    """Return all batches of an epoch as one."""
    parts = [list(part) for part in zip(*sequence, strict=True)]
    return tuple(_joined(part) for part in parts)


def _joined(part):
    if isinstance(part[0], dict):
        return {name: _joined([each[name] for each in part]) for name in part[0]}
    return np.concatenate([np.asarray(each) for each in part])


def generate(table, **options):
    return ordered(
        table, **{"x_col": "path", "y_col": "species", "loader": "npy", "root": "data"} | options
    )


def test_a_directory_of_class_folders(data):
    made = ordered("data")
    x, y = everything(made)
    assert x.tolist() == [[n, n] for n in range(6)]
    np.testing.assert_array_equal(y, np.eye(3)[Y])
    assert (x.dtype, y.dtype) == (np.float32, np.float32)
    assert made.class_names == ["a", "b", "c"]
    assert made.class_indices == {"a": 0, "b": 1, "c": 2}
    assert made.labels.tolist() == Y.tolist()
    assert made.samples["sample"].tolist() == data["path"].tolist()
    assert (made.num_samples, made.batch_size, made.seed, len(made)) == (6, 4, 0, 2)


@pytest.mark.parametrize("source", ["data", Path("data"), "data/"])
def test_a_directory_may_be_written_in_several_ways(data, source):
    assert ordered(source).num_samples == 6


@pytest.mark.parametrize(
    "source",
    [
        ["data/a/0.npy", "data/b/2.npy"],
        [Path("data/a/0.npy"), Path("data/b/2.npy")],
        ("data/a/0.npy", "data/b/2.npy"),
        np.array(["data/a/0.npy", "data/b/2.npy"]),
        pd.Series(["data/a/0.npy", "data/b/2.npy"]),
    ],
    ids=lambda source: type(source).__name__ + type(next(iter(source))).__name__,
)
def test_a_list_of_files(data, source):
    assert everything(ordered(source))[0].tolist() == [[0, 0], [2, 2]]


def test_an_iterator_over_files(data):
    assert ordered(Path("data").glob("a/*.npy")).num_samples == 2


def test_ids_with_a_dict_of_labels_as_in_the_tutorials(data):
    labels = {f"{'abc'[n // 2]}/{n}": int(Y[n]) for n in range(6)}
    partition = {"train": ["a/0", "b/2", "c/4"], "validation": ["a/1", "b/3"]}
    train, validation = (
        ordered(partition[part], labels=labels, loader="npy", root="data") for part in partition
    )
    x, y = everything(train)
    assert x[:, 0].tolist() == [0, 2, 4]
    np.testing.assert_array_equal(y, np.eye(3))
    np.testing.assert_array_equal(everything(validation)[1], np.eye(3)[:2])
    assert train.class_names == validation.class_names == [0, 1, 2]


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, tuple])
def test_labels_one_per_sample(data, kind):
    made = ordered("data", labels=kind(["z", "z", "y", "y", "y", "z"]), encoder="int")
    assert everything(made)[1].tolist() == [1, 1, 0, 0, 0, 1]


def test_labels_as_a_series_by_sample(data):
    labels = pd.Series([5, 6, 7], index=["a/1", "a/0", "x"])
    made = ordered(["a/0", "a/1"], labels=labels, loader="npy", root="data", encoder="int")
    assert everything(made)[1].tolist() == [1, 0]
    assert made.class_names == [5, 6, 7]


@pytest.mark.parametrize("by_index", [True, False])
def test_the_order_of_a_categorical_series_of_labels_is_kept(data, by_index):
    species = pd.Series(pd.Categorical(data["species"], categories=["eel", "ray", "dog", "cat"]))
    labels = species.set_axis(data["path"]) if by_index else species
    made = generate(data, y_col=None, labels=labels)
    assert made.class_names == ["eel", "ray", "dog", "cat"]
    assert made.labels.tolist() == [3, 3, 2, 2, 0, 0]


def test_rows_of_numbers_are_labels_to_predict(data):
    points = np.arange(12.0).reshape(6, 2)
    made = generate(data, y_col=None, labels=points, encoder="float")
    np.testing.assert_array_equal(everything(made)[1], points)
    by_sample = dict(zip(data["path"], points, strict=True))
    made = generate(data, y_col=None, labels=by_sample, encoder="float")
    np.testing.assert_array_equal(everything(made)[1], points)


def test_labels_and_ids_that_are_no_utf8(data):
    name = "caf\udce9"
    np.save(f"data/{name}.npy", np.ones(2, np.float32))
    made = ordered([name], labels={name: f"label {name}", "b": "b"}, loader="npy", root="data")
    assert everything(made)[0].tolist() == [[1, 1]]
    assert made.class_names == ["b", f"label {name}"]
    assert made.samples["sample"].tolist() == [name]


def test_a_table_of_files(data):
    before = data.copy()
    made = generate(data)
    x, y = everything(made)
    assert x[:, 0].tolist() == list(range(6))
    np.testing.assert_array_equal(y, np.eye(3)[Y])
    assert made.class_names == ["cat", "dog", "eel"]
    assert made.samples["note"].tolist() == list("abcdef")
    pd.testing.assert_frame_equal(data, before)


def test_the_index_of_a_table_has_no_say(data):
    made = generate(data.iloc[::-1].set_index("note"))
    assert everything(made)[0][:, 0].tolist() == [5, 4, 3, 2, 1, 0]


def test_a_table_of_files_detected(data):
    assert everything(generate(data, loader=None))[0][:, 0].tolist() == list(range(6))


def test_a_csv_that_lists_files_with_another_loader(data):
    made = ordered("data.csv", x_col="path", y_col="species", loader="npy", root="data")
    assert everything(made)[0][:, 0].tolist() == list(range(6))
    assert made.class_names == ["cat", "dog", "eel"]


def test_columns_of_values(data):
    x, y = everything(ordered(data, x_col=["age", "legs"], y_col="species", encoder="int"))
    assert x.tolist() == data[["age", "legs"]].to_numpy().tolist()
    assert y.tolist() == Y.tolist()
    assert everything(ordered(data, x_col="legs"))[0].tolist() == data["legs"].tolist()


def test_a_column_called_label_is_not_taken_for_a_target_by_chance(data):
    table = data.rename(columns={"species": "label"})
    assert len(ordered(table, x_col=["age"])[0]) == 1


@pytest.mark.parametrize(
    ("encoder", "options", "expected"),
    [
        ("int", {}, Y.tolist()),
        ("int", {"class_names": ["eel", "dog", "cat"]}, [2, 2, 1, 1, 0, 0]),
        (penstock.Int(class_names=["eel", "dog", "cat"]), {}, [2, 2, 1, 1, 0, 0]),
        (penstock.Float(column="age"), {}, [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]),
        ("float", {"y_col": "age"}, [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]),
        (
            "float",
            {"y_col": ["age", "legs"]},
            [[1.5, 4], [2.5, 4], [3.5, 4], [4.5, 4], [5.5, 0], [6.5, 0]],
        ),
        ("binary", {"y_col": "legs"}, [[1], [1], [1], [1], [0], [0]]),
        ("categorical", {"y_col": "legs"}, [[0, 1]] * 4 + [[1, 0]] * 2),
        ("penstock:int", {}, Y.tolist()),
    ],
)
def test_labels_are_encoded_as_asked(data, encoder, options, expected):
    assert everything(generate(data, encoder=encoder, **options))[1].tolist() == expected


def test_no_targets_and_inputs_as_targets(data):
    assert len(generate(data, encoder="none", y_col=None)[0]) == 1
    x, y = generate(data, encoder="input", y_col=None)[0]
    np.testing.assert_array_equal(x, y)
    x, y = ordered((X, Y), encoder="input")[0]
    np.testing.assert_array_equal(y, X[:4])
    assert len(ordered((X, Y), encoder="none")[0]) == 1


# -- arrays ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [X, (X,), X.tolist(), (X, None)], ids=["x", "(x,)", "list", "(x, None)"]
)
def test_inputs_alone(source):
    (x,) = everything(ordered(source))
    np.testing.assert_array_equal(x, X)


def test_inputs_targets_and_weights_as_fit_takes_them():
    x, y, weight = everything(ordered((X, Y, np.arange(6))))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert (y.dtype, weight.dtype) == (Y.dtype, np.float32)
    assert weight.tolist() == list(range(6))


@pytest.mark.parametrize("source", [(X, Y), (X, Y, None)])
def test_weights_may_stand_beside_arrays(source):
    weight = everything(ordered(source, sample_weight=range(6)))[2]
    assert weight.tolist() == list(range(6))


def test_weights_cannot_be_given_twice():
    with pytest.raises(ConfigError, match="sample_weight"):
        ordered((X, Y, np.ones(6)), sample_weight=np.ones(6))


def test_named_inputs_and_targets():
    x, y = everything(ordered(({"a": X, "b": X[:, :1]}, {"a": Y, "c": -Y})))
    assert x.keys() == {"a", "b"}
    assert y.keys() == {"a", "c"}
    np.testing.assert_array_equal(x["b"], X[:, :1])
    np.testing.assert_array_equal(y["a"], Y)
    np.testing.assert_array_equal(y["c"], -Y)
    (x,) = everything(ordered({"a": X}))
    assert x.keys() == {"a"}


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.tolist()])
def test_an_encoder_for_arrays_of_labels(y):
    made = ordered((X, y), encoder="categorical")
    np.testing.assert_array_equal(everything(made)[1], np.eye(3)[Y])
    assert made.class_names == [0, 1, 2]


def test_text_labels_in_arrays():
    made = ordered((X, np.array(list("aabbcc"))), encoder="int")
    assert everything(made)[1].tolist() == Y.tolist()
    assert made.class_names == ["a", "b", "c"]


# -- several inputs and targets --------------------------------------------------------


def test_several_inputs_and_targets(data):
    from penstock_npy import NpyFiles

    made = ordered(
        data,
        root="data",
        inputs={
            "array": NpyFiles(column="path"),
            "vitals": penstock.Columns(["age", "legs"]),
            "note": penstock.Columns("note", dtype="string"),
        },
        targets={
            "species": penstock.Int(),
            "legs": penstock.Float(column="legs"),
            "mask": NpyFiles(column="path", dtype="int32"),
        },
    )
    x, y = everything(made)
    assert x["array"][:, 0].tolist() == list(range(6))
    assert x["vitals"].tolist() == data[["age", "legs"]].to_numpy().tolist()
    assert [
        bytes(note).decode() if isinstance(note, bytes) else note for note in x["note"]
    ] == list("abcdef")
    assert y["species"].tolist() == Y.tolist()
    assert y["legs"].tolist() == [4, 4, 4, 4, 0, 0]
    assert y["mask"].dtype == np.int32
    assert made.class_names == ["cat", "dog", "eel"]


def test_inputs_and_targets_by_name(data):
    made = ordered(
        data, inputs={"v": penstock.Columns(["age"])}, targets={"species": "int", "legs": "float"}
    )
    y = everything(made)[1]
    assert y["species"].tolist() == Y.tolist()
    assert y["legs"].tolist() == [4, 4, 4, 4, 0, 0]


def test_an_input_and_a_target_that_read_one_column_alike(data):
    from penstock_npy import NpyFiles

    made = ordered(
        data,
        root="data",
        inputs={"array": NpyFiles(column="path", dtype="float16")},
        targets={"array": NpyFiles(column="path", dtype="float16")},
        augment=Shift(),
    )
    x, y = everything(made)
    assert x["array"][:, 0].tolist() == [100, 101, 102, 103, 104, 105]
    assert y["array"][:, 0].tolist() == list(range(6))


# -- weights ---------------------------------------------------------------------------


def test_weights_of_samples(data):
    assert everything(generate(data, sample_weight="weight"))[2].tolist() == [1, 2, 3, 4, 5, 6]
    assert everything(generate(data, sample_weight=[0] * 6))[2].tolist() == [0] * 6


@pytest.mark.parametrize("encoder", ["int", "categorical"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cat": 2, "eel": 0.5}, [2, 2, 1, 1, 0.5, 0.5]),
        ({0: 2, 2: 0.5}, [2, 2, 1, 1, 0.5, 0.5]),
        ({}, [1] * 6),
        ("balanced", [1] * 6),
    ],
)
def test_weights_of_classes_by_name_number_or_balance(data, encoder, given, expected):
    assert everything(generate(data, encoder=encoder, class_weight=given))[2].tolist() == expected


def test_balanced_weights_are_those_of_scikit_learn(data):
    from sklearn.utils.class_weight import compute_sample_weight

    table = data.assign(species=["cat", "cat", "cat", "dog", "dog", "eel"])
    weights = everything(generate(table, class_weight="balanced"))[2]
    np.testing.assert_allclose(
        weights, compute_sample_weight("balanced", table["species"]), rtol=1e-6
    )


def test_class_numbers_that_are_classes_mean_the_classes(data):
    made = generate(data, y_col="legs", encoder="int", class_weight={0: 5, 4: 7})
    assert everything(made)[2].tolist() == [7, 7, 7, 7, 5, 5]


def test_weights_of_classes_and_samples_multiply(data):
    made = generate(data, class_weight={"eel": 10}, sample_weight="weight")
    assert everything(made)[2].tolist() == [1, 2, 3, 4, 50, 60]


def test_weights_of_classes_count_in_training_and_not_in_validation(data):
    train, validation = generate(data, class_weight={"cat": 2}).split(0.5, 0.5)
    assert sorted(everything(train)[2]) == [1, 1, 2]
    assert len(validation[0]) == 2
    weighted = generate(data, class_weight={"cat": 2}, sample_weight="weight")
    assert (
        everything(weighted.split(0.5, 0.5)[1])[2].tolist()
        == weighted.split(0.5, 0.5)[1].samples["weight"].tolist()
    )


# -- views -----------------------------------------------------------------------------


def test_validation_split_is_a_split(data):
    options = {"seed": 5, "shuffle": True, "augment": Shift()}
    whole = generate(data, **options).split(0.5, 0.5)
    both = generate(data, validation_split=0.5, subset="both", **options)
    train = generate(data, validation_split=0.5, subset="training", **options)
    validation = generate(data, validation_split=0.5, subset="validation", **options)
    for left, middle, right in zip(whole, both, (train, validation), strict=True):
        for expected, *others in zip(
            everything(left), everything(middle), everything(right), strict=True
        ):
            for other in others:
                np.testing.assert_array_equal(other, expected)


def test_a_split_divides_the_samples_evenly_by_class_and_shuffles_and_augments_training_alone(data):
    train, validation = generate(data, shuffle=True, augment=Shift()).split(0.5, 0.5, seed=1)
    assert sorted([*train.samples["note"], *validation.samples["note"]]) == list("abcdef")
    assert train.labels.tolist() == validation.labels.tolist() == [0, 1, 2]
    assert (everything(train)[0] >= 100).all()
    x = everything(validation)[0]
    assert x[:, 0].tolist() == [int(path[2]) for path in validation.samples["path"]]
    assert train.class_names == validation.class_names == ["cat", "dog", "eel"]


def test_a_split_can_shuffle_and_augment_all_its_parts(data):
    made = generate(data, shuffle=True, augment=Shift())
    _, validation = made.split(0.5, 0.5, shuffle=True, augment=True)
    assert (everything(validation)[0] >= 100).all()
    orders = {everything(validation)[0].tobytes() for _ in range(8)}
    assert len(orders) > 1


def test_a_split_does_not_depend_on_how_often_it_is_made_and_follows_its_seed():
    made = ordered((np.arange(100.0), np.arange(100) % 2), seed=3)
    once, again = (everything(made.split(0.8, 0.2)[1])[0] for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(everything(made.split(0.8, 0.2, seed=3)[1])[0], once)
    assert everything(made.split(0.8, 0.2, seed=4)[1])[0].tolist() != once.tolist()


def test_a_split_can_be_refused_stratification_or_ask_for_it():
    made = ordered((np.arange(100.0), np.arange(100) % 2))
    counts = [sum(everything(made.split(0.5, 0.5, seed=s, stratify=False)[1])[1]) for s in range(9)]
    assert len(set(counts)) > 1
    assert sum(everything(made.split(0.5, 0.5)[1])[1]) == 25
    with pytest.raises(ConfigError, match="stratify=True"):
        ordered((X, X)).split(0.5, 0.5, stratify=True)


def test_a_split_of_a_split_stays_inside_it():
    made = ordered(np.arange(40.0))
    rest, test = made.split(0.75, 0.25)
    train, validation = rest.split(0.5, 0.5)
    parts = [everything(part)[0] for part in (train, validation, test)]
    assert sorted(np.concatenate(parts)) == list(range(40))


def test_one_fraction_splits_off_the_rest_as_well():
    train, val = ordered(np.arange(10.0)).split(0.8)
    assert (train.num_samples, val.num_samples) == (8, 2)


def test_what_is_split_off_keeps_its_short_last_batch_where_training_drops_it():
    train, val, test = ordered(np.arange(100.0), batch_size=32, drop_remainder=True).split(
        0.7, 0.2, 0.1
    )
    assert [len(x) for (x,) in train] == [32, 32]
    assert [len(x) for (x,) in val] == [20]
    assert [len(x) for (x,) in test] == [10]


def test_taking_and_choosing_samples(data):
    made = generate(data)
    assert everything(made.take(3))[0][:, 0].tolist() == [0, 1, 2]
    assert everything(made.take(99))[0][:, 0].tolist() == list(range(6))
    assert made.take(np.int64(2)).num_samples == 2
    assert everything(made.subset([4, 0]))[0][:, 0].tolist() == [4, 0]
    assert everything(made.subset(made.samples["legs"] == 0))[0][:, 0].tolist() == [4, 5]
    assert made.subset([4, 0]).samples["note"].tolist() == ["e", "a"]
    assert made.subset([4, 0]).labels.tolist() == [2, 0]
    assert made.subset([4, 0]).class_names == ["cat", "dog", "eel"]


def test_a_part_without_a_full_batch_is_refused_where_the_remainder_is_dropped():
    made = ordered(X, drop_remainder=True)
    with pytest.raises(ConfigError, match="A part of 3 samples has no full batch of 4"):
        made.split(0.5, 0.5)


# -- as a whole ------------------------------------------------------------------------


def test_every_sample_is_delivered_once_per_epoch_in_another_order_each_time():
    made = penstock.make_generator(np.arange(50.0), batch_size=8, seed=1)
    epochs = [everything(made)[0].tolist() for _ in range(4)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    again = penstock.make_generator(np.arange(50.0), batch_size=8, seed=1, workers=0)
    assert [everything(again)[0].tolist() for _ in range(4)] == epochs


def test_a_seed_is_drawn_where_none_is_given_and_kept():
    made = penstock.make_generator(np.arange(50.0))
    assert made.seed != penstock.make_generator(np.arange(50.0)).seed
    again = penstock.make_generator(np.arange(50.0), seed=made.seed)
    np.testing.assert_array_equal(made[1][0], again[1][0])


def test_batches_are_asked_for_by_place_from_both_ends():
    made = ordered(np.arange(10.0))
    assert made[0][0].tolist() == [0, 1, 2, 3]
    assert made[-1][0].tolist() == [8, 9]
    assert made[np.int64(1)][0].tolist() == [4, 5, 6, 7]


def test_the_remainder_can_be_dropped():
    made = ordered(np.arange(10.0), drop_remainder=True)
    assert [len(x) for (x,) in made] == [4, 4]


def test_multiprocessing_is_accepted_with_a_word():
    with pytest.warns(UserWarning, match="use_multiprocessing=True has no effect"):
        made = penstock.make_generator(X, use_multiprocessing=True)
    assert (made.workers, made.use_multiprocessing) == (1, False)


def test_a_sequence_comes_out_of_a_pickle_with_its_batches_and_its_epoch(data):
    made = generate(data, shuffle=True, augment=Shift(), class_weight="balanced")
    everything(made)
    again = pickle.loads(pickle.dumps(made))
    assert again.epoch == made.epoch == 1
    for _ in range(2):
        for left, right in zip(everything(made), everything(again), strict=True):
            np.testing.assert_array_equal(left, right)
    assert again.class_names == made.class_names
    pd.testing.assert_frame_equal(again.samples, made.samples)


def test_another_process_makes_the_same_batches(data):
    made = generate(data, shuffle=True, seed=7)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.starmap(made._batches.make, [(0, 0), (1, 1)])
    for (epoch, index), batch in zip([(0, 0), (1, 1)], there, strict=True):
        for left, right in zip(made._batches.make(epoch, index), batch, strict=True):
            np.testing.assert_array_equal(left, right)
