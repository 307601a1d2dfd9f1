"""Files of samples are opened without waiting, and read whole or refused by name."""

from __future__ import annotations

import errno
import os
import pickle
import socket
import sys
import wave

import numpy as np
import pytest
from hypothesis import given, strategies as st

from penstock import reading
from penstock.errors import SampleCorrupt, SampleError, SampleMissing, SampleRefused
from penstock.reading import RegularFile, read_file

CONTENT = bytes(range(100))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


def opened(path):
    with RegularFile(path):
        pass


BOTH = pytest.mark.parametrize("act", [opened, read_file])


class Slow(RegularFile):
    """A file of which the system gives three bytes at a time."""

    def read(self, size=-1, /):
        return super().read(min(size, 3))

    def readinto(self, buffer, /):
        return super().readinto(memoryview(buffer)[:3])


def test_a_file_is_read_whole(path, tmp_path):
    assert read_file(path) == read_file(str(path)) == CONTENT
    path.write_bytes(b"")
    assert read_file(path) == b""


def test_a_larger_file_than_the_limit_is_refused_unread(path, at_little_cost):
    assert read_file(path, limit=100) == CONTENT
    os.truncate(path, 2**40)
    with at_little_cost(1_000_000), pytest.raises(SampleRefused, match=f"{2**40} bytes, and at"):
        read_file(path)
    with pytest.raises(SampleRefused, match="at most 99 are read"):
        read_file(path, limit=99)


@pytest.mark.parametrize("kind", [RegularFile, Slow])
def test_the_next_bytes_are_read_one_after_the_other(path, kind):
    with kind(path) as file:
        assert file.size == 100
        assert file.read_exactly(7) == CONTENT[:7]
        row = np.zeros((2, 3), "<u2")
        file.fill(row)
        assert row.tobytes() == CONTENT[7:19]
        file.seek(96)
        rest = bytearray(4)
        file.fill(rest)
        assert rest == CONTENT[96:]
        file.fill(bytearray(0))
        assert file.read_exactly(0) == b""


@given(st.sampled_from("?bBhHiIlLqQefdgFD"), st.lists(st.integers(0, 3), max_size=3))
def test_an_array_of_any_kind_is_filled(tmp_path_factory, letter, shape):
    wanted = np.frombuffer(np.random.default_rng(0).bytes(27 * 32), letter)
    wanted = wanted[: int(np.prod(shape))].reshape(shape)
    path = tmp_path_factory.mktemp("kinds") / "a"
    path.write_bytes(wanted.tobytes())
    out = np.empty_like(wanted)
    with RegularFile(path) as file:
        file.fill(out)
    assert out.tobytes() == wanted.tobytes()


def test_only_what_lies_in_one_piece_is_filled(path):
    with RegularFile(path) as file, pytest.raises(ValueError, match="contiguous"):
        file.fill(np.zeros((4, 4), np.uint8)[:, :2])


@pytest.mark.parametrize("kind", [RegularFile, Slow])
@pytest.mark.parametrize("way", ["fill", "read"])
def test_a_file_that_ends_too_early_is_corrupt(path, kind, way):
    with kind(path) as file:
        file.seek(95)
        act = file.fill if way == "fill" else file.read_exactly
        with pytest.raises(SampleCorrupt, match=r"6 more bytes .* it had 100 in all") as caught:
            act(bytearray(11) if way == "fill" else 11)
    assert caught.value.sample == str(path)


def test_a_file_that_is_cut_while_it_is_open_is_corrupt(path, monkeypatch):
    with RegularFile(path) as file:
        os.truncate(path, 40)
        with pytest.raises(SampleCorrupt, match="written to during training"):
            file.read_exactly(file.size)

    def cut(descriptor, size):
        os.truncate(path, 20)
        return b""

    monkeypatch.setattr(reading.os, "read", cut)
    with pytest.raises(SampleCorrupt, match="ends too early"):
        read_file(path)


def test_what_one_read_of_the_system_leaves_is_read_too(path, monkeypatch):
    monkeypatch.setattr(reading.os, "read", lambda descriptor, size: b"some")
    assert read_file(path) == CONTENT


