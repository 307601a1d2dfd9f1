"""What a file is that is not what its name says: for the messages of loaders.

Downloads that failed leave pages of HTML under the names of data, a clone without
Git LFS leaves pointers, a copy that was interrupted leaves zeros.
"""

from __future__ import annotations

__all__ = ["looks_like"]

_BEGINNINGS = (
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"ID3", "MP3"),
    (b"FORM", "AIFF"),
    (b".snd", "AU"),
    (b"RIFX", "a big-endian .wav file"),
    (b"RF64", "an RF64 file, for more than 4 GiB"),
    (b"\x93NUMPY", "a .npy array"),
    (b"PK\x03\x04", "a zip archive, as numpy.savez writes"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "HDF5"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not fetched"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")
_LOOKED_AT = 1024
_TEXT = 64


def looks_like(head: bytes) -> str:
    """Say what a file looks like that begins with *head*.

    Args:
        head: Its first bytes; more than 1024 are not looked at.

    Returns:
        For the end of ``f"it looks like {…}"``; empty where the bytes tell nothing.
    """
    head = head[:_LOOKED_AT]
    if not head:
        return "an empty file"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_HTML) or b"<html" in text:
        return "HTML, such as a page that reports a failed download"
    if not head.strip(b"\0"):
        return "nothing but zero bytes, as after an interrupted copy"
    return "text" if _is_text(head[:_TEXT]) else ""


def _is_text(data: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two at the end is no objection.
        return error.start > len(data) - 4
    return True
