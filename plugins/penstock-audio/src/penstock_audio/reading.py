"""Brings waveforms from ``.wav`` files into rows of a batch."""

from __future__ import annotations

import math
import os
import stat
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleCorrupt, SampleError, SampleMissing, SampleRefused, quote
from penstock_audio.header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from numpy.typing import NDArray

    from penstock_audio.header import WavHeader

__all__ = ["header_of", "length_at", "read_frames", "resampled"]

# Never wait for the writer of a FIFO, hand a descriptor to a child, or acquire a terminal.
_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)

# Half the length of the low-pass filter, in samples of the lower rate, and the window
# that shapes it: SciPy's own choice in resample_poly.
_HALF_LENGTH = 10
_KAISER = 5.0
# Rates without a ratio as small as this would take a filter of millions of numbers.
_RATIO_LIMIT = 50_000


def header_of(path: str) -> WavHeader:
    """Read and check the header of the file at *path*.

    Raises:
        SampleError: The file is missing, malformed, or of a kind that is not read.
    """
    with _opened(path) as (_, header):
        return header


def length_at(header: WavHeader, rate: int | None) -> int:
    """Return how many samples a file has at *rate*, or at its own."""
    up, down = _ratio(header.rate, rate)
    return -(-header.frames * up // down)


def read_frames(path: str, count: int, rate: int | None) -> tuple[NDArray[np.float32], WavHeader]:
    """Read the first *count* samples of a file, and no more than they take.

    Args:
        path: The file.
        count: Samples at *rate*.
        rate: Samples per second to resample to, or None for the file's own.

    Returns:
        The samples, of shape ``(at most count, channels)`` in [-1, 1] (floats as they are), and
        the header.

    Raises:
        SampleError: The file is missing, malformed, or of a kind that is not read.
    """
    with _opened(path) as (file, header):
        up, down = _ratio(header.rate, rate)
        needed = count
        if up != down:
            # The last sample asks for so many before and after it.
            half = _HALF_LENGTH * max(up, down)
            needed = ((count - 1) * down + half) // up + 2
        raw = np.empty(min(needed, header.frames) * header.frame_bytes, np.uint8)
        _read_fully(file, raw.data, header.offset)
    sound = _as_floats(raw, header).reshape(-1, header.channels)
    return (sound if up == down else resampled(sound, up, down)[:count]), header


def resampled(sound: NDArray[np.float32], up: int, down: int) -> NDArray[np.float32]:
    """Resample by the factor *up* / *down*, behind a low-pass filter of zero phase.

    Args:
        sound: Samples of shape ``(n, channels)``.
        up: Above 0, without a common divisor with *down*.
        down: Above 0.

    Returns:
        ``ceil(n * up / down)`` samples, as of ``scipy.signal.resample_poly``.
    """
    from scipy.signal import resample_poly

    if not len(sound):
        return sound
    found: NDArray[Any] = resample_poly(sound, up, down, axis=0, window=_filter(up, down))
    return found.astype(np.float32, copy=False)


@lru_cache(maxsize=16)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    from scipy.signal import firwin

    most = max(up, down)
    taps: NDArray[Any] = firwin(2 * _HALF_LENGTH * most + 1, 1 / most, window=("kaiser", _KAISER))
    return taps.astype(np.float32)


def _ratio(found: int, wanted: int | None) -> tuple[int, int]:
    if wanted is None or found == wanted:
        return 1, 1
    shared = math.gcd(found, wanted)
    up, down = wanted // shared, found // shared
    if max(up, down) > _RATIO_LIMIT:
        raise SampleRefused(
            f"A .wav file was refused: it has {found} samples per second, which has no small ratio"
            f" to sampling_rate={wanted}. Check its header, or convert it."
        )
    return up, down


def _as_floats(raw: NDArray[np.uint8], header: WavHeader) -> NDArray[np.float32]:
    """Scale the bytes of a waveform to [-1, 1], as ``tf.audio.decode_wav`` does 16-bit ones."""
    bits = header.bits
    if header.floating:
        floats: NDArray[Any] = raw.view(f"<f{bits // 8}")
        with np.errstate(over="ignore"):  # of float64; what is infinite then was no sound
            return floats.astype(np.float32)
    if bits == 8:  # the only one without a sign
        return (raw.astype(np.float32) - np.float32(128)) * np.float32(1 / 128)
    if bits == 24:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw, bits = wide.reshape(-1), 32
    whole: NDArray[Any] = raw.view(f"<i{bits // 8}")
    return whole.astype(np.float32) * np.float32(2.0 ** (1 - bits))


def _read_fully(file: FileIO, into: memoryview, offset: int) -> None:
    file.seek(offset)
    done = 0
    while done < len(into):
        count = file.readinto(into[done:])
        if not count:
            raise SampleCorrupt(
                f"A .wav file changed while it was read: {len(into) - done} of its bytes are gone."
                " Do not write to the samples during training."
            )
        done += count


@contextmanager
def _opened(path: str) -> Iterator[tuple[FileIO, WavHeader]]:
    """Open a regular file and read its header; name *path* in whatever goes wrong."""
    try:
        file = open(path, "rb", buffering=0, opener=_open_descriptor)  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and os.path.isdir(path):
            raise _not_regular(path) from error
        raise SampleMissing(
            f"A .wav file cannot be opened: {quote(str(error))}. Check the path and its"
            " permissions, or leave it out.",
            sample=path,
        ) from error
    with file:
        try:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise _not_regular(path)
            yield file, read_header(file, state.st_size)
        except SampleError as error:
            error.sample = path
            raise
        except OSError as error:
            raise SampleCorrupt(
                f"A .wav file cannot be read: {error.strerror}. Check the disk it is on.",
                sample=path,
            ) from error


def _not_regular(path: str) -> SampleRefused:
    return SampleRefused(
        "A .wav file was refused: it is a directory, pipe, socket or device. Only regular files"
        " are read.",
        sample=path,
    )


def _open_descriptor(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)
