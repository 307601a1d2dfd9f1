"""Paths in tables and lists are resolved as they are named, and kept inside the root."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from penstock import wherefiles
from penstock.errors import SampleMissing, SampleRefused
from penstock.paths import resolve_paths

SUFFIXES = (".npy",)


def resolved(root, names, contained=True):
    return list(resolve_paths(names, SUFFIXES, root=str(root), contained=contained))


def test_strange_names_are_resolved_as_they_are(tmp_path, strange_names, write):
    names = [f"d/{name}" for name in strange_names]
    write(tmp_path, *names)
    assert resolved(tmp_path, names) == names


def test_ids_are_completed_by_the_suffix(tmp_path, strange_names, write):
    names = [name for name in strange_names if name.endswith(".npy")]
    ids = [name.removesuffix(".npy") for name in names]
    write(tmp_path, *names)
    assert resolved(tmp_path, ids) == names


def test_a_folder_of_the_same_name_is_no_rival_to_a_file(tmp_path, write):
    write(tmp_path, "a.npy", "a/b.npy")
    assert resolved(tmp_path, ["a"]) == ["a.npy"]


def test_the_first_suffix_that_exists_completes_an_id(tmp_path, write):
    write(tmp_path, "a.png", "b.jpg", "b.png", "c.d.jpg")
    names = resolve_paths(["a", "b", "c.d"], (".jpg", ".png"), root=str(tmp_path), contained=True)
    assert list(names) == ["a.png", "b.jpg", "c.d.jpg"]


def test_numbers_are_ids_too_and_path_objects_are_names(tmp_path, write):
    write(tmp_path, "7.npy", "a/b.npy")
    assert resolved(tmp_path, [np.int64(7), 7, tmp_path.__class__("a/b.npy")]) == [
        "7.npy",
        "7.npy",
        "a/b.npy",
    ]


def test_missing_files_are_counted_and_the_first_is_named(tmp_path, write):
    write(tmp_path, "a.npy")
    with pytest.raises(SampleMissing, match=r"2 of 3 files are missing") as caught:
        resolved(tmp_path, ["a", "b\n", "c"])
    assert r": 'b\n', 'c' (tried as it stands and with .npy)" in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("name", ["", ".", "a" * 300, "a/b/c", "no\udce9"])
def test_a_name_that_can_be_no_file_is_missing_or_refused(tmp_path, name):
    with pytest.raises((SampleMissing, SampleRefused)):
        resolved(tmp_path, [name])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.npy",
        "a/../../secret.npy",
        "..",
        "a/..",
        "..\\secret.npy",
        "/etc/passwd",
        "\\\\host\\share\\a.npy",
        "C:\\a.npy",
        "c:a.npy",
        "file:///etc/passwd",
        "http://host/a.npy",
        "s3://bucket/a.npy",
        "a\0.npy",
    ],
)
def test_a_path_that_leads_out_of_the_root_is_refused(tmp_path, name, write):
    write(tmp_path, "secret.npy", "root/a/b.npy")
    with pytest.raises(SampleRefused, match="allow_outside_root=True") as caught:
        resolved(tmp_path / "root", ["a/b", name])
    assert caught.value.index == 1
    assert caught.value.sample == name
    assert "row 1" in str(caught.value)


@pytest.mark.parametrize("name", ["..a.npy", "a..npy", "...npy", "a:b.npy", "~/x.npy", "$HOME.npy"])
def test_names_that_only_look_dangerous_are_names(tmp_path, name, write):
    if name[1] == ":":
        name = f"dir/{name}"
    write(tmp_path, name)
    assert resolved(tmp_path, [name]) == [name]


@pytest.mark.parametrize("way", ["a link to a file", "a link to a folder", "a link by a link"])
def test_a_link_out_of_the_root_is_refused(tmp_path, way, write):
    write(tmp_path, "outside/1.npy")
    write(tmp_path / "root", "in/1.npy")
    name = "out.npy" if way == "a link to a file" else "out/1.npy"
    if way == "a link to a file":
        (tmp_path / "root/out.npy").symlink_to("../outside/1.npy")
    elif way == "a link to a folder":
        (tmp_path / "root/out").symlink_to(tmp_path / "outside")
    else:
        (tmp_path / "root/in/hop").symlink_to(tmp_path / "outside")
        (tmp_path / "root/out").symlink_to("in/hop")
    with pytest.raises(SampleRefused, match="is a link out of the root"):
        resolved(tmp_path / "root", [name])
    assert resolved(tmp_path / "root", [name], contained=False) == [name]


def test_a_link_inside_the_root_and_a_root_that_is_a_link_are_fine(tmp_path, write):
    write(tmp_path / "real", "in/1.npy")
    (tmp_path / "real/also").symlink_to("in")
    (tmp_path / "real/2.npy").symlink_to("in/1.npy")
    (tmp_path / "root").symlink_to("real")
    names = ["in/1.npy", "also/1.npy", "2.npy"]
    assert resolved(tmp_path / "root", names) == names


def test_a_sibling_whose_name_begins_like_the_root_is_outside(tmp_path, write):
    write(tmp_path, "root/1.npy", "root2/1.npy")
    (tmp_path / "root/out.npy").symlink_to("../root2/1.npy")
    with pytest.raises(SampleRefused):
        resolved(tmp_path / "root", ["out.npy"])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device", "link to a fifo"])
def test_only_regular_files_are_samples_and_nothing_blocks(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    if kind == "directory":
        os.mkdir("a.npy")
    elif kind == "fifo":
        os.mkfifo("a.npy")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("a.npy")
    elif kind == "device":
        os.symlink("/dev/zero", "a.npy")
    else:
        os.mkfifo("pipe")
        os.symlink("pipe", "a.npy")
    with pytest.raises(SampleRefused, match="is not a regular file"):
        resolved(tmp_path, ["a"], contained=False)
    with pytest.raises(SampleRefused):
        resolved(tmp_path, ["a"])


def test_a_path_of_the_users_own_may_lead_anywhere(tmp_path, write):
    write(tmp_path, "a.npy")
    (tmp_path / "root").mkdir()
    names = ["../a.npy", str(tmp_path / "a.npy")]
    assert resolved(tmp_path / "root", names, contained=False) == names


ENDINGS = ("", ".npy", ".txt")
PLACES = [f"{name}{end}" for name in ("a", "d/a", "e/a") for end in ENDINGS]
KINDS = st.dictionaries(
    st.sampled_from(PLACES), st.sampled_from(["file", "folder", "link", "broken link", "way out"])
)
ASKED = st.lists(st.sampled_from([*PLACES, "./a", "b"]), min_size=1, max_size=8)


def outcome(root, names, contained, tolerant):
    try:
        found = resolve_paths(
            names, ENDINGS[1:], root=str(root), contained=contained, tolerant=tolerant
        )
    except (SampleMissing, SampleRefused) as error:
        return type(error), str(error)
    return list(found)


@settings(max_examples=300)
@given(KINDS, ASKED, st.booleans(), st.booleans())
@example({"a.npy": "folder", "a.txt": "file"}, ["a"], True, False)
def test_listings_say_what_asking_for_each_file_says(kinds, names, contained, tolerant):
    with tempfile.TemporaryDirectory() as top, pytest.MonkeyPatch.context() as patch:
        root = Path(top, "root")
        Path(root, "d").mkdir(parents=True)
        Path(root, "e").symlink_to(top)  # a folder that leads out
        for inside in (Path(root, "real"), Path(top, "real")):
            inside.touch()
        for name, kind in kinds.items():
            if kind == "file":
                Path(root, name).touch()
            elif kind == "folder":
                Path(root, name).mkdir()
            else:
                to = {"link": Path(root, "real"), "way out": Path(top, "real")}
                Path(root, name).symlink_to(to.get(kind, "nothing"))
        patch.setattr(wherefiles, "_FEW", 0)
        patch.setattr(wherefiles, "_MORE", 100)
        patch.setattr(wherefiles, "_AT_ONCE", 5)
        listed = outcome(root, names, contained, tolerant)
        patch.setattr(wherefiles, "_MORE", 1)
        cut = outcome(root, names, contained, tolerant)
        patch.setattr(wherefiles, "_FEW", len(names))
        asked = outcome(root, names, contained, tolerant)
    assert listed == asked
    assert cut == asked


def test_many_files_are_found_without_asking_for_each(tmp_path, write, monkeypatch):
    names = [f"{folder}/{number}.npy" for folder in "ab" for number in range(50)]
    write(tmp_path, *names)
    asked = []
    lstat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: asked.append(path) or lstat(path))
    assert resolved(tmp_path, names[::-1]) == names[::-1]
    ids = [name.removesuffix(".npy") for name in names]
    assert resolved(tmp_path, ids) == names
    # What is asked for is the way to the root and the folders, for links.
    assert not [path for path in asked if str(path).endswith(".npy")]
    assert len(asked) < len(names)


def test_a_large_folder_is_not_read_for_a_few_of_its_files(tmp_path, write, monkeypatch):
    write(tmp_path, *[f"{number}.npy" for number in range(200)])
    read = []
    monkeypatch.setattr(wherefiles, "_FEW", 1)

    class Entries:
        def __init__(self, path):
            self.inner = scandir(path)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.inner.close()

        def __iter__(self):
            for each in self.inner:
                read.append(each)
                yield each

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", Entries)
    assert resolved(tmp_path, ["7", "8", "9"]) == ["7.npy", "8.npy", "9.npy"]
    assert len(read) <= 13
