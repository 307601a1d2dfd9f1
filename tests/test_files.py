"""Files are listed as Keras lists them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from penstock import files
from penstock.errors import ConfigError
from penstock.files import has_suffix, list_files

SUFFIXES = (".npy",)


def listed(root, **options):
    return list_files(str(root), SUFFIXES, **options)


def test_the_order_and_the_labels_are_those_of_keras(tmp_path, write):
    from keras.src.utils.dataset_utils import index_directory

    places = ["b", "a", "a/x", "a/x/y", "a/x-y", "a/X", "B", "c c", "a.b/1", "10", "9"]
    write(tmp_path, *(f"{place}/{name}.npy" for place in places for name in ("2", "10", "Z", "_")))
    write(tmp_path, "a/note.txt", "a/UPPER.NPY")
    files, labels, classes = index_directory(
        str(tmp_path), "inferred", SUFFIXES, shuffle=False, verbose=False
    )
    table = listed(tmp_path)
    assert [os.path.join(tmp_path, name) for name in table["sample"]] == list(files)
    assert table["label"].cat.codes.tolist() == list(labels)
    assert list(table["label"].cat.categories) == list(classes)


def test_files_without_folders_have_no_labels(tmp_path, write):
    write(tmp_path, "b.npy", "a.npy", "note.txt")
    table = listed(tmp_path)
    assert table["sample"].tolist() == ["a.npy", "b.npy"]
    assert list(table.columns) == ["sample"]


def test_a_class_without_samples_keeps_its_number_and_is_warned_of(tmp_path, write):
    write(tmp_path, "a/1.npy", "c/1.npy")
    (tmp_path / "b").mkdir()
    with pytest.warns(UserWarning, match="The class folder 'b' has no .npy file"):
        table = listed(tmp_path)
    assert list(table["label"].cat.categories) == ["a", "b", "c"]
    assert table["label"].cat.codes.tolist() == [0, 2]


def test_hidden_files_and_folders_are_left_out(tmp_path, write):
    write(tmp_path, "a/1.npy", "a/.2.npy", "a/.git/3.npy", ".b/4.npy", ".5.npy")
    assert listed(tmp_path)["sample"].tolist() == ["a/1.npy"]


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_however_many_entries_are_read_at_once_all_are_listed(
    tmp_path, write, monkeypatch, at_once
):
    monkeypatch.setattr(files, "_AT_ONCE", at_once)
    names = ["+.npy", "-a.npy", "0.npy", "B.NPY", "b2.npy", "c.npy"]  # around the hidden ones
    write(tmp_path, *(f"a/{name}" for name in names), "a/.b.npy", "a/.b/c.npy", "a/d.txt")
    write(tmp_path, "a/z/e.npy")
    found = listed(tmp_path)["sample"].tolist()
    assert found == [*(f"a/{name}" for name in names), "a/z/e.npy"]


def test_an_entry_that_the_file_system_hides_does_not_hide_the_others(tmp_path, write, monkeypatch):
    write(tmp_path, "a/1.npy", "a/2.npy", "a/3.npy")

    class Entry:
        def __init__(self, entry):
            self.name, self.is_symlink, self.is_dir = entry.name, entry.is_symlink, entry.is_dir
            self.inner = entry

        def is_file(self, **options):
            if self.name == "2.npy":
                raise PermissionError("not yours")
            return self.inner.is_file(**options)

    class Entries:
        def __init__(self, path):
            self.inner = scandir(path)

        def __enter__(self):
            return map(Entry, self.inner)

        def __exit__(self, *error):
            self.inner.close()

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", Entries)
    found = listed(tmp_path)["sample"].tolist()
    assert found == ["a/1.npy", "a/3.npy"]


def test_a_folder_that_is_called_like_a_file_is_a_folder(tmp_path, write):
    write(tmp_path, "a/b.npy/1.npy")
    assert listed(tmp_path)["sample"].tolist() == ["a/b.npy/1.npy"]


@pytest.fixture
def linked(tmp_path, write):
    write(tmp_path / "data", "a/1.npy", "b/1.npy")
    write(tmp_path / "elsewhere", "2.npy", "deep/3.npy")
    (tmp_path / "data/a/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/a/4.npy").symlink_to(tmp_path / "elsewhere/2.npy")
    (tmp_path / "data/a/dangling.npy").symlink_to(tmp_path / "nowhere")
    return tmp_path / "data"


def test_links_are_not_followed_unless_asked(linked):
    assert listed(linked)["sample"].tolist() == ["a/1.npy", "b/1.npy"]


def test_links_are_followed_when_asked_and_dangling_ones_left_out(linked):
    assert listed(linked, follow_links=True)["sample"].tolist() == [
        "a/1.npy",
        "a/4.npy",
        "a/linked/2.npy",
        "a/linked/deep/3.npy",
        "b/1.npy",
    ]


def test_links_in_a_circle_are_walked_once(tmp_path, write):
    write(tmp_path, "a/1.npy")
    (tmp_path / "a/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/top").symlink_to(tmp_path)
    names = listed(tmp_path, follow_links=True)["sample"].tolist()
    assert names.count("a/1.npy") == 1
    assert len(names) <= 2


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_to_itself_harms_nothing(tmp_path, follow, write):
    write(tmp_path, "a/1.npy")
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "a/self.npy").symlink_to("self.npy")
    assert listed(tmp_path, follow_links=follow)["sample"].tolist() == ["a/1.npy"]


def test_where_there_are_only_links_the_error_says_how_to_follow_them(tmp_path, write):
    write(tmp_path / "elsewhere", "1.npy")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/1.npy").symlink_to(tmp_path / "elsewhere/1.npy")
    with pytest.raises(ConfigError, match=r"1 symbolic links were skipped: pass follow_links=True"):
        listed(tmp_path / "data")


def test_a_directory_without_a_fitting_file_is_refused(tmp_path, write):
    write(tmp_path, "a/1.txt")
    with pytest.raises(ConfigError, match=r"No \.npy file below the directory"):
        listed(tmp_path)


def test_a_fifo_among_the_files_is_not_listed(tmp_path, write):
    write(tmp_path, "a/1.npy")
    os.mkfifo(tmp_path / "a/2.npy")
    assert listed(tmp_path)["sample"].tolist() == ["a/1.npy"]


def test_strange_names_are_listed_byte_for_byte(tmp_path, strange_names, write):
    write(tmp_path, *(f"k\udce9/{name}" for name in strange_names))
    table = listed(tmp_path)
    assert sorted(table["sample"]) == sorted(f"k\udce9/{name}" for name in strange_names)
    assert list(table["label"].cat.categories) == ["k\udce9"]
    for name in table["sample"]:
        assert (tmp_path / name).read_bytes() == b"x"


# -- detecting -----------------------------------------------------------------


def test_directories_files_and_lists_are_recognised_by_suffix(tmp_path, write):
    write(tmp_path, "deep/er/1.NPY", "deep/note.txt", ".hidden/2.png")
    assert has_suffix(str(tmp_path), SUFFIXES)
    assert not has_suffix(str(tmp_path), (".png",))
    assert has_suffix("A.NPY", SUFFIXES)
    assert has_suffix(["a.npy", "b.npy"], SUFFIXES)
    assert has_suffix(np.array(["a.npy"], object), SUFFIXES)
    for nothing in ([], ["a.npy", "b.png"], [1, 2], None, 5, "a.npz"):
        assert not has_suffix(nothing, SUFFIXES)


def test_a_loader_without_suffixes_recognises_nothing(tmp_path, write):
    write(tmp_path, "a.npy")
    assert not has_suffix(str(tmp_path), ())
    assert not has_suffix(["a.npy"], ())


def test_a_circle_of_links_does_not_hold_detection_up(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path)
    assert not has_suffix(str(tmp_path), SUFFIXES)
