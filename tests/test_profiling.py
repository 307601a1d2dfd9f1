"""Statistics of the samples are those of NumPy over all of them at once."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

import penstock
from penstock.errors import ConfigError
from penstock.profiling import Moments

VALUES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.integers(1, 3)),
    elements=st.floats(-1e6, 1e6) | st.just(np.nan),
)


@given(VALUES, st.lists(st.integers(0, 40), max_size=5))
def test_batches_merge_to_the_moments_of_the_whole(values, cuts):
    moments = Moments(values.shape[1])
    for part in np.split(values, sorted(cuts)):
        moments.add(part)
    found = moments.of((1,), values.dtype)
    for channel, column in enumerate(values.T):
        here = column[~np.isnan(column)]
        assert found.count[channel] == len(here)
        assert found.missing[channel] == len(column) - len(here)
        if not len(here):
            assert np.isnan([found.mean[channel], found.std[channel], found.min[channel]]).all()
            continue
        assert found.mean[channel] == pytest.approx(here.mean(), rel=1e-12, abs=1e-9)
        assert found.std[channel] == pytest.approx(here.std(), rel=1e-9, abs=1e-7)
        assert (found.min[channel], found.max[channel]) == (here.min(), here.max())


def test_what_is_far_from_zero_loses_no_digits():
    moments = Moments(1)
    for start in range(0, 1000, 10):
        moments.add(1e9 + (np.arange(start, start + 10)[:, None] % 2))
    found = moments.of((1,), np.dtype(np.float64))
    assert (found.mean[0], found.std[0]) == (1e9 + 0.5, 0.5)


def test_samples_are_read_once_as_delivered_and_never_augmented(npy_files):
    data = penstock.make_generator(
        npy_files, augment=lambda x: x + 100, sampling="balanced", batch_size=4, seed=1
    )
    found = data.statistics(progress=False)
    assert (found.samples, found.failed) == (6, 0)
    assert found.class_counts == {"y": {"a": 2, "b": 2, "c": 2}}
    assert found["x"].shape == (2,)
    assert found["x"].count.tolist() == [6, 6]
    assert found["x"].mean.tolist() == [2.5, 2.5]
    assert found["x"].max.tolist() == [5, 5]
    assert data.epoch == 0
    with pytest.raises(ConfigError, match=re.escape("no statistics of 'y'; there are those of")):
        found["y"]


def test_channels_are_found_first_or_last_and_loaded_targets_count_too():
    images = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    masks = images[..., :1] > 7
    found = penstock.make_generator((images, masks)).statistics()
    np.testing.assert_allclose(found["x"].mean, images.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(found["y"].mean, masks.mean())

    @penstock.loader
    def first(sample):
        """One of the images."""
        return images[sample]

    class First(type(first())):
        @penstock.hookimpl
        def describe_sample(self, samples, source):
            return penstock.ArraySpec((3, 4, 5), "float32", data_format="channels_first", scale=2.0)

    found = penstock.make_generator([0, 1], loader=First(), encoder="none").statistics()
    assert found["x"].shape == (5, 3, 4)
    np.testing.assert_allclose(found["x"].mean, 2 * images.mean(axis=(0, 1, 2)))


def test_samples_that_cannot_be_loaded_are_counted_and_left_out(npy_files):
    (npy_files / "b" / "2.npy").write_bytes(b"damaged")
    data = penstock.make_generator(npy_files, on_error="skip", seed=1)
    with pytest.warns(UserWarning, match="could not be loaded"):
        found = data.statistics()
    assert (found.samples, found.failed) == (6, 1)
    assert found["x"].count.tolist() == [5, 5]
    assert found["x"].mean.tolist() == [2.6, 2.6]


def test_text_has_no_statistics_and_labels_of_several_are_counted():
    table = pd.DataFrame({"text": ["a", "b"], "size": [1.0, 3.0], "tags": [["x"], ["x", "y"]]})
    data = penstock.make_generator(
        table,
        inputs={"text": penstock.Columns(("text",)), "size": penstock.Columns(("size",))},
        targets={"tags": "multilabel"},
    )
    found = data.statistics()
    assert list(found.fields) == ["size"]
    assert found.class_counts == {"tags": {"x": 2, "y": 1}}
