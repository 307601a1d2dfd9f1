"""Penstock feeds Keras models with batches from data that does not fit in memory.

    >>> import penstock
    >>> train, val = penstock.make_generator("photos/", image_size=(224, 224)).split(0.8, 0.2)
    >>> model.fit(train, validation_data=val)

Names are imported when they are first used: importing penstock loads neither
Keras nor a backend, nor any plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock import callbacks, errors
    from penstock.arrays import Arrays
    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch
    from penstock.columns import Columns
    from penstock.draws import Draws
    from penstock.encoders import Binary, Categorical, Float, Int, Multilabel
    from penstock.factory import make_generator
    from penstock.hookspecs import hookimpl
    from penstock.mixing import MixUp
    from penstock.persample import augmenter, encoder, loader
    from penstock.savedsplits import save_split
    from penstock.sequence import Sequence
    from penstock.standardizing import Standardize, StandardizeEach
    from penstock.texts import TextFiles
    from penstock.whitening import Whiten
    from penstock.windows import Windows

__all__ = [
    "ArraySpec",
    "Arrays",
    "Batch",
    "Binary",
    "Categorical",
    "Columns",
    "Draws",
    "Float",
    "Int",
    "MixUp",
    "Multilabel",
    "Sequence",
    "Standardize",
    "StandardizeEach",
    "TextFiles",
    "Whiten",
    "Windows",
    "augmenter",
    "callbacks",
    "encoder",
    "errors",
    "hookimpl",
    "loader",
    "make_generator",
    "save_split",
]

_HOMES = {
    "ArraySpec": "penstock.arrayspec",
    "Arrays": "penstock.arrays",
    "Batch": "penstock.batch",
    "Binary": "penstock.encoders",
    "Categorical": "penstock.encoders",
    "Columns": "penstock.columns",
    "Draws": "penstock.draws",
    "Float": "penstock.encoders",
    "Int": "penstock.encoders",
    "MixUp": "penstock.mixing",
    "Multilabel": "penstock.encoders",
    "Sequence": "penstock.sequence",
    "Standardize": "penstock.standardizing",
    "StandardizeEach": "penstock.standardizing",
    "Whiten": "penstock.whitening",
    "TextFiles": "penstock.texts",
    "Windows": "penstock.windows",
    "augmenter": "penstock.persample",
    "encoder": "penstock.persample",
    "hookimpl": "penstock.hookspecs",
    "loader": "penstock.persample",
    "make_generator": "penstock.factory",
    "save_split": "penstock.savedsplits",
}


def __getattr__(name: str) -> Any:
    if name in ("callbacks", "errors"):
        return import_module(f"penstock.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("penstock")
    if name not in _HOMES:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
