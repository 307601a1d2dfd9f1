"""Tables of text for a terminal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["text_table"]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; the last is cut to the terminal's width."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    before_last = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - before_last, 20)
    widths[-1] = min(widths[-1], room)
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        last = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        lines.append("  ".join(map(str.ljust, [*row[:-1], last], widths)).rstrip())
    return "\n".join(lines)
