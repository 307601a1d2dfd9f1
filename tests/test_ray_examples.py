"""The recipes for Ray Train train, and go on where they were killed, with another number too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("ray.train", reason='Ray is installed by the extra "ray"')

EXAMPLES = Path(__file__).parents[1] / "examples" / "ray"
BACKENDS = {"keras_on_jax.py": "jax", "keras_on_torch.py": "torch"}
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def run(name, storage, *options):
    """Train, and return the last loss and the accuracy."""
    pytest.importorskip(BACKENDS[name])
    # The paths of sockets may have 107 bytes, and Ray's own are long.
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp" if os.path.isdir("/tmp") else None)
    try:
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, "--storage", str(storage), *options],
            env={
                **os.environ,
                "RAY_TMPDIR": folder,
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_AUTH_MODE": "disabled",
                "JAX_PLATFORMS": "cpu",
                "TORCHINDUCTOR_CACHE_DIR": folder,
            },
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = re.search(r"^loss: (\S+)\nvalidation accuracy: (\S+)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stderr[-3000:]
    assert found, done.stdout[-3000:]
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("name", BACKENDS)
def test_a_recipe_trains_alike_whoever_dies_and_however_many_there_are(name, tmp_path):
    loss, accuracy = run(name, tmp_path, "--name", "whole")
    assert accuracy >= 0.85
    mark = tmp_path / "mark"
    mark.touch()
    killed = run(name, tmp_path, "--name", "killed", "--dies-once", str(mark))
    assert not mark.exists()
    assert killed[0] == pytest.approx(loss, rel=1e-4)
    run(name, tmp_path, "--name", "other", "--epochs", "1")
    other = run(name, tmp_path, "--name", "other", "--workers", "1")
    assert other[0] == pytest.approx(loss, rel=1e-4)
