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


def test_plugins_are_listed_as_a_table(capsys):
    code, out, err = run(capsys, "plugins")
    header, rule, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert header.split() == ["Name", "Kind", "Distribution", "Version", "Status", "Summary"]
    assert set(rule) == {"-", " "}
    assert len(rows) == len(installed())
    (row,) = [row for row in rows if row.startswith("categorical")]
    assert row.split()[:5] == ["categorical", "encoder", "penstock", version("penstock"), "ok"]
    assert row.endswith("One-hot vectors, float32 of shape (n, classes), for categorical losses.")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits_the_terminal_as_far_as_its_names_allow(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run(capsys, "plugins")[1].splitlines()
    names = max(len(line) - len(line.split("  ")[-1]) for line in lines)
    assert max(map(len, lines)) <= max(width, names + 20)


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


def test_a_broken_plugin_is_explained_below_the_table(capsys, monkeypatch):
    broken = Plugin("loader", "wav", "sounds", "1.0", "s:W", "broken", "there is no module 's'")
    monkeypatch.setattr("penstock.plugins.installed", lambda: [broken])
    code, out, _ = run(capsys, "plugins")
    assert code == 0
    assert out.endswith("\nwav (sounds): broken: there is no module 's'\n")


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
    options = {line.split()[0]: line for line in out.splitlines() if line.startswith(("column ", "dtype "))}
    assert options["column"].endswith("required")
    assert options["dtype"].endswith("None")
    assert "str | None" in options["dtype"]
    assert out.endswith("Hooks: describe_sample, load_samples, pick_samples\n")


def test_a_component_may_be_named_with_its_distribution(capsys):
    assert run(capsys, "plugins", "show", "penstock:int")[1].startswith("int: an encoder") or run(
        capsys, "plugins", "show", "penstock:int"
    )[1].startswith("int: a encoder")


@pytest.mark.parametrize(
    ("name", "near"), [("colums", "columns"), ("categoricl", "categorical"), ("mulitlabel", "multilabel")]
)
def test_an_unknown_name_ends_with_code_1_and_the_nearest_of_any_kind(capsys, name, near):
    code, out, err = run(capsys, "plugins", "show", name)
    assert (code, out) == (1, "")
    assert err.startswith(f"penstock: There is no ")
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
    assert done.stderr.startswith("penstock: There is no loader 'nopy'.")
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
