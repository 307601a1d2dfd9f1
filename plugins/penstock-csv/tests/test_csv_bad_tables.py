"""What CsvRows says of tables that are not what they should be."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from penstock.errors import ConfigError, LabelError
from penstock_csv import CsvRows, scanning

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b"a,b,y\n1,2,cat\n3,4,dog\n"
LONG = b"x" * 200_000

BAD: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "C01 empty": (b"", {}, "is empty"),
    "C01 white space": (b"\n \n", {}, "is empty"),
    "C01 byte order mark": (b"\xef\xbb\xbf", {}, "is empty"),
    "C02 header only": (b"a,b\n", {}, "0 samples"),
    "C02 header without line end": (b"a,b", {}, "0 samples"),
    "C02 header and empty lines": (b"a,b\n\n\n", {"columns": "a"}, "0 samples"),
    "C04 field of 200 kB": (b"a,b,y\n1,2,c\n1,2," + LONG + b"\n", {}, "131072 bytes in line 3"),
    "C04 quoted": (b'a,b,y\n1,2,c\n1,2,"' + LONG + b'"\n', {}, "131072 bytes in line 3"),
    "C04 quoted, with commas": (
        b'a,b,y\n1,2,"' + b"x,\n" * 70_000 + b'"\n',
        {},
        "131072 bytes in line 2",
    ),
    "C04 endless line": (b"a,b,y\n1,2," + b"x" * 3_000_000, {}, "131072 bytes in line 2"),
    "C05 quote not closed": (b'a,b,y\n1,2,"cat\n3,4,dog\n', {}, "not closed in line 2"),
    "C05 closed by the next": (b'a,b,y\n1,2,"cat\n3,4,"dog"\n', {}, "closing.* in line 2"),
    "C05 in the last field": (b'a,b,y\n1,2,cat\n3,4,"', {}, "not closed in line 3"),
    "C05 inside a field": (b'a,b,y\n1,2,5" pipe\n', {}, "inside a field in line 2"),
    "C05 in a large table": (
        b'a,b,y\n1,2,c\n1,2,"c\n' + b"1,2,c\n" * 600_000,
        {},
        "not closed in line 3",
    ),
    "C05 in the header": (b'a,"b\n1,2\n', {}, "cannot be read"),
    "C06 field too many": (b"a,b,y\n1,2,cat,9\n", {}, "4 fields in line 2 and 3 in its header"),
    "C06 later": (b"a,b,y\n1,2,c\n\n1,2,c,4\n", {}, "4 fields in line 4"),
    "C06 after a quoted line end": (b'a,b,y\n1,2,"c\nd"\n1,2\n', {}, "2 fields in line 4"),
    "C07 field too few": (b"a,b,y\n1,2\n", {}, "2 fields in line 2 and 3 in its header"),
    "C09 UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, "UTF-16: byte order mark ff fe at offset 0"),
    "C09 UTF-16 without a mark": ("a,b\n".encode("utf-16-le"), {}, "NUL byte at offset 1.*UTF-16"),
    "C09 UTF-32": ("a,b\n1,2\n".encode("utf-32"), {}, "encoded as UTF-32"),
    "C10 Latin-1": (
        b"a,b,y\n1,2,cat\n3,4,caf\xe9\n",
        {},
        "0xe9 at offset 21, line 3. It may be Latin-1",
    ),
    "C10 Latin-1 in the header": (b"a,caf\xe9\n1,2\n", {}, "0xe9 at offset 5, line 1"),
    "C13 column twice": (b"a,b,a\n1,2,3\n", {}, "the column 'a' twice"),
    "C14 semicolons": (b"path;label\nx;y\n", {}, "columns found: 'path;label'.*delimiter=';'"),
    "C14 semicolons, with y_col": (b"path;y\nx;y\n", {"y_col": "y"}, "columns found: 'path;y'"),
    "C15 binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, "not text: NUL byte at offset 8"),
    "C15 NUL later": (b"a,b\n1,2\n3,\0\n", {}, "NUL byte at offset 10"),
    "C16 label empty": (b"a,b,y\n1,2,cat\n3,4,\n", {"y_col": "y"}, "no label in line 3"),
    "text among numbers": (
        b"a,b,y\n" + b"1,2,c\n" * 60_000 + b"1,zz,c\n",
        {},
        "line 60002, column 'b', the cell 'zz', which is no finite float32 number.*exclude=",
    ),
    "number too large for float32": (
        b"a,b\n1,2\n3,1e39\n",
        {},
        "line 3, column 'b', the cell '1e39', which is no finite float32 number",
    ),
    "number too large for float16": (
        b"a\n1\n70000\n",
        {"dtype": "float16"},
        "line 3, column 'a', the cell '70000', which is no finite float16 number",
    ),
    "infinite": (b"a\n1\n-inf\n", {}, "line 3, column 'a', the cell '-inf'"),
    "number too large": (b"a\n1\n300\n", {"dtype": "uint8"}, "line 3, column 'a', the cell '300'"),
    "feature missing": (b"a,b\n1,2\n3,\n", {}, "no value in line 3, column 'b'.*missing=\"nan\""),
    "feature NA": (b"a,b\n1,2\nNA,4\n", {}, "no value in line 3, column 'a': the cell is 'NA'"),
    "weight missing": (b"a,w\n1,\n", {"sample_weight": "w"}, "no value in line 2, column 'w'"),
    "weight of text": (b"a,w\n1,x\n", {"sample_weight": "w"}, "line 2, column 'w', the cell 'x'"),
    "no column y": (GOOD, {"y_col": "label"}, "y_col= names the column 'label'.*'a', 'b', 'y'"),
    "no column bb": (GOOD, {"columns": ["bb"]}, "columns= names the column 'bb'.*mean 'b'"),
    "no column of numbers": (b"x,y\nu,v\n", {}, "no column of numbers.*'x', 'y'"),
    "feature and label": (GOOD, {"columns": ["a"], "y_col": "a"}, "in columns= and in y_col="),
    "index of a DataFrame": (b",a\n0,1\n", {}, "has no name"),
    "label named sample": (b"a,sample\n1,2\n", {"y_col": "sample"}, "Rename it"),
    "weight named label": (b"a,label\n1,2\n", {"sample_weight": "label"}, "Rename it"),
}


def act(path: Path | str, options: dict[str, Any]) -> None:
    folder = os.path.join(os.path.dirname(path), "cache")
    CsvRows(cache_dir=folder, progress=False, **options).list_samples(str(path))


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_told_in_one_line_at_little_cost(
    tmp_path: Path, case: str, at_little_cost: Any
) -> None:
    content, options, message = BAD[case]
    (tmp_path / "good.csv").write_bytes(GOOD)
    act(tmp_path / "good.csv", {})  # what is imported is none of the table's cost
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with at_little_cost(50_000_000), pytest.raises(ConfigError, match=message) as caught:
        act(path, options)
    text = str(caught.value)
    assert type(caught.value) is (LabelError if case.startswith("C16") else ConfigError)
    assert text.isprintable()
    assert "bad.csv" in text
    assert len(text) < 900
    assert [name for name in os.listdir(tmp_path / "cache") if name.endswith(".tmp")] == []


@pytest.mark.parametrize("content", [GOOD.replace(b"cat", b"na\xc3\xafve"), GOOD])
def test_good_tables_pass_the_same_checks(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "good.csv"
    path.write_bytes(content)
    act(path, {"y_col": "y"})


def test_the_longest_field_that_is_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    for field in (b"x" * 131_072, b'"' + b"x" * 131_000 + b'"'):
        path.write_bytes(b"a,y\n1," + field + b"\n2,z\n")
        act(path, {"y_col": "y"})


def test_a_record_longer_than_a_block_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b'a,y\n1,"' + b'x""\n' * 100 + b'"\n2,z\n')
    monkeypatch.setattr(scanning, "BLOCK", 16)
    component = CsvRows(cache_dir=str(tmp_path), y_col="y", progress=False)
    assert component.list_samples(str(path))["label"].tolist() == ['x"\n' * 100, "z"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "device"])
def test_what_is_no_regular_file_is_refused_and_does_not_block(tmp_path: Path, kind: str) -> None:
    if sys.platform == "win32" and kind in ("fifo", "device"):
        return  # They do not exist there.
    path = str(tmp_path / "odd.csv")
    if kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = "/dev/zero"
    component = CsvRows(cache_dir=str(tmp_path / "cache"), progress=False)
    with pytest.raises(ConfigError, match=r"cannot be found|directory, pipe"):
        component.list_samples(path)
