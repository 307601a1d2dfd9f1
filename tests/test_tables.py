"""Tables are read strictly: a cell is the string that it is, and no row is guessed at."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError
from penstock.tables import read_table


@pytest.fixture
def table(tmp_path):
    def read(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(str(path))

    return read


def column(frame, name):
    return list(frame[name])


def test_a_missing_table_is_refused_with_its_cause(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be opened: No such file") as caught:
        read_table(str(tmp_path / "none.csv"))
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_directory_called_like_a_table_is_refused(tmp_path):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_table(str(tmp_path / "d.csv"))


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_called_like_a_table_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(ConfigError, match="is a directory, pipe, socket or device"):
        read_table(str(tmp_path / "p.csv"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeffpath,label\na,b\nc,d\n", id="C08"),
        pytest.param("path,label\r\na,b\r\nc,d\r\n", id="C11"),
        pytest.param("path,label\ra,b\rc,d\r", id="C12"),
        pytest.param("path,label\na,b\nc,d", id="no newline at the end"),
        pytest.param('"path","label"\n"a","b"\n"c","d"\n', id="quoted"),
    ],
)
def test_marks_line_ends_and_quotes_make_no_difference(table, content):
    read = table(content)
    assert list(read.columns) == ["path", "label"]
    assert column(read, "path") == ["a", "c"]
    assert column(read, "label") == ["b", "d"]


def test_cells_stay_the_strings_that_they_are(table):
    cells = [
        "NA",
        "nan",
        "None",
        "null",
        "007",
        "1e5",
        "1.0",
        "",
        " cat",
        "True",
        "#N/A",
        "caf\u00e9",
    ]
    read = table("v,w\n" + "".join(f"{cell},1\n" for cell in cells))
    assert column(read, "v") == cells
    assert not read["v"].isna().any()


def test_a_column_of_whole_numbers_is_numbers(table):
    read = table("v,w,big,id\n1,0,1,01\n-2,10,99999999999999999999,2\n")
    assert read["v"].dtype == np.int64
    assert column(read, "v") == [1, -2]
    assert column(read, "w") == [0, 10]
    assert column(read, "big") == ["1", "99999999999999999999"]
    assert column(read, "id") == ["01", "2"]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_table_that_is_read_in_parts_is_that_of_one_part(table, monkeypatch, at_once):
    content = "first,last,none,all\n1,x,a,5\n-2,2,b,6\n3,007,,7\nNA,-40,d,8\n0,9,e,9\n"
    whole = table(content)
    monkeypatch.setattr("penstock.tables._AT_ONCE", at_once)
    pd.testing.assert_frame_equal(table(content), whole)
    assert column(whole, "first") == ["1", "-2", "3", "NA", "0"]
    assert column(whole, "last") == ["x", "2", "007", "-40", "9"]
    assert whole["all"].dtype == np.int64
    with pytest.raises(ConfigError, match="1 fields in line 4"):
        table("a,b\n1,2\n3,4\nx\n")


def test_quoted_fields_may_hold_delimiters_quotes_and_line_ends(table):
    read = table('a,b\n"x,y","say ""hi"""\n"two\nlines",z\n')
    assert column(read, "a") == ["x,y", "two\nlines"]
    assert column(read, "b") == ['say "hi"', "z"]


def test_the_line_that_is_named_counts_line_ends_within_fields(table):
    with pytest.raises(ConfigError, match="1 fields in line 4"):
        table('a,b\n"two\nlines",z\nx\n')


def test_a_tsv_is_divided_by_tabs(table):
    read = table("a\tb\n1,5\tx\n", "t.TSV")
    assert column(read, "a") == ["1,5"]


def test_a_table_of_one_column_needs_no_delimiter(table):
    assert column(table("path\na\nb\n"), "path") == ["a", "b"]


# -- through the factory ---------------------------------------------------------


@pytest.fixture
def generator(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(2, np.float32))
    np.save(tmp_path / "b.npy", np.ones(2, np.float32))

    def make(content, **options):
        (tmp_path / "t.csv").write_text(content, encoding="utf-8")
        options = {"loader": "npy", "x_col": "path", "y_col": "label", "shuffle": False} | options
        return penstock.make_generator(tmp_path / "t.csv", **options)

    return make


def test_paths_are_relative_to_the_table(generator):
    made = generator("path,label\na,x\nb,y\n")
    np.testing.assert_array_equal(made[0][0], [[0, 0], [1, 1]])
    assert made.class_names == ["x", "y"]
