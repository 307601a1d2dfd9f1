"""Damaged files of each format: only our errors escape, in bounded time and memory.

A few hundred examples each in every run, the same ones; ten thousand, at random, with
HYPOTHESIS_PROFILE=soak, which `make soak` sets.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from PIL import Image

import penstock
from penstock.errors import ConfigError, PenstockError, SampleError
from penstock_audio import AudioFiles
from penstock_csv import CsvRows
from penstock_images import ImageFiles
from penstock_npy import NpyFiles

ANYHOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("damage", ANYHOW, max_examples=300, derandomize=True, database=None)
settings.register_profile(
    # What fails is shown as it was found: of files this small, shrinking says little more.
    "damage-soak",
    ANYHOW,
    max_examples=10_000,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
thoroughly = settings(settings.get_profile("damage-soak" if SOAK else "damage"))


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def image(name, mode="RGB", **options):
    pixels = np.add.outer(np.arange(24) * 9, np.arange(32))[:, :, None] % np.array([251, 241, 239])
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(file, name, **options)
    return file.getvalue()


def wav(data, *, bits=16, channels=1, kind=1, extensible=False, before=b""):
    align = channels * bits // 8
    fields = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else kind, channels, 8000, 8000 * align, align, bits
    )
    if extensible:
        fields += struct.pack("<HHIH", 22, bits, 0, kind)
        fields += bytes.fromhex("000000001000800000aa00389b71")
    chunks = [b"fmt " + len(fields).to_bytes(4, "little") + fields, before]
    body = b"WAVE" + b"".join(chunks) + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


EXIF = Image.Exif()
EXIF[0x0112] = 6
TABLE = b"".join(b"%d,%.2f,%s\n" % (n, n / 7, b"cat" if n % 3 else b'"d,og"') for n in range(40))
CSV = {
    "numbers and labels": b"a,b,y\n" + TABLE,
    "byte order mark": b"\xef\xbb\xbfa,b,y\r\n" + TABLE.replace(b"\n", b"\r\n"),
    "quoted": b'"a","b","y"\n' + b'"1","2","two\nlines"\n' * 9,
    "not ASCII": "a,b,y\n1,2,caf\xe9\n3,4,\N{WATER WAVE}\n".encode(),
}
NPY = {
    "whole numbers": saved(np.arange(6, dtype="<i2").reshape(2, 3)),
    "big-endian": saved(np.arange(6, dtype=">f8").reshape(2, 3)),
    "Fortran order": saved(np.asfortranarray(np.ones((2, 3), np.float32))),
    "booleans": saved(np.ones((2, 3), bool)),
    "strings": saved(np.array(["a", "b"])),
}
WAV = {
    "16 bits": wav(np.arange(40, dtype="<i2").tobytes()),
    "8 bits": wav(bytes(40), bits=8),
    "24 bits, chunks": wav(bytes(range(36)), bits=24, channels=2, before=b"LIST\x05\0\0\0abcde\0"),
    "floats": wav(np.linspace(-1, 1, 10, dtype="<f4").tobytes(), bits=32, kind=3),
    "extensible": wav(bytes(40), bits=32, extensible=True),
}
IMAGES = {
    "JPEG": image("JPEG"),
    "JPEG, progressive": image("JPEG", progressive=True),
    "JPEG, turned": image("JPEG", exif=EXIF),
    "JPEG, CMYK": image("JPEG", "CMYK"),
    "PNG": image("PNG"),
    "PNG, palette": image("PNG", "P"),
    "PNG, alpha": image("PNG", "RGBA"),
    "PNG, bilevel": image("PNG", "1"),
    "GIF": image("GIF"),
    "WebP": image("WEBP", lossless=True),
    "BMP": image("BMP"),
    "TIFF": image("TIFF", compression="tiff_lzw"),
}


@st.composite
def damaged(draw, seeds):
    """Draw a real file with bytes changed, cut, put in or doubled, most often near its start."""
    content = bytearray(draw(st.sampled_from(list(seeds.values()))))
    for _ in range(draw(st.integers(1, 4))):
        place = int(draw(st.floats(0, 1)) ** 2 * len(content))
        length = draw(st.integers(1, 12))
        way = draw(st.sampled_from(["flip", "set", "cut", "drop", "insert", "double"]))
        if way == "flip" and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif way == "set":
            content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
        elif way == "cut":
            del content[place:]
        elif way == "drop":
            del content[place : place + length]
        elif way == "insert":
            content[place:place] = draw(st.binary(max_size=length) | st.sampled_from(WORDS))
        else:
            content[place:place] = content[place : place + 8 * length]
    return bytes(content)


# What has a meaning in one format or another.
WORDS = [
    *(b"\0" * 8, b"\xff" * 8, b"\xff\xd9", b"\xff\xd8", b"\xff\xc0", b"\x7f\xff\xff\xff"),
    *(b'"', b'""', b",", b"\n", b"\r", b"\r\n\r\n", b"nan", b"1e999", b"-", b"\xc3", b"9" * 40),
    *(b"IDAT", b"IEND", b"PLTE", b"Exif\0\0", b"'|O'", b"-1,", b"(((", b"10000000000,", b"True"),
]


def attempt(act):
    """Do it: what comes out, or the error's class and message."""
    threads = set(threading.enumerate())
    began = time.process_time()
    try:
        found = act()
    except PenstockError as error:
        found = error
    if isinstance(found, PenstockError):
        assert str(found).isprintable()
        assert len(str(found)) < 1_000
    assert time.process_time() - began < 10
    assert set(threading.enumerate()) <= threads
    return found


@pytest.fixture(autouse=True)
def _no_warning_is_an_error(recwarn):
    """What a decoder warns of on the way to an error is not at issue."""


