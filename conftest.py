"""What the tests of the core and of the plugins share."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def at_little_cost() -> Callable[[int], AbstractContextManager[None]]:
    """Give a context that fails where more memory than that, or 2 s of processor time, is spent.

    Bounds on time are on the processor's and not on the clock's, which other processes move; what
    waits for ever is ended by pytest-timeout.
    """

    @contextmanager
    def bounded(most_bytes: int) -> Iterator[None]:
        tracemalloc.start()
        began = time.process_time()
        try:
            yield
            seconds = time.process_time() - began
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert seconds < 2
        assert peak < most_bytes

    return bounded
