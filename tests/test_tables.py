"""Tables are read strictly: a cell is the string that it is, and no row is guessed at."""

from __future__ import annotations

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, LabelError
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "is empty. It needs a header", id="C01"),
        pytest.param("\ufeff", "is empty. It needs a header", id="C01 with a mark"),
        pytest.param("path,label\n", "has a header and 0 samples", id="C02"),
        pytest.param(
            "a,b\n1," + "x" * 200_000 + "\n", "cannot be read at line 2: field larger", id="C04"
        ),
        pytest.param('a,b\n1,"x\n2,y\n3,z\n', "cannot be read at line 4: unexpected end", id="C05"),
        pytest.param('a,b\n1,"x"y\n', "cannot be read at line 2", id="C05 within a line"),
        pytest.param("a,b\n1,2,3\n", "has 3 fields in line 2 and 2 in its header", id="C06"),
        pytest.param("a,b\n1,2\n3\n", "has 1 fields in line 3 and 2 in its header", id="C07"),
        pytest.param("a,b\n1,2\n".encode("utf-16"), "not UTF-8: byte 0xff at offset 0", id="C09"),
        pytest.param("a,b\n1,caf\xe9\n".encode("latin-1"), "byte 0xe9 at offset 9", id="C10"),
        pytest.param(
            b"a,b\n" + b"1,2\n" * 9000 + b"1,\xe9\n",
            "byte 0xe9 at offset 36006",
            id="C10 far below",
        ),
        pytest.param("path,label,path\n1,2,3\n", "has the column 'path' twice", id="C13"),
        pytest.param(bytes(range(256)) * 9, "not UTF-8: byte 0x80", id="C15"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8: byte 0x89 at offset 0", id="C15 image"
        ),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(table, content, message):
    with pytest.raises(ConfigError) as caught:
        table(content)
    assert message in str(caught.value)
    assert "t.csv" in str(caught.value)
    assert len(str(caught.value)) < 700


def test_a_missing_table_is_refused_with_its_cause(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be opened: No such file") as caught:
        read_table(str(tmp_path / "none.csv"))
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_directory_called_like_a_table_is_refused(tmp_path):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_table(str(tmp_path / "d.csv"))


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


def test_another_delimiter_shows_in_the_columns_that_were_found(generator):  # C14
    with pytest.raises(ConfigError, match="path;label"):
        generator("path;label\na;x\nb;y\n")


def test_paths_are_relative_to_the_table(generator):
    made = generator("path,label\na,x\nb,y\n")
    np.testing.assert_array_equal(made[0][0], [[0, 0], [1, 1]])
    assert made.class_names == ["x", "y"]


@pytest.mark.parametrize("word", ["NA", "nan", "None", "null"])
def test_a_label_that_looks_missing_is_a_label(generator, word):  # C17
    assert generator(f"path,label\na,{word}\nb,yes\n").class_names == sorted([word, "yes"])


def test_an_empty_label_is_a_missing_one(generator):  # C16
    with pytest.raises(LabelError, match="1 of 2 samples have no label"):
        generator("path,label\na,\nb,yes\n")


@pytest.mark.parametrize("pair", [("1.0", "1"), (" cat", "cat"), ("01", "1")])
def test_labels_that_look_alike_are_kept_apart_with_a_warning(generator, pair):  # C18
    with pytest.warns(UserWarning, match="look alike; they are kept apart"):
        made = generator(f"path,label\na,{pair[0]}\nb,{pair[1]}\n", encoder="int")
    assert made.class_names == sorted(pair)
