"""Batches made in processes of this machine, for loaders that hold Python's lock.

The processes are those of ``concurrent.futures``, started anew and not forked:
TensorFlow's threads would not survive that. They are shared by the parts of a
split, and end when none of these wants a batch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any

from penstock.elsewhere import be_a_worker, made_by
from penstock.errors import WorkerDied
from penstock.pickling import refuse_unpicklable
from penstock.priority import step_back
from penstock.readahead import usable_cores
from penstock.sharedblocks import Blocks, pack, unpack
from penstock.sharedtexts import SharedTexts, folder_of, read_with_texts
from penstock.supply import close_at_exit
from penstock.workplaces import Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future as PoolFuture
    from multiprocessing.process import BaseProcess

    from penstock.batches import Batches
    from penstock.elsewhere import Made, Task
    from penstock.sharedblocks import Packed

__all__ = ["Processes"]

_GRACE_S = 2.0  # for a batch under way, when the processes shall end
_SHARE = 4  # of the memory that is free: what batches under way may take

_HIDING = threading.Lock()  # one at a time: the other would put back what is hidden

close_at_exit()  # before concurrent.futures waits for what is under way


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Let a process begin without the user's script, and so without Keras and a backend."""
    main = sys.modules["__main__"]
    with _HIDING:
        hidden = {name: main.__dict__.pop(name) for name in ("__file__",) if name in main.__dict__}
        spec, main.__spec__ = main.__spec__, None
        try:
            yield
        finally:
            main.__dict__.update(hidden)
            main.__spec__ = spec


class _Process(SpawnProcess):
    """A process of the pool, which sees the user's script only if it needs to."""

    needs_main = False

    def start(self) -> None:
        with nullcontext() if self.needs_main else _main_hidden():
            super().start()


class _Context(SpawnContext):
    """Starts processes anew, and knows them."""

    def __init__(self, *, needs_main: bool) -> None:
        super().__init__()
        self._needs_main = needs_main
        self._made: list[_Process] = []

    def Process(self, *args: Any, **options: Any) -> _Process:  # type: ignore[override] # noqa: N802
        process = _Process(*args, **options)
        process.needs_main = self._needs_main
        self._made.append(process)
        return process

    @property
    def started(self) -> list[_Process]:
        return [each for each in self._made if each.pid is not None]


class _Parcel:
    """Batches in a file that all processes of the machine read."""

    def __init__(self, batches: Batches, texts: SharedTexts) -> None:
        refuse_unpicklable(batches)
        folder, self.discard = folder_of(self)
        self.batches = batches
        self.path = os.path.join(folder, "batches")
        text = texts.write(self.path, batches)
        # A name in a text that looks so does no harm.
        self.needs_main = b"__main__" in text


class _Sent:
    """A task under way, with the memory that its batch comes back in."""

    def __init__(
        self, future: PoolFuture[Packed], place: Processes, blocks: Blocks, block: Any
    ) -> None:
        self.add_done_callback = future.add_done_callback
        self._future, self._place, self._blocks, self._block = future, place, blocks, block

    def result(self) -> Made:
        try:
            packed = self._future.result()
        finally:
            block, self._block = self._block, None
            if block is not None and (self._future.cancelled() or self._future.exception()):
                self._blocks.discard(block)
        self._place.learn(packed[2])
        made: Made = unpack(packed, self._blocks, block)
        return made

    def cancel(self) -> None:
        self._future.cancel()
        block, self._block = self._block, None
        if block is not None:
            self._future.add_done_callback(partial(_take_back, self._blocks, block))


def _take_back(blocks: Blocks, block: Any, future: PoolFuture[Packed]) -> None:
    # A process that died of something else may not be dead yet.
    if future.cancelled() or future.exception() is None:
        blocks.give(block)
    else:
        blocks.discard(block)


class Processes(Workplace):
    """Several processes on this machine.

    Args:
        timeout: How long to wait for a batch, in seconds.
    """

    together = True

    def _begin(self) -> None:
        super()._begin()
        self._pool: ProcessPoolExecutor | None = None
        self._context: _Context | None = None
        self._blocks = Blocks()
        self._texts: SharedTexts | None = None
        self._size = 0  # of what came back

    def __reduce__(self) -> tuple[Any, ...]:
        return Processes, (self.timeout,)

    def default_workers(self) -> int:
        """See ``Workplace``."""
        return usable_cores()

    def room(self) -> int:
        """See ``Workplace``."""
        with suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _SHARE
        return super().room()

    def learn(self, size: int) -> None:
        """Note how many bytes a batch took."""
        self._size = max(self._size, size)

    def kill(self, future: Any) -> None:  # noqa: ARG002 - which of them is at it is not known
        """See ``Workplace``."""
        with self._lock:
            self._end(kill=True)

    def _pack(self, batches: Batches) -> _Parcel:
        if self._texts is None:
            self._texts = SharedTexts()
        return _Parcel(batches, self._texts)

    def _send(self, parcel: _Parcel, task: Task) -> _Sent:
        block = self._blocks.take(self._size)
        where = (None, 0) if block is None else (block.name, block.size)
        for _ in range(2):
            pool = self._started(needs_main=parcel.needs_main)
            try:
                future = pool.submit(_work, parcel.path, task, *where)
            except BrokenExecutor:  # one died since
                self._end(kill=True)
            else:
                return _Sent(future, self, self._blocks, block)
        raise WorkerDied("The processes that make batches die as soon as they are started.")

    def _discard(self, parcel: _Parcel | None) -> None:
        if parcel is not None:
            parcel.discard()

    def _close(self) -> None:
        self._end()
        texts, self._texts = self._texts, None
        if texts is not None:
            texts.close()
        self._blocks.close()

    def _started(self, *, needs_main: bool) -> ProcessPoolExecutor:
        if self._pool is None:
            self._context = _Context(needs_main=needs_main)
            self._pool = ProcessPoolExecutor(self.workers, self._context, _begin_work)
        return self._pool

    def _end(self, *, kill: bool = False) -> None:
        pool, context = self._pool, self._context
        self._pool = self._context = None
        if pool is None or context is None:
            return
        if kill:
            for each in context.started:
                each.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _GRACE_S
        for each in context.started:
            each.join(max(0.0, deadline - time.monotonic()))
            if each.is_alive():
                each.kill()
                each.join()


def _begin_work() -> None:
    """Make ready, in a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
    be_a_worker()
    step_back()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """End when the parent is gone, however it went: nobody else would tell this process."""
    parent.join()
    os._exit(1)


def _work(path: str, task: Task, name: str | None, size: int) -> Packed:
    return pack(made_by(path, partial(_load, path), task), name, size)


def _load(path: str) -> Batches:
    batches: Batches = read_with_texts(path)
    return batches
