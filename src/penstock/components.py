"""Components from what users type, and the hooks through which they are called."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pluggy

from penstock import hookspecs
from penstock.declarations import check_class, check_hooks
from penstock.errors import ConfigError, PenstockError, PluginError, quote, suggest
from penstock.optiontypes import check_types
from penstock.plugins import load

if TYPE_CHECKING:
    from collections.abc import Iterable

_KERAS_SPELLINGS = {
    "class_mode": "encoder",
    "classes": "class_names",
    "directory": "root",
    "label_mode": "encoder",
    "target_size": "image_size",
    "weight_col": "sample_weight",
}

_AUGMENTERS = "is an augmenter here: augment=[penstock_images."
# What Keras has as arguments and Penstock elsewhere.
_ELSEWHERE = {
    "brightness_range": f"{_AUGMENTERS}Brightness(gain=(0.5, 1.5))].",
    "channel_shift_range": f"{_AUGMENTERS}ChannelShift(intensity=20.0)].",
    "cval": 'is fill_value= of augmenters here: Rotate(fill_mode="constant", fill_value=0.0).',
    "fill_mode": 'is an option of augmenters here: Rotate(fill_mode="nearest").',
    "format": "has no counterpart: sequence.to_tf_dataset() makes a tf.data.Dataset.",
    "height_shift_range": f"{_AUGMENTERS}Shift(height_factor=0.1, width_factor=0.0)].",
    "horizontal_flip": f'{_AUGMENTERS}Flip(mode="horizontal")].',
    "keep_aspect_ratio": "is crop_to_aspect_ratio= here.",
    "rotation_range": f"{_AUGMENTERS}Rotate(factor=20 / 360)].",
    "save_to_dir": 'is a function here: penstock_images.save_images(sequence, "directory").',
    "shear_range": f"{_AUGMENTERS}Shear(angle=10.0)].",
    "verbose": "has no counterpart: print(sequence) says what was found.",
    "vertical_flip": f'{_AUGMENTERS}Flip(mode="vertical")].',
    "width_shift_range": f"{_AUGMENTERS}Shift(height_factor=0.0, width_factor=0.1)].",
    "zoom_range": f"{_AUGMENTERS}Zoom(height_factor=0.2, width_factor=0.2)].",
}

__all__ = [
    "build",
    "check_augmenters",
    "choose_augmenters",
    "complete",
    "implements",
    "instance",
    "make",
    "name_of",
    "options_of",
    "refuse_options",
    "relay",
]


def build(
    kind: str,
    name: str,
    options: dict[str, Any],
    shared: dict[str, Any],
    also: Iterable[str] = (),
) -> Any:
    """Make the component *name* with *options*.

    Args:
        kind: ``"loader"``, ``"encoder"`` or ``"augmenter"``.
        name: The entry point's name.
        options: What the user typed for it.
        shared: Options of the generator that the component gets too, where it
            has an option of that name.
        also: Names that the user could have meant beside the component's options.

    Raises:
        ConfigError: It has no such option, or refuses its value.
        PluginError: There is no such component, or it is broken.
    """
    return make(load(kind, name), f"{kind} {name!r}", options, shared, also)


def make(
    component: type[Any],
    title: str,
    options: dict[str, Any],
    shared: dict[str, Any],
    also: Iterable[str] = (),
) -> Any:
    """Make an instance of *component*; see ``build``."""
    known = options_of(component)
    for option in options:
        if option not in known:
            raise ConfigError(
                f"The {title} has no option {option!r}.{_nearest(option, list(known), list(also))}"
                f" Its options are: {', '.join(known) or 'none'}.{_no_field(component, option)}"
            )
    given = {name: value for name, value in shared.items() if name in known and value is not None}
    try:
        made = component(**{**given, **options})
    except PenstockError:
        raise
    except Exception as error:
        check_types(component, title, options)
        raise ConfigError(
            f"The {title} refuses its options {quote(options)}: {type(error).__name__}: {error}"
        ) from error
    # As the component left them: it may have converted what was typed.
    check_types(component, title, {name: getattr(made, name, options[name]) for name in options})
    return made


def _no_field(component: type[Any], option: str) -> str:
    """Tell the author of a component of a default that stands there without its type."""
    value = getattr(component, option, ...)
    if not isinstance(value, (bool, int, float, str)):
        return ""
    kind = type(value).__name__
    return f" {component.__name__}.{option} is no field for want of a type: {option}: {kind} = …"


def _nearest(option: str, known: list[str], also: list[str]) -> str:
    """Suggest what was meant: an option of the component, or plainly one of the generator's."""
    counterpart = _KERAS_SPELLINGS.get(option)
    if counterpart and counterpart in {*known, *also}:
        return f" What Keras calls {option} is {counterpart}= here."
    if option in _ELSEWHERE:
        return f" What Keras calls {option} {_ELSEWHERE[option]}"
    return suggest(option, [*known, *get_close_matches(option, also, n=1, cutoff=0.75)])


