"""Checks of the values that users give to options, and what a factor stands for."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from penstock.errors import ConfigError, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "between",
    "check_between",
    "check_choice",
    "check_count",
    "check_flag",
    "check_number",
    "check_pair",
    "check_size",
    "check_steps",
    "refuse_both",
]


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a *value* that is none of *allowed*."""
    if not isinstance(value, str) or value not in allowed:
        near = suggest(value, allowed) if isinstance(value, str) else ""
        listed = ", ".join(repr(word) for word in allowed)
        raise ConfigError(f"{name}={quote(value)} is not one of {listed}.{near}")


def check_flag(name: str, value: object) -> None:
    """Refuse a *value* that is neither True nor False."""
    if not isinstance(value, bool):
        _refuse(name, value, "True or False")


def check_count(name: str, value: object) -> None:
    """Refuse a *value* that is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        _refuse(name, value, "a whole number of at least 1")


def check_size(name: str, value: object) -> tuple[int, int]:
    """Return *value* as (height, width), two whole numbers of at least 1."""
    wanted = "(height, width), two whole numbers of at least 1"
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        _refuse(name, value, wanted)
    for length in value:
        if isinstance(length, bool) or not hasattr(length, "__index__") or length.__index__() < 1:
            _refuse(name, value, wanted)
    return value[0].__index__(), value[1].__index__()


def check_number(name: str, value: object) -> float:
    """Return *value* as a finite float."""
    number = _number(value)
    if number is None:
        _refuse(name, value, "a finite number")
    return number


def check_between(name: str, value: object, low: float, high: float) -> float:
    """Return *value* as a float within [low, high]."""
    number = _number(value)
    if number is None or not low <= number <= high:
        _refuse(name, value, f"a number from {low:g} to {high:g}")
    return number


def check_pair(
    name: str,
    value: object,
    *,
    low: float,
    high: float,
    symmetric: bool = True,
    ordered: bool = True,
) -> tuple[float, float]:
    """Return *value*, a number or a pair of them, as (lower, upper) within [low, high].

    A single number x stands for (-x, x) where *symmetric*, and for (x, x) elsewhere.
    """
    pair = list(value) if isinstance(value, (tuple, list)) else [value, value]
    numbers = [number for each in pair if (number := _number(each)) is not None]
    if symmetric and numbers and not isinstance(value, (tuple, list)):
        numbers = [-abs(numbers[0]), abs(numbers[0])]
    if len(numbers) == len(pair) == 2 and all(low <= number <= high for number in numbers):
        lower, upper = numbers
        if lower <= upper or not ordered:
            return lower, upper
    return _refuse(name, value, f"a number or a pair (lower, upper) within [{low:g}, {high:g}]")


def check_steps(name: str, value: object) -> int | tuple[float, ...]:
    """Return *value* as a whole number of at least 0, or several finite numbers as a tuple."""
    several = list(value) if isinstance(value, (tuple, list)) else []
    numbers = [number for each in several if (number := _number(each)) is not None]
    if numbers and len(numbers) == len(several):
        return tuple(numbers)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0:
        return int(value)
    return _refuse(
        name, value, "a whole number of at least 0, or a list of numbers such as [-4, 0, 4]"
    )


def refuse_both(augmenter: Any, option: str, *others: str) -> None:
    """Refuse what stands in place of *others* where one of these was given too."""
    given = [
        each.name
        for each in fields(augmenter)
        if each.name in others and getattr(augmenter, each.name) != each.default
    ]
    if given:
        raise ConfigError(
            f"{option}={quote(getattr(augmenter, option))} stands in place of {given[0]}, and"
            f" {given[0]}={quote(getattr(augmenter, given[0]))} was given too: leave one out."
        )


def between(unit: NDArray[np.float64], factor: float | tuple[float, float]) -> NDArray[np.float64]:
    """Spread numbers from 0 to 1 over what a checked factor allows: (-x, x) for a number x."""
    lower, upper = factor if isinstance(factor, tuple) else (-factor, factor)
    return lower + (upper - lower) * unit


def _number(value: object) -> float | None:
    """Return *value* as a float where it is a finite number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _refuse(name: str, value: object, wanted: str) -> NoReturn:
    raise ConfigError(f"{name}={quote(value)} cannot work: give {wanted}.")
