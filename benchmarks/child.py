"""A process of one peer: ``python -m benchmarks.child SPECIFICATION``.

It opens the subject, says so, and then measures it once for each line that it
reads: the number of seconds. Each answer is a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.measuring import Subject

__all__ = ["main"]

_BREATH = 0.1  # seconds
_LONGEST_REST = 150  # of those


def main(specification: str) -> None:
    """Open what *specification* names, and measure it as often as is asked for."""
    # The answers have a channel of their own: libraries print what they like.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    given = json.loads(specification)
    if given["cores"]:
        os.sched_setaffinity(0, given["cores"])
    from benchmarks.measuring import NotAvailable
    from benchmarks.processor import cpu_seconds, peak_mib

    def come_to_rest() -> None:
        used = cpu_seconds()
        for _ in range(_LONGEST_REST):
            time.sleep(_BREATH)
            before, used = used, cpu_seconds()
            if used - before < _BREATH / 10:
                return

    def answer(found: dict[str, Any]) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    try:
        module, _, function = given["subject"].partition(":")
        make = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)
        subject: Subject = make(**given["data"], **given["options"])
        answer({})
        for line in sys.stdin:
            found = {**subject.measure(float(line)), "peak_mib": peak_mib()}
            come_to_rest()  # what is read ahead still, the next peer would be short of
            answer(found)
    except Exception as error:
        answer({"failed": f"{type(error).__name__}: {error}".splitlines()[0]})
        if not isinstance(error, (ImportError, NotAvailable)):
            raise


if __name__ == "__main__":
    main(sys.argv[1])
