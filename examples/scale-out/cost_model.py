"""What a cluster needs to keep its accelerators busy, reckoned before one is rented.

    python examples/scale-out/cost_model.py --samples 1e9 --machines 1000

Every input can be given; the defaults are those of ImageNet-like photos. Put in your own:
``penstock bench`` measures samples per second and core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields

import numpy as np


def given(default: float, told: str) -> float:
    """Describe an input: what it is, and whether the default was measured or assumed."""
    return field(default=default, metadata={"help": told})


@dataclass(frozen=True)
class Plan:
    """The inputs."""

    samples: float = given(1.3e6, "samples in the source")
    machines: float = given(1, "machines that train")
    accelerators: float = given(8, "accelerators, and processes that train, per machine; assumed")
    cores: float = given(96, "cores per machine; assumed")
    batch: float = given(256, "samples per step and accelerator; assumed")
    step: float = given(0.085, "seconds per step; assumed, 3,000 images/s")
    per_core: float = given(
        1_600, "samples per second and core; measured, JPEG of 500 x 375 to 224 x 224 on a laptop"
    )
    file_bytes: float = given(59_000, "bytes per sample in storage; measured, these JPEGs")
    sample_bytes: float = given(150_528, "bytes per sample as delivered; 224 x 224 x 3 uint8")
    name_bytes: float = given(35, "bytes of a file's name below the root; 0 for rows; assumed")
    queue: float = given(4, "max_queue_size")
    spread: float = given(0.3, "deviation of the time that a batch takes, in parts of it; assumed")
    lost: float = given(0, "share of batches that never come, and are made again; assumed")
    timeout: float = given(600, "batch_timeout, in seconds: how long one waits for these")


def needs(plan: Plan) -> dict[str, float]:
    """Return what arithmetic says, by name."""
    rate = plan.batch / plan.step
    # Names and where each ends, rows, labels; and two orders, of this epoch and the next.
    index = (plan.name_bytes + 4) * (plan.name_bytes > 0) + 8 + 4 + 2 * 8
    return {
        "samples/s of an accelerator": rate,
        "cores per accelerator": rate / plan.per_core,
        "cores lacking per machine": max(
            0.0, plan.accelerators * rate / plan.per_core - plan.cores
        ),
        "from storage, GB/s per machine": plan.accelerators * rate * plan.file_bytes / 1e9,
        "from storage, GB/s in all": plan.machines
        * plan.accelerators
        * rate
        * plan.file_bytes
        / 1e9,
        "if decoded elsewhere, GB/s per machine": plan.accelerators
        * rate
        * plan.sample_bytes
        / 1e9,
        "batches held, GB per machine": plan.accelerators
        * (plan.queue + 2)
        * plan.batch
        * plan.sample_bytes
        / 1e9,
        "index, GB per process": plan.samples * index / 1e9,
        "the same while an epoch is sorted": plan.samples * (index + 16) / 1e9,
        "index, GB per machine": plan.accelerators * plan.samples * index / 1e9,
        "an epoch, hours": plan.samples / (rate * plan.accelerators * plan.machines) / 3600,
        "steps kept, without stragglers": min(
            1.0, plan.cores * plan.per_core / (plan.accelerators * rate)
        ),
    }


def kept(plan: Plan, *, steps: int = 2_000, seed: int = 0) -> float:
    """Return which share of the accelerators' time is spent training, by simulation.

    All processes take a step together, when the slowest has its batch. Each makes one batch
    after the other, on its share of the cores, up to *queue* ahead of the step; how long one takes
    is drawn from a gamma distribution, and one that is lost comes after the timeout.
    """
    draw = np.random.default_rng(seed)
    ranks = int(plan.machines * plan.accelerators)
    mean = plan.batch / (plan.per_core * plan.cores / plan.accelerators)
    shape = 1 / plan.spread**2
    ready = np.zeros(ranks)  # when the last batch of each was made
    begun = np.zeros(steps)  # when each step began
    for step in range(steps):
        takes = draw.gamma(shape, mean / shape, ranks)
        takes[draw.random(ranks) < plan.lost] += plan.timeout
        room = begun[step - int(plan.queue)] if step >= plan.queue else 0.0
        ready = np.maximum(ready, room) + takes
        before = begun[step - 1] + plan.step if step else 0.0
        begun[step] = max(before, ready.max())
    return float(steps * plan.step / (begun[-1] + plan.step))


def main() -> None:
    """Read the inputs, and print what they need."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for each in fields(Plan):
        option = f"--{each.name.replace('_', '-')}"
        parser.add_argument(
            option, type=float, default=each.default, help=f"{each.metadata['help']} (%(default)g)"
        )
    plan = Plan(**vars(parser.parse_args()))
    for name, value in needs(plan).items():
        print(f"{name:<40}{value:>12,.4g}")
    print(f"{'steps kept, with stragglers':<40}{kept(plan):>12,.4g}")


if __name__ == "__main__":
    main()
