"""Packed texts in files that every process of the machine reads: one copy, whoever needs it."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING, Any

from penstock.mapped import read_mapped, write_mapped
from penstock.packedtext import PackedText

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SharedTexts", "folder_of", "read_with_texts"]

_LARGE = 1 << 20  # bytes; smaller ones travel like anything else


def folder_of(owner: object) -> tuple[str, Callable[[], object]]:
    """Make a directory that goes when *owner* does; return it, and what deletes it before."""
    path = tempfile.mkdtemp(prefix="penstock-")
    return path, weakref.finalize(owner, _delete, path, os.getpid())


def _delete(path: str, process: int) -> None:
    if os.getpid() == process:  # to a fork it does not belong
        shutil.rmtree(path, ignore_errors=True)


class SharedTexts:
    """The files, each of which is written once for all that is pickled here."""

    def __init__(self) -> None:
        self._folder, self.close = folder_of(self)
        self._paths: dict[int, tuple[PackedText, str]] = {}

    def write(self, path: str, value: Any) -> bytes:
        """Write *value* where ``read_with_texts`` finds it; return its pickle without arrays."""
        parts: list[pickle.PickleBuffer] = []
        file = io.BytesIO()
        _Pickler(file, self, parts).dump(value)
        write_mapped(path, file.getvalue(), parts)
        return file.getvalue()

    def path_of(self, text: PackedText) -> str:
        """Return the file of a text, which this process reads from then on, too."""
        known = self._paths.get(id(text))
        if known is None:
            path = os.path.join(self._folder, f"texts-{len(self._paths)}")
            parts: list[pickle.PickleBuffer] = []
            pickled = pickle.dumps(text, protocol=5, buffer_callback=parts.append)
            write_mapped(path, pickled, parts)
            if sys.platform != "win32":  # where a file cannot be deleted while it is read
                text.move_to(read_mapped(path))
            known = self._paths[id(text)] = text, path
        return known[1]


class _Pickler(pickle.Pickler):
    def __init__(
        self, file: io.BytesIO, texts: SharedTexts, parts: list[pickle.PickleBuffer]
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=parts.append)
        self._texts = texts

    def persistent_id(self, value: Any) -> str | None:
        large = isinstance(value, PackedText) and value.nbytes >= _LARGE
        return self._texts.path_of(value) if large else None


def read_with_texts(path: str) -> Any:
    """Return what ``SharedTexts.write`` wrote; its arrays and texts are read where they lie."""
    return read_mapped(path, named=read_mapped)
