"""A CSV file -> a packed file, in one pass and in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock_csv.diagnosis import Diagnosis
from penstock_csv.parsing import Texts, parse_block
from penstock_csv.scanning import read_blocks

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from penstock_csv.packfile import PackWriter
    from penstock_csv.parsing import Parsed, Plan
    from penstock_csv.scanning import Block

__all__ = ["pack"]

_THREADS_LIMIT = 8


def pack(plan: Plan, writer: PackWriter, *, progress: bool) -> None:
    """Parse the records of a table and write them.

    Blocks are parsed on as many threads as there are cores, and written in
    their order; no more of them are under way than threads, plus one.

    Raises:
        ConfigError: The table cannot be parsed, or has no records.
    """
    columns = _Columns(plan)
    threads = min(_cores(), _THREADS_LIMIT)
    under_way: deque[tuple[Block, Future[Parsed]]] = deque()
    with (
        open(plan.path, "rb") as file,
        _progress_bar(plan.path, progress) as bar,
        ThreadPoolExecutor(threads, "penstock-csv") as pool,
    ):

        def write_next() -> None:
            block, parsed = under_way.popleft()
            columns.add(block, parsed.result(), writer)
            bar.update(len(block.data))

        try:
            for block in read_blocks(file, plan.path, plan.start, plan.delimiter):
                under_way.append((block, pool.submit(parse_block, block, plan)))
                if len(under_way) > threads:
                    write_next()
            while under_way:
                write_next()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not columns.count:
        raise ConfigError(f"The table {quote(plan.path)} has a header and 0 samples.")
    labels, weights = columns.result()
    writer.finish(labels, weights)


class _Columns:
    """Gathers the columns that are kept in memory: label codes and weights."""

    def __init__(self, plan: Plan) -> None:
        self.count = 0
        self._plan = plan
        self._codes: list[list[NDArray[np.int32]]] = [[] for _ in plan.texts]
        self._known: list[dict[str, int]] = [{} for _ in plan.texts]
        self._weights: list[NDArray[np.float64]] = []

    def add(self, block: Block, parsed: Parsed, writer: PackWriter) -> None:
        self.count += len(parsed.rows)
        writer.write_rows(parsed.rows)
        if parsed.weights is not None:
            self._weights.append(parsed.weights)
        for name, texts, codes, known in zip(
            self._plan.texts, parsed.texts, self._codes, self._known, strict=True
        ):
            if "" in texts.values:
                raise Diagnosis(block, self._plan).empty_label(name)
            numbers = [known.setdefault(value, len(known)) for value in texts.values]
            codes.append(np.array(numbers, np.int32)[texts.codes])

    def result(self) -> tuple[dict[str, Texts], NDArray[np.float64] | None]:
        labels = {
            name: Texts(np.concatenate(codes), list(known))
            for name, codes, known in zip(self._plan.texts, self._codes, self._known, strict=True)
        }
        return labels, np.concatenate(self._weights) if self._weights else None


def _progress_bar(path: str, progress: bool) -> Any:
    tqdm: Any = import_module("tqdm").tqdm
    # Without the thread that tqdm keeps to watch its bars.
    bar = type("Bar", (tqdm,), {"monitor_interval": 0})
    return bar(
        desc=f"packing {os.path.basename(path)}",
        total=os.path.getsize(path),
        unit="B",
        unit_scale=True,
        delay=1.0,  # what is done in a second needs no bar
        leave=False,
        disable=not progress,
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
