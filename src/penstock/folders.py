"""Where files that can be made again are kept."""

from __future__ import annotations

import os
import stat
import sys

from penstock.errors import ConfigError, quote

__all__ = ["cache_folder", "refuse_shared"]


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


def refuse_shared(folder: str, option: str) -> None:
    """Refuse a directory in which everybody could put files under our names.

    A group may: who makes a directory writable for one means it. So may root, who can do
    anything; and who is root trusts the directories of those it works for.

    Raises:
        ConfigError: It belongs to another user, or everybody may write to it.
    """
    if sys.platform == "win32":  # says nothing of it in the mode
        return
    try:
        state = os.stat(folder)
    except OSError:  # it will be made, for this user alone
        return
    if os.geteuid() and state.st_uid not in (os.geteuid(), 0):
        raise ConfigError(
            f"{option}={quote(folder)} belongs to another user, who could change what is read"
            " from it. Name a directory of your own."
        )
    # In one like /tmp only the owner of a file can replace it.
    if state.st_mode & stat.S_IWOTH and not state.st_mode & stat.S_ISVTX:
        raise ConfigError(
            f"{option}={quote(folder)} can be written by everybody, who could change what is read"
            " from it. Take that right away (chmod o-w), or name a directory of your own, such as"
            " one in it that is yet to be made."
        )
