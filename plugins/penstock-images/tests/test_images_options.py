"""Options are checked when a component is made, before any file is touched."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from importlib.metadata import entry_points

import numpy as np
import pytest

import penstock_images
from penstock.errors import ConfigError
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

COMPONENTS = [Brightness, ChannelShift, Contrast, Flip, ImageFiles, Rotate, Shear, Shift, Zoom]
FUNCTIONS = ["apply_transform", "save_images"]
# Those whose options have tests of their own.
OTHERS = {
    "box_labels": "BoxLabels",
    "boxes": "Boxes",
    "cutmix": "CutMix",
    "erase": "Erase",
    "keypoints": "Keypoints",
    "randaugment": "RandAugment",
    "trivialaugment": "TrivialAugment",
}
FACTORS = [2.0, (0.2, -0.2), (0.1, 0.2, 0.3), "0.1", math.nan, True, None, ()]
WRONG = {
    ImageFiles: {
        "image_size": [
            0,
            224,
            (224,),
            (224, 0),
            (1.5, 2),
            (True, 2),
            "224",
            (2, 3, 4),
            (None, 8),
            (-1, 8),
        ],
        "color_mode": ["RGB", "gray", None, 3],
        "interpolation": ["linear", "INTER_AREA", None],
        "crop_to_aspect_ratio": [1, "yes", None],
        "pad_to_aspect_ratio": [0, "no"],
        "exif_orientation": [None, 1],
        "data_format": ["channel_last", 1],
        "dtype": ["objet", "object_", "int8", "bool", "complex64", "uint3"],
        "rescale": ["1/255", math.nan, math.inf, True],
        "bit_depth": [0, 12, 32, "8", True],
        "decode": ["slow", None],
        "max_pixels": [0, -1, 1.5, True, "64"],
        "column": [3, None],
    },
    Flip: {"mode": ["both", "", None, "horizontal_and_vertica"]},
    Rotate: {
        "factor": FACTORS,
        "fill_mode": ["mirror"],
        "interpolation": ["bicubic"],
        "fill_value": ["0"],
        "mask_value": ["0", math.nan, 255],
    },
    Shear: {
        "x_factor": [2.0, -0.1, (0.2, 0.1), (-0.1, 0.1), "0.1", math.nan, True, None],
        "y_factor": [1.1, -1.0],
        "angle": [90.0, (10, -10), "10", math.nan, True],
        "fill_mode": ["mirror"],
        "interpolation": ["bicubic"],
        "fill_value": ["0"],
        "mask_value": ["0", math.nan, 255],
    },
    Zoom: {
        "height_factor": [2000.0, *FACTORS[1:], -1.0, (-1.0, 0.0)],
        "width_factor": [value for value in FACTORS[1:] if value is not None],
        "fill_mode": [None],
        "interpolation": ["area"],
        "fill_value": [math.inf],
        "mask_value": ["0", math.nan, 255],
    },
    Shift: {
        "height_factor": FACTORS,
        "width_factor": FACTORS,
        "height_pixels": [-1, 0.5, "3", True, [], (1, math.nan), [1, "2"]],
        "width_pixels": [-2, [math.inf]],
        "fill_mode": ["zero"],
        "interpolation": [1],
        "fill_value": [None],
        "mask_value": ["0", math.nan, 255],
    },
    Brightness: {
        "factor": FACTORS,
        "gain": [1.5, (1.5, 0.5), (-0.1, 1), (1,), "12", (1, math.inf)],
        "value_range": [1, (1, 0), (0, 0), (0, 1, 2), "01", (0, "1")],
    },
    ChannelShift: {"intensity": [(20, 10), "20", math.nan, True, None, (1, 2, 3)]},
    Contrast: {
        "factor": [2.0, -0.1, (0.1, 1.1), (0.1,), "0.1", math.nan, True, None],
        "value_range": [(0, math.inf), (5, 5)],
    },
}
CASES = [
    (kind, name, value)
    for kind, options in WRONG.items()
    for name, values in options.items()
    for value in values
]


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_a_wrong_value_is_refused_by_name(kind, name, value):
    with pytest.raises(ConfigError) as caught:
        kind(**{name: value})

    assert name in str(caught.value)
    assert ascii(value)[:20] in str(caught.value)


@pytest.mark.parametrize("kind", COMPONENTS)
def test_every_option_has_wrong_values_in_the_table(kind):
    assert {field.name for field in fields(kind)} == set(WRONG[kind])


def test_a_near_miss_is_answered_with_a_guess():
    with pytest.raises(ConfigError, match="Did you mean 'bilinear'"):
        ImageFiles(interpolation="bilinar")
    with pytest.raises(ConfigError, match="'lanczos5', 'gaussian'"):
        ImageFiles(interpolation="x")


def test_cropping_and_padding_exclude_each_other():
    with pytest.raises(ConfigError, match="exclude each other"):
        ImageFiles(crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)


def test_rescaling_whole_numbers_is_refused():
    with pytest.raises(ConfigError, match="needs a float dtype"):
        ImageFiles(dtype="uint8", rescale=1 / 255)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "int32", "uint16"])
def test_dtypes_that_hold_pixels_are_delivered(dtype):
    spec = ImageFiles(dtype=dtype, bit_depth=8).describe_sample(np.array([], dtype=object))

    assert spec.dtype == np.uint8
    assert spec.deliver_dtype == np.dtype(dtype)
    assert spec.shape == (256, 256, 3)


def test_without_a_dtype_samples_are_delivered_as_loaded():
    for bit_depth, dtype in ((8, np.uint8), (16, np.uint16)):
        loader = ImageFiles(dtype=None, bit_depth=bit_depth)
        assert loader.describe_sample(np.array([], dtype=object)).deliver_dtype == dtype


def test_scale_and_data_format_are_left_to_delivery():
    loader = ImageFiles(image_size=(4, 6), rescale=0.5, data_format="channels_first", bit_depth=8)
    spec = loader.describe_sample(np.array([], dtype=object))

    assert (spec.shape, spec.deliver_shape, spec.scale) == ((4, 6, 3), (3, 4, 6), 0.5)
    plain = ImageFiles(data_format=None, bit_depth=8).describe_sample(np.array([], dtype=object))
    assert plain.data_format == "channels_last"


@pytest.mark.parametrize("kind", COMPONENTS)
def test_components_are_values(kind):
    component = kind()

    assert component == kind()
    assert hash(component) == hash(kind())
    assert pickle.loads(pickle.dumps(component)) == component
    with pytest.raises(FrozenInstanceError):
        setattr(component, fields(kind)[0].name, None)
    with pytest.raises(TypeError):
        kind("positional")


def test_lists_do_as_well_as_tuples():
    assert ImageFiles(image_size=[4, 6]) == ImageFiles(image_size=(4, 6))
    assert hash(Rotate(factor=[0.1, 0.2])) == hash(Rotate(factor=(0.1, 0.2)))
    assert hash(Brightness(factor=[0.1, 0.2], value_range=[0, 1])) is not None
    assert ImageFiles(image_size=(np.int64(4), 6)).image_size == (4, 6)


def test_every_component_is_offered_by_its_name():
    offered = {
        entry.name: entry.value
        for group in ("penstock.loaders", "penstock.augmenters")
        for entry in entry_points(group=group)
        if entry.value.startswith("penstock_images:")
    }
    names = {kind.__name__.lower(): f"penstock_images:{kind.__name__}" for kind in COMPONENTS}

    assert offered == {
        **{n: v for n, v in names.items() if n != "imagefiles"},
        **{name: f"penstock_images:{kind}" for name, kind in OTHERS.items()},
        "images": "penstock_images:ImageFiles",
    }
    names = sorted([*(kind.__name__ for kind in COMPONENTS), *OTHERS.values()])
    assert sorted(penstock_images.__all__) == [*names, *FUNCTIONS]


def test_importing_the_plugin_loads_nothing_heavy():
    heavy = "cv2 simplejpeg PIL keras tensorflow pandas torch jax"
    code = (
        "import sys, penstock_images as p; p.ImageFiles(); p.Rotate(); "
        f"print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
