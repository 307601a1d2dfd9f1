"""How long samples take: how long slices are to be, and whether a thread is worth waking."""

from __future__ import annotations

__all__ = ["Pace"]

_SLICE_SECONDS = 0.01  # long against what a slice costs beside its samples, 0.1 to 0.3 ms
_BRIEF_SECONDS = 0.0005  # a batch that takes no longer costs more with threads than without
_STILL_BRIEF = 2  # times that, once it was
_FORGETTING = 1.25  # so much longer is what was measured taken for, with each batch that follows
_LONGEST_WAIT = 20  # times the work: who takes longer than that works longer


class Pace:
    """What was learned from the time that slices and batches took.

    Threads may tell it at once: what is lost of one telling, the next brings.

    Attributes:
        step: Samples per slice; 0 before the first was timed.
        seconds: What a sample takes at least, as measured lately; of the first nothing is known.
    """

    def __init__(self) -> None:
        self.step = 0.0
        self.seconds = 1.0
        self._brief = False

    def slice_took(self, seconds: float, count: int) -> None:
        """Learn from a slice of *count* samples."""
        # By halves and doubles: what a slice costs beside its samples would
        # mislead a division.
        wanted = count * min(max(_SLICE_SECONDS / max(seconds, 1e-6), 0.5), 2.0)
        self.step = wanted if not self.step else max(1.0, 0.75 * self.step + 0.25 * wanted)

    def batch_took(self, seconds: float, count: int) -> None:
        """Learn from a batch of *count* samples, by the time of all who worked on it."""
        # The least: who waited for the interpreter, or for a core, did not work longer.
        each = seconds / count
        self.seconds = min(max(_FORGETTING * self.seconds, each / _LONGEST_WAIT), each)

    def makes_briefly(self, samples: int) -> bool:
        """Say whether a batch of so many takes too little time to be shared with threads."""
        limit = _BRIEF_SECONDS * (_STILL_BRIEF if self._brief else 1)
        self._brief = self.seconds * samples < limit
        return self._brief
