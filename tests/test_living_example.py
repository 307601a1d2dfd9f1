"""The example plugin is built, installed and tested as the stranger's it could be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "examples" / "nifti-plugin"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
USE = """
import sys
from pathlib import Path

import nibabel
import numpy as np
import penstock

assert "nifti_plugin" not in sys.modules
rng = np.random.default_rng(0)
for number in range(10):
    path = Path("scans", "ab"[number % 2], f"{number}.nii.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = rng.integers(0, 9, (4, 5, 6)).astype(np.int16)
    nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(path)

for options in ({}, {"loader": "nifti"}, {"loader": "penstock-example-nifti:nifti"}):
    data = penstock.make_generator("scans", shape=(4, 4, 4), batch_size=4, **options)
    batches = list(data)
    data.close()
    assert [x.shape for x, _ in batches] == [(n, 4, 4, 4, 1) for n in (4, 4, 2)]
    assert np.concatenate([y for _, y in batches]).sum(axis=0).tolist() == [5, 5]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the project's wheel from its sources alone."""
    place = tmp_path_factory.mktemp("wheel")
    command = [*PIP, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [*command, "--wheel-dir", str(place), str(PROJECT)],
        check=True,
        env={**os.environ, "PIP_FIND_LINKS": "", "PIP_NO_INPUT": "1"},
    )
    (wheel,) = place.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """Install it into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    command = [*PIP, "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True)
    return target


def before(site):
    """Return a path for modules on which *site* comes first."""
    return os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))


def run(site, place, *command):
    return subprocess.run(
        [sys.executable, *command],
        cwd=place,
        env={**os.environ, "PYTHONPATH": before(site), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_wheel_holds_its_package_and_its_entry_point(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        points = archive.read("penstock_example_nifti-1.0.0.dist-info/entry_points.txt").decode()
    code = {name for name in names if not name.startswith("penstock_example_nifti-")}
    modules = ("__init__.py", "loader.py", "py.typed", "reading.py")
    assert code == {f"nifti_plugin/{name}" for name in modules}
    assert points == "[penstock.loaders]\nnifti = nifti_plugin:NiftiFiles\n"


def test_its_own_tests_pass_where_it_is_installed(site, tmp_path):
    done = run(
        site,
        tmp_path,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(PROJECT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
        str(PROJECT / "tests"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.splitlines()[-1]
    assert "passed" in closing
    assert "skipped" not in closing


def test_it_is_found_by_name_and_by_detection_and_an_epoch_is_whole(site, tmp_path):
    done = run(site, tmp_path, "-c", USE)
    assert done.returncode == 0, done.stderr


def test_it_is_listed_and_inspected(site, tmp_path):
    run(site, tmp_path, "-c", USE)
    done = run(site, tmp_path, "-m", "penstock", "plugins", "--load", "--json")
    listed = {plugin["name"]: plugin for plugin in json.loads(done.stdout)}
    assert listed["nifti"]["status"] == "ok"
    assert listed["nifti"]["distribution"] == "penstock-example-nifti"
    assert listed["nifti"]["summary"].startswith("Volumes from NIfTI files,")
    done = run(site, tmp_path, "-m", "penstock", "inspect", "scans")
    assert done.returncode == 0, done.stderr
    assert "Loaded:     float32 of shape (4, 5, 6, 1)\n" in done.stdout
    assert done.stdout.endswith('\npenstock.make_generator("scans", loader="nifti")\n')


def test_it_imports_what_penstock_documents_and_no_more():
    documented = {"penstock", "penstock.errors", "penstock.reading", "penstock.testing"}
    for path in PROJECT.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and words[1].startswith("penstock"):
                assert words[1] in documented, f"{path.name}: {line}"


def test_its_readme_lists_its_options(site, tmp_path):
    code = (
        "import json\n"
        "from dataclasses import fields\n"
        "from nifti_plugin import NiftiFiles\n"
        "print(json.dumps({each.name: each.default for each in fields(NiftiFiles)}))"
    )
    known = json.loads(run(site, tmp_path, "-c", code).stdout)
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", text, re.MULTILINE)
    assert {name: eval(default) for name, default in rows} == known
