"""Boxes and points: what is read of annotations, and that they go where the pixels go."""

from __future__ import annotations

import json

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings, strategies as st
from PIL import Image

import penstock
from penstock import ArraySpec, Batch, Draws
from penstock.errors import ConfigError, LabelError
from penstock_images import (
    Boxes,
    BoxLabels,
    Brightness,
    CutMix,
    Erase,
    Flip,
    ImageFiles,
    Keypoints,
    RandAugment,
    Rotate,
    Shear,
    Shift,
    TrivialAugment,
    Zoom,
)
from penstock_images.coordinates import BOXES, from_corners, to_corners
from penstock_images.operations import COLOURS
from penstock_images.policies import OPERATIONS

HEIGHT, WIDTH = 60, 80
EMPTY = {"fill_mode": "constant", "fill_value": 0.0}
FLIP = Flip(mode="horizontal_and_vertical")
MOVES = [
    FLIP,
    Rotate(factor=0.1, **EMPTY),
    Shift(height_factor=0.2, width_factor=0.3, **EMPTY),
    Zoom(height_factor=0.3, width_factor=0.2, **EMPTY),
    Shear(x_factor=0.3, y_factor=0.2, **EMPTY),
    RandAugment(magnitude=15, operations=[each for each in OPERATIONS if each not in COLOURS]),
    TrivialAugment(operations=["rotate", "translate_x", "shear_y"]),
]
FUSED = FLIP.fuse_with(MOVES[1]).fuse_with(MOVES[3]).fuse_with(Brightness()).fuse_with(MOVES[2])


def name_of(augmenter):
    return type(augmenter).__name__


def drawn_boxes(count, seed, smallest=6):
    """Boxes of whole pixels, float64 of shape (count, 4) as xyxy."""
    rng = np.random.default_rng(seed)
    left = rng.integers(0, WIDTH - smallest, count)
    top = rng.integers(0, HEIGHT - smallest, count)
    right = left + smallest + rng.integers(0, WIDTH, count) % (WIDTH - smallest - left + 1)
    bottom = top + smallest + rng.integers(0, HEIGHT, count) % (HEIGHT - smallest - top + 1)
    return np.stack([left, top, right, bottom], 1).astype(np.float64)


def with_boxes(augmenter, boxes, name="xyxy", seed=0):
    """Draw each box into an image of its own, and augment both."""
    images = np.zeros((len(boxes), HEIGHT, WIDTH, 1), np.uint8)
    for image, (left, top, right, bottom) in zip(images, boxes.astype(int), strict=True):
        image[top:bottom, left:right] = 255
    unit = [WIDTH, HEIGHT] * 2 if name.startswith("rel_") else 1
    given = np.full((len(boxes), 3, 4), -1, np.float32)
    given[:, 1] = from_corners(boxes / unit, name)
    labels = np.full((len(boxes), 3), -1, np.int32)
    labels[:, 1] = 7
    batch = Batch(
        {"image": images},
        {"boxes": given, "labels": labels},
        None,
        Draws(seed, 0, np.arange(len(boxes))),
        target_specs={
            "boxes": ArraySpec((3, 4), "float32", coordinates=name, objects="things"),
            "labels": ArraySpec((3,), "int32", objects="things"),
        },
    )
    augmenter.augment_samples(batch)
    assert (given[:, ::2] == -1).all()
    found = given[:, 1].astype(np.float64)
    gone = (found == -1).all(axis=1)
    assert (labels[:, 1] == np.where(gone, -1, 7)).all()
    return images[..., 0], to_corners(found, name) * unit, gone


@pytest.mark.parametrize("augmenter", [*MOVES, FUSED], ids=name_of)
@pytest.mark.parametrize("name", ["xyxy", "rel_xyxy"])
@given(seed=st.integers(0, 2**32))
@example(seed=4847)  # a rest that is smaller than float32 can tell
@settings(max_examples=8, deadline=None)
def test_a_box_goes_where_its_pixels_go(augmenter, name, seed):
    images, boxes, gone = with_boxes(augmenter, drawn_boxes(12, seed), name, seed)
    for image, box, lost in zip(images, boxes, gone, strict=True):
        rows, columns = np.nonzero(image > 0.6 * image.max() if image.max() else image)
        if lost:
            assert image.max() < 255
            continue
        left, top, right, bottom = box
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        if image.max() < 255:
            continue  # a sliver
        pixels = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        around = np.array([left, top, WIDTH - right, HEIGHT - bottom])
        inwards = (pixels - box) * [1, 1, -1, -1]
        assert (inwards >= -1).all()
        # What is cut off could have been the tip of a corner; and tips are too thin for pixels.
        if (around > 0).all() and augmenter is not FUSED:
            assert (inwards <= (1 if type(augmenter) in (Flip, Shift, Zoom) else 3)).all()


