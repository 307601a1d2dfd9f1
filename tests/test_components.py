"""Components are made from what users type, and called through hooks that exist."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import penstock
from penstock.components import build, complete, implements, make, options_of, relay
from penstock.errors import ConfigError, PluginError


@dataclass(frozen=True, kw_only=True)
class Sized:
    size: int = 1
    root: str | None = None

    def __post_init__(self):
        if self.size == 0:
            raise ConfigError("size=0 is too small.")
        if self.size < 0:
            raise ZeroDivisionError("negative")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = self.size


def test_options_and_shared_options_reach_the_component():
    assert make(Sized, "loader 'sized'", {"size": 3}, {"root": "r", "seed": 4}) == Sized(
        size=3, root="r"
    )


def test_what_the_user_typed_comes_before_what_is_shared():
    assert make(Sized, "", {"root": "mine"}, {"root": "shared"}).root == "mine"


def test_an_unknown_option_is_refused_with_the_nearest_and_all():
    with pytest.raises(ConfigError) as caught:
        make(Sized, "loader 'sized'", {"sise": 3}, {})
    assert str(caught.value) == (
        "The loader 'sized' has no option 'sise'. Did you mean 'size'? Its options are: size, root."
    )


def test_a_components_own_refusal_is_passed_on_and_any_other_is_wrapped():
    with pytest.raises(ConfigError, match=r"^size=0 is too small\.$"):
        make(Sized, "loader 'sized'", {"size": 0}, {})
    with pytest.raises(
        ConfigError, match="refuses its options.*ZeroDivisionError: negative"
    ) as caught:
        make(Sized, "loader 'sized'", {"size": -1}, {})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_required_option_that_was_left_out_is_named():
    with pytest.raises(ConfigError, match="column"):
        build("loader", "columns", {}, {})


def test_an_instance_gets_what_it_left_open():
    assert complete(Sized(size=2), {"root": "r", "size": 9, "seed": 1}) == Sized(size=2, root="r")
    instance = Sized(size=2, root="mine")
    assert complete(instance, {"root": "shared"}) is instance


def test_an_instance_that_is_no_dataclass_is_left_alone():
    class Plain:
        root = None

    plain = Plain()
    assert complete(plain, {"root": "r"}) is plain


def test_options_are_the_fields():
    assert list(options_of(Sized)) == ["size", "root"]


def test_hooks_are_found_on_classes_and_instances():
    assert implements(Sized, "load_samples")
    assert implements(Sized(), "load_samples")
    assert not implements(Sized(), "describe_sample")
    assert not implements(object(), "load_samples")


def test_an_unmarked_method_is_no_hook():
    class Unmarked:
        def load_samples(self, samples, out): ...

    assert not implements(Unmarked(), "load_samples")
    with pytest.raises(ConfigError, match="implements no hook.*@penstock.hookimpl"):
        relay(Unmarked())


def test_a_hook_that_does_not_exist_is_refused():
    class Misspelt:
        @penstock.hookimpl
        def load_sample(self, samples, out): ...

    with pytest.raises(PluginError, match=r"(?s)Misspelt breaks the contract.*load_sample"):
        relay(Misspelt())


def test_an_argument_that_a_hook_does_not_have_is_refused():
    class Extra:
        @penstock.hookimpl
        def load_samples(self, samples, out, speed): ...

    with pytest.raises(PluginError, match=r"(?s)Extra breaks the contract.*speed"):
        relay(Extra())


def test_a_hook_may_leave_arguments_out():
    class Short:
        @penstock.hookimpl
        def encode_labels(self):
            return 5

    assert relay(Short()).encode_labels(labels=1, classes=None) == 5


def test_a_class_is_no_component():
    with pytest.raises(ConfigError, match=r"Sized is a class; make it: Sized\(…\)"):
        relay(Sized)


def test_relays_of_two_components_have_nothing_to_do_with_each_other():
    one, other = relay(penstock.Int()), relay(penstock.Float())
    assert len(one.encode_labels.get_hookimpls()) == 1
    assert one.encode_labels.get_hookimpls()[0].plugin == penstock.Int()
    assert other.encode_labels.get_hookimpls()[0].plugin == penstock.Float()
