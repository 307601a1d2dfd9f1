"""Before training some files are looked at: what they are, and how many bits they have."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import penstock
from penstock.errors import SampleMismatch
from penstock_images import ImageFiles

SMALL = np.zeros((4, 4), np.uint8)
DEEP = np.full((4, 4), 40_000, np.uint16)


def described(paths, **options):
    return ImageFiles(image_size=(4, 4), color_mode="grayscale", **options).describe_sample(
        np.array(paths, dtype=object)
    )


def test_files_that_are_not_what_their_suffix_says_are_counted_in_one_warning(write):
    paths = [
        write("a.png", SMALL),
        write("b.png", SMALL, "JPEG"),
        write("c.JPG", SMALL, "JPEG"),
        write("d.tif", SMALL, "BMP"),
        write("e", SMALL, "BMP"),
    ]

    with pytest.warns(UserWarning, match="2 of the 5 looked at") as caught:
        described(paths)

    assert len(caught) == 1
    assert "'b.png', which is JPEG" in str(caught[0].message)
    with pytest.warns(UserWarning, match="2 of the 5"):
        described(paths, bit_depth=8)


def test_a_generator_warns_once_and_reads_them(write, tmp_path):
    for number in range(6):
        write(f"{number}.png", SMALL + 9 * number, "BMP")

    with pytest.warns(UserWarning, match="6 of the 6 looked at") as caught:
        sequence = penstock.make_generator(
            tmp_path, encoder="none", image_size=(4, 4), shuffle=False, workers=0
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (x,) = sequence[0]

    assert len(caught) == 1
    assert (x[:, 0, 0, 0] == 9 * np.arange(6)).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_another_bit_depth_is_refused_before_training(write, suffix):
    paths = [write(f"{number}.png", SMALL) for number in range(200)]
    paths[100] = odd = write(f"deep{suffix}", DEEP)
    assert len(paths) == 200  # every fourth is looked at

    with pytest.raises(SampleMismatch, match="8 bits per channel was expected.*bit_depth=8") as e:
        described(paths)

    assert e.value.sample == odd
    assert described(paths, bit_depth=16).dtype == np.uint16


def test_the_first_readable_file_tells_the_bit_depth(write):
    broken = write("broken.png", b"no image")

    assert described([broken, write("a.png", DEEP), write("b.png", DEEP)]).dtype == np.uint16
    assert described([broken, write("a.png", SMALL), broken]).dtype == np.uint8


def test_few_files_are_opened(write, monkeypatch):
    from penstock_images import survey

    opened = []
    head = survey.read_head
    monkeypatch.setattr(survey, "read_head", lambda path: opened.append(path) or head(path))
    path = write("a.png", SMALL)

    described([path] * 20_000)

    assert len(opened) == 64
