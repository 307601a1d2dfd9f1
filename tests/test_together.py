"""Options that change batches in different places do not get in each other's way."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from penstock_npy import NpyFiles

VARYING = {"shape": (None, 3), "batch_size": 8, "seed": 5, "encoder": "none"}


@pytest.fixture
def sounds(tmp_path):
    """Files of 1 to 30 rows of 3 numbers, all the file's number."""
    for number, size in enumerate(np.random.default_rng(3).integers(1, 31, 24)):
        np.save(tmp_path / f"{number:02}.npy", np.full((size, 3), number + 1, "float32"))
    return str(tmp_path)


def epoch(source, **options):
    with penstock.make_generator(source, **options) as data:
        return list(data)


def alike(one, other):
    for left, right in zip(one, other, strict=True):
        assert left[0].keys() == right[0].keys()
        for name, array in left[0].items():
            np.testing.assert_array_equal(array, right[0][name])


def double(array):
    return array * 2


@pytest.mark.parametrize("executor", ["processes", "given"])
def test_samples_of_varying_size_are_padded_and_prepared_elsewhere_as_here(sounds, executor):
    options = {**VARYING, "padding_mask": True, "bucket_by_length": 2, "prepare": abs}
    with ThreadPoolExecutor(2) as given:
        chosen = given if executor == "given" else executor
        alike(epoch(sounds, **options), epoch(sounds, **options, executor=chosen))


def test_processes_that_share_a_batch_pad_it_to_one_size(sounds):
    with pytest.raises(ConfigError, match="each of 2 processes would pad its part of a batch"):
        penstock.make_generator(sounds, **VARYING, shard=(0, 2))
    whole = epoch(sounds, **VARYING, pad_to=30)
    parts = [epoch(sounds, **VARYING, pad_to=30, shard=(rank, 2)) for rank in range(2)]
    for (x,), *halves in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(x, np.concatenate([half for (half,) in halves]))


def test_what_is_padded_is_prepared_before_it_is_and_not_with_it(sounds):
    for (x,), (prepared,) in zip(
        epoch(sounds, **VARYING, pad_value=-1),
        epoch(sounds, **VARYING, pad_value=-1, prepare=double),
        strict=True,
    ):
        np.testing.assert_array_equal(np.where(x == -1, x, 2 * x), prepared)


def test_inputs_in_dicts_of_dicts_have_masks_beside_them(sounds):
    files = NpyFiles(shape=(None, 3))
    with penstock.make_generator(
        [f"{number:02}" for number in range(24)],
        root=sounds,
        inputs={"sound": {"wave": files, "again": files}},
        encoder="none",
        batch_size=8,
        padding_mask=True,
    ) as data:
        x = data[0][0]
    assert sorted(x) == ["sound", "sound/again_mask", "sound/wave_mask"]
    assert sorted(x["sound"]) == ["again", "wave"]
    np.testing.assert_array_equal(x["sound/wave_mask"], x["sound/again_mask"])


def test_endless_sequences_of_shards_go_on_in_step():
    x = np.arange(12.0)
    options = {"batch_size": 4, "seed": 1, "samples_per_epoch": math.inf}
    whole = penstock.make_generator((x,), **options)
    parts = [penstock.make_generator((x,), **options, shard=(rank, 2)) for rank in range(2)]
    for (each,), *halves in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(each, np.concatenate([half for (half,) in halves]))
        if whole.epoch > 2:
            break
