"""The loader of text files, one sample per file."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, PluginError, SampleCorrupt, SampleRefused, quote
from penstock.hookspecs import hookimpl
from penstock.reading import RegularFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["TextFiles"]

# The longest character of the encodings that Python knows, and a byte order mark.
_MOST_BYTES = 8
_MARK = "\ufeff"


@dataclass(frozen=True, kw_only=True)
class TextFiles:
    """Text files as strings, or as the numbers that a function makes of them.

    Strings are for TensorFlow: Keras' other backends take none. There *vectorize*
    makes numbers of them, on the way: a ``TextVectorization`` layer that was
    adapted, a tokenizer, a function of your own.

    Files of other endings than .txt are read where their names are given. A
    byte order mark is left out, line ends stay as they are.

    Args:
        column: Column of the samples table that names the files.
        max_length: Characters of a text to keep at most, from its beginning; only these are
            read. All by default.
        encoding: What the bytes mean.
        max_bytes: The size in bytes above which a file is refused unread, where no
            *max_length* says how much of it to read.
        vectorize: A function of a list of strings that returns numbers of shape
            ``(texts, …)``, the same shape for each text; called from several threads.

    Raises:
        ConfigError: An option has a value that is not allowed.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    column: str = "sample"
    max_length: int | None = None
    encoding: str = "utf-8"
    max_bytes: int = 2**26
    vectorize: Callable[[list[str]], Any] | None = None

    def __post_init__(self) -> None:
        for name in ("max_length", "max_bytes"):
            value = getattr(self, name)
            if isinstance(value, (int, np.integer)) and value < 1:
                raise ConfigError(
                    f"{name}={quote(value)} was given; it must be a whole number of at least 1."
                )
        if isinstance(self.encoding, str):
            try:
                "a".encode(self.encoding)
            except (LookupError, ValueError) as error:
                raise ConfigError(
                    f"encoding={quote(self.encoding)} is no encoding of text that Python knows."
                    " Give one such as 'utf-8', 'utf-16' or 'cp1252'."
                ) from error
        if self.vectorize is not None and not callable(self.vectorize):
            raise ConfigError(
                f"vectorize={quote(self.vectorize)} cannot be called. Give a function of a list of"
                " strings."
            )

    @hookimpl
    def claims_source(self) -> bool:
        """Leave directories to others: notes in .txt files lie beside data of any kind."""
        return False

    @hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe a string, or what is made of the first text."""
        if self.vectorize is None:
            return ArraySpec((), object)
        numbers = self._numbers([self._read(samples[0])])
        # As Keras does: float64 takes twice the memory and teaches nothing.
        floats = numbers.dtype.kind == "f"
        return ArraySpec(numbers.shape[1:], np.float32 if floats else numbers.dtype)

    @hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Read each file."""
        texts = [self._read(path) for path in samples.tolist()]
        if self.vectorize is None:
            out[...] = texts
            return
        if not texts:
            return
        numbers = self._numbers(texts)
        if numbers.shape != out.shape or not np.can_cast(numbers.dtype, out.dtype, "same_kind"):
            raise PluginError(
                f"vectorize= made {numbers.dtype.name}{numbers.shape} of {len(texts)} texts;"
                f" {out.dtype.name}{out.shape} was expected, as of the first text. Make it pad and"
                " cut to one length: TextVectorization(output_sequence_length=…)."
            )
        out[...] = numbers

    def _numbers(self, texts: list[str]) -> NDArray[Any]:
        assert self.vectorize is not None
        try:
            numbers = np.asarray(self.vectorize(texts))
        except Exception as error:
            raise PluginError(
                f"vectorize= failed on {len(texts)} texts, the first of which is"
                f" {quote(texts[0][:60])}: {type(error).__name__}: {quote(str(error))}. It must"
                " take a list of strings."
            ) from error
        if numbers.dtype.kind not in "biuf" or numbers.shape[:1] != (len(texts),):
            raise PluginError(
                f"vectorize= made {numbers.dtype}{numbers.shape} of {len(texts)} texts. It must"
                " return numbers, a row per text, all rows of one length."
            )
        return numbers

    def _read(self, path: str) -> str:
        data, whole = self._bytes_of(path)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        try:
            text = decoder.decode(data, final=whole)
        except UnicodeDecodeError as error:
            raise SampleCorrupt(
                f"A text file is no {self.encoding}: byte {error.start} is"
                f" {quote(data[error.start : error.start + 1])} ({error.reason}). Say which"
                " encoding= it has, or write it again.",
                sample=path,
            ) from error
        except UnicodeError as error:  # UTF-16 without a mark, and the like
            raise SampleCorrupt(
                f"A text file is no {self.encoding}: {quote(str(error))}. Say which encoding= it"
                " has, or write it again.",
                sample=path,
            ) from error
        return text.removeprefix(_MARK)[: self.max_length]

    def _bytes_of(self, path: str) -> tuple[bytes, bool]:
        """Read what is needed of a file; say whether that is all of it."""
        with RegularFile(path) as file:
            if self.max_length is not None:
                most = min(_MOST_BYTES * (self.max_length + 1), file.size)
                return file.read_exactly(most), most == file.size
            if file.size > self.max_bytes:
                raise SampleRefused(
                    f"A text file was refused: it has {file.size} bytes, and max_bytes is"
                    f" {self.max_bytes}. Give max_length= to read its beginning, or a larger"
                    " max_bytes=."
                )
            return file.read_exactly(file.size), True
