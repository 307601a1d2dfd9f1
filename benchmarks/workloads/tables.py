"""CSV tables and arrays."""

from __future__ import annotations

from benchmarks.rows import PENSTOCK, ROOFLINE, Peer, Row, Target

__all__ = ["ROWS"]

_MAKE_CSV = "make_csv_dataset"
_CHUNKS = "pandas chunks"
_PARSE = "pyarrow's bare parse"
_FIT = "fit(x, y)"
_READY = Peer(
    "Keras alone (ready batches)",
    "trials:ready",
    variants=({"shape": (256, 28, 28, 1), "batches": 235},),
    reads=False,
)
_TABLE = {"folder": "table"}

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
                _READY,
            ),
            targets=(Target(1, _FIT),),
        )
        for name, title, mapped in (
            ("arrays", "60,000 × 28×28×1 in memory, batches of 256", False),
            ("memory-map", "the same, memory-mapped", True),
        )
    ),
]
