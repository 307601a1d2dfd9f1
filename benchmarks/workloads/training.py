"""What surrounds the delivery: the hand-over, epochs' ends, overlap, start-up, the GPU."""

from __future__ import annotations

from benchmarks.rows import PENSTOCK, READY, Peer, Row, Target, on

__all__ = ["GPU", "ROWS"]

_BACKENDS = ("tensorflow", "jax", "torch")
_PHOTOS = {"folder": "photos"}


ROWS = [
    Row(
        name="hand-over",
        title="hand-over of a ready batch of 19 MB",
        data={},
        peers=(
            *(
                Peer(on(backend), "trials:hand_over", variants=({"leased": True},), backend=backend)
                for backend in _BACKENDS
            ),
            Peer("a plain ndarray", "trials:hand_over", variants=({"leased": False},)),
        ),
        targets=tuple(
            Target(0.4, figure="ms", of=on(backend), unit="ms", at_least=False)
            for backend in _BACKENDS[:2]
        ),
        figure="ms",
        unit="ms",
        alike=False,
    ),
    Row(
        name="gap",
        title="gap between epochs",
        data={"folder": "volumes"},
        peers=(
            *(
                Peer(
                    on(backend),
                    "ours:npy",
                    variants=({"batch_size": 64, "train": "reader"},),
                    backend=backend,
                )
                for backend in _BACKENDS
            ),
            Peer(
                READY,
                "trials:ready",
                variants=({"shape": (64, 32, 32, 32, 1), "batches": 63, "train": "reader"},),
                reads=False,
            ),
        ),
        targets=tuple(
            Target(15, figure="gap_ms", of=on(backend), unit="ms", at_least=False)
            for backend in _BACKENDS
        ),
        figure="gap_ms",
        unit="ms",
        alike=False,
    ),
    Row(
        name="overlap",
        title="training as slow as the loading: against one after the other",
        data=_PHOTOS,
        peers=tuple(Peer(on(backend), "trials:overlap", backend=backend) for backend in _BACKENDS),
        targets=tuple(Target(1.7, figure="overlap", of=on(backend)) for backend in _BACKENDS[1:]),
        figure="overlap",
        unit="×",
        seconds=2,
        alike=False,
    ),
    Row(
        name="import",
        title="import penstock",
        data={},
        peers=(
            Peer(PENSTOCK, "trials:importing", variants=({"module": "penstock"},)),
            Peer("import keras", "trials:importing", variants=({"module": "keras"},)),
        ),
        targets=(Target(0.2, figure="seconds", unit="s", at_least=False),),
        figure="seconds",
        unit="s",
    ),
    Row(
        name="plugins",
        title="penstock plugins",
        data={},
        peers=(Peer(PENSTOCK, "trials:listing_plugins"),),
        targets=(Target(0.5, figure="seconds", unit="s", at_least=False),),
        figure="seconds",
        unit="s",
    ),
]

GPU = Row(
    name="gpu",
    title="ResNet50 on a GPU, training on JPEGs",
    data=_PHOTOS,
    peers=(
        Peer(PENSTOCK, "trials:real_model", variants=({"loader": "penstock"},)),
        Peer(
            "image_dataset_from_directory",
            "trials:real_model",
            variants=({"loader": "from_directory"},),
        ),
    ),
    targets=(),
    seconds=10,
    alike=False,
    cores=None,
    gpu=True,
)
