"""Checks of the generator's own parameters, before anything is opened."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Set as AbstractSet
from numbers import Real
from typing import Any

from penstock.errors import ConfigError, quote, suggest

__all__ = [
    "check_choice",
    "check_columns",
    "check_flag",
    "check_names",
    "check_path",
    "check_share",
    "check_subset",
    "check_whole",
    "keras_share",
    "refuse_beside",
]


def check_whole(
    name: str, value: Any, least: int, most: int | None = None, *, advice: str = ""
) -> int:
    """Return *value* as an int within bounds.

    Raises:
        ConfigError: It is no whole number, or out of bounds; a bool is no number.
    """
    try:
        whole = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or whole < least or (most is not None and whole > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigError(
            f"{name}={quote(value)} was given; it must be a whole number {bounds}.{advice}"
        )
    return whole


def check_flag(name: str, value: Any) -> bool:
    """Return *value* if it is True or False.

    Raises:
        ConfigError: It is anything else.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name}={quote(value)} was given; it must be True or False.")
    return value


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return *value* if it is among *choices*.

    Raises:
        ConfigError: It is not.
    """
    if value not in choices:
        raise ConfigError(
            f"{name}={quote(value)} was given; it must be one of {', '.join(map(repr, choices))}."
            f"{suggest(value, choices)}"
        )
    return str(value)


def check_share(name: str, value: Any) -> float:
    """Return *value* as a float between 0 and 1, both excluded.

    Raises:
        ConfigError: It is no such number.
    """
    share = float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0
    if not 0 < share < 1:
        raise ConfigError(f"{name}={quote(value)} must be between 0 and 1.")
    return share


def check_columns(name: str, value: Any) -> str | tuple[str, ...] | None:
    """Return the name of a column as it is, and several as a tuple.

    Raises:
        ConfigError: It is neither, or names none.
    """
    if value is None or isinstance(value, str):
        return value
    ordered = isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping, AbstractSet))
    several = tuple(value) if ordered else ()
    if not several or not all(isinstance(each, str) for each in several):
        raise ConfigError(
            f"{name}={quote(value)} was given; it must be the name of a column, a string,"
            " or a list of names."
        )
    return several


def check_names(name: str, given: Any, what: str) -> None:
    """Check the names of several inputs or targets.

    Raises:
        ConfigError: They are no dict, none, or no strings.
    """
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            f"{name}={quote(given)} names no {name[:-1]}; give a dict of {what} by"
            f" {name[:-1]} name."
        )
    for each in given:
        if not isinstance(each, str):
            raise ConfigError(
                f"{name}= names {quote(each)}; names are strings, as those of a Keras model are."
            )


def check_path(name: str, value: Any, *, directory: bool = False) -> str | None:
    """Return a path as a string.

    Raises:
        ConfigError: It is none, or *directory* and there is no such directory.
    """
    if value is None:
        return None
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise ConfigError(f"{name}={quote(value)} is not a path.")
    path = os.fsdecode(value)
    if directory and not os.path.isdir(path):
        raise ConfigError(f"{name}={quote(path)} is not a directory. Check the path.")
    return path


def check_subset(validation_split: Any, subset: Any, *, seeded: bool) -> None:
    """Check the parameters that divide the samples as Keras' own functions do.

    Raises:
        ConfigError: One stands without the other, or they divide nothing.
    """
    if (validation_split is None) != (subset is None):
        raise ConfigError(
            "validation_split= and subset= belong together:"
            ' validation_split=0.2, subset="training" (or "validation", or "both").'
        )
    if subset is None:
        return
    check_choice("subset", subset, ("training", "validation", "both"))
    if subset != "both" and not seeded:
        raise ConfigError(
            f"subset={subset!r} needs seed=, the same in both calls: with a seed of its own each"
            ' call would divide anew, and the parts would overlap. Or say subset="both".'
        )
    check_share("validation_split", validation_split)


def refuse_beside(reason: str, **given: Any) -> None:
    """Refuse parameters that would be ignored.

    Raises:
        ConfigError: One is not None.
    """
    for name, value in given.items():
        if value is not None:
            raise ConfigError(f"{name}={quote(value)} was given beside {reason}")


def keras_share(validation_split: float, count: int) -> float:
    """Return the share of *count* samples that has as many of them as Keras would take.

    Keras rounds down, as ``keras.utils.image_dataset_from_directory`` does; but where that
    leaves none, the share is what was asked for.
    """
    return int(validation_split * count) / count or validation_split
