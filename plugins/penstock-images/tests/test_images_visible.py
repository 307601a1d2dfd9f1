"""Boxes that are cut at the border stay as long as enough of them is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

import penstock
from penstock import ArraySpec, Batch, Draws
from penstock.errors import ConfigError
from penstock_images import Boxes, BoxLabels, Flip, ImageFiles, Rotate, Shift
from penstock_images.coordinates import BOXES, from_corners, to_corners

SIDE = 100
NEAR = 0.01  # of a share: nothing is said of what is so near to the bound


def moved(augmenter, boxes, least, name="xyxy"):
    """Move boxes, given as xyxy, all in one image; return them so, and those that are gone."""
    unit = SIDE if name.startswith("rel_") else 1
    given = from_corners(np.asarray(boxes, np.float64) / unit, name).astype(np.float32)[None]
    labels = np.arange(len(boxes), dtype=np.int32)[None]
    batch = Batch(
        {"x": np.zeros((1, SIDE, SIDE, 1), np.uint8)},
        {"boxes": given, "labels": labels},
        None,
        Draws(0, 0, np.arange(1)),
        target_specs={
            "boxes": ArraySpec(
                given.shape[1:], "float32", coordinates=name, objects="o", min_visible=least
            ),
            "labels": ArraySpec(labels.shape[1:], "int32", objects="o"),
        },
    )
    augmenter.augment_samples(batch)
    gone = (given[0] == -1).all(axis=1)
    assert (labels[0] == np.where(gone, -1, np.arange(len(boxes)))).all()
    return to_corners(given[0], name) * unit, gone


def right_by(pixels):
    return Shift(height_factor=0.0, width_factor=(pixels / SIDE, pixels / SIDE))


@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 10), st.integers(1, 10)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 99),
    st.floats(0, 1),
    st.sampled_from(BOXES),
)
@settings(deadline=None)
def test_a_box_stays_where_that_share_of_its_area_is_left(sizes, pixels, least, name):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in sizes], np.float64)
    found, gone = moved(right_by(pixels), boxes, least, name)
    left, right = np.minimum(boxes[:, ::2].T + pixels, SIDE)
    share = (right - left) / (boxes[:, 2] - boxes[:, 0])
    sure = abs(share - least) > NEAR
    enough = (share > 0) & (share >= least)
    assert (gone == ~enough)[sure | (share == 0)].all()
    kept = ~gone
    wanted = np.stack([left, boxes[:, 1], right, boxes[:, 3]], 1)
    np.testing.assert_allclose(found[kept], wanted[kept], atol=1e-3)


@given(st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_the_more_has_to_be_left_the_fewer_stay_and_those_as_they_were(some, more, seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 90, (12, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 10, (12, 2))], 1)
    turn = Rotate(factor=(seed % 360 / 360, seed % 360 / 360))
    plain, none = moved(turn, boxes, 0.0)
    found, gone = moved(turn, boxes, some)
    fewer, lost = moved(turn, boxes, min(some + more, 1.0))
    assert (none <= gone).all()
    assert (gone <= lost).all()
    np.testing.assert_array_equal(found[~gone], plain[~gone])
    np.testing.assert_array_equal(fewer[~lost], plain[~lost])


@pytest.mark.parametrize("name", BOXES)
def test_a_box_that_only_touches_the_border_is_whole(name):
    rng = np.random.default_rng(0)
    edges = [(0, 0, 100, 100), (0, 3, 7, 9), (93, 91, 100, 100), *rng.uniform(0, 1, (20, 4))]
    boxes = np.array([each if max(each) > 1 else (0, 0, *np.add(each[2:], 1)) for each in edges])
    _, gone = moved(Flip(mode="horizontal_and_vertical"), boxes, 1.0, name)
    assert not gone.any()


def test_what_stays_still_is_not_looked_at():
    boxes = np.array([(90, 90, 120, 120)], np.float64)
    found, gone = moved(Shift(height_factor=0.0, width_factor=0.0), boxes, 0.9)
    assert not gone.any()
    np.testing.assert_array_equal(found, boxes)


@pytest.mark.parametrize(("least", "left"), [(0.0, [5, 6, 7]), (0.3, [6, 7]), (0.6, [6])])
def test_boxes_that_cropping_cuts_are_held_to_it(least, left, tmp_path):
    Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(tmp_path / "wide.png")
    table = pd.DataFrame(
        {
            "path": ["wide.png"],
            # A tenth, all, and a half of it are in the middle square, from 50 to 150.
            "boxes": [[[40, 10, 51, 30], [90, 10, 110, 30], [140, 0, 160, 9]]],
            "labels": [[5, 6, 7]],
            "height": [100],
            "width": [200],
        }
    )
    photos = ImageFiles(column="path", image_size=(50, 50), crop_to_aspect_ratio=True)
    boxes = Boxes(images=photos, size=("height", "width"), min_visible=least)
    with penstock.make_generator(
        table,
        inputs={"image": photos},
        targets={"boxes": boxes, "labels": BoxLabels(boxes=boxes)},
        augment=right_by(0),
        root=tmp_path,
    ) as data:
        _, y = data[0]
    assert y["labels"].tolist() == [left]
    assert data.batch_samples(0)["path"].tolist() == ["wide.png"]


def test_it_reaches_what_augments(tmp_path):
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "a.png")
    table = pd.DataFrame({"path": ["a.png"], "boxes": [[[0, 0, 20, 20], [20, 0, 40, 20]]]})
    photos = ImageFiles(column="path", image_size=(40, 40))

    def boxes_with(least):
        boxes = Boxes(images=(40, 40), min_visible=least)
        with penstock.make_generator(
            table,
            inputs={"image": photos},
            targets={"boxes": boxes},
            augment=Shift(height_factor=0.0, width_factor=(0.25, 0.25)),
            root=tmp_path,
        ) as data:
            return data[0][1]["boxes"][0].tolist()

    assert boxes_with(0.4) == [[10, 0, 30, 20], [30, 0, 40, 20]]
    assert boxes_with(0.6) == [[10, 0, 30, 20], [-1, -1, -1, -1]]


@pytest.mark.parametrize("wrong", [-0.1, 1.5, 30, "0.3", None, True, float("nan"), (0.1, 0.3)])
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(ConfigError, match="min_visible"):
        Boxes(images=(9, 9), min_visible=wrong)
    with pytest.raises(ConfigError, match="min_visible"):
        ArraySpec((2, 4), "float32", coordinates="xyxy", min_visible=wrong)


@pytest.mark.parametrize("coordinates", [None, "xy", "rel_xy"])
def test_only_boxes_have_a_share(coordinates):
    with pytest.raises(ConfigError, match="is a share of boxes"):
        ArraySpec((3, 2), "float32", coordinates=coordinates, min_visible=0.5)
