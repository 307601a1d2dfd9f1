"""What the page on scaling out reckons is what its script says, and holds."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.packedtext import PackedText

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "scale-out" / "cost_model.py"
PAGE = ROOT / "docs" / "how-to" / "scale-out.md"


@pytest.fixture(scope="module")
def model():
    spec = importlib.util.spec_from_file_location("cost_model", SCRIPT)
    module = sys.modules["cost_model"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cost_model"]


def test_the_page_shows_what_the_script_prints():
    shown = re.findall(r"\$ python (examples/\S+)(.*)\n((?:[^`$].*\n)+)", PAGE.read_text("utf-8"))
    assert [name for name, _, _ in shown] == ["examples/scale-out/cost_model.py"] * 2
    for name, options, output in shown:
        done = subprocess.run(
            [sys.executable, ROOT / name, *options.split()],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == output


def test_the_index_that_is_reckoned_is_the_index_that_is_held(model, tmp_path):
    names = [f"{number:07d}.npy" for number in range(400)]
    for name in names:
        np.save(tmp_path / name, np.zeros(1, np.float32))
    with penstock.make_generator(
        str(tmp_path), loader="npy", labels=[0, 1] * 200, encoder="int"
    ) as made:
        batches = made._batches
        held = batches.inputs[0].samples.nbytes + batches.rows.nbytes
        held += batches.targets[0].labels.nbytes + 2 * batches.order.epoch(0).nbytes
        assert isinstance(batches.inputs[0].samples, PackedText)
    plan = model.Plan(samples=len(names), name_bytes=len(names[0]))
    assert model.needs(plan)["index, GB per process"] * 1e9 == pytest.approx(held)


def test_where_nothing_varies_the_simulation_is_the_arithmetic(model):
    even = model.Plan(machines=3, spread=1e-3)
    assert model.kept(even) == pytest.approx(1, abs=0.01)
    short = replace(even, cores=even.cores / 10)
    expected = model.needs(short)["steps kept, without stragglers"]
    assert expected < 0.7
    assert model.kept(short) == pytest.approx(expected, rel=0.02)


def test_more_machines_wait_for_more_stragglers_and_a_queue_hides_them(model):
    tight = model.Plan(cores=17, queue=1, spread=0.5)
    many = replace(tight, machines=100)
    assert model.kept(many, steps=300) < model.kept(tight, steps=300) - 0.05
    assert model.kept(replace(many, queue=16), steps=300) > model.kept(many, steps=300) + 0.05


def test_what_never_comes_costs_the_timeout(model):
    plan = model.Plan(machines=10, lost=1e-4)
    assert model.kept(replace(plan, timeout=1)) > 2 * model.kept(plan)
