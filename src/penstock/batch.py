"""The batch as augmenters see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.draws import Draws

__all__ = ["Batch"]


@dataclass
class Batch:
    """A batch, or a slice of one, on its way to Keras.

    Attributes:
        inputs: Arrays of shape ``(n, …)`` by input name; a single input is ``"x"``.
        targets: Likewise for targets; a single target is ``"y"``.
        sample_weight: float32 of shape ``(n,)``, or None.
        draws: Random numbers for the batch's samples.
    """

    inputs: dict[str, NDArray[Any]]
    targets: dict[str, NDArray[Any]]
    sample_weight: NDArray[Any] | None
    draws: Draws
