"""The demo writes the same digits three times, trains on each and keeps its promise or says so."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import penstock
from penstock import demo


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("digits")
    return root, demo._write_data(str(root))


def test_the_three_formats_hold_the_same_digits(written):
    root, ids = written
    labels = json.loads((root / "labels.json").read_text(encoding="utf-8"))
    with open(root / "digits.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    digits = load_digits()
    assert header[0] == "pixel_0_0"
    assert header[63:] == ["pixel_7_7", "label"]
    assert list(labels) == ids
    for number in (0, 1, 1000, 1796):
        digit, label = digits.images[number], str(digits.target[number])
        array = np.load(root / "npy" / f"{ids[number]}.npy")
        grey = Image.open(root / "images" / label / f"{ids[number]}.png")
        assert labels[ids[number]] == label
        assert array.shape == (8, 8, 1)
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array[..., 0], digit)
        np.testing.assert_array_equal(np.asarray(grey), digit * 15)
        assert rows[number] == [*map(str, digit.astype(int).ravel()), label]


def test_every_digit_is_written_once(written):
    root, ids = written
    assert len(set(ids)) == 1797
    assert len(list(root.glob("images/[0-9]/*.png"))) == 1797
    assert len(list(root.glob("npy/*.npy"))) == 1797


def test_writing_again_changes_nothing(written):
    root, ids = written
    before = (root / "digits.csv").read_bytes()
    assert demo._write_data(str(root)) == ids
    assert (root / "digits.csv").read_bytes() == before
    assert len(list(root.glob("images/*/*"))) == 1797


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("words", encoding="utf-8")
    with pytest.raises(penstock.errors.ConfigError, match="thesis"):
        demo.main(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(penstock.errors.ConfigError, match=r"cannot write to '.*file/below'"):
        demo.main(tmp_path / "file" / "below")


def test_what_is_not_installed_is_named_with_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "find_spec", {"matplotlib": "found"}.get)
    monkeypatch.setattr(demo, "installed", lambda kind: [])
    with pytest.raises(penstock.errors.ConfigError) as refusal:
        demo.main(tmp_path / "digits")
    assert "scikit-learn, penstock-csv, penstock-images, penstock-npy, which are" in str(
        refusal.value
    )
    assert 'pip install "penstock[demo]"' in str(refusal.value)
    assert not (tmp_path / "digits").exists()


def test_the_demo_trains_through_each_plugin_and_draws_a_batch(monkeypatch, capsys, tmp_path):
    train = demo._train
    monkeypatch.setattr(
        demo,
        "_train",
        lambda *job, epochs, goal: train(*job, epochs=1, goal=2.0 if job[0] == "csv" else 0.0),
    )
    root = tmp_path / "digits"
    assert demo.main(root) == 1
    out = capsys.readouterr().out
    table = out[out.index("plugin ") :].splitlines()
    assert [line.split()[:2] for line in table[1:4]] == [
        ["images", "1,797"],
        ["npy", "1,797"],
        ["csv", "1,797"],
    ]
    assert table[-1].startswith("csv: ")
    assert table[-1].endswith(" is below the 2.0 promised.")
    with Image.open(root / "batch.png") as picture:
        assert picture.size == (960, 552)


def test_the_demo_succeeds_where_every_model_is_as_good_as_promised(monkeypatch, tmp_path):
    monkeypatch.setattr(
        demo,
        "_train",
        lambda plugin, *job, epochs, goal: demo.Result(plugin, 1797, 1.0, goal, goal),
    )
    assert demo.main(tmp_path / "digits") == 0
