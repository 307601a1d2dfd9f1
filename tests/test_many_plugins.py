"""However many plugins are installed, and however many broken: one imports what one uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

COUNT, BROKEN = 50, 10
KINDS = ("loader", "encoder", "augmenter")
METADATA = "Metadata-Version: 2.1\nName: stranger-{n}\nVersion: 1.{n}\n\n{text}"
GOOD = '''
import penstock


class Component{n}:
    """Component number {n}."""

    suffixes = (".s{n}",)

    @penstock.hookimpl
    def load_samples(self, samples, out): ...
'''
BAD = ["class Component{n}(:\n", "import no_such_module\n", "raise SystemExit\n", "1 / 0\n", ""]
LOADED = """
import json, sys
print(json.dumps(sorted(name for name in sys.modules if name.startswith("stranger_"))))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install fifty distributions of one component each, the first ten of them broken."""
    site = tmp_path_factory.mktemp("site")
    for n in range(COUNT):
        info = site / f"stranger_{n}-1.{n}.dist-info"
        info.mkdir()
        # Descriptions are long, and parsing them takes time.
        (info / "METADATA").write_text(METADATA.format(n=n, text="What it is.\n" * 500))
        point = f"[penstock.{KINDS[n % 3]}s]\nstrange{n} = stranger_{n}:Component{n}\n"
        (info / "entry_points.txt").write_text(point)
        source = BAD[n % len(BAD)] if n < BROKEN else GOOD
        (site / f"stranger_{n}.py").write_text(source.format(n=n))
    return site


def before(site):
    """Return a path for modules on which *site* comes first."""
    return os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))


def run(site, place, code):
    done = subprocess.run(
        [sys.executable, "-c", code + LOADED],
        cwd=place,
        env={**os.environ, "PYTHONPATH": before(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_are_listed_and_none_is_imported(site, tmp_path):
    code = "from penstock.cli import main\nmain(['plugins', '--json'])"
    *listing, loaded = run(site, tmp_path, code)
    rows = [row for row in json.loads("".join(listing)) if row["name"].startswith("strange")]
    assert len(rows) == COUNT
    assert [row["name"] for row in rows if row["status"] == "broken"] == ["strange0", "strange5"]
    assert {row["summary"] for row in rows} >= {f"Component number {n}." for n in range(10, COUNT)}
    assert json.loads(loaded) == []


def test_a_generator_that_names_its_loader_imports_no_other(site, tmp_path):
    code = (
        "import numpy as np, penstock\n"
        "np.save('a.npy', np.ones(3))\n"
        "x = penstock.make_generator(['a'], loader='npy', root='.', encoder='none')[0][0]\n"
        "assert x.tolist() == [[1, 1, 1]]\n"
    )
    assert json.loads(run(site, tmp_path, code)[-1]) == []


def test_asking_for_one_imports_that_one(site, tmp_path):
    code = "from penstock.plugins import load\nload('encoder', 'strange13')"
    assert json.loads(run(site, tmp_path, code)[-1]) == ["stranger_13"]


def test_detection_finds_the_right_one_among_the_broken_ones(site, tmp_path):
    code = (
        "from penstock.loaders import detect_loader\n"
        "print(type(detect_loader(['a.s12'], None, {}, {})).__name__)"
    )
    found, loaded = run(site, tmp_path, code)
    assert found == "Component12"
    numbers = {int(name.partition("_")[2]) for name in json.loads(loaded)}
    assert {n % 3 for n in numbers} == {0}  # loaders alone
