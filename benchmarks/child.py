"""A process of one peer: ``python -m benchmarks.child SPECIFICATION``.

It opens the subject, says so, and then measures it once for each line that it
reads: the number of seconds. Each answer is a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.measuring import Subject

__all__ = ["main"]


def main(specification: str) -> None:
    """Open what *specification* names, and measure it as often as is asked for."""
    # The answers have a channel of their own: libraries print what they like.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    given = json.loads(specification)
    if given["cores"]:
        os.sched_setaffinity(0, given["cores"])
    from benchmarks.measuring import NotAvailable
    from benchmarks.processor import peak_mib

    def answer(found: dict[str, Any]) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    try:
        module, _, function = given["subject"].partition(":")
        make = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)
        subject: Subject = make(**given["data"], **given["options"])
        answer({})
        for line in sys.stdin:
            answer({**subject.measure(float(line)), "peak_mib": peak_mib()})
    except Exception as error:
        answer({"failed": f"{type(error).__name__}: {error}".splitlines()[0]})
        if not isinstance(error, (ImportError, NotAvailable)):
            raise


if __name__ == "__main__":
    main(sys.argv[1])
