"""Brings waveforms from ``.wav`` files into rows of a batch."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import SampleRefused
from penstock.reading import RegularFile
from penstock_audio.header import read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock_audio.header import WavHeader

__all__ = ["header_of", "length_at", "read_frames", "resampled"]

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
    with RegularFile(path) as file:
        return read_header(file)


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
    with RegularFile(path) as file:
        header = read_header(file)
        up, down = _ratio(header.rate, rate)
        needed = count
        if up != down:
            # The last sample asks for so many before and after it.
            half = _HALF_LENGTH * max(up, down)
            needed = ((count - 1) * down + half) // up + 2
        raw = np.empty(min(needed, header.frames) * header.frame_bytes, np.uint8)
        file.seek(header.offset)
        file.fill(raw)
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
