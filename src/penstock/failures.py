"""What becomes of samples that cannot be loaded: the policy, and the record of them."""

from __future__ import annotations

import os
import threading
import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from penstock.checks import check_choice
from penstock.draws import key
from penstock.errors import ConfigError, SampleError, TooManyErrors, enumerate_some, quote
from penstock.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from penstock.batches import Batches

__all__ = ["ErrorPolicy", "Failures", "Record", "error_policy", "mend", "replacement"]

_Entry: TypeAlias = tuple[Any, str, str, int]  # sample, class of the error, message, how often

_REPLACE = 0x5245_504C  # tells these hashes from those of order and augmentation
_ATTEMPTS = 50  # at a replacement

Record = tuple[int, Any, str, str, int]  # row, sample, class and text of the error, times


@dataclass(frozen=True)
class ErrorPolicy:
    """What becomes of samples that cannot be loaded.

    Attributes:
        on_error: ``"raise"``, ``"skip"`` or ``"mask"``.
        max_errors: How many different samples may be so, or which share of all;
            None for any number.
        file: Where to write the table of them, or None.
        log: What is written there, by row: of all parts that were made of one sequence, for
            they share the file.
    """

    on_error: str = "raise"
    max_errors: int | float | None = None
    file: str | None = None
    log: dict[int, _Entry] = field(default_factory=dict, compare=False, repr=False)

    def budget(self, count: int) -> float:
        """Return how many of *count* samples may fail."""
        if self.max_errors is None:
            return float("inf")
        whole = isinstance(self.max_errors, int)
        return self.max_errors if whole else self.max_errors * count


def error_policy(on_error: Any, max_errors: Any, file: Any) -> ErrorPolicy:
    """Check what a user asked for.

    Raises:
        ConfigError: A value that cannot work.
    """
    check_choice("on_error", on_error, ("raise", "skip", "mask"))
    if file is not None and not isinstance(file, (str, os.PathLike)):
        raise ConfigError(f"error_log={quote(file)} is not a path.")
    if file is not None and (
        os.path.isdir(file) or not os.path.isdir(os.path.dirname(os.path.abspath(file)))
    ):
        raise ConfigError(
            f"error_log={quote(file)} cannot be written: it is a directory, or is in none. Make the"
            " directory, and give the name of a file in it."
        )
    if max_errors is not None:
        if on_error == "raise":
            raise ConfigError(
                f"max_errors={quote(max_errors)} has no meaning with on_error='raise', which stops"
                " at the first. Give on_error='skip' or 'mask' beside it."
            )
        number = isinstance(max_errors, (int, float, np.number))
        whole = isinstance(max_errors, (int, np.integer))
        if (
            isinstance(max_errors, bool)
            or not number
            or not 0 <= max_errors <= (2**63 if whole else 1)
        ):
            raise ConfigError(
                f"max_errors={quote(max_errors)} was given; it must be a whole number of samples,"
                " or a share of them from 0.0 to 1.0."
            )
        max_errors = int(max_errors) if whole else float(max_errors)
    return ErrorPolicy(on_error, max_errors, None if file is None else os.fspath(file))


