"""Checks of the generator's own parameters, before anything is opened."""

from __future__ import annotations

import operator
from typing import Any

from penstock.errors import ConfigError, quote, suggest

__all__ = ["check_choice", "check_flag", "check_whole"]


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
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
        raise ConfigError(f"{name}={quote(value)} was given; it must be a whole number {bounds}.")
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
