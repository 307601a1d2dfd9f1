"""The fast ways of real files give the bytes of the plain one, whichever of them are taken."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sklearn.datasets import load_sample_images

import penstock
from penstock_images import Brightness, Flip, Rotate, Zoom

COUNT = 26


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write the same real photographs as JPEG and PNG, as .npy files, and numbers as a CSV."""
    root = tmp_path_factory.mktemp("data")
    photos = load_sample_images().images
    rows = ["a,b,y"]
    for number in range(COUNT):
        left, name = 9 * number, "ab"[number % 2]
        crop = photos[number % 2][left : left + 90, left : left + 120]
        for kind, suffix in (("jpeg", "jpg"), ("png", "png")):
            path = root / kind / name / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), crop)
        path = root / "npy" / name / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Some as another program may have written them.
        array = crop[:20, :30].astype("<f4" if number % 3 else ">f4")
        np.save(path, np.asfortranarray(array) if number % 5 == 0 else array)
        rows.append(f"{number / 7},{number},{name}")
    (root / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    return root


AUGMENT = (Flip(), Rotate(), Zoom(), Brightness())
SOURCES = {
    "jpeg": ("jpeg", {"image_size": (32, 40)}),
    "jpeg at a quarter": ("jpeg", {"image_size": (20, 30)}),
    "jpeg, augmented": ("jpeg", {"image_size": (32, 40), "augment": AUGMENT}),
    "png, channels first": ("png", {"image_size": (32, 40), "data_format": "channels_first"}),
    "png, scaled": ("png", {"image_size": (32, 40), "rescale": 1 / 255, "augment": AUGMENT}),
    "npy": ("npy", {}),
    "csv": ("rows.csv", {"y_col": "y"}),
}
PLAIN = {}


def epochs(folder, name, **options):
    """Return two epochs of x and y, each as one array in the order of delivery."""
    source, own = SOURCES[name]
    with penstock.make_generator(str(folder / source), seed=11, **own, **options) as sequence:
        return [
            [np.concatenate(arrays) for arrays in zip(*sequence, strict=True)] for _ in range(2)
        ]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workers=st.sampled_from([0, 1, 2, 5]),
    batch_size=st.sampled_from([1, 3, 8, 100]),
    max_queue_size=st.sampled_from([1, 4]),
    cache=st.sampled_from([None, "memory", "disk"]),
    room=st.sampled_from([None, 40_000]),
)
@pytest.mark.parametrize("name", SOURCES)
def test_any_way_gives_the_bytes_of_the_plain_one(
    folder, tmp_path, monkeypatch, name, workers, batch_size, max_queue_size, cache, room
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if name not in PLAIN:
        PLAIN[name] = epochs(folder, name, workers=0, batch_size=COUNT)
    found = epochs(
        folder,
        name,
        workers=workers,
        batch_size=batch_size,
        max_queue_size=max_queue_size,
        cache=cache,
        cache_bytes=None if cache is None else room,
    )
    for plain, fast in zip(PLAIN[name], found, strict=True):
        for one, other in zip(plain, fast, strict=True):
            np.testing.assert_array_equal(one, other)
    if workers == 5:  # and now and then with nothing on disk
        shutil.rmtree(tmp_path / "penstock" / "samples", ignore_errors=True)