class Failures:
    """The record of samples that could not be loaded.

    Args:
        policy: What becomes of them.
        count: How many samples there are in all.
    """

    def __init__(self, policy: ErrorPolicy, count: int) -> None:
        self._policy = policy
        self._count = count
        # By row. No error is kept: its traceback would keep the memory of its batch.
        self._found: dict[int, _Entry] = {}
        self._fresh: dict[int, int] = {}  # since the last summary
        self._lock = threading.Lock()
        renew_after_fork(self)

    def note(self, row: int, error: SampleError) -> None:
        """Note that the sample in *row* could not be loaded.

        Raises:
            TooManyErrors: More different samples failed than may.
        """
        self.merge([(row, error.sample, type(error).__name__, error.message, 1)], error)

    def take(self) -> list[Record]:
        """Return what was noted since the last time, for the process that asked for it."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            return [(row, *self._found[row][:3], times) for row, times in fresh.items()]

    def merge(self, records: list[Record], last: SampleError | None = None) -> None:
        """Note what other processes took, or *last* here.

        Raises:
            TooManyErrors: More different samples failed than may.
        """
        with self._lock:
            for row, sample, kind, reason, times in records:
                for record in (self._found, self._policy.log):
                    before = record[row][-1] if row in record else 0
                    record[row] = sample, kind, reason, before + times
                self._fresh[row] = self._fresh.get(row, 0) + times
            failed = len(self._found)
        if records and self._policy.on_error != "raise":
            if failed <= self._policy.budget(self._count):
                return
            said = last if last is not None else f"{records[-1][3]} (sample {records[-1][1]!r})"
            raise TooManyErrors(
                f"{failed} of {self._count} samples could not be loaded, and"
                f" max_errors={self._policy.max_errors} allows fewer. The last was: {said}"
                " The attribute errors of the sequence lists all of them."
            ) from last

    def table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the record, in the order of the samples *table*: a row per sample.

        Columns are ``sample``, ``index``, ``error`` (its class), ``reason`` and ``count``.
        """
        with self._lock:
            found = dict(self._found)
        return _as_table(found, table)

    def write(self, table: pd.DataFrame) -> None:
        """Write what failed, in other parts too, where the policy says."""
        file, log = self._policy.file, dict(self._policy.log)
        if file is None or not log:
            return
        try:
            _as_table(log, table).to_csv(
                file, index=False, encoding="utf-8", errors="surrogateescape"
            )
        except OSError as error:  # no reason to end training
            warnings.warn(
                f"error_log={quote(file)} cannot be written ({error.strerror or error}). The"
                " attribute errors of the sequence says the same.",
                stacklevel=2,
            )

    def summary(self) -> str | None:
        """Return what to tell of the failures since the last summary, if there were any."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            names = [self._found[row][0] for row in sorted(fresh)]
        if not fresh or self._policy.on_error == "raise":
            return None
        became = {"skip": "replaced by others", "mask": "masked (zeros of weight 0)"}
        samples = "1 sample" if len(fresh) == 1 else f"{len(fresh)} samples"
        return (
            f"{samples} of {self._count} could not be loaded and"
            f" {'was' if len(fresh) == 1 else 'were'} {became[self._policy.on_error]}:"
            f" {enumerate_some(names, 3)}. The attribute errors of the sequence says why."
        )


def _as_table(found: dict[int, _Entry], table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    named = table["sample"] if "sample" in table.columns else None
    rows = [
        {
            "sample": sample if named is None else named.iloc[row],
            "index": row,
            "error": kind,
            "reason": reason,
            "count": times,
        }
        for row, (sample, kind, reason, times) in sorted(found.items())
    ]
    return pd.DataFrame(rows, columns=["sample", "index", "error", "reason", "count"])


def mend(
    batches: Batches,
    epoch: int,
    rows: NDArray[np.int64],
    ready: list[NDArray[Any]],
    error: SampleError,
) -> list[int]:
    """Load a slice sample by sample after *error*, and do with those that fail as the policy says.

    A replacement is drawn from the samples of the view by (seed, epoch, sample)
    alone, so that threads have no say in it.

    Args:
        batches: What the slice is of.
        epoch: The epoch.
        rows: The rows of the slice; those of replacements are written here.
        ready: An array per loaded field, of as many samples.
        error: What loading the slice raised.

    Returns:
        The places in the slice that are masked.

    Raises:
        SampleError: One that the policy does not cover.
        TooManyErrors: More samples failed than may, or no other could be loaded.
    """
    masked, failures = [], batches.runtime.failures
    if batches.errors.on_error == "raise":
        if error.index is not None:
            failures.note(error.index, error)
        raise error
    for place, row in enumerate(rows.tolist()):
        failed = _load_one(batches, row, ready, place)
        if failed is None:
            continue
        failures.note(row, failed)
        # Where sizes vary, the assembly finds replacements itself: they have sizes of their own.
        if batches.errors.on_error == "mask" or batches.padding is not None:
            for array in ready:
                array[place] = "" if array.dtype.hasobject else 0
            masked.append(place)
            continue
        rows[place] = replacement(
            batches, epoch, row, partial(_load_one, batches, ready=ready, place=place)
        )
    return masked


def replacement(
    batches: Batches, epoch: int, row: int, load: Callable[[int], SampleError | None]
) -> int:
    """Return the row of a sample to put in another's place.

    Args:
        batches: What the sample is of.
        epoch: The epoch.
        row: The row of the sample that cannot be loaded.
        load: Tries to load that in another row, and returns what went wrong, if anything did.

    Raises:
        TooManyErrors: More samples failed than may, or no other could be loaded.
    """
    for attempt in range(_ATTEMPTS):
        drawn = int(key(batches.order.seed, epoch, row, attempt, _REPLACE)) % len(batches.rows)
        candidate = int(batches.rows[drawn])
        failed = load(candidate)
        if failed is None:
            return candidate
        batches.runtime.failures.note(candidate, failed)
    raise TooManyErrors(
        f"Nothing was found to replace the sample in row {row} with: {_ATTEMPTS} others could not"
        f" be loaded either. The last was: {failed}"
    ) from failed


def _load_one(
    batches: Batches, row: int, ready: list[NDArray[Any]], place: int
) -> SampleError | None:
    try:
        for each, array in zip(batches.loaded, ready, strict=True):
            each.load(np.array([row]), array[place : place + 1])
    except SampleError as error:
        return error
    return None
