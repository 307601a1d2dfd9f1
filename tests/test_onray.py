"""On a cluster of Ray, whatever dies there, batches are those of threads.

The cluster is simulated: nodes of one core, each with its own object store, on this machine.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import ConfigError, SampleCorrupt

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
ray = pytest.importorskip("ray", reason='Ray is installed by the extra "ray"')
cluster_utils = pytest.importorskip("ray.cluster_utils")

MODULES = str(Path(__file__).parent / "modules")
COUNT, SIZE, WIDTH = 37, 4, 65_536  # a megabyte per batch
STORE = 80 * 2**20

pytestmark = [
    pytest.mark.timeout(180),
    # Ray's own: files and sockets that it leaves to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    """Start a head without a core, and two nodes of one."""
    # The paths of sockets may have 107 bytes, and Ray's own are long.
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp" if os.path.isdir("/tmp") else None)
    os.environ["RAY_TMPDIR"] = folder
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    made = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        made.add_node(num_cpus=1, object_store_memory=STORE)
    ray.init(
        address=made.address,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": MODULES}},
    )
    yield made
    ray.shutdown()
    made.shutdown()
    del os.environ["RAY_TMPDIR"]
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def gone(monkeypatch):
    monkeypatch.syspath_prepend(MODULES)
    import gone

    return gone


def numbers(loader, **options):
    given = {"batch_size": SIZE, "seed": 3, **options}
    return penstock.make_generator(pd.DataFrame({"sample": range(COUNT)}), loader=loader, **given)


def seen(sequence):
    """Return two epochs, as lists of bytes."""
    with sequence:
        return [[x.tobytes() for x, *_ in sequence] for _ in "12"]


@pytest.fixture(scope="module")
def expected():
    import sys

    sys.path.insert(0, MODULES)
    import gone

    sys.path.remove(MODULES)
    return seen(numbers(gone.Numbers(WIDTH)))


def test_without_a_cluster_the_error_says_how_to_name_one(gone):
    if not ray.is_initialized():
        with pytest.raises(ConfigError, match=r"ray\.init\(\) for this machine"):
            numbers(gone.Numbers(), executor="ray")


def test_a_cluster_gives_the_bytes_of_threads(cluster, gone, expected):
    made = numbers(gone.Numbers(WIDTH), executor="ray")
    assert made._threads == 2  # cores in all
    assert seen(made) == expected
    assert made.stats().samples == 2 * COUNT


def test_batches_come_aligned_and_read_only_and_are_the_stores_own(cluster, gone):
    with numbers(gone.Numbers(WIDTH), executor="ray") as made:
        (x,) = made[0]
        assert x.ctypes.data % 64 == 0
        assert not x.flags.writeable
        assert not x.flags.owndata
        kept = x.copy()
    del made
    gc.collect()
    np.testing.assert_array_equal(x, kept)


def test_a_worker_that_dies_costs_nothing(cluster, gone, expected, tmp_path):
    loader = gone.Deadly(WIDTH, guilty=(3, 30), folder=str(tmp_path), times=1)
    assert seen(numbers(loader, executor="ray")) == expected


@pytest.mark.parametrize("on_error", ["raise", "mask"])
def test_a_sample_that_kills_its_worker_is_handled_as_the_policy_says(cluster, gone, on_error):
    made = numbers(gone.Deadly(guilty=(7,)), executor="ray", on_error=on_error, shuffle=False)
    if on_error == "raise":
        with made, pytest.raises(SampleCorrupt, match="died, or did not answer") as caught:
            list(made)
        assert caught.value.index == 7
        return
    with made, pytest.warns(UserWarning, match="1 sample of 37"):
        found = list(made)
    assert np.concatenate([weight for *_, weight in found]).tolist() == [
        float(each != 7) for each in range(COUNT)
    ]
    real = np.concatenate([x[weight > 0, 0] for x, _, weight in found])
    assert real.tolist() == [each for each in range(COUNT) if each != 7]


def test_a_node_that_is_gone_costs_nothing(cluster, gone, expected):
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    made = numbers(gone.Numbers(WIDTH), executor="ray", workers=6)
    found = []
    removal = threading.Thread(target=cluster.remove_node, args=(node, False))
    with made:
        for _ in range(2):
            epoch = []
            for step, (x, *_) in enumerate(made):
                if not found and step == 2:
                    removal.start()  # without grace
                epoch.append(x.tobytes())
            found.append(epoch)
    removal.join()
    assert found == expected


def test_a_window_that_is_larger_than_the_store_is_cut(cluster, gone):
    big = 2_500_000  # 10 MB per sample, 40 MB per batch: half a store
    made = numbers(gone.Numbers(big), executor="ray", workers=8, max_queue_size=8)
    with made:
        for step, (x, *_) in enumerate(made):
            assert x.shape[1] == big
            del x
            if step == 5:
                break
        assert made._readahead._place.room() < STORE


def test_a_dataset_of_ray_has_each_sample_once(cluster, gone, tmp_path):
    table = pd.DataFrame({"sample": range(COUNT), "label": [n % 2 for n in range(COUNT)]})
    made = penstock.make_generator(table, loader=gone.Numbers(), batch_size=8, seed=3)
    dataset = made.to_ray_dataset(epoch=2)
    found = pd.DataFrame(dataset.take_all())
    assert sorted(found["index"]) == list(range(COUNT))
    assert set(found.columns) == {"index", "x", "y"}
    values = np.stack(found["x"].to_list())
    np.testing.assert_array_equal(values[:, 0], found["index"])
    assert [int(np.argmax(each)) for each in found["y"]] == [n % 2 for n in found["index"]]


def test_nothing_is_left_under_way(cluster, gone):
    made = numbers(gone.Numbers(WIDTH), executor="ray", workers=4)
    steps = iter(made)
    next(steps)
    made.close()
    del steps
    end = time.monotonic() + 30
    while ray.available_resources().get("CPU", 0) < ray.cluster_resources()["CPU"]:
        assert time.monotonic() < end
        time.sleep(0.1)
