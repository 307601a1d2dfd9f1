"""The command line lists plugins for people and machines, and says what went wrong in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from penstock import cli
from penstock.plugins import Plugin, installed


def run(capsys, *arguments):
    code = cli.main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


LISTED = [
    Plugin("encoder", "int", "penstock", "1.0", "p:Int", summary="Class numbers. " * 9),
    Plugin("loader", "wav", "sounds-of-the-sea", "2.5", "s:Wav", "conflict", "offered by a and b"),
]


@pytest.fixture
def listed(monkeypatch):
    monkeypatch.setattr("penstock.plugins.installed", lambda kind=None: LISTED)


def test_plugins_are_listed_as_a_table(capsys, listed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(capsys, "plugins")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Name  Kind     Distribution       Version  Status    Summary",
        "----  -------  -----------------  -------  --------  ---------------------------",
        "int   encoder  penstock           1.0      ok        Class numbers. Class numbe…",
        "wav   loader   sounds-of-the-sea  2.5      conflict",
        "",
        "wav (sounds-of-the-sea): conflict: offered by a and b",
    ]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_is_as_wide_as_the_terminal_at_most(capsys, listed, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, run(capsys, "plugins")[1].splitlines())) <= width


def test_what_is_installed_is_listed(capsys):
    names = [line.partition(" ")[0] for line in run(capsys, "plugins")[1].splitlines()]
    assert {"arrays", "columns", "categorical", "int"} <= set(names)


def test_the_listing_for_machines_has_every_field(capsys):
    code, out, _ = run(capsys, "plugins", "--json")
    listed = json.loads(out)
    assert code == 0
    assert [row["name"] for row in listed] == [plugin.name for plugin in installed()]
    for row in listed:
        assert list(row) == [
            "kind",
            "name",
            "distribution",
            "version",
            "value",
            "status",
            "reason",
            "summary",
        ]
        assert all(isinstance(value, str) for value in row.values())
        assert row["kind"] in {"loader", "encoder", "augmenter"}
        assert row["status"] in {"ok", "broken", "conflict"}


def test_load_shows_what_only_an_import_can_show(capsys, monkeypatch):
    listed = [
        Plugin("loader", "columns", "penstock", "1.0", "penstock.columns:Columns"),
        Plugin("loader", "nowhere", "sounds", "1.0", "s:W"),
    ]
    monkeypatch.setattr("penstock.plugins.installed", lambda kind=None: listed)
    rows = json.loads(run(capsys, "plugins", "--json")[1])
    assert [row["status"] for row in rows] == ["ok", "ok"]
    rows = json.loads(run(capsys, "plugins", "--load", "--json")[1])
    assert [row["status"] for row in rows] == ["ok", "broken"]
    assert "nowhere" in rows[1]["reason"]


def test_a_component_is_shown_with_its_options_and_hooks(capsys):
    code, out, err = run(capsys, "plugins", "show", "columns")
    assert (code, err) == (0, "")
    first, summary, *_ = out.splitlines()
    assert first == (
        f"columns: a loader of penstock {version('penstock')} (penstock.columns:Columns)"
    )
    assert summary == "  Columns of the samples table: numbers as float32, or text as strings."
    options = {
        line.split()[0]: line for line in out.splitlines() if line.startswith(("column ", "dtype "))
    }
    assert options["column"].endswith("required")
    assert options["dtype"].endswith("None")
    assert "str | None" in options["dtype"]
    assert out.endswith("Hooks: describe_sample, load_samples, pick_samples\n")


def test_a_component_may_be_named_with_its_distribution(capsys):
    code, out, _ = run(capsys, "plugins", "show", "penstock:int")
    assert code == 0
    assert out.startswith("int: an encoder of penstock")


@pytest.mark.parametrize(
    ("name", "near"),
    [("colums", "columns"), ("categoricl", "categorical"), ("mulitlabel", "multilabel")],
)
def test_an_unknown_name_ends_with_code_1_and_the_nearest_of_any_kind(capsys, name, near):
    code, out, err = run(capsys, "plugins", "show", name)
    assert (code, out) == (1, "")
    assert err.startswith("penstock: There is no ")
    assert f"Did you mean '{near}'?" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["plugin"], ["plugins", "--jsn"], ["plugins", "show"]])
def test_a_wrong_argument_ends_with_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: penstock" in capsys.readouterr().err


def test_nothing_asked_for_is_help(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert out.startswith("usage: penstock")


def test_the_version_is_the_distributions(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"penstock {version('penstock')}\n"


def test_python_m_penstock_is_penstock():
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "plugins", "show", "nopy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("penstock: There is no plugin 'nopy'.")
    assert "Traceback" not in done.stderr


def test_a_reader_that_went_away_is_no_error():
    done = subprocess.run(
        [f"{sys.executable} -m penstock plugins --json | head -c 1"],
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[", "")
