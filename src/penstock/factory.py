"""The factory: what a user typed -> components and samples -> a sequence."""

from __future__ import annotations

import inspect
import os
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.arraysource import is_arrays, is_nested, open_arrays
from penstock.batches import Batches
from penstock.checks import check_choice, check_flag, check_whole
from penstock.components import implements, instance, refuse_options
from penstock.errors import ConfigError, quote
from penstock.loaders import choose_loader
from penstock.order import Order
from penstock.sequence import Sequence
from penstock.sources import column_of, of_column, open_source, plain_source
from penstock.targets import add_labels, label_target, named_targets
from penstock.weights import class_weights, sample_weights

if TYPE_CHECKING:
    from collections.abc import Sequence as SequenceOf

    from penstock.fields import EncodedField, LoadedField
    from penstock.sources import Source

__all__ = ["make_generator"]


def make_generator(
    source: Any,
    *,
    loader: Any = None,
    labels: Any = None,
    encoder: Any = None,
    augment: Any = None,
    x_col: str | SequenceOf[str] | None = None,
    y_col: str | SequenceOf[str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    targets: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    drop_remainder: bool = False,
    class_names: SequenceOf[Any] | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    sample_weight: Any = None,
    validation_split: float | None = None,
    subset: str | None = None,
    root: str | os.PathLike[str] | None = None,
    allow_outside_root: bool = False,
    follow_links: bool = False,
    workers: int | None = None,
    max_queue_size: int = 4,
    use_multiprocessing: bool = False,
    **options: Any,
) -> Any:
    """Make a sequence of batches that Keras' ``fit``, ``evaluate`` and ``predict`` take.

    Args:
        source: A directory, a CSV or TSV file, a DataFrame, a list of file names
            or ids, or arrays: ``x``, ``(x,)``, ``(x, y)``, ``(x, y, sample_weight)``
            where x and y may be dicts.
        loader: The loader's name or instance; found by detection if not given.
        labels: A dict from sample to label, or one label per sample in order.
        encoder: ``"categorical"``, ``"int"``, ``"binary"``, ``"multilabel"``,
            ``"float"``, another encoder's name or instance; ``"input"`` for the
            inputs as targets (autoencoders), ``"none"`` for inputs only.
            Classes are ``"categorical"`` by default.
        augment: An augmenter's name or instance, or several in order.
        x_col: The column of a table that names what to load, or several columns
            of values.
        y_col: The column of labels, or several.
        inputs: Several inputs: loaders, by input name.
        targets: Several targets: encoders or loaders, by target name.
        batch_size: Samples per batch.
        shuffle: Whether every epoch has an order of its own.
        seed: Seed of order and augmentation, below 2**64; drawn if not given,
            and kept as ``sequence.seed``.
        drop_remainder: Whether a last batch that is not full is left out.
        class_names: The classes in the order of their numbers; sorted by default.
        class_weight: A dict from class (name or number) to weight, or
            ``"balanced"``; delivered as sample weights, in training only.
        sample_weight: A column of weights, or one weight per sample.
        validation_split: Share of the samples for validation, with *subset*.
        subset: ``"training"``, ``"validation"``, or ``"both"`` for a tuple.
        root: The directory that file names are relative to.
        allow_outside_root: Whether names in a table may lead out of it.
        follow_links: Whether symbolic links in a directory are followed.
        workers: Threads that load; the usable cores by default; 0 for none.
        max_queue_size: Batches to keep ready ahead of ``fit``.
        use_multiprocessing: Accepted because Keras has it; threads are used.
        **options: Options of the loader, such as ``image_size=``.

    Returns:
        A ``penstock.Sequence``, or two for ``subset="both"``.

    Raises:
        ConfigError: A parameter, table or label cannot work.
        PluginError: A component is missing or broken, or no loader reads the source.
        SampleError: The samples looked at are missing, corrupt or unlike each other.
    """
    batch_size = check_whole("batch_size", batch_size, 1)
    seed_given = seed is not None
    seed = secrets.randbits(63) if seed is None else check_whole("seed", seed, 0, 2**64 - 1)
    max_queue_size = check_whole("max_queue_size", max_queue_size, 1)
    if workers is not None:
        workers = check_whole("workers", workers, 0)
    check_flag("shuffle", shuffle)
    check_flag("drop_remainder", drop_remainder)
    check_flag("allow_outside_root", allow_outside_root)
    check_flag("follow_links", follow_links)
    check_flag("use_multiprocessing", use_multiprocessing)
    _check_subset(validation_split, subset, seed_given)
    given = plain_source(source)
    if root is not None:
        root = os.fspath(root)
        if not os.path.isdir(root):
            raise ConfigError(f"root={quote(root)} is not a directory. Check the path.")
    shared = {
        "class_names": class_names,
        "root": root,
        "sample_weight": sample_weight if isinstance(sample_weight, str) else None,
        "seed": seed,
        "y_col": y_col,
    }
    augmenters = _augmenters(augment, shared)
    if loader is None and inputs is None and is_arrays(given):
        refuse_options(options, "arrays")
        _refuse_beside_arrays(
            targets=targets,
            labels=labels,
            x_col=x_col,
            y_col=y_col,
            root=root,
            class_names=class_names if encoder is None else None,
        )
        opened, input_fields, target_fields, weight = open_arrays(given, encoder, shared)
        if weight is not None and sample_weight is not None:
            raise ConfigError("Weights were given twice: in the tuple and as sample_weight=.")
        sample_weight = sample_weight if weight is None else weight
    else:
        single = None
        if inputs is None:
            own = inspect.signature(make_generator).parameters
            single = choose_loader(given, loader, x_col, options, shared, own)
        opened = open_source(
            given, single, root=root, contained=not allow_outside_root, follow_links=follow_links
        )
        input_fields = _inputs(single, inputs, options, opened, shared)
        target_fields = _targets(targets, encoder, labels, y_col, opened, input_fields, shared)

    order = Order(len(opened.table), batch_size, shuffle, seed, drop_remainder)
    if not len(order):
        raise ConfigError(
            f"batch_size={batch_size} with drop_remainder=True leaves no batch of"
            f" {order.count} samples. Give a smaller batch_size=, or drop_remainder=False."
        )
    batches = Batches(
        inputs=tuple(input_fields),
        targets=tuple(target_fields),
        augmenters=augmenters,
        order=order,
        rows=np.arange(order.count),
        sample_weight=sample_weights(sample_weight, opened.table),
        class_weight=class_weights(class_weight, target_fields),
        nested_inputs=inputs is not None or is_nested(given, 0),
        nested_targets=targets is not None or is_nested(given, 1),
        echo=encoder == "input",
    )
    sequence = Sequence(
        batches,
        opened.table,
        workers=workers,
        max_queue_size=max_queue_size,
        use_multiprocessing=use_multiprocessing,
    )
    if validation_split is None:
        return sequence
    both = sequence.split(1 - validation_split, validation_split)
    return both if subset == "both" else both[("training", "validation").index(str(subset))]


def _refuse_beside_arrays(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                f"{name}= has no meaning beside arrays, which carry their targets:"
                " give source=(x, y), or (x, {name: y}) for several."
            )


def _inputs(
    single: Any,
    inputs: Mapping[str, Any] | None,
    options: dict[str, Any],
    source: Source,
    shared: dict[str, Any],
) -> list[LoadedField]:
    if inputs is None:
        return [source.field("x", single)]
    refuse_options(options, "inputs=")
    if not isinstance(inputs, Mapping) or not inputs:
        raise ConfigError(
            f"inputs={quote(inputs)} names no input; give a dict of loaders by input name."
        )
    named = {name: instance("loader", each, shared) for name, each in inputs.items()}
    return [source.field(name, of_column(each, name, source)) for name, each in named.items()]


def _targets(
    targets: Mapping[str, Any] | None,
    encoder: Any,
    labels: Any,
    y_col: Any,
    source: Source,
    inputs: list[LoadedField],
    shared: dict[str, Any],
) -> list[LoadedField | EncodedField]:
    fit_on = None
    if labels is not None:
        fit_on = add_labels(source.table, labels, column_of(inputs[0].component))
    if targets is not None:
        if encoder is not None:
            raise ConfigError("encoder= is for one target; with targets= each has its own.")
        if not isinstance(targets, Mapping) or not targets:
            raise ConfigError(
                f"targets={quote(targets)} names no target; give a dict of encoders or loaders by"
                " target name."
            )
        return named_targets(targets, source, y_col, shared)
    if encoder in ("none", "input"):
        return []
    if labels is not None:
        if y_col is not None:
            raise ConfigError("labels= and y_col= both say what the labels are; give one of them.")
        y_col = "label"
    return label_target(encoder, source, y_col, fit_on, inputs, shared)


def _check_subset(validation_split: Any, subset: Any, seed_given: bool) -> None:
    if (validation_split is None) != (subset is None):
        raise ConfigError(
            "validation_split= and subset= belong together:"
            ' validation_split=0.2, subset="training" (or "validation", or "both").'
        )
    if subset is None:
        return
    check_choice("subset", subset, ("training", "validation", "both"))
    if subset != "both" and not seed_given:
        raise ConfigError(
            f"subset={subset!r} needs seed=, the same in both calls: with a seed of its own each"
            ' call would divide anew, and the parts would overlap. Or say subset="both".'
        )
    if isinstance(validation_split, bool) or not isinstance(validation_split, (int, float)):
        raise ConfigError(f"validation_split={quote(validation_split)} must be between 0 and 1.")
    if not 0 < validation_split < 1:
        raise ConfigError(f"validation_split={validation_split} must be between 0 and 1.")


def _augmenters(given: Any, shared: dict[str, Any]) -> tuple[Any, ...]:
    several = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    augmenters = tuple(instance("augmenter", each, shared) for each in several)
    for each in augmenters:
        if not implements(each, "augment_samples") and not implements(each, "augment_batch"):
            raise ConfigError(
                f"{quote(each)} was given in augment= and is no augmenter: it implements neither"
                " augment_samples nor augment_batch."
            )
    return augmenters
