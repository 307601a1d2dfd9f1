"""What Keras users had: each argument stands in the page, and what the tables name is there."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import keras
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras.src.legacy.preprocessing.sequence import TimeseriesGenerator

ROOT = Path(__file__).parents[1]
MIGRATE = ROOT / "docs" / "how-to" / "migrate.md"
TABLES = ROOT / "docs" / "explanation" / "what-keras-users-had.md"
UTILS = keras.utils
THEIRS = {
    "ImageDataGenerator": ImageDataGenerator,
    **{
        f"ImageDataGenerator.{name}": getattr(ImageDataGenerator, name)
        for name in (
            "flow",
            "flow_from_directory",
            "flow_from_dataframe",
            "fit",
            "standardize",
            "get_random_transform",
            "apply_transform",
        )
    },
    "image_dataset_from_directory": UTILS.image_dataset_from_directory,
    "text_dataset_from_directory": UTILS.text_dataset_from_directory,
    "audio_dataset_from_directory": UTILS.audio_dataset_from_directory,
    "timeseries_dataset_from_array": UTILS.timeseries_dataset_from_array,
    "TimeseriesGenerator": TimeseriesGenerator,
    "PyDataset": UTILS.PyDataset,
}


def sections(page):
    """Return the text below each heading of the second level."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", THEIRS)
def test_each_argument_of_keras_has_a_row_and_none_is_made_up(name):
    parameters = inspect.signature(THEIRS[name]).parameters.values()
    theirs = [
        each.name
        for each in parameters
        if each.name != "self" and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    table = re.split(r"\n### |\n\| method \|", sections(MIGRATE)[name])[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == theirs


def test_all_public_methods_of_an_iterators_maker_are_told():
    told = sections(MIGRATE)
    for name, method in inspect.getmembers(ImageDataGenerator, inspect.isfunction):
        if not name.startswith("_"):
            assert f"ImageDataGenerator.{name}" in told or f"`{name}(" in str(told), method


def anchors(page):
    """Return the anchors of a page's headings, as mkdocs makes them."""
    found = set()
    for title in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        named = re.search(r"\{ ?#([\w-]+) ?\}$", title)
        plain = re.sub(r"[^\w\s-]", "", title).strip().lower()
        found.add(named[1] if named else re.sub(r"[-\s]+", "-", plain))
    return found


def rows():
    text = TABLES.read_text(encoding="utf-8")
    tables = re.findall(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [line.strip("|\n ").split(" | ") for table in tables for line in table.splitlines()]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_row_leads_to_an_example_and_to_tests_that_are_there(row):
    _feature, _here, example, tests = row
    links = re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", example)
    assert links
    for name, anchor in links:
        page = (TABLES.parent / name).resolve()
        assert page.is_file(), name
        assert not anchor or anchor in anchors(page), f"{name}#{anchor}"
        if page.parent.name == "how-to":
            assert "```python" in page.read_text(encoding="utf-8")
    named = re.findall(r"`([\w./-]+\.py)::(\w+)`", tests)
    assert named
    for name, test in named:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        defined = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        assert test in defined, f"{name}::{test}"