def test_a_promise_larger_than_the_file_allocates_nothing(path, at_little_cost):
    with RegularFile(path) as file, at_little_cost(100_000), pytest.raises(SampleCorrupt):
        file.read_exactly(2**60)


@BOTH
def test_a_missing_file_is_missing(tmp_path, act):
    with pytest.raises(SampleMissing, match="cannot be opened: No such file") as caught:
        act(tmp_path / "none")
    assert caught.value.sample == str(tmp_path / "none")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(SampleMissing, match="cannot be opened"):
        act(tmp_path / ("n" * 300))


@BOTH
def test_a_link_to_itself_is_missing(tmp_path, act):
    link = tmp_path / "link"
    try:
        link.symlink_to(link)
    except OSError:
        pytest.skip("this system lets nobody make links")
    with pytest.raises(SampleMissing, match="cannot be opened"):
        act(link)


@BOTH
def test_a_file_that_may_not_be_read_is_missing(path, monkeypatch, act):
    def refusing(name, flags):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(reading.os, "open", refusing)  # root may read anything
    with pytest.raises(SampleMissing, match="cannot be opened: Permission denied") as caught:
        act(path)
    assert isinstance(caught.value.__cause__, PermissionError)


@BOTH
@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_what_can_be_no_file_name_is_refused(act, name):
    if "\0" not in name and sys.platform == "win32":
        pytest.skip("names of any 16 bits are names there")
    with pytest.raises(SampleRefused, match="is no name of a file") as caught:
        act(name)
    assert str(caught.value).isascii()


@BOTH
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["directory", "pipe", "socket", "device"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path, monkeypatch, act, kind):
    if sys.platform == "win32" and kind != "directory":
        pytest.skip("there is no such thing")
    monkeypatch.chdir(tmp_path)
    path = "odd"
    if kind == "directory":
        os.mkdir(path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
    else:
        path = "/dev/zero"
    with pytest.raises(SampleRefused, match=f"it is a {kind}") as caught:
        act(path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_errors_of_who_reads_name_the_file(path):
    with pytest.raises(SampleError, match=r"Bad\. \(sample '.*a\.bin'\)"), RegularFile(path):
        raise SampleCorrupt("Bad.")
    with pytest.raises(SampleError, match=r"Bad\. \(sample 'other'\)"), RegularFile(path):
        raise SampleCorrupt("Bad.", sample="other")


@pytest.mark.filterwarnings("error")
def test_a_disk_that_fails_is_told_with_its_cause(path, monkeypatch):
    failure = OSError(errno.EIO, "Input/output error")

    def fail(*arguments):
        raise failure

    with (
        pytest.raises(SampleCorrupt, match=r"cannot be read: Input/output error.*a\.bin") as caught,
        RegularFile(path),
    ):
        fail()
    assert caught.value.__cause__ is failure
    monkeypatch.setattr(reading.os, "read", fail)
    with pytest.raises(
        SampleCorrupt, match=r"cannot be read: Input/output error.*a\.bin"
    ) as caught:
        read_file(path)
    assert caught.value.__cause__ is failure


def test_other_exceptions_pass_as_they_are(path):
    # Libraries say "no such format" by an OSError without a number.
    for error in (KeyError("k"), OSError("cannot identify")):
        with pytest.raises(type(error)) as caught, RegularFile(path):
            raise error
        assert caught.value is error


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted there")
def test_no_descriptor_is_left_open(path, tmp_path):
    def attempt(act):
        with pytest.raises(SampleError):
            act()

    def failing():
        with RegularFile(path):
            raise SampleCorrupt("Bad.")

    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        read_file(path)
        opened(path)
        attempt(failing)
        attempt(lambda: read_file(path, limit=1))
        attempt(lambda: read_file(tmp_path))
        attempt(lambda: opened("/dev/null"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_libraries_read_from_it(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(b"\1\0\2\0")
    with RegularFile(tmp_path / "a.wav") as file, wave.open(file) as sound:
        assert sound.readframes(9) == b"\1\0\2\0"
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(9))
    with RegularFile(tmp_path / "a.npz") as file:
        np.testing.assert_array_equal(np.load(file)["x"], np.arange(9))
