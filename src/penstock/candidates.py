"""What the installed loaders say to a source: detection, told at length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.components import implements, options_of, relay
from penstock.errors import PluginError, quote
from penstock.files import has_suffix
from penstock.plugins import installed, load_all

__all__ = ["Candidate", "ask_loaders", "needed_options"]


@dataclass(frozen=True)
class Candidate:
    """An installed loader, and what it says to a source.

    Attributes:
        loader: Its name.
        verdict: ``"claims"``, ``"does not claim"``, ``"needs options"``, ``"broken"``
            or ``"disabled"``.
        reason: Why.
    """

    loader: str
    verdict: str
    reason: str


def ask_loaders(source: str) -> list[Candidate]:
    """Ask every installed loader, as ``penstock.loaders.detect_loader`` does."""
    disabled = {each.name for each in installed("loader") if each.status == "disabled"}
    return [_ask(name, component, source, disabled) for name, component in load_all("loader")]


def needed_options(component: type[Any]) -> str:
    """Return the options that a component cannot be made without, as they are typed."""
    options = options_of(component).values()
    return ", ".join(f"{each.name}=…" for each in options if each.default is each.empty)


def _ask(
    name: str, component: type[Any] | PluginError, source: str, disabled: set[str]
) -> Candidate:
    if isinstance(component, PluginError):
        return Candidate(name, "disabled" if name in disabled else "broken", str(component))
    needed = needed_options(component)
    suffixes = getattr(component, "suffixes", ())
    seen = " ".join(suffix for suffix in suffixes if has_suffix(source, (suffix,)))
    if implements(component, "claims_source"):
        if needed:
            return Candidate(name, "needs options", f"cannot be asked without {needed}")
        try:
            claims = relay(component()).claims_source(source=source)
        except Exception as error:
            reason = f"failed to look at it: {type(error).__name__}: {quote(str(error))}"
            return Candidate(name, "broken", reason)
        if claims:
            return Candidate(name, "claims", "says that it reads this")
        reason = f"reads {seen} where it is named" if seen else "says that it does not read this"
        return Candidate(name, "does not claim", reason)
    if not suffixes:
        return Candidate(name, "does not claim", "claims nothing: it has to be named")
    if not seen:
        return Candidate(name, "does not claim", f"reads {' '.join(suffixes)}")
    if needed:
        return Candidate(name, "needs options", f"reads {seen}, and needs {needed}")
    return Candidate(name, "claims", f"reads {seen}")