def report(format_name, found):
    """Say how many files were loaded and refused; both are to be tried."""
    sys.stdout.write(f"{format_name}: {found}\n")
    assert min(found.values()) > 0


def loaded(loader, path, shape, dtype):
    out = np.full((2, *shape), 7, dtype)
    loader.load_samples(np.array([path, path], object), out)
    np.testing.assert_array_equal(out[0], out[1])
    return out[0]


def outcome(found):
    return (type(found), str(found)) if isinstance(found, Exception) else found.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "others"])
def test_a_damaged_image_is_loaded_or_refused_and_each_time_alike(tmp_path, kind):
    seeds = {
        name: content
        for name, content in IMAGES.items()
        if name.split(",")[0] == kind or (kind == "others" and name[:3] not in ("JPE", "PNG"))
    }
    path = str(tmp_path / "a.img")
    loader = ImageFiles(image_size=(8, 8))
    found = {"loaded": 0, "refused": 0}

    @thoroughly
    @given(damaged(seeds))
    def check(content):
        with open(path, "wb") as file:
            file.write(content)
        first, second = (
            attempt(lambda: loaded(loader, path, (8, 8, 3), np.uint8)) for _ in range(2)
        )
        assert outcome(first) == outcome(second)
        if isinstance(first, Exception):
            assert isinstance(first, SampleError)
        found["refused" if isinstance(first, Exception) else "loaded"] += 1
        attempt(lambda: ImageFiles().describe_sample(np.array([path], object)))

    check()
    report(kind, found)


@pytest.mark.parametrize("rate", [None, 11_025])
def test_a_damaged_sound_is_loaded_or_refused_and_each_time_alike(tmp_path, rate):
    path = str(tmp_path / "a.wav")
    loader = AudioFiles(output_sequence_length=16, sampling_rate=rate)
    found = {"loaded": 0, "refused": 0}

    @thoroughly
    @given(damaged(WAV))
    def check(content):
        with open(path, "wb") as file:
            file.write(content)
        first, second = (
            attempt(lambda: loaded(loader, path, (16, 1), np.float32)) for _ in range(2)
        )
        assert outcome(first) == outcome(second)
        if isinstance(first, Exception):
            assert isinstance(first, SampleError)
        found["refused" if isinstance(first, Exception) else "loaded"] += 1
        attempt(lambda: AudioFiles().describe_sample(np.array([path], object)))
        measured = attempt(lambda: AudioFiles().measure_samples(np.array([path], object)))
        if not isinstance(measured, Exception):
            assert measured.max() <= len(content)

    check()
    report(f"wav at {rate}", found)


def test_a_damaged_array_is_refused_or_loaded_as_numpy_loads_it(tmp_path):
    path = str(tmp_path / "a.npy")
    found = {"loaded": 0, "refused": 0}

    @thoroughly
    @given(damaged(NPY))
    def check(content):
        with open(path, "wb") as file:
            file.write(content)
        samples = np.array([path], object)
        spec = attempt(lambda: NpyFiles(dtype=None).describe_sample(samples))
        if isinstance(spec, Exception):
            assert isinstance(spec, SampleError)
            found["refused"] += 1
            return
        array = attempt(lambda: loaded(NpyFiles(), path, spec.shape, spec.dtype))
        np.testing.assert_array_equal(array, np.load(path, allow_pickle=False))
        found["loaded"] += 1

    check()
    report(".npy", found)


def test_a_damaged_table_is_refused_or_read_and_then_all_of_it_is_there(tmp_path):
    path = str(tmp_path / "a.csv")
    found = {"loaded": 0, "refused": 0}

    def rows():
        loader = CsvRows(y_col="y", cache_dir=str(tmp_path / "cache"), progress=False)
        table = loader.list_samples(path)
        spec = loader.describe_sample(path)
        out = np.empty((len(table), *spec.shape), spec.dtype)
        loader.load_samples(table["sample"].to_numpy(), out, path)
        return table, out

    @thoroughly
    @given(damaged(CSV))
    def check(content):
        with open(path, "wb") as file:
            file.write(content)
        read = attempt(rows)
        if isinstance(read, Exception):
            assert isinstance(read, ConfigError)
            found["refused"] += 1
        else:
            table, out = read
            assert len(table) == len(out) > 0
            assert np.isfinite(out).all()
            found["loaded"] += 1
        for name in os.listdir(tmp_path / "cache") if os.path.isdir(tmp_path / "cache") else ():
            os.unlink(tmp_path / "cache" / name)

    check()
    report("CSV of rows", found)


def test_a_damaged_table_of_files_is_refused_or_understood(tmp_path):
    path = tmp_path / "a.csv"
    for name in "12":
        np.save(tmp_path / f"{name}.npy", np.zeros(2, np.float32))
    seeds = {
        "files": b"path,label\n" + b"1,cat\n2,dog\n" * 9,
        "quoted": b'path,label\n"1","a,b"\n"2","c"\n',
    }
    options = {"x_col": "path", "y_col": "label", "loader": "npy", "encoder": "int", "workers": 0}
    path.write_bytes(seeds["files"])
    assert penstock.make_generator(path, **options)[0]  # what is imported takes its time
    found = {"loaded": 0, "refused": 0}

    @thoroughly
    @given(damaged(seeds))
    def check(content):
        path.write_bytes(content)
        made = attempt(lambda: penstock.make_generator(path, **options))
        if isinstance(made, Exception):
            found["refused"] += 1
        else:
            assert made.num_samples == len(made.samples) == len(made.labels)
            found["loaded"] += 1

    check()
    report("CSV of files", found)
