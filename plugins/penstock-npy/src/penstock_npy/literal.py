"""Reads the Python literal in a ``.npy`` header, without Python's parser.

``ast.literal_eval`` answers deep nesting with MemoryError, RecursionError or an
exhausted C stack. What a header may hold is so little that a reader with a
depth limit is shorter than the guards around it.
"""

from __future__ import annotations

import re

__all__ = ["parse_literal"]

# A header's own nesting is 2; a structured dtype's, which is only read to be refused by name, more.
_DEPTH_LIMIT = 8
# int() itself refuses more digits than this.
_DIGITS_LIMIT = 4000

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        '(?P<single>[^'\\\n]*)' | "(?P<double>[^"\\\n]*)"
      | (?P<int>-?[0-9]+)L?     # Python 2 wrote shapes as (3L, 4L)
      | (?P<word>True|False|None)
      | (?P<mark>[{}()\[\],:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS = {"True": True, "False": False, "None": None}
_CLOSING = {"{": "}", "(": ")", "[": "]"}


def parse_literal(text: str) -> object:
    """Parse one literal of dicts, tuples, lists, strings, integers and constants.

    Args:
        text: The literal; white space around it is ignored.

    Returns:
        The value.

    Raises:
        ValueError: *text* is anything else, nests deeper than 8 levels, or
            gives a key twice.
    """
    reader = _Reader(text)
    value = reader.value(reader.next(), 0)
    if reader.next() != ("end", ""):
        raise ValueError("text after the literal")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup is None:
            raise ValueError(f"unexpected text at character {self._position}")
        self._position = found.end()
        return found.lastgroup, found[found.lastgroup]

    def value(self, token: tuple[str, str], depth: int) -> object:
        kind, text = token
        if kind in ("single", "double"):
            return text
        if kind == "int":
            if len(text) > _DIGITS_LIMIT:
                raise ValueError("a number of too many digits")
            return int(text)
        if kind == "word":
            return _WORDS[text]
        if kind != "mark" or text not in _CLOSING:
            raise ValueError(f"a value is missing at character {self._position}")
        if depth >= _DEPTH_LIMIT:
            raise ValueError("too deeply nested")
        return self._dict(depth) if text == "{" else self._items(text, depth)

    def _items(self, opening: str, depth: int) -> object:
        closing = ("mark", _CLOSING[opening])
        items: list[object] = []
        commas = 0
        token = self.next()
        while token != closing:
            items.append(self.value(token, depth + 1))
            token = self.next()
            if token == ("mark", ","):
                commas += 1
                token = self.next()
            elif token != closing:
                raise ValueError(f"a comma is missing at character {self._position}")
        if opening == "[":
            return items
        # (3) is the number 3, as in Python; numpy writes (3,).
        return items[0] if len(items) == 1 and not commas else tuple(items)

    def _dict(self, depth: int) -> dict[object, object]:
        closing = ("mark", "}")
        items: dict[object, object] = {}
        token = self.next()
        while token != closing:
            if token[0] not in ("single", "double"):
                raise ValueError(f"a key is no string at character {self._position}")
            key = self.value(token, depth + 1)
            if key in items:
                raise ValueError("a key is given twice")
            if self.next() != ("mark", ":"):
                raise ValueError(f"a colon is missing at character {self._position}")
            items[key] = self.value(self.next(), depth + 1)
            token = self.next()
            if token == ("mark", ","):
                token = self.next()
            elif token != closing:
                raise ValueError(f"a comma is missing at character {self._position}")
        return items
