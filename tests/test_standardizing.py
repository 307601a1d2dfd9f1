"""Numbers fitted to samples are those of NumPy and Keras on the whole of them."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

import penstock
from penstock.errors import ConfigError

RNG = np.random.default_rng(0)
X = (RNG.normal(100, 30, (90, 4, 5, 3)) * [1, 2, 0.5] + [0, 50, 7]).astype(np.float32)


def made(x=X, **options):
    return penstock.make_generator(x, seed=1, **{"batch_size": 7, **options})


def every(sequence):
    return np.concatenate([batch[0] for batch in sequence])


def rows_of(part):
    return part.samples["sample"].to_numpy()


@settings(max_examples=30, deadline=None)
@given(
    batch_size=st.integers(1, 40),
    count=st.integers(1, 40),
    far=st.sampled_from([0.0, 1e6]),
    per=st.sampled_from(["channel", "element"]),
)
def test_mean_and_deviation_are_those_of_numpy_on_the_whole(batch_size, count, far, per):
    values = X[:count] + np.float32(far)
    found = penstock.Standardize.fit(
        made(values, batch_size=batch_size, workers=0), per=per, progress=False
    )
    axes = (0, 1, 2) if per == "channel" else 0
    whole = values.astype(np.float64)
    assert found.mean == pytest.approx(whole.mean(axis=axes), rel=1e-12)
    assert found.std == pytest.approx(whole.std(axis=axes), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"scale": False}, {"featurewise_center": True}),
        ({}, {"featurewise_center": True, "featurewise_std_normalization": True}),
    ],
)
def test_pictures_are_standardized_as_keras_does(tmp_path, data_format, ours, theirs):
    for number in range(20):
        pixels = RNG.integers(0, 256, (9, 8, 3), dtype=np.uint8) // (1 + number % 3)
        Image.fromarray(pixels).save(tmp_path / f"{number:02}.png")
    data = penstock.make_generator(
        tmp_path, image_size=(9, 8), data_format=data_format, batch_size=6, shuffle=False
    )
    raw = every(data)
    generator = ImageDataGenerator(data_format=data_format, **theirs)
    generator.fit(raw)
    found = every(data.prepared(penstock.Standardize.fit(data, progress=False, **ours)))
    assert np.allclose(found, generator.standardize(raw.copy()), rtol=1e-4, atol=1e-4)
    assert data.prepared(penstock.Standardize.fit(data, progress=False)).statistics(progress=False)[
        "x"
    ].std == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"samplewise_center": True, "samplewise_std_normalization": True}),
        ({"scale": False}, {"samplewise_center": True}),
    ],
)
def test_samples_are_standardized_each_as_keras_does(ours, theirs):
    generator = ImageDataGenerator(data_format="channels_last", **theirs)
    expected = [generator.standardize(sample.copy()) for sample in X]
    found = every(made(shuffle=False, prepare=penstock.StandardizeEach(**ours)))
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("count", [90, 25], ids=["many", "fewer than elements"])
def test_samples_are_whitened_as_keras_does(count):
    generator = ImageDataGenerator(
        featurewise_center=True, zca_whitening=True, dtype="float64", data_format="channels_last"
    )
    generator.fit(X[:count])
    train = made(X[:count], shuffle=False)
    whiten = penstock.Whiten.fit(train, progress=False)
    assert whiten.matrix == pytest.approx(generator.zca_whitening_matrix, rel=1e-7, abs=1e-9)
    expected = generator.standardize(X[:count].astype(np.float64))
    assert np.allclose(every(train.prepared(whiten)), expected, rtol=1e-3, atol=1e-3)


def test_whitened_samples_are_uncorrelated():
    train = made()
    whiten = penstock.Whiten.fit(train, per="element", progress=False)
    flat = every(train.prepared(whiten)).reshape(len(X), -1)
    assert np.allclose(np.cov(flat.T, bias=True), np.eye(60), atol=1e-3)


def test_directions_in_which_no_sample_varies_are_left_at_zero():
    still = X.copy()
    still[:, 0] = 100  # a border
    train = made(still)
    whiten = penstock.Whiten.fit(train, per="element", progress=False)
    other = still[:5].copy()
    other[:, 0] += 3  # not so in validation
    found = every(made(other, shuffle=False).prepared(whiten))
    assert np.abs(found[:, 0]).max() < 1e-3
    assert np.abs(found).max() < 100


def test_what_does_not_vary_is_centred_and_not_divided():
    still = X.copy()
    still[..., 1] = 100
    scaling = penstock.Standardize.fit(made(still), progress=False)
    still[..., 1] = 103
    assert np.allclose(every(made(still).prepared(scaling))[..., 1], 3)


def test_validation_is_scaled_by_the_numbers_of_training():
    train, val = made().split(0.7, 0.3)
    scaling = penstock.Standardize.fit(train, progress=False)
    own = X[rows_of(train)].astype(np.float64)
    mean, std = own.mean((0, 1, 2)), own.std((0, 1, 2))
    assert scaling.mean == pytest.approx(mean, rel=1e-12)
    val = val.prepared(scaling)
    assert np.allclose(every(val), (X[rows_of(val)] - mean) / std, atol=1e-4)


def test_samples_count_once_as_prepared_so_far_without_augmentation_and_sampling():
    train = penstock.make_generator(
        (X, (np.arange(90) > 80).astype(int)),
        encoder="int",
        sampling="balanced",
        augment=lambda x: x + 1000,
        prepare=lambda x: x / 10,
        seed=0,
    )
    found = penstock.Standardize.fit(train, progress=False)
    assert found.mean == pytest.approx(X.astype(np.float64).mean((0, 1, 2)) / 10, rel=1e-6)


def test_augmented_samples_are_fitted_to_where_that_is_asked_for():
    @penstock.augmenter
    def brighter(sample, generator):
        return sample + generator.uniform(50, 150)

    train = made(augment=brighter())
    one, again, two = (
        penstock.Standardize.fit(train, augment=True, rounds=rounds, progress=False)
        for rounds in (1, 1, 2)
    )
    assert np.array_equal(one.mean, again.mean)
    assert not np.array_equal(one.mean, two.mean)
    assert two.mean == pytest.approx(X.mean((0, 1, 2)) + 100, abs=15)
    assert train.epoch == 0


def test_samples_that_cannot_be_loaded_are_left_out(npy_files):
    (npy_files / "a" / "1.npy").write_bytes(b"nothing")
    train = penstock.make_generator(npy_files, loader="npy", on_error="skip", batch_size=4)
    with pytest.warns(UserWarning, match="could not be loaded"):
        found = penstock.Standardize.fit(train, progress=False)
    assert found.mean == pytest.approx(np.full(2, np.mean([0, 2, 3, 4, 5])))


def test_one_of_several_inputs_is_fitted_to():
    data = penstock.make_generator(({"image": X, "age": np.arange(90.0)}, np.arange(90)))
    scaling = penstock.Standardize.fit(data, input_name="age", progress=False)
    assert scaling.mean == pytest.approx([44.5])
    ages = np.concatenate([batch[0]["age"] for batch in data.prepared({"age": scaling})])
    assert ages.std() == pytest.approx(1, rel=1e-4)
    with pytest.raises(ConfigError, match="input_name='image'"):
        penstock.Standardize.fit(data)
    with pytest.raises(ConfigError, match="Did you mean 'age'"):
        penstock.Standardize.fit(data, input_name="ages")


@pytest.mark.parametrize(
    "fitted",
    [
        penstock.Standardize([1, 2, 3], [4.5, 5, 6], epsilon=0.25),
        penstock.Standardize(std=np.arange(1.0, 61).reshape(4, 5, 3)),
        penstock.Whiten(np.ones(3), np.arange(3600.0).reshape(60, 60)),
    ],
)
def test_what_was_saved_is_loaded_to_the_last_bit_and_a_pickle_keeps_it(tmp_path, fitted):
    path = tmp_path / "fitted"
    fitted.save(path)
    fitted.save(path)
    expected = every(made(prepare=fitted))
    for copy in (type(fitted).load(path), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(every(made(prepare=copy)), expected)
    assert [each.name for each in tmp_path.iterdir()] == ["fitted"]


def test_files_that_hold_something_else_are_refused(tmp_path):
    whiten = tmp_path / "whiten.npz"
    penstock.Whiten(np.ones(1), np.ones((2, 2))).save(whiten)
    with pytest.raises(ConfigError, match="holds 'Whiten'"):
        penstock.Standardize.load(whiten)
    with pytest.raises(ConfigError, match="cannot read.*FileNotFoundError"):
        penstock.Standardize.load(tmp_path / "none")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, mean=np.array([print], object))
    with pytest.raises(ConfigError, match="allow_pickle"):
        penstock.Standardize.load(pickled)
    packed = tmp_path / "packed.npz"
    np.savez_compressed(packed, mean=np.zeros(10))
    with pytest.raises(ConfigError, match="compressed"):
        penstock.Standardize.load(packed)
    huge = tmp_path / "huge.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)}
    )
    with zipfile.ZipFile(huge, "w") as file:
        file.writestr("mean.npy", header.getvalue())
    with pytest.raises(ConfigError, match="cannot read"):
        penstock.Standardize.load(huge)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (penstock.Standardize(np.zeros(4)), r"mean of shape \(4,\), and samples have the shape"),
        (penstock.Standardize(std=np.ones((5, 4, 3))), r"std of shape \(5, 4, 3\)"),
        (penstock.Whiten(0, np.eye(59)), r"\(59, 59\), and samples of shape .* 60 elements"),
    ],
)
def test_numbers_of_other_data_are_refused_before_training(prepare, words):
    with pytest.raises(ConfigError, match=words):
        made(prepare=prepare)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: penstock.Standardize(mean="a"), "must be numbers"),
        (lambda: penstock.Standardize(mean=[1, np.nan]), "not finite"),
        (lambda: penstock.Standardize(std=-1), "below 0"),
        (lambda: penstock.Standardize(epsilon=-1), "epsilon"),
        (lambda: penstock.StandardizeEach(center=1), "True or False"),
        (lambda: penstock.Whiten(0, np.ones((2, 3))), "square"),
        (lambda: penstock.Standardize.fit(X), "fit.. was given 'ndarray'. Give it the sequence"),
        (lambda: penstock.Standardize.fit(made(), per="pixel"), "per='pixel'"),
        (lambda: penstock.Standardize.fit(made(), rounds=2), "augment=True"),
        (lambda: penstock.Standardize.fit(made(), center=False, scale=False), "nothing to do"),
        (lambda: penstock.Standardize.fit(made(np.full((3, 2), np.nan))), "finite mean"),
        (lambda: penstock.Standardize.fit(made(X * np.float32(np.inf))), "finite mean"),
        (lambda: penstock.Standardize.fit(made(X.astype(int))), "delivered as int64"),
        (lambda: penstock.Whiten.fit(made(X * np.float32(np.nan)), progress=False), "not finite"),
        (lambda: penstock.Whiten.fit(made(), zca_epsilon=0), "zca_epsilon"),
        (lambda: penstock.Whiten.fit(made(), max_bytes=1000), r"GiB of memory.*image_size="),
    ],
)
def test_what_cannot_work_is_refused(make, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ConfigError, match=words):
            make()


def test_large_pictures_are_refused_with_the_memory_that_they_would_take():
    data = made(np.zeros((2, 224, 224, 3), np.float32))
    with pytest.raises(ConfigError, match=r"150,528 elements.* 168\.8 GiB"):
        penstock.Whiten.fit(data)
