"""Memory that processes of one machine share: a batch crosses over in one copy.

Blocks belong to the process that asks for batches. It lends one to a task,
whose worker copies the batch into it, and leases what is in it to whoever reads
the batch; the block comes back with the last of them, as ``memory`` has it.
Where there is no such memory (a container may have 64 MB), batches are pickled.
"""

from __future__ import annotations

import os
import pickle
import secrets
import threading
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.memory import ALIGNMENT, Memory, lease
from penstock.ownpickles import from_own_process

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Blocks", "Packed", "pack", "unpack"]

_SHARED = "/dev/shm"  # noqa: S108 - where Linux has it
_ATTACHED = 64  # blocks that a worker keeps at hand

# What is packed: a pickle, where each of its buffers lies in the block (None: they are in
# the pickle), and how many bytes a block needs to hold them.
Packed = tuple[bytes, list[tuple[int, int]] | None, int]


def _name() -> str:
    # By process, so that what is left can be traced; macOS has room for 30 letters.
    return f"penstock-{os.getpid()}-{secrets.token_hex(5)}"


class _Block:
    """One stretch of shared memory."""

    def __init__(self, size: int) -> None:
        self._memory = SharedMemory(_name(), create=True, size=size)
        self.name, self.size = self._memory.name, size
        try:
            self._reserve()
        except OSError:
            self.discard()
            raise
        # No view is kept, or the memory could not be closed: the address will do.
        assert self._memory.buf is not None
        whole: NDArray[np.uint8] = np.frombuffer(self._memory.buf, np.uint8)
        self._address: int = whole.ctypes.data

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """What is in it, to an array that keeps it."""
        return {
            "version": 3,
            "shape": (self.size,),
            "typestr": "|u1",
            "data": (self._address, False),
        }

    def _reserve(self) -> None:
        """Take the pages now: to write to one that is not there ends a process by a signal."""
        path = os.path.join(_SHARED, self.name)
        if os.path.exists(path):
            file = os.open(path, os.O_RDWR)
            try:
                os.posix_fallocate(file, 0, self.size)
            finally:
                os.close(file)

    def discard(self) -> None:
        """Take its name away; the memory goes with its last reader."""
        with suppress(FileNotFoundError):
            self._memory.unlink()


class Blocks:
    """Shared memory, lent and taken back."""

    def __init__(self) -> None:
        # Blocks come back in any thread at any time.
        self._lock = threading.RLock()
        self._all: dict[str, _Block] = {}
        self._free: list[_Block] = []

    def take(self, size: int) -> _Block | None:
        """Return a block of at least so many bytes, or None where there is no room."""
        if not size:
            return None
        with self._lock:
            for block in list(self._free):
                self._free.remove(block)
                if block.size >= size:
                    return block
                self.discard(block)
        try:
            block = _Block(size)
        except OSError:
            return None
        with self._lock:
            self._all[block.name] = block
        return block

    def give(self, block: _Block) -> None:
        """Take a block back."""
        with self._lock:
            if block.name in self._all and block not in self._free:
                self._free.append(block)

    def discard(self, block: _Block) -> None:
        """Let go of a block that somebody may still write to."""
        with self._lock:
            if self._all.pop(block.name, None) is not None:
                block.discard()

    def close(self) -> None:
        """Let go of all blocks; what is leased of them goes with its last reader."""
        with self._lock:
            self._free.clear()
            for block in list(self._all.values()):
                self.discard(block)

    def array(self, block: _Block) -> NDArray[np.uint8]:
        """Return what is in a block, leased."""
        memory = np.asarray(block).view(Memory)
        return lease(memory, (block.size,), np.dtype(np.uint8), lambda _: self.give(block))


_HERE: dict[str, SharedMemory] = {}  # in a worker


def _attached(name: str) -> SharedMemory:
    found = _HERE.pop(name, None) or SharedMemory(name)
    _HERE[name] = found  # the latest comes last
    while len(_HERE) > _ATTACHED:
        _HERE.pop(next(iter(_HERE))).close()
    return found


def pack(value: Any, name: str | None, size: int) -> Packed:
    """Pickle *value*, its arrays into the block of that name if they fit."""
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [each.raw() for each in buffers]
    places, stop = [], 0
    for part in parts:
        start = -(-stop // ALIGNMENT) * ALIGNMENT
        stop = start + part.nbytes
        places.append((start, stop))
    if name is None or stop > size:
        return pickle.dumps(value, protocol=5), None, stop
    target = _attached(name).buf
    assert target is not None
    whole: NDArray[np.uint8] = np.frombuffer(target, np.uint8)
    for (begin, end), part in zip(places, parts, strict=True):
        whole[begin:end] = np.frombuffer(part, np.uint8)
    return text, places, stop


def unpack(packed: Packed, blocks: Blocks, block: _Block | None) -> Any:
    """Return what ``pack`` was given; its arrays lie in the block."""
    text, places, _ = packed
    if places is None:
        if block is not None:
            blocks.give(block)
        return from_own_process(text)
    assert block is not None
    whole = blocks.array(block)
    buffers = [whole[start:stop] for start, stop in places]
    return from_own_process(text, buffers=buffers)
