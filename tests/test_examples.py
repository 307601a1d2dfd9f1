"""Each example trains, says how well, and leaves nothing behind."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
# The validation accuracy that each reaches with some room.
GOALS = {
    "arrays_with_early_stopping.py": 0.95,
    "dataframe_images_and_text.py": 0.9,
    "id_list_own_format.py": 0.9,
    "ids_and_labels.py": 0.85,
}


def test_each_example_has_a_goal():
    assert sorted(path.name for path in EXAMPLES.iterdir() if path.is_file()) == sorted(GOALS)


@pytest.mark.parametrize("name", GOALS)
def test_an_example_trains_to_its_goal_and_leaves_nothing_behind(name, tmp_path):
    place = {"KERAS_BACKEND": "tensorflow", "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        env={**os.environ, **place, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    closing = done.stdout.splitlines()[-1]
    accuracy = re.match(r"validation accuracy: (\d\.\d{3})\b", closing)
    assert accuracy, closing
    assert float(accuracy[1]) >= GOALS[name]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", GOALS)
def test_an_example_says_what_it_replaces_and_what_goes_wrong_there(name):
    text = ast.get_docstring(ast.parse((EXAMPLES / name).read_text(encoding="utf-8")))
    summary, *rest = text.split("\n\n")
    assert summary.startswith("Train on ")
    assert any(paragraph.startswith("    ") for paragraph in rest)  # lines of the original
    assert "cannot happen" in text.replace("cannot\nhappen", "cannot happen")
    assert "\n- " in text