@pytest.mark.parametrize("name", BOXES)
def test_every_format_moves_alike(name):
    boxes = drawn_boxes(40, 1)
    _, wanted, lost = with_boxes(FUSED, boxes)
    _, found, gone = with_boxes(FUSED, boxes, name)
    assert (gone == lost).all()
    np.testing.assert_allclose(found[~gone], wanted[~lost], atol=1e-3)


@pytest.mark.parametrize("augmenter", [*MOVES, FUSED], ids=name_of)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_a_point_goes_where_its_dot_goes(augmenter, seed):
    rng = np.random.default_rng(seed)
    dots = np.stack([rng.integers(3, WIDTH - 3, 12), rng.integers(3, HEIGHT - 3, 12)], 1)
    images = np.zeros((12, HEIGHT, WIDTH, 1), np.uint8)
    for image, (x, y) in zip(images, dots, strict=True):
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    points = np.full((12, 2, 2), -1, np.float32)
    points[:, 0] = (dots + 0.5) / [WIDTH, HEIGHT]
    spec = ArraySpec((2, 2), "float32", coordinates="rel_xy")
    batch = Batch(
        {"x": images}, {"y": points}, None, Draws(seed, 0, np.arange(12)), {}, {"y": spec}
    )

    augmenter.augment_samples(batch)

    assert (points[:, 1] == -1).all()
    for image, point in zip(images[..., 0] > 128, points[:, 0], strict=True):
        if (point == -1).all():
            continue
        x, y = point * [WIDTH, HEIGHT]
        if not (4 < x < WIDTH - 4 and 4 < y < HEIGHT - 4):
            continue  # a dot that is cut has another middle
        rows, columns = np.indices(image.shape) + 0.5
        middle = [(image * each).sum() / image.sum() for each in (columns, rows)]
        # On its way through two warps a dot may have been cut, and come back in part.
        np.testing.assert_allclose(middle, [x, y], atol=2.5 if augmenter is FUSED else 0.6)


def test_formats_are_those_of_keras():
    boxes = drawn_boxes(9, 3)
    for name in BOXES:
        if name == "rel_center_xywh":
            continue  # YOLO's, which Keras does not have
        unit = [WIDTH, HEIGHT] * 2 if name.startswith("rel_") else 1
        wanted = keras.utils.bounding_boxes.convert_format(
            boxes.astype("float32"), "xyxy", name, height=HEIGHT, width=WIDTH
        )
        found = from_corners(boxes / unit, name)
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(wanted), atol=1e-4)
        np.testing.assert_allclose(to_corners(found, name) * unit, boxes, atol=1e-9)


def test_boxes_are_cut_at_the_border_as_keras_cuts_them():
    boxes = np.array([[0, 0, 8, 8], [30, 30, 50, 50], [70, 20, 80, 40]], np.float64)
    shift = Shift(height_factor=0.0, width_factor=(0.5, 0.5), **EMPTY)
    _, found, gone = with_boxes(shift, boxes)
    wanted = keras.utils.bounding_boxes.clip_to_image_size(
        {
            "boxes": (boxes + np.array([40, 0, 40, 0])).astype("float32"),
            "labels": np.ones(3, "float32"),
        },
        HEIGHT,
        WIDTH,
    )
    assert gone.tolist() == [False, False, True]
    kept = keras.ops.convert_to_numpy(wanted["boxes"])[:2]
    np.testing.assert_allclose(found[:2], kept, atol=1e-4)


