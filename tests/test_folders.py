"""What can be made again is kept where this user alone can put it."""

from __future__ import annotations

import os

import pytest

from penstock import folders
from penstock.folders import cache_folder


def test_a_chosen_directory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder(tmp_path / "here", "csv") == str(tmp_path / "here")
    assert cache_folder(os.path.join("~", "here"), "csv") == str(tmp_path / "here")


@pytest.mark.skipif(os.name == "nt", reason="paths are spelt in another way there")
def test_otherwise_it_is_in_the_cache_directory_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setattr(folders.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(None, "csv") == str(tmp_path / "penstock" / "csv")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder(None, "csv") == str(tmp_path / ".cache" / "penstock" / "csv")
    monkeypatch.setattr(folders.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder(None, "csv") == os.path.join(str(tmp_path), "penstock", "csv")
