"""`penstock bench` measures a source, and says what bounds it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock.benching import _bound, bench, parse_options
from penstock.cli import main
from penstock.errors import ConfigError


@pytest.fixture
def folder(npy_files):
    """Six files of shape (2,)."""
    return str(npy_files)


def test_the_command_says_how_fast_a_source_is_read_and_what_bounds_it(folder, capsys):
    assert main(["bench", folder, "batch_size=2", "workers=1", "--seconds", "0.05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "samples     6, in batches of 2, on 1 threads"
    assert [line.split()[0] for line in lines[1:]] == [
        "made",
        "into",
        "processor",
        "work",
        "first",
        "bound",
    ]


def test_machines_are_given_json(folder, capsys):
    assert main(["bench", folder, "--json", "--seconds", "0.05"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 6
    assert found["samples_per_s"] > 0
    assert found["keras_per_s"] > 0
    assert set(found["us_per_sample"]) == {"load", "augment", "deliver", "encode"}
    assert found["bound"]


@pytest.mark.parametrize("batch_size", [2, 6])
def test_keras_gets_no_more_than_is_made_and_few_batches_say_nothing_of_its_part(
    folder, batch_size
):
    found = bench(folder, seconds=0.05, batch_size=batch_size, workers=1)
    assert found.keras_per_s <= found.samples_per_s
    assert found.handover_ms is None
    assert "hand-over too few batches" in str(found)
    assert "hand-over" not in found.bound


def test_a_cache_is_filled_before_it_is_measured(folder, monkeypatch):
    monkeypatch.setattr("penstock_npy.loader.fill_rows", refuse_after(2 * 6))
    assert bench(folder, seconds=0.05, cache="memory", workers=0).samples_per_s > 0


def refuse_after(count):
    """Load nothing, and no more than *count* samples beside those that make_generator looks at."""
    loaded = []

    def fill(paths, out, **_):
        loaded.extend(paths)
        assert len(loaded) <= count
        out[...] = 0

    return fill


def test_several_inputs_and_text_can_be_measured():
    table = {"x": np.zeros((4, 2)), "name": np.array(["a", "b", "c", "d"])}
    assert bench((table, np.arange(4)), seconds=0.05).samples == 4


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5"])
def test_a_time_that_cannot_be_measured_is_refused(folder, seconds):
    with pytest.raises(ConfigError, match="it must be a number above 0"):
        bench(folder, seconds=seconds)


def test_an_option_that_the_source_has_not_is_refused(folder, capsys):
    assert main(["bench", folder, "image_size=3,3"]) == 1
    assert "has no option 'image_size'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("224,224", (224, 224)),
        ("[1, 2]", (1, 2)),
        ("true", True),
        ("null", None),
        ("0.5", 0.5),
        ("memory", "memory"),
        ("a,b", "a,b"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_options_are_read_as_they_are_meant(typed, meant):
    assert parse_options([f"name={typed}"]) == {"name": meant}


@given(st.text(st.characters(exclude_characters="=")))
def test_what_is_no_option_is_refused(typed):
    with pytest.raises(ConfigError, match="Write NAME=VALUE"):
        parse_options([typed])


WORK = {"load": 100.0, "augment": 5.0, "deliver": 10.0, "encode": 1.0}


@pytest.mark.parametrize(
    ("changed", "measured", "found"),
    [
        ({}, {}, "loading, 86% of the work"),
        ({"augment": 500.0}, {}, "augmentation, 82% of the work"),
        ({"deliver": 500.0}, {}, "memory: delivery is 83% of the work"),
        ({"encode": 500.0}, {}, "the encoder, 81% of the work"),
        ({}, {"busy": 0.3, "gain": 1.9}, "waiting: for storage"),
        ({}, {"busy": 1.0, "gain": 1.0}, "Python's lock"),
        ({}, {"handover": 0.02}, "the hand-over to Keras"),
    ],
)
def test_what_bounds_is_told_from_the_figures(changed, measured, found):
    figures = {"busy": 2.0, "threads": 2, "gain": 1.9, "handover": 0.001, "per_batch": 0.01}
    assert _bound({**WORK, **changed}, **{**figures, **measured}).startswith(found)
