"""What NpyFiles makes of good files."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from penstock.errors import ConfigError, SampleCorrupt, SampleMismatch
from penstock_npy import NpyFiles, reading

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec

DTYPES = [
    f"{order}{kind}{width}"
    for kind, widths in {"b": [1], "i": [1, 2, 4, 8], "u": [1, 2, 4, 8], "f": [2, 4, 8]}.items()
    for width in widths
    for order in "<>"
]


def as_samples(paths: list[Path]) -> NDArray[Any]:
    return np.array([str(path) for path in paths], dtype=object)


def loaded(loader: NpyFiles, samples: NDArray[Any]) -> tuple[ArraySpec, NDArray[Any]]:
    spec = loader.describe_sample(samples)
    out = np.empty((len(samples), *spec.shape), spec.dtype)
    out.view(np.uint8).fill(0xA5)
    loader.load_samples(samples, out)
    return spec, out


def write_all(folder: Path, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    paths = [folder / f"{number}.npy" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return as_samples(paths)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), max_size=4).map(tuple),
    dtype=st.sampled_from(DTYPES),
    orders=st.lists(st.sampled_from("CF"), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_dtype_and_order_is_loaded_as_saved(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, orders: list[str], seed: int
) -> None:
    raw = np.random.default_rng(seed).integers(0, 256, (len(orders), *shape, 8), np.uint8)
    saved = [
        np.asarray(one.view(">u8").reshape(shape) % 251 % 2**7).astype(dtype).copy(order)
        for one, order in zip(raw, orders, strict=True)
    ]
    samples = write_all(tmp_path, saved)
    spec, out = loaded(NpyFiles(dtype=None), samples)
    assert spec.shape == shape
    assert spec.dtype == np.dtype(dtype).newbyteorder("=")
    assert spec.deliver_dtype == spec.dtype
    np.testing.assert_array_equal(out, np.stack(saved).astype(spec.dtype))


def test_float32_is_delivered_by_default_and_the_files_dtype_is_loaded(tmp_path: Path) -> None:
    samples = write_all(tmp_path, [np.arange(6, dtype=np.uint8).reshape(2, 3)])
    spec = NpyFiles().describe_sample(samples)
    assert (spec.dtype, spec.deliver_dtype) == (np.dtype("uint8"), np.dtype("float32"))


def test_channels_first_is_a_matter_of_delivery(tmp_path: Path) -> None:
    samples = write_all(tmp_path, [np.zeros((4, 5, 3), np.float32)])
    spec = NpyFiles(data_format="channels_first").describe_sample(samples)
    assert spec.shape == (4, 5, 3)
    assert spec.deliver_shape == (3, 4, 5)
    assert NpyFiles(data_format=None).describe_sample(samples).deliver_shape == (4, 5, 3)


def test_shape_adds_a_channel_axis_to_files_of_any_order(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    samples = write_all(tmp_path, [array, np.asfortranarray(array), array.reshape(6, 4)])
    spec, out = loaded(NpyFiles(shape=(2, 3, 4, 1)), samples)
    assert spec.shape == (2, 3, 4, 1)
    np.testing.assert_array_equal(out, np.stack([array[..., np.newaxis]] * 3))


def test_shape_with_another_number_of_elements_is_refused(tmp_path: Path) -> None:
    samples = write_all(tmp_path, [np.zeros((2, 3))])
    with pytest.raises(SampleMismatch, match=r"shape=\(2, 4\).*8 elements.*\(2, 3\), 6 elements"):
        NpyFiles(shape=(2, 4)).describe_sample(samples)


def test_repeats_and_any_sequence_of_samples_give_the_same_values(tmp_path: Path) -> None:
    arrays = [np.full((3, 2), number, np.int16) for number in range(5)]
    samples = write_all(tmp_path, arrays)
    wanted = [4, 0, 0, 3, 4]
    out = np.empty((5, 3, 2), np.int16)
    NpyFiles().load_samples(samples[wanted], out)
    np.testing.assert_array_equal(out[:, 0, 0], wanted)


def test_an_empty_slice_is_loaded_as_nothing() -> None:
    NpyFiles().load_samples(np.empty(0, object), np.empty((0, 3), np.float32))


def test_headers_of_other_lengths_and_versions_are_read(tmp_path: Path) -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    text = b"{'shape': (2L, 3L), 'descr': \"<f4\", 'fortran_order': False}"
    headers = [
        b"\x93NUMPY\x01\x00" + (len(text)).to_bytes(2, "little") + text,
        b"\x93NUMPY\x02\x00" + (len(text) + 900).to_bytes(4, "little") + text + b" " * 900,
        b"\x93NUMPY\x03\x00" + (len(text) + 1).to_bytes(4, "little") + text + b"\n",
    ]
    paths = [tmp_path / f"{number}.npy" for number in range(len(headers) * 2)]
    for path, header in zip(paths, headers * 2, strict=True):
        path.write_bytes(header + array.tobytes())
    _, out = loaded(NpyFiles(), as_samples(paths))
    np.testing.assert_array_equal(out, np.stack([array] * len(paths)))


def test_many_threads_load_what_one_loads(tmp_path: Path) -> None:
    arrays = [np.full((16, 16), number, np.float32) for number in range(64)]
    arrays[7] = np.asfortranarray(arrays[7])
    samples = write_all(tmp_path, arrays)
    out = np.empty((64, 16, 16), np.float32)
    loader = NpyFiles()
    with ThreadPoolExecutor(8) as threads:
        parts = [slice(start, start + 4) for start in range(0, 64, 4)]
        list(threads.map(lambda part: loader.load_samples(samples[part], out[part]), parts))
    np.testing.assert_array_equal(out, np.stack(arrays))


def test_without_preadv_the_same_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [np.full((5, 3), number, np.float64) for number in range(6)]
    samples = write_all(tmp_path, arrays)
    calls = []

    def counted(path: str, buffers: list[Any]) -> int:
        calls.append(path)
        return reading._read_by_readinto(path, buffers)

    monkeypatch.setattr(reading, "_read_at_once", counted)
    _, out = loaded(NpyFiles(), samples)
    np.testing.assert_array_equal(out, np.stack(arrays))
    assert len(calls) >= 5


def test_files_alike_are_read_in_one_call_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = write_all(tmp_path, [np.zeros((7, 7), np.float32)] * 10)
    monkeypatch.setattr(reading, "_LEARNED", {})
    careful = []
    real = reading._read_with_care
    monkeypatch.setattr(
        reading,
        "_read_with_care",
        lambda path, out, *, reshape: careful.append(path) or real(path, out, reshape=reshape),
    )
    loaded(NpyFiles(), samples)
    assert careful == [samples[0]]


def test_no_file_stays_open(tmp_path: Path) -> None:
    samples = write_all(tmp_path, [np.zeros(3), np.zeros(3), np.zeros(4)])
    loader = NpyFiles()
    before = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0
    for _ in range(20):
        with pytest.raises(SampleMismatch):
            loader.load_samples(samples, np.empty((3, 3)))
    after = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0
    assert after == before


def test_values_that_are_not_finite_pass_unless_they_are_checked(tmp_path: Path) -> None:
    bad = np.array([1, np.nan, -np.inf], np.float32)
    samples = write_all(tmp_path, [np.zeros(3, np.float32), bad])
    _, out = loaded(NpyFiles(), samples)
    np.testing.assert_array_equal(out[1], bad)
    with pytest.raises(SampleCorrupt, match="2 values that are NaN or infinite") as caught:
        loaded(NpyFiles(check_finite=True), samples)
    assert "1.npy" in str(caught.value)
    _, out = loaded(NpyFiles(check_finite=True), samples[:1])
    np.testing.assert_array_equal(out, np.zeros((1, 3)))


def test_files_of_any_name_are_loaded(tmp_path: Path) -> None:
    paths = [
        tmp_path / name for name in ("-x.npy", "na\u00efve\U0001f642.npy", "nai\u0308ve \n.npy")
    ]
    for number, path in enumerate(paths):
        np.save(path, np.full(3, number))
    _, out = loaded(NpyFiles(), as_samples(paths))
    np.testing.assert_array_equal(out[:, 0], [0, 1, 2])


def test_a_loader_is_a_value_and_pickles() -> None:
    loader = NpyFiles(shape=[2, 2], dtype=np.float16)  # type: ignore[arg-type]
    assert (loader.shape, loader.dtype) == ((2, 2), "float16")
    again = pickle.loads(pickle.dumps(loader))
    assert again == loader
    assert hash(again) == hash(loader)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float23"}, "dtype='float23' is not a NumPy dtype. Did you mean 'float32'"),
        ({"dtype": "object"}, "dtype='object' is not a dtype of numbers"),
        ({"dtype": "complex64"}, "dtype='complex64' is not a dtype of numbers"),
        ({"shape": (2, 0)}, r"shape=\(2, 0\) is not a tuple"),
        ({"shape": (2, True)}, r"shape=\(2, True\) is not a tuple"),
        ({"shape": 3}, "shape=3 is not a tuple"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NpyFiles(**options)
