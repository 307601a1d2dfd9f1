"""What prepare= does to every sample, in training and validation alike."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import penstock
from penstock.errors import ConfigError, PluginError, StateMismatch

X = np.random.default_rng(0).normal(100, 30, (23, 6, 5, 3)).astype(np.float32)
Y = np.arange(23) % 2


def made(x=X, **options):
    return penstock.make_generator((x, Y), batch_size=7, seed=3, **options)


def every(sequence, field=0):
    return np.concatenate([batch[field] for batch in sequence])


def doubled(sample):
    return sample * 2


@dataclass(frozen=True)
class Add:
    """A number added to all that there is."""

    number: float = 1.0

    @penstock.hookimpl
    def prepare_samples(self, array):
        array += self.number


@dataclass(frozen=True)
class Returning:
    @penstock.hookimpl
    def prepare_samples(self, array):
        return array + 1


@dataclass(frozen=True)
class Failing:
    @penstock.hookimpl
    def prepare_samples(self, array, spec):
        raise ZeroDivisionError(f"{spec.deliver_shape}")


def test_hook_prepare_samples():
    calls = []

    @dataclass(frozen=True)
    class Watching:
        @penstock.hookimpl
        def prepare_samples(self, array, spec):
            calls.append((array.shape[1:], array.dtype, spec.deliver_shape))
            array[...] = array.sum(axis=(1, 2, 3), keepdims=True)

    train, val = made(prepare=Watching()).split(0.5, 0.5)
    for part in (train, val):
        assert every(part, 0)[:, 0, 0, 0] == pytest.approx(
            [X[row].sum() for row in order_of(part)], rel=1e-5
        )
    assert set(calls) == {((6, 5, 3), np.dtype(np.float32), (6, 5, 3))}


def order_of(part):
    """Return the samples' rows in the order of the epoch that was last iterated over."""
    return part._batches._ordered(part.epoch - 1)


def test_training_and_validation_are_prepared_alike_and_after_augmentation():
    augmented = penstock.augmenter(lambda x, _: x + 1)()
    train, val = made(augment=augmented, prepare=doubled).split(0.8, 0.2)
    assert np.array_equal(every(val), 2 * X[order_of(val)])
    assert np.array_equal(every(train), 2 * (X[order_of(train)] + 1))


def test_several_come_in_order_and_prepared_goes_on_where_prepare_ended():
    given_at_once = made(shuffle=False, prepare=[doubled, Add(3), doubled])
    one_by_one = made(shuffle=False, prepare=[doubled]).prepared(Add(3)).prepared([doubled])
    assert np.array_equal(every(given_at_once), (X * 2 + 3) * 2)
    assert np.array_equal(every(one_by_one), (X * 2 + 3) * 2)
    assert "x 'x' prepared by doubled, Add, doubled" in repr(one_by_one)


def test_with_several_inputs_each_has_its_own():
    x = {"image": X, "ages": np.arange(23.0)}
    data = penstock.make_generator((x, Y), shuffle=False, prepare={"ages": [doubled, Add(1)]})
    data = data.prepared({"image": Add(-100)})
    found = data[0][0]
    assert np.array_equal(found["ages"], np.arange(23.0) * 2 + 1)
    assert np.array_equal(found["image"], X - 100)


@pytest.mark.parametrize("mode", ["resnet50", "mobilenet_v2", "densenet"])
def test_preprocess_input_of_keras_applications_is_a_preparer(mode):
    function = getattr(keras.applications, mode).preprocess_input
    found = every(made(shuffle=False, prepare=function))
    expected = function(X.copy(), data_format="channels_last")
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_layers_of_keras_are_preparers():
    normalization = keras.layers.Normalization(mean=[100, 90, 80], variance=[900, 400, 100])
    layers = keras.Sequential([keras.layers.Rescaling(2.0, offset=-1), normalization])
    train, val = made(prepare=[keras.layers.Rescaling(0.5), layers]).split(0.5, 0.5)
    expected = (X * 0.5 * 2 - 1 - np.float32([100, 90, 80])) / np.float32([30, 20, 10])
    assert np.allclose(every(val), expected[order_of(val)], atol=1e-4)
    assert np.allclose(every(train), expected[order_of(train)], atol=1e-4)


def test_text_is_prepared_by_functions_of_text():
    table = {"note": np.array(["a B", "C d"], object)}
    data = penstock.make_generator((table, Y[:2]), shuffle=False, prepare={"note": str.lower})
    notes = data._batches.make(0, 0)[0]["note"]  # TensorFlow takes text as a tensor
    assert notes.tolist() == ["a b", "c d"]


def test_autoencoders_get_prepared_targets():
    data = penstock.make_generator((X, None), encoder="input", prepare=doubled, shuffle=False)
    assert np.array_equal(data[0][1], X * 2)


