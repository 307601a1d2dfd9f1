"""The loader of images and the augmenters keep the contract, as Penstock's kit asks for it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PIL import Image

from penstock.testing import AugmenterConformance, LoaderConformance
from penstock_images import (
    Brightness,
    ChannelShift,
    Contrast,
    Flip,
    ImageFiles,
    Rotate,
    Shear,
    Shift,
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
