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
    """Give a context that fails where more memory than that, or much time, is spent.

    The time is the processor's: the clock's says as much of other processes. It is what 2 s are
    where memory and lines are traced, as here, on a busy machine. What waits for ever is ended by
    pytest-timeout.
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
        assert seconds < 15
        assert peak < most_bytes

    return bounded
