"""Train a Keras model on torch in several processes with Ray Train, and go on in mid-epoch.

    python keras_on_torch.py --workers 2

Keras' ``fit`` knows nothing of torch's processes; a Keras model is a module of
torch all the same, which ``DistributedDataParallel`` takes, in a loop of one's
own. There the state of the sequence is after the batch in hand, so that a
checkpoint may be taken at any step.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import ray.train
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

SAVE_EVERY = 10  # steps


def train(config: dict[str, Any]) -> None:
    """Train, in each of the processes."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np
    import torch
    from sklearn.datasets import load_digits

    import penstock

    context = ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    keras.utils.set_random_seed(0)
    digits = load_digits()
    x = (digits.images[..., None] / 16).astype(np.float32)
    data = penstock.make_generator(
        (x, digits.target),
        batch_size=config["batch_size"],
        seed=0,
        shard="auto",
        remainder="drop",  # with one process too, so that one may go on where several were
    )
    training, validation = data.split(0.8, 0.2)
    model = keras.Sequential(
        [keras.layers.Input(x.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    loss_of = torch.nn.CrossEntropyLoss()
    saved = ray.train.get_checkpoint()
    if saved is not None:
        with saved.as_directory() as folder:
            model.load_state_dict(torch.load(Path(folder, "model.pt"), weights_only=True))
            training.load_state_dict(json.loads(Path(folder, "sequence.json").read_bytes()))

    def report(metrics: dict[str, float]) -> None:
        """Tell Ray how it goes, and save where training is."""
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if rank == 0:
                torch.save(model.state_dict(), Path(folder, "model.pt"))
                state = training.state_dict()
                Path(folder, "sequence.json").write_text(json.dumps(state), encoding="utf-8")
                checkpoint = Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint)

    steps, loss = training.state_dict()["batch"], torch.zeros(())
    while training.epoch < config["epochs"]:
        for images, labels in training.to_torch():
            optimizer.zero_grad()
            loss = loss_of(parallel(images), labels.long())
            loss.backward()
            optimizer.step()
            steps += 1
            if steps % SAVE_EVERY == 0:
                report({"loss": _mean(loss.detach(), world)})
            _misfortune(config["dies_once"], training.epoch, steps, last=rank == world - 1)
    right = torch.zeros(2)
    with torch.no_grad():
        for images, labels, *weights in validation.to_torch():
            # Of several processes, what fills up the last batch has weight 0.
            weight = weights[0] if weights else torch.ones(len(labels))
            right[0] += ((parallel(images).argmax(1) == labels) * weight).sum()
            right[1] += weight.sum()
    torch.distributed.all_reduce(right)
    report({"loss": _mean(loss.detach(), world), "val_accuracy": float(right[0] / right[1])})


def _mean(value: Any, world: int) -> float:
    """Return the mean over processes; their shares of a batch are equal."""
    import torch

    total = value.clone()
    torch.distributed.all_reduce(total)
    return float(total / world)


def _misfortune(mark: str, epoch: int, steps: int, *, last: bool) -> None:
    """End the last process in the middle of the second epoch, to see that nothing is lost."""
    if last and epoch == 1 and steps % SAVE_EVERY == 5 and os.path.exists(mark):
        os.remove(mark)
        os._exit(1)


def main() -> None:
    """Start the processes, and say how well they did."""
    os.environ.setdefault("RAY_TRAIN_ENABLE_STATE_TRACKING", "0")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--storage", default=None, help="where checkpoints are kept")
    parser.add_argument("--name", default="digits", help="of the run; the same name goes on")
    parser.add_argument("--dies-once", default="", help="a file; a process dies and deletes it")
    given = parser.parse_args()
    trainer = TorchTrainer(
        train,
        train_loop_config={
            "batch_size": 48,  # of all processes together: many numbers divide it
            "epochs": given.epochs,
            "dies_once": given.dies_once,
        },
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=given.workers, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(
            name=given.name,
            storage_path=given.storage,
            failure_config=FailureConfig(max_failures=2),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    metrics = trainer.fit().metrics or {}
    print(f"loss: {metrics['loss']:.6f}")
    print(f"validation accuracy: {metrics['val_accuracy']:.3f}")


if __name__ == "__main__":
    main()
