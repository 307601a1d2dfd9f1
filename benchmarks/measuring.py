"""What is measured inside a process of its own: one peer, again and again.

A subject is opened once, with its libraries imported, and then measured in as
many rounds as ``child.py`` is asked for.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.processor import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Figures", "Looping", "NotAvailable", "Once", "Stopwatch", "Subject"]

Figures = dict[str, Any]
"""What a round found, by name: ``rate`` in samples/s, ``cpu_us`` per sample, ``gap_ms``, …"""

_PATIENCE = 3  # a round may take so many times as long as it was asked to, to end its epoch

_FEWEST = 4  # batches that say anything about how long one takes


class NotAvailable(Exception):
    """What was to be measured is not there."""


class Subject(Protocol):
    """Something that can be measured, again and again."""

    def measure(self, seconds: float) -> Figures:
        """Measure for about so many seconds."""


class Looping:
    """A bare loop, without Keras: rooflines, and peers that are no more than that.

    Args:
        epoch: Goes through all samples once, and returns how many there were.
    """

    def __init__(self, epoch: Callable[[], int]) -> None:
        self._epoch = epoch

    def measure(self, seconds: float) -> Figures:
        """Go through all samples until the time is up."""
        samples, cpu, began = 0, cpu_seconds(), time.perf_counter()
        while time.perf_counter() - began < seconds:
            samples += self._epoch()
        spent = time.perf_counter() - began
        return {"rate": samples / spent, "cpu_us": 1e6 * (cpu_seconds() - cpu) / samples}


class Once:
    """A measurement that takes as long as it takes.

    Args:
        function: Returns the figures.
    """

    def __init__(self, function: Callable[[], Figures]) -> None:
        self._function = function

    def measure(self, seconds: float) -> Figures:  # noqa: ARG002
        """Measure."""
        return self._function()


class Stopwatch:
    """Notes when batches and epochs end, and says when the time is up.

    Attributes:
        samples: How many came so far.
        stop: Whether the time is up.

    Args:
        seconds: How long to measure.
        whole: Whether two epochs at least are waited for, however long they take.
    """

    def __init__(self, seconds: float, *, whole: bool = False) -> None:
        self.samples = 0
        self.stop = False
        self._seconds = seconds
        self._longest = math.inf if whole else _PATIENCE * seconds
        self._began = time.perf_counter()
        self._ends: list[tuple[float, int]] = []  # of batches: when, and how many samples so far
        self._epochs: list[int] = []  # batches so far at the end of each whole epoch
        self._sum = 0.0
        self._means: list[float] = []

    def batch_ended(self, samples: int, mean: float) -> None:
        """Note the end of a batch, and the mean of those of its values that were looked at."""
        self.samples += samples
        self._sum += mean * samples
        self._means.append(mean)
        now = time.perf_counter()
        self._ends.append((now, self.samples))
        # Counted from the first batch: what comes before it may be a compilation.
        spent = now - self._ends[0][0]
        self.stop = spent > self._longest and len(self._ends) >= _FEWEST

    def epoch_ended(self) -> None:
        """Note the end of an epoch."""
        if not self.stop:
            self._epochs.append(len(self._ends))
            spent = self._ends[-1][0] - self._ends[0][0]
            self.stop = len(self._epochs) > 1 and spent > self._seconds

    def figures(self) -> Figures:
        """Return what was found.

        Returns:
            ``rate``, in samples/s: over whole epochs, without the first one, in
            which delivery begins; where there is but one, over most of its batches.
            ``steady_rate``, by the median batch: what lies between epochs is left out.
            ``mean`` of the values that were looked at, and ``error``, the standard error
            of that. Where there were epochs: ``first_rate``, of the first, its beginning
            included; ``gap_ms``, how much longer than another batch the first one of an
            epoch took to come.
        """
        ends, epochs = self._ends, self._epochs
        if len(epochs) > 1:
            first, last = ends[epochs[0] - 1], ends[epochs[-1] - 1]
        else:
            first, last = ends[len(ends) // 10], ends[-1]
        found: Figures = {"rate": (last[1] - first[1]) / (last[0] - first[0])}
        steps = [after[0] - before[0] for before, after in itertools.pairwise(ends)]
        found["steady_rate"] = self.samples / len(ends) / statistics.median(steps)
        found["mean"] = self._sum / self.samples
        found["error"] = statistics.stdev(self._means) / math.sqrt(len(self._means))
        if epochs:
            end, samples = ends[epochs[0] - 1]
            found["first_rate"] = samples / (end - self._began)
        if len(epochs) > 1:
            gaps = [steps[number - 1] for number in epochs if number <= len(steps)]
            found["gap_ms"] = 1000 * (statistics.median(gaps) - statistics.median(steps))
        return found
