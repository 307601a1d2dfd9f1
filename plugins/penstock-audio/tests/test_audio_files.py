"""What AudioFiles makes of good files, and what it says of others."""

from __future__ import annotations

import os
import pickle
import struct
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import penstock
from penstock.errors import (
    ConfigError,
    PluginError,
    SampleCorrupt,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)
from penstock.testing import LoaderConformance
from penstock_audio import AudioFiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(0)
EXTENSIBLE = bytes.fromhex("000000001000800000aa00389b71")


def write(path: Path, values: NDArray[Any], *, rate: int = 8_000, width: int = 2) -> Path:
    """Write whole numbers of shape (n, channels) with Python's own module."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((values.shape[1], width, rate, 0, "NONE", ""))
        if width == 1:
            file.writeframes(values.astype(np.uint8).tobytes())
        else:
            wide = values.astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)
            file.writeframes(wide[:, :width].tobytes())
    return path


def riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    parts = []
    for kind, data in chunks:
        length = len(data) if size is None or kind != b"data" else size
        parts.append(kind + length.to_bytes(4, "little") + data + b"\0" * (len(data) % 2))
    body = b"WAVE" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def fmt(kind: int = 1, channels: int = 1, bits: int = 16, rate: int = 8_000) -> bytes:
    align = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, rate, rate * align & 0xFFFFFFFF, align, bits)


def loaded(path: Path, shape: tuple[int, int], **options: Any) -> NDArray[np.float32]:
    out = np.full((2, *shape), 7, np.float32)
    AudioFiles(**options).load_samples(np.array([str(path)] * 2, object), out)
    np.testing.assert_array_equal(out[0], out[1])
    return out[0]


def described(*paths: Path, **options: Any) -> penstock.ArraySpec:
    return AudioFiles(**options).describe_sample(np.array([str(path) for path in paths], object))


@pytest.mark.parametrize("length", [1, 5, 40, 100])
@pytest.mark.parametrize("channels", [1, 2])
def test_sixteen_bits_have_the_values_of_decode_wav(
    tmp_path: Path, length: int, channels: int
) -> None:
    import tensorflow as tf

    values = RNG.integers(-(2**15), 2**15, (40, channels))
    values[:2, 0] = -(2**15), 2**15 - 1
    path = write(tmp_path / "a.wav", values)
    theirs, _ = tf.audio.decode_wav(path.read_bytes(), desired_samples=length)
    ours = loaded(path, (length, channels), output_sequence_length=length)
    np.testing.assert_array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_any_width_of_whole_numbers_is_scaled_to_one(tmp_path: Path, width: int) -> None:
    top = 2 ** (8 * width - 1)
    values = np.array([[-top, top - 1], [0, 1], [-1, top // 2]])
    path = write(tmp_path / "a.wav", values + (128 if width == 1 else 0), width=width)
    wanted = (values / top).astype(np.float32)
    np.testing.assert_array_equal(loaded(path, (3, 2)), wanted)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_floats_are_delivered_as_they_are(tmp_path: Path, dtype: str) -> None:
    values = np.array([0, 0.5, -1.25], dtype)
    path = tmp_path / "a.wav"
    path.write_bytes(riff((b"fmt ", fmt(3, bits=8 * values.itemsize)), (b"data", values.tobytes())))
    assert loaded(path, (3, 1)).ravel().tolist() == [0, 0.5, -1.25]


def test_extensible_headers_and_other_chunks_are_read(tmp_path: Path) -> None:
    extensible = fmt(0xFFFE) + struct.pack("<HHI", 22, 16, 4) + b"\x01\x00" + EXTENSIBLE
    data = np.array([1, -1], "<i2").tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(
        riff((b"LIST", b"odd"), (b"fmt ", extensible), (b"fact", b"1234"), (b"data", data))
    )
    assert (loaded(path, (2, 1)) * 2**15).ravel().tolist() == [1, -1]
    # As programs write it that do not know yet how much will come.
    path.write_bytes(riff((b"fmt ", fmt()), (b"data", data + b"\x05"), size=2**32 - 1)[:-1])
    assert (loaded(path, (2, 1)) * 2**15).ravel().tolist() == [1, -1]


@settings(
    max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    count=st.integers(0, 300),
    length=st.integers(1, 400),
    rates=st.tuples(*[st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000])] * 2),
)
def test_resampling_reads_no_more_than_it_needs_and_makes_what_the_whole_would(
    tmp_path: Path, count: int, length: int, rates: tuple[int, int]
) -> None:
    from scipy.signal import resample_poly

    values = RNG.integers(-(2**15), 2**15, (count, 2))
    path = write(tmp_path / "a.wav", values, rate=rates[0])
    whole = (values / 2**15).astype(np.float32)
    if count and rates[0] != rates[1]:
        whole = resample_poly(whole, rates[1], rates[0], axis=0)
    wanted = np.zeros((length, 2), np.float32)
    wanted[: min(length, len(whole))] = whole[:length]
    ours = loaded(path, (length, 2), output_sequence_length=length, sampling_rate=rates[1])
    np.testing.assert_allclose(ours, wanted, atol=1e-6)
    (measured,) = AudioFiles(sampling_rate=rates[1]).measure_samples(np.array([str(path)], object))
    assert measured.tolist() == [len(whole)]


def test_a_tone_keeps_its_pitch_through_resampling(tmp_path: Path) -> None:
    seconds = np.arange(44_100) / 44_100
    tone = (2**14 * np.sin(2 * np.pi * 440 * seconds))[:, None]
    path = write(tmp_path / "a.wav", tone, rate=44_100)
    found = loaded(path, (16_000, 1), output_sequence_length=16_000, sampling_rate=16_000)[:, 0]
    assert int(np.argmax(np.abs(np.fft.rfft(found)))) == 440


def test_only_the_beginning_of_a_long_file_is_read(tmp_path: Path, at_little_cost: Any) -> None:
    path = write(tmp_path / "a.wav", np.full((10, 1), 2**14))
    with path.open("r+b") as file:
        file.seek(40)
        file.write((2**31).to_bytes(4, "little"))
        file.truncate(2**31 + 44)
    with at_little_cost(1_000_000):
        found = loaded(path, (12, 1), output_sequence_length=12)
        assert found.ravel().tolist() == [0.5] * 10 + [0, 0]
        with pytest.raises(SampleMismatch, match="has 1073741824 samples, and had 12"):
            loaded(path, (12, 1))


@pytest.mark.parametrize("length", [28, None])
def test_a_directory_is_read_as_keras_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int | None
) -> None:
    from keras.utils import audio_dataset_from_directory

    monkeypatch.chdir(tmp_path)
    for name, count in (("b/1", 30), ("a/2", 20), ("a/10", 25), ("b/deep/0", 40), ("c/0", 1)):
        write(tmp_path / "sounds" / f"{name}.wav", RNG.integers(-(2**15), 2**15, (count, 2)))
    theirs = audio_dataset_from_directory(
        "sounds", output_sequence_length=length, shuffle=False, verbose=False
    )
    [(sounds, labels)] = list(theirs)
    ours = penstock.make_generator(
        "sounds", loader="audio", output_sequence_length=length, shuffle=False, encoder="int"
    )
    x, y = ours[0]
    np.testing.assert_array_equal(x, sounds.numpy())
    np.testing.assert_array_equal(y, labels.numpy())
    assert ours.class_names == theirs.class_names


def test_it_is_asked_for_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0.wav", np.zeros((3, 1)))
    with pytest.raises(PluginError, match=r"\.wav files are read where you say so: loader='audio'"):
        penstock.make_generator(str(tmp_path))


def test_files_that_differ_are_named_with_what_to_type(tmp_path: Path) -> None:
    first = write(tmp_path / "first.wav", np.zeros((10, 1)))
    longer = write(tmp_path / "longer.wav", np.zeros((11, 1)))
    faster = write(tmp_path / "faster.wav", np.zeros((10, 1)), rate=16_000)
    stereo = write(tmp_path / "stereo.wav", np.zeros((10, 2)))
    cases = (
        (faster, {"output_sequence_length": 5}, "8000 samples per second, this one 16000"),
        (stereo, {"output_sequence_length": 5}, "the first has 1 channels, this one 2"),
    )
    for other, options, message in cases:
        with pytest.raises(SampleMismatch, match=message) as caught:
            described(first, other, **options)
        assert caught.value.sample == str(other)
    assert described(first, faster, sampling_rate=8_000, output_sequence_length=9).shape == (9, 1)
    with pytest.raises(SampleMismatch, match="the first has 1 channels, this one 2"):
        loaded(stereo, (10, 1))
    with pytest.raises(SampleMismatch, match="has 11 samples, and had 10 when it was measured"):
        loaded(longer, (10, 1))
    assert not loaded(
        write(tmp_path / "empty.wav", np.zeros((0, 1))), (4, 1), output_sequence_length=4
    ).any()


DATA = (b"data", bytes(8))
BAD: dict[str, tuple[bytes, type[Exception], str]] = {
    "empty": (b"", SampleCorrupt, "it looks like an empty file"),
    "another format": (b"OggS" + bytes(99), SampleCorrupt, "it looks like Ogg"),
    "big-endian": (b"RIFX" + bytes(99), SampleCorrupt, "big-endian"),
    "no sound at all": (b"<!doctype html>", SampleCorrupt, "no .wav file; it looks like HTML"),
    "no format": (riff(DATA), SampleCorrupt, "comes before what says how to read it"),
    "no data": (riff((b"fmt ", fmt())), SampleCorrupt, "ends without a chunk 'data'"),
    "cut": (riff((b"fmt ", fmt()), DATA)[:-2], SampleCorrupt, "8 bytes, and the file has 6 more"),
    "half a sample": (riff((b"fmt ", fmt()), (b"data", bytes(7))), SampleCorrupt, "no multiple"),
    "short format": (riff((b"fmt ", fmt()[:10]), DATA), SampleCorrupt, "'fmt ' has 10 bytes"),
    "mu-law": (riff((b"fmt ", fmt(7, bits=8)), DATA), SampleRefused, "holds mu-law"),
    "another codec": (riff((b"fmt ", fmt(999)), DATA), SampleRefused, "holds format 999"),
    "12 bits": (riff((b"fmt ", fmt(bits=12)), DATA), SampleRefused, "have 12 bits"),
    "16-bit floats": (riff((b"fmt ", fmt(3)), DATA), SampleRefused, "floats have 16"),
    "no channels": (riff((b"fmt ", fmt(channels=0)), DATA), SampleCorrupt, "0 channels"),
    "no rate": (riff((b"fmt ", fmt(rate=0)), DATA), SampleCorrupt, "contradicts itself"),
    "endless chunks": (
        riff(*[(b"junk", b"")] * 1_001, (b"fmt ", fmt()), DATA),
        SampleCorrupt,
        "more than 1000 chunks",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_waveform_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, kind, message = BAD[name]
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    for act in (described, lambda path: loaded(path, (4, 1))):
        with pytest.raises(kind, match=message) as caught:
            act(path)
        assert caught.value.sample == str(path)


def test_rates_that_no_filter_can_join_are_refused(tmp_path: Path, at_little_cost: Any) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff((b"fmt ", fmt(rate=4_294_967_291)), DATA))
    with (
        at_little_cost(1_000_000),
        pytest.raises(SampleRefused, match="4294967291 samples per second, .*sampling_rate=16000"),
    ):
        loaded(path, (4, 1), output_sequence_length=4, sampling_rate=16_000)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleMissing, match="cannot be opened"):
        loaded(tmp_path / "none.wav", (1, 1))
    with pytest.raises(SampleRefused, match="directory"):
        loaded(tmp_path, (1, 1))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(SampleRefused, match="pipe"):
            loaded(tmp_path / "pipe.wav", (1, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_sequence_length": 0}, "output_sequence_length=0 .* at least 1"),
        ({"sampling_rate": -1}, "sampling_rate=-1"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AudioFiles(**options)


def test_a_loader_is_a_value_and_pickles() -> None:
    loader = AudioFiles(output_sequence_length=3)
    assert pickle.loads(pickle.dumps(loader)) == loader


class TestAudioFiles(LoaderConformance):
    entry_point = "audio"
    by_name = True

    def make(self, directory: Path) -> tuple[Any, Any]:
        for number in range(4):
            write(directory / f"{number}.wav", np.arange(number * 9, number * 9 + 8).reshape(-1, 2))
        return AudioFiles(output_sequence_length=6), [f"{number}.wav" for number in range(4)]

    def expected(self, directory: Path) -> Any:
        values = np.arange(4)[:, None] * 9 + np.arange(8)
        padded = np.pad(values.reshape(4, 4, 2), ((0, 0), (0, 2), (0, 0)))
        return padded.astype(np.float32) / 2**15