def test_points_of_an_object_leave_with_its_box_and_a_class_with_its_points():
    images = np.zeros((1, 10, 10, 1), np.uint8)
    boxes = np.array([[[0, 0, 4, 4], [6, 6, 9, 9]]], np.float32)
    joints = np.array([[[[1, 1], [3, 3]], [[7, 7], [8.5, 8.5]]]], np.float32)
    faces = np.array([[[[7, 7], [9, 9]], [[1, 1], [9, 9]]]], np.float32)
    moods = np.array([[3, 4]], np.int32)
    targets = {"joints": joints, "moods": moods, "boxes": boxes, "faces": faces}
    specs = {
        "joints": ArraySpec((2, 2, 2), "float32", coordinates="xy", objects="people"),
        "boxes": ArraySpec((2, 4), "float32", coordinates="xyxy", objects="people"),
        "faces": ArraySpec((2, 2, 2), "float32", coordinates="xy", objects="faces"),
        "moods": ArraySpec((2,), "int32", objects="faces"),
    }
    batch = Batch({"x": images}, targets, None, Draws(0, 0, np.arange(1)), {}, specs)

    half = Shift(height_factor=0.0, width_factor=(0.5, 0.5), **EMPTY)
    half.augment_samples(batch)

    np.testing.assert_allclose(boxes, [[[5, 0, 9, 4], [-1] * 4]], atol=1e-5)
    np.testing.assert_allclose(joints, [[[[6, 1], [8, 3]], [[-1, -1], [-1, -1]]]], atol=1e-5)
    np.testing.assert_allclose(faces, [[[[-1, -1], [-1, -1]], [[6, 1], [-1, -1]]]], atol=1e-5)
    assert moods.tolist() == [[-1, 4]]


def test_a_picture_squashed_to_a_line_has_no_boxes():
    slant = Shear(x_factor=(1.0, 1.0), y_factor=(1.0, 1.0), **EMPTY)
    _, _, gone = with_boxes(slant, drawn_boxes(20, 0))
    assert gone.any()


@pytest.mark.parametrize("augmenter", [Erase(probability=1.0), Brightness()], ids=name_of)
def test_what_moves_no_pixels_moves_no_boxes(augmenter):
    boxes = drawn_boxes(5, 2)
    _, found, _ = with_boxes(augmenter, boxes)
    np.testing.assert_allclose(found, boxes, atol=1e-5)


# Of files, through the generator


