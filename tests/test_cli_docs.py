"""The page on the command line shows what the commands print, and leaves none of them out."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from penstock import cli

ROOT = Path(__file__).parents[1]
PAGES = ("docs/reference/command-line.md", "docs/how-to/publish-a-plugin.md")
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^\$ penstock (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Stand beside the data that the page speaks of, with nothing foreign installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PENSTOCK_DISABLE_PLUGINS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("sick", "well"):
        Path("scans", name).mkdir(parents=True)
        for number in range(3):
            scan = np.full((32, 32, 16), 100 * number, np.int16)
            np.save(Path("scans", name, f"{number}.npy"), scan)
    Path("broken", "sick").mkdir(parents=True)
    for number in (5, 6, 7):
        np.save(Path("broken", "sick", f"{number}.npy"), np.zeros(3, np.int16))
    Path("broken", "sick", "7.npy").write_bytes(b"<html>")
    Path("empty").mkdir()
    rows = ("5.1,3,setosa", "4.9,3,setosa", "6.3,3,virginica", "5.8,2,virginica")
    Path("iris.csv").write_text("\n".join(["length,width,species", *rows]), encoding="utf-8")


def matches(shown, found):
    """Compare; … stands for anything within a line, and for lines where it stands alone."""
    pattern = ""
    for line in shown.rstrip("\n").split("\n"):
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(map(re.escape, line.split("…"))) + r"\n"
    pattern = pattern.replace(re.escape("0.1.0"), r"[\w.+]+")  # whatever version it is
    return re.fullmatch(pattern, found)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_print_what_the_page_shows(page, place, capsys):
    shown = [command for block in BLOCK.findall(TEXTS[page]) for command in SHOWN.findall(block)]
    compared = 0
    for arguments, output in shown:
        if not output:
            continue
        code = cli.main(shlex.split(arguments))
        out, err = capsys.readouterr()
        assert code == (1 if err else 0)
        assert matches(output, out + err), f"$ penstock {arguments}\n{out}{err}"
        compared += 1
    assert compared >= (8 if page == PAGES[0] else 1)


def commands(parser, name="penstock"):
    """Find every command below a parser, with its own options and arguments."""
    own, below = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, each in action.choices.items():
                below += commands(each, f"{name} {word}")
        elif action.dest != "help":
            own += action.option_strings
    return [(name, own), *below]


@pytest.mark.parametrize(("command", "options"), commands(cli._parser()))
def test_every_command_and_option_is_on_the_page(command, options):
    text = TEXTS[PAGES[0]]
    sections = dict(
        zip(*[iter(re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:])] * 2, strict=True)
    )
    if command == "penstock":
        assert [f"penstock {option}" for option in options] == ["penstock --version"]
        assert "penstock --version" in sections
        return
    assert command in sections
    for option in options:
        assert re.search(rf"^\| `{option}[ `]", sections[command], re.MULTILINE), option


def test_the_page_has_no_commands_that_are_not_there():
    titles = re.findall(r"^## (penstock [a-z -]+)$", TEXTS[PAGES[0]], re.MULTILINE)
    known = [name for name, _ in commands(cli._parser())]
    assert set(titles) - {"penstock --version"} == set(known) - {"penstock"}
