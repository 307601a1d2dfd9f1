"""``.npy`` files, and a million names."""

from __future__ import annotations

from benchmarks.rows import PENSTOCK, READY, ROOFLINE, Peer, Row, Target

__all__ = ["ROWS"]

_SEED = "tutorial's DataGenerator"
_RAW = "tf.data, decode_raw"
_LOOP = "np.load loop, no Keras"
_VOLUME = (32, 32, 32, 1)
_KEPT = {"shape": (64, *_VOLUME), "batches": 63}
_WORKERS = tuple({"batch_size": 64, "workers": count} for count in (1, 2, 6))

ROWS = [
    Row(
        name="npy",
        title="4,000 .npy of 32×32×32×1 float32",
        data={"folder": "volumes"},
        peers=(
            Peer(PENSTOCK, "ours:npy", variants=({"batch_size": 64},)),
            Peer(ROOFLINE, "roofline:npy", variants=({"batch_size": 64},)),
            Peer(_SEED, "older:data_generator", variants=_WORKERS),
            Peer(_RAW, "tfdata:npy", variants=({"batch_size": 64, "shape": _VOLUME},)),
            Peer(READY, "trials:ready", variants=(_KEPT,), reads=False),
        ),
        targets=(Target(8, _SEED), Target(1.5, _RAW)),
    ),
    Row(
        name="npy-fit",
        title="the same, training a model of one layer",
        data={"folder": "volumes"},
        peers=(
            Peer(PENSTOCK, "ours:npy", variants=({"batch_size": 64, "train": "one layer"},)),
            Peer(
                _SEED,
                "older:data_generator",
                variants=tuple({**each, "train": True} for each in _WORKERS),
            ),
            Peer(READY, "trials:ready", variants=({**_KEPT, "train": "one layer"},), reads=False),
        ),
        targets=(Target(6, _SEED),),
    ),
    Row(
        name="small-npy",
        title="20,000 .npy of 12 KB",
        data={"folder": "vectors"},
        peers=(
            Peer(PENSTOCK, "ours:npy", variants=({"batch_size": 256},)),
            Peer(ROOFLINE, "roofline:npy", variants=({"batch_size": 256},)),
            Peer(_LOOP, "plain:npy_loop", variants=({"batch_size": 256},)),
            Peer(_RAW, "tfdata:npy", variants=({"batch_size": 256, "shape": (3072,)},)),
        ),
        targets=(Target(5, _LOOP),),
    ),
    Row(
        name="listing",
        title="listing a million files",
        data={"folder": "tree"},
        peers=(Peer(PENSTOCK, "ours:listing"), Peer("os.scandir alone", "plain:scan")),
        targets=(
            Target(6, figure="us_per_file", unit="µs each", at_least=False),
            Target(150, figure="bytes_per_file", unit="bytes each", at_least=False),
        ),
        figure="us_per_file",
        unit="µs per file",
    ),
    Row(
        name="million",
        title="delivery from a million samples",
        data={"folder": "tree"},
        peers=(
            Peer(PENSTOCK, "ours:files", variants=({"part": "many"},)),
            Peer("Penstock, 1,000 samples", "ours:files", variants=({"part": "few"},)),
        ),
        targets=(Target(0.9, "Penstock, 1,000 samples", figure="steady_rate"),),
        figure="steady_rate",
    ),
]
