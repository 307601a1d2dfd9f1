"""The first line of a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from penstock.errors import ConfigError, quote
from penstock_csv.scanning import BLOCK, check_binary, check_text

__all__ = ["Header", "read_header"]

_MARKS = (
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_OTHER_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """The columns of a table.

    Attributes:
        names: Their names, in the order of the file, each once.
        end: The offset of the first byte after the header.
    """

    names: tuple[str, ...]
    end: int


def read_header(path: str, delimiter: str) -> Header:
    """Read the names of the columns.

    Raises:
        ConfigError: The file cannot be opened, is empty or not UTF-8, names a
            column twice, or is separated by something else.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(BLOCK)
    except OSError as error:
        raise ConfigError(
            f"The table {quote(path)} cannot be opened: {error.strerror}. Check the path and its "
            "permissions."
        ) from error
    start = _after_byte_order_mark(data, path)
    check_binary(data, path, 0)
    while data[start : start + 1] in (b"\r", b"\n"):
        start += 1
    if not data[start:].strip():
        raise ConfigError(f"The table {quote(path)} is empty. It needs a header and rows.")
    end = _end_of_first_record(data, start)
    check_text(data[:end], path, 0)
    if end == len(data) == BLOCK:
        raise ConfigError(
            f"The table {quote(path)} has a header of more than {BLOCK} bytes. Check its line ends."
        )
    try:
        text = data[start:end].decode("utf-8")
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ConfigError(
            f"The header of the table {quote(path)} cannot be read: {error}; found "
            f"{quote(text[:100])}. Quote names that hold {quote(delimiter)} or quotation marks."
        ) from error
    _check_names(names, path, delimiter)
    return Header(tuple(names), end)


def _after_byte_order_mark(data: bytes, path: str) -> int:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            if encoding == "UTF-8":
                return len(mark)
            raise ConfigError(
                f"The table {quote(path)} is encoded as {encoding}: byte order mark {mark.hex(' ')}"
                " at offset 0. Save it as UTF-8."
            )
    return 0


def _end_of_first_record(data: bytes, start: int) -> int:
    end = start
    while end < len(data):
        ends = [place for place in (data.find(b"\n", end), data.find(b"\r", end)) if place >= 0]
        if not ends:
            return len(data)
        end = min(ends) + 1
        if data.count(b'"', start, end) % 2 == 0:
            return end
    return end


def _check_names(names: list[str], path: str, delimiter: str) -> None:
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ConfigError(
            f"The table {quote(path)} has the column {quote(twice[0])} twice. Give every column a "
            "name of its own."
        )
    if len(names) == 1:
        for other in _OTHER_DELIMITERS:
            if other != delimiter and other in names[0]:
                raise ConfigError(
                    f"The table {quote(path)} is not separated by {quote(delimiter)}; columns "
                    f"found: {quote(names[0])}. Say delimiter={quote(other)}."
                )
