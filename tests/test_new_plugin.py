"""``penstock new-plugin`` writes a project that passes its own tests and checks as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from penstock import cli
from penstock.errors import ConfigError
from penstock.newplugin import write_plugin

KINDS = ("loader", "encoder", "augmenter")
NAMES = {"loader": "penstock-tide", "encoder": "circle", "augmenter": "penstock-white-noise"}


def files_of(project):
    return sorted(
        path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()
    )


def before(site):
    """Return a path for modules on which *site* comes first."""
    return os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))


def run(place, *command, **environment):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=place,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module", params=KINDS)
def project(request, tmp_path_factory):
    """Write a project of each kind."""
    place = tmp_path_factory.mktemp("projects")
    name = NAMES[request.param]
    write_plugin(name, request.param, str(place))
    return place / name


@pytest.fixture(scope="module")
def site(project, tmp_path_factory):
    """Install the project with pip into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    pip = ("pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index")
    done = run(
        project.parent,
        *(*pip, "--no-build-isolation", "--target", str(target), str(project)),
        PIP_FIND_LINKS="",
        PIP_NO_INPUT="1",
    )
    assert done.returncode == 0, done.stderr
    return target


def test_its_tests_pass_where_it_is_installed(project, site):
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", PYTHONPATH=before(site))
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.splitlines()[-1]
    assert "passed" in closing
    assert "skipped" not in closing


def test_its_tests_notice_a_readme_that_tells_of_another_component(project, site, tmp_path):
    copy = shutil.copytree(project, tmp_path / project.name)
    readme = copy / "README.md"
    whole = readme.read_text(encoding="utf-8")
    for row in table(project / "README.md"):
        readme.write_text(whole.replace(row, ""), encoding="utf-8")
        done = run(copy, "pytest", "-q", "-k", "readme", PYTHONPATH=before(site))
        assert done.returncode == 1, done.stdout
        assert "1 failed" in done.stdout


def test_its_readme_asks_for_a_pip_that_knows_groups(project):
    commands = (project / "README.md").read_text(encoding="utf-8").splitlines()
    at = commands.index("pip install -e . --group dev")
    assert commands[at - 1] == 'pip install --upgrade "pip>=25.1"'


def test_it_is_listed_with_its_summary(project, site, tmp_path):
    kind = next(kind for kind, name in NAMES.items() if name == project.name)
    done = run(tmp_path, "penstock", "plugins", "--load", "--json", PYTHONPATH=before(site))
    (row,) = [row for row in json.loads(done.stdout) if row["distribution"] == project.name]
    short = project.name.removeprefix("penstock-").replace("-", "_")
    assert (row["kind"], row["name"], row["status"]) == (kind, short, "ok")
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]["description"]
    assert row["summary"] == described
    done = run(tmp_path, "penstock", "plugins", "show", short, PYTHONPATH=before(site))
    options = {line.split("|")[1].strip(" `") for line in table(project / "README.md")}
    shown = {line.split()[0] for line in done.stdout.splitlines() if line[:1].isalpha()}
    assert options <= shown


def table(readme):
    return [line for line in readme.read_text().splitlines() if line.startswith("| `")]


@pytest.fixture(scope="module")
def short_and_long(tmp_path_factory):
    """Write projects of the shortest and the longest names: lines must fit with either."""
    place = tmp_path_factory.mktemp("names")
    for kind in KINDS:
        for name in (f"p{kind[0]}", kind.ljust(40, "x")):
            write_plugin(name, kind, str(place))
    return place


@pytest.mark.parametrize("check", [("check",), ("format", "--check")])
def test_ruff_finds_nothing_to_say(project, short_and_long, check):
    for place in (project, short_and_long):
        done = run(place, "ruff", *check, "--no-cache")
        assert done.returncode == 0, done.stdout


def test_mypy_finds_nothing_to_say_in_strict_mode(project, tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "mypy_cache"  # one for all three
    done = run(project, "mypy", "--strict", "--cache-dir", str(cache))
    assert done.returncode == 0, done.stdout


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new-plugin", "penstock-tide"]) == 0
    paths = [
        "pyproject.toml",
        "README.md",
        "src/penstock_tide/__init__.py",
        "src/penstock_tide/py.typed",
        "tests/test_penstock_tide.py",
    ]
    written, after = capsys.readouterr().out.split("\n\n")
    told = written.splitlines()
    assert [Path(path).as_posix() for path in told] == [f"penstock-tide/{path}" for path in paths]
    assert after.split("\n") == [
        "Next:",
        "  cd penstock-tide",
        '  pip install --upgrade "pip>=25.1"  # for --group',
        "  pip install -e . --group dev",
        "  pytest",
        "",
    ]
    assert files_of(tmp_path / "penstock-tide") == sorted(paths)


def test_it_goes_where_it_is_told(tmp_path, capsys):
    place = tmp_path / "a" / "b"
    assert cli.main(["new-plugin", "tide", "--directory", str(place), "--kind", "encoder"]) == 0
    assert files_of(place / "tide")[-1] == "tests/test_tide.py"
    assert "EncoderConformance" in (place / "tide" / "tests" / "test_tide.py").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_be_filled_in(tmp_path, kind):
    for path in write_plugin("penstock-tide", kind, str(tmp_path)):
        assert "$" not in Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("present", ["folder", "file"])
def test_nothing_is_overwritten(tmp_path, present, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tide"
    path.mkdir() if present == "folder" else path.write_text("mine")
    assert cli.main(["new-plugin", "tide"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "penstock: There is 'tide' already, and nothing was overwritten."
        " Give another name, or another --directory.\n"
    )
    assert list(path.iterdir()) == [] if present == "folder" else path.read_text() == "mine"


def test_a_directory_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="directory"):
        write_plugin("tide", directory=str(tmp_path / "file" / "below"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Tide", " Did you mean 'tide'?"),
        ("penstock_tide", " Did you mean 'penstock-tide'?"),
        ("my tide tables", " Did you mean 'my-tide-tables'?"),
        ("penstock--tide-", " Did you mean 'penstock-tide'?"),
        ("3d", " Did you mean 'd'?"),
        ("../tide", " Did you mean 'tide'?"),
        ("a" * 41, f" Did you mean '{'a' * 40}'?"),
        ("", ""),
        ("--", ""),
        ("\u6f6e", ""),
        ("a/b\nc", " Did you mean 'a-b-c'?"),
    ],
)
def test_a_name_that_pip_would_not_take_is_refused_with_a_better_one(tmp_path, name, hint):
    with pytest.raises(ConfigError) as caught:
        write_plugin(name, directory=str(tmp_path))
    assert str(caught.value).endswith(f"such as 'penstock-wav'.{hint}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("penstock", "loader", "it is a name of penstock, which comes with Penstock"),
        ("penstock-npy", "encoder", "it is a name of penstock-npy, which"),
        ("csv", "loader", "it is a name of penstock-csv, which"),
        ("penstock-flip", "augmenter", "Did you mean 'penstock-my-flip'?"),
        ("penstock-columns", "loader", "it is a name of penstock, which"),
        ("penstock-int", "encoder", "it is a name of penstock, which"),
        ("penstock-class", "loader", "'class' means something else in Python"),
        ("penstock-open", "loader", "'open' means something else in Python"),
        ("penstock-np", "augmenter", "Did you mean 'penstock-np-augmenter'?"),
        ("wave", "loader", "there is a module 'wave' already"),
        ("numpy", "encoder", "there is a module 'numpy' already"),
    ],
)
def test_a_name_that_means_something_already_is_refused(tmp_path, name, kind, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        write_plugin(name, kind, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
