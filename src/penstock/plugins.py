"""Entry points -> components by name, imported when they are asked for and not before."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from penstock.declarations import API, check_class, too_new
from penstock.errors import PluginConflict, PluginError, quote, suggest
from penstock.summaries import BrokenSource, Summary, summary_of
from penstock.switches import BUNDLED, disabling, normal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

__all__ = ["API", "GROUPS", "Plugin", "installed", "load", "load_all"]

GROUPS = {
    "loader": "penstock.loaders",
    "encoder": "penstock.encoders",
    "augmenter": "penstock.augmenters",
}


@dataclass(frozen=True)
class Plugin:
    """A component that an installed distribution offers.

    Attributes:
        kind: ``"loader"``, ``"encoder"`` or ``"augmenter"``.
        name: What users type.
        distribution: The distribution's name.
        version: Its version.
        value: Where the component is, as ``module:attribute``.
        status: ``"ok"``, ``"broken"``, ``"conflict"`` or ``"disabled"``, as far as
            can be seen without importing anything.
        reason: Why it is not ok; empty otherwise.
        summary: The first paragraph of the component's docstring.
    """

    kind: str
    name: str
    distribution: str
    version: str
    value: str
    status: str = "ok"
    reason: str = ""
    summary: str = ""


def installed(kind: str | None = None) -> list[Plugin]:
    """List the installed components, sorted by kind and name; import none."""
    found: list[Plugin] = []
    for group_kind in GROUPS if kind is None else (kind,):
        offers = _offers(group_kind)
        found += [_looked_at(offer, offers) for offer in offers]
    return found


def load(kind: str, name: str) -> type[Any]:
    """Import the component *name*, and nothing else.

    Args:
        kind: As in ``GROUPS``.
        name: The entry point's name, or ``distribution:name`` where two
            distributions offer one name.

    Raises:
        PluginError: There is no such component, it is disabled, its import
            fails, or it was built for a newer Penstock.
        PluginConflict: Several distributions offer it.
    """
    distribution, _, short = name.rpartition(":")
    named = _named(kind, short, distribution)
    if not named:
        _entry_points.cache_clear()  # not every installation can be seen from the path
        named = _named(kind, short, distribution)
    if not named:
        raise PluginError(_unknown(kind, name))
    usable = [offer for offer in named if not offer.disabled]
    if not usable:
        raise PluginError(_refused(named[0]))
    if not distribution and _is_contested(usable[0], usable):
        raise PluginConflict(_contested(usable))
    return _load(usable[0])


def load_all(kind: str) -> Iterator[tuple[str, type[Any] | PluginError]]:
    """Import every component of a kind, each by itself: its class, or why it has none."""
    offers = _offers(kind)
    for offer in offers:
        name = offer.plugin.name
        try:
            if offer.disabled:
                raise PluginError(_refused(offer))
            if _is_contested(offer, offers):
                name = offer.full_name
            yield name, _load(offer)
        except PluginError as error:
            yield name, error


@dataclass(frozen=True)
class _Offer:
    """An entry point of an installed distribution.

    Attributes:
        entry: The entry point.
        plugin: What is known of it from metadata alone.
        disabled: The environment variable's setting that keeps it out; empty otherwise.
    """

    entry: EntryPoint
    plugin: Plugin
    disabled: str

    @property
    def full_name(self) -> str:
        return f"{self.plugin.distribution}:{self.plugin.name}"


def _named(kind: str, name: str, distribution: str) -> list[_Offer]:
    """Return what is offered under a name, by one distribution if it is named too."""
    return [
        offer
        for offer in _offers(kind, name)
        if not distribution or normal(offer.plugin.distribution) == normal(distribution)
    ]


def _offers(kind: str, name: str | None = None) -> list[_Offer]:
    """Return what is offered of a kind, each once, in a reproducible order.

    With *name*, the metadata of other distributions is not read: parsing it is
    most of the time that discovery takes.
    """
    found: dict[tuple[str, str, str], _Offer] = {}
    for entry in _entry_points(_state_of_path()):
        if entry.group == GROUPS[kind] and name in (None, entry.name):
            distribution, version = _distribution(entry)
            plugin = Plugin(kind, entry.name, distribution, version, entry.value)
            key = (entry.name, distribution, entry.value)
            found[key] = _Offer(entry, plugin, disabling(distribution))
    return [found[key] for key in sorted(found)]


@lru_cache(maxsize=1)
def _entry_points(state: object) -> list[EntryPoint]:  # noqa: ARG001 - it is the cache's
    """Read what all installed distributions offer.

    Of 130 of them that takes 12 ms, and each generator wants to know it twice.

    Args:
        state: That of the places where they are looked for: another one, and they are read anew.
    """
    every = entry_points()
    return [entry for group in GROUPS.values() for entry in every.select(group=group)]


def _state_of_path() -> tuple[object, ...]:
    """Return what changes when a distribution is installed or removed, be it in this process."""
    places = tuple((place, _state_of(place or os.curdir)) for place in sys.path)
    return places, tuple(map(id, sys.meta_path))


def _state_of(place: str) -> tuple[int, ...]:
    try:
        found = os.stat(place)
    except (OSError, ValueError):  # it need not exist, nor be a path
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    if entry.dist is None:
        return "unknown", "?"
    metadata = entry.dist.metadata  # parsed anew at every access
    return metadata["Name"], metadata["Version"]


def _is_contested(offer: _Offer, offers: list[_Offer]) -> bool:
    """Say whether the bare name could mean another distribution's component, too."""
    return not offer.disabled and len(_homes(offer, offers)) > 1