def complete(component: Any, shared: dict[str, Any]) -> Any:
    """Fill those options of an instance that it left at None from *shared*."""
    if not is_dataclass(component):
        return component
    known = {field.name for field in fields(component) if field.init}
    missing = {
        name: value
        for name, value in shared.items()
        if value is not None and name in known and getattr(component, name) is None
    }
    return replace(component, **missing) if missing else component  # type: ignore[type-var]


def instance(kind: str, given: Any, shared: dict[str, Any]) -> Any:
    """Return a component given by name or as an instance.

    Raises:
        ConfigError: A class was given.
        PluginError: There is no component of that name, or it is broken.
    """
    if isinstance(given, str):
        return build(kind, given, {}, shared)
    if isinstance(given, type):
        raise ConfigError(f"{given.__name__} is a class; make it: {given.__name__}(…).")
    if not _is_component(given):
        given = _adapted(kind, given)
    check_class(type(given), name_of(given))
    check_types(type(given), f"{kind} {name_of(given)!r}", _chosen(given))
    return complete(given, shared)


def _chosen(given: Any) -> dict[str, Any]:
    """Return the options of an instance that are not at their defaults."""
    if not is_dataclass(given):
        return {}
    return {
        option.name: getattr(given, option.name)
        for option in fields(given)
        if option.init and getattr(given, option.name, option.default) is not option.default
    }


def _is_component(given: Any) -> bool:
    return any(hasattr(getattr(type(given), name, None), "penstock_impl") for name in dir(given))


def _adapted(kind: str, given: Any) -> Any:
    """Make a component of a plain function, or of another library's transform."""
    from penstock import persample, transforms

    if kind == "augmenter":
        return transforms.as_augmenter(given)
    if not callable(given):
        raise ConfigError(
            f"{quote(given)} was given as {kind}= and is none: give a name, a component with"
            " methods marked @penstock.hookimpl, or a function of one sample."
        )
    return (persample.loader if kind == "loader" else persample.encoder)(given)()


def choose_augmenters(given: Any, shared: dict[str, Any]) -> tuple[Any, ...]:
    """Return augmenters given by name, as instances or as functions: one, several or none.

    Raises:
        ConfigError: What was given augments nothing.
        PluginError: There is no augmenter of that name, or it is broken.
    """
    several = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    augmenters = tuple(instance("augmenter", each, shared) for each in several)
    for each in augmenters:
        if not implements(each, "augment_samples") and not implements(each, "augment_batch"):
            raise ConfigError(
                f"{quote(each)} was given in augment= and is no augmenter: it implements neither"
                " augment_samples nor augment_batch."
            )
    return augmenters


def check_augmenters(augmenters: Iterable[Any], specs: tuple[Any, Any]) -> None:
    """Have augmenters refuse what they can do nothing with.

    Args:
        augmenters: They.
        specs: What loaders say of inputs and of targets, by name.

    Raises:
        ConfigError: One cannot do anything with these arrays.
        PluginError: One fails to say.
    """
    for each in augmenters:
        try:
            relay(each).check_specs(input_specs=specs[0], target_specs=specs[1])
        except PenstockError:
            raise
        except Exception as error:
            raise PluginError(
                f"{name_of(each)}.check_specs failed: {type(error).__name__}: {quote(str(error))}."
                " It must raise a ConfigError where it cannot augment such arrays, or return."
            ) from error


def refuse_options(options: dict[str, Any], holder: str) -> None:
    """Refuse loader options where no loader is made from them.

    Raises:
        ConfigError: There are some.
    """
    if options:
        raise ConfigError(
            f"The option {next(iter(options))!r} was given beside {holder}, which takes none here."
            " Options of a component go where the component is made."
        )


def options_of(component: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the options of a component's class by name."""
    parameters = inspect.signature(component).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def name_of(component: Any) -> str:
    """Return what to call a component in messages."""
    return type(component).__name__


def implements(component: Any, hook: str) -> bool:
    """Say whether a component, or a component's class, implements *hook*."""
    kind = component if isinstance(component, type) else type(component)
    return hasattr(getattr(kind, hook, None), "penstock_impl")


def relay(component: Any) -> Any:
    """Return the hooks of *component*, to be called with keyword arguments.

    Raises:
        PluginError: It implements a hook that does not exist, or with an
            argument that the hook does not have.
    """
    if isinstance(component, type):
        raise ConfigError(f"{component.__name__} is a class; make it: {component.__name__}(…).")
    check_hooks(type(component))
    manager = pluggy.PluginManager("penstock")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(component)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"{name_of(component)} breaks the contract of Penstock's hooks:"
            f" {' '.join(str(error).split())}."
        ) from error
    if not manager.get_hookcallers(component):
        raise ConfigError(
            f"{name_of(component)} implements no hook of Penstock."
            " Mark its methods with @penstock.hookimpl, or name a component."
        )
    return manager.hook
