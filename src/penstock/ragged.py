"""From ``pad_to=`` and its siblings to how samples of varying size become batches."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.bucketing import Bucketing
from penstock.checks import check_flag, check_whole
from penstock.components import name_of
from penstock.errors import ConfigError, quote, suggest
from penstock.padding import Padding, mask_name
from penstock.sizes import sizes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.batches import Batches
    from penstock.errors import SampleError
    from penstock.fields import LoadedField

__all__ = ["padded"]

_WINDOW = 100  # batches: enough to sort out sizes, few enough to mix them anew in each epoch
_AT_ONCE = 512  # samples that a thread measures before it looks for more


def padded(
    batches: Batches,
    *,
    pad_to: Any,
    pad_to_multiple_of: Any,
    pad_value: Any,
    padding_mask: Any,
    bucket_by_length: Any,
    cache: Any,
) -> Batches:
    """Return batches that pad samples of varying size, as a user asked.

    Args:
        batches: The batches.
        pad_to: As ``make_generator`` takes it; so are all the others.
        pad_to_multiple_of: See there.
        pad_value: See there.
        padding_mask: See there.
        bucket_by_length: See there.
        cache: See there.

    Raises:
        ConfigError: A value that cannot work, or samples that are all of one size.
        SampleError: A sample cannot be measured, where batches are made by size.
    """
    varying = [each for each in batches.loaded if each.sizes is not None]
    check_flag("padding_mask", padding_mask)
    if not varying:
        _refuse_unused(
            pad_to=pad_to,
            pad_to_multiple_of=pad_to_multiple_of,
            pad_value=pad_value,
            padding_mask=padding_mask or None,
            bucket_by_length=bucket_by_length or None,
        )
        return batches
    _refuse_beside_varying(batches, varying[0], cache)
    if pad_to is not None and pad_to_multiple_of is not None:
        raise ConfigError(
            "pad_to= and pad_to_multiple_of= both say how large batches are; give one of them."
        )
    multiple = 1
    if pad_to_multiple_of is not None:
        multiple = check_whole("pad_to_multiple_of", pad_to_multiple_of, 1)
    if padding_mask:
        _check_mask_names(batches)
    padding = Padding(
        to=_checked_sizes(pad_to, varying),
        multiple=multiple,
        values=_checked_values(pad_value, varying),
        mask=padding_mask,
    )
    if batches.order.shard[1] > 1 and any(None in padding.shape(each.spec) for each in varying):
        raise ConfigError(
            f"{varying[0].name!r} varies in size, and each of {batches.order.shard[1]} processes"
            " would pad its part of a batch to another size, where all must have one. Say which:"
            " pad_to=."
        )
    return _bucketed(replace(batches, padding=padding), varying[0], bucket_by_length)


def _refuse_unused(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                f"{name}={quote(value)} is for samples of varying size, and these are all of one."
                " Leave it out; or let the loader describe a shape with None in it, as"
                " shape=(None, 40) does for .npy files. Arrays of different sizes are a list."
            )


def _refuse_beside_varying(batches: Batches, first: LoadedField, cache: Any) -> None:
    what = f"the samples of {first.name!r} vary in size: {first.spec.shape}."
    if cache == "disk":
        raise ConfigError(
            f"cache='disk' keeps samples of one size, and {what} Give cache='memory', or leave it"
            " out: the system keeps files that were read in what memory is free."
        )
    whole = [batches.runtime.names[place] for place, _ in batches.runtime.batch_hooks]
    if whole:
        raise ConfigError(
            f"The augmenter {whole[0]} works on whole batches, where it would mix samples with"
            f" padding: {what} Use augmenters of samples, or load all samples in one size."
        )


def _checked_sizes(given: Any, varying: list[LoadedField]) -> Any:
    if given is None or not isinstance(given, (tuple, list)):
        return None if given is None else check_whole("pad_to", given, 1)
    sizes = tuple(None if size is None else check_whole("pad_to", size, 1) for size in given)
    for each in varying:
        if len(sizes) != len(each.spec.varying):
            raise ConfigError(
                f"pad_to={quote(given)} has {len(sizes)} sizes, and {each.name!r} of shape"
                f" {each.spec.shape} varies in {len(each.spec.varying)}. Give a size for each,"
                " None for the largest of the batch, or one number for all."
            )
    return sizes


def _checked_values(given: Any, varying: list[LoadedField]) -> dict[str, Any]:
    names = [each.name for each in varying]
    if given is None:
        return {}
    values = dict(given) if isinstance(given, Mapping) else dict.fromkeys(names, given)
    for name, value in values.items():
        if name not in names:
            raise ConfigError(
                f"pad_value= names {quote(name)}, which does not vary in size; {quote(names)} do."
                f"{suggest(name, names)}"
            )
        dtype = varying[names.index(name)].spec.deliver_dtype
        if not _fits(value, dtype):
            raise ConfigError(
                f"pad_value={quote(value)} cannot stand in {name!r}, which is delivered as"
                f" {'strings' if dtype.hasobject else dtype.name}. Give a value of that kind."
            )
    return values


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    if dtype.hasobject:
        return isinstance(value, str)
    if not isinstance(value, (bool, int, float, np.number, np.bool_)):
        return False
    try:
        return dtype.kind == "f" or bool(dtype.type(value) == value)
    except (OverflowError, ValueError):
        return False


def _check_mask_names(batches: Batches) -> None:
    varying = [each.name for each in batches.inputs if each.sizes is not None]
    if not varying:
        raise ConfigError(
            "padding_mask=True makes masks of inputs, and only targets vary in size: these have"
            " weights of 0 where they are padded. Leave it out."
        )
    taken = {each.name for each in batches.inputs} & {mask_name(name) for name in varying}
    if taken:
        raise ConfigError(
            f"padding_mask=True would add the input {quote(min(taken))}, which there is already."
            " Give that input another name."
        )


def _bucketed(batches: Batches, first: LoadedField, given: Any) -> Batches:
    """Arrange batches by the size of the samples of their first field that varies."""
    if given is None or given is False:
        return batches
    window = _WINDOW if given is True else check_whole("bucket_by_length", given, 2)
    if not batches.order.shuffle:
        raise ConfigError(
            "bucket_by_length= puts samples of like length into one batch, and shuffle=False asks"
            " for the order of the source. Give one of them."
        )
    lengths = _lengths(batches, first)
    order = replace(batches.order, bucketing=Bucketing(lengths[batches.rows], window))
    return replace(batches, order=order)


def _lengths(batches: Batches, field: LoadedField) -> NDArray[np.int32]:
    """Measure all samples of a field, in threads; 0 for one that cannot be measured."""

    def failed(_: int, error: SampleError) -> None:
        if batches.errors.on_error == "raise":
            raise error

    def measure(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        sizes: NDArray[np.int64] = sizes_of(field, rows, failed).astype(np.int64)
        return np.prod(sizes, axis=1)  # type: ignore[no-any-return]

    rows = np.arange(len(field.samples))
    parts = np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE))
    pool = ThreadPoolExecutor(thread_name_prefix=f"penstock-{name_of(field.component)}")
    try:
        found = np.concatenate(list(pool.map(measure, parts)))
    finally:
        pool.shutdown(cancel_futures=True)
    lengths: NDArray[np.int32] = np.minimum(found, np.iinfo(np.int32).max).astype(np.int32)
    return lengths
