"""Training goes first where the processor is short.

A thread that loads is never done, and one that trains wakes for a moment per
batch. With the same claim to the processor, Linux (from 6.6 on) lets the first
finish its turn of some milliseconds before the second may begin, and the
accelerator waits meanwhile; see decision 0032.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["step_back"]

_NICER = 5  # a third of the claim, where both want the same core all the time


def step_back() -> None:
    """Let what trains have the processor before this thread, if the system tells threads apart."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        with suppress(OSError):  # a sandbox may forbid it
            os.nice(_NICER)
