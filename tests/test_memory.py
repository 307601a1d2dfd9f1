"""Leased memory is aligned, and comes back only when nobody can see it any more."""

from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock.memory import ALIGNMENT, Pool

LARGE = (64, 256)  # of float32: recycled
F4 = np.dtype(np.float32)


def address(array):
    return array.__array_interface__["data"][0]


@given(
    st.lists(st.integers(0, 40), max_size=4),
    st.sampled_from(
        ["bool", "uint8", "float16", "float32", "float64", "int64", "longdouble", ">i4"]
    ),
)
def test_every_array_is_aligned_contiguous_and_writable(shape, dtype):
    array = Pool().lease(shape, np.dtype(dtype))
    assert array.shape == tuple(shape)
    assert array.dtype == np.dtype(dtype)
    assert address(array) % ALIGNMENT == 0 or not array.size
    assert array.flags.c_contiguous
    assert array.flags.writeable
    array[...] = 1
    assert (array == 1).all()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0, 2), (1,)])
def test_shapes_without_much_in_them_work_too(shape):
    array = Pool().lease(shape, F4)
    assert array.shape == shape
    array[...] = 2.0
    assert array.tolist() == np.full(shape, 2.0).tolist()


def test_objects_are_allocated_plainly():
    assert Pool().lease((3, 2), np.dtype(object)).tolist() == [[None, None]] * 3


def test_memory_comes_back_after_its_last_reader():
    pool = Pool()
    array = pool.lease(LARGE, F4)
    place = address(array)
    del array
    assert address(pool.lease(LARGE, F4)) == place


def test_memory_serves_another_shape_and_dtype_of_the_same_size():
    pool = Pool()
    place = address(pool.lease(LARGE, F4))
    assert address(pool.lease((LARGE[0] * 4, LARGE[1]), np.dtype(np.uint8))) == place


KEPT = {
    "the array": lambda a: a,
    "a row": lambda a: a[3],
    "every other column": lambda a: a[:, ::2],
    "a view as bytes": lambda a: a.view(np.uint8),
    "a reshaped view of a view": lambda a: a[1:].reshape(-1)[5:].reshape(1, -1),
    "a transposed view": lambda a: a.T,
    "a memoryview": memoryview,
    "a slice of a memoryview": lambda a: memoryview(a)[4:],
    "an array over its buffer": lambda a: np.frombuffer(a, np.uint8)[9:],
    "a part of its base": lambda a: a.base[3:],
    "a part of a part of its base": lambda a: a.base[3:][2:].reshape(-1),
    "a subclass": lambda a: a.view(np.recarray),
    "an iterator": lambda a: a.flat,
    "an exporter by interface": lambda a: np.asarray(memoryview(a.view(np.uint8))),
    "a DLPack capsule's array": np.from_dlpack,
}


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_memory_that_anyone_can_see_is_never_handed_out_again(keep):
    pool = Pool()
    array = pool.lease(LARGE, F4)
    array[...] = 7.0
    place = address(array)
    kept = keep(array)
    del array
    gc.collect()
    others = [pool.lease(LARGE, F4) for _ in range(4)]
    assert place not in [address(other) for other in others]
    del kept
    gc.collect()
    assert address(pool.lease(LARGE, F4)) == place


def test_batches_held_in_a_list_keep_their_content():
    pool, held = Pool(), []
    for number in range(20):
        array = pool.lease(LARGE, F4)
        array[...] = number
        held.append(array)
        if number % 3 == 2:
            held[number - 1] = held[number - 1].copy()  # its memory goes back in the middle
    assert [int(array.max()) for array in held] == list(range(20))
    assert [int(array.min()) for array in held] == list(range(20))


@pytest.mark.parametrize("size", [1 << 25, 1 << 15])
def test_no_more_blocks_are_kept_than_are_spare(size):
    pool = Pool(spare=2)
    held = [pool.lease((size // 4,), F4) for _ in range(40)]  # of memory that is not touched
    del held[:], held
    assert [len(free) for free in pool._free.values()] == [2]


def test_after_close_nothing_is_kept_and_what_is_out_stays_valid():
    pool = Pool()
    free, out = pool.lease(LARGE, F4), pool.lease(LARGE, F4)
    out[...] = 3.0
    del free
    pool.close()
    assert all(not free for free in pool._free.values())
    assert (out == 3.0).all()
    del out
    assert all(not free for free in pool._free.values())


def test_a_leased_array_outlives_its_pool():
    array = Pool().lease(LARGE, F4)
    array[...] = 5.0
    gc.collect()
    np.full((64, 1024), 9, np.uint8)
    assert (array == 5.0).all()


def test_a_leased_array_pickles_as_an_array():
    array = Pool().lease(LARGE, F4)
    array[...] = 1.5
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)), array)
