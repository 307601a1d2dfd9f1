"""Components from functions of one sample."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, PluginError, SampleCorrupt, SampleMismatch


@penstock.loader(suffixes=(".RAW",))
def raw(path, *, scale: float = 1.0, cut: int | None = None):
    """Numbers from .raw files."""
    return np.fromfile(path, "<f8")[:cut] * scale


@penstock.encoder
def length(label, *, unit: int = 1):
    return len(label) / unit


@penstock.augmenter
def noise(array, generator, *, strength: float = 0.5):
    return array + generator.normal(0, strength, array.shape)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        place = Path("data", "ab"[number % 2])
        place.mkdir(parents=True, exist_ok=True)
        np.arange(number, number + 4, dtype="<f8").tofile(place / f"{number}.raw")
    return tmp_path


def every(sequence):
    return np.concatenate([batch[0] for batch in sequence])


def test_a_function_of_a_path_loads_a_directory_with_labels(folder):
    data = penstock.make_generator("data", loader=raw(), shuffle=False, batch_size=4)
    assert data.class_names == ["a", "b"]
    x = every(data)
    assert x.dtype == np.float32
    assert x[:, 0].tolist() == [0, 2, 4, 1, 3, 5]


def test_its_keyword_only_parameters_are_options(folder):
    assert raw() == raw(scale=1.0, cut=None, column="sample")
    data = penstock.make_generator("data", loader=raw(scale=2.0, cut=2), shuffle=False)
    assert every(data).tolist()[1] == [4.0, 6.0]
    with pytest.raises(TypeError, match="sclae"):
        raw(sclae=2.0)


def test_a_plain_function_is_a_loader(folder):
    names = sorted(str(path) for path in Path("data").glob("*/*.raw"))
    data = penstock.make_generator(
        names, loader=lambda path: np.fromfile(path, "<f8"), shuffle=False
    )
    assert every(data)[:, 0].tolist() == [0, 2, 4, 1, 3, 5]


def test_a_function_gives_text_too(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(f"the text of {name}")
    data = penstock.make_generator(
        ["a", "b"], loader=lambda path: Path(path).read_text(), root=tmp_path, shuffle=False
    )
    assert [
        text.decode() if isinstance(text, bytes) else text for text in np.array(data[0][0])
    ] == [
        "the text of a",
        "the text of b",
    ]


def test_components_pickle_with_their_options():
    for made in (raw(scale=3.0), length(unit=2), noise(strength=0.1)):
        assert pickle.loads(pickle.dumps(made)) == made


def test_a_sample_of_another_shape_is_named(folder):
    Path("data/b/5.raw").write_bytes(bytes(8 * 7))
    data = penstock.make_generator("data", loader=raw(), shuffle=False, batch_size=4)
    with pytest.raises(SampleMismatch, match=r"5\.raw.* has shape \(7,\)") as caught:
        every(data)
    assert caught.value.index == 5


def test_a_sample_of_another_kind_of_dtype_is_named(folder):
    def mixed(path):
        return np.zeros(2, int) if path.endswith("0.raw") else np.full(2, 0.5)

    data = penstock.make_generator("data", loader=penstock.loader(mixed, suffixes=(".raw",))())
    with pytest.raises(SampleMismatch, match="dtype float64; the first sample has int64"):
        every(data)


def test_a_function_that_fails_is_named_with_the_sample(folder):
    def fails(path):
        if path.endswith("3.raw"):
            raise KeyError("header")
        return np.zeros(2)

    data = penstock.make_generator("data", loader=penstock.loader(fails, suffixes=(".raw",))())
    with pytest.raises(SampleCorrupt, match=r"3\.raw.*KeyError.*loader 'fails'"):
        every(data)


@pytest.mark.parametrize("result", [None, {"a": 1}, [None], b"bytes", 1j])
def test_a_function_that_returns_no_array_is_refused_before_training(folder, result):
    with pytest.raises(PluginError, match="It must return an array"):
        penstock.make_generator(
            "data", loader=penstock.loader(lambda _: result, suffixes=(".raw",))()
        )


def test_a_function_that_needs_more_arguments_is_refused():
    with pytest.raises(ConfigError, match=r"keyword-only: def <lambda>\(path, \*, …\)"):
        penstock.loader(lambda path, rate: None)
    with pytest.raises(ConfigError, match="takes 3 arguments"):
        penstock.augmenter(lambda a, b, c: a)


def test_suffixes_given_as_one_string_are_refused():
    with pytest.raises(ConfigError, match="give a tuple"):
        penstock.loader(suffixes=".raw")
    with pytest.raises(PluginError, match="begin with a dot"):
        penstock.loader(suffixes=("raw",))(len)


def test_an_encoder_of_one_label_makes_the_target(folder):
    labels = ["a", "bb", "ccc", "a", "bb", "ccc"]
    data = penstock.make_generator(
        "data", loader=raw(), labels=labels, encoder=length(unit=2), shuffle=False
    )
    (_, y) = data[0]
    assert y.dtype == np.float32
    assert y.tolist() == [0.5, 1.0, 1.5, 0.5, 1.0, 1.5]


def test_an_augmenter_of_one_sample_has_that_samples_own_generator():
    x = np.zeros((20, 3), np.float32)

    def made(**options):
        return penstock.make_generator((x,), augment=[noise], **options)

    with pytest.raises(ConfigError, match="is a class; make it: noise"):
        made()
    runs = [
        every(penstock.make_generator((x,), augment=[noise()], shuffle=False, seed=4, **options))
        for options in ({"batch_size": 20}, {"batch_size": 3, "workers": 3}, {"workers": 0})
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])
    assert len(np.unique(runs[0])) == 60


def test_an_augmenter_may_take_the_array_alone_and_change_it_in_place():
    def double(array):
        array *= 2
        return array

    data = penstock.make_generator((np.ones((4, 2), np.float32),), augment=double)
    assert every(data).tolist() == [[2.0, 2.0]] * 4


def test_whole_numbers_are_rounded_and_clipped_and_never_wrap_around():
    x = np.array([[10], [250]], np.uint8)
    data = penstock.make_generator((x,), augment=lambda a: a + 9.6, shuffle=False)
    assert every(data).tolist() == [[20], [255]]


def test_targets_that_are_no_masks_are_left_alone_without_a_word():
    x = np.zeros((4, 8, 8, 3), np.float32)
    for y in (np.zeros((4, 2, 2, 1), np.float32), np.zeros((4, 8), np.float32), np.zeros(4)):
        data = penstock.make_generator((x, y), augment=lambda a: a + 1, shuffle=False)
        (changed, kept) = data[0]
        assert changed.all()
        assert not np.any(kept)


def test_an_augmenter_that_changes_the_shape_is_named():
    data = penstock.make_generator((np.ones((4, 2), np.float32),), augment=lambda a: a[:1])
    with pytest.raises(PluginError, match=r"turned 'x' of shape \(2,\) into \(1,\)"):
        every(data)
