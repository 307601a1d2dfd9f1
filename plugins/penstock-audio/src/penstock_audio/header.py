"""What the chunks before the waveform of a ``.wav`` file say, checked against the file's size.

Python's own ``wave`` refuses 32-bit floats, reads whole chunks to skip them, and
leaves sizes that do not add up to whoever reads the frames. The format:
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.errors import SampleCorrupt, SampleRefused
from penstock.lookalikes import looks_like

if TYPE_CHECKING:
    from penstock.reading import RegularFile

__all__ = ["WavHeader", "read_header"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_COMPRESSED = {
    2: "Microsoft ADPCM",
    6: "A-law",
    7: "mu-law",
    17: "IMA ADPCM",
    49: "GSM 6.10",
    80: "MPEG",
    85: "MP3",
}
_WIDTHS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
# What an extensible header says after the two bytes of the format proper.
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
_CHUNKS_LIMIT = 1_000
_CHANNELS_LIMIT = 1_024
_UNKNOWN = 0xFFFFFFFF  # the size of data that were streamed


@dataclass(frozen=True, slots=True)
class WavHeader:
    """The promise of a header.

    Attributes:
        rate: Samples per second.
        channels: Numbers per sample.
        bits: Of each number.
        floating: Whether numbers are floats.
        offset: Where in the file the waveform begins.
        frames: How many samples of all channels there are.
    """

    rate: int
    channels: int
    bits: int
    floating: bool
    offset: int
    frames: int

    @property
    def frame_bytes(self) -> int:
        """Bytes per sample of all channels."""
        return self.channels * self.bits // 8


def read_header(file: RegularFile) -> WavHeader:
    """Read the header of an open file.

    Raises:
        SampleCorrupt: It is no ``.wav`` file, was cut, or contradicts itself.
        SampleRefused: It is compressed, or of a kind that is not read.
    """
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        found = looks_like(head + file.read(1024))
        raise _corrupt(f"it is no .wav file{found and f'; it looks like {found}'}")
    layout: tuple[int, int, int, int, bool] | None = None
    place = 12
    for _ in range(_CHUNKS_LIMIT):
        file.seek(place)
        start = file.read(8)
        if len(start) < 8:
            missing = "fmt" if layout is None else "data"
            raise _corrupt(f"it ends without a chunk {missing!r}: it was cut, or never closed")
        kind, length = start[:4], int.from_bytes(start[4:], "little")
        place += 8
        if kind == b"fmt ":
            layout = _layout(file.read(min(length, 40)), length)
        elif kind == b"data":
            if layout is None:
                raise _corrupt("its waveform comes before what says how to read it")
            return _header(layout, place, length, file.size)
        place += length + length % 2  # chunks begin at even places
    raise _corrupt(f"it has more than {_CHUNKS_LIMIT} chunks before its waveform")


def _header(
    layout: tuple[int, int, int, int, bool], place: int, length: int, size: int
) -> WavHeader:
    rate, channels, bits, align, floating = layout
    if length == _UNKNOWN:
        length = size - place
        length -= length % align
    if place + length > size:
        raise _corrupt(
            f"its header promises a waveform of {length} bytes, and the file has {size - place}"
            " more: it was cut"
        )
    if length % align:
        raise _corrupt(f"its waveform of {length} bytes is no multiple of the {align} of a sample")
    return WavHeader(rate, channels, bits, floating, place, length // align)


def _layout(fields: bytes, length: int) -> tuple[int, int, int, int, bool]:
    if length < 16 or len(fields) < min(length, 40):
        raise _corrupt(f"its chunk 'fmt ' has {min(length, len(fields))} bytes, less than it takes")
    kind, channels, rate, _, align, bits = struct.unpack("<HHIIHH", fields[:16])
    if kind == _EXTENSIBLE and length >= 40:
        kind = int.from_bytes(fields[24:26], "little") if fields[26:40] == _SUBFORMAT else kind
    if kind not in _WIDTHS:
        raise SampleRefused(
            f"A .wav file was refused: it holds {_COMPRESSED.get(kind, f'format {kind}')}; only PCM"
            " and floats are read. Convert it: ffmpeg -i in.wav -c:a pcm_s16le out.wav."
        )
    if bits not in _WIDTHS[kind]:
        raise SampleRefused(
            f"A .wav file was refused: its {'floats' if kind == _FLOAT else 'numbers'} have {bits}"
            f" bits; {_WIDTHS[kind]} are read. Convert it to 16 bits."
        )
    if not 1 <= channels <= _CHANNELS_LIMIT or not rate or align != channels * bits // 8:
        raise _corrupt(
            f"its header says {channels} channels of {bits} bits at {rate} Hz in samples of"
            f" {align} bytes, which contradicts itself"
        )
    return rate, channels, bits, align, kind == _FLOAT


def _corrupt(what: str) -> SampleCorrupt:
    return SampleCorrupt(
        f"A .wav file cannot be read: {what}. Write it again as PCM, or leave it out."
    )
