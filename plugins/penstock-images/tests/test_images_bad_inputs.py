"""Every bad file is refused by an error of ours that says what it found."""

from __future__ import annotations

import io
import os
import pickle
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

from penstock.errors import (
    SampleCorrupt,
    SampleError,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)
from penstock_images import ImageFiles

WANTED = "An image was expected; "
ALLOWED = "An image in JPEG, PNG, BMP, GIF, WebP or TIFF was expected; "
GRADIENT = np.add.outer(np.arange(48) * 3, np.arange(64))[:, :, None] % np.array([251, 241, 239])


def encoded(format_name, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(GRADIENT.astype(np.uint8)).convert(mode).save(stream, format_name, **options)
    return stream.getvalue()


def chunk(kind, content=b""):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width, height, body=b"", *, bits=8, color=2, end=True):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + (chunk(b"IEND") if end else b"")


def tiff(**tags):
    entries = sorted((int(tag[1:]), value) for tag, value in tags.items())
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(64)


def jpeg_with_size(width, height):
    data = bytearray(encoded("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


JPEG, PNG = encoded("JPEG"), encoded("PNG")
BAD = {
    "I01 empty": (b"", SampleCorrupt, WANTED + "this looks like an empty file"),
    "I02 text": (b"not an image\n", SampleCorrupt, WANTED + "this looks like text"),
    "I03 HTML": (b"<!DOCTYPE html><html>404", SampleCorrupt, WANTED + "this looks like HTML"),
    "I03 HTML later": (b"\n  <HTML><body>404", SampleCorrupt, WANTED + "this looks like HTML"),
    "I02 zeros": (bytes(5000), SampleCorrupt, WANTED + "this looks like nothing but zero"),
    "I02 noise": (b"\x9c\x02\xff\x13" * 50, SampleCorrupt, WANTED + "this is none"),
    "I02 .npy": (b"\x93NUMPY\x01\x00", SampleCorrupt, WANTED + "this looks like a .npy array"),
    "I02 zip": (b"PK\x03\x04....", SampleCorrupt, WANTED + "this looks like a zip archive"),
    "I02 LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\n",
        SampleCorrupt,
        WANTED + "this looks like a Git LFS pointer",
    ),
    "I28 SVG": (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        SampleRefused,
        ALLOWED + "this looks like SVG",
    ),
    "I28 EPS": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        SampleRefused,
        ALLOWED + "this looks like PostScript",
    ),
    "I28 PDF": (b"%PDF-1.7", SampleRefused, ALLOWED + "this looks like PDF"),
    "I28 HEIF": (b"\0\0\0\x18ftypheic", SampleRefused, ALLOWED + "this looks like HEIF"),
    "I28 netpbm": (b"P6\n1 1\n255\n\0\0\0", SampleRefused, ALLOWED + "this looks like netpbm"),
    "I04 PNG signature": (
        PNG[:8],
        SampleCorrupt,
        "A PNG image was expected; its header is cut short",
    ),
    "I06 PNG before IEND": (PNG[:-12], SampleCorrupt, "A PNG image was expected; the file "),
    "I06 PNG half": (PNG[: len(PNG) // 2], SampleCorrupt, "A PNG image was expected; the file "),
    "I09 IDAT garbage": (
        png(8, 8, b"\x13" * 99),
        SampleCorrupt,
        "A PNG image was expected; the file ",
    ),
    "I10 IDAT short": (
        png(8, 8, zlib.compress(bytes(30))),
        SampleCorrupt,
        "A PNG image was expected; the file ",
    ),
    "I16 zero width": (
        png(0, 8),
        SampleCorrupt,
        "A PNG image was expected; its header tells a size",
    ),
    "I12 200 MP": (png(20_000, 10_000), SampleRefused, "An image of at most 64,000,000 pixels"),
    "I13 100 MP": (png(10_000, 10_000), SampleRefused, "An image of at most 64,000,000 pixels"),
    "I15 2^31": (png(2**31 - 1, 2**31 - 1), SampleRefused, "An image of at most 64,000,000 pixels"),
    "I14 65000": (
        jpeg_with_size(65_000, 65_000),
        SampleRefused,
        "An image of at most 64,000,000 pixels",
    ),
    "I07 JPEG half": (
        JPEG[: len(JPEG) // 2],
        SampleCorrupt,
        "A JPEG image was expected; the file has no end",
    ),
    "I08 JPEG without end": (
        JPEG[:-2],
        SampleCorrupt,
        "A JPEG image was expected; the file has no end",
    ),
    "I07 JPEG with half a scan": (
        JPEG[: len(JPEG) * 2 // 3] + b"\xff\xd9",
        SampleCorrupt,
        "A JPEG image was expected; the file cannot be decoded ('",
    ),
    "I07 JPEG start": (
        JPEG[:3],
        SampleCorrupt,
        "A JPEG image was expected; its header is cut short",
    ),
    "I07 JPEG of fill bytes": (
        b"\xff\xd8" + b"\xff" * 9_000_000,
        SampleCorrupt,
        "A JPEG image was expected; its header has no frame header",
    ),
    "I16 JPEG of zero height": (
        jpeg_with_size(64, 0),
        SampleCorrupt,
        "A JPEG image was expected; its header tells a size of 0 x 64",
    ),
    "I20 JPEG of 12 bits": (
        b"\xff\xd8\xff\xc1\x00\x0b\x0c\x00\x08\x00\x08\x01",
        SampleRefused,
        "A JPEG of 8 bits per channel was expected; this has 12",
    ),
    "gif half": (encoded("GIF")[:400], SampleCorrupt, "A GIF image was expected; the file "),
    "gif header": (b"GIF89a\x01", SampleCorrupt, "A GIF image was expected; its header is cut"),
    "webp half": (
        encoded("WEBP")[:80],
        SampleCorrupt,
        "A WebP image was expected; its header tells ",
    ),
    "webp header": (
        b"RIFF\x08\0\0\0WEBPVP8 ",
        SampleCorrupt,
        "A WebP image was expected; its header",
    ),
    "webp unknown": (
        b"RIFF\x1c\0\0\0WEBPXXXX" + bytes(20),
        SampleCorrupt,
        "A WebP image was expected; its header has an unknown chunk",
    ),
    "bmp half": (encoded("BMP")[:4000], SampleCorrupt, "A BMP image was expected; the file "),
    "I13 BMP 100 MP": (
        encoded("BMP")[:18] + struct.pack("<ii", 10_000, -10_000) + encoded("BMP")[26:],
        SampleRefused,
        "An image of at most 64,000,000 pixels",
    ),
    "tiff half": (encoded("TIFF")[:4000], SampleCorrupt, "A TIFF image was expected; "),
    "tiff pointer": (
        b"II*\0\xff\xff\xff\xff",
        SampleCorrupt,
        "A TIFF image was expected; its header",
    ),
    "tiff empty": (
        tiff(),
        SampleCorrupt,
        "A TIFF image was expected; its header tells a size of 0",
    ),
    "tiff of floats": (
        encoded("TIFF", "F"),
        SampleRefused,
        "A TIFF of 8 or 16 unsigned bits per channel was expected; found 32 floating-point",
    ),
    "tiff of many bands": (
        tiff(t256=8, t257=8, t258=8, t277=12),
        SampleRefused,
        "A TIFF of at most 4 channels was expected; found 12",
    ),
    "I15 TIFF": (
        tiff(t256=2**31, t257=2**31, t258=8),
        SampleRefused,
        "An image of at most 64,000,000 pixels",
    ),
}
LARGE = ("I12", "I13", "I14", "I15")


def load(path, **options):
    loader = ImageFiles(**{"image_size": (8, 8), **options})
    out = np.empty((1, *loader.image_size, 3), np.uint8)
    loader.load_samples(np.array([path], dtype=object), out)
    return out[0]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_for_what_it_is(case, write, at_little_cost):
    content, kind, start = BAD[case]
    path = write("sample.png", content)

    with at_little_cost(100_000_000), pytest.raises(SampleError) as caught:
        load(path)

    assert type(caught.value) is kind
    assert str(caught.value).startswith(start)
    assert len(caught.value.message) <= 500
    assert caught.value.sample == path
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_the_first_file_is_described_or_refused_alike(case, write):
    content, kind, _ = BAD[case]
    paths = np.array([write("sample", content)], dtype=object)

    found = kind
    try:
        assert ImageFiles().describe_sample(paths).dtype == np.uint8
    except SampleError as error:
        found = type(error)

    assert found is kind


@pytest.mark.parametrize("case", [name for name in BAD if name[:3] in LARGE])
def test_too_many_pixels_are_refused_before_they_are_decoded(case, write, at_little_cost):
    path = write("sample.png", BAD[case][0])
    load(write("good.png", PNG))

    with at_little_cost(1_000_000), pytest.raises(SampleRefused):
        load(path)


def test_the_pixel_limit_is_an_option(write):
    path = write("sample.png", PNG)

    assert load(path, max_pixels=48 * 64).shape == (8, 8, 3)
    with pytest.raises(SampleRefused, match=r"at most 3,071 pixels .* tells 48 x 64"):
        load(path, max_pixels=48 * 64 - 1)


def test_a_huge_file_is_not_read(tmp_path, at_little_cost):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SampleRefused, match="raise max_pixels if the image is that large"):
        load(str(path))
    with path.open("wb") as file:
        file.truncate(1 << 29)
    with at_little_cost(1_000_000), pytest.raises(SampleCorrupt, match="nothing but zero bytes"):
        load(str(path))


def test_a_missing_file_keeps_its_cause(tmp_path):
    with pytest.raises(SampleMissing, match="No such file") as caught:
        load(str(tmp_path / "gone.png"))

    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_path_that_cannot_be_one_is_refused(tmp_path):
    with pytest.raises(SampleRefused, match="is no name of a file"):
        load(str(tmp_path / "a\0b.png"))


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(SampleRefused, match="is a directory"):
        load(str(tmp_path))


def test_a_fifo_or_device_is_refused_without_waiting(tmp_path):
    path = os.devnull
    if hasattr(os, "mkfifo"):
        path = str(tmp_path / "pipe.png")
        os.mkfifo(path)
    found = []

    def attempt():
        with pytest.raises(SampleRefused, match="it is a (pipe|device)") as caught:
            load(path)
        found.append(caught.value)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(2)

    assert found


def test_names_are_escaped_in_messages(write):
    path = write("caf\udce9\n\u202e.png", b"")

    with pytest.raises(SampleCorrupt) as caught:
        load(path)

    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()


def test_a_depth_unlike_the_first_ones_is_a_mismatch(write):  # I20
    deep = write("deep.png", (np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8))

    with pytest.raises(SampleMismatch) as caught:
        load(deep)

    assert str(caught.value).startswith("An image of 8 bits per channel was expected")
    assert "this one has 16" in str(caught.value)
    assert "bit_depth=8" in str(caught.value)


def test_a_bad_sample_is_named_among_good_ones(write):
    paths = np.array(
        [write("1.png", PNG), write("2.jpg", JPEG[:-2]), write("3.jpg", JPEG)], dtype=object
    )

    with pytest.raises(SampleCorrupt) as caught:
        ImageFiles(image_size=(8, 8)).load_samples(paths, np.empty((3, 8, 8, 3), np.uint8))

    assert caught.value.sample == paths[1]


SEEDS = {
    "png": PNG,
    "palette": encoded("PNG", "P"),
    "jpeg": JPEG,
    "progressive": encoded("JPEG", progressive=True),
    "gif": encoded("GIF"),
    "webp": encoded("WEBP", lossless=True),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF", compression="tiff_lzw"),
}


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.sampled_from(sorted(SEEDS)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=6),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damage_never_escapes_as_another_exception(write, seed, flips, cut):
    data = bytearray(SEEDS[seed])
    for where, change in flips:
        data[int(where**2 * len(data))] ^= change
    if cut is not None:
        data = data[: int(cut * len(data))]
    path = write("sample", bytes(data))

    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(load(path).tobytes())
        except SampleError as error:
            outcomes.append((type(error), error.sample, str(error)))

    assert outcomes[0] == outcomes[1]
