"""What NpyFiles says of files that are not what they should be."""

from __future__ import annotations

import io
import os
import pickle
import socket
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from penstock.errors import (
    ConfigError,
    PenstockError,
    SampleCorrupt,
    SampleError,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)
from penstock_npy import NpyFiles, reading

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def npy(header: str | bytes, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() if isinstance(header, str) else header
    width = 2 if version == 1 else 4
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(width, "little") + text + data


def fields(descr: str = "'<f8'", shape: str = "(3,)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def saved(array: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


class Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("penstock-canary",)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", content)
    return file.getvalue()


GOOD = saved(np.arange(3.0))
DATA = bytes(24)

BAD = {
    "N01 empty": (b"", SampleCorrupt, "an empty file"),
    "N02 magic only": (GOOD[:6], SampleCorrupt, "ends within its header"),
    "N02 version cut": (GOOD[:7], SampleCorrupt, "ends within its header"),
    "N02 length cut": (GOOD[:9], SampleCorrupt, "ends within its header"),
    "N02 v2 length cut": (b"\x93NUMPY\x02\x00\x01\x00", SampleCorrupt, "ends within its header"),
    "N03 part of the magic": (GOOD[:5], SampleCorrupt, "not a .npy file"),
    "N04 text": (b"hello world, 1, 2\n" * 9, SampleCorrupt, "it looks like text"),
    "N05 PNG": (b"\x89PNG\r\n\x1a\n" + DATA, SampleCorrupt, "it looks like PNG"),
    "N05 HTML": (b"<!DOCTYPE html><title>404", SampleCorrupt, "it looks like HTML"),
    "N05 LFS": (
        b"version https://git-lfs.github.com/spec/v1\n",
        SampleCorrupt,
        "a Git LFS pointer",
    ),
    "N05 pickle": (pickle.dumps([1] * 9), SampleCorrupt, "it looks like a pickle"),
    "N05 bytes": (b"\x00\x01\x02" * 9, SampleCorrupt, "not a .npy file"),
    "N06 version 9.9": (b"\x93NUMPY\x09\x09" + GOOD[8:], SampleCorrupt, "version is 9.9"),
    "N06 version 1.1": (b"\x93NUMPY\x01\x01" + GOOD[8:], SampleCorrupt, "version is 1.1"),
    "N07 header of 4 GB": (
        b"\x93NUMPY\x02\x00\xf0\xff\xff\xff",
        SampleCorrupt,
        "ends within its header",
    ),
    "N08 header cut": (GOOD[:60], SampleCorrupt, "ends within its header"),
    "N09 header of 20 kB": (
        npy(fields() + " " * 20_000, DATA),
        SampleRefused,
        "at most 10000 are read",
    ),
    "N10 nested parentheses": (npy("(" * 4000 + ")" * 4000, DATA), SampleCorrupt, "too deeply"),
    "N10 nested brackets": (npy("[" * 9000, DATA), SampleCorrupt, "too deeply"),
    "N10 nested dicts": (npy("{'descr':" * 900, DATA), SampleCorrupt, "too deeply"),
    "N11 unary minus": (npy("-" * 9000 + "1", DATA), SampleCorrupt, "malformed"),
    "N13 unclosed dict": (npy(fields()[:-3], DATA), SampleCorrupt, "malformed"),
    "N13 text after the dict": (npy(fields() + "{}", DATA), SampleCorrupt, "malformed"),
    "N13 no comma": (npy("{'descr' '<f8'}", DATA), SampleCorrupt, "malformed"),
    "N13 no colon": (npy("{'descr', '<f8'}", DATA), SampleCorrupt, "malformed"),
    "N13 key is no string": (npy("{1: 2}", DATA), SampleCorrupt, "malformed"),
    "N13 key twice": (npy(fields()[:-2] + "'descr': '<f8'}", DATA), SampleCorrupt, "key is given"),
    "N13 no header": (npy("", DATA), SampleCorrupt, "malformed"),
    "N13 not UTF-8": (npy(b"\xff" + fields().encode(), DATA, 3), SampleCorrupt, "malformed"),
    "N15 list": (npy("['descr', 'shape']", DATA), SampleCorrupt, "is no dict"),
    "N16 key missing": (npy("{'descr': '<f8', 'shape': (3,)}", DATA), SampleCorrupt, "the keys"),
    "N17 key too many": (npy(fields()[:-2] + "'x': 1}", DATA), SampleCorrupt, "the keys"),
    "N18 code": (npy("__import__('os').system('touch x')", DATA), SampleCorrupt, "malformed"),
    "N18 code as a value": (
        npy(fields(shape="(__import__('os').getpid(),)"), DATA),
        SampleCorrupt,
        "malformed",
    ),
    "N19 NUL after the header": (npy(fields() + "\0", DATA), SampleCorrupt, "malformed"),
    "N21 dtype zzz": (npy(fields("'zzz'"), DATA), SampleCorrupt, "unknown dtype 'zzz'"),
    "N21 dtype f3": (npy(fields("'<f3'"), DATA), SampleCorrupt, "unknown dtype '<f3'"),
    "N21 dtype with tail": (npy(fields("'<f8,i4'"), DATA), SampleCorrupt, "unknown dtype"),
    "N21 dtype empty": (npy(fields("''"), DATA), SampleCorrupt, "unknown dtype ''"),
    "N22 pickled objects": (
        saved(np.array([Canary()], object), allow_pickle=True),
        SampleRefused,
        "pickled Python objects",
    ),
    "N23 object in a record": (
        npy(fields("[('a', [('b', '|O')])]"), DATA),
        SampleRefused,
        "records",
    ),
    "N24 record": (npy(fields("[('a', '<f4'), ('b', '<f4')]"), DATA), SampleRefused, "records"),
    "N26 strings of no bytes": (
        npy(fields("'<U0'", "(1000000000000,)")),
        SampleRefused,
        "strings",
    ),
    "N26 byte strings": (npy(fields("'|S8'"), DATA), SampleRefused, "strings"),
    "N27 dtype 5": (npy(fields("5"), DATA), SampleCorrupt, "unknown dtype 5"),
    "N27 dtype None": (npy(fields("None"), DATA), SampleCorrupt, "unknown dtype None"),
    "N28 negative size": (npy(fields(shape="(-1,)"), DATA), SampleCorrupt, r"shape \(-1,\)"),
    "N28 shape 3": (npy(fields(shape="3"), DATA), SampleCorrupt, "the shape 3"),
    "N28 shape (3)": (npy(fields(shape="(3)"), DATA), SampleCorrupt, "the shape 3"),
    "N28 shape of text": (npy(fields(shape="('3',)"), DATA), SampleCorrupt, "the shape"),
    "N30 size True": (npy(fields(shape="(True, 3)"), DATA), SampleCorrupt, r"shape \(True, 3\)"),
    "N31 8 TB": (npy(fields(shape="(1000000000000,)"), DATA), SampleRefused, "64 GiB"),
    "N32 4 GB": (npy(fields(shape="(500000000,)"), DATA), SampleCorrupt, "4000"),
    "N33 2**64": (npy(fields(shape="(4294967296, 4294967296)")), SampleRefused, "64 GiB"),
    "N33 number of 3000 digits": (
        npy(fields(shape=f"({'9' * 3000}, {'9' * 3000})")),
        SampleRefused,
        "64 GiB",
    ),
    "N33 number of 9000 digits": (npy(fields(shape=f"({'9' * 9000},)")), SampleCorrupt, "digits"),
    "N33 nothing of 9...": (npy(fields(shape=f"({'9' * 4000}, 0)")), SampleMismatch, "no numbers"),
    "N35 data too short": (GOOD[:-1], SampleCorrupt, "152 bytes in all; the file has 151"),
    "N35 data too long": (GOOD + b"\0", SampleCorrupt, "152 bytes in all; the file has 153"),
    "N36 zip archive": (
        zipped(npy(fields(shape="(1000000000000,)"))),
        SampleCorrupt,
        "zip archive",
    ),
    "length 0": (saved(np.zeros((0, 3))), SampleMismatch, "no numbers"),
    "complex": (saved(np.zeros(3, complex)), SampleRefused, "complex numbers"),
    "dates": (saved(np.zeros(3, "M8[s]")), SampleRefused, "dates"),
    "time differences": (saved(np.zeros(3, "m8[s]")), SampleRefused, "time differences"),
    "void": (saved(np.zeros(3, "V8")), SampleRefused, "void"),
    "70 dims": (npy(fields(shape="(" + "1, " * 70 + ")"), bytes(8)), SampleCorrupt, "32 sizes"),
    "fortran_order 1": (npy(fields(fortran="1"), DATA), SampleCorrupt, "fortran_order=1"),
}


def one_sample(path: Path) -> NDArray[Any]:
    return np.array([str(path)], dtype=object)


def describe(path: Path) -> None:
    NpyFiles().describe_sample(one_sample(path))


def load(path: Path) -> None:
    NpyFiles().load_samples(one_sample(path), np.empty((1, 3)))


@pytest.mark.parametrize("act", [describe, load])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named_in_one_line_at_little_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, act: Any, at_little_cost: Any
) -> None:
    content, kind, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    good, bad = tmp_path / "good.npy", tmp_path / "bad.npy"
    good.write_bytes(GOOD)
    bad.write_bytes(content)
    load(good)
    with at_little_cost(1_000_000), pytest.raises(SampleError, match=message) as caught:
        act(bad)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert "bad.npy" in text
    assert "\n" not in text
    assert text.isprintable()
    assert len(caught.value.message) <= 500
    assert "pickle=" not in text
    assert "allow_pickle" not in text
    assert str(pickle.loads(pickle.dumps(caught.value))) == text
    assert sorted(os.listdir(tmp_path)) == ["bad.npy", "good.npy"]


@pytest.mark.parametrize("act", [describe, load])
def test_a_missing_file_is_told_with_its_cause(tmp_path: Path, act: Any) -> None:
    with pytest.raises(SampleMissing, match=r"gone\.npy") as caught:
        act(tmp_path / "gone.npy")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("act", [describe, load])
def test_a_file_that_may_not_be_read_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Any
) -> None:
    path = tmp_path / "locked.npy"
    path.write_bytes(GOOD)

    def refuse(*arguments: Any) -> int:
        raise PermissionError(13, "Permission denied", *arguments[:1])

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SampleMissing, match="Permission denied") as caught:
        act(path)
    assert isinstance(caught.value.__cause__, PermissionError)


