"""The conformance kit: tests that a plugin's author inherits.

    >>> from penstock.testing import LoaderConformance
    >>> class TestWavFiles(LoaderConformance):
    ...     def make(self, directory):
    ...         write_tones(directory, ["a.wav", "b.wav", "c.wav"])
    ...         return WavFiles(seconds=0.1), ["a.wav", "b.wav", "c.wav"]

pytest runs what the class inherits. Each test asks one thing; where a component
cannot even be run, one test says so and those that build on it are skipped.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.testing.augmenter import AugmenterConformance
    from penstock.testing.encoder import EncoderConformance
    from penstock.testing.loader import LoaderConformance
    from penstock.testing.preparer import PreparerConformance

__all__ = [
    "AugmenterConformance",
    "EncoderConformance",
    "LoaderConformance",
    "PreparerConformance",
]

# Imported when they are used: spawned processes need the jobs alone.
_HOMES = {
    "AugmenterConformance": "penstock.testing.augmenter",
    "EncoderConformance": "penstock.testing.encoder",
    "LoaderConformance": "penstock.testing.loader",
    "PreparerConformance": "penstock.testing.preparer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'penstock.testing' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
