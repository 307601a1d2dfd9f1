"""The values of a component's options, held to the types that its fields declare.

Only types that can be judged without doubt are: numbers, strings, booleans,
None, literals, and tuples and unions of these. Any other annotation takes any
value.
"""

from __future__ import annotations

import sys
import types
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from penstock.errors import ConfigError, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["check_types"]

_WORDS = {
    bool: ("True or False", "booleans"),
    float: ("a number", "numbers"),
    int: ("a whole number", "whole numbers"),
    str: ("a string", "strings"),
    type(None): ("None", "None"),
}


def check_types(component: type[Any], title: str, given: Mapping[str, Any]) -> None:
    """Refuse values of options that are not what the component's fields declare.

    Args:
        component: The component's class; one that is no dataclass declares nothing.
        title: What to call it in messages.
        given: Values by option.

    Raises:
        ConfigError: One is of another type; says which it must be.
    """
    if not is_dataclass(component):
        return
    declared = {each.name: each.type for each in fields(component)}
    for name, value in given.items():
        hint = _resolved(component, name, declared[name]) if name in declared else Any
        if not _fits(value, hint):
            raise ConfigError(
                f"The {title} was given {name}={quote(value)}; it must be {_described(hint)}."
                f"{suggest(value, _words(hint)) if isinstance(value, str) else ''}"
            )


def _resolved(component: type[Any], name: str, annotation: Any) -> Any:
    """Return the type that an annotation names; Any where that cannot be found out."""
    holder = type("Holder", (), {"__annotations__": {name: annotation}})
    module = sys.modules.get(component.__module__)
    try:
        return get_type_hints(holder, globalns=vars(module) if module else {})[name]
    except Exception:  # a name for type checkers alone
        return Any


def _fits(value: Any, hint: Any) -> bool:
    """Say whether *value* is of the type *hint*, or that cannot be told."""
    arguments = get_args(hint)
    if _is_union(hint):
        return any(_fits(value, each) for each in arguments)
    if get_origin(hint) is Literal:
        return any(type(value) is type(each) and value == each for each in arguments)
    if get_origin(hint) is tuple:
        return isinstance(value, (tuple, list)) and _all_fit(value, arguments)
    if hint is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")
    if hint in (int, float):
        number = Integral if hint is int else Real
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (str, type(None)) else True


def _all_fit(values: Iterable[Any], hints: tuple[Any, ...]) -> bool:
    listed = list(values)
    if hints[1:] == (...,):
        hints = hints[:1] * len(listed)
    return len(listed) == len(hints) and all(map(_fits, listed, hints))


def _words(hint: Any) -> list[str]:
    """Return the strings among the values that a type allows."""
    if _is_union(hint):
        return [word for each in get_args(hint) for word in _words(each)]
    return [each for each in get_args(hint) if isinstance(each, str)]


def _described(hint: Any) -> str:
    arguments = get_args(hint)
    if _is_union(hint):
        return " or ".join(_described(each) for each in arguments)
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, arguments))
    if get_origin(hint) is not tuple:
        return _WORDS[hint][0] if hint in _WORDS else f"a {getattr(hint, '__name__', hint)}"
    kinds = {each for each in arguments if each is not ...}
    several = _WORDS[kinds.pop()][1] if len(kinds) == 1 and kinds <= _WORDS.keys() else "values"
    count = "" if arguments[1:] == (...,) else f"{len(arguments)} "
    return f"a tuple of {count}{several}"


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)