@pytest.mark.parametrize("act", [describe, load])
def test_a_disk_that_fails_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Any
) -> None:
    path = tmp_path / "unreadable.npy"
    path.write_bytes(GOOD)

    def fail(*arguments: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(reading, "_header", fail)
    monkeypatch.setattr(reading, "_read_at_once", fail)
    with pytest.raises(SampleCorrupt, match=r"Input/output error.*unreadable\.npy") as caught:
        act(path)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("act", [describe, load])
@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device", "name with NUL"])
def test_what_is_no_regular_file_is_refused_and_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, act: Any
) -> None:
    if sys.platform == "win32" and kind != "directory":
        return  # None of the others exist there.
    monkeypatch.chdir(tmp_path)
    good = tmp_path / "good.npy"
    good.write_bytes(GOOD)
    load(good)
    path: Any = tmp_path / "odd.npy"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("odd.npy")
    elif kind == "device":
        path = "/dev/zero"
    else:
        path = "odd\0.npy"
    with pytest.raises(SampleRefused):
        act(path)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (np.zeros((3, 5), np.float32), r"shape \(3, 5\) of float32"),
        (np.zeros((3, 4), np.float64), r"shape \(3, 4\) of float64"),
        (np.zeros(3, np.float32), r"shape \(3,\) of float32"),
    ],
)
def test_files_of_another_size_are_found_before_training(
    tmp_path: Path, other: NDArray[Any], found: str
) -> None:
    paths = [tmp_path / f"{number}.npy" for number in range(6)]
    for path in paths:
        np.save(path, np.zeros((3, 4), np.float32))
    np.save(paths[4], other)
    samples = np.array([str(path) for path in paths], dtype=object)
    with pytest.raises(SampleMismatch, match=rf"0\.npy.*\(3, 4\) of float32; .*{found}") as caught:
        NpyFiles().describe_sample(samples)
    assert caught.value.sample == str(paths[4])
    with pytest.raises(SampleMismatch, match=found):
        NpyFiles().load_samples(samples, np.empty((6, 3, 4), np.float32))


