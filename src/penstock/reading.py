"""Files of samples, opened without waiting and read without surprises, for loaders.

A table may name anything: a pipe that nobody writes to stops training for ever, a
device never ends, and a file that was cut gives fewer bytes than were asked for.
"""

from __future__ import annotations

import os
import stat
from io import FileIO
from typing import TYPE_CHECKING

import numpy as np

from penstock.errors import SampleCorrupt, SampleError, SampleMissing, SampleRefused, quote

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["READ_FLAGS", "RegularFile", "read_file"]

READ_FLAGS = os.O_RDONLY
"""For ``os.open``: do not wait for the writer of a pipe, hand the descriptor to a child, acquire a
terminal, or translate line ends, where the system knows of these."""
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
    READ_FLAGS |= getattr(os, _name, 0)

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class RegularFile(FileIO):
    """A regular file, open for reading: binary and unbuffered, as ``open(path, "rb", 0)``.

    Use it in a ``with`` statement: what goes wrong in there is raised as an error
    that names the file. Libraries that read from open files take it as one.

    Args:
        path: The file.

    Attributes:
        size: Its length in bytes when it was opened.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleRefused: It is a directory, pipe, socket or device, or the path can be no file's.
    """

    size: int

    def __init__(self, path: str | os.PathLike[str]) -> None:
        name = os.fspath(path)
        descriptor, self.size = _opened(name)
        super().__init__(descriptor, "rb")
        self.name = name

    if TYPE_CHECKING:  # that nothing is there to read yet is said of pipes alone

        def read(self, size: int | None = -1, /) -> bytes:
            """Return up to *size* bytes, as many as there are; all by default."""

    def read_exactly(self, count: int) -> bytes:
        """Return the next *count* bytes.

        Raises:
            SampleCorrupt: There are fewer; nothing is allocated if there cannot be as many.
        """
        if count > self.size:
            raise self._cut(count)
        data = self.read(count)
        if len(data) < count:  # the most that one read of the system returns is 2 GiB
            rest = bytearray(count - len(data))
            self.fill(rest)
            data += rest
        return data

    def fill(self, buffer: bytearray | memoryview | NDArray[Any]) -> None:
        """Read the next bytes into *buffer*, such as a row of ``out``, until it is full.

        Args:
            buffer: Writable and C-contiguous.

        Raises:
            SampleCorrupt: The file ends before.
        """
        left = np.frombuffer(buffer, np.uint8)
        while len(left):
            count = self.readinto(left.data)
            if not count:
                raise self._cut(len(left))
            left = left[count:]

    def _cut(self, missing: int) -> SampleCorrupt:
        return SampleCorrupt(
            f"The file ends too early: {missing} more bytes were to be read, and it had {self.size}"
            " in all when it was opened. It was cut, or written to during training: restore it, or"
            " leave it out.",
            sample=self.name,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, SampleError):
            if error.sample is None:
                error.sample = self.name
        elif isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(self.name, error) from error


def read_file(path: str | os.PathLike[str], *, limit: int = 2**32) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: The file.
        limit: The size in bytes above which it is refused unread.

    Raises:
        SampleMissing: There is no such file, or it may not be read.
        SampleRefused: It is larger, or no regular file.
        SampleCorrupt: It was cut while it was read, or the disk failed.
    """
    name = os.fspath(path)
    descriptor, size = _opened(name)
    # A file object would cost 3 µs, a third of what it takes to read a small file.
    try:
        if size > limit:
            raise SampleRefused(
                f"The file was refused: it has {size} bytes, and at most {limit} are read."
                " Make it smaller, or leave it out.",
                sample=name,
            )
        data = os.read(descriptor, size)
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        os.close(descriptor)
    if len(data) < size:  # over 2 GiB, or cut meanwhile: there it is told
        with RegularFile(name) as file:
            return file.read_exactly(size)
    return data


def _opened(path: str) -> tuple[int, int]:
    """Return the descriptor and the size of a regular file."""
    try:
        descriptor = os.open(path, READ_FLAGS)
    except ValueError as error:
        raise SampleRefused(
            f"The file was refused: {quote(path)} is no name of a file ({error}). Correct it.",
            sample=path,
        ) from error
    except OSError as error:
        raise _not_opened(path, error) from error
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise _not_regular(path, state.st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, state.st_size


def _not_opened(path: str, error: OSError) -> SampleError:
    try:
        # Sockets everywhere, and directories on Windows, refuse to be opened.
        mode = os.stat(path).st_mode
    except OSError:  # It cannot even be looked at: the first error says why.
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        return _not_regular(path, mode)
    return SampleMissing(
        f"The file cannot be opened: {error.strerror}. Check the path and its permissions, or"
        " leave it out.",
        sample=path,
    )


def _unreadable(path: str, error: OSError) -> SampleCorrupt:
    return SampleCorrupt(
        f"The file cannot be read: {error.strerror}. Check the disk it is on.", sample=path
    )


def _not_regular(path: str, mode: int) -> SampleRefused:
    kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")
    return SampleRefused(
        f"The file was refused: it is {kind}. Only regular files are read; leave it out.",
        sample=path,
    )
