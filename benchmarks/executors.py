"""What executors cost and gain: ``python -m benchmarks.executors``, on a machine that is quiet.

Two questions. How much faster are two processes than two threads, with a loader
that holds Python's lock? And what does a batch of 4 MB cost more on an executor
than on threads, when loading itself costs next to nothing?
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import penstock

_SAMPLE_S = 0.02  # of the processor, in pure Python
_BATCH_BYTES = 4 << 20


@dataclass(frozen=True)
class Busy:
    """Computes in pure Python for a while, per sample."""

    seconds: float = _SAMPLE_S

    @penstock.hookimpl
    def describe_sample(self) -> penstock.ArraySpec:
        """See the contract."""
        return penstock.ArraySpec((64,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples: Any, out: Any) -> None:
        """See the contract."""
        for row, sample in zip(out, samples, strict=True):
            end = time.thread_time() + self.seconds
            count = 0
            while time.thread_time() < end:
                count += 1
            row[...] = float(sample)


def rate(executor: str, samples: int, workers: int) -> float:
    """Return samples per second of a loader that holds Python's lock, once all is under way."""
    table = pd.DataFrame({"sample": range(samples)})
    with penstock.make_generator(
        table, loader=Busy(), batch_size=8, seed=0, executor=executor, workers=workers
    ) as made:
        steps = iter(made)
        for _ in range(workers + 1):  # processes have started
            next(steps)
        began, count = time.perf_counter(), 0
        for (x,) in steps:
            count += len(x)
        return count / (time.perf_counter() - began)


def cost(executor: str, batches: int) -> tuple[float, float]:
    """Return milliseconds per batch of 4 MB, and of the processor time of this process."""
    rows = 64
    array = np.zeros((rows * batches, _BATCH_BYTES // rows // 4), np.float32)
    with penstock.make_generator(
        (array,), batch_size=rows, seed=0, executor=executor, workers=2
    ) as made:
        steps = iter(made)
        for _ in range(batches // 4):
            next(steps)
        wall, cpu, count = time.perf_counter(), time.process_time(), 0
        for _ in steps:
            count += 1
        spent = time.perf_counter() - wall, time.process_time() - cpu
        return 1e3 * spent[0] / count, 1e3 * spent[1] / count


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=800)
    parser.add_argument("--batches", type=int, default=120)
    given = parser.parse_args()
    executors = ["threads", "processes"]
    try:
        import ray
    except ImportError:
        print("Ray is not installed, and left out.")
    else:
        ray.init(num_cpus=2, object_store_memory=400 << 20, log_to_driver=False)
        executors.append("ray")
    rates: dict[str, list[float]] = {name: [] for name in executors}
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in executors}
    for _ in range(given.rounds):  # in turn, for what else is running changes
        for name in executors:
            rates[name].append(rate(name, given.samples, 2))
            costs[name].append(cost(name, given.batches))
    middle = {name: statistics.median(found) for name, found in rates.items()}
    found = {
        "samples_per_s": middle,
        "times_threads": {name: middle[name] / middle["threads"] for name in executors},
        "batch_ms": {name: statistics.median(w for w, _ in costs[name]) for name in executors},
        "batch_cpu_ms": {name: statistics.median(c for _, c in costs[name]) for name in executors},
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
