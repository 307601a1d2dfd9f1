"""What a loader promises is checked where it is said."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from penstock import ArraySpec
from penstock.errors import ConfigError


@pytest.mark.parametrize(
    "shape", [(0,), (3, -1), (2.0,), (True,), (None, 0), ("3",), (np.nan,), "ab"]
)
def test_a_size_that_is_no_whole_number_above_zero_is_refused(shape):
    with pytest.raises(ConfigError, match="whole numbers of at least 1"):
        ArraySpec(shape, "float32")


@pytest.mark.parametrize(
    "dtype", ["zzz", "complex64", "datetime64[s]", "timedelta64[s]", "V8", "f4,f4"]
)
@pytest.mark.parametrize("place", ["dtype", "deliver_dtype"])
def test_a_dtype_that_keras_cannot_take_is_refused(dtype, place):
    options = {"dtype": "float32", place: dtype}
    with pytest.raises(ConfigError, match=dtype.partition("[")[0]):
        ArraySpec((2,), options.pop("dtype"), **options)


def test_a_data_format_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="channels_frist"):
        ArraySpec((2, 2, 3), "uint8", data_format="channels_frist")


@pytest.mark.parametrize("shape", [5, None, 2.5])
def test_a_shape_that_is_no_sequence_is_refused(shape):
    with pytest.raises(ConfigError):
        ArraySpec(shape, "float32")


@pytest.mark.parametrize("scale", ["x", None, float("nan"), float("inf")])
def test_a_scale_that_is_no_finite_number_is_refused(scale):
    with pytest.raises(ConfigError):
        ArraySpec((2,), "float32", scale=scale)


def test_a_fractional_scale_is_refused_where_whole_numbers_are_delivered():
    # Cast to uint8 first, 1/255 would be 0, and every batch black.
    with pytest.raises(ConfigError, match="scale"):
        ArraySpec((2,), "uint8", scale=1 / 255)


def test_sizes_become_plain_integers_and_dtypes_native():
    spec = ArraySpec([np.int64(2), 3], ">f8")
    assert spec.shape == (2, 3)
    assert all(type(size) is int for size in spec.shape)
    assert spec.dtype == np.dtype("float64")
    assert spec.dtype.isnative


@pytest.mark.parametrize("dtype", ["U5", object, "O"])
def test_text_is_loaded_and_delivered_as_objects(dtype):
    spec = ArraySpec((), dtype)
    assert spec.dtype == spec.deliver_dtype == np.dtype(object)


def test_what_is_loaded_is_delivered_unless_something_else_is_said():
    spec = ArraySpec((4, 3), "uint8")
    assert spec.deliver_dtype == np.uint8
    assert spec.deliver_shape == (4, 3)
    assert spec.direct


@pytest.mark.parametrize(
    "change", [{"deliver_dtype": "float32"}, {"scale": 2.0}, {"data_format": "channels_first"}]
)
def test_what_is_changed_on_delivery_is_not_direct(change):
    assert not ArraySpec((4, 4), "uint8", **change).direct


@pytest.mark.parametrize(
    ("shape", "delivered"),
    [
        ((4, 5, 3), (3, 4, 5)),
        ((9, 8, 7, 2), (2, 9, 8, 7)),
        ((5, 3), (3, 5)),
        ((5,), (5,)),
        ((), ()),
    ],
)
def test_channels_first_moves_the_last_axis_to_the_front(shape, delivered):
    spec = ArraySpec(shape, "uint8", data_format="channels_first")
    assert spec.deliver_shape == delivered
    assert spec.direct == (len(shape) < 2)


def test_equal_promises_are_equal_and_survive_a_pickle():
    spec = ArraySpec((4, 3), "uint8", deliver_dtype="float32", scale=0.5)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(spec) == hash(ArraySpec((4, 3), "uint8", deliver_dtype="float32", scale=0.5))
    assert spec != ArraySpec((4, 3), "uint8", deliver_dtype="float32", scale=0.25)


@pytest.mark.parametrize(
    ("shape", "dtype", "options", "wanted"),
    [
        ((5, 4), "float32", {"coordinates": "xyzw"}, "'xyzw' is none of"),
        ((5, 2), "float32", {"coordinates": "xyxy"}, "4 numbers on the last axis"),
        ((5, 4), "float32", {"coordinates": "rel_xy"}, "2 numbers on the last axis"),
        ((5, 4), "int32", {"coordinates": "xywh"}, "float dtype"),
        ((5, 4), "float32", {"coordinates": "xywh", "scale": 0.5}, "leave scale="),
        ((5, 4), "float32", {"coordinates": "yxyx", "data_format": "channels_first"}, "leave"),
        ((5,), "uint8", {"objects": "cars"}, "holds -1"),
        ((), "int32", {"objects": "cars"}, "a shape with rows"),
    ],
)
def test_places_that_cannot_be_are_refused(shape, dtype, options, wanted):
    with pytest.raises(ConfigError, match=wanted):
        ArraySpec(shape, dtype, **options)


def test_a_spec_says_what_stands_for_nothing():
    boxes = ArraySpec((5, 4), "float32", coordinates="rel_center_xywh", objects="cars")
    labels = ArraySpec((5,), "int32", objects="cars")
    assert [boxes.placed, labels.placed, ArraySpec((5,), "int32").placed] == [True, True, False]
    assert (boxes.blank, ArraySpec((5,), "int32").blank, ArraySpec((), str).blank) == (-1, 0, "")
    assert pickle.loads(pickle.dumps(boxes)) == boxes