@pytest.fixture
def street(tmp_path):
    """Images of several sizes with a bright rectangle each, and where it is."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(8):
        height, width = (int(each) for each in rng.integers(60, 160, 2))
        left, top = int(rng.integers(5, width // 3)), int(rng.integers(5, height // 3))
        right, bottom = left + width // 2, top + height // 2
        image = np.zeros((height, width), np.uint8)
        image[top:bottom, left:right] = 255
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        rows.append(
            {
                "path": f"{number}.png",
                "height": height,
                "width": width,
                "boxes": [[left, top, right, bottom]] * (1 + number % 3),
                "labels": ["car", "bus", "car"][: 1 + number % 3],
                "keypoints": [[(left + right) / 2, (top + bottom) / 2], [None, None]],
            }
        )
    rows.append({**rows[0], "boxes": [], "labels": [], "keypoints": []})
    return pd.DataFrame(rows), tmp_path


def detector(street, loaded, augment=None, **options):
    table, root = street
    boxes = Boxes(images=loaded, size=("height", "width"), **options)
    return penstock.make_generator(
        table,
        inputs={"image": loaded},
        targets={
            "boxes": boxes,
            "labels": BoxLabels(boxes=boxes, class_names=("bus", "car")),
            "points": Keypoints(images=loaded, size=("height", "width")),
        },
        augment=augment,
        batch_size=9,
        shuffle=False,
        root=root,
        seed=0,
    )


@pytest.mark.parametrize(
    "fitting", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}]
)
@pytest.mark.parametrize("augment", [None, ["flip", Rotate(factor=0.02, **EMPTY), "brightness"]])
@pytest.mark.parametrize("name", ["xyxy", "rel_xyxy"])
def test_boxes_are_where_the_loaded_image_shows_them(street, fitting, augment, name):
    loaded = ImageFiles(
        column="path", image_size=(90, 120), color_mode="grayscale", dtype="uint8", **fitting
    )
    made = detector(
        street, loaded, augment, bounding_box_format=name, source_format="xyxy", max_boxes=4
    )
    x, y = made[0]
    assert y["boxes"].shape == (9, 4, 4)
    assert y["labels"].shape == (9, 4)
    unit = [120, 90, 120, 90] if name == "rel_xyxy" else 1
    for row in range(8):
        count = 1 + row % 3
        assert (y["labels"][row] >= 0).sum() == (y["boxes"][row] >= 0).all(axis=1).sum() == count
        shown = np.nonzero(x["image"][row, ..., 0] > 127)
        wanted = [shown[1].min(), shown[0].min(), shown[1].max() + 1, shown[0].max() + 1]
        for box in y["boxes"][row, :count] * unit:
            np.testing.assert_allclose(box, wanted, atol=2 if augment is None else 4.5)
        middle = y["points"][row, 0]
        if (middle >= 0).all() and not fitting:
            np.testing.assert_allclose(
                middle, [np.mean(wanted[::2]), np.mean(wanted[1::2])], atol=2.5
            )
        assert (y["points"][row, 1] == -1).all()
    assert all((each[8] == -1).all() for each in y.values())


def test_labels_follow_the_boxes_that_cropping_leaves(tmp_path):
    Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(tmp_path / "wide.png")
    table = pd.DataFrame(
        {
            "path": ["wide.png"],
            "boxes": [[[0, 10, 40, 30], [90, 10, 110, 30], [180, 0, 200, 9]]],
            "labels": [[5, 6, 7]],
            "height": [100],
            "width": [200],
        }
    )
    loaded = ImageFiles(column="path", image_size=(50, 50), crop_to_aspect_ratio=True)
    boxes = Boxes(images=loaded, size=("height", "width"))
    _, y = penstock.make_generator(
        table,
        inputs={"image": loaded},
        targets={"boxes": boxes, "labels": BoxLabels(boxes=boxes)},
        root=tmp_path,
    )[0]
    assert y["labels"].tolist() == [[6]]
    np.testing.assert_allclose(y["boxes"], [[[20, 5, 30, 15]]])


def test_json_of_a_csv_will_do(street, monkeypatch):
    table, root = street
    for name in ("boxes", "labels", "keypoints"):
        table[name] = table[name].map(json.dumps)
    table.to_csv(root / "street.csv", index=False)
    loaded = ImageFiles(column="path", image_size=(90, 120))
    from_csv = detector((str(root / "street.csv"), None), loaded)
    plain = detector(street, loaded)
    for found, wanted in zip(from_csv[0][1].values(), plain[0][1].values(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_any_number_of_threads_and_a_pickle_give_the_same_boxes(street):
    import pickle

    loaded = ImageFiles(column="path", image_size=(90, 120))
    made = detector(street, loaded, ["flip", "zoom", "shift"])
    again = pickle.loads(pickle.dumps(made))
    for _ in range(2):
        for (_, first), (_, second) in zip(made, again, strict=True):
            assert all((first[name] == second[name]).all() for name in first)


def test_images_are_cached_beside_boxes(street, tmp_path):
    loaded = ImageFiles(column="path", image_size=(90, 120))
    table, root = street
    for cache in ("memory", "disk"):
        made = penstock.make_generator(
            table,
            inputs={"image": loaded},
            targets={"boxes": Boxes(images=loaded, size=("height", "width"))},
            root=root,
            cache=cache,
            cache_dir=tmp_path / "cache" if cache == "disk" else None,
            augment="flip",
            seed=1,
        )
        first, second = (np.concatenate([y["boxes"] for _, y in made]) for _ in range(2))
        assert first.shape == second.shape


def test_a_sample_that_is_masked_has_no_boxes(street):
    table, root = street
    (root / "2.png").write_bytes(b"broken")
    loaded = ImageFiles(column="path", image_size=(90, 120))
    made = penstock.make_generator(
        table,
        inputs={"image": loaded},
        targets={"boxes": Boxes(images=loaded, size=("height", "width"))},
        root=root,
        on_error="mask",
        augment="flip",
        shuffle=False,
    )
    _, y, weight = made[0]
    assert weight[2] == 0
    assert (y["boxes"][2] == -1).all()


# What is refused


@pytest.mark.parametrize(
    ("boxes", "options", "wanted"),
    [
        ([[[1, 2, 3, 4]], [[5, 6, 5, 8]]], {}, r"row 1: \[5.0, 6.0, 5.0, 8.0\] has no width"),
        ([[[1, 2, 3, 4]], [[50, 6, 90, 8]]], {}, "row 1: from .* outside of the image of 20 x 40"),
        ([[[1, 2, 3]], []], {}, "row 0: .* lists of 4 numbers"),
        ([[1, 2, 3, 4], []], {}, "row 0: .* lists of 4 numbers"),
        ([[[1, 2, 3, float("nan")]], []], {}, "no finite number"),
        ([None, []], {}, r"Give \[\] for an image without any"),
        (["[[1, 2", []], {}, "no JSON list"),
        (["{}", []], {}, "is no list"),
        ([[["a", 2, 3, 4]], []], {}, "no list of 4 numbers"),
        ([[[0.1, 0.2, 0.3, 0.4]], []], {}, 'source_format="rel_xyxy"'),
        ([[[1, 2, 3, 4]], []], {"source_format": "rel_xyxy"}, '"xyxy" for pixels'),
        ([[[1, 2, 3, 4]] * 3, []], {"max_boxes": 2}, "max_boxes=3"),
        ([[[1, 2, 3, 4]], []], {"column": "boxs"}, "Did you mean 'boxes'"),
        ([[], []], {"bounding_box_format": "xywx"}, "xywh"),
        ([[], []], {"max_boxes": 0}, "at least 1"),
        ([[], []], {"size": ("h", "w")}, "Leave one of them out"),
        ([[], []], {"images": "photos"}, r"\(height, width\)"),
    ],
)
def test_annotations_that_cannot_be_are_refused(boxes, options, wanted):
    table = pd.DataFrame({"boxes": pd.Series(boxes, dtype=object), "x": [0.0, 1.0]})
    with pytest.raises(ConfigError, match=wanted):
        penstock.make_generator(
            table,
            inputs={"x": penstock.Columns("x")},
            targets={"boxes": Boxes(**{"images": (20, 40), **options})},
        )


def test_pixels_of_files_need_the_sizes_of_the_files():
    table = pd.DataFrame({"boxes": [[[1, 2, 3, 4]]], "height": [0], "width": [10]})
    resized = ImageFiles(image_size=(10, 10))
    padded = ImageFiles(image_size=(10, 10), pad_to_aspect_ratio=True)
    for options, wanted in (
        ({"images": resized}, "counts the files' pixels"),
        ({"images": padded, "source_format": "rel_xyxy"}, "cuts or pads"),
        ({"images": resized, "size": ("hight", "width")}, "Did you mean 'height'"),
        ({"images": resized, "size": ("height", "width")}, "at least 1"),
        ({"images": resized, "size": "height"}, "names of the columns"),
    ):
        with pytest.raises(ConfigError, match=wanted):
            Boxes(**options).pick_samples(table)


@pytest.mark.parametrize(
    ("labels", "options", "wanted"),
    [
        ([[1, 2], [3]], {}, "row 0: .* 2 labels, and 'boxes' has 1 boxes"),
        ([["car"], ["bus"]], {}, "Give class_names="),
        ([[-1], [2]], {}, "no class number"),
        ([["car"], ["buss"]], {"class_names": ["bus", "car"]}, "Did you mean 'bus'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, options, wanted):
    table = pd.DataFrame({"boxes": [[[1, 2, 3, 4]]] * 2, "labels": labels})
    with pytest.raises((ConfigError, LabelError), match=wanted):
        BoxLabels(boxes=Boxes(images=(9, 9)), **options).pick_samples(table)


@pytest.mark.parametrize("augmenter", [CutMix(), penstock.MixUp()], ids=name_of)
def test_boxes_cannot_be_mixed(street, augmenter):
    loaded = ImageFiles(column="path", image_size=(90, 120))
    with pytest.raises(ConfigError, match=r"holds\s+boxes"):
        detector(street, loaded, augmenter)[0]


@pytest.mark.parametrize(
    "augment",
    [
        lambda image: image[::-1],
        penstock.augmenter(lambda image: image[::-1], masks=True)(),
        keras.layers.RandomFlip(seed=0),
    ],
    ids=["function", "masks", "layer"],
)
def test_what_cannot_move_boxes_is_refused_beside_them(street, augment):
    loaded = ImageFiles(column="path", image_size=(90, 120))
    with pytest.raises(ConfigError, match="boxes"):
        detector(street, loaded, augment)[0]


def test_albumentations_may_change_colours_beside_boxes(street):
    albumentations = pytest.importorskip("albumentations")
    loaded = ImageFiles(column="path", image_size=(90, 120))
    colours = albumentations.Compose([albumentations.InvertImg(p=1.0)])
    moves = albumentations.Compose([albumentations.InvertImg(), albumentations.HorizontalFlip()])
    assert (detector(street, loaded, colours)[0][0]["image"][0, 0, 0] == 255).all()
    with pytest.raises(ConfigError, match="cannot move boxes"):
        detector(street, loaded, moves)[0]


def test_what_moves_nothing_is_taken_beside_boxes(street):
    loaded = ImageFiles(column="path", image_size=(90, 120))
    plain = detector(street, loaded)[0][1]["boxes"]
    for augment in (
        penstock.augmenter(lambda image: 255 - image, masks=False)(),
        keras.layers.GaussianNoise(0.1),
    ):
        np.testing.assert_array_equal(detector(street, loaded, augment)[0][1]["boxes"], plain)
