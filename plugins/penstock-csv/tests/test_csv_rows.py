"""What CsvRows makes of good tables."""

from __future__ import annotations

import csv
import io
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from penstock.errors import ConfigError, SampleMissing
from penstock_csv import CsvRows, scanning

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TABLE = "id,height,width,species\n1,1.5,2,cat\n2,2.5,3,dog\n3,3.5,4,cat\n"


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def loader(folder: Path, **options: Any) -> CsvRows:
    return CsvRows(cache_dir=str(folder / "cache"), progress=False, **options)


def features(component: CsvRows, path: str) -> NDArray[Any]:
    samples = component.list_samples(path)["sample"].to_numpy()
    spec = component.describe_sample(path)
    out = np.empty((len(samples), *spec.shape), spec.dtype)
    component.load_samples(samples, out, path)
    return out


def test_numbers_are_features_and_the_label_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    component = loader(tmp_path, y_col="species", exclude=["id"])
    np.testing.assert_array_equal(features(component, path), [[1.5, 2], [2.5, 3], [3.5, 4]])
    spec = component.describe_sample(path)
    assert (spec.shape, spec.dtype) == ((2,), np.dtype("float32"))
    table = component.list_samples(path)
    assert table["sample"].dtype == np.int64
    assert table["sample"].tolist() == [0, 1, 2]
    assert table["label"].tolist() == ["cat", "dog", "cat"]
    assert table["species"].tolist() == ["cat", "dog", "cat"]


def test_rows_are_loaded_in_any_order_with_repeats(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    out = np.empty((4, 1), np.float32)
    loader(tmp_path, columns="height").load_samples(np.array([2, 0, 0, 1]), out, path)
    np.testing.assert_array_equal(out[:, 0], [3.5, 1.5, 1.5, 2.5])


@pytest.mark.parametrize("row", [3, -1, 2**40])
def test_a_row_that_is_not_there_is_never_another_one(tmp_path: Path, row: int) -> None:
    path = write(tmp_path, TABLE)
    with pytest.raises(SampleMissing, match=rf"Row {row} was asked for.*3 rows"):
        loader(tmp_path).load_samples(np.array([0, row]), np.empty((2, 3), np.float32), path)


def test_without_y_col_there_is_no_label(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    assert list(loader(tmp_path).list_samples(path).columns) == ["sample"]


def test_columns_keep_the_users_order(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    found = features(loader(tmp_path, columns=["width", "id"]), path)
    np.testing.assert_array_equal(found, [[2, 1], [3, 2], [4, 3]])


def test_several_label_columns_and_weights_stand_in_the_samples_table(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y,z,w\n1,2,3.5,0.25\n2,3,4.5,1\n")
    component = loader(tmp_path, y_col=["y", "z"], sample_weight="w")
    table = component.list_samples(path)
    assert list(table.columns) == ["sample", "y", "z", "w"]
    assert table["y"].dtype == np.int64
    assert table["z"].tolist() == ["3.5", "4.5"]
    assert table["w"].tolist() == [0.25, 1.0]
    np.testing.assert_array_equal(features(component, path), [[1], [2]])


@pytest.mark.parametrize(
    "labels",
    [
        ["NA", "nan", "None"],
        ["007", "7", "8"],
        ["1e5", "1", "2"],
        ["1.0", "1", "2"],
        [" cat", "cat"],
    ],
)
def test_labels_stay_the_strings_they_are(tmp_path: Path, labels: list[str]) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"1,{label}\n" for label in labels))
    table = loader(tmp_path, y_col="y").list_samples(path)
    assert table["label"].tolist() == labels
    assert all(type(label) is str for label in table["label"])


@pytest.mark.parametrize(
    ("labels", "whole"),
    [
        (["0", "-1", "12"], True),
        ([str(2**63 - 1), str(-(2**63))], True),
        ([str(2**63)], False),
        (["-0"], False),
        (["+1"], False),
        (["1_000"], False),
        (["--1"], False),
        (["-"], False),
        (["٣"], False),
        (["1", "2", "x"], False),
    ],
)
def test_labels_are_whole_numbers_only_where_every_one_is(
    tmp_path: Path, labels: list[str], whole: bool
) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"1,{label}\n" for label in labels))
    found = loader(tmp_path, y_col="y").list_samples(path)["label"]
    assert found.dtype == (np.int64 if whole else object)
    assert found.tolist() == ([int(label) for label in labels] if whole else labels)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_end_and_the_byte_order_mark_are_accepted(
    tmp_path: Path, end: str, mark: bytes, last: bool
) -> None:
    text = TABLE if last else TABLE.rstrip("\n")
    path = write(tmp_path, mark + text.replace("\n", end).encode())
    component = loader(tmp_path, y_col="species")
    np.testing.assert_array_equal(
        features(component, path), [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]]
    )
    assert component.list_samples(path)["label"].tolist() == ["cat", "dog", "cat"]


def test_empty_lines_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "\n\na,b\n\n1,2\n\n\n3,4\n\n\n")
    np.testing.assert_array_equal(features(loader(tmp_path), path), [[1, 2], [3, 4]])


def test_tsv_is_separated_by_tabs_and_other_delimiters_by_request(tmp_path: Path) -> None:
    tabs = write(tmp_path, "a\tb\n1\t2\n", "table.TSV")
    np.testing.assert_array_equal(features(loader(tmp_path), tabs), [[1, 2]])
    semicolons = write(tmp_path, "a;b\n1;2\n")
    np.testing.assert_array_equal(features(loader(tmp_path, delimiter=";"), semicolons), [[1, 2]])


