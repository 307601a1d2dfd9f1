"""A sequence says in a few lines what is in it."""

from __future__ import annotations

import numpy as np

import penstock
from penstock.sequencetext import sequence_text

X = np.arange(80, dtype=np.float32).reshape(10, 2, 4)


def text(*args, **options):
    return repr(penstock.make_generator(*args, **options))


def test_it_says_how_many_there_are_and_what_is_in_a_batch():
    assert text((X, np.arange(10) % 3), batch_size=4, seed=7, encoder="categorical") == (
        "<penstock.Sequence: 10 samples in 3 batches of 4, shuffled with seed 7\n"
        "  x 'x': float32(4, 2, 4) by Arrays\n"
        "  y 'y': float32(4, 3) by Categorical, 3 classes>"
    )


def test_it_names_augmenters_and_targets_that_are_loaded_or_echoed():
    shown = text((X, X.copy()), shuffle=False, augment=np.negative)
    assert shown.splitlines() == [
        "<penstock.Sequence: 10 samples in 1 batch of 10, not shuffled",
        "  x 'x': float32(10, 2, 4) by Arrays",
        "  y 'y': float32(10, 2, 4) by Arrays",
        "  augmented by negative>",
    ]
    part = penstock.make_generator((X, X), augment=np.negative).split(0.5, 0.5)[1]
    assert "augmented" not in sequence_text(part._batches)


def test_nothing_is_loaded_for_it(tmp_path):
    np.save(tmp_path / "a.npy", X)
    data = penstock.make_generator(["a.npy"], root=tmp_path, encoder="none")
    (tmp_path / "a.npy").unlink()
    assert "float32(1, 10, 2, 4) by NpyFiles" in sequence_text(data._batches)
