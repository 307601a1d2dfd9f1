"""A sequence can say where the time went."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import penstock
from penstock.stats import Meter, Stats


@penstock.loader
def slow(sample, *, seconds=0.0):
    """The sample's number, after a while."""
    time.sleep(seconds)
    return np.full(3, sample, np.float32)


@penstock.augmenter
def brighter(image, generator):
    """One more than it was, after a while."""
    time.sleep(0.002)
    return image + 1


def sequence(seconds=0.0, **options):
    return penstock.make_generator(
        list(range(12)),
        loader=slow(seconds=seconds),
        encoder="none",
        **{"batch_size": 5, "seed": 1, **options},
    )


def test_what_was_delivered_is_counted():
    with sequence(workers=0) as generator:
        for _ in range(2):
            list(generator)
        stats = generator.stats()
    assert (stats.batches, stats.samples, stats.bytes) == (6, 24, 24 * 3 * 4)
    assert stats.kept == 0


def test_what_a_cache_had_is_counted():
    with sequence(cache="memory") as generator:
        for _ in range(3):
            list(generator)
        assert generator.stats().kept == 24
        assert "24 of them were in the cache" in str(generator.stats())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_slow_loader_is_waited_for(workers):
    with sequence(seconds=0.01, workers=workers) as generator:
        list(generator)
        stats = generator.stats()
    assert stats.waiting_share > 0.5
    assert stats.load > 12 * 0.01
    assert stats.load > 10 * (stats.augment + stats.deliver + stats.encode)


def test_a_slow_training_is_not_blamed_on_the_data():
    with sequence(workers=1) as generator:
        for _ in generator:
            time.sleep(0.05)
        stats = generator.stats()
    assert stats.waiting_share < 0.5
    assert stats.elsewhere > 2 * 0.05


def test_time_between_epochs_is_not_counted():
    with sequence(workers=0) as generator:
        list(generator)
        time.sleep(0.3)
        list(generator)
        assert generator.stats().elsewhere < 0.3


def test_augmentation_is_told_from_loading():
    with sequence(augment=brighter(), workers=0) as generator:
        list(generator)
        stats = generator.stats()
    assert stats.augment > 12 * 0.002
    assert stats.augment > stats.load


def test_figures_can_begin_anew():
    with sequence() as generator:
        list(generator)
        assert generator.stats(reset=True).batches == 3
        assert generator.stats() == Stats()
        list(generator)
        assert generator.stats().batches == 3


def test_parts_of_a_split_have_figures_of_their_own():
    train, val = sequence().split(0.5, 0.5)
    with train, val:
        list(train)
        assert (train.stats().samples, val.stats().samples) == (6, 0)


def test_nothing_is_lost_between_threads():
    meter = Meter()

    def count():
        for _ in range(2_000):
            meter.add(batches=1, waited=0.5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (meter.read().batches, meter.read().waited) == (8_000, 4_000.0)


def test_the_text_says_how_long_was_waited_and_for_what():
    stats = Stats(10, 320, 0, 64_000_000, 1.0, 3.0, load=3.0, augment=0.5, deliver=0.5)
    assert str(stats) == (
        "10 batches delivered in 4.00 s, 25% of it waiting for data\n"
        "320 samples made (64 MB) in 4.00 s of threads: load 75%, augment 12%, deliver 12%,"
        " encode 0%"
    )


def test_two_readers_at_once_are_not_elsewhere_for_less_than_no_time():
    began, done = threading.Event(), threading.Event()

    def held_up(x):
        if x[0] >= 2:
            began.set()
            done.wait(60)
        return x

    x = np.arange(4, dtype=np.float32).reshape(-1, 1)
    with penstock.make_generator(
        x, batch_size=2, shuffle=False, workers=0, augment=held_up
    ) as generator:
        thread = threading.Thread(target=lambda: generator[1])
        thread.start()
        began.wait()
        generator[0]
        done.set()
        thread.join()
        assert generator.stats().elsewhere >= 0
        assert generator.stats().waiting_share <= 1
