"""A loader that finds its samples inside of one file, as those of HDF5, LMDB or SQLite do."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import LabelError, PluginError, SampleCorrupt


@dataclass(frozen=True, kw_only=True)
class Json:
    """Vectors in a JSON file, by names that look like paths."""

    scale: float = 1.0
    _opened: threading.local = field(
        default_factory=threading.local, init=False, repr=False, compare=False
    )

    @penstock.hookimpl
    def claims_source(self, source):
        return isinstance(source, str) and source.endswith(".vectors")

    @penstock.hookimpl
    def list_samples(self, source):
        names = list(json.loads(Path(source).read_text(encoding="utf-8")))
        return pd.DataFrame({"sample": names, "label": [name.split("/")[0] for name in names]})

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((2,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out, source):
        held = self._opened.__dict__
        if source not in held:
            held[source] = json.loads(Path(source).read_text(encoding="utf-8"))
        for name, row in zip(samples, out, strict=True):
            row[:] = np.array(held[source][name]) * self.scale

    def __reduce__(self):
        return _made, (self.scale,)


def _made(scale):
    return Json(scale=scale)


@pytest.fixture
def vectors(tmp_path):
    """Write six vectors of two hospitals."""
    content = {f"{'north' if n % 2 else 'south'}/{n}": [n, 2 * n] for n in range(6)}
    path = tmp_path / "scans.vectors"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def sequence(vectors, **options):
    return penstock.make_generator(
        vectors, loader=Json(), **{"shuffle": False, "batch_size": 4, **options}
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nobody says what is open")
@pytest.mark.parametrize("workers", [0, 3])
def test_handles_close_with_their_threads_and_their_loader(vectors, workers):
    class Handle:
        def __init__(self, path):
            self._number = os.open(path, os.O_RDONLY)

        def __del__(self):
            os.close(self._number)

    @dataclass(frozen=True, kw_only=True)
    class Holding(Json):
        @penstock.hookimpl
        def load_samples(self, samples, out, source):
            self._opened.__dict__.setdefault("handle", Handle(source))
            Json.load_samples(self, samples, out, source)

    def held():
        return [
            each for each in Path("/proc/self/fd").iterdir() if os.path.realpath(each) == vectors
        ]

    generator = penstock.make_generator(vectors, loader=Holding(), batch_size=1, workers=workers)
    list(generator)
    assert held()
    generator.close()
    assert len(held()) <= 1  # of this thread
    del generator
    gc.collect()
    assert not held()


@pytest.mark.parametrize("cache", [None, "memory", "disk"])
def test_names_inside_of_a_file_are_given_to_the_loader_as_it_listed_them(
    vectors, cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with sequence(vectors, cache=cache) as generator:
        for _ in range(2):
            found = np.concatenate([x for x, _ in generator])
            assert found[:, 1].tolist() == [2 * n for n in range(6)]
        assert generator.class_names == ["north", "south"]


def test_a_row_of_a_file_that_cannot_be_loaded_is_named(vectors):
    table = sequence(vectors).samples
    Path(vectors).write_text(json.dumps({name: [0, 0] for name in table["sample"][1:]}))
    with sequence(vectors) as _:  # its table has five rows now
        pass
    content = {name: [0, 0] if name != "north/3" else ["x", "y"] for name in table["sample"]}
    Path(vectors).write_text(json.dumps(content), encoding="utf-8")
    with sequence(vectors) as generator, pytest.raises(SampleCorrupt, match="north/3"):
        list(generator)


def test_predictions_name_the_samples_as_everything_else_does(vectors):
    class Model:
        def predict(self, data, **_):
            return np.concatenate([batch[0] for batch in data])

    with sequence(vectors) as generator:
        table = generator.predictions(Model())
        assert table["sample"].tolist() == generator.samples["sample"].tolist()


def test_some_of_the_samples_may_be_left_out_and_names_that_are_not_there_are_told(vectors):
    with (
        pytest.warns(UserWarning, match="exclude= names 'north/99', which the source does not"),
        sequence(vectors, exclude=["north/1", "north/99"]) as generator,
    ):
        assert generator.num_samples == 5


def test_a_loader_that_returns_its_samples_is_told_to_write_them(vectors):
    @dataclass(frozen=True)
    class Returns(Json):
        @penstock.hookimpl
        def load_samples(self, samples, out):
            return np.zeros((len(samples), 2))

    with (
        penstock.make_generator(vectors, loader=Returns()) as generator,
        pytest.raises(PluginError, match=r"It must write the samples into the array.*out\[i\] = …"),
    ):
        generator[0]


def test_a_loader_that_takes_no_array_to_fill_is_refused(vectors):
    @dataclass(frozen=True)
    class Forgets(Json):
        @penstock.hookimpl
        def load_samples(self, samples):
            return np.zeros((len(samples), 2))

    with pytest.raises(PluginError, match="load_samples does not take out"):
        penstock.make_generator(vectors, loader=Forgets())


def test_a_method_of_a_hooks_name_that_is_not_marked_is_pointed_at(vectors):
    @dataclass(frozen=True)
    class Unmarked(Json):
        def list_samples(self, source):
            return pd.DataFrame()

    with pytest.raises(PluginError, match="has a method list_samples that is not marked"):
        penstock.make_generator(vectors, loader=Unmarked())


@pytest.mark.parametrize("labels", [[b"ill", b"well"] * 3, np.array(["ill", "well"] * 3, "S4")])
def test_labels_of_bytes_are_refused_with_how_to_make_text_of_them(labels):
    with pytest.raises(LabelError, match=r"Labels are bytes, such as b'ill'.*decode\(\)"):
        penstock.make_generator(list(range(6)), loader=_numbers(), labels=labels, encoder="int")


@penstock.loader
def _numbers(sample):
    return np.float32(sample)


def test_threads_have_ended_before_what_other_libraries_do_at_exit(tmp_path):
    log = tmp_path / "log"
    code = f"""
        import time, penstock, keras, atexit
        log = open({str(log)!r}, "a", buffering=1)

        @penstock.loader
        def slow(sample):
            time.sleep(0.01)
            log.write("load\\n")
            return float(sample)

        generators = [
            penstock.make_generator(list(range(400)), loader=slow(), encoder="none", workers=2)
            for _ in range(3)
        ]
        readers = [iter(each) for each in generators]
        atexit.register(lambda: log.write("exit\\n"))
        for each in readers:
            next(each)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=120)
    lines = log.read_text().split()
    assert "load" not in lines[lines.index("exit") :]
