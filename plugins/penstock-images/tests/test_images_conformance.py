"""The loader of images and the augmenters keep the contract, as Penstock's kit asks for it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from PIL import Image

from penstock.testing import AugmenterConformance, LoaderConformance
from penstock_images import (
    Boxes,
    BoxLabels,
    Brightness,
    ChannelShift,
    Contrast,
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

FORMATS = ("png", "bmp", "tiff", "gif", "jpg", "webp")


class TestImageFiles(LoaderConformance):
    entry_point = "images"
    options: ClassVar = {"image_size": (9, 12)}
    dtype = np.uint8
    formats = FORMATS

    def make(self, directory):
        names = [f"{number}.{suffix}" for number, suffix in enumerate(self.formats)]
        for name, pixels in zip(names, self.pixels(), strict=True):
            Image.fromarray(pixels).save(directory / name)
        return ImageFiles(**self.options), names

    def pixels(self):
        rng = np.random.default_rng(0)
        return [rng.integers(0, 256, (20, 24, 3), np.uint8) for _ in self.formats]


class TestPixels(TestImageFiles):
    """Without loss, at the size of the files."""

    options: ClassVar = {"image_size": (20, 24)}
    formats = ("png", "bmp", "tiff")

    def expected(self, directory):
        return self.pixels()


class TestOwnSizes(TestImageFiles):
    """Each image in its own size."""

    options: ClassVar = {"image_size": None}
    formats = ("png", "bmp", "tiff", "png")

    def pixels(self):
        rng = np.random.default_rng(0)
        sizes = [(20, 24, 3), (9, 30, 3), (9, 30, 3), (31, 7, 3)]
        return [rng.integers(0, 256, size, np.uint8) for size in sizes]

    def expected(self, directory):
        return self.pixels()


class TestDeepGreyPixels(TestPixels):
    options: ClassVar = {"image_size": (20, 24), "color_mode": "grayscale", "rescale": 1 / 65535}
    formats = ("png", "png", "png")

    def pixels(self):
        return [np.full((20, 24), 20_000 * number, np.uint16) for number in range(3)]

    def expected(self, directory):
        return np.stack(self.pixels())[..., None]


class TestPaddedImages(TestImageFiles):
    options: ClassVar = {
        "image_size": (30, 12),
        "pad_to_aspect_ratio": True,
        "data_format": "channels_first",
        "color_mode": "rgba",
        "decode": "accurate",
    }


class TestBrightness(AugmenterConformance):
    entry_point = "brightness"

    def make(self):
        return Brightness(factor=0.5)


class TestMultipliedBrightness(AugmenterConformance):
    entry_point = "brightness"

    def make(self):
        return Brightness(gain=(0.3, 1.2))


class TestChannelShift(AugmenterConformance):
    entry_point = "channelshift"

    def make(self):
        return ChannelShift(intensity=(20, 60))


class TestContrast(AugmenterConformance):
    entry_point = "contrast"

    def make(self):
        return Contrast(factor=0.5)


class TestFlip(AugmenterConformance):
    entry_point = "flip"
    changes_targets = True

    def make(self):
        return Flip(mode="horizontal_and_vertical")


class TestRotate(AugmenterConformance):
    entry_point = "rotate"
    changes_targets = True

    def make(self):
        return Rotate(factor=0.25, fill_mode="constant")


class TestShear(AugmenterConformance):
    entry_point = "shear"
    changes_targets = True

    def make(self):
        return Shear(x_factor=0.5, y_factor=0.5)


class TestSlant(AugmenterConformance):
    entry_point = "shear"
    changes_targets = True

    def make(self):
        return Shear(angle=40)


class TestFused(AugmenterConformance):
    entry_point = None
    changes_targets = True

    def make(self):
        return Rotate(factor=0.25).fuse_with(Zoom()).fuse_with(Brightness()).fuse_with(Contrast())


class TestShift(AugmenterConformance):
    entry_point = "shift"
    changes_targets = True

    def make(self):
        return Shift(height_factor=0.3, width_factor=0.2)


class TestShiftByPixels(AugmenterConformance):
    entry_point = "shift"
    changes_targets = True

    def make(self):
        return Shift(height_pixels=3, width_pixels=[-2.5, 1, 4])


class TestZoom(AugmenterConformance):
    entry_point = "zoom"
    changes_targets = True

    def make(self):
        return Zoom(height_factor=0.3, interpolation="nearest")


class TestErase(AugmenterConformance):
    entry_point = "erase"

    def make(self):
        return Erase(probability=0.8)


class TestCutMix(AugmenterConformance):
    entry_point = "cutmix"
    changes_targets = True

    def make(self):
        return CutMix()


class OfBytes(AugmenterConformance):
    changes_targets = True

    def inputs(self):
        return super().inputs()[:1]


class TestRandAugment(OfBytes):
    entry_point = "randaugment"

    def make(self):
        return RandAugment(num_ops=3, magnitude=20)


class TestTrivialAugment(OfBytes):
    entry_point = "trivialaugment"

    def make(self):
        return TrivialAugment()


BOXES = Boxes(images=(10, 20), bounding_box_format="xywh", max_boxes=2)
ANNOTATED = {
    "boxes": [[[1, 2, 3, 4]], [], [[0, 0, 20, 10], [5, 5, 2, 2]]],
    "labels": [[3], [], [0, 1]],
    "keypoints": [[[1.5, 2]], [[3, 4], [None, None]], [[0, 0]]],
}


class TestBoxes(LoaderConformance):
    entry_point = "boxes"

    def make(self, directory):
        return BOXES, pd.DataFrame(ANNOTATED)

    def expected(self, directory):
        nothing = [-1] * 4
        return [
            [[1, 2, 3, 4], nothing],
            [nothing, nothing],
            [[0, 0, 20, 10], [5, 5, 2, 2]],
        ]


class TestBoxLabels(LoaderConformance):
    entry_point = "box_labels"

    def make(self, directory):
        return BoxLabels(boxes=BOXES), pd.DataFrame(ANNOTATED)

    def expected(self, directory):
        return [[3, -1], [-1, -1], [0, 1]]


class TestKeypoints(LoaderConformance):
    entry_point = "keypoints"

    def make(self, directory):
        return Keypoints(images=(10, 20), max_points=2), pd.DataFrame(ANNOTATED)

    def expected(self, directory):
        return [[[1.5, 2], [-1, -1]], [[3, 4], [-1, -1]], [[0, 0], [-1, -1]]]
