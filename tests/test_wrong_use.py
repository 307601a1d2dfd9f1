"""What people type wrongly is answered with what to type instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import (
    ConfigError,
    LabelError,
    PluginConflict,
    PluginError,
    SampleCorrupt,
    SampleMismatch,
)

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 0, 1, 1, 2, 2])
SPECIES = ("cat", "dog", "eel")


def ordered(*args, **options):
    return penstock.make_generator(
        *args, **{"shuffle": False, "batch_size": 4, "seed": 0} | options
    )


def generate(table, **options):
    return ordered(
        table, **{"x_col": "path", "y_col": "species", "loader": "npy", "root": "data"} | options
    )


WRONG = {
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
    "no samples in a list, by name": (
        lambda d: ordered([], loader="npy"),
        ConfigError,
        "0 samples",
    ),
    "no samples in a table, detected": (
        lambda d: generate(d.iloc[:0], loader=None),
        ConfigError,
        "0 samples",
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
    "ragged lists of lists": (lambda d: ordered([[[1, 2], [3]], [[4]]]), ConfigError, "rows"),
    "ragged lists of two kinds": (lambda d: ordered([[1, 2], ["a"]]), ConfigError, "sample 1"),
    "ragged lists of other axes": (lambda d: ordered([[1, 2], 3]), ConfigError, "1. For several"),
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
    "arrays as two arguments": (
        lambda d: penstock.make_generator(X, Y),
        ConfigError,
        "Give x and y as one source, make_generator((x, y))",
    ),
    "a number as x_col": (
        lambda d: generate(d, x_col=0),
        ConfigError,
        "x_col=0 was given; it must be the name of a column, a string, or a list of names",
    ),
    "a number as y_col": (lambda d: generate(d, y_col=7), ConfigError, "y_col=7 was given"),
    "numbers as y_col": (lambda d: generate(d, y_col=[7]), ConfigError, "y_col=[7] was given"),
    "a set as x_col": (
        lambda d: ordered(d, x_col={"age"}),
        ConfigError,
        "x_col={'age'} was given",
    ),
    "columns that are numbers": (
        lambda d: ordered(d.rename(columns={"age": 3}), x_col=["legs"]),
        ConfigError,
        "has a column named 3, and names are strings here. Rename the columns: df.rename",
    ),
    "a column that is there twice": (
        lambda d: generate(d.rename(columns={"note": "path"})),
        ConfigError,
        "The table has the column 'path' twice",
    ),
    "columns of several levels": (
        lambda d: generate(d.set_axis(pd.MultiIndex.from_product([["a"], d.columns]), axis=1)),
        ConfigError,
        "The table has columns of several levels, such as ('a', 'path')",
    ),
    "root beside a directory": (
        lambda d: ordered("data", root="data/a"),
        ConfigError,
        "root='data/a' was given beside the path 'data', whose files are named below it",
    ),
    "root beside one file": (
        lambda d: ordered("odd.npy", root="data"),
        ConfigError,
        "root='data' was given beside the path 'odd.npy'",
    ),
    "root beside rows": (
        lambda d: ordered("data.csv", y_col="species", root="data"),
        ConfigError,
        "root='data' was given, and no file names are read",
    ),
    "root beside columns": (
        lambda d: ordered(d, x_col=["age"], root="data"),
        ConfigError,
        "root='data' was given, and no file names are read",
    ),
    "loader beside inputs": (
        lambda d: ordered(d, inputs={"a": penstock.Columns("age")}, loader="npy"),
        ConfigError,
        "loader='npy' was given beside inputs=",
    ),
    "x_col beside inputs": (
        lambda d: ordered(d, inputs={"a": penstock.Columns("age")}, x_col="agee"),
        ConfigError,
        "x_col='agee' was given beside inputs=",
    ),
    "an input whose name is a number": (
        lambda d: ordered(d, inputs={0: penstock.Columns("age")}),
        ConfigError,
        "inputs= names 0; names are strings",
    ),
    "class names of numbers": (
        lambda d: generate(d, y_col="age", encoder="float", class_names=["a"]),
        ConfigError,
        "class_names=['a'] was given, and no target takes it",
    ),
    "class names without labels": (
        lambda d: generate(d, y_col=None, class_names=["a"]),
        ConfigError,
        "class_names=['a'] was given, and no target takes it",
    ),
    "class names of inputs alone": (
        lambda d: generate(d, y_col=None, encoder="none", class_names=["a"]),
        ConfigError,
        "class_names=['a'] was given, and no target takes it",
    ),
    "class names beside an encoder that has them": (
        lambda d: generate(d, encoder=penstock.Int(class_names=SPECIES), class_names=["a"]),
        ConfigError,
        "class_names=['a'] was given, and no target takes it",
    ),
    "class names beside arrays": (
        lambda d: ordered((X, Y), class_names=["a", "b", "c"]),
        ConfigError,
        "class_names=['a', 'b', 'c'] was given, and no target takes it",
    ),
    "class names without an order": (
        lambda d: generate(d, class_names=set(SPECIES)),
        ConfigError,
        "it must be a list of the classes in the order of their numbers",
    ),
    "class names that are a number": (
        lambda d: generate(d, class_names=5),
        ConfigError,
        "class_names=5 was given",
    ),
    "no class names": (
        lambda d: generate(d, class_names=[]),
        ConfigError,
        "class_names= names no class",
    ),
    "class names that are lists": (
        lambda d: generate(d, class_names=[["cat"]]),
        LabelError,
        "The classes are [['cat']]; each must be a string or a number",
    ),
    "y_col beside inputs as targets": (
        lambda d: generate(d, encoder="input"),
        ConfigError,
        "y_col='species' was given beside encoder='input', which needs no labels",
    ),
    "y_col beside no targets": (
        lambda d: generate(d, encoder="none", y_col="spicies"),
        ConfigError,
        "y_col='spicies' was given beside encoder='none'",
    ),
    "labels beside no targets": (
        lambda d: generate(d, encoder="none", y_col=None, labels=list("abcdef")),
        ConfigError,
        "was given beside encoder='none'",
    ),
    "y_col that no target takes": (
        lambda d: generate(d, y_col="note", targets={"a": penstock.Int(column="species")}),
        ConfigError,
        "y_col='note' was given, and each target has a column of its own",
    ),
    "labels that no target takes": (
        lambda d: generate(
            d, y_col=None, labels=list("abcdef"), targets={"a": penstock.Int(column="species")}
        ),
        ConfigError,
        "labels= was given, and no target takes it",
    ),
    "labels as a string": (
        lambda d: generate(d, y_col=None, labels="abcdef"),
        ConfigError,
        "labels='abcdef' was given; it must be a dict from sample to label, or a list",
    ),
    "labels as a number": (
        lambda d: generate(d, y_col=None, labels=5),
        ConfigError,
        "labels=5 was given",
    ),
    "labels without an order": (
        lambda d: generate(d, y_col=None, labels=set("abcdef")),
        ConfigError,
        "labels={",
    ),
    "labels as a table": (
        lambda d: generate(d, y_col=None, labels=d[["species"]]),
        ConfigError,
        "A column of the table is named with y_col=",
    ),
    "labels of one sample twice": (
        lambda d: generate(
            d, y_col=None, labels=pd.Series(list("abcdefg"), index=[*d["path"], d["path"][0]])
        ),
        LabelError,
        "labels= has several labels for the sample 'a/0.npy'",
    ),
    "labels by an index that is no sample": (
        lambda d: generate(
            d, y_col=None, labels=pd.Series(list("abcdef"), index=[6, 5, 4, 3, 2, 1])
        ),
        LabelError,
        "A Series is looked up by its index; labels.to_list() are labels in order",
    ),
    "labels that are vectors": (
        lambda d: generate(d, y_col=None, labels=np.eye(3)[Y]),
        LabelError,
        'such as (1.0, 0.0, 0.0). Say encoder="float" to use them as they are',
    ),
    "several labels that are vectors": (
        lambda d: generate(d, y_col=None, labels=np.eye(3)[Y], encoder="multilabel"),
        LabelError,
        "needs lists of the labels that a sample has; found vectors of zeros and ones",
    ),
    "labels that are dates": (
        lambda d: generate(d.assign(species=pd.date_range("2020", periods=6))),
        LabelError,
        "The labels in 'species' are dates or times, such as '2020-01-01 00:00:00'",
    ),
    "a sparse matrix": (
        lambda d: ordered(Sparse()),
        ConfigError,
        "A sparse matrix was given (Sparse), and batches are dense arrays",
    ),
    "a sparse matrix with labels": (
        lambda d: ordered((Sparse(), Y)),
        ConfigError,
        "A sparse matrix was given (Sparse), and batches are dense arrays",
    ),
    "numbers as objects": (
        lambda d: ordered(X.astype(object)),
        ConfigError,
        "An array of objects was given, such as 0.0; only strings are taken so",
    ),
    "numbers as objects, with labels": (
        lambda d: ordered((X.astype(object), Y)),
        ConfigError,
        'Make numbers of it: array.astype("float32")',
    ),
    "a tensor that is no array": (
        lambda d: ordered((Tensor(), Y)),
        ConfigError,
        "'Tensor' cannot be made a NumPy array: 'Use tensor.detach().numpy() instead.'",
    ),
    "what makes batches itself": (
        lambda d: ordered(generate(d)),
        ConfigError,
        "'Sequence' makes batches itself. Give it to fit()",
    ),
    "nothing named": (lambda d: ordered({}), ConfigError, "There is no array for x"),
    "nothing at all": (lambda d: ordered(()), ConfigError, "The source has 0 samples"),
    "dates among numbers": (
        lambda d: ordered(d.assign(day=pd.date_range("2020", periods=6)), x_col=["age", "day"]),
        ConfigError,
        "The column 'day' holds '2020-01-01 00:00:00', which is neither a number nor text",
    ),
    "fractions as a list": (
        lambda d: ordered((X, Y)).split([0.5, 0.5]),
        ConfigError,
        "Give several one by one: split(0.8, 0.2)",
    ),
    "a split without a second part": (
        lambda d: ordered((X, Y)).split(1),
        ConfigError,
        "split(1) leaves nothing for a second part",
    ),
    "a split that is stratified by a name": (
        lambda d: ordered((X, Y)).split(0.5, 0.5, stratify="species"),
        ConfigError,
        "stratify='species' was given; it must be True or False",
    ),
    "labels by two columns": (
        lambda d: ordered(d, x_col=["age", "legs"], labels={1: 2}),
        ConfigError,
        "labels",
    ),
}


class Sparse:
    """Looks like a sparse matrix of SciPy's."""

    nnz, shape = 3, (6, 2)

    def toarray(self):
        return X


