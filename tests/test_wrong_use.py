"""What people type wrongly is answered with what to type instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import penstock
from penstock.errors import (
    ConfigError,
    LabelError,
    PluginConflict,
    PluginError,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 0, 1, 1, 2, 2])


def ordered(*args, **options):
    return penstock.make_generator(
        *args, **{"shuffle": False, "batch_size": 4, "seed": 0} | options
    )


def generate(table, **options):
    return ordered(
        table, **{"x_col": "path", "y_col": "species", "loader": "npy", "root": "data"} | options
    )


NUMBERS = [
    (
        {"batch_size": wrong},
        ConfigError,
        f"batch_size={shown} was given; it must be a whole number of at least 1",
    )
    for wrong, shown in [
        (0, 0),
        (-1, -1),
        (True, True),
        (2.5, 2.5),
        ("8", "'8'"),
        (float("nan"), "nan"),
        (None, None),
    ]
]
NUMBERS += [
    (
        {"seed": wrong},
        ConfigError,
        f"seed={shown} was given; it must be a whole number from 0 to 18446744073709551615",
    )
    for wrong, shown in [(-1, -1), (2**64, 2**64), (1.5, 1.5), (True, True), ("1", "'1'")]
]
NUMBERS += [
    ({"workers": -1}, ConfigError, "workers=-1 was given; it must be a whole number of at least 0"),
    ({"workers": 1.0}, ConfigError, "workers=1.0 was given"),
    (
        {"max_queue_size": 0},
        ConfigError,
        "max_queue_size=0 was given; it must be a whole number of at least 1",
    ),
    ({"shuffle": 1}, ConfigError, "shuffle=1 was given; it must be True or False"),
    ({"drop_remainder": "yes"}, ConfigError, "drop_remainder='yes' was given"),
    ({"use_multiprocessing": None}, ConfigError, "use_multiprocessing=None was given"),
    ({"follow_links": 0}, ConfigError, "follow_links=0 was given"),
    ({"allow_outside_root": "no"}, ConfigError, "allow_outside_root='no' was given"),
    (
        {"batch_size": 7, "drop_remainder": True},
        ConfigError,
        "batch_size=7 with drop_remainder=True leaves no batch of 6 samples",
    ),
    ({"validation_split": 0.2}, ConfigError, "validation_split= and subset= belong together"),
    ({"subset": "training"}, ConfigError, "validation_split= and subset= belong together"),
    (
        {"validation_split": 0.2, "subset": "train"},
        ConfigError,
        (
            "subset='train' was given; it must be one of 'training', 'validation', 'both'."
            " Did you mean 'training'?"
        ),
    ),
    *[
        (
            {"validation_split": wrong, "subset": "both"},
            ConfigError,
            f"validation_split={shown} must be between 0 and 1",
        )
        for wrong, shown in [
            (0, 0),
            (1, 1),
            (1.5, 1.5),
            (-0.1, -0.1),
            (float("nan"), "nan"),
            ("0.2", "'0.2'"),
            (True, True),
        ]
    ],
    (
        {"sample_weight": [1, 2]},
        ConfigError,
        "The weights in sample_weight= have shape (2,) for 6 samples",
    ),
    (
        {"sample_weight": 5},
        ConfigError,
        "The weights in sample_weight= have shape () for 6 samples",
    ),
    (
        {"sample_weight": [1, 1, float("nan"), 1, 1, 1]},
        ConfigError,
        "The weight nan of row 2 in sample_weight=",
    ),
    (
        {"sample_weight": [1, 1, 1, -0.5, 1, 1]},
        ConfigError,
        "The weight -0.5 of row 3 in sample_weight=",
    ),
    (
        {"sample_weight": list("abcdef")},
        ConfigError,
        "The weights in sample_weight= are not all numbers",
    ),
    ({"augment": "flpi"}, PluginError, "There is no augmenter 'flpi'. Did you mean 'flip'?"),
    ({"augment": penstock.Int()}, ConfigError, "is no augmenter"),
    ({"augment": penstock.Int}, ConfigError, "Int is a class; make it: Int(…)."),
    ({"augment": 5}, ConfigError, "is no augmenter"),
    ({"root": "nowhere"}, ConfigError, "root='nowhere' is not a directory"),
]


@pytest.mark.parametrize(("options", "kind", "message"), NUMBERS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("source", ["arrays", "table"])
def test_a_parameter_that_cannot_work_is_refused(data, source, options, kind, message):
    make = {
        "arrays": lambda: ordered((X, Y), **options),
        "table": lambda: generate(data, **options),
    }
    with pytest.raises(kind) as caught:
        make[source]()
    assert message in str(caught.value)


WRONG = {
    "unknown loader": (
        lambda d: ordered("data", loader="nyp"),
        PluginError,
        "There is no loader 'nyp'. Did you mean 'npy'?",
    ),
    "unknown encoder": (
        lambda d: generate(d, encoder="categoricl"),
        PluginError,
        "There is no encoder 'categoricl'. Did you mean 'categorical'?",
    ),
    "unknown option": (
        lambda d: ordered("data", loader="npy", dtpye="float16"),
        ConfigError,
        "The loader 'npy' has no option 'dtpye'. Did you mean 'dtype'?",
    ),
    "unknown option, detected": (
        lambda d: ordered("data", dtpye="float16"),
        ConfigError,
        "The loader 'npy' has no option 'dtpye'. Did you mean 'dtype'?",
    ),
    "misspelt parameter": (
        lambda d: ordered("data", batchsize=5),
        ConfigError,
        "no option 'batchsize'. Did you mean 'batch_size'?",
    ),
    "option of arrays": (
        lambda d: ordered((X, Y), image_size=(2, 2)),
        ConfigError,
        "The option 'image_size' was given beside arrays",
    ),
    "option beside an instance": (
        lambda d: ordered("data", loader=penstock.Columns("a"), dtype="x"),
        ConfigError,
        "The option 'dtype' was given beside the instance Columns",
    ),
    "option beside inputs": (
        lambda d: ordered(d, inputs={"a": penstock.Columns("age")}, dtype="x"),
        ConfigError,
        "The option 'dtype' was given beside inputs=",
    ),
    "class as loader": (
        lambda d: ordered(d, loader=penstock.Columns),
        ConfigError,
        "Columns is a class; make it: Columns(…).",
    ),
    "class as encoder": (
        lambda d: generate(d, encoder=penstock.Int),
        ConfigError,
        "Int is a class; make it: Int(…).",
    ),
    "class in inputs": (
        lambda d: ordered(d, inputs={"a": penstock.Columns}),
        ConfigError,
        "Columns is a class",
    ),
    "class in targets": (
        lambda d: generate(d, y_col=None, targets={"a": penstock.Int}),
        ConfigError,
        "Int is a class",
    ),
    "no such path": (
        lambda d: ordered("nowhere/"),
        ConfigError,
        "There is no file or directory 'nowhere/'",
    ),
    "no such path, by name": (
        lambda d: ordered("nowhere/", loader="npy"),
        ConfigError,
        "There is no file or directory 'nowhere/'",
    ),
    "empty directory": (lambda d: ordered("empty"), ConfigError, "The directory 'empty' is empty"),
    "empty directory, by name": (
        lambda d: ordered("empty", loader="npy"),
        ConfigError,
        "No .npy file below the directory 'empty'",
    ),
    "no plugin for a list": (
        lambda d: ordered(["a.wav", "b.wav"]),
        PluginError,
        "No installed loader claims the source ['a.wav', 'b.wav']",
    ),
    "no samples in a list": (lambda d: ordered([]), ConfigError, "0 samples"),
    "no samples in a list, by name": (
        lambda d: ordered([], loader="npy"),
        ConfigError,
        "0 samples",
    ),
    "no samples in a table": (lambda d: generate(d.iloc[:0]), ConfigError, "0 samples"),
    "no samples in a table, detected": (
        lambda d: generate(d.iloc[:0], loader=None),
        ConfigError,
        "0 samples",
    ),
    "no samples in arrays": (lambda d: ordered(X[:0]), ConfigError, "The arrays have 0 samples"),
    "missing files": (
        lambda d: ordered(["0", "9", "8"], loader="npy", root="data/a"),
        SampleMissing,
        "2 of 3 files are missing below 'data/a': '9', '8'",
    ),
    "path out of the root": (
        lambda d: ordered(["../b/2"], loader="npy", root="data/a"),
        SampleRefused,
        "'../b/2' in row 0 may lead out of the root 'data/a'",
    ),
    "path out of the root, of a table": (
        lambda d: generate(d.assign(path="/etc/passwd")),
        SampleRefused,
        "'/etc/passwd' in row 0",
    ),
    "shapes differ": (
        lambda d: ordered(["data/a/0.npy", "odd.npy"], loader="npy"),
        SampleMismatch,
        "odd.npy",
    ),
    "missing labels": (
        lambda d: ordered(
            ["a/0", "a/1", "b/2"], labels={"a/0": 1, "c": 2}, loader="npy", root="data"
        ),
        LabelError,
        "2 of 3 samples have no label in labels=: 'a/1', 'b/2'",
    ),
    "too few labels": (
        lambda d: ordered("data", labels=[1, 2]),
        LabelError,
        "labels= has 2 labels for 6 samples",
    ),
    "no label in a cell": (
        lambda d: generate(d.assign(species=["a", None, "a", "a", "a", None])),
        LabelError,
        "2 of 6 samples have no label",
    ),
    "unseen label": (
        lambda d: generate(d, class_names=["cat", "dog", "eels"]),
        LabelError,
        "2 labels are not among the 3 classes; the first is 'eel'",
    ),
    "class names as a string": (
        lambda d: generate(d, class_names="cat"),
        ConfigError,
        "class_names='cat' is one string",
    ),
    "floats as labels": (
        lambda d: generate(d, y_col="age"),
        LabelError,
        'Say encoder="float" for regression',
    ),
    "several label columns": (
        lambda d: generate(d, y_col=["age", "legs"]),
        LabelError,
        "There are 2 label columns",
    ),
    "no x_col": (lambda d: ordered(d, y_col="species"), ConfigError, "A DataFrame needs x_col="),
    "no such x_col": (lambda d: generate(d, x_col="pth"), ConfigError, "Did you mean 'path'?"),
    "no such x_col, detected": (
        lambda d: generate(d, x_col="pth", loader=None),
        ConfigError,
        (
            "x_col= names the column 'pth', which is not there. Did you mean 'path'?"
            " The columns are ['path', 'species'"
        ),
    ),
    "no such y_col": (
        lambda d: generate(d, y_col="specis"),
        ConfigError,
        "There is no column 'specis' in the samples table. Did you mean 'species'?",
    ),
    "no such weights": (
        lambda d: generate(d, sample_weight="wieght"),
        ConfigError,
        "sample_weight='wieght' names no column of the samples table. Did you mean 'weight'?",
    ),
    "weights in a class that is not there": (
        lambda d: generate(d, class_weight={"cta": 2.0}),
        ConfigError,
        "class_weight= names the class 'cta', which is not there. Did you mean 'cat'?",
    ),
    "class number that is not there": (
        lambda d: generate(d, class_weight={3: 2.0}),
        ConfigError,
        "class_weight= names the class 3, which is not there",
    ),
    "negative class weight": (
        lambda d: generate(d, class_weight={"cat": -1}),
        ConfigError,
        "class_weight= gives 'cat' the weight -1",
    ),
    "class weight that is no number": (
        lambda d: generate(d, class_weight={"cat": "2"}),
        ConfigError,
        "class_weight= gives 'cat' the weight '2'",
    ),
    "class weights of another kind": (
        lambda d: generate(d, class_weight="blanced"),
        ConfigError,
        "neither a dict from class to weight nor 'balanced'",
    ),
    "class weights without classes": (
        lambda d: generate(d, y_col="age", encoder="float", class_weight="balanced"),
        ConfigError,
        "class_weight= needs one target with classes; there are 0",
    ),
    "several inputs in a directory": (
        lambda d: ordered("data", inputs={"a": penstock.Columns("age")}),
        ConfigError,
        "A generator with several inputs cannot list the directory",
    ),
    "a loader that does not list": (
        lambda d: ordered("data", loader=penstock.Columns("a")),
        ConfigError,
        "Columns cannot list the directory 'data'",
    ),
    "a file of another kind": (
        lambda d: ordered("data.csv", loader="npy", x_col="pth"),
        ConfigError,
        "Did you mean 'path'?",
    ),
    "no inputs": (lambda d: ordered(d, inputs={}), ConfigError, "names no input"),
    "encoder beside targets": (
        lambda d: generate(
            d, y_col=None, encoder="int", targets={"y": penstock.Int(column="legs")}
        ),
        ConfigError,
        "encoder= is for one target",
    ),
    "targets beside arrays": (
        lambda d: ordered((X, Y), targets={"y": penstock.Int()}),
        ConfigError,
        "give source=(x, y)",
    ),
    "labels beside arrays": (lambda d: ordered(X, labels=Y), ConfigError, "give source=(x, y)"),
    "columns beside arrays": (lambda d: ordered((X, Y), y_col="species"), ConfigError, "y_col"),
    "arrays of different lengths": (
        lambda d: ordered((X, Y[:5])),
        ConfigError,
        "different numbers of samples",
    ),
    "named arrays of different lengths": (
        lambda d: ordered(({"a": X, "b": X[:3]}, {"a": Y})),
        ConfigError,
        "different numbers of samples",
    ),
    "four arrays": (lambda d: ordered((X, Y, Y, Y)), ConfigError, "A tuple of 4 was given"),
    "an encoder for no array": (lambda d: ordered(X, encoder="int"), ConfigError, "encoder="),
    "ragged lists": (lambda d: ordered([[1, 2], [3]]), ConfigError, "rows"),
    "complex numbers": (
        lambda d: ordered(X.astype(complex)),
        ConfigError,
        "has no rows that Keras can take",
    ),
    "None": (lambda d: ordered(None), ConfigError, "None"),
    "a number": (lambda d: ordered(5), ConfigError, "5"),
    "an object": (lambda d: ordered(object()), ConfigError, "object"),
    "inputs that are a list": (
        lambda d: ordered(d, inputs=[penstock.Columns("age")]),
        ConfigError,
        "inputs=",
    ),
    "a column for a loader without one": (
        lambda d: ordered(d, loader=Fixed(), x_col="path"),
        ConfigError,
        "x_col",
    ),
    "labels by two columns": (
        lambda d: ordered(d, x_col=["age", "legs"], labels={1: 2}),
        ConfigError,
        "labels",
    ),
}


@dataclass(frozen=True)
class Fixed:
    """Needs no column."""

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((2,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = 1


@pytest.mark.parametrize(("make", "kind", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_refused_with_what_to_do(data, make, kind, message):
    with pytest.raises(kind) as caught:
        make(data)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1200


def test_an_unclaimed_source_names_what_would_read_it(monkeypatch, data):
    monkeypatch.setattr("penstock.loaders.load_all", lambda kind: iter(()))
    with pytest.raises(PluginError, match="pip install penstock-npy would read it"):
        penstock.make_generator("data")
    with pytest.raises(PluginError, match="pip install penstock-images would read it"):
        penstock.make_generator(["a.jpg"])


def test_a_source_that_two_claim_is_a_conflict_that_a_name_resolves(monkeypatch, data):
    class Mine(Fixed):
        suffixes = (".npy",)

    class Broken:
        @penstock.hookimpl
        def claims_source(self, source):
            raise ZeroDivisionError

    loaders = {"mine": Mine, "npy": penstock.plugins.load("loader", "npy"), "broken": Broken}
    monkeypatch.setattr("penstock.loaders.load_all", lambda kind: iter(loaders.items()))
    with pytest.raises(
        PluginConflict, match="claimed by several loaders: mine, npy.*loader='mine' or loader='npy'"
    ):
        penstock.make_generator("data")
    assert len(penstock.make_generator("data", loader="npy")) == 1


def test_a_broken_plugin_is_mentioned_where_it_might_have_helped(monkeypatch, data):
    failures = {"wav": PluginError("The loader 'wav' cannot be imported."), "odd": Fixed}
    monkeypatch.setattr("penstock.loaders.load_all", lambda kind: iter(failures.items()))
    with pytest.raises(
        PluginError, match=r"Installed are: odd\..*Not usable: The loader 'wav' cannot"
    ):
        penstock.make_generator("data")


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.5, True, "0"])
def test_the_seed_of_a_split_is_checked(wrong):
    with pytest.raises(ConfigError, match="seed="):
        ordered((X, Y)).split(0.5, 0.5, seed=wrong)


@pytest.mark.parametrize(
    "wrong", [[], [6], [-1], [0.5], [True, False], [[0]], "a", None, [[1], [1, 2]]]
)
def test_a_subset_of_samples_that_are_not_there_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"subset\(\)|subset\("):
        ordered((X, Y)).subset(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2"])
def test_taking_no_number_of_samples_is_refused(wrong):
    with pytest.raises(ConfigError, match="count="):
        ordered((X, Y)).take(wrong)


def test_a_batch_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError, match="Batch 2 was asked for; there are 2"):
        ordered((X, Y))[2]


def test_a_sequence_without_labels_has_no_labels():
    assert not hasattr(ordered((X, Y)), "class_names")
    assert not hasattr(ordered(X), "labels")
