"""What cannot travel to another process, told by name."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from penstock.arrays import Arrays
from penstock.components import name_of
from penstock.errors import ConfigError, quote
from penstock.raggedarrays import RaggedArrays
from penstock.windows import WindowRows

if TYPE_CHECKING:
    from penstock.batches import Batches

__all__ = ["refuse_unpicklable"]


def refuse_unpicklable(batches: Batches) -> None:
    """Refuse to pickle batches with a component that cannot be.

    Raises:
        ConfigError: There is one.
    """
    inputs = [(f"of the input {each.name!r}", each.component) for each in batches.inputs]
    targets = [(f"of the target {each.name!r}", each.component) for each in batches.targets]
    named = inputs + targets + [("that augments", each) for each in batches.augmenters]
    for name, several in batches.preparers.items():
        named += [(f"that prepares the input {name!r}", each) for each in several]
    for role, component in named:
        # These may be large, and travel in any case.
        if isinstance(component, (Arrays, RaggedArrays, WindowRows)):
            continue
        try:
            pickle.dumps(component)
        except Exception as error:
            raise ConfigError(
                f"{name_of(component)}, {role}, cannot travel to another process:"
                f" {type(error).__name__}: {quote(str(error))}. Define functions and classes at the"
                " top of a module, and give no lambdas."
            ) from error
