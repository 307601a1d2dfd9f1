"""A file that is not what its name says is told by its first bytes."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock.lookalikes import looks_like


def archived():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


def saved():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "an empty file"),
        (bytes(5000), "nothing but zero bytes"),
        (b"hello, world\n", "text"),
        ("z\u00fcrich".encode()[:2], "text"),
        (b"<!DOCTYPE html><title>404", "HTML"),
        (b"\xef\xbb\xbf\n <HTML><body>404", "HTML"),
        (b'<?xml version="1.0"?><html xmlns="x">', "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (pickle.dumps([1] * 9), "a pickle"),
        (gzip.compress(b"a", mtime=0), "a gzip archive"),
        (archived(), "a zip archive"),
        (saved(), "a .npy array"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x9c\x02\xff\x13" * 50, ""),
    ],
)
def test_what_data_sets_contain_by_accident_is_named(head, found):
    assert looks_like(head).startswith(found)
    assert bool(looks_like(head)) == bool(found)


@given(st.binary(max_size=2000))
def test_any_bytes_are_told_by_their_beginning(head):
    assert looks_like(head) == looks_like(head[:1024])
