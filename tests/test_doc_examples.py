"""The Python in the README and the documentation runs as it stands, page by page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from penstock import demo

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# The hooks' signatures are compared with the contract in test_hook_docs.py.
NOT_RUN = {"docs/reference/hooks.md"}
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
    if BLOCK.search(path.read_text(encoding="utf-8"))
]


def write_photos(folder):
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((16, 16, 3), 40 * number, np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")


def write_arrays(folder):
    folder.mkdir()
    for number in range(1, 5):
        np.save(folder / f"id-{number}.npy", np.full((4, 4, 1), number, np.float32))


def write_readings(folder):
    folder.mkdir()
    for number in range(4):
        np.arange(512, dtype="<f4").tofile(folder / f"{number}.raw")


def write_table(path):
    lines = [f"{number},{number / 2},{'ab'[number % 2]}" for number in range(8)]
    path.write_text("\n".join(["length,width,species", *lines]), encoding="utf-8")


class Model:
    """Stands for any model: reads all batches that it is given."""

    def fit(self, train, validation_data=None, **options):
        for batch in (*train, *(validation_data or ())):
            assert len(batch[0]) == len(batch[1])


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """What the reader of a page has: the files that it speaks of, a model, data in memory."""
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "photos")
    write_arrays(tmp_path / "data")
    write_readings(tmp_path / "readings")
    write_table(tmp_path / "train.csv")
    demo._write_data("demo")
    return {
        "np": np,
        "df": pd.DataFrame({"path": ["cat/0.png", "dog/1.png"], "label": ["cat", "dog"]}),
        "model": Model(),
        "x_train": np.zeros((8, 3), np.float32),
        "y_train": np.zeros((8, 1), np.float32),
    }


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NOT_RUN])
def test_the_python_of_a_page_runs(page, reader):
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        # Padded, so that a traceback names the page's own lines.
        code = compile("\n" * line + block[1], str(ROOT / page), "exec")
        exec(code, reader)


def test_what_the_plugin_page_teaches_works(reader):
    import penstock

    text = (ROOT / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        exec(block[1], reader)
    generator = penstock.make_generator(
        "readings/",
        loader=reader["RawFiles"](length=512),
        labels=["up", "down", "down", "up"],
        encoder=reader["Signed"](),
        augment=reader["Noise"](deviation=0.5),
        shuffle=False,
        seed=0,
    )
    x, y = generator[0]
    assert x.shape == (4, 512)
    assert 0.4 < np.std(x - np.arange(512)) < 0.6
    assert y.tolist() == [1, -1, -1, 1]
