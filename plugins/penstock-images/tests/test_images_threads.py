"""Loading from many threads: the same pixels, and OpenCV's threads out of the way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from penstock_images import ImageFiles
from penstock_images.threads import single_threaded


@pytest.fixture
def opencv_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield 2
    cv2.setNumThreads(before)


def test_threads_get_the_same_pixels(write, photo):
    suffixes = [".jpg", ".png", ".gif", ".tiff"] * 3
    paths = np.array(
        [write(f"{i}{suffix}", np.roll(photo, i, axis=0)) for i, suffix in enumerate(suffixes)],
        object,
    )
    loader = ImageFiles(image_size=(50, 60))
    alone = np.empty((12, 50, 60, 3), np.uint8)
    together = np.zeros_like(alone)
    loader.load_samples(paths, alone)

    with ThreadPoolExecutor(4) as pool:
        parts = [slice(at, at + 2) for at in range(0, 12, 2)]
        list(pool.map(lambda part: loader.load_samples(paths[part], together[part]), parts))

    assert np.array_equal(alone, together)


def test_opencv_starts_no_thread_inside_and_gets_its_setting_back(opencv_threads):
    with single_threaded:
        assert cv2.getNumThreads() == 1
        with single_threaded:
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 1

    assert cv2.getNumThreads() == opencv_threads


def test_the_setting_comes_back_with_the_last_of_many_threads(opencv_threads):
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with single_threaded:
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait(5)
    with single_threaded:
        pass
    still = cv2.getNumThreads()
    leave.set()
    thread.join()

    assert still == 1
    assert cv2.getNumThreads() == opencv_threads


def test_the_setting_comes_back_after_an_error(opencv_threads, tmp_path):
    with pytest.raises(FileNotFoundError):
        ImageFiles().load_samples(
            np.array([str(tmp_path / "gone.png")], object), np.empty((1, 256, 256, 3), np.uint8)
        )

    assert cv2.getNumThreads() == opencv_threads


def test_what_others_set_meanwhile_stays(opencv_threads):
    with single_threaded:
        cv2.setNumThreads(3)

    assert cv2.getNumThreads() == 3
