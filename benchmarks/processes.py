"""Peers in processes of their own, waiting for their turns."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.rows import Peer

__all__ = ["PeerFailed", "PeerProcess"]

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_PATIENCE = 20  # seconds that a peer may take to end


class PeerFailed(Exception):
    """A peer cannot be measured."""


class PeerProcess:
    """A running peer, with its libraries loaded and its data open.

    Args:
        peer: Which.
        options: Of the variant.
        data: The data sets' directories, by argument.
        cores: The cores that it may use; none for all.
        gpu: Whether it may see the GPU.
        log: Where what it prints goes.
    """

    def __init__(
        self,
        peer: Peer,
        options: Mapping[str, Any],
        data: Mapping[str, str],
        *,
        cores: Sequence[int],
        gpu: bool,
        log: Any,
    ) -> None:
        environment = {
            **os.environ,
            "KERAS_BACKEND": peer.backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
        }
        if not gpu:
            environment |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
        given = {
            "subject": peer.subject,
            "options": dict(options),
            "data": dict(data),
            "cores": list(cores),
        }
        self.options = dict(options)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
        )

    def ready(self) -> None:
        """Wait until it is; raise ``PeerFailed`` if it will never be."""
        self._answer()

    def measure(self, seconds: float) -> dict[str, Any]:
        """Give it its turn; raise ``PeerFailed`` if it fails."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{seconds}\n")
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line or '{"failed": "it ended; the log says why"}')
        if "failed" in found:
            raise PeerFailed(found["failed"])
        return found
