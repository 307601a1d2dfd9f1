"""What the README and the documentation show runs as it stands, page by page.

A page's Python blocks run in order in one namespace, in a directory with the
files that pages speak of. A block whose first line names a file is that file. A
``toml`` block that begins with ``# pyproject.toml`` installs what it describes.
A comment after ``print(…)`` is what it prints; … stands for anything, in what
``$ penstock`` prints too.
"""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from penstock import cli
from penstock.plugins import installed

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OUTPUT = re.compile(r"^\$ penstock (plugins.*)\n((?:(?!\$ ).*\n)+)", re.MULTILINE)
FILE = re.compile(r"# (?:src/)?([\w/]+\.py|pyproject\.toml)\n")
# The hooks' signatures are compared with the contract in test_hook_docs.py;
# what follows from the others is looked at in tests of their own.
ELSEWHERE = {
    "docs/reference/hooks.md",
    "docs/how-to/write-a-plugin.md",
    "docs/tutorial/first-generator.md",
}
PAGES = [
    page
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
    if (page := path.relative_to(ROOT).as_posix()) not in ELSEWHERE
    and "```python\n" in path.read_text(encoding="utf-8")
]


class Model:
    """Stands for any model: reads all batches that it is given."""

    def fit(self, x, validation_data=None, **options):
        assert set(options) <= {"epochs", "callbacks", "verbose"}
        for batch in (*x, *(validation_data or ())):
            assert 2 <= len(batch) <= 3

    evaluate = fit

    def predict(self, x):
        return np.concatenate([np.zeros(len(batch[0])) for batch in x])


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """What the reader of a page has: the files that it speaks of, a model, data in memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("cat", "dog"):
        write_images(tmp_path / "photos" / name, (16, 16, 3))
    write_images(tmp_path / "scans", (16, 16))
    write_images(tmp_path / "masks", (16, 16))
    write_arrays(tmp_path / "data")
    write_sounds(tmp_path / "sounds")
    write_texts(tmp_path / "reviews")
    write_readings(tmp_path / "readings")
    write_table(tmp_path / "train.csv")
    listed = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(4)]
    df = pd.DataFrame(
        {
            "path": listed,
            "caption": [f"a photo, number {number}" for number in range(8)],
            "age": np.arange(8.0),
            "bmi": np.linspace(20, 30, 8),
            "label": ["cat"] * 4 + ["dog"] * 4,
            "x": np.linspace(0, 1, 8),
            "y": np.linspace(1, 0, 8),
            "tags": [["indoors"], ["indoors", "night"]] * 4,
            "weight": np.ones(8),
        }
    )
    df.to_csv("photos.csv", index=False)
    return {
        "__name__": "__main__",
        "np": np,
        "df": df,
        "model": Model(),
        "series": np.arange(72, dtype=np.float32),
        "x_train": np.zeros((8, 64, 64, 1), np.float32),
        "y_train": np.arange(8)[:, None] % 2,
        "partition": {"train": ["id1", "id2", "id3"], "validation": ["id4"]},
        "ids": ["id1", "id2", "id3", "id4"],
        "labels": {"id1": 0, "id2": 1, "id3": 2, "id4": 1},
    }


def write_images(folder, shape):
    folder.mkdir(parents=True)
    for number in range(4):
        Image.fromarray(np.full(shape, 40 * number, np.uint8)).save(folder / f"{number}.png")


def write_arrays(folder):
    folder.mkdir()
    for number in range(1, 5):
        np.save(folder / f"id{number}.npy", np.full((32, 32, 32, 1), number, np.float32))


def write_sounds(folder):
    for name, pitch in (("high", 880), ("low", 110)):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            with wave.open(str(folder / name / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 16_000, 0, "NONE", ""))
                seconds = np.arange(12_000 + 2_000 * number) / 16_000
                file.writeframes(
                    (10_000 * np.sin(2 * np.pi * pitch * seconds)).astype("<i2").tobytes()
                )


def write_texts(folder):
    for name, text in (("neg", "a bad film"), ("pos", "a good film")):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            (folder / name / f"{number}.txt").write_text(f"{text}, number {number}")


def write_readings(folder):
    folder.mkdir()
    for number in range(4):
        np.arange(512, dtype="<f4").tofile(folder / f"{number}.raw")


def write_table(path):
    lines = [f"{number},{number / 2},{'ab'[number % 2]},{number}" for number in range(8)]
    path.write_text("\n".join(["length,width,species,weight", *lines]), encoding="utf-8")


@pytest.fixture
def read(reader, capsys, monkeypatch):
    """Do what a page shows; return what is in its namespace then."""
    imported = set(sys.modules)

    def run(page):
        text = (ROOT / page).read_text(encoding="utf-8")
        reader["print"] = printed(text.splitlines())
        for block in BLOCK.finditer(text):
            language, code = block.groups()
            named = FILE.match(code)
            if language == "toml" and named:
                install(tomllib.loads(code)["project"])
            elif language == "python" and named:
                reader.update(written(named[1], code))
            elif language == "python":
                # Padded, so that a traceback names the page's own lines.
                padding = "\n" * (text.count("\n", 0, block.start()) + 1)
                exec(compile(padding + code, ROOT / page, "exec", dont_inherit=True), reader)
            elif language == "console":
                check_output(code, capsys)
        return reader

    yield run
    for name in set(sys.modules) - imported:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(Path.cwd())):
            del sys.modules[name]


def printed(lines):
    """Make a print that holds each call to the comment behind it."""

    def check(*values):
        line = lines[sys._getframe(1).f_lineno - 1]
        assert matches(line.partition("  # ")[2], " ".join(map(str, values))), line

    return check


def matches(shown, found):
    """Compare, but for the width of columns; … stands for anything."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in shown.split("…")]
    return re.fullmatch(r"\s*" + r".*?".join(parts) + r"\s*", found, re.DOTALL)


