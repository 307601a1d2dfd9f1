"""What to make of an exception that a loader raised: try again, name the sample, or neither.

Nothing here runs while loaders succeed.
"""

from __future__ import annotations

import errno
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from penstock.components import name_of
from penstock.errors import (
    OutOfResources,
    PenstockError,
    SampleCorrupt,
    SampleError,
    SampleMissing,
    quote,
)

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from penstock.fields import LoadedField
    from penstock.sizes import Sizes

__all__ = ["load_again", "undescribed"]

# What a network file system, or a disk that wakes up, says and takes back.
_TRANSIENT = {
    getattr(errno, name, 0)
    for name in (
        "EAGAIN",
        "EBUSY",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTUNREACH",
        "EINTR",
        "EIO",
        "ENETDOWN",
        "ENETRESET",
        "ENETUNREACH",
        "EREMOTEIO",
        "ESTALE",
        "ETIMEDOUT",
    )
} - {0}
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_PAUSES = (0.05, 0.15, 0.4)  # seconds before each further attempt
_DEEP = 8  # causes to look through: plugins wrap what the system says


def load_again(
    field: LoadedField | Sizes, rows: NDArray[np.int64], out: NDArray[Any], error: Exception
) -> None:
    """Fill *out* after *error*, or find out which sample is to blame for it.

    A sample is tried again where the system may have changed its mind. Samples
    of a slice are loaded one by one, so that the guilty one names itself.

    Raises:
        SampleError: One cannot be loaded; names it, its row and the loader.
        OutOfResources: Memory or file descriptors ran out.
    """
    _refuse_exhausted(error, field)
    if len(rows) > 1:
        for place, row in enumerate(rows):
            field.load_anew(np.array([row]), out[place : place + 1])
        if _has(error, _TRANSIENT):
            _warn_of_attempts(field, error)
        else:
            _warn_of_slices(field, len(rows), error)
        return
    for pause in _PAUSES:
        if not _has(error, _TRANSIENT):
            break
        time.sleep(pause)
        try:
            field.call_loader(rows, out)
        except Exception as again:
            _refuse_exhausted(again, field)
            error = again
        else:
            _warn_of_attempts(field, error)
            return
    found = _wrapped(error, field, int(rows[0]))
    raise found from (found.__cause__ if found is error else error)


def _wrapped(error: Exception, field: LoadedField | Sizes, row: int) -> PenstockError:
    """Return *error* as one that names the sample in *row* of a field, and the loader."""
    loader = name_of(field.component)
    sample = field.pick(np.array([row]))[0]
    if isinstance(error, SampleError):
        error.sample, error.index, error.loader = sample, row, loader
        return error
    if isinstance(error, PenstockError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return SampleMissing(
            f"{quote(sample)} cannot be opened: {error.strerror or error}."
            " Check that it exists and may be read.",
            sample=sample,
            index=row,
            loader=loader,
        )
    return SampleCorrupt(
        f"{quote(sample)} cannot be loaded: {type(error).__name__}: {quote(str(error))}."
        " Mend the file, or leave it out of the source.",
        sample=sample,
        index=row,
        loader=loader,
    )


def undescribed(error: Exception, field: LoadedField, samples: NDArray[Any]) -> PenstockError:
    """Return what to raise after *error* in ``describe_sample``, which may be about any sample.

    Raises:
        OutOfResources: Memory or file descriptors ran out.
    """
    _refuse_exhausted(error, field)
    loader = name_of(field.component)
    if isinstance(error, OSError) and error.filename is not None:
        return SampleMissing(
            f"{quote(error.filename)} cannot be opened: {error.strerror or error}."
            " Check that it exists and may be read.",
            sample=error.filename,
            loader=loader,
        )
    return SampleCorrupt(
        f"{loader} cannot describe the samples, of which {quote(samples[0])} is the first:"
        f" {type(error).__name__}: {quote(str(error))}. Mend them, or choose another loader=.",
        loader=loader,
    )


def _refuse_exhausted(error: Exception, field: LoadedField | Sizes) -> None:
    # A loader that raises an error of ours knows that a sample is to blame, even
    # where a hostile file made it run out of memory.
    if isinstance(error, MemoryError) or _has(error, _EXHAUSTED):
        raise OutOfResources(
            f"{name_of(field.component)} ran out of memory or file descriptors while loading:"
            f" {type(error).__name__}: {quote(str(error))}. No sample is to blame: give a smaller"
            " batch_size=, max_queue_size= or workers=, or raise the limit (ulimit -n for files)."
        ) from error


def _has(error: BaseException | None, numbers: set[int]) -> bool:
    for _ in range(_DEEP):
        if error is None:
            break
        if isinstance(error, OSError) and error.errno in numbers:
            return True
        error = error.__cause__ or error.__context__
    return False


def _warn_of_attempts(field: LoadedField | Sizes, error: Exception) -> None:
    _warn_once(
        field,
        "attempts",
        f"{name_of(field.component)}.{field.called} failed ({type(error).__name__}:"
        f" {quote(str(error))}), and did not when it was tried again. The batches are right. This"
        " is said once: where loading is slow, look at the disk or the network.",
    )


def _warn_of_slices(field: LoadedField | Sizes, count: int, error: Exception) -> None:
    _warn_once(
        field,
        "slices",
        f"{name_of(field.component)}.{field.called} failed for {count} samples at once"
        f" ({type(error).__name__}: {quote(str(error))}), and did not for each by itself."
        " The batches are right; the loader is not, and slow. Tell its author.",
    )


def _warn_once(field: LoadedField | Sizes, kind: str, text: str) -> None:
    warned = field.__dict__.setdefault("_warned_of", set())
    if kind not in warned:
        warned.add(kind)
        warnings.warn(text, stacklevel=3)
