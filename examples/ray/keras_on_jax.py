"""Train a Keras model on JAX in several processes with Ray Train, and survive the death of one.

    python keras_on_jax.py --workers 2

Each process makes its part of every batch: ``shard="auto"`` asks Ray Train. What
is trained on in a step does not depend on how many there are, so that a run that
was killed may go on with more or fewer of them. Keras' own sharding is switched
off (``auto_shard_dataset=False``): a batch is that of the process already.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import ray.train
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.collective import broadcast_from_rank_zero
from ray.train.v2.jax import JaxTrainer

ADDRESS = "127.0.0.1"  # of the machine of rank 0; on a cluster, ray.util.get_node_ip_address()


def connect() -> None:
    """Let the processes know each other: on CPUs nobody else does (JaxConfig sees to TPUs)."""
    import keras

    context = ray.train.get_context()
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        address = f"{ADDRESS}:{free.getsockname()[1]}"
    address = broadcast_from_rank_zero(address)
    keras.distribution.initialize(address, context.get_world_size(), context.get_world_rank())
    parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)


def train(config: dict[str, Any]) -> None:
    """Train, in each of the processes."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    import numpy as np
    from sklearn.datasets import load_digits

    import penstock

    connect()
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
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Weighted: what fills up the last batch of validation has weight 0, and is not counted.
    model.compile(keras.optimizers.SGD(0.2), loss, weighted_metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    begin = 0
    saved = ray.train.get_checkpoint()
    if saved is not None:
        with saved.as_directory() as folder:
            model.load_weights(Path(folder, "model.weights.h5"))
            state = json.loads(Path(folder, "sequence.json").read_text(encoding="utf-8"))
        training.load_state_dict(state)
        begin = state["epoch"]

    class Report(keras.callbacks.Callback):  # type: ignore[misc]
        """Tells Ray how an epoch went, and saves where training is."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            metrics = {"epoch": epoch, **(logs or {})}
            state = {**training.state_dict(), "epoch": epoch + 1, "batch": 0}
            with tempfile.TemporaryDirectory() as folder:
                # Every process saves: Keras places variables meanwhile, which all have to do.
                model.save_weights(Path(folder, "model.weights.h5"))
                Path(folder, "sequence.json").write_text(json.dumps(state), encoding="utf-8")
                first = ray.train.get_context().get_world_rank() == 0
                checkpoint = Checkpoint.from_directory(folder) if first else None
                ray.train.report(metrics, checkpoint=checkpoint)

    class Misfortune(keras.callbacks.Callback):  # type: ignore[misc]
        """Ends the last process in the middle of the second epoch, to see that nothing is lost."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            context = ray.train.get_context()
            last = context.get_world_rank() == context.get_world_size() - 1
            if last and training.epoch == 1 and batch == 5 and os.path.exists(config["dies_once"]):
                os.remove(config["dies_once"])
                os._exit(1)

    model.fit(
        training,
        validation_data=validation,
        epochs=config["epochs"],
        initial_epoch=begin,
        callbacks=[Report(), Misfortune()],
        verbose=0,
    )


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
    trainer = JaxTrainer(
        train,
        train_loop_config={
            "batch_size": 48,  # of all processes together: many numbers divide it
            "epochs": given.epochs,
            "dies_once": given.dies_once,
        },
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
