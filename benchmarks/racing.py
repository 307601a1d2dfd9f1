"""A row's peers against each other, round by round."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchmarks.processes import PeerFailed, PeerProcess
from benchmarks.rows import READY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.rows import Row

__all__ = ["Result", "differences", "race"]

_ALIKE = 0.05  # share by which the means of what was delivered may differ; of 1 at least
_ERRORS = 4  # standard errors that come on top: a slow peer delivers little to look at


class Result(dict[str, list[dict[str, Any]]]):
    """Figures of each round, by peer; and of those that were not measured, why.

    Attributes:
        unavailable: Reasons, by peer.
        options: Of the variants that were best, by peer.
        problems: What the peers did not have in common, but should have.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unavailable: dict[str, str] = {}
        self.options: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []


def race(
    row: Row,
    data: Mapping[str, str],
    *,
    rounds: int,
    seconds: float,
    cores: Sequence[int],
    log: Any,
    say: Callable[[str], None],
) -> Result:
    """Measure the peers of *row* in turns.

    All processes are started first and wait for their turns. A turn of half a
    second warms each of them up; of a peer's variants the best then stays.
    """
    result = Result()
    variants = {
        peer: [
            PeerProcess(
                peer,
                options,
                data if peer.reads else {},
                cores=list(cores[: row.cores if peer.cores is None else peer.cores]),
                gpu=row.gpu,
                log=log,
            )
            for options in peer.variants
        ]
        for peer in row.peers
    }
    entrants: dict[str, PeerProcess] = {}
    try:
        for peer, tried in variants.items():
            try:
                entrants[peer.name] = _best(tried, row.figure)
            except PeerFailed as error:
                result.unavailable[peer.name] = str(error)
                say(f"  {peer.name}: not available ({error})")
            else:
                result.options[peer.name] = entrants[peer.name].options
        for number in range(rounds):
            for name, entrant in list(entrants.items()):
                try:
                    result.setdefault(name, []).append(entrant.measure(seconds))
                except PeerFailed as error:
                    del entrants[name]
                    del result[name]
                    result.unavailable[name] = str(error)
            say(f"  round {number + 1}: {_summary(row, result)}")
    finally:
        for tried in variants.values():
            for entrant in tried:
                entrant.close()
    if row.alike:
        result.problems = differences(result)
    return result


def differences(result: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Say which peers delivered something else than the first: shapes, dtypes or values."""
    seen = {
        name: figures[-1]
        for name, figures in result.items()
        if "spec" in figures[-1]
        and not name.startswith(READY)  # which delivers nothing of the data
    }
    found: list[str] = []
    if not seen:
        return found
    first = next(iter(seen))
    mean, error = seen[first]["mean"], seen[first]["error"]
    for name, figures in seen.items():
        if figures["spec"] != seen[first]["spec"]:
            found.append(f"{name} delivers {figures['spec']}, {first} {seen[first]['spec']}")
        elif abs(figures["mean"] - mean) > (
            _ALIKE * max(abs(mean), 1.0) + _ERRORS * math.hypot(error, figures["error"])
        ):
            found.append(
                f"{name} delivers values of mean {figures['mean']:.4g}, {first} {mean:.4g}"
            )
    return found


def _best(variants: Sequence[PeerProcess], figure: str) -> PeerProcess:
    """Warm the variants up, and keep the one with the highest figure, if there are several."""
    for each in variants:
        each.ready()
    if len(variants) == 1:
        variants[0].measure(0.5)
        return variants[0]
    figures = [each.measure(1.0)[figure] for each in variants]
    best = variants[figures.index(max(figures))]
    for each in variants:
        if each is not best:
            each.close()
    return best


def _summary(row: Row, result: Result) -> str:
    return ", ".join(f"{name} {figures[-1][row.figure]:,.4g}" for name, figures in result.items())
