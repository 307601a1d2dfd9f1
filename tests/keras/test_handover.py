"""Batches reach each backend in our own memory, and nobody writes to it while it can be seen."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import penstock

COUNT, BATCH, WIDTH = 96, 16, 8192
X = np.arange(COUNT, dtype=np.float32)[:, None] * np.ones(WIDTH, np.float32)
BACKEND = keras.backend.backend()


def rows(**options: Any) -> penstock.Sequence:
    return penstock.make_generator((X, X[:, :1]), **{"batch_size": BATCH, "seed": 3, **options})


def arrived(data: penstock.Sequence) -> list[Any]:
    """Return the x of each batch as it comes out of Keras' adapter, on its way to a train step."""
    adapter = pytest.importorskip("keras.src.trainers.data_adapters.py_dataset_adapter")
    found = adapter.PyDatasetAdapter(data, class_weight=None, shuffle=True)
    if BACKEND == "tensorflow":
        return [x for x, _ in found.get_tf_dataset()]
    if BACKEND == "torch":
        return [x for x, _ in found.get_torch_dataloader()]
    import jax

    return [jax.device_put(x) for x, _ in found.get_jax_iterator()]  # as a jitted step does


def address(tensor: Any) -> int:
    if BACKEND == "torch":
        return int(tensor.data_ptr())
    if BACKEND == "jax":
        return int(tensor.unsafe_buffer_pointer())
    return int(np.asarray(memoryview(tensor)).ctypes.data)  # tensor.numpy() copies


def test_the_backend_sees_our_memory_and_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    leased: list[tuple[int, int]] = []
    lease = penstock.memory.Pool.lease

    def noting(self: Any, *arguments: Any) -> Any:
        array = lease(self, *arguments)
        leased.append((array.ctypes.data, array.ctypes.data + array.nbytes))
        return array

    monkeypatch.setattr("penstock.memory.Pool.lease", noting)
    with rows() as data:
        tensors = arrived(data)
        assert len(tensors) == len(data)
        for place in map(address, tensors):  # of several that are made at once, in the middle
            assert any(start <= place < end for start, end in leased)


def test_no_batch_is_written_to_while_somebody_holds_it() -> None:
    with rows() as data:
        held = [(data.epoch, tensor) for _ in range(3) for tensor in arrived(data)]
        for _ in range(5):
            arrived(data)  # would write over them, were they given back too early
        values = [np.array(keras.ops.convert_to_numpy(tensor)) for _, tensor in held]
    for value in values:
        np.testing.assert_array_equal(value, value[:, :1] * np.ones(WIDTH, np.float32))
    seen = np.concatenate([value[:, 0] for value in values]).reshape(3, COUNT)
    for epoch in seen:
        assert sorted(epoch) == list(range(COUNT))


def test_on_torch_every_dtype_arrives_as_keras_would_have_it() -> None:
    for name in ("uint8", "uint16", "uint32", "int8", "int64", "float16", "bool"):
        array = np.arange(8).astype(name)
        with penstock.make_generator((array[:, None], array), batch_size=8, shuffle=False) as data:
            (tensor,) = arrived(data)
            wanted = keras.ops.convert_to_tensor(data[0][0])
            assert tensor.dtype == wanted.dtype
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(tensor), keras.ops.convert_to_numpy(wanted)
            )


def resident() -> int:
    """Return the memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory in use")
def test_memory_stays_where_it_was_over_fifty_epochs() -> None:
    model = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with rows() as data:
        model.fit(data, epochs=5, verbose=0)
        gc.collect()
        before = resident()
        model.fit(data, epochs=50, verbose=0)
        gc.collect()
        grown = resident() - before
    # An epoch is 3 MB: what were lost of each would be 150 MB.
    assert grown < 30e6
