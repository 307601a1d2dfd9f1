"""CSV tables and arrays."""

from __future__ import annotations

from benchmarks.rows import PENSTOCK, READY, ROOFLINE, Peer, Row, Target, on

__all__ = ["ROWS"]

_MAKE_CSV = "make_csv_dataset"
_CHUNKS = "pandas chunks"
_PARSE = "pyarrow's bare parse"
_FIT = "fit(x, y)"
_BACKENDS = ("tensorflow", "jax", "torch")
_TABLE = {"folder": "table"}
_KEPT = {"shape": (256, 28, 28, 1), "batches": 235}

ROWS = [
    Row(
        name="csv",
        title="CSV 400,000 × 30, batches of 1,024",
        data=_TABLE,
        peers=(
            Peer(PENSTOCK, "ours:csv"),
            Peer(ROOFLINE, "roofline:take"),
            Peer(_MAKE_CSV, "tfdata:csv"),
            Peer(_CHUNKS, "plain:pandas_chunks"),
            Peer(
                READY,
                "trials:ready",
                variants=({"shape": (1024, 30), "batches": 391},),
                reads=False,
            ),
        ),
        targets=(Target(50, _MAKE_CSV), Target(3, _CHUNKS)),
    ),
    Row(
        name="packing",
        title="the same CSV, first run",
        data=_TABLE,
        peers=(Peer(PENSTOCK, "ours:packing"), Peer(_PARSE, "plain:pyarrow_parse")),
        targets=(Target(0.7, _PARSE),),
        unit="rows/s",
    ),
    *(
        Row(
            name=name,
            title=title,
            data={"folder": "arrays"},
            peers=(
                Peer(PENSTOCK, "ours:arrays", variants=({"mapped": mapped},)),
                Peer(_FIT, "plain:arrays", variants=({"mapped": mapped},)),
                Peer(
                    READY,
                    "trials:ready",
                    variants=(_KEPT,),
                    reads=False,
                ),
            ),
            targets=(Target(1, _FIT),),
        )
        for name, title, mapped in (
            ("arrays", "60,000 × 28×28×1 in memory, batches of 256", False),
            ("memory-map", "the same, memory-mapped", True),
        )
    ),
    *(
        Row(
            name=name,
            title=title,
            data={"folder": "arrays"},
            peers=tuple(
                Peer(
                    on(backend, who),
                    subject,
                    variants=({**given, "train": train},),
                    backend=backend,
                    reads=who != READY,
                )
                for backend in _BACKENDS
                for who, subject, given in (
                    (PENSTOCK, "ours:arrays", {"mapped": False}),
                    (_FIT, "plain:arrays", {"mapped": False}),
                    (READY, "trials:ready", _KEPT),
                )
            ),
            targets=tuple(Target(1, on(backend, _FIT), of=on(backend)) for backend in _BACKENDS),
        )
        for name, title, train in (
            ("arrays-fit", "the same in memory, in fit", "reader"),
            ("arrays-train", "the same in memory, training a model of one layer", "one layer"),
        )
    ),
]
