"""An executor of Dask's makes the batches of threads, whoever dies over it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penstock

distributed = pytest.importorskip("distributed", reason="Dask is no dependency: pip install it")
dask = pytest.importorskip("dask")

pytestmark = [
    # Dask's own: sockets and files that it leaves to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

COUNT = 37


@pytest.fixture(autouse=True)
def gone(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "modules"))
    import gone

    return gone


@pytest.fixture
def client(gone, tmp_path):
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set(temporary_directory=str(tmp_path)),
        distributed.LocalCluster(n_workers=2, **options) as made,
        distributed.Client(made) as client,
    ):
        yield client
        client.wait_for_workers(2, timeout=60)  # one that is started again cannot be ended


def batches(loader, **options):
    table = pd.DataFrame({"sample": np.arange(COUNT)})
    with penstock.make_generator(table, loader=loader, batch_size=4, seed=3, **options) as made:
        for x, *_ in made:
            yield x.tobytes()


def test_dask_gives_the_bytes_of_threads_and_a_worker_may_die(client, gone):
    expected = list(batches(gone.Numbers()))
    found = []
    workers = list(client.run(os.getpid).values())
    for each in batches(gone.Numbers(), executor=client.get_executor(), workers=2):
        found.append(each)
        if len(found) == 3:
            os.kill(workers[0], signal.SIGKILL)
    assert found == expected


def test_a_sample_that_kills_its_worker_is_found(client, gone):
    loader = gone.Deadly(guilty=(7,))
    with pytest.warns(UserWarning, match="1 sample of 37"):
        found = list(batches(loader, executor=client.get_executor(), workers=2, on_error="mask"))
    assert len(found) == 10
