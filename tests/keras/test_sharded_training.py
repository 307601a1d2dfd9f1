"""Several processes of Keras on JAX train as one does at the same batch size.

What is tested runs in processes of its own, on JAX whatever ``KERAS_BACKEND`` names here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import pytest

SCRIPT = Path(__file__).with_name("sharded_training.py")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="tested once, with the other tests of JAX"
)


def train(folder, world):
    """Train in so many processes, and return what each of them found."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    files = [folder / f"{world}-{rank}.json" for rank in range(world)]
    started = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), str(world), str(port), str(file)],
            env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for rank, file in enumerate(files)
    ]
    try:
        for each in started:
            _, said = each.communicate(timeout=240)
            assert each.returncode == 0, said.decode(errors="replace")[-3000:]
    finally:
        for each in started:
            each.kill()
            each.wait()
    return [json.loads(file.read_bytes()) for file in files]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return train(tmp_path_factory.mktemp("alone"), 1)[0]


def test_what_is_padded_is_evaluated_exactly(alone):
    assert alone["mae"] == pytest.approx(alone["exact"], rel=1e-5)


@pytest.mark.parametrize("world", [2, pytest.param(4, marks=pytest.mark.soak)])
def test_each_step_loses_what_it_loses_in_one_process(tmp_path, alone, world):
    # 50 samples in batches of 8: the last would be short, and ranks would wait for one another.
    assert len(alone["losses"]) == 2 * (50 // 8)
    for found in train(tmp_path, world):
        assert found["losses"] == pytest.approx(alone["losses"], rel=1e-5)
        assert found["mae"] == pytest.approx(alone["mae"], rel=1e-5)