def _homes(offer: _Offer, offers: list[_Offer]) -> list[str]:
    """Return the distributions that a name could mean; a bundled one means its own at any time."""
    kind, name = offer.plugin.kind, offer.plugin.name
    homes = {
        each.plugin.distribution
        for each in offers
        if each.plugin.name == name and not each.disabled
    }
    own = BUNDLED[kind].get(name)
    if own and own not in map(normal, homes):
        homes.add(own)
    return sorted(homes)


def _looked_at(offer: _Offer, offers: list[_Offer]) -> Plugin:
    """Say of an offer what can be said without importing it."""
    plugin = offer.plugin
    status, reason = "ok", ""
    try:
        seen = summary_of(offer.entry.module, offer.entry.attr)
    except BrokenSource as broken:
        seen, status, reason = Summary(), "broken", str(broken)
    except Exception:  # a source that cannot be looked at says nothing about the plugin
        seen = Summary()
    if seen.api > API:
        status, reason = "broken", too_new(seen.api)
    if _is_contested(offer, offers):
        status, reason = "conflict", f"offered by {' and '.join(_homes(offer, offers))}"
    if offer.disabled:
        status, reason = "disabled", f"by the environment variable {offer.disabled}"
    return replace(plugin, status=status, reason=reason, summary=seen.text)


def _load(offer: _Offer) -> type[Any]:
    plugin = offer.plugin
    title = f"The {plugin.kind} {plugin.name!r} of {plugin.distribution} {plugin.version}"
    try:
        component = offer.entry.load()
    except (Exception, SystemExit) as error:  # some scripts exit when they are imported
        raise PluginError(
            f"{title} cannot be imported from"
            f" {plugin.value!r}: {type(error).__name__}: {quote(str(error))}."
            " Mend or uninstall that distribution; nothing else needs it."
        ) from error
    if not isinstance(component, type):
        raise PluginError(
            f"{title} is no class but {quote(component)}. Its entry point must name a class."
        )
    check_class(component, title)
    return component


def _refused(offer: _Offer) -> str:
    plugin = offer.plugin
    listed = (
        f", or name {plugin.distribution} in it too"
        if offer.disabled.startswith("PENSTOCK_PLUGINS")
        else ""
    )
    return (
        f"The {plugin.kind} {plugin.name!r} of {plugin.distribution} {plugin.version} is disabled"
        f" by the environment variable {offer.disabled}. Unset it{listed}."
    )


def _contested(offers: list[_Offer]) -> str:
    kind, name = offers[0].plugin.kind, offers[0].plugin.name
    titles = sorted(offer.full_name for offer in offers)
    if len(titles) > 1:
        return (
            f"{len(titles)} distributions offer the {kind} {name!r}: {', '.join(titles)}."
            f" Uninstall one, or say {kind}={titles[0]!r}."
        )
    return (
        f"The {kind} {name!r} is {BUNDLED[kind][name]}'s, which is not installed;"
        f" {offers[0].plugin.distribution} offers another one of that name."
        f' pip install "{BUNDLED[kind][name]}", or say {kind}={titles[0]!r}.'
    )


def _unknown(kind: str, name: str) -> str:
    known = [plugin.name for plugin in installed(kind)]
    hint = suggest(name, known)
    if not hint and name in BUNDLED[kind]:
        hint = f' It comes with a plugin: pip install "{BUNDLED[kind][name]}".'
    return f"There is no {kind} {quote(name)}.{hint} Installed are: {', '.join(known) or 'none'}."
