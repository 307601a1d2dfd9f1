"""Where a sequence is, in a form that another process can go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from penstock.errors import StateMismatch, quote
from penstock.fields import LoadedField
from penstock.packedtext import PackedText

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.bucketing import Bucketing

__all__ = ["place_in", "state_of"]

_SCHEMA = 1
_LOOK_AT = 16  # rows of an array that is an option: it may be larger than memory


def state_of(batches: Batches, epoch: int, batch: int) -> dict[str, Any]:
    """Return the state of a sequence whose next batch is *batch* of *epoch*."""
    place = {"schema": _SCHEMA, "epoch": int(epoch), "batch": int(batch)}
    return {**place, "of": fingerprint(batches)}


def place_in(state: Mapping[str, Any], batches: Batches) -> tuple[int, int, int | None]:
    """Return the epoch, the batch and the steps left of an epoch of ``fit`` in a state.

    Raises:
        StateMismatch: It is no state, or that of other batches.
    """
    if not isinstance(state, Mapping) or "schema" not in state:
        raise StateMismatch(f"{quote(state)} is no state of a sequence; state_dict() returns one.")
    if state["schema"] != _SCHEMA:
        raise StateMismatch(
            f"The state is of schema {quote(state['schema'])}, and this version of Penstock reads"
            f" schema {_SCHEMA}. Go on with the version that saved it."
        )
    saved, here = state.get("of"), fingerprint(batches)
    saved = saved if isinstance(saved, Mapping) else {}
    differing = [
        f"{name} was {quote(saved.get(name))} and is {quote(here.get(name))}"
        for name in dict.fromkeys([*here, *map(str, saved)])
        if saved.get(name) != here.get(name)
    ]
    if differing:
        raise StateMismatch(
            f"The state is that of other data or options: {'; '.join(differing)[:1000]}."
            " Make the sequence as it was made then (seed= included), or begin anew."
        )
    epoch, batch, left = state.get("epoch"), state.get("batch"), state.get("steps_left")
    if not _is_whole(epoch) or not _is_whole(batch) or not batch < len(batches):
        raise StateMismatch(
            f"The state is at batch {quote(batch)} of epoch {quote(epoch)}; an epoch has the"
            f" batches 0 to {len(batches) - 1}. It is damaged: take an older one, or begin anew."
        )
    if left is not None and not (_is_whole(left) and left):
        raise StateMismatch(f"The state has steps_left={quote(left)}, which is damaged.")
    return epoch, batch, left


def fingerprint(batches: Batches) -> dict[str, Any]:
    """Tell the data and options of *batches* from others, in fields that can be compared."""
    known: dict[str, Any] | None = batches.runtime.__dict__.get("fingerprint")
    if known is None:
        known = batches.runtime.__dict__["fingerprint"] = _fingerprint(batches)
    return known


def _fingerprint(batches: Batches) -> dict[str, Any]:
    order, rows = batches.order, batches.rows
    encoded = [each for each in batches.targets if not isinstance(each, LoadedField)]
    given = (batches.sample_weight, batches.class_weight, batches.output_weight)
    weights = [each for each in given if each is not None]
    return {
        "num_samples": order.count,
        "batch_size": order.batch_size,
        "shuffle": order.shuffle,
        "seed": order.seed,
        "drop_remainder": order.drop_remainder,
        "on_error": batches.errors.on_error,
        "samples": _digest(*[_content(_of(each.samples, rows)) for each in batches.loaded]),
        "labels": _digest(*[_content(each.labels[rows]) for each in encoded]),
        "loading": _digest(*[_text(each.component) for each in batches.loaded]),
        "encoding": _digest(*[_text(each.component) for each in encoded]),
        "weights": _digest(*map(_text, weights)),
        "augment": _digest(*map(_text, batches.augmenters)) if batches.augment else None,
        "prepare": _digest(_text(batches.preparers)) if batches.preparers else None,
        "sampling": None if order.sampling is None else _digest(_text(order.sampling)),
        "padding": None if batches.padding is None else _digest(_text(batches.padding)),
        "bucketing": _digest(*_buckets(order.bucketing)) if order.bucketing else None,
    }


def _buckets(bucketing: Bucketing) -> tuple[str, bytes]:
    return str(bucketing.window), _content(bucketing.lengths)


def _digest(*parts: bytes | str) -> str:
    found = hashlib.blake2b(digest_size=6)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


def _of(samples: Any, rows: NDArray[np.int64]) -> Any:
    return samples.taken(rows) if isinstance(samples, PackedText) else samples[rows]


def _content(values: Any) -> bytes:
    if isinstance(values, PackedText):
        return values.separated(b"\0")
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values).tobytes()
    if values.dtype.kind == "O" and not all(isinstance(value, str) for value in values.flat):
        return "\0".join(map(_text, values.flat)).encode("utf-8", "surrogatepass")
    return "\0".join(values.astype(object).flat).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    """Describe an option, or a component with its options, the same in every process."""
    if isinstance(value, (str, bytes, bool, int, float, type(None), np.generic, np.dtype)):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_text(key)}: {_text(each)}' for key, each in value.items())}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_text, value))}]"
    kind = type(value)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    # A component may have options of these names.
    if isinstance(shape, tuple) and dtype is not None and not is_dataclass(kind):
        return f"{dtype}{shape}{_some_rows(value)}"
    if is_dataclass(kind):
        names = [each.name for each in fields(kind) if each.init]
        options = [f"{name}={_text(getattr(value, name, None))}" for name in names]
        return f"{kind.__module__}.{kind.__qualname__}({', '.join(options)})"
    return f"{kind.__module__}.{getattr(value, '__qualname__', kind.__qualname__)}"


def _some_rows(array: Any) -> str:
    count = len(array) if array.shape else 0
    chosen = sorted({round(place) for place in np.linspace(0, count - 1, min(count, _LOOK_AT))})
    rows = [np.asarray(array[place]) for place in chosen]
    return _digest(*[row.tobytes() for row in rows if row.dtype.kind in "biuf"])


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
