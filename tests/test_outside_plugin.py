"""A plugin by a stranger: written elsewhere, installed with pip, found, used, and broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "strangers-sound"
version = "2.3"
description = "Waveforms for Penstock."
dependencies = ["penstock"]

[project.entry-points."penstock.loaders"]
wav = "strangers_sound:WavFiles"
"""

MODULE = '''
import wave
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import penstock


@dataclass(frozen=True)
class WavFiles:
    """Waveforms from .wav files, cut or zero-padded to a length."""

    seconds: float = 0.01
    sample_rate: int = 8_000
    suffixes: ClassVar = (".wav",)

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((int(self.seconds * self.sample_rate),), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for row, path in zip(out, samples, strict=True):
            with wave.open(path) as file:
                frames = np.frombuffer(file.readframes(len(row)), "<i2")
            row[:] = 0
            row[: len(frames)] = frames / 32768
'''

USE = """
import sys, wave
from pathlib import Path
import numpy as np
import penstock

for label, tone in {"high": 90, "low": 9}.items():
    for number in range(6):
        Path("sounds", label).mkdir(parents=True, exist_ok=True)
        with wave.open(f"sounds/{label}/{number}.wav", "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(np.full(70 + number, tone * 300, "<i2").tobytes())

for options in ({}, {"loader": "wav"}, {"loader": "wav", "seconds": 0.02}):
    data = penstock.make_generator("sounds", shuffle=False, batch_size=4, **options)
    assert data.class_names == ["high", "low"], data.class_names
    (x, y) = data[0]
    assert x.shape == (4, 160 if "seconds" in options else 80), x.shape
    np.testing.assert_allclose(x[0, :70], 90 * 300 / 32768)
    assert not x[0, 70:].any() and y.tolist() == [[1, 0]] * 4
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stranger's project and install it with pip, into a folder of its own."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "strangers_sound.py").write_text(MODULE)
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(project)],
        check=True,
        env={**os.environ, "PIP_FIND_LINKS": "", "PIP_NO_INPUT": "1"},
    )
    return target


def before(site: Path) -> str:
    """Return a path for modules on which *site* comes first."""
    return os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))


def run(site: Path, place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=place,
        env={**os.environ, "PYTHONPATH": before(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_found_by_detection_and_by_name_and_loads_its_files(
    site: Path, tmp_path: Path
) -> None:
    done = run(site, tmp_path, "-c", USE)
    assert done.returncode == 0, done.stderr


def test_it_is_listed_with_its_distribution_version_and_summary(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "-m", "penstock", "plugins", "--json")
    listed = {plugin["name"]: plugin for plugin in json.loads(done.stdout)}
    assert listed["wav"] == {
        "kind": "loader",
        "name": "wav",
        "distribution": "strangers-sound",
        "version": "2.3",
        "value": "strangers_sound:WavFiles",
        "status": "ok",
        "reason": "",
        "summary": "Waveforms from .wav files, cut or zero-padded to a length.",
    }
    shown = run(site, tmp_path, "-m", "penstock", "plugins", "show", "wav")
    assert "seconds" in shown.stdout
    assert "8000" in shown.stdout


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("import a_library_that_is_not_there\n" + MODULE, "a_library_that_is_not_there"),
        ("raise RuntimeError('no licence key')\n", "no licence key"),
        ("def this is no Python\n", "SyntaxError"),
        ("class Other: ...\n", "WavFiles"),
    ],
    ids=["missing import", "raises", "syntax error", "missing class"],
)
def test_a_broken_one_hurts_nobody_who_did_not_ask_for_it(
    site: Path, tmp_path: Path, broken: str, reason: str
) -> None:
    module = site / "strangers_sound.py"
    whole = module.read_text()
    module.write_text(broken)
    try:
        script = textwrap.dedent(
            """
            import numpy as np
            import penstock
            np.save("a.npy", np.zeros(3)); np.save("b.npy", np.ones(3))
            assert penstock.make_generator(["a", "b"], loader="npy", root=".")[0][0].shape == (2, 3)
            assert penstock.make_generator(["a.npy", "b.npy"], shuffle=False)[0][0].sum() == 3
            try:
                penstock.make_generator(["a", "b"], loader="wav", root=".")
            except penstock.errors.PluginError as error:
                print(error)
            """
        )
        done = run(site, tmp_path, "-c", script)
        assert done.returncode == 0, done.stderr
        assert "strangers-sound 2.3" in done.stdout
        assert reason in done.stdout
        listed = run(site, tmp_path, "-m", "penstock", "plugins", "--load", "--json")
        found = {plugin["name"]: plugin for plugin in json.loads(listed.stdout)}
        assert found["wav"]["status"] == "broken"
        assert reason in found["wav"]["reason"]
        assert found["npy"]["status"] == "ok"
    finally:
        module.write_text(whole)
