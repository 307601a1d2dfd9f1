"""The loader ``audio``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock.errors import ConfigError, SampleMismatch, quote
from penstock_audio.reading import header_of, length_at, read_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock_audio.header import WavHeader

__all__ = ["AudioFiles"]

_HEADERS_LOOKED_AT = 1_000


@dataclass(frozen=True, kw_only=True)
class AudioFiles:
    """Waveforms from .wav files, of their own lengths or cut or padded to one.

    Samples are float32 in [-1, 1] of shape ``(length, channels)``, as
    keras.utils.audio_dataset_from_directory delivers them. PCM of 8, 16, 24 and
    32 bits is read, and floats of 32 and 64. Only the bytes that are delivered
    are read.

    Args:
        column: Column of the samples table that names the files.
        output_sequence_length: Samples per waveform, at *sampling_rate*: longer ones are cut,
            shorter ones padded with zeros. By default each has its own, and a batch is padded
            to its longest; ``padding_mask=True`` says where.
        sampling_rate: Samples per second; files of another rate are resampled. By default
            all files have to have one rate, and keep it.

    Raises:
        ConfigError: An option has a value that is not allowed.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".wav",)

    column: str = "sample"
    output_sequence_length: int | None = None
    sampling_rate: int | None = None

    def __post_init__(self) -> None:
        for name in ("output_sequence_length", "sampling_rate"):
            value = getattr(self, name)
            if isinstance(value, (int, np.integer)) and value < 1:
                raise ConfigError(
                    f"{name}={quote(value)} was given; it must be a whole number of at least 1."
                )

    @penstock.hookimpl
    def claims_source(self) -> bool:
        """Leave sources to those that name this loader: many plugins read .wav files."""
        return False

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe the first file, and look whether others are alike."""
        if len(samples) == 0:
            raise ConfigError("There is no .wav file to read: the samples table is empty.")
        first = header_of(samples[0])
        count = min(len(samples), _HEADERS_LOOKED_AT)
        for index in np.linspace(0, len(samples) - 1, count).astype(np.int64).tolist():
            self._check(samples[index], header_of(samples[index]), first)
        return ArraySpec((self.output_sequence_length, first.channels), np.float32)

    @penstock.hookimpl
    def measure_samples(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Look at the files' headers."""
        lengths = [length_at(header_of(path), self.sampling_rate) for path in samples.tolist()]
        return np.array(lengths, np.int64).reshape(-1, 1)

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Read the beginning of each file into its row of *out*."""
        length, channels = out.shape[1:]
        for path, row in zip(samples.tolist(), out, strict=True):
            # One more than is asked for shows a file that is too long.
            more = self.output_sequence_length is None
            sound, header = read_frames(path, length + more, self.sampling_rate)
            if header.channels != channels:
                raise _other_channels(path, header.channels, channels)
            if more and len(sound) != length:
                raise SampleMismatch(
                    f"A .wav file has {length_at(header, self.sampling_rate)} samples, and had"
                    f" {length} when it was measured. Leave files alone that are trained on.",
                    sample=path,
                )
            row[: len(sound)] = sound
            row[len(sound) :] = 0

    def _check(self, path: str, header: WavHeader, first: WavHeader) -> None:
        if header.channels != first.channels:
            raise _other_channels(path, header.channels, first.channels)
        if self.sampling_rate is None and header.rate != first.rate:
            raise SampleMismatch(
                f"The .wav files differ: the first has {first.rate} samples per second, this one"
                f" {header.rate}. Give sampling_rate= to resample them, or leave this one out.",
                sample=path,
            )


def _other_channels(path: str, found: int, first: int) -> SampleMismatch:
    return SampleMismatch(
        f"The .wav files differ: the first has {first} channels, this one {found}. Give all files"
        " as many, or leave this one out.",
        sample=path,
    )
