"""After every test: no thread of Penstock's is left."""

from __future__ import annotations

import gc
import threading
import time

import pytest


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "penstock"]


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    gc.collect()
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()
