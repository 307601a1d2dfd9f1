"""OpenCV's own threads, out of the way of Penstock's.

Penstock runs a slice of a batch on each of its threads. OpenCV would split every
resize once more, among threads of its own: they fight for the same cores. Its
number of threads is one setting for the whole process, so it is lowered while
threads of Penstock's live, or another thread is at work on a slice, and put back
after the last. (Put back after every slice, it costs more than the slice.)
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["single_threaded"]


class _Presence:
    """Lives as long as a thread does, in its local storage."""

    def __init__(self, context: _SingleThreaded) -> None:
        self._context = context
        context.arrive()

    def __del__(self) -> None:
        self._context.leave()


class _SingleThreaded:
    """A context, for any number of threads at once, in which OpenCV starts no thread."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # The threads that hold the lock or are counted do not exist in the child.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # Of this very thread, too, the end of a presence may come at any time.
        self._lock = threading.RLock()
        self._local = threading.local()
        self._inside = 0
        self._before = 0

    def arrive(self) -> None:
        """Lower OpenCV's threads, if this is the first to come."""
        import cv2

        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(0)

    def leave(self) -> None:
        """Put OpenCV's threads back, if this is the last to go."""
        import cv2

        with self._lock:
            self._inside -= 1
            # Someone else's setting, made meanwhile, is left alone.
            if self._inside == 0 and cv2.getNumThreads() == 1:
                cv2.setNumThreads(self._before)

    def __enter__(self) -> None:
        if threading.current_thread().name != "penstock":
            self.arrive()
        elif not hasattr(self._local, "presence"):
            self._local.presence = _Presence(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if threading.current_thread().name != "penstock":
            self.leave()


single_threaded = _SingleThreaded()
