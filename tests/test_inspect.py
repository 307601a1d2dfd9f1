"""``penstock inspect`` says who reads a source, what is in it, what is wrong, and what to type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import penstock
from penstock import cli
from penstock.candidates import ask_loaders
from penstock.errors import PenstockError
from penstock.inspecting import inspect_source
from penstock.loaders import detect_loader
from penstock.plugins import load_all
from penstock.tablecolumns import column_of_labels, read_columns


def run(capsys, *arguments):
    code = cli.main(["inspect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Stand in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(place):
    """Write class folders of images: three of cats, one of a dog."""
    for name in ("cat/0", "cat/1", "cat/2", "dog/0"):
        path = Path("photos", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 50 * int(name[-1]), np.uint8)).save(path)
    return "photos"


@pytest.fixture
def component(place, monkeypatch):
    """Return a function that installs a loader of a module of its own."""

    def install(name, body):
        info = place / "site" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[penstock.loaders]\n{name} = {name}_files:Files\n")
        head = "import penstock\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n\n"
        (place / "site" / f"{name}_files.py").write_text(head + textwrap.dedent(body))
        monkeypatch.syspath_prepend(place / "site")

    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        if module.endswith("_files"):
            del sys.modules[module]


def generator_of(call):
    return eval(call, {"penstock": penstock})


def verdicts(source):
    return {each.loader: each.verdict for each in ask_loaders(source)}


# What is there


def test_a_directory_of_images_is_reported_for_people(photos, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PENSTOCK_DISABLE_PLUGINS", "1")
    code, out, err = run(capsys, photos)
    assert (code, err) == (0, "")
    size = sum(path.stat().st_size for path in Path(photos).rglob("*.png"))
    assert out == textwrap.dedent(
        f"""\
        Loader      Verdict         Why
        ----------  --------------  ----------------------------------
        arrays      does not claim  claims nothing: it has to be named
        audio       does not claim  says that it does not read this
        box_labels  does not claim  claims nothing: it has to be named
        boxes       does not claim  claims nothing: it has to be named
        columns     does not claim  claims nothing: it has to be named
        csv         does not claim  says that it does not read this
        images      claims          reads .png
        keypoints   does not claim  claims nothing: it has to be named
        npy         does not claim  reads .npy
        text        does not claim  says that it does not read this
        windows     does not claim  claims nothing: it has to be named

        Samples:    4, read by 'images'
        Labels:     2 classes: 'cat' 3, 'dog' 1
        Loaded:     uint8 of shape (256, 256, 3)
        Delivered:  float32 of shape (256, 256, 3)
        Memory:     768 KiB per sample, 24 MiB per batch of 32, 3 MiB in all
        On disk:    {size} bytes in 4 files

        Some of them:
          'cat/0.png', 'cat': 0 to 0
          'cat/1.png', 'cat': 50 to 50
          'dog/0.png', 'dog': 0 to 0

        penstock.make_generator("photos", loader="images")
        """
    )


def test_it_is_reported_for_machines(photos, capsys):
    code, out, err = run(capsys, photos, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == [
        *("source", "candidates", "loader", "columns", "found", "call", "problem"),
    ]
    assert (found["source"], found["loader"], found["problem"]) == ("photos", "images", "")
    assert found["found"]["classes"] == {"cat": 3, "dog": 1}
    assert found["found"]["shape"] == found["found"]["delivered_shape"] == [256, 256, 3]
    assert found["found"]["batch_bytes"] == 32 * found["found"]["sample_bytes"] == 32 * 3 * 2**18
    assert found["found"]["files"] == 4
    assert len(found["found"]["examples"]) == 3


def test_a_file_of_rows_has_columns_and_evident_labels(data, capsys):
    data.drop(columns=["path", "note"]).to_csv("rows.csv", index=False)
    found = inspect_source("rows.csv")
    assert [(column.name, column.holds, column.first) for column in found.columns] == [
        ("species", "text", "cat"),
        ("age", "numbers", "1.5"),
        ("legs", "whole numbers", "4"),
        ("weight", "numbers", "1.0"),
    ]
    assert found.problem == ""
    assert found.found.classes == {"cat": 2, "dog": 2, "eel": 2}
    assert found.found.shape == (3,)
    assert (found.found.files, found.found.disk_bytes) == (1, os.path.getsize("rows.csv"))
    assert [each.sample for each in found.found.examples] == ["0", "2", "5"]
    assert [each.label for each in found.found.examples] == ["cat", "dog", "eel"]
    assert (found.found.examples[0].low, found.found.examples[0].high) == (1.0, 4.0)
    assert found.call == 'penstock.make_generator("rows.csv", loader="csv", y_col="species")'
    assert "'legs'     whole numbers  '4'" in run(capsys, "rows.csv")[1]


def test_a_table_of_file_names_is_read_as_files(data):
    table = data[["path", "species"]].assign(path="data/" + data["path"])
    # The files repeat, too, and are no labels for that.
    pd.concat([table, table]).to_csv("t.csv", index=False)
    found = inspect_source("t.csv")
    assert found.problem == ""
    assert found.loader == "npy"
    assert found.call == (
        'penstock.make_generator("t.csv", loader="npy", x_col="path", y_col="species")'
    )
    assert found.found.classes == {"cat": 4, "dog": 4, "eel": 4}
    assert found.found.files == 12


def test_a_named_loader_is_used_where_none_or_another_claims(data, capsys):
    code, out, _ = run(capsys, "data.csv", "--loader", "columns")
    assert code == 0
    assert "Samples:    6, read by 'columns'" in out
    assert out.endswith(
        'penstock.make_generator("data.csv", loader="columns", x_col=["age", "legs", "weight"],'
        ' y_col="species")\n'
    )


def test_values_as_labels_ask_for_their_encoder(place, capsys):
    table = pd.DataFrame({"a": range(6), "target": np.arange(6) / 4})
    table.to_csv("house.csv", index=False)
    code, out, _ = run(capsys, "house.csv")
    assert code == 0
    assert "Labels:     values in the column 'target'\n" in out
    assert 'y_col="target", encoder="float")' in out


def test_a_single_file_is_one_sample_without_a_label(npy_files, capsys):
    code, out, _ = run(capsys, npy_files / "a" / "1.npy")
    assert code == 0
    assert "Samples:    1, read by 'npy'\nLabels:     none found" in out
    assert "On disk:    136 bytes in 1 file\n" in out


def test_what_is_loaded_and_what_is_delivered_are_told_apart(place):
    np.save("a.npy", np.zeros((2, 3), np.float64))
    found = inspect_source("a.npy").found
    assert (found.dtype, found.delivered_dtype) == ("float64", "float32")
    assert (found.sample_bytes, found.batch_bytes) == (24, 768)


def test_values_are_shown_as_delivered_and_broken_ones_are_noticed(place, component, capsys):
    component(
        "bytes",
        '''
        @dataclass(frozen=True)
        class Files:
            """Bytes, scaled."""
            column: str = "sample"
            suffixes: ClassVar = (".byt",)

            @penstock.hookimpl
            def describe_sample(self):
                return penstock.ArraySpec(
                    (2,), "float64", deliver_dtype="float32", scale=-0.5,
                )

            @penstock.hookimpl
            def load_samples(self, samples, out):
                for row, path in zip(out, samples, strict=True):
                    row[:] = [float(word) for word in open(path).read().split()]
        ''',
    )
    Path("in").mkdir()
    for name, text in {"a": "2 4", "b": "nan 8", "c": "inf nan"}.items():
        Path("in", f"{name}.byt").write_text(text)
    with pytest.warns(ResourceWarning):
        examples = inspect_source("in").found.examples
    assert [(each.low, each.high, each.finite) for each in examples] == [
        (-2.0, -1.0, True),
        (-4.0, -4.0, False),
        (None, None, False),
    ]
    with pytest.warns(ResourceWarning):
        out = run(capsys, "in")[1]
    assert "multiplied by -0.5\n" in out
    assert "  'b.byt': -4 to -4, and values that are NaN or infinite\n" in out


def test_text_has_no_range(place):
    pd.DataFrame({"note": ["one", "two", "one", "two"]}).to_csv("t.csv", index=False)
    found = inspect_source("t.csv", "columns")
    assert "cannot be guessed" in found.problem  # a column of numbers would have been


@pytest.mark.parametrize(
    "table",
    [
        {"x": [1, 2, 3, 4], "label": [5, 6, 7, 8]},
        {"x": [1, 2, 3, 4], "Class": list("abcd")},
        {"x": [1, 2, 3, 4], "kind": list("aabb")},
        {"x": list("wxyz"), "kind": list("aabb")},
    ],
)
def test_the_column_of_labels_is_the_one_called_so_or_the_one_that_repeats(place, table):
    pd.DataFrame(table).to_csv("t.csv", index=False)
    assert column_of_labels(read_columns("t.csv")).name == list(table)[1]


@pytest.mark.parametrize(
    "table",
    [
        {"x": [1, 2, 3, 4], "note": list("abcd")},
        {"one": list("aabb"), "two": list("abab")},
        {"x": [1, 1, 2, 2]},
    ],
)
def test_labels_are_not_guessed(place, table):
    pd.DataFrame(table).to_csv("t.csv", index=False)
    assert column_of_labels(read_columns("t.csv")) is None


def test_the_size_of_many_files_is_estimated(npy_files, monkeypatch, capsys):
    monkeypatch.setattr("penstock.findings._STAT_AT_MOST", 2)
    found = inspect_source(str(npy_files)).found
    assert (found.files, found.disk_bytes, found.estimated) == (6, 6 * 136, True)
    assert "On disk:    about 816 bytes in 6 files" in run(capsys, npy_files)[1]


def test_more_than_ten_classes_are_counted(place, write, capsys):
    for number in range(12):
        Path("d", f"c{number:02}").mkdir(parents=True)
        np.save(Path("d", f"c{number:02}", "x.npy"), np.zeros(1))
    out = run(capsys, "d")[1]
    assert "Labels:     12 classes: 'c00' 1, " in out
    assert "'c09' 1 and 2 more\n" in out


# What to type


@pytest.mark.parametrize(
    "name", ["photos", "a b", 'a"b', "a'b", "a\\b", "caf\u00e9", "l\n2", "\udce9"]
)
def test_the_call_makes_the_generator_whatever_the_name(place, name):
    Path(name).mkdir()
    np.save(Path(name, "1.npy"), np.arange(3))
    np.save(Path(name, "2.npy"), np.arange(3))
    found = inspect_source(name)
    assert found.problem == ""
    assert generator_of(found.call).num_samples == 2


def test_the_calls_for_tables_make_what_was_reported(data):
    data.drop(columns=["path", "note"]).to_csv("rows.csv", index=False)
    data.assign(path="data/" + data["path"]).to_csv("files.csv", index=False)
    for source, loader in (("rows.csv", None), ("files.csv", "npy"), ("data.csv", "columns")):
        found = inspect_source(source, loader)
        x, _ = generator_of(found.call)[0]
        assert x.shape[1:] == found.found.delivered_shape
        assert x.dtype == found.found.delivered_dtype


# Who reads it, and why the others do not


def test_a_loader_that_needs_options_is_named_with_them(component, capsys):
    component(
        "raw",
        """
        @dataclass(frozen=True, kw_only=True)
        class Files:
            length: int
            rate: int
            column: str = "sample"
            suffixes: ClassVar = (".raw",)
        """,
    )
    Path("r").mkdir()
    Path("r/1.raw").write_bytes(b"1234")
    code, out, err = run(capsys, "r")
    assert code == 1
    assert "raw         needs options   reads .raw, and needs length=…, rate=…" in out
    call = 'penstock.make_generator("r", loader="raw", length=…, rate=…)'
    assert out.endswith(f"\n{call}\n")
    needs = "The loader 'raw' needs length=…, rate=…, which cannot be guessed."
    assert err == f"penstock: {needs} Type: {call}\n"


def test_a_broken_loader_is_shown_with_the_reason_and_the_others_go_on(photos, component, capsys):
    component("bad", "import no_such_library\n")
    component(
        "worse",
        """
        class Files:
            @penstock.hookimpl
            def claims_source(self, source):
                raise OSError("no licence")
        """,
    )
    code, out, _ = run(capsys, photos)
    assert code == 0
    found = {each.loader: each for each in ask_loaders(photos)}
    assert found["bad"].verdict == found["worse"].verdict == "broken"
    assert "no_such_library" in found["bad"].reason
    assert found["worse"].reason == "failed to look at it: OSError: 'no licence'"
    assert "read by 'images'" in out


def test_a_disabled_loader_is_shown_as_such(photos, component, monkeypatch):
    component("pics", "class Files:\n    suffixes = ('.png',)\n")
    assert verdicts(photos)["pics"] == "claims"
    monkeypatch.setenv("PENSTOCK_PLUGINS", "others")
    assert verdicts(photos)["pics"] == "disabled"
    assert inspect_source(photos).problem == ""


def test_two_that_claim_are_both_shown_and_it_is_an_error(photos, component, capsys):
    component("pics", "class Files:\n    suffixes = ('.png',)\n")
    code, out, err = run(capsys, photos)
    assert code == 1
    assert out.count(" claims          reads .png\n") == 2
    assert "claimed by several loaders: images, pics. Say which: loader='images'" in err


def test_the_verdicts_are_those_of_detection(photos, data):
    Path("x.foo").write_text("")
    for source in ("photos", "data", "data.csv", "odd.npy", "empty", "x.foo", "photos/cat/0.png"):
        claiming = [name for name, verdict in verdicts(source).items() if verdict == "claims"]
        classes = dict(load_all("loader"))
        try:
            detected = [type(detect_loader(source, None, {}, {}))]
        except PenstockError:
            detected = []
        assert [classes[name] for name in claiming] == detected, source


# What is wrong


def test_a_missing_path_is_said_and_nobody_is_asked(place, capsys):
    code, out, err = run(capsys, "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("penstock: There is no file or directory 'nowhere' (looked from ")
    assert run(capsys, "nowhere", "--loader", "npy")[2] == err


def test_an_empty_directory_is_said(data, capsys):
    code, _, err = run(capsys, "empty")
    assert code == 1
    assert err == "penstock: The directory 'empty' is empty. Check the path.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.foo"], "No installed loader claims the source 'x.foo'."),
        (["data", "--loader", "images"], "No .jpg or .jpeg or"),
        (["data", "--loader", "nyp"], "There is no loader 'nyp'. Did you mean 'npy'?"),
        (["cut.npy"], "cut.npy'"),
        (["header.csv"], "0 samples"),
        (["nolabel.csv"], "has no label in line 4"),
        (["latin.csv"], "is not UTF-8"),
        (["data.csv", "--loader", "images"], "There is no column 'sample'"),
    ],
)
def test_what_is_wrong_with_a_source_is_said_in_one_line(data, capsys, arguments, message):
    Path("x.foo").write_text("")
    Path("cut.npy").write_bytes(Path("odd.npy").read_bytes()[:-1])
    Path("header.csv").write_text("a,b\n")
    Path("nolabel.csv").write_text("a,label\n1,x\n2,y\n3,\n4,x\n")
    Path("latin.csv").write_bytes(b"a,b\n1,caf\xe9\n")
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert message in err
    assert err.startswith("penstock: ")
    assert err.count("\n") == 1


def test_a_sample_that_cannot_be_loaded_is_found(npy_files, capsys):
    (npy_files / "c" / "5.npy").write_bytes(b"no array")
    code, out, err = run(capsys, npy_files, "--json")
    assert code == 1
    assert "5.npy" in err
    assert json.loads(out)["problem"] in err
    assert json.loads(out)["found"] is None


@pytest.mark.parametrize("cells", ["", "a,b\n", "a,b\n1\n", "\x00", '"a\n'])
def test_a_table_that_is_none_has_no_columns(place, cells):
    Path("t.csv").write_text(cells)
    assert read_columns("t.csv") == []
    assert inspect_source("t.csv").problem


def test_neither_keras_nor_a_backend_is_loaded(photos):
    code = (
        "import sys\nfrom penstock.cli import main\n"
        "assert main(['inspect', 'photos']) == 0\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_broken_loader_that_is_named_is_an_error(photos, component):
    component("bad", "import no_such_library\n")
    assert "no_such_library" in inspect_source(photos, "bad").problem
