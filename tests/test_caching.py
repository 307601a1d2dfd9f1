"""A cache changes how often samples are loaded, and nothing about what is delivered."""

from __future__ import annotations

import errno
import functools
import importlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import penstock
from penstock import caching, diskcache, errors, segments
from penstock.rowcache import ABSENT, MemoryStore, RowCache

# A loader in a module that has a file, as a cache on disk needs it.
MODULES = str(Path(__file__).parent / "modules")
sys.path.insert(0, MODULES)
counting_loaders = importlib.import_module("counting_loaders")
ByteFiles, LOADED, epoch = (
    getattr(counting_loaders, name) for name in ("ByteFiles", "LOADED", "epoch")
)

COUNT = 23
MODES = ("memory", "disk")


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    """Keep the user's own cache directory out of it, and count from zero."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "home"))
    LOADED.clear()
    return tmp_path / "home" / "penstock" / "samples"


@pytest.fixture
def files(tmp_path):
    """Write COUNT files, each of one byte: its number."""
    folder = tmp_path / "data"
    for number in range(COUNT):
        path = folder / "ab"[number % 2] / f"{number:02}.byte"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]))
    return folder


def sequence(files, cache, **options):
    loader = options.pop("loader", ByteFiles())
    return penstock.make_generator(
        str(files), loader=loader, seed=5, cache=cache, **{"batch_size": 4, **options}
    )


@pytest.mark.parametrize("cache", MODES)
@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
@pytest.mark.parametrize("cache_bytes", [None, 4 * 10])
def test_a_cache_gives_the_same_bytes_as_none(files, cache, workers, batch_size, cache_bytes):
    options = {"batch_size": batch_size, "workers": workers, "augment": _shift}
    with (
        sequence(files, None, **options) as plain,
        sequence(files, cache, cache_bytes=cache_bytes, **options) as cached,
    ):
        for _ in range(3):
            np.testing.assert_array_equal(epoch(cached), epoch(plain))


def _shift(image, generator):
    return image + generator.integers(0, 9)


@pytest.mark.parametrize("cache", MODES)
def test_later_epochs_load_nothing(files, cache):
    with sequence(files, cache) as cached:
        epoch(cached)
        assert sorted(LOADED) == [f"{number:02}.byte" for number in range(COUNT)]
        epoch(cached)
        epoch(cached)
    assert len(LOADED) == COUNT


@pytest.mark.parametrize("cache", MODES)
def test_what_finds_no_room_is_loaded_in_every_epoch(files, cache):
    with sequence(files, cache, cache_bytes=4 * 10 + 3, workers=0) as cached:
        epoch(cached)
        first = LOADED[:10]
        LOADED.clear()
        epoch(cached)
    assert len(LOADED) == COUNT - 10
    assert not set(first) & set(LOADED)  # what was admitted first is never thrown out


@pytest.mark.parametrize("cache", MODES)
def test_training_and_validation_share_one_cache(files, cache):
    train, val = sequence(files, cache).split(0.7, 0.3)
    for each in (train, val, train, val):
        epoch(each)
        each.close()
    assert len(LOADED) == COUNT


@pytest.mark.parametrize("cache", MODES)
def test_every_field_is_kept(files, cache):
    table = sequence(files, None).samples
    with penstock.make_generator(
        table,
        inputs={"one": ByteFiles(), "ten": ByteFiles(offset=10, width=2)},
        targets={"label": penstock.Int(column="label")},
        root=str(files),
        cache=cache,
    ) as cached:
        for _ in range(2):
            for x, _ in cached:
                np.testing.assert_array_equal(x["one"][:, 0] + 10, x["ten"][:, 0])
    assert len(LOADED) == 2 * COUNT


def test_a_later_run_finds_what_is_on_disk(files):
    with sequence(files, "disk") as cached:
        expected = epoch(cached)
    LOADED.clear()
    with sequence(files, "disk") as cached:
        np.testing.assert_array_equal(epoch(cached), expected)
    assert LOADED == []


def test_an_epoch_broken_off_leaves_what_it_loaded(files):
    with sequence(files, "disk", workers=0) as cached:
        next(iter(cached))
    assert len(LOADED) == 4
    with sequence(files, "disk", workers=0) as cached:
        epoch(cached)
    assert len(LOADED) == COUNT


def test_a_sequence_that_is_dropped_leaves_what_it_loaded(files):
    cached = sequence(files, "disk", workers=0)
    cached[0]
    del cached
    with sequence(files, "disk", workers=0) as cached:
        epoch(cached)
    assert len(LOADED) == COUNT


@pytest.mark.parametrize("change", ["content", "time", "size"])
def test_a_file_that_changed_is_loaded_again(files, change):
    with sequence(files, "disk") as cached:
        epoch(cached)
    LOADED.clear()
    path = files / "b" / "07.byte"
    state = path.stat()
    path.write_bytes(bytes([200]) if change != "size" else bytes([200, 1]))
    if change == "size":
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with sequence(files, "disk", shuffle=False) as cached:
        assert set(epoch(cached)[:, 0]) == {*range(COUNT), 200.0} - {7.0}
    assert LOADED == ["07.byte"]


@pytest.mark.skipif(sys.platform == "win32", reason="no time of change there")
@pytest.mark.parametrize("way", ["in place", "another file"])
def test_a_file_replaced_by_one_of_its_size_and_date_is_loaded_again(files, way):
    path = files / "b" / "07.byte"
    state = path.stat()
    with sequence(files, "disk") as cached:
        epoch(cached)
    other = path if way == "in place" else files / "other"
    other.write_bytes(bytes([200]))
    while other.stat().st_ctime_ns == state.st_ctime_ns or other.stat().st_mtime_ns != (
        state.st_mtime_ns
    ):  # the clock of a file system may be a coarse one
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    os.replace(other, path)
    with sequence(files, "disk") as cached:
        assert set(epoch(cached)[:, 0]) == {*range(COUNT), 200.0} - {7.0}


def test_a_new_file_is_the_only_one_loaded(files):
    with sequence(files, "disk") as cached:
        epoch(cached)
    LOADED.clear()
    (files / "a" / "new.byte").write_bytes(b"\x63")
    with sequence(files, "disk") as cached:
        assert len(epoch(cached)) == COUNT + 1
    assert LOADED == ["new.byte"]


@pytest.mark.parametrize("options", [{"width": 3}, {"offset": 1}])
def test_other_options_are_other_samples(files, options):
    with sequence(files, "disk") as cached:
        epoch(cached)
    with sequence(files, "disk", loader=ByteFiles(**options)) as cached:
        changed = epoch(cached)
    with sequence(files, None, loader=ByteFiles(**options)) as plain:
        np.testing.assert_array_equal(changed, epoch(plain))


def _read(path):
    return np.full(4, Path(path).read_bytes()[0], np.float32)


_LAMBDAS = {0: lambda path: _read(path), 9: lambda path: _read(path) + 9}  # noqa: PLW0108


def _closed(number):
    return lambda path: _read(path) + number


def _closed_twice(number):
    inner = _closed(number)
    return lambda path: inner(path) * 1


def _default(number):
    return lambda path, added=number: _read(path) + added


def _added(path, number):
    return _read(path) + number


class _Adder:
    def __init__(self, number):
        self.number = number

    def __call__(self, path):
        return _read(path) + self.number

    def add(self, path):
        return self(path)


class _PlainLoader:
    """A loader that is no dataclass."""

    suffixes = (".byte",)

    def __init__(self, number):
        self.number = number

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((4,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = _read(path) + self.number


def _made_within(number):
    class Within(_PlainLoader):
        @penstock.hookimpl
        def load_samples(self, samples, out):
            for path, row in zip(samples, out, strict=True):
                row[:] = _read(path) + number

    return Within(0)


def _loader(function):
    return penstock.loader(function, suffixes=(".byte",))()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda n: _loader(_LAMBDAS[n]), id="lambda"),
        pytest.param(lambda n: _loader(_closed(n)), id="closure"),
        pytest.param(lambda n: _loader(_closed_twice(n)), id="closure of a closure"),
        pytest.param(lambda n: _loader(_default(n)), id="default"),
        pytest.param(lambda n: _loader(functools.partial(_added, number=n)), id="partial"),
        pytest.param(lambda n: _loader(_Adder(n)), id="object"),
        pytest.param(lambda n: _loader(_Adder(n).add), id="method"),
        pytest.param(lambda n: _loader(functools.lru_cache(_closed(n))), id="wrapped"),
        pytest.param(_PlainLoader, id="class"),
        pytest.param(_made_within, id="class in a function"),
    ],
)
def test_loaders_that_differ_only_in_what_they_hold_never_share_samples(files, make):
    for number in (0, 9, 0):
        with sequence(files, "disk", loader=make(number), shuffle=False) as cached:
            found = epoch(cached)
        assert sorted(found[:, 0]) == [each + number for each in range(COUNT)]


def test_a_function_that_holds_what_cannot_be_compared_is_refused(files):
    with pytest.raises(errors.ConfigError, match=r"number=.* is no plain value"):
        sequence(files, "disk", loader=_loader(_closed(np.zeros(4))))


def test_a_later_process_knows_a_function_again(files, user_cache):
    code = (
        "from counting_loaders import *\n"
        f"s = penstock.make_generator({str(files)!r}, loader=named(3), cache='disk')\n"
        "epoch(s); s.close(); print(len(LOADED))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([MODULES, *sys.path])}
    loaded = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    # A function is called once more for the shape.
    assert [int(each) for each in loaded] == [COUNT + 1, 1]


def test_a_loader_whose_module_changed_loads_again(files, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = Path(counting_loaders.__file__).read_text()
    found = []
    for value in ("+ 0", "+ 50"):
        module = tmp_path / "changing_loader.py"
        module.write_text(source.replace("+ self.offset", value))
        sys.modules.pop("changing_loader", None)
        importlib.invalidate_caches()
        changing_loader = importlib.import_module("changing_loader")
        with sequence(files, "disk", loader=changing_loader.ByteFiles()) as cached:
            found.append(epoch(cached))
    np.testing.assert_array_equal(found[0] + 50, found[1])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kind=st.sampled_from(["flip", "cut", "grow"]), place=st.integers(0, 10**4))
def test_damage_on_disk_is_a_miss_and_never_a_wrong_sample(files, user_cache, kind, place):
    shutil.rmtree(user_cache, ignore_errors=True)
    with sequence(files, "disk") as cached:
        expected = epoch(cached)
    (segment,) = user_cache.rglob("*.rows")
    content = bytearray(segment.read_bytes())
    place %= len(content)
    if kind == "flip":
        content[place] ^= 1 << place % 8
    elif kind == "cut":
        del content[place:]
    else:
        content += b"\0" * place
    segment.write_bytes(bytes(content))
    with sequence(files, "disk") as cached:
        np.testing.assert_array_equal(epoch(cached), expected)
        LOADED.clear()
        np.testing.assert_array_equal(np.sort(epoch(cached), 0), np.sort(expected, 0))
    assert LOADED == []  # what was damaged was stored anew


def test_a_run_of_many_short_epochs_makes_few_segments(files, user_cache, monkeypatch):
    monkeypatch.setattr(diskcache, "_EAGER", 3)
    with sequence(files, "disk", workers=0, batch_size=1) as cached:
        for index in range(COUNT):
            cached[index]
            cached.on_epoch_end()
        assert len(list(user_cache.rglob("*.rows"))) == 3 + 2  # of 3 and of 6 rows
        LOADED.clear()
        monkeypatch.setattr(diskcache, "_PATIENCE_S", -1.0)
        cached.on_epoch_end()
        epoch(cached)
        assert LOADED == []


def test_a_folder_of_many_segments_becomes_one_of_few(files, user_cache, monkeypatch):
    for index in range(COUNT):
        with sequence(files, "disk", workers=0, batch_size=1, shuffle=False) as cached:
            cached[index]
    assert len(list(user_cache.rglob("*.rows"))) == COUNT
    monkeypatch.setattr(segments, "_MOST", 5)
    LOADED.clear()
    with sequence(files, "disk", workers=0) as cached:
        epoch(cached)
    assert len(LOADED) == COUNT - 5
    assert len(list(user_cache.rglob("*.rows"))) == 5 + 1
    with sequence(files, "disk", workers=0) as cached:
        epoch(cached)
    assert len(LOADED) == COUNT - 5 + 1  # the largest stayed


def test_what_was_damaged_is_stored_anew_once(files, user_cache):
    with sequence(files, "disk") as cached:
        epoch(cached)
    (segment,) = user_cache.rglob("*.rows")
    content = bytearray(segment.read_bytes())
    content[0] ^= 1
    segment.unlink()
    segment = segment.with_name("0.rows")
    segment.write_bytes(content)
    os.utime(segment, (0, 0))  # whatever the clock of the file system
    loaded = []
    for _ in range(6):
        LOADED.clear()
        with sequence(files, "disk") as cached:
            epoch(cached)
        loaded.append(len(LOADED))
    assert loaded == [1, 0, 0, 0, 0, 0]


def test_two_processes_share_a_cache_while_both_build_it(files):
    code = (
        "import sys, numpy as np; from counting_loaders import *\n"
        f"s = penstock.make_generator({str(files)!r}, loader=ByteFiles(), seed=5, cache='disk')\n"
        "print(int(sum(epoch(s)[:, 0].sum() for _ in range(3))), len(LOADED))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([MODULES, *sys.path])}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [run.communicate()[0].split() for run in runs]
    assert [int(total) for total, _ in outputs] == [3 * sum(range(COUNT))] * 2
    assert all(int(loaded) <= COUNT for _, loaded in outputs)
    with sequence(files, "disk") as cached:
        epoch(cached)
    assert LOADED == []


def test_a_forked_child_neither_stores_nor_removes(files, user_cache):
    cached = sequence(files, "disk", workers=0)
    iterator = iter(cached)
    next(iterator)
    parts = list(user_cache.rglob("*.part"))
    assert parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads may run
        child = os.fork() if hasattr(os, "fork") else pytest.skip("no fork here")
    if not child:
        try:
            cached.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert list(user_cache.rglob("*.part")) == parts
    list(iterator)
    cached.close()
    LOADED.clear()
    with sequence(files, "disk") as again:
        epoch(again)
    assert LOADED == []


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_forked_child_that_loads_leaves_its_parents_samples_whole(files, end):
    cached = sequence(files, "disk", workers=0)
    iterator = iter(cached)
    next(iterator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads may run
        child = os.fork() if hasattr(os, "fork") else pytest.skip("no fork here")
    if not child:
        try:
            cached[2]
            if end == "close":
                cached.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    list(iterator)
    cached.close()
    LOADED.clear()
    with sequence(files, "disk") as again:
        epoch(again)
    assert LOADED == []


@pytest.mark.parametrize("cache", MODES)
def test_a_child_forked_while_threads_store_makes_batches(files, cache, monkeypatch):
    storing, forked = threading.Event(), threading.Event()
    kind = diskcache.DiskStore if cache == "disk" else MemoryStore
    admit = kind.admit

    def held(self, rows, values):
        if threading.current_thread() is not threading.main_thread():
            with self._lock:
                storing.set()
                forked.wait(60)
        return admit(self, rows, values)

    monkeypatch.setattr(kind, "admit", held)
    with sequence(files, cache, workers=0) as cached:
        thread = threading.Thread(target=lambda: cached[0])
        thread.start()
        storing.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads do run
            child = os.fork() if hasattr(os, "fork") else pytest.skip("no fork here")
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            failed = 1
            try:
                cached[1]
                failed = 0
            finally:
                os._exit(failed)
        forked.set()
        thread.join()
        assert os.waitpid(child, 0)[1] == 0


def test_ctrl_c_in_the_middle_of_a_row_costs_no_other(files, monkeypatch):
    def interrupted(sample):
        raise KeyboardInterrupt

    with sequence(files, "disk", workers=0) as cached:
        expected = np.concatenate([cached[0][0], cached[1][0]])
        with monkeypatch.context() as patched:
            patched.setattr(segments, "_checksum", interrupted)
            with pytest.raises(KeyboardInterrupt):
                cached[2]
        cached[3]
    LOADED.clear()
    with sequence(files, "disk", workers=0) as cached:
        np.testing.assert_array_equal(np.concatenate([cached[0][0], cached[1][0]]), expected)
        cached[3]
    assert LOADED == []


def test_a_program_that_just_ends_leaves_what_it_loaded(files, user_cache):
    code = (
        "from counting_loaders import *\n"
        f"s = penstock.make_generator({str(files)!r}, loader=ByteFiles(), seed=5, cache='disk')\n"
        "s[0]\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([MODULES, *sys.path])}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in run.stderr
    assert [path.suffix for path in user_cache.rglob("*.*")] == [".rows"]


@pytest.mark.timeout(30)
def test_a_sequence_that_ends_while_another_stores_hangs_nobody(files, monkeypatch):
    """The garbage collector ends sequences in any thread, wherever that stands."""
    train, val = sequence(files, "disk", workers=0).split(0.7, 0.3)
    val[0]
    write, ended = segments.Part.write, [val]
    del val

    def collected(self, row, stamp, value):
        ended.clear()
        write(self, row, stamp, value)

    monkeypatch.setattr(segments.Part, "write", collected)
    epoch(train)
    train.close()
    loaded = set(LOADED)
    LOADED.clear()
    with sequence(files, "disk") as again:
        expected = epoch(sequence(files, None))
        loaded_then = set(LOADED)
        LOADED.clear()
        np.testing.assert_array_equal(epoch(again), expected)
    assert set(LOADED) == loaded_then - loaded


def test_what_is_published_while_a_thread_ends_storing_is_found(files, monkeypatch):
    admit = diskcache.DiskStore.admit

    def published(self, rows, values):
        slots = admit(self, rows, values)
        cached._batches.settle(last=True)  # as another thread may, before these are noted
        return slots

    monkeypatch.setattr(diskcache.DiskStore, "admit", published)
    with sequence(files, "disk", workers=0) as cached:
        epoch(cached)
        LOADED.clear()
        epoch(cached)
    assert LOADED == []


@pytest.mark.skipif(sys.platform == "win32", reason="files that are mapped cannot be cut there")
@pytest.mark.parametrize("length", [0, 5])
def test_a_segment_that_is_cut_short_while_it_is_read_is_a_miss(files, user_cache, length):
    """In a process of its own: what is gone from a mapped file ends it."""
    code = (
        "from counting_loaders import *\n"
        f"s = penstock.make_generator({str(files)!r}, loader=ByteFiles(width=5000), seed=5,\n"
        "    batch_size=4, cache='disk', workers=0)\n"
        "first = epoch(s)\n"
        f"(path,) = Path({str(user_cache)!r}).rglob('*.rows')\n"
        f"path.open('r+b').truncate({length})\n"
        "LOADED.clear()\n"
        "assert sorted(epoch(s)[:, 4999]) == sorted(first[:, 4999]) and len(LOADED) == len(first)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([MODULES, *sys.path])}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such mode")
@pytest.mark.parametrize("whose", ["everybody's", "another's"])
@pytest.mark.parametrize("below", [False, True])
def test_a_directory_that_others_could_change_is_refused(
    files, tmp_path, monkeypatch, whose, below
):
    folder = tmp_path / "shared"
    with sequence(files, "disk", cache_dir=folder) as cached:
        epoch(cached)
    changed = next(folder.iterdir()) if below else folder
    if whose == "everybody's":
        changed.chmod(0o777)
    else:
        if not os.getuid():
            os.chown(changed, 54321, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(errors.ConfigError, match="cache_dir=.* (everybody|another user)"):
        sequence(files, "disk", cache_dir=folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such mode")
@pytest.mark.parametrize("mode", [0o1777, 0o775, 0o755])
def test_a_directory_like_tmp_and_one_of_a_group_are_taken(files, tmp_path, mode):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with sequence(files, "disk", cache_dir=folder) as cached:
        assert len(epoch(cached)) == COUNT


def test_a_full_disk_costs_the_cache_and_no_sample(files, monkeypatch, user_cache):
    with sequence(files, None) as plain:
        expected = epoch(plain)

    def full(self, row, stamp, value):
        if row % 3 == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, row, stamp, value)

    write = segments.Part.write
    monkeypatch.setattr(segments.Part, "write", full)
    cached = sequence(files, "disk", workers=0)
    with pytest.warns(UserWarning, match="No space left on device.*loaded again in every epoch"):
        np.testing.assert_array_equal(epoch(cached), expected)
    np.testing.assert_array_equal(np.sort(epoch(cached), 0), np.sort(expected, 0))
    cached.close()
    assert not list(user_cache.rglob("*.part"))


def test_a_folder_that_cannot_be_written_costs_the_cache_and_no_sample(files, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    cached = sequence(files, "disk", cache_dir=tmp_path / "file" / "below")
    with pytest.warns(UserWarning, match="Name a directory with room in cache_dir="):
        assert len(epoch(cached)) == COUNT
    cached.close()


def test_what_a_killed_run_left_is_removed_after_a_day(files, user_cache):
    with sequence(files, "disk") as cached:
        epoch(cached)
    (folder,) = user_cache.iterdir()
    old, new = folder / "old.part", folder / "new.part"
    for path in (old, new):
        path.write_bytes(b"unfinished")
    os.utime(old, (0, 0))
    with sequence(files, "disk") as cached:
        epoch(cached)
    assert not old.exists()
    assert new.exists()


def test_nothing_is_left_open_or_unfinished(files, user_cache):
    with sequence(files, "disk") as cached:
        epoch(cached)
    assert [path.suffix for path in user_cache.rglob("*.*")] == [".rows"]
    if os.path.isdir("/proc/self/fd"):
        del cached
        held = {os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")}
        assert not [path for path in held if path.endswith((".rows", ".part"))]


@pytest.mark.parametrize("cache", MODES)
def test_a_cache_stays_behind_in_a_pickle_and_starts_again(files, cache):
    with sequence(files, cache) as cached:
        expected = epoch(cached)
        size = len(pickle.dumps(cached))
        copy = pickle.loads(pickle.dumps(cached))
    with sequence(files, None) as plain:
        assert size < len(pickle.dumps(plain)) + 2_000
    copy.epoch = 0
    np.testing.assert_array_equal(epoch(copy), expected)
    np.testing.assert_array_equal(np.sort(epoch(copy), 0), np.sort(expected, 0))
    copy.close()
    assert len(LOADED) == (2 * COUNT if cache == "memory" else COUNT)


def test_a_cache_on_disk_refuses_options_that_it_cannot_compare(files):
    with pytest.raises(errors.ConfigError, match=r"its option function=.* is no plain value"):
        sequence(files, "disk", loader=ByteFiles(function=print))
    sequence(files, "memory", loader=ByteFiles(function=print)).close()


def test_a_cache_on_disk_refuses_samples_that_are_in_no_file():
    table = penstock.make_generator(np.zeros((3, 2))).samples.assign(a=1.0, y=[0, 1, 0])
    with pytest.raises(errors.ConfigError, match="Columns loads here are no files"):
        penstock.make_generator(table, x_col=["a"], y_col="y", cache="disk")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": "ram"}, "cache='ram' was given; it must be one of 'memory', 'disk'"),
        ({"cache": True}, "cache=True was given"),
        ({"cache": "memory", "cache_bytes": 0}, "cache_bytes=0 was given"),
        ({"cache": "memory", "cache_bytes": 3}, "cache_bytes=3 has no room .* takes 4 bytes"),
        ({"cache": None, "cache_dir": "here"}, 'cache_dir=.*here.* needs cache="disk"'),
        ({"cache": "memory", "cache_dir": "here"}, 'cache_dir=.*here.* needs cache="disk"'),
        ({"cache": None, "cache_bytes": 10}, 'cache_bytes=10 needs cache="memory"'),
        ({"cache": "disk", "cache_dir": 3}, "cache_dir=3 is not a path"),
    ],
)
def test_options_that_cannot_work_are_refused(files, options, message):
    with pytest.raises(errors.ConfigError, match=message):
        sequence(files, **options)


def test_arrays_need_no_cache():
    with pytest.raises(errors.ConfigError, match="beside arrays: they need no loading"):
        penstock.make_generator(np.zeros((3, 2)), cache="memory")


def test_by_default_memory_is_half_of_what_the_process_may_use(files, monkeypatch):
    monkeypatch.setattr(caching, "_memory", lambda: 80)
    with sequence(files, "memory", workers=0) as cached:
        epoch(cached)
        LOADED.clear()
        epoch(cached)
    assert len(LOADED) == COUNT - 10


def test_a_sample_that_two_threads_load_at_once_is_stored_once():
    store = MemoryStore(2, (1,), np.dtype("uint8"))
    cache = RowCache(2, store)
    together = threading.Barrier(2)

    def load(rows, out):
        together.wait()
        out[:, 0] = rows + 10

    def ask(found):
        out = np.zeros((1, 1), np.uint8)
        cache.load(np.array([1]), out, load)
        found.append(int(out[0, 0]))

    found = []
    threads = [threading.Thread(target=ask, args=(found,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [11, 11]
    assert (store.admit(np.array([0]), np.zeros((1, 1), np.uint8)) != ABSENT).all()


def test_a_sample_that_cannot_be_loaded_is_not_kept(files):
    (files / "a" / "04.byte").write_bytes(b"")
    with sequence(files, "memory", workers=0, shuffle=False) as cached:
        for _ in range(2):
            with pytest.raises(errors.SampleCorrupt, match=r"04\.byte"):
                epoch(cached)
        (files / "a" / "04.byte").write_bytes(b"\x04")
        assert sorted(epoch(cached)[:, 0]) == list(range(COUNT))


@pytest.mark.parametrize("cache", MODES)
def test_a_table_that_names_a_file_twice_gets_it_twice(files, cache):
    with penstock.make_generator(
        ["a/00.byte", "a/02.byte", "a/00.byte"],
        loader=ByteFiles(),
        encoder="none",
        root=str(files),
        shuffle=False,
        cache=cache,
    ) as cached:
        for _ in range(3):
            assert epoch(cached)[:, 0].tolist() == [0, 2, 0]


@pytest.mark.parametrize("cache", MODES)
def test_a_view_that_has_a_sample_many_times_keeps_the_others_too(files, cache):
    whole = sequence(files, cache, workers=0, batch_size=64, shuffle=False)
    with whole.subset([0] * COUNT + list(range(COUNT))) as cached:
        expected = epoch(cached)
        LOADED.clear()
        np.testing.assert_array_equal(epoch(cached), expected)
    assert LOADED == []


def test_a_relative_home_is_not_another_one_after_a_change_of_directory(
    files, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("LOCALAPPDATA", "here")
    with sequence(files, "disk") as cached:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        epoch(cached)
    assert list((tmp_path / "here").rglob("*.rows"))