@pytest.mark.parametrize(
    ("dtype", "cells"),
    [
        ("float64", ["0.1", "1e300"]),
        ("float16", ["0.5", "-2"]),
        ("uint8", ["0", "255"]),
        ("int64", [str(2**62), "-5"]),
        ("bool", ["true", "0"]),
    ],
)
def test_the_dtype_is_what_is_packed(tmp_path: Path, dtype: str, cells: list[str]) -> None:
    path = write(tmp_path, "a\n" + "\n".join(cells))
    found = features(loader(tmp_path, dtype=dtype), path)
    assert found.dtype == dtype
    wanted = [cell == "true" for cell in cells] if dtype == "bool" else [float(c) for c in cells]
    np.testing.assert_array_equal(found[:, 0].astype(np.float64), wanted)


def test_missing_features_are_nan_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,\n,2\nNA,nan\n")
    found = features(loader(tmp_path, missing="nan"), path)
    np.testing.assert_array_equal(found, [[1, np.nan], [np.nan, 2], [np.nan, np.nan]])


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(width=32, allow_nan=False, allow_infinity=False),
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=9),
            st.integers(-(2**24), 2**24),
        ),
        min_size=1,
        max_size=30,
    ),
    block=st.integers(64, 400),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_whatever_the_block_size(
    tmp_path: Path, rows: list[Any], block: int, quoting: Any, end: str
) -> None:
    if end == "\n":
        quoting = csv.QUOTE_ALL  # QUOTE_MINIMAL then leaves a CR as it is, which no reader can tell
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=end)
    writer.writerow(["a", "text", "b"])
    writer.writerows((repr(a), text, b) for a, text, b in rows)
    path = write(tmp_path, file.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "BLOCK", block)
        # A block that ends early enough to hide the header would be no header.
        component = CsvRows(
            cache_dir=str(tmp_path / str(hash((path, block)))), y_col="text", progress=False
        )
        found = features(component, path)
        labels = component.list_samples(path)["label"].tolist()
    np.testing.assert_array_equal(found, np.array([(a, b) for a, _, b in rows], np.float32))
    assert [str(label) for label in labels] == [text for _, text, _ in rows]


def test_a_table_larger_than_the_blocks_needs_little_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((60_000, 12)).astype(np.float32)
    frame = pd.DataFrame(numbers, columns=[f"c{i}" for i in range(12)])
    frame["y"] = rng.choice(["ant", "bee"], len(frame))
    path = str(tmp_path / "large.csv")
    frame.to_csv(path, index=False)
    component = loader(tmp_path, y_col="y")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "BLOCK", 2**18)
        tracemalloc.start()
        component.describe_sample(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2**23
    np.testing.assert_array_equal(features(component, path), numbers)
    assert component.list_samples(path)["label"].tolist() == frame["y"].tolist()


def test_many_threads_open_and_load_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a\n" + "\n".join(map(str, range(1000))))
    component = loader(tmp_path)
    out = np.empty((1000, 1), np.float32)

    def load(start: int) -> None:
        part = slice(start, start + 50)
        component.load_samples(np.arange(1000)[part], out[part], path)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(load, range(0, 1000, 50)))
    np.testing.assert_array_equal(out[:, 0], np.arange(1000))


def test_a_loader_is_a_value_and_leaves_its_open_files_behind(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    component = loader(tmp_path, columns=["id", "height"], exclude=["width"], y_col=["species"])
    before = len(pickle.dumps(component))
    found = features(component, path)
    pickled = pickle.dumps(component)
    assert len(pickled) == before
    again = pickle.loads(pickled)
    assert again == component
    assert hash(again) == hash(component)
    np.testing.assert_array_equal(features(again, path), found)


def test_files_named_like_csv_are_claimed(tmp_path: Path) -> None:
    component = CsvRows()
    assert component.claims_source(write(tmp_path, TABLE))
    assert component.claims_source(write(tmp_path, TABLE, "table.TSV"))
    assert not component.claims_source(write(tmp_path, TABLE, "table.csv.gz"))
    assert not component.claims_source(str(tmp_path / "gone.csv"))
    assert not component.claims_source(str(tmp_path))
    assert not component.claims_source(["a.csv"])


def test_importing_the_plugin_loads_neither_pandas_nor_pyarrow() -> None:
    code = (
        "import sys, penstock_csv.loader; "
        "sys.exit(bool({'pandas', 'pyarrow', 'keras', 'tqdm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ()}, r"columns=\(\) names no column"),
        ({"columns": [1]}, r"columns=\[1\] is not a list"),
        ({"columns": ["a", "a"]}, "columns= names the column 'a' twice"),
        ({"exclude": None}, "exclude=None is not a list"),
        ({"dtype": "float23"}, "dtype='float23' is not a NumPy dtype. Did you mean 'float32'"),
        ({"dtype": "object"}, "dtype='object' is not a dtype for numbers"),
        ({"delimiter": ",,"}, "delimiter=',,'"),
        ({"delimiter": '"'}, "delimiter='\"'"),
        ({"missing": "nan", "dtype": "int32"}, "missing='nan' needs a float dtype"),
        ({"cache_dir": 3}, "cache_dir=3"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CsvRows(**options)


def test_a_source_that_is_no_path_is_refused() -> None:
    with pytest.raises(ConfigError, match="the source is no path"):
        CsvRows().describe_sample(None)
