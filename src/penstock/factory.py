"""The factory: what a user typed -> components and samples -> a sequence."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arraysource import part_of
from penstock.batches import Batches
from penstock.caching import plan_caches
from penstock.checks import (
    check_columns,
    check_flag,
    check_path,
    check_subset,
    check_whole,
    keras_share,
)
from penstock.components import check_augmenters, choose_augmenters
from penstock.errors import ConfigError
from penstock.executors import choose_workplace
from penstock.failures import error_policy
from penstock.forms import form_of
from penstock.imbalance import sampled
from penstock.labelrules import merged_classes
from penstock.opening import open_fields
from penstock.order import Order
from penstock.preparing import choose_preparers
from penstock.ragged import padded
from penstock.sequence import Sequence
from penstock.sharding import shard_options
from penstock.sources import plain_source
from penstock.targets import refuse_unused
from penstock.weights import class_weights, sample_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence as SequenceOf

__all__ = ["make_generator"]


def make_generator(
    source: Any,
    *more: Any,
    loader: Any = None,
    labels: Any = None,
    encoder: Any = None,
    augment: Any = None,
    prepare: Any = None,
    x_col: str | SequenceOf[str] | None = None,
    y_col: str | SequenceOf[str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    targets: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    drop_remainder: bool = False,
    remainder: str | None = None,
    shard: Any = None,
    class_names: SequenceOf[Any] | Mapping[Any, Any] | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    sample_weight: Any = None,
    sampling: Any = None,
    samples_per_epoch: float | None = None,
    replacement: bool = True,
    validation_split: float | None = None,
    subset: str | None = None,
    root: str | os.PathLike[str] | None = None,
    allow_outside_root: bool = False,
    follow_links: bool = False,
    exclude: Any = None,
    on_error: str = "raise",
    max_errors: float | None = None,
    error_log: str | os.PathLike[str] | None = None,
    pad_to: int | SequenceOf[int | None] | None = None,
    pad_to_multiple_of: int | None = None,
    pad_value: float | str | Mapping[str, float | str] | None = None,
    padding_mask: bool = False,
    bucket_by_length: bool | int = False,
    cache: str | None = None,
    cache_bytes: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    executor: Any = "threads",
    workers: int | None = None,
    max_queue_size: int = 4,
    batch_timeout: float | None = None,
    use_multiprocessing: bool = False,
    **options: Any,
) -> Any:
    """Make a sequence of batches that Keras' ``fit``, ``evaluate`` and ``predict`` take.

    Args:
        source: A directory, a CSV or TSV file, a DataFrame, a list of file names
            or ids, or arrays: ``x``, ``(x,)``, ``(x, y)``, ``(x, y, sample_weight)``
            where x and y may be dicts, or lists of arrays of different sizes.
        *more: Nothing: all else is given by name.
        loader: The loader's name or instance; found by detection if not given.
        labels: A dict from sample to label, or one label per sample in order. Or where to find
            it in a sample's name: a compiled pattern with a group, or a function.
        encoder: ``"categorical"``, ``"int"``, ``"binary"``, ``"multilabel"``,
            ``"float"``, another encoder's name or instance; ``"input"`` for the
            inputs as targets (autoencoders), ``"none"`` for inputs only.
            Classes are ``"categorical"`` by default.
        augment: An augmenter's name or instance, or several in order.
        prepare: What happens to every sample, in validation too: a function of one sample, a
            Keras layer, a component such as ``penstock.Standardize``, or several in order;
            with several inputs, a dict of these by input name.
        x_col: The column of a table that names what to load, or several columns
            of values.
        y_col: The column of labels, or several.
        inputs: Several inputs: loaders, by input name.
        targets: Several targets: encoders or loaders, by target name.
        batch_size: Samples per batch, of all processes together.
        shuffle: Whether every epoch has an order of its own.
        seed: Seed of order and augmentation, below 2**64; drawn if not given,
            and kept as ``sequence.seed``.
        drop_remainder: As ``remainder="drop"``.
        remainder: What becomes of a last batch that is not full, in training: ``"keep"``,
            ``"drop"``, or ``"pad"`` to fill it up with samples of weight 0. What is split off
            for validation keeps it, or pads it where there are several processes.
        shard: Which part of each batch this process makes: ``(rank, world)``, or ``"auto"`` to
            ask Ray Train, ``keras.distribution`` and torch.
        class_names: The classes in the order of their numbers; sorted by default. Or a dict
            from label to class, which merges labels. A directory's folders are read in this
            order, and those that are not among them are left out.
        class_weight: A dict from class (name or number) to weight, or
            ``"balanced"``; delivered as sample weights, in training only. Of several
            targets: a dict of these by target name. Of a mask: by pixel, ``{0: 0.2, 1: 5.0}``.
        sample_weight: A column of weights, or one weight per sample.
        sampling: How the samples of an epoch are drawn, in training only: ``"balanced"`` for
            as many of each class, a dict from class to its share (1 by default), or a column
            of weights or one weight per sample. By default each comes once.
        samples_per_epoch: How many samples an epoch has, whatever there are; with *sampling*
            as many as there are by default. The next epoch goes on where one ends. With
            ``math.inf`` there is no end: ``fit`` needs ``steps_per_epoch=`` then.
        replacement: Whether a sample may come several times in an epoch; if not, the rarest
            class says how long a balanced one is.
        validation_split: Share of the samples for validation, with *subset*.
        subset: ``"training"``, ``"validation"``, or ``"both"`` for a tuple.
        root: The directory that file names are relative to.
        allow_outside_root: Whether names in a table may lead out of it.
        follow_links: Whether symbolic links in a directory are followed.
        exclude: Samples to leave out: their names, a table with a column ``sample`` as
            ``sequence.errors``, a CSV of one or a text file; a compiled pattern or a function
            that says which. Of CSV rows, columns.
        on_error: What becomes of a sample that cannot be loaded: ``"raise"``, ``"skip"`` to put
            another in its place, or ``"mask"`` for zeros with a sample weight of 0.
        max_errors: How many samples, or which share, may be so; any by default.
        error_log: Where to write ``sequence.errors``, as CSV, after each epoch.
        pad_to: The size that samples of varying size are padded to: a number, or one per
            axis that varies. Longer ones are cut at their end. By default (and where it is
            None) the largest of each batch.
        pad_to_multiple_of: What the largest is rounded up to a multiple of, so that there are
            fewer shapes to compile a model for.
        pad_value: What padding is filled with, as delivered; 0 by default. Or by field name.
        padding_mask: Whether x is a dict with a boolean mask beside each input of varying
            size: ``"x_mask"`` beside ``"x"``, True where there is no padding.
        bucket_by_length: Whether batches are made of samples of like length, so that there
            is less to pad; or how many batches are sorted together, 100 by default.
        cache: ``"memory"`` or ``"disk"`` keeps loaded samples, before augmentation, so that
            later epochs need not load them again; what is kept on disk later runs find too.
        cache_bytes: How much to keep at most, in bytes: samples beyond it are loaded in every
            epoch. By default half of the memory, or 90 % of what is free on the disk.
        cache_dir: Where on disk; the user's cache directory by default.
        executor: What makes batches: ``"threads"``, ``"processes"`` for loaders that hold
            Python's lock, ``"ray"`` for a cluster, or an object such as a
            ``concurrent.futures.Executor``. Each gives the same bytes.
        workers: Threads that load; the usable cores by default; 0 for none. Or the batches that
            another executor makes at a time.
        max_queue_size: Batches to keep ready ahead of ``fit``; at least one per worker of an
            executor that is not threads.
        batch_timeout: How long to wait for a batch of such an executor before it is made again,
            in seconds; 600 by default.
        use_multiprocessing: Accepted because Keras has it; threads are used.
        **options: Options of the loader, such as ``image_size=``.

    Returns:
        A ``penstock.Sequence``, or two for ``subset="both"``.

    Raises:
        ConfigError: A parameter, table or label cannot work.
        PluginError: A component is missing or broken, or no loader reads the source.
        SampleError: The samples looked at are missing, corrupt or unlike each other.
    """
    if more:
        raise ConfigError(
            f"{1 + len(more)} things were given without a name. Give x and y as one source,"
            " make_generator((x, y)), and all else by name: batch_size=32."
        )
    unbatched = " For single samples, iterate over sequence.unbatched()."
    batch_size = check_whole("batch_size", batch_size, 1, advice=unbatched)
    max_queue_size = check_whole("max_queue_size", max_queue_size, 1)
    if workers is not None:
        workers = check_whole("workers", workers, 0)
    flags = {
        "shuffle": shuffle,
        "drop_remainder": drop_remainder,
        "allow_outside_root": allow_outside_root,
        "follow_links": follow_links,
        "use_multiprocessing": use_multiprocessing,
    }
    for name, flag in flags.items():
        check_flag(name, flag)
    division = shard_options(shard, remainder, batch_size, drop_remainder=drop_remainder)
    workplace = choose_workplace(executor, cache=cache, timeout=batch_timeout)
    check_subset(validation_split, subset, seeded=seed is not None)
    x_col, y_col = check_columns("x_col", x_col), check_columns("y_col", y_col)
    root, cache_dir = check_path("root", root, directory=True), check_path("cache_dir", cache_dir)
    class_names, merge = merged_classes(class_names)
    seed = secrets.randbits(63) if seed is None else check_whole("seed", seed, 0, 2**64 - 1)
    policy = error_policy(on_error, max_errors, error_log)
    given = plain_source(source)
    shared = {
        "cache_dir": cache_dir,
        "class_names": class_names,
        "exclude": exclude,
        "root": root,
        "sample_weight": sample_weight if isinstance(sample_weight, str) else None,
        "seed": seed,
        "y_col": y_col,
    }
    augmenters = choose_augmenters(augment, shared)
    own = inspect.signature(make_generator).parameters.keys() - {"more", "options"}
    opened, input_fields, target_fields, sample_weight = open_fields(
        given,
        loader=loader,
        labels=labels,
        encoder=encoder,
        x_col=x_col,
        inputs=inputs,
        targets=targets,
        sample_weight=sample_weight,
        contained=not allow_outside_root,
        follow_links=follow_links,
        tolerant=on_error != "raise",
        cache=cache,
        merge=merge,
        options=options,
        own=own,
        shared=shared,
    )
    refuse_unused(class_names, target_fields)
    order = Order(len(opened.table), batch_size, shuffle, seed, **division)
    x = part_of(given, 0) if inputs is None else inputs
    y = part_of(given, 1) if targets is None else targets
    by_class, by_output = class_weights(class_weight, target_fields, input_fields)
    batches = Batches(
        inputs=tuple(input_fields),
        targets=tuple(target_fields),
        augmenters=augmenters,
        order=order,
        rows=np.arange(order.count),
        sample_weight=sample_weights(sample_weight, opened.table),
        class_weight=by_class,
        output_weight=by_output,
        nested_inputs=isinstance(x, Mapping),
        nested_targets=isinstance(y, Mapping),
        input_form=form_of(x),
        target_form=form_of(y),
        echo=encoder == "input",
        errors=policy,
        preparers=choose_preparers(prepare, input_fields),
    )
    check_augmenters(augmenters, batches.specs)
    batches = sampled(
        batches, opened.table, sampling, samples_per_epoch, replacement, class_weight=class_weight
    )
    batches = padded(
        batches,
        pad_to=pad_to,
        pad_to_multiple_of=pad_to_multiple_of,
        pad_value=pad_value,
        padding_mask=padding_mask,
        bucket_by_length=bucket_by_length,
        cache=cache,
    )
    plan_caches(batches.loaded, cache, cache_bytes, cache_dir)
    sequence = Sequence(
        batches,
        opened.table,
        workers=workers,
        max_queue_size=max_queue_size,
        use_multiprocessing=use_multiprocessing,
        workplace=workplace,
    )
    if validation_split is None:
        return sequence
    share = keras_share(float(validation_split), sequence.num_samples)
    both = sequence.split(1 - share, share)
    return both if subset == "both" else both[("training", "validation").index(str(subset))]
