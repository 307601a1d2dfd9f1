"""One documented conversion for every format, mode, depth and orientation."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from penstock.errors import ConfigError, SampleRefused
from penstock_images import ImageFiles

LOSSLESS = [".png", ".bmp", ".tiff", ".webp"]


def save_options(suffix):
    return {"lossless": True, "exact": True} if suffix == ".webp" else {}


@pytest.fixture
def small(photo):
    return photo[100:140, 200:260].copy()


@pytest.fixture
def deep():
    return (np.arange(40 * 60, dtype=np.uint16) * 27).reshape(40, 60)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_are_read_to_the_pixel(suffix, write, load, small):
    assert np.array_equal(load(write("a" + suffix, small, **save_options(suffix))), small)


@pytest.mark.parametrize("suffix", LOSSLESS, ids="I11 {} named .jpg".format)
def test_the_name_has_no_say(suffix, write, load, small):
    path = write("a.jpg", small, Image.registered_extensions()[suffix], **save_options(suffix))

    with pytest.warns(UserWarning, match="'a.jpg', which is"):
        loaded = load(path)

    assert np.array_equal(loaded, small)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"], ids="I22 RGBA in {}".format)
def test_alpha_is_dropped_and_not_blended(suffix, write, load, small):
    alpha = (
        np.arange(small.shape[0] * small.shape[1], dtype=np.uint32).reshape(small.shape[:2]) % 256
    )
    rgba = np.dstack([small, alpha.astype(np.uint8)])
    path = write("a" + suffix, rgba, **save_options(suffix))

    assert np.array_equal(load(path), small)
    assert np.array_equal(load(path, color_mode="rgba"), rgba)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".jpg", ".gif"])
def test_alpha_is_full_where_a_file_has_none(suffix, write, load, small):
    assert (load(write("a" + suffix, small), color_mode="rgba")[:, :, 3] == 255).all()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".gif"])
@pytest.mark.parametrize("mode", ["1", "L", "P"], ids=["I24 1 bit", "gray", "I21 palette"])
def test_bilevel_gray_and_palettes_become_their_colours(suffix, mode, write, load, small):
    image = Image.fromarray(small).convert(mode)
    path = write("a" + suffix, image)
    wanted = np.asarray(image.convert("RGB"))

    assert np.array_equal(load(path), wanted)
    gray = load(path, color_mode="grayscale")
    assert gray.shape == (*small.shape[:2], 1)
    assert (
        np.abs(gray[:, :, 0] - np.asarray(image.convert("RGB").convert("L")).astype(int)).max() <= 1
    )


@pytest.mark.parametrize("suffix", [".png", ".tiff"], ids="I23 LA in {}".format)
def test_gray_with_alpha_keeps_it_for_rgba_alone(suffix, write, load, small):
    gray = np.asarray(Image.fromarray(small).convert("L"))
    image = Image.merge("LA", [Image.fromarray(gray), Image.fromarray(255 - gray)])
    path = write("a" + suffix, image)

    assert np.array_equal(load(path, color_mode="grayscale")[:, :, 0], gray)
    assert np.array_equal(load(path), np.dstack([gray] * 3))
    assert np.array_equal(load(path, color_mode="rgba"), np.dstack([gray] * 3 + [255 - gray]))


def test_a_tiff_whose_white_is_zero_is_not_inverted(write, load, small):
    gray = np.asarray(Image.fromarray(small).convert("L"))
    stream = io.BytesIO()
    Image.fromarray(255 - gray).save(stream, "TIFF")
    data = bytearray(stream.getvalue())
    at = data.index(struct.pack("<HHIH", 262, 3, 1, 1))
    data[at + 8] = 0

    assert np.array_equal(load(write("a.tif", bytes(data)), color_mode="grayscale")[:, :, 0], gray)


@pytest.mark.parametrize("suffix", [".gif"], ids="I27 {}".format)
def test_an_animation_gives_its_first_frame(suffix, write, load, small):
    frames = [Image.fromarray(np.roll(small, shift, axis=0)).quantize(64) for shift in (0, 7, 13)]
    path = write("a" + suffix, frames[0], save_all=True, append_images=frames[1:])

    assert np.array_equal(load(path), np.asarray(frames[0].convert("RGB")))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpegs_agree_with_another_decoder(options, write, load, photo):
    path = write("a.jpg", photo, quality=92, **options)
    with Image.open(path) as image:
        theirs = np.asarray(image).astype(int)

    assert np.abs(load(path, decode="accurate") - theirs).max() <= 8
    assert np.abs(load(path) - theirs).mean() < 2
    with Image.open(path) as image:
        gray = np.asarray(image.convert("L")).astype(int)
    assert np.abs(load(path, color_mode="grayscale")[:, :, 0] - gray).mean() < 1


@pytest.mark.parametrize("mode", ["L", "CMYK"], ids=["gray", "I25 CMYK"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_gray_and_cmyk_jpegs_are_converted(color_mode, mode, write, load, small):
    wanted = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[color_mode]
    path = write("a.jpg", Image.fromarray(small).convert(mode), quality=95)
    with Image.open(path) as image:
        theirs = np.asarray(image.convert("RGB").convert(wanted)).astype(int)
    ours = load(path, color_mode=color_mode, decode="accurate")
    assert np.abs(ours.reshape(theirs.shape) - theirs).max() <= 10
    assert np.abs(ours.reshape(theirs.shape) - theirs).mean() < 2


def test_junk_between_scan_and_end_of_a_jpeg_is_harmless(write, load, small):
    data = Path(write("a.jpg", small)).read_bytes()
    good = load(write("good.jpg", data))

    assert np.array_equal(load(write("b.jpg", data[:-2] + b"\x12\x34" * 10 + data[-2:])), good)
    assert np.array_equal(load(write("c.jpg", data + b"\0" * 999)), good)


@pytest.mark.parametrize("orientation", range(1, 9), ids="I26 orientation {}".format)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_images_stand_upright(suffix, orientation, write, load, small):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write("a" + suffix, small, exif=exif, **save_options(suffix))
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    ours = load(path, image_size=upright.shape[:2], decode="accurate")

    assert np.abs(ours - upright).max() <= (8 if suffix == ".jpg" else 0)


def test_orientation_can_be_ignored(write, load, small):
    exif = Image.Exif()
    exif[0x0112] = 6

    assert np.array_equal(load(write("a.png", small, exif=exif), exif_orientation=False), small)


def test_spoilt_exif_data_is_no_orientation(write, load, small):
    path = write("a.jpg", small, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")

    assert load(path, image_size=(40, 60)).shape == small.shape


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("channels", [1, 3], ids="I20 {} channels".format)
def test_sixteen_bits_are_kept_where_the_first_file_has_them(
    channels, orientation, tmp_path, load, deep
):
    pixels = deep if channels == 1 else np.dstack([deep, deep[::-1], deep[:, ::-1]])
    stored = cv2.imencode(".png", pixels[..., ::-1] if channels == 3 else pixels)[1].tobytes()
    (tmp_path / "a.png").write_bytes(stored)
    wanted = np.dstack([deep] * 3) if channels == 1 else pixels

    loaded = load(str(tmp_path / "a.png"), image_size=(40, 60))

    assert loaded.dtype == np.uint16
    assert np.array_equal(loaded, wanted)


def deep_tiff(pixels, orientation):
    """A TIFF of 16-bit RGB, which Pillow cannot write."""
    height, width = pixels.shape[:2]
    tags = {256: width, 257: height, 258: 16, 259: 1, 262: 2, 273: 1000, 274: orientation}
    tags |= {277: 3, 278: height, 279: pixels.nbytes, 284: 1}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    entries[2] = struct.pack("<HHII", 258, 3, 3, 900)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries)
    depths = struct.pack("<HHH", 16, 16, 16)
    return head.ljust(900, b"\0") + depths.ljust(100, b"\0") + pixels.tobytes()


def test_sixteen_bit_tiffs_are_read_upright(write, load, deep):
    pixels = np.dstack([deep, deep[::-1], deep[:, ::-1]])

    for orientation, upright in ((1, pixels), (3, pixels[::-1, ::-1]), (8, np.rot90(pixels))):
        path = write("a.tiff", deep_tiff(pixels, orientation))
        loaded = load(path, image_size=upright.shape[:2])
        assert loaded.dtype == np.uint16
        assert np.array_equal(loaded, upright)


def test_depths_are_converted_by_the_documented_rule(write, load, deep, small):
    path = write("deep.png", deep)
    as_8 = load(path, bit_depth=8, color_mode="grayscale")[:, :, 0]
    assert as_8.dtype == np.uint8
    assert np.array_equal(as_8, np.rint(deep / 257).astype(np.uint8))

    as_16 = load(write("small.png", small), bit_depth=16)
    assert as_16.dtype == np.uint16
    assert np.array_equal(as_16, small.astype(np.uint16) * 257)
    assert as_16.min() // 257 == small.min()


def test_a_dtype_that_cannot_hold_the_first_file_is_refused(write, deep):
    paths = np.array([write("deep.png", deep)], dtype=object)

    for dtype in ("uint8", "float16", "int16"):
        with pytest.raises(ConfigError, match="cannot hold images of 16 bits"):
            ImageFiles(dtype=dtype).describe_sample(paths)
    assert ImageFiles(dtype="uint16").describe_sample(paths).deliver_dtype == np.uint16


def test_the_depth_is_that_of_the_first_file_that_can_be_read(write, deep):
    paths = np.array([write("bad.png", b""), write("deep.png", deep)], dtype=object)

    assert ImageFiles().describe_sample(paths).dtype == np.uint16
    with pytest.raises(Exception, match="an empty file"):
        ImageFiles().describe_sample(paths[:1])


def test_a_large_jpeg_decoded_small_looks_like_the_full_one(write, load, photo):
    large = np.repeat(np.repeat(photo, 4, axis=0), 4, axis=1)
    path = write("large.jpg", large, quality=95)
    wanted = cv2.resize(photo, (100, 75), interpolation=cv2.INTER_AREA).astype(int)

    for mode, channels in (("rgb", 3), ("grayscale", 1)):
        fast = load(path, image_size=(75, 100), color_mode=mode)
        assert fast.shape == (75, 100, channels)
    assert np.abs(load(path, image_size=(75, 100)) - wanted).mean() < 6
    # What is asked for is never enlarged from something smaller.
    tiny = load(path, image_size=(188, 250), decode="fast")
    full = load(path, image_size=(188, 250), decode="accurate")
    assert np.abs(tiny.astype(int) - full).mean() < 12


def test_masks_are_never_decoded_small(write, load):
    checks = np.kron(np.indices((256, 256)).sum(axis=0) % 2, np.ones((2, 2))).astype(np.uint8) * 255
    path = write("mask.jpg", checks, quality=100, subsampling=0)

    mask = load(path, image_size=(50, 50), color_mode="grayscale", interpolation="nearest")

    # Averages of neighbours would be gray.
    assert set(np.unique(mask // 64)) == {0, 3}


def test_every_pixel_is_written_and_none_beside_it(write, load, small):
    for mode in ("rgb", "rgba", "grayscale"):
        for options in ({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
            for interpolation in ("bilinear", "nearest", "area"):
                path = write("a.png", small)
                given = {"color_mode": mode, "interpolation": interpolation, **options}
                first = load(path, image_size=(30, 70), **given)
                assert np.array_equal(first, load(path, image_size=(30, 70), **given))
                assert len(np.unique(first)) > 20


def test_no_program_is_run_for_a_file(write, load, monkeypatch):
    started = []
    sys.addaudithook(
        lambda event, args: (
            started.append(args) if event in ("subprocess.Popen", "os.exec") else None
        )
    )
    with pytest.raises(SampleRefused):
        load(write("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage"), image_size=(8, 8))

    assert not started


def test_simplejpeg_can_be_told_the_scale(photo):
    """The loader relies on bounds from both sides leaving one scale."""
    data = simplejpeg.encode_jpeg(photo[:373, :499].copy(), 90, "RGB", "420")

    for scale, shape in ((2, (187, 250)), (4, (94, 125)), (8, (47, 63))):
        found = simplejpeg.decode_jpeg(
            data, "RGB", min_height=shape[0], min_width=shape[1], min_factor=scale
        )
        assert found.shape[:2] == shape
