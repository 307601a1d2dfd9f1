"""Every exception that Penstock raises, in one tree.

::

    PenstockError
    ├── ConfigError(ValueError)        a parameter, source or table that cannot work
    │   └── LabelError                 a label that is missing, unknown or of the wrong kind
    ├── BackendMissing(ImportError)    Keras has no backend to run on
    ├── StateMismatch(ValueError)      a saved state that is none, or that of something else
    ├── PluginError                    a plugin that is missing, broken or breaks the contract
    │   └── PluginConflict             two plugins answer to one name, or claim one source
    ├── OutOfResources                 memory or file descriptors ran out
    ├── WorkerDied                     what makes batches in other processes is gone, or silent
    ├── TooManyErrors                  more samples cannot be delivered than may
    └── SampleError                    one sample that cannot be delivered
        ├── SampleMissing(FileNotFoundError)
        ├── SampleCorrupt(ValueError)
        ├── SampleRefused(ValueError)  a limit or a policy forbids it
        └── SampleMismatch(ValueError) a shape or dtype unlike the other samples'

A message says what was asked, what was found and what to do. Exceptions
pickle: they cross process borders whole.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BackendMissing",
    "ConfigError",
    "LabelError",
    "OutOfResources",
    "PenstockError",
    "PluginConflict",
    "PluginError",
    "SampleCorrupt",
    "SampleError",
    "SampleMismatch",
    "SampleMissing",
    "SampleRefused",
    "StateMismatch",
    "TooManyErrors",
    "WorkerDied",
    "enumerate_some",
    "quote",
    "suggest",
]

_QUOTE_LIMIT = 200
_SUGGEST_FROM = 1_000


class PenstockError(Exception):
    """The root of every exception that Penstock raises."""


class ConfigError(PenstockError, ValueError):
    """A parameter, source or table that cannot work."""


class LabelError(ConfigError):
    """A label that is missing, unknown or of the wrong kind."""


class BackendMissing(PenstockError, ImportError):
    """Keras has no backend to run on."""


class StateMismatch(PenstockError, ValueError):
    """A saved state that is none, or that of other data or options."""


class PluginError(PenstockError):
    """A plugin that is missing, broken or breaks the contract."""


class PluginConflict(PluginError):
    """Two plugins answer to one name, or claim one source."""


class OutOfResources(PenstockError):
    """Memory or file descriptors ran out: no sample is to blame."""


class WorkerDied(PenstockError):
    """A process or machine that makes batches is gone, or silent, and no sample is to blame."""


class TooManyErrors(PenstockError):
    """More samples cannot be delivered than the error policy allows."""


class SampleError(PenstockError):
    """One sample that cannot be delivered.

    Loaders raise a subclass with a message alone; the sample, its index and
    the loader are added on the way out, where they are known.
    """

    def __init__(
        self,
        message: str,
        *,
        sample: object = None,
        index: int | None = None,
        loader: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sample = sample
        self.index = index
        self.loader = loader

    def __str__(self) -> str:
        where = []
        if self.sample is not None and quote(self.sample) not in self.message:
            where.append(f"sample {quote(self.sample)}")
        if self.index is not None:
            where.append(f"index {self.index}")
        if self.loader is not None:
            where.append(f"loader {self.loader!r}")
        return f"{self.message} ({', '.join(where)})" if where else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.sample, self.index, self.loader)


class SampleMissing(SampleError, FileNotFoundError):
    """A sample's file is not there, or may not be read."""


class SampleCorrupt(SampleError, ValueError):
    """A sample's bytes are not what its format promises."""


class SampleRefused(SampleError, ValueError):
    """A limit or a policy forbids loading this sample."""


class SampleMismatch(SampleError, ValueError):
    """A sample's shape or dtype is unlike that of the other samples."""


def _rebuild(
    kind: type[SampleError], message: str, sample: object, index: int | None, loader: str | None
) -> SampleError:
    return kind(message, sample=sample, index=index, loader=loader)


def quote(value: object) -> str:
    """Return *value* as it may stand in a message: escaped, at most 200 characters."""
    try:
        if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
            value = value.item()  # 0.5 and not np.float64(0.5)
        # A few letters of a million names are shown: the others need no escaping.
        if isinstance(value, (str, bytes, list, tuple)):
            value = value[: _QUOTE_LIMIT + 1]
        elif isinstance(value, dict):
            value = dict(islice(value.items(), _QUOTE_LIMIT))
        text = ascii(value).replace("\n", " ")
    except Exception:  # whose own text fails must not hide what is wrong with it
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _QUOTE_LIMIT else f"{text[: _QUOTE_LIMIT - 1]}…"


def enumerate_some(values: Sequence[object], most: int = 5) -> str:
    """Return the first *values*, quoted, and how many more there are."""
    shown = ", ".join(quote(value) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of *known*, or ``""``.

    Of more than a thousand, only those that begin alike and are about as long are looked at.
    """
    word, names = str(word)[:_QUOTE_LIMIT], list(known)
    if len(names) > _SUGGEST_FROM:
        alike = (name for name in names if name[:1] == word[:1] and abs(len(name) - len(word)) < 3)
        names = list(islice(alike, _SUGGEST_FROM))
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f" Did you mean {quote(near[0])}?" if near else ""
