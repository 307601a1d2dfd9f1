"""The few tags of a TIFF directory that decide how an image is read.

EXIF data, in whatever format it is embedded, has the layout of a TIFF file
(TIFF 6.0, section 2; BigTIFF has wider offsets).
"""

from __future__ import annotations

import struct

__all__ = ["orientation_of", "read_tags"]

_ORIENTATION = 274
_TAG_LIMIT = 4096
# Field type -> struct code, for the whole numbers that such tags hold.
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}


def orientation_of(exif: bytes) -> int:
    """Return the orientation, 1 to 8, that EXIF data tells; 1 where it tells none."""
    try:
        found = read_tags(exif).get(_ORIENTATION, 1)
    except (struct.error, ValueError):
        # Spoilt metadata does not make the pixels unreadable.
        return 1
    return found if 1 <= found <= 8 else 1


def read_tags(data: bytes) -> dict[int, int]:
    """Return the first value of every whole-number tag in the first directory.

    Raises:
        ValueError: *data* does not begin like a TIFF file.
        struct.error: *data* ends within the directory.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("no byte order mark")
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version not in (42, 43):
        raise ValueError("no TIFF version")
    wide = version == 43
    pointer, counter, width, entry = ("Q", "Q", 8, 20) if wide else ("I", "H", 4, 12)
    (start,) = struct.unpack_from(order + pointer, data, 8 if wide else 4)
    (count,) = struct.unpack_from(order + counter, data, start)
    if count > _TAG_LIMIT:
        raise ValueError("too many tags")
    start += struct.calcsize(order + counter)
    tags: dict[int, int] = {}
    for at in range(start, start + count * entry, entry):
        tag, kind, length = struct.unpack_from(order + "HH" + pointer, data, at)
        code = _CODES.get(kind)
        if code is None or not length:
            continue
        value_at = at + 4 + width
        if length * struct.calcsize(order + code) > width:
            (value_at,) = struct.unpack_from(order + pointer, data, value_at)
        (tags[tag],) = struct.unpack_from(order + code, data, value_at)
    return tags