def test_predictions_and_statistics_are_of_prepared_samples():
    data = made(prepare=[Add(1000)])
    assert data.statistics(progress=False)["x"].mean == pytest.approx(
        X.astype(float).mean((0, 1, 2)) + 1000, rel=1e-6
    )


def test_what_could_not_be_loaded_stays_zero(npy_files):
    (npy_files / "a" / "1.npy").write_bytes(b"nothing")
    data = penstock.make_generator(
        npy_files, loader="npy", on_error="mask", prepare=Add(5), shuffle=False, batch_size=6
    )
    with pytest.warns(UserWarning, match="could not be loaded"):
        (x, _, weight), *_ = data
    assert x[:, 0].tolist() == [5, 0, 7, 8, 9, 10]
    assert weight.tolist() == [1, 0, 1, 1, 1, 1]


def test_it_travels_in_a_pickle():
    data = made(prepare=[doubled, Add(2), penstock.Standardize(mean=3, std=[1, 2, 4])])
    copy = pickle.loads(pickle.dumps(data))
    assert np.array_equal(every(copy), every(data))


def test_a_function_that_cannot_travel_is_named():
    with pytest.raises(ConfigError, match="that prepares the input 'x', cannot travel"):
        pickle.dumps(made(prepare=lambda x: x))


def test_a_state_knows_what_prepared_the_samples():
    state = made(prepare=Add(1)).state_dict()
    made(prepare=Add(1)).load_state_dict(state)
    for other in (None, Add(2), penstock.Standardize(mean=1)):
        with pytest.raises(StateMismatch, match="prepare was"):
            made(prepare=other).load_state_dict(state)


@settings(max_examples=25, deadline=None)
@given(
    workers=st.sampled_from([0, 1, 3]),
    batch_size=st.sampled_from([1, 5, 16, 17, 23]),
    cuts=st.lists(st.integers(0, 23), max_size=4),
)
def test_a_sample_is_prepared_alike_whatever_is_beside_it(workers, batch_size, cuts):
    rng = np.random.default_rng(1)
    preparers = [
        penstock.StandardizeEach(),
        penstock.Whiten(rng.normal(size=3), rng.normal(size=(90, 90))),
        penstock.Standardize(mean=rng.normal(size=(6, 5, 3)), std=2),
    ]
    data = penstock.make_generator(
        X, shuffle=False, prepare=preparers, batch_size=batch_size, workers=workers
    )
    found = every(data)
    whole = X.copy()
    for preparation in data._batches.runtime.preparations:
        for part in np.split(whole, sorted(cuts)):
            preparation[1](part)
    assert np.array_equal(found, whole)


def test_what_is_not_used_costs_nothing():
    assert made()._batches.runtime.preparations == []


@pytest.mark.parametrize(
    ("prepare", "error", "words"),
    [
        ("standardize", ConfigError, "'standardize' prepares no samples"),
        (Add, ConfigError, r"Add is a class; make it: Add\("),
        (penstock.augmenter(doubled)(), ConfigError, "is an augmenter.*augment="),
        (keras.layers.RandomFlip(), ConfigError, "draws random numbers.*augment="),
        (Failing(), PluginError, r"Failing, which prepares the input 'x', failed.*\(6, 5, 3\)"),
        (Returning(), PluginError, "returned something.*in place"),
        (lambda x: x[..., 0], PluginError, r"turned samples of shape \(6, 5, 3\) into \(6, 5\)"),
        (lambda x: x + 1j, PluginError, "dtype float32 into complex"),
        ({"X": Add()}, ConfigError, r"'X' was to be prepared.*The inputs are \['x'\]"),
        ({"y": Add()}, ConfigError, "is no input.*targets are not prepared"),
        ([Add(), None], ConfigError, "None prepares no samples"),
    ],
)
def test_what_cannot_work_is_refused_before_training(prepare, error, words):
    with pytest.raises(error, match=re.compile(words, re.DOTALL)):
        made(prepare=prepare)
    with pytest.raises(error, match=re.compile(words, re.DOTALL)):
        made().prepared(prepare)


def test_several_inputs_ask_which():
    with pytest.raises(ConfigError, match=r"inputs \['a', 'b'\]: say which one to prepare"):
        penstock.make_generator(({"a": X, "b": X}, Y), prepare=doubled)


def test_whole_numbers_are_refused_where_they_would_be_cut_off():
    whole = made(X.astype(np.uint8))
    with pytest.raises(PluginError, match="dtype uint8 into float64.*float32"):
        whole.prepared(lambda x: x / 2)
    with pytest.raises(ConfigError, match="float dtype.*uint8"):
        whole.prepared(penstock.Standardize(mean=1))
    assert every(whole.prepared(np.flip)).dtype == np.uint8
