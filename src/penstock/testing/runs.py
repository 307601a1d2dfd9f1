"""Jobs run in many threads, after pickling and in another process, and their results compared."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from types import FrameType

    from numpy.typing import NDArray

    from penstock.testing.jobs import Job

__all__ = [
    "count_kinds",
    "difference",
    "first_unlike",
    "in_spawned_process",
    "in_threads",
    "pickled",
    "sentence",
]

_THREADS = 8
_ROUNDS = 4
_TURNS = 1000  # at so many lines per thread; more would take long


def difference(first: Sequence[NDArray[Any]], second: Sequence[NDArray[Any]]) -> str:
    """Say how two lists of arrays differ, to the last bit; empty where they do not."""
    if len(first) != len(second):
        return f"{len(first)} arrays and then {len(second)}"
    for one, other in zip(first, second, strict=True):
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            return f"{one.dtype}{one.shape} and then {other.dtype}{other.shape}"
        if one.dtype.hasobject:
            unlike = np.asarray(one != other, bool)
        else:  # as bytes: a NaN is like itself
            unlike = np.not_equal(_as_bytes(one), _as_bytes(other))
        places = np.flatnonzero(unlike.reshape(max(1, len(one)), -1).any(axis=1))
        if len(places):
            row = int(places[0])
            return (
                f"other values in {len(places)} of {len(one)} rows; {first_unlike(one, other, row)}"
            )
    return ""


def first_unlike(one: NDArray[Any], other: NDArray[Any], row: int) -> str:
    """Name the first place in a row at which two arrays differ, and what stands there."""
    first, second = (np.asarray(each[row]).reshape(-1) for each in (one, other))
    if one.dtype.hasobject:
        unlike = first != second
    else:
        unlike = (_as_bytes(first) != _as_bytes(second)).reshape(len(first), -1).any(axis=1)
    place = int(np.flatnonzero(unlike)[0])
    index = ", ".join(map(str, (row, *np.unravel_index(place, one.shape[1:]))))
    return f"at [{index}] it has {quote(first[place])} and then {quote(second[place])}"


def sentence(error: BaseException) -> str:
    """Return an exception as a sentence."""
    said = f"{type(error).__name__}: {error}".rstrip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _as_bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    flat = np.ascontiguousarray(rows).reshape(-1)
    return flat.view(np.uint8)


def count_kinds(rows: NDArray[Any]) -> int:
    """Count the rows that are unlike each other."""
    return len({repr(row) if rows.dtype.hasobject else row.tobytes() for row in rows})


def in_threads(job: Job, package: str, timeout: float) -> str:
    """Run a job in many threads at once, on samples in another order each.

    Args:
        job: The job.
        package: The package whose lines threads take turns at, so that a race
            is seen that would otherwise be lost once in a long training.
        timeout: Seconds that the threads may take.

    Returns:
        What went wrong; empty where all was as it is in one thread.
    """
    expected = [job.run(shift) for shift in range(_THREADS)]
    wrong: list[str] = []
    start = threading.Barrier(_THREADS)

    def work(shift: int) -> None:
        before = sys.gettrace()
        try:
            start.wait()
            sys.settrace(_turns(package))
            for _ in range(_ROUNDS):
                unlike = difference(expected[shift], job.run(shift))
                if unlike:
                    wrong.append(f"in one thread and then in {_THREADS} it gave {unlike}")
                    return
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
        finally:
            sys.settrace(before)

    threads = [
        threading.Thread(target=work, args=(shift,), daemon=True) for shift in range(_THREADS)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        wrong.append(f"threads were not done after {timeout:g} s")
    return wrong[0] if wrong else ""


def _turns(package: str) -> Callable[[FrameType, str, Any], Any]:
    """Return a trace function that lets another thread run before each line of *package*."""
    left = _TURNS

    def at_line(_frame: FrameType, _event: str, _value: Any) -> Any:
        nonlocal left
        left -= 1
        time.sleep(0)
        return at_line if left > 0 else None

    def at_call(frame: FrameType, _event: str, _value: Any) -> Any:
        module = str(frame.f_globals.get("__name__", ""))
        return at_line if left > 0 and module.partition(".")[0] == package else None

    return at_call


def pickled(job: Any) -> Any:
    """Return what arrives where *job* is sent to, pickled as for a process of its own."""
    return ForkingPickler.loads(ForkingPickler.dumps(job))


def in_spawned_process(job: Any, timeout: float) -> tuple[Any, str]:
    """Run a job in a fresh interpreter.

    Returns:
        What it returned and an empty string, or None and what went wrong.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(job, sender), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            return None, f"it was not done after {timeout:g} s"
        answer: tuple[Any, str] = receiver.recv()
        return answer
    except EOFError:
        process.join(timeout)
        return None, f"the process ended with code {process.exitcode}; stderr says why"
    finally:
        receiver.close()
        if process.is_alive():
            process.join(1)
        process.kill()
        process.join()
        process.close()


def _answer(job: Job, sender: Connection) -> None:
    """Run *job* and send what comes of it; called in the process."""
    try:
        answer: tuple[Any, str] = job.run(), ""
    except BaseException as error:  # an exit, too, is an answer
        answer = None, f"{type(error).__name__}: {error}"
    sender.send(answer)
    sender.close()
