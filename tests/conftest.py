"""What several test modules make their data with."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penstock import memory

_LEASES: weakref.WeakValueDictionary[int, memory.Lease] = weakref.WeakValueDictionary()


def _left() -> set[str]:
    """Name what a test may leave behind and shall not: threads, children, files, leases."""
    found = {
        f"thread {each.name} {each.ident}"
        for each in threading.enumerate()
        if each.name.startswith("penstock")
    }
    found |= {f"lease {number}" for number in list(_LEASES)}
    found |= {
        f"file {entry.path}"
        for entry in os.scandir(tempfile.gettempdir())
        if not entry.name.startswith("pytest-of-")  # a pytest in a process of its own keeps it
    }
    if sys.platform == "linux":
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
        for entry in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{entry}")
            except OSError:  # that of the listing itself
                continue
            # A memory-map is its maker's, and the kit's tests keep what they made.
            if "/pytest-" in target and target not in mapped:
                found.add(f"descriptor {entry} of {target}")
        for task in os.listdir("/proc/self/task"):
            try:
                children = Path(f"/proc/self/task/{task}/children").read_text(encoding="ascii")
                for each in children.split():
                    command = Path(f"/proc/{each}/cmdline").read_bytes()
                    if b"resource_tracker" not in command:  # Python's own, until its end
                        found.add(f"child {each}: {command!r}")
            except OSError:
                continue
    return found


@pytest.fixture(scope="session", autouse=True)
def _leases_are_counted():
    """Know of each lease as long as somebody holds it."""
    lease = memory.lease

    def counted(*given):
        array = lease(*given)
        if array.nbytes >= 2**14:  # less may hang on an exception that a test's parameters hold
            _LEASES[id(array.base)] = array.base
        return array

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "lease", counted)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_files(tmp_path_factory):
    """Make temporary files where nobody else does."""
    own = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(own))
        patch.setenv("TMPDIR", str(own))
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive():
    """Take Ctrl-C, which is ignored where a shell without job control began the run with ``&``."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request):
    """See that a test, and what it tests, cleans up after itself."""
    before = _left()
    yield
    request.node.funcargs.clear()  # what other fixtures made is no longer needed
    deadline = time.monotonic() + 30
    left = _left() - before
    while left and time.monotonic() < deadline:
        gc.collect()  # only where there is something: it takes a while beside a backend
        left = _left() - before
        if left:
            time.sleep(0.02)
    assert not left


@pytest.fixture
def write():
    """Return a function that writes small files below a root."""

    def write(root, *names):
        for name in names:
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    return write


@pytest.fixture
def strange_names():
    """Return names that a file may well have."""
    return [
        "caf\u00e9.npy",  # composed
        "cafe\u0301.npy",  # decomposed: another name
        os.fsdecode(b"caf\xe9.npy"),  # no UTF-8
        "n" * 251 + ".npy",  # 255 bytes
        "two\nlines.npy",
        "-rf.npy",
        "\N{WATER WAVE}.npy",
        "\u05e9\u05dc\u05d5\u05dd.npy",  # from right to left
        " padded .npy",
        "a'b\"c.npy",
        "100%.npy",
        "UPPER.NPY",
    ]


@pytest.fixture
def npy_files(tmp_path):
    """Write six samples of shape (2,) in three classes: ``data/<class>/<number>.npy``."""
    root = tmp_path / "data"
    for number in range(6):
        folder = root / "abc"[number // 2]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{number}.npy", np.full(2, number, np.float32))
    return root


@pytest.fixture
def data(tmp_path, npy_files, monkeypatch):
    """Stand where there is a bit of everything."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(
        {
            "path": [f"{'abc'[n // 2]}/{n}.npy" for n in range(6)],
            "species": ["cat", "cat", "dog", "dog", "eel", "eel"],
            "age": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
            "legs": [4, 4, 4, 4, 0, 0],
            "weight": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "note": ["a", "b", "c", "d", "e", "f"],
        }
    )
    table.to_csv("data.csv", index=False)
    Path("empty").mkdir()
    np.save("data/odd.npy", np.zeros(3, np.float32))
    Path("data/odd.npy").rename("odd.npy")
    return table
