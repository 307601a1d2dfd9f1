"""What a row of the table is: a workload, who does it, and what is aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["PENSTOCK", "READY", "ROOFLINE", "Peer", "Rounds", "Row", "Target", "median", "on"]

PENSTOCK = "Penstock"
ROOFLINE = "roofline"
READY = "Keras alone (ready batches)"

Rounds = Mapping[str, Sequence[Mapping[str, Any]]]
"""Figures by the peer's name: one dict per round."""


@dataclass(frozen=True, eq=False)
class Peer:
    """One way to do the work.

    Attributes:
        name: As the table shows it.
        subject: ``module:function`` in ``benchmarks.peers``; the function takes
            the row's data directories by name and a variant's options, and
            returns a ``Subject``.
        variants: Options; of several variants the first round's best is taken.
        backend: Keras' backend.
        cores: How many it may use; by default the row's.
        reads: Whether it takes the row's data.
    """

    name: str
    subject: str
    variants: tuple[Mapping[str, Any], ...] = ({},)
    backend: str = "tensorflow"
    cores: int | None = None
    reads: bool = True


@dataclass(frozen=True)
class Target:
    """What a row aims at.

    Attributes:
        limit: The value to reach.
        against: The peer whose figure divides Penstock's; none for a figure by itself.
        figure: Of Penstock.
        of: Another peer in Penstock's place.
        against_figure: The figure of *against*, if another than *figure*.
        unit: Behind the value.
        at_least: Whether *limit* is the least or the most.
    """

    limit: float
    against: str | None = None
    figure: str = "rate"
    of: str = PENSTOCK
    against_figure: str | None = None
    unit: str = "×"
    at_least: bool = True

    @property
    def text(self) -> str:
        """What is aimed at, in words."""
        sign = "≥" if self.at_least else "≤"
        what = f"{sign} {self.limit:g} {self.unit}".replace(" ×", " ×")
        if self.against is None:
            return f"{what}" if self.of == PENSTOCK else f"{what} ({self.of})"
        other = "own first epoch" if self.against_figure == "first_rate" else self.against
        return f"{what} {other}" if self.of == PENSTOCK else f"{self.of}: {what} {other}"

    def values(self, rounds: Rounds) -> list[float]:
        """Return the value of each round; none where a peer was not measured."""
        other = (
            [{}] * len(rounds.get(self.of, ()))
            if self.against is None
            else rounds.get(self.against, ())
        )
        found = []
        for mine, theirs in zip(rounds.get(self.of, ()), other, strict=False):
            value = mine.get(self.figure)
            if value is not None and self.against is not None:
                divisor = theirs.get(self.against_figure or self.figure)
                value = None if divisor is None else value / divisor
            if value is not None:
                found.append(float(value))
        return found

    def met(self, rounds: Rounds) -> bool | None:
        """Say whether the median reaches the limit; None where it was not measured."""
        values = self.values(rounds)
        if not values:
            return None
        median = statistics.median(values)
        return median >= self.limit if self.at_least else median <= self.limit


@dataclass(frozen=True)
class Row:
    """One workload.

    Attributes:
        name: What ``--only`` takes.
        title: As the table shows it.
        data: The data sets that it needs, of ``data.DATASETS``, by the subjects' argument.
        peers: Who does it; Penstock first.
        targets: What is aimed at.
        figure: What is compared.
        unit: Of that.
        seconds: How long a round of a peer should take.
        alike: Whether all deliver the same values, so that their means must agree.
        cores: How many a peer may use; None for all.
        gpu: Whether the peers may see the GPU.
    """

    name: str
    title: str
    data: Mapping[str, str]
    peers: tuple[Peer, ...]
    targets: tuple[Target, ...]
    figure: str = "rate"
    unit: str = "samples/s"
    seconds: float = 2.0
    alike: bool = True
    cores: int | None = 2
    gpu: bool = False


def median(figures: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Return the median of a figure over the rounds, where there is one."""
    values = [float(each[name]) for each in figures if each.get(name) is not None]
    return statistics.median(values) if values else None


def on(backend: str, who: str = PENSTOCK) -> str:
    """Name a peer on a backend of Keras."""
    return who if backend == "tensorflow" else f"{who} on {backend}"