class Tensor:
    """Looks like a tensor of torch's that requires a gradient."""

    def __array__(self, *args, **options):
        raise RuntimeError("Use tensor.detach().numpy() instead.")


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
    with pytest.raises(PluginError, match="a function of a path will do.*penstock new-plugin"):
        penstock.make_generator(["a.mat"])


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


def test_files_without_the_ending_are_read_where_their_names_are_given(tmp_path):
    @penstock.loader(suffixes=(".scan",))
    def scan(path):
        return np.fromfile(path, "<f4")

    for number in range(3):
        X[number].tofile(tmp_path / f"IM{number}")
    with pytest.raises(ConfigError, match="No .scan file.*where their names are given"):
        ordered(str(tmp_path), loader=scan())
    names = [str(tmp_path / f"IM{number}") for number in range(3)]
    (x,) = ordered(names, loader=scan(), encoder="none")[0]
    np.testing.assert_array_equal(x, X[:3])


def test_under_fit_the_message_arrives_whole_whatever_the_backend_makes_of_it(data):
    import keras

    sequence = ordered("data", labels=range(6), encoder="float", batch_size=2)
    broken = sequence.samples["sample"][3]
    (Path("data") / broken).write_bytes(b"cut off")
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(Exception, match="SampleCorrupt|A .npy file cannot be read") as caught:
        model.fit(sequence, verbose=0, shuffle=False)
    with pytest.raises(SampleCorrupt) as ours:
        list(sequence)
    assert str(ours.value) in str(caught.value)
    assert (ours.value.index, ours.value.loader) == (3, "NpyFiles")


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