def install(project):
    """Do what pip does for a distribution in the current directory."""
    place = Path(f"{project['name'].replace('-', '_')}-{project['version']}.dist-info")
    place.mkdir()
    (place / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (place / "entry_points.txt").write_text("\n".join(lines))
    importlib.invalidate_caches()


def written(name, code):
    """Write a module and import it; return what it defines."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    importlib.invalidate_caches()
    module = importlib.import_module(name.removesuffix("/__init__.py").removesuffix(".py"))
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def check_output(code, capsys):
    """Run the commands of ours whose output is shown, and compare."""
    for command, shown in OUTPUT.findall(code):
        capsys.readouterr()
        assert cli.main(command.split()) == 0
        assert matches(shown, capsys.readouterr().out), command


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs(page, read):
    read(page)


def test_the_first_generator_trains(read):
    left = read("docs/tutorial/first-generator.md")
    assert np.mean(left["found"] == left["val"].labels) > 0.9
    assert len(left["mistaken"]) == np.sum(left["found"] != left["val"].labels)


def test_what_the_plugin_page_teaches_works(read):
    import penstock

    left = read("docs/how-to/write-a-plugin.md")
    generator = penstock.make_generator(
        "readings/",
        loader="raw",
        length=512,
        labels=["up", "down", "down", "up"],
        encoder=left["Signed"](),
        augment=left["Noise"](deviation=0.5),
        shuffle=False,
        seed=0,
    )
    x, y = generator[0]
    assert x.shape == (4, 512)
    assert 0.4 < np.std(x - np.arange(512)) < 0.6
    assert y.tolist() == [1, -1, -1, 1]

    ramp = np.arange(5, dtype=np.float32)
    generator = penstock.make_generator(
        (ramp, ramp), augment=left["Mixup"](), shuffle=False, seed=0
    )
    x, y = generator[0]
    assert ((x >= 0) & (x <= 4) & (x != ramp)).all()  # towards another's value
    np.testing.assert_allclose(x, y, rtol=1e-5)


def test_the_readme_lists_the_components_that_come_with_penstock():
    projects = [
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"]
        for path in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))
    ]
    rows = [
        f"| `{each.name}` | {each.kind} | `{each.distribution}` | {each.summary} |"
        for each in installed()
        if each.distribution in projects
    ]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    row = re.compile(r"\| `\w+` \| (loader|encoder|augmenter) \|")
    assert list(filter(row.match, readme)) == rows


def test_what_the_readme_says_one_types_is_read(reader):
    import penstock
    from penstock_images import ImageFiles

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    typed = re.findall(r"^\|.*\| `(make_generator\(.*\))` \|$", text, re.MULTILINE)
    assert len(typed) == 10
    names = {**vars(penstock), "ImageFiles": ImageFiles, "Columns": penstock.Columns}
    for call in typed:
        generator = eval(call, {**names, **reader, "make_generator": penstock.make_generator})
        _x, y = generator._batches.make(0, 0)
        assert len(y) == generator.num_samples


def test_the_readme_is_read_in_a_minute():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = [line for line in BLOCK.sub("", text).splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) < 300


def test_the_design_says_where_every_module_of_the_core_lives():
    page = (ROOT / "docs/explanation/design.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("## The house")[2].splitlines() if line[:3] == "| `"]
    listed = [name for row in rows for name in re.findall(r"`(\w+\.py)`", row.split("|")[1])]
    modules = {path.name for path in (ROOT / "src/penstock").glob("*.py")} - {"__init__.py"}
    assert sorted(listed) == sorted(modules)


def test_the_decisions_are_listed_by_number_and_title():
    pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert len({page.name[:4] for page in pages}) == len(pages)
    rows = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        title = re.match(rf"# {page.name[:4]}: (.+)\n", text)[1]
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Context", "Options", "Decision", "Consequences"]
        rows.append(f"| [{page.name[:4]}]({page.name}) | {title} |")
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    assert [line for line in index.splitlines() if line.startswith("| [")] == rows
