"""What a process has used of its machine, its living children included."""

from __future__ import annotations

import os
import resource
import sys

__all__ = ["cpu_seconds", "peak_mib", "resident_bytes", "usable_cores"]


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_seconds() -> float:
    """Return processor seconds used so far by this process and all that it started."""
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    spent = sum(each.ru_utime + each.ru_stime for each in own)
    tick = os.sysconf("SC_CLK_TCK")
    for child in _descendants(os.getpid()):
        try:
            with open(f"/proc/{child}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        spent += sum(map(int, fields[11:15])) / tick
    return spent


def peak_mib() -> float:
    """Return the most memory that this process and its living children have held, in MiB."""
    return sum(_status(each, "VmHWM") for each in (os.getpid(), *_descendants(os.getpid()))) / 1024


def resident_bytes() -> int:
    """Return the memory that this process holds now."""
    return 1024 * _status(os.getpid(), "VmRSS")


def _descendants(process: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found + [below for child in found for below in _descendants(child)]


def _status(process: int, name: str) -> int:
    """Return an entry of the kernel's account of a process, in KiB."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name):
                    return int(line.split()[1])
    except OSError:
        pass
    if process != os.getpid():
        return 0
    # Not Linux: the peak has to do for what is held now, too.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