@pytest.mark.parametrize("other", [np.zeros((4, 3), np.float32), np.zeros((3, 4), np.int32)])
def test_a_file_of_the_same_size_but_another_kind_is_refused_when_loaded(
    tmp_path: Path, other: NDArray[Any]
) -> None:
    first, second = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(first, np.zeros((3, 4), np.float32))
    np.save(second, other)
    samples = np.array([str(first), str(second)], dtype=object)
    with pytest.raises(SampleMismatch, match=r"b\.npy"):
        NpyFiles().load_samples(samples, np.empty((2, 3, 4), np.float32))


def test_a_file_that_vanishes_before_training_is_told_with_its_cause(tmp_path: Path) -> None:
    good = tmp_path / "good.npy"
    good.write_bytes(GOOD)
    samples = np.array([str(good), str(tmp_path / "gone.npy")], dtype=object)
    with pytest.raises(SampleMissing, match=r"gone\.npy") as caught:
        NpyFiles().describe_sample(samples)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_no_samples_at_all_are_told() -> None:
    with pytest.raises(ConfigError, match="empty"):
        NpyFiles().describe_sample(np.empty(0, object))


SMALL = saved(np.arange(6, dtype="<i2").reshape(2, 3))


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    flips=st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(1, 255)), max_size=4),
    length=st.one_of(st.just(len(SMALL)), st.integers(0, len(SMALL) + 3)),
)
@example(flips=[(6, 2)], length=len(SMALL))
@example(flips=[(21, ord("<") ^ ord(">"))], length=len(SMALL))
def test_a_damaged_file_is_refused_or_loaded_as_numpy_loads_it(
    tmp_path: Path, flips: list[tuple[int, int]], length: int
) -> None:
    good, bad = tmp_path / "good.npy", tmp_path / "bad.npy"
    good.write_bytes(SMALL)
    damaged = bytearray(SMALL)
    for position, mask in flips:
        damaged[position] ^= mask
    bad.write_bytes(bytes(damaged[:length]) + bytes(max(0, length - len(damaged))))
    samples = np.array([str(good), str(bad)], dtype=object)
    out = np.empty((2, 2, 3), np.int16)
    try:
        NpyFiles().load_samples(samples, out)
    except PenstockError:
        return
    np.testing.assert_array_equal(out[1], np.load(bad))
