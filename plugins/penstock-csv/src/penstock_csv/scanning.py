"""Cuts a CSV file into blocks of whole records, and refuses what parsers would guess about.

Parsers accept a quote that is never closed by swallowing the rows that follow,
and read Latin-1 as something else. Both are found here, at the speed of
``memchr``, before a block is parsed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from numpy.typing import NDArray

__all__ = ["BLOCK", "Block", "check_binary", "check_text", "line_of", "read_blocks"]

BLOCK = 2 * 2**20
"""Bytes that are read, and parsed, at a time."""

_FIELD_LIMIT = 131_072  # as Python's csv module has it
_RECORD_LIMIT = 16 * 2**20
_WINDOW = 65_536
_LINE_ENDS = re.compile(rb"\r\n?|\n")


class Block(NamedTuple):
    """Whole records of a file.

    Attributes:
        data: Their bytes.
        offset: Where they start in the file.
        quoted: Whether they may contain quotation marks.
    """

    data: bytes
    offset: int
    quoted: bool


def read_blocks(file: BinaryIO, path: str, offset: int, delimiter: str) -> Iterator[Block]:
    """Yield the records of *file* from *offset* on, in blocks of about ``BLOCK`` bytes.

    Raises:
        ConfigError: It is not UTF-8, has a quote that is not closed, or a field
            of more than 131,072 bytes.
    """
    size = BLOCK
    while True:
        # What follows the last whole record is read again: cheaper than joining it to the next.
        file.seek(offset)
        data = file.read(size)
        if not data:
            return
        last = len(data) < size
        quoted = b'"' in data
        end = len(data) if last else _end_of_records(data, quoted)
        if end == 0:
            _check_partial(data, path, offset, delimiter)
            size *= 2
            continue
        block = Block(data if last else data[:end], offset, quoted)
        check_text(block.data, path, offset)
        if quoted:
            _check_quotes(block.data, path, offset, delimiter, whole=True)
        _check_lengths(block.data, path, offset, delimiter)
        yield block
        offset += end
        size = BLOCK


def check_text(data: bytes, path: str, offset: int) -> None:
    """Check that *data* is UTF-8 text.

    Raises:
        ConfigError: It is not; names the byte and what the encoding may be.
    """
    check_binary(data, path, offset)
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = offset + error.start
        raise ConfigError(
            f"The table {quote(path)} is not UTF-8: byte {data[error.start]:#04x} at offset {at}, "
            f"line {line_of(path, at)}. It may be Latin-1 (Windows-1252). Save it as UTF-8."
        ) from error


def check_binary(data: bytes, path: str, offset: int) -> None:
    """Check that *data* holds no NUL byte.

    Raises:
        ConfigError: It does, so that it is no text, or no UTF-8.
    """
    nul = data.find(b"\0")
    if nul >= 0:
        raise ConfigError(
            f"The table {quote(path)} is not text: NUL byte at offset {offset + nul}. It is a "
            "binary file, or encoded as UTF-16. Give a UTF-8 text file."
        )


def line_of(path: str, offset: int) -> int:
    """Return the number of the line, from 1, in which byte *offset* of the file stands."""
    ends, done, last = 0, 0, b""
    with open(path, "rb") as file:
        while done < offset:
            data = file.read(min(BLOCK, offset - done))
            if not data:
                break
            ends += len(_LINE_ENDS.findall(data)) - (last == b"\r" and data[:1] == b"\n")
            last = data[-1:]
            done += len(data)
    return ends + 1


def _end_of_records(data: bytes, quoted: bool) -> int:
    """Return where the last whole record in *data* ends; 0 if there is none."""
    end = data.rfind(b"\n")
    if end < 0:
        end = data.rfind(b"\r")
    # After an even number of quotes none is open: every escape and every field has two.
    if end < 0 or not quoted or data.count(b'"', 0, end) % 2 == 0:
        return end + 1
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == data[end])
    marks = np.flatnonzero(characters == ord('"'))
    outside = ends[np.searchsorted(marks, ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _check_partial(data: bytes, path: str, offset: int, delimiter: str) -> None:
    """Check that a record may be as long as this one, of which *data* is the beginning."""
    _check_quotes(data, path, offset, delimiter, whole=False)
    _check_lengths(data, path, offset, delimiter)
    if len(data) > _RECORD_LIMIT:
        raise ConfigError(
            f"The table {quote(path)} has a record of more than {_RECORD_LIMIT} bytes in line "
            f"{line_of(path, offset)}. Check its line ends and quotes."
        )


def _check_quotes(data: bytes, path: str, offset: int, delimiter: str, *, whole: bool) -> None:
    """Check that quotes enclose whole fields and that, in *whole* records, all are closed."""
    characters = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(characters == ord('"'))
    start = _first_wrong(characters, marks, delimiter)
    if start >= 0:
        at = f"in line {line_of(path, offset + start)} of the table {quote(path)}"
        if start and data[start - 1 : start] not in (b"\r", b"\n", delimiter.encode()):
            raise ConfigError(
                f"There is a quotation mark inside a field {at}: "
                f"{_excerpt(data, start)}. Quote the whole field and double the marks inside."
            )
        field = re.compile(rb'"[^"]*(?:""[^"]*)*(?P<closed>"?)').match(data, start)
        if field and field["closed"]:
            raise ConfigError(
                f"There is text after a closing quotation mark {at}: "
                f"{_excerpt(data, field.end())}. Double the marks inside a quoted field."
            )
        if whole or len(data) - start > _FIELD_LIMIT:
            raise ConfigError(
                f"A quotation mark is opened and not closed {at}: {_excerpt(data, start)}. "
                "Close it."
            )
    if not whole:
        return
    inside = np.diff(marks)[::2]
    if inside.size and inside.max() > _FIELD_LIMIT:
        raise _too_long(path, offset + int(marks[2 * int(inside.argmax())]))


def _first_wrong(characters: NDArray[np.uint8], marks: NDArray[Any], delimiter: str) -> int:
    """Return where the first field begins that is not enclosed as it should be, or -1.

    Marks open and close in turn; two in a row within a field close it and open it again.
    """
    separators = np.frombuffer(b"\r\n" + delimiter.encode(), np.uint8)
    opens, closes = marks[::2], marks[1::2]
    first = (opens == 0) | np.isin(characters[opens - 1], separators)
    again = np.zeros(len(opens), np.bool_)
    again[1:] = opens[1:] - 1 == closes[: len(opens) - 1]
    after = characters[np.minimum(closes + 1, len(characters) - 1)]
    closed = (closes == len(characters) - 1) | np.isin(after, separators) | (after == ord('"'))
    wrong_opens = np.flatnonzero(~(first | again))
    wrong_closes = np.flatnonzero(~closed)
    most = len(opens)  # where none is wrong
    opened = int(wrong_opens[0]) if len(wrong_opens) else most
    ended = int(wrong_closes[0]) if len(wrong_closes) else most - (len(opens) > len(closes))
    if opened <= ended and opened < most:
        return int(opens[opened])
    if ended < most:
        return int(opens[np.flatnonzero(first[: ended + 1])[-1]])
    return -1


def _check_lengths(data: bytes, path: str, offset: int, delimiter: str) -> None:
    """Check that no run without any separator is longer than a field may be.

    Such a run fills a whole window, so that it is enough to look for the first
    and the last separator of each.
    """
    separators = (delimiter.encode(), b"\n", b"\r" if b"\n" not in data else b"\n")
    run = 0
    for start in range(0, len(data), _WINDOW):
        end = min(start + _WINDOW, len(data))
        firsts = [data.find(separator, start, end) for separator in separators]
        first = min((place for place in firsts if place >= 0), default=-1)
        run += (end if first < 0 else first) - start
        if run > _FIELD_LIMIT:
            raise _too_long(path, offset + start)
        if first >= 0:
            last = max(data.rfind(separator, start, end) for separator in separators)
            run = end - last - 1


def _too_long(path: str, offset: int) -> ConfigError:
    return ConfigError(
        f"The table {quote(path)} has a field of more than {_FIELD_LIMIT} bytes in line "
        f"{line_of(path, offset)}. Check its quotes and line ends, or drop that column."
    )


def _excerpt(data: bytes, place: int) -> str:
    return quote(data[max(place - 10, 0) : place + 20].decode("utf-8", "replace"))
