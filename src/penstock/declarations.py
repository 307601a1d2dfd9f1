"""What a component's class says of itself, held to what the core understands."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import Any

from penstock import hookspecs
from penstock.errors import PluginError, quote, suggest

__all__ = ["API", "check_class", "check_hooks", "too_new"]

API = 1
"""The version of the hooks; a component names the one it was built for as ``penstock_api``."""

_SPECS = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if hasattr(spec, "penstock_spec")
}


def check_class(component: type[Any], title: str) -> None:
    """Refuse a component whose class says what the core would misunderstand.

    Raises:
        PluginError: It was built for hooks of a later version than these, its suffixes
            are no endings of files, or its fields are no options.
    """
    _check_api(component, title)
    _check_suffixes(component, title)
    _check_fields(component, title)


def check_hooks(component: type[Any]) -> None:
    """Refuse a component with a hook, or an argument of one, that does not exist.

    Raises:
        PluginError: It has one; says which there are.
    """
    for name in dir(component):
        method = getattr(component, name, None)
        marked = getattr(method, "penstock_impl", None)
        if not marked and name in _SPECS and inspect.isroutine(method):
            raise PluginError(
                f"{component.__name__} has a method {name} that is not marked, and would never be"
                f" called. Write @penstock.hookimpl above it, or give it another name."
            )
        if not marked or not inspect.isroutine(method):
            continue
        hook = marked.get("specname") or name
        said = f"{component.__name__} breaks the contract of Penstock's hooks:"
        if hook not in _SPECS:
            if marked.get("optionalhook"):
                continue
            raise PluginError(
                f"{said} there is no hook {hook!r}.{suggest(hook, _SPECS)}"
                f" The hooks are: {', '.join(_SPECS)}."
            )
        for argument in _wanted(component, name):
            if argument not in _SPECS[hook]:
                raise PluginError(
                    f"{said} {name} takes {argument!r}, which {hook} is not given."
                    f"{suggest(argument, _SPECS[hook])}"
                    f" It is given: {', '.join(_SPECS[hook])}."
                )
        if hook == "load_samples" and "out" not in inspect.signature(method).parameters:
            raise PluginError(
                f"{said} {name} does not take out, the array that it has to fill: out[i] = …"
            )


def _wanted(component: type[Any], name: str) -> list[str]:
    """Return the arguments that a method must be given, beside itself."""
    wanted = [
        each.name
        for each in inspect.signature(getattr(component, name)).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.default is each.empty
    ]
    return wanted[inspect.isfunction(inspect.getattr_static(component, name)) :]


def too_new(api: int) -> str:
    """Say that hooks of version *api* are not here yet."""
    return (
        f"was built for version {api} of Penstock's hooks, and the Penstock that is installed has"
        f" version {API}: pip install --upgrade penstock"
    )


def _check_api(component: type[Any], title: str) -> None:
    api = getattr(component, "penstock_api", 1)
    if not isinstance(api, int) or isinstance(api, bool) or api < 1:
        raise PluginError(
            f"{title} says penstock_api={quote(api)}. It must be the version of the hooks that it"
            f" was built for, a whole number such as {API}."
        )
    if api > API:
        raise PluginError(f"{title} {too_new(api)}.")


def _check_suffixes(component: type[Any], title: str) -> None:
    """A string would be read letter by letter, and "dcm" would claim a file named "notdcm"."""
    options = {each.name for each in fields(component)} if is_dataclass(component) else set()
    right = 'such as suffixes: ClassVar[tuple[str, ...]] = (".wav",)'
    if "suffixes" in options:
        raise PluginError(
            f"{title} has suffixes as an option, which a user could change. It must belong to the"
            f" class, {right}."
        )
    suffixes = getattr(component, "suffixes", ())
    if not isinstance(suffixes, tuple) or not all(map(_is_ending, suffixes)):
        raise PluginError(
            f"{title} says suffixes={quote(suffixes)}. It must be a tuple of lower-case endings"
            f" that begin with a dot, {right}."
        )


def _check_fields(component: type[Any], title: str) -> None:
    """Without the decorator, fields would stay at their defaults whatever users type."""
    own = vars(component)
    if "__dataclass_fields__" in own or "__init__" in own:
        return
    options = inspect.signature(component).parameters
    for name, annotation in own.get("__annotations__", {}).items():
        if name not in options and not name.startswith("_") and "ClassVar" not in str(annotation):
            raise PluginError(
                f"{title} has a field {name}, which is no option: its class is no dataclass. Write"
                f" @dataclass(frozen=True, kw_only=True) above class {component.__name__}."
            )


def _is_ending(suffix: object) -> bool:
    return isinstance(suffix, str) and suffix[:1] == "." != suffix and suffix == suffix.lower()
