"""The loader ``audio`` for Penstock: one waveform per ``.wav`` file."""

from __future__ import annotations

from penstock_audio.loader import AudioFiles

__all__ = ["AudioFiles"]
