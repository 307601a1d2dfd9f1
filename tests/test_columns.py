"""Values that stand in the table itself."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError
from penstock.fields import LoadedField

TABLE = pd.DataFrame(
    {
        "age": [30, 40, 50],
        "bmi": [20.5, 25.0, 30.25],
        "smokes": [True, False, True],
        "note": ["a", "caf\u00e9", ""],
        "gap": [1.0, np.nan, np.nan],
        "kind": pd.Categorical(["x", "y", "x"]),
    }
)


def values(loader, table=TABLE):
    field = LoadedField("x", loader, loader.pick_samples(table), None, None)
    field.describe()
    out = np.empty((len(table), *field.spec.shape), field.spec.dtype)
    field.load(np.arange(len(table)), out)
    return out


@pytest.mark.parametrize(
    ("loader", "dtype", "expected"),
    [
        (penstock.Columns("age"), "float32", [30, 40, 50]),
        (penstock.Columns(["age", "bmi"]), "float32", [[30, 20.5], [40, 25], [50, 30.25]]),
        (penstock.Columns(["smokes"]), "float32", [[1], [0], [1]]),
        (penstock.Columns("age", dtype="int64"), "int64", [30, 40, 50]),
        (penstock.Columns("note"), "object", ["a", "caf\u00e9", ""]),
        (penstock.Columns("kind"), "object", ["x", "y", "x"]),
        (penstock.Columns("age", dtype="string"), "object", ["30", "40", "50"]),
        (penstock.Columns(["note", "kind"]), "object", [["a", "x"], ["caf\u00e9", "y"], ["", "x"]]),
    ],
)
def test_numbers_and_text_are_delivered(loader, dtype, expected):
    found = values(loader)
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == expected


def test_numbers_as_text_become_numbers_where_a_dtype_is_given():
    table = pd.DataFrame({"n": ["1.5", "2"]})
    assert values(penstock.Columns("n", dtype="float32"), table).tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (penstock.Columns("agee"), "no column 'agee' in the samples table. Did you mean 'age'?"),
        (penstock.Columns(["age", "gap"]), "2 of 3 cells in the column 'gap' are empty"),
        (
            penstock.Columns(["age", "note"]),
            "column 'note' holds text among columns of numbers, such as 'a'",
        ),
    ],
)
def test_columns_that_cannot_be_delivered_are_named(loader, message):
    with pytest.raises(ConfigError) as caught:
        values(loader)
    assert message in str(caught.value)


@pytest.mark.parametrize("column", [[], "", (), 5, None])
def test_columns_need_a_name(column):
    with pytest.raises(ConfigError):
        penstock.Columns(column)


@pytest.mark.parametrize("dtype", ["zzz", "complex64", "datetime64[s]", 5])
def test_a_dtype_that_cannot_be_delivered_is_refused(dtype):
    with pytest.raises(ConfigError, match="dtype"):
        values(penstock.Columns("age", dtype=dtype))


@pytest.mark.parametrize(("column", "dtype"), [("bmi", "int32"), ("age", "bool"), ("big", "uint8")])
def test_a_dtype_that_would_change_the_values_is_refused(column, dtype):
    with pytest.raises(ConfigError, match=column):
        values(penstock.Columns(column, dtype=dtype), TABLE.assign(big=300))


@pytest.mark.parametrize(
    "cells",
    [
        pd.date_range("2020", periods=3),
        pd.to_timedelta([1, 2, 3]),
        [1j, 2j, 3j],
        [[1], [2], [3]],
        [b"a", b"b", b"c"],
    ],
)
@pytest.mark.parametrize("column", ["odd", ["age", "odd"]])
def test_what_is_neither_number_nor_text_is_refused_unless_text_is_asked_for(cells, column):
    table = TABLE.assign(odd=pd.Series(cells))
    with pytest.raises(ConfigError, match="'odd' holds .*, which is neither a number nor text"):
        values(penstock.Columns(column), table)
    found = values(penstock.Columns(column, dtype="string"), table)
    assert str(cells[0]) in str(found)


def test_a_number_that_is_infinite_in_float32_is_refused():
    with pytest.raises(ConfigError, match=r"holds 1e\+39, which dtype='float32' cannot hold"):
        values(penstock.Columns("bmi"), TABLE.assign(bmi=1e39))
    assert values(penstock.Columns("bmi", dtype="float64"), TABLE.assign(bmi=1e39))[0] == 1e39


def test_a_whole_number_that_float32_rounds_is_warned_of_unless_float32_is_asked_for():
    table = TABLE.assign(age=[0, 2**24, 2**24 + 1])
    with pytest.warns(UserWarning, match="'age' holds 16777217, which float32 rounds to 16777216"):
        values(penstock.Columns("age"), table)
    values(penstock.Columns("age", dtype="float32"), table)
    assert values(penstock.Columns("age", dtype="float64"), table)[2] == 2**24 + 1


def test_columns_are_values():
    loader = penstock.Columns(["age", "bmi"])
    assert pickle.loads(pickle.dumps(loader)) == loader
    assert hash(loader) == hash(penstock.Columns(("age", "bmi")))
