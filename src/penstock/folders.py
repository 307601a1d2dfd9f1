"""Where files that can be made again are kept."""

from __future__ import annotations

import os
import sys

__all__ = ["cache_folder"]


def cache_folder(chosen: str | os.PathLike[str] | None, kind: str) -> str:
    """Return *chosen*, or the directory for *kind* in the user's cache directory."""
    if chosen is not None:
        return os.path.abspath(os.path.expanduser(os.fsdecode(chosen)))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # A relative one would be another one after a change of directory.
    return os.path.abspath(os.path.join(base, "penstock", kind))
