"""Components are made from what users type, and called through hooks that exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pytest

import penstock
from penstock.components import build, complete, implements, make, options_of, relay
from penstock.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from nowhere import Unknown


@dataclass(frozen=True, kw_only=True)
class Typed:
    whole: int = 1
    number: float = 1.0
    flag: bool = False
    name: str | None = None
    shape: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    mode: Literal["fast", "slow"] = "fast"
    anything: Any = None
    unknown: Unknown | None = None
    listed: list[int] | None = None

    def __post_init__(self):
        if isinstance(self.names, set):
            object.__setattr__(self, "names", tuple(self.names))
        _ = self.whole > 0

    @penstock.hookimpl
    def load_samples(self, samples, out): ...


@pytest.mark.parametrize(
    "options",
    [
        {"whole": 5, "number": 2, "flag": True, "name": "a"},
        {"whole": np.int64(5), "number": np.float32(2), "flag": np.True_, "name": np.str_("a")},
        {"shape": (1, 2), "names": ("a",)},
        {"shape": [1, 2], "names": []},
        {"shape": None, "name": None, "mode": "slow"},
        {"anything": object(), "unknown": 5, "listed": "what cannot be judged"},
        {"names": {"what", "it", "converts"}},
    ],
)
def test_values_of_the_declared_types_are_taken(options):
    make(Typed, "loader 'typed'", options, {})
    penstock.components.instance("loader", Typed(**options), {})


@pytest.mark.parametrize(
    ("option", "value", "must"),
    [
        ("whole", "5", "whole='5'; it must be a whole number"),
        ("whole", 5.0, "whole=5.0; it must be a whole number"),
        ("whole", True, "whole=True; it must be a whole number"),
        ("whole", None, "whole=None; it must be a whole number"),
        ("number", "fast", "number='fast'; it must be a number"),
        ("flag", "yes", "flag='yes'; it must be True or False"),
        ("flag", 1, "flag=1; it must be True or False"),
        ("name", 5, "name=5; it must be a string or None"),
        ("shape", (1, 2, 3), "it must be a tuple of 2 whole numbers or None"),
        ("shape", 5, "it must be a tuple of 2 whole numbers or None"),
        ("shape", (1, "2"), "it must be a tuple of 2 whole numbers or None"),
        ("names", "abc", "it must be a tuple of strings"),
        ("names", (1,), "it must be a tuple of strings"),
        ("mode", "quick", "it must be 'fast' or 'slow'"),
        ("mode", "fsat", "it must be 'fast' or 'slow'. Did you mean 'fast'?"),
    ],
)
def test_a_value_of_another_type_than_its_field_declares_is_refused(option, value, must):
    with pytest.raises(ConfigError, match="^The loader 'typed' was given ") as caught:
        make(Typed, "loader 'typed'", {option: value}, {})
    assert must in str(caught.value)
    if option != "whole":  # which the class itself compares
        with pytest.raises(ConfigError, match="^The loader 'Typed' was given "):
            penstock.components.instance("loader", Typed(**{option: value}), {})


def test_options_of_a_function_have_its_types():
    @penstock.loader
    def cut(path, *, length: int = 4): ...

    with pytest.raises(ConfigError, match="length='8'; it must be a whole number"):
        penstock.make_generator(["a"], loader=cut(length="8"))


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


def test_an_option_of_the_generator_is_suggested_where_it_is_plainly_meant():
    def said(option):
        with pytest.raises(ConfigError) as caught:
            make(Sized, "loader 'sized'", {option: 3}, {}, ["max_queue_size", "batch_size", "root"])
        return str(caught.value)

    assert "Did you mean 'batch_size'?" in said("batchsize")
    assert "What Keras calls directory is root= here." in said("directory")
    assert "Did you mean" not in said("image_size")


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
    with pytest.raises(PluginError, match="load_samples that is not marked.*@penstock.hookimpl"):
        relay(Unmarked())


def test_an_object_without_hooks_is_no_component():
    with pytest.raises(ConfigError, match="implements no hook.*@penstock.hookimpl"):
        relay(object())


def test_a_hook_that_does_not_exist_is_refused():
    class Misspelt:
        @penstock.hookimpl
        def load_sample(self, samples, out): ...

    with pytest.raises(
        PluginError,
        match="Misspelt breaks the contract.*no hook 'load_sample'. Did you mean 'load_samples'?",
    ):
        relay(Misspelt())


def test_an_argument_that_a_hook_does_not_have_is_refused():
    class Extra:
        @penstock.hookimpl
        def load_samples(self, samples, out, speed): ...

    with pytest.raises(
        PluginError,
        match="Extra breaks the contract.*'speed', which load_samples is not given."
        " It is given: samples, out, source.",
    ):
        relay(Extra())


def test_the_argument_that_was_meant_is_suggested():
    class Misspelt:
        @penstock.hookimpl
        def load_samples(self, sampels, out): ...

    with pytest.raises(PluginError, match="takes 'sampels'.*Did you mean 'samples'?"):
        relay(Misspelt())


def test_hooks_may_be_static_and_have_arguments_with_defaults():
    class Static:
        @staticmethod
        @penstock.hookimpl
        def encode_labels(labels, doubled=True):
            return labels * (2 if doubled else 1)

    assert relay(Static()).encode_labels(labels=4, classes=None) == 8


@pytest.mark.parametrize(
    "wrong", [".dcm", ("dcm",), (".DCM",), [".dcm"], (".",), ("",), (5,), None]
)
def test_suffixes_that_would_claim_other_files_are_refused(wrong):
    class Files:
        suffixes: ClassVar = wrong

        @penstock.hookimpl
        def load_samples(self, samples, out): ...

    with pytest.raises(PluginError, match="Files says suffixes=.* must be a tuple of lower-case"):
        penstock.make_generator(["a.dcm"], loader=Files())


def test_suffixes_are_no_option():
    @dataclass(frozen=True)
    class Files:
        suffixes: tuple[str, ...] = (".dcm",)

        @penstock.hookimpl
        def load_samples(self, samples, out): ...

    with pytest.raises(PluginError, match="as an option.*ClassVar"):
        penstock.make_generator(["a.dcm"], loader=Files())


def test_fields_without_the_decorator_are_refused():
    class Bare:
        length: int = 3

        @penstock.hookimpl
        def load_samples(self, samples, out): ...

    @dataclass(frozen=True)
    class Whole:
        column: str = "sample"

    class Heir(Whole, Bare):
        length: int = 3

    for made in (Bare(), Heir()):
        with pytest.raises(PluginError, match="has a field length, .* no dataclass. Write @datacl"):
            penstock.make_generator(["a"], loader=made)


def test_other_classes_with_options_are_components(tmp_path):
    np.arange(3.0).tofile(tmp_path / "a")

    class Named:
        kinds: ClassVar[tuple[str, ...]] = ("a",)

        def __init__(self, length):
            self.length: int = length

        @penstock.hookimpl
        def describe_sample(self):
            return penstock.ArraySpec((self.length,), "float64")

        @penstock.hookimpl
        def load_samples(self, samples, out):
            out[0] = np.fromfile(samples[0])

    class Heir(Named):
        kinds: ClassVar[tuple[str, ...]] = ("b",)
        length: int
        _found: dict[str, int]

    for made in (Named(3), Heir(3)):
        with penstock.make_generator(["a"], loader=made, root=tmp_path) as data:
            np.testing.assert_array_equal(data[0][0], [[0, 1, 2]])


def test_a_default_without_a_type_is_pointed_out():
    @dataclass(frozen=True)
    class Untyped:
        length = 3
        suffixes: ClassVar[tuple[str, ...]] = (".a",)

    with pytest.raises(ConfigError, match=r"Untyped.length is no field for want .*: length: int"):
        make(Untyped, "loader 'x'", {"length": 4}, {})
    with pytest.raises(ConfigError, match=r"no option 'suffixes'. Its options are: none.$"):
        make(Untyped, "loader 'x'", {"suffixes": (".b",)}, {})


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


@dataclass(frozen=True)
class Choosy:
    """Looks at what it will be given."""

    trouble: type[Exception] | None = None

    @penstock.hookimpl
    def augment_samples(self, batch):
        pass

    @penstock.hookimpl
    def check_specs(self, input_specs, target_specs):
        assert (input_specs["x"].shape, list(target_specs)) == ((3,), ["y"])
        if self.trouble is not None:
            raise self.trouble("not such arrays")


def test_an_augmenter_may_refuse_its_arrays_before_a_batch_is_made():
    arrays = (np.ones((4, 3), np.float32), np.ones(4, np.float32))
    with penstock.make_generator(arrays, augment=[Choosy()]):
        pass
    for trouble, told, message in (
        (ConfigError, ConfigError, "^not such arrays$"),
        (KeyError, PluginError, r"Choosy.check_specs failed: KeyError"),
    ):
        with pytest.raises(told, match=message):
            penstock.make_generator(arrays, augment=[Choosy(trouble)])
