"""How the arrays of a batch are nested: in dicts of dicts, with None where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.errors import ConfigError, quote

__all__ = ["flattened", "form_of", "formed"]


def flattened(given: Any, above: str = "") -> dict[str, Any]:
    """Return what stands in dicts of dicts by one name each, ``"a/b"``, without what is None.

    Raises:
        ConfigError: Two have one name, a name is no string, or a dict is empty.
    """
    found: dict[str, Any] = {}
    for key, each in given.items():
        if not isinstance(key, str):
            raise ConfigError(
                f"{quote(key)} was given as a name; names are strings, as those of a Keras model"
                " are."
            )
        if isinstance(each, Mapping) and not each:
            raise ConfigError(f"The dict {quote(above + key)} is empty. Leave it out.")
        here = flattened(each, f"{above}{key}/") if isinstance(each, Mapping) else {}
        if each is not None and not isinstance(each, Mapping):
            here = {above + key: each}
        twice = [name for name in here if name in found]
        if twice:
            raise ConfigError(
                f"Two arrays have the name {quote(twice[0])}: names of dicts in dicts are joined"
                " by /. Rename one."
            )
        found |= here
    return found


def form_of(given: Any) -> dict[str, Any] | None:
    """Return how dicts are nested: the names of ``flattened`` in place of what they hold, or None.

    None is returned for a dict of arrays, which need not be put together again.
    """
    if not isinstance(given, Mapping):
        return None
    plain = not any(each is None or isinstance(each, Mapping) for each in given.values())
    return None if plain else _form(given, "")


def _form(given: Mapping[str, Any], above: str) -> dict[str, Any]:
    return {
        key: _form(each, f"{above}{key}/")
        if isinstance(each, Mapping)
        else None
        if each is None
        else above + key
        for key, each in given.items()
    }


def formed(form: Any, arrays: dict[str, Any]) -> Any:
    """Nest arrays as *form* says; where it is None they stay as they are."""
    if form is None:
        return arrays
    return {
        key: formed(each, arrays)
        if isinstance(each, dict)
        else None
        if each is None
        else arrays[each]
        for key, each in form.items()
    }
