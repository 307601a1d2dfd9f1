"""Where pixels go: boxes stay inside, and nothing is enlarged from a smaller decode."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from penstock_images.fitting import fit_image

lengths = st.integers(1, 5000)


@given(
    lengths, lengths, st.tuples(st.integers(1, 600), st.integers(1, 600)), st.sampled_from("cps")
)
def test_both_boxes_stay_inside(height, width, size, way):
    fit = fit_image(height, width, size, crop=way == "c", pad=way == "p")

    assert 0 <= fit.top < fit.top + fit.height <= height
    assert 0 <= fit.left < fit.left + fit.width <= width
    assert 0 <= fit.down < fit.down + fit.rows <= size[0]
    assert 0 <= fit.right < fit.right + fit.columns <= size[1]


@given(
    lengths, lengths, st.tuples(st.integers(1, 600), st.integers(1, 600)), st.sampled_from("cps")
)
def test_a_reduced_image_still_has_the_pixels_that_are_wanted(height, width, size, way):
    fit = fit_image(height, width, size, crop=way == "c", pad=way == "p")
    reduce = fit.reduction()
    reduced = fit.reduced(reduce)

    assert reduced.top + reduced.height <= -(-height // reduce)
    assert reduced.left + reduced.width <= -(-width // reduce)
    assert reduce == 1 or (reduced.height >= fit.rows and reduced.width >= fit.columns)


@pytest.mark.parametrize(
    ("size", "reduction"),
    [
        ((224, 224), 1),
        ((188, 250), 1),
        ((187, 250), 2),
        ((187, 251), 1),
        ((93, 125), 4),
        ((46, 62), 8),
        ((1, 1), 8),
    ],
)
def test_the_reduction_is_the_largest_that_leaves_enough(size, reduction):
    assert fit_image(375, 500, size).reduction() == reduction


def test_borders_are_centred_and_equal():
    assert fit_image(100, 200, (50, 50), crop=True)[:4] == (0, 50, 100, 100)
    assert fit_image(100, 200, (50, 50), pad=True)[4:] == (12, 0, 25, 50)
    assert fit_image(100, 200, (50, 50)) == (0, 0, 100, 200, 0, 0, 50, 50)


def test_an_image_as_thin_as_a_thread_keeps_a_pixel():
    assert fit_image(1, 5000, (64, 64), pad=True)[4:] == (31, 0, 1, 64)
