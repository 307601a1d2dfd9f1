"""What loads goes behind what trains, where the system can tell them apart."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock import pace, priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority")


@dataclass(frozen=True)
class Niceness:
    """Each sample is the niceness of the thread that loads it."""

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((1,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        time.sleep(0.005)  # or who asks might fill all of them
        out[...] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def behind() -> int:
    """The niceness of who steps back; 19 is the most there is."""
    return min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)


def found(**options):
    table = pd.DataFrame({"sample": np.arange(40)})
    with penstock.make_generator(table, loader=Niceness(), batch_size=4, **options) as data:
        return np.concatenate([x for (x,) in data]).ravel()


def test_threads_that_load_step_back_and_the_one_that_asks_does_not(monkeypatch):
    monkeypatch.setattr(pace, "_BRIEF_SECONDS", 0.0)  # these batches are
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert set(found(workers=0)) == {mine}
    assert behind() in set(found(workers=2)) <= {mine, behind()}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_processes_that_load_step_back():
    assert set(found(workers=1, executor="processes")) == {behind()}


def test_a_system_that_forbids_it_is_no_obstacle(monkeypatch):
    def forbidden(_by):
        raise PermissionError("not here")

    monkeypatch.setattr(priority.os, "nice", forbidden)
    monkeypatch.setattr(pace, "_BRIEF_SECONDS", 0.0)
    assert set(found(workers=2)) == {os.getpriority(os.PRIO_PROCESS, 0)}
