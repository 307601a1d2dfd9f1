"""The factory: what a user typed -> components and samples -> a sequence."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from penstock.arrays import Arrays
from penstock.batches import Batches
from penstock.checks import check_choice, check_flag, check_whole
from penstock.columns import Columns
from penstock.components import build, complete, implements, name_of, options_of
from penstock.errors import ConfigError, quote, suggest
from penstock.fields import LoadedField
from penstock.labels import infer_encoder, label_values
from penstock.order import Order
from penstock.plugins import load
from penstock.sequence import Sequence
from penstock.sources import Source, column_of, detect_loader, open_source
from penstock.targets import add_labels, class_weights, encoded_field, sample_weights

if TYPE_CHECKING:
    from collections.abc import Sequence as SequenceOf

    from penstock.fields import EncodedField

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
    seed = secrets.randbits(63) if seed is None else check_whole("seed", seed, 0, 2**64 - 1)
    max_queue_size = check_whole("max_queue_size", max_queue_size, 1)
    if workers is not None:
        workers = check_whole("workers", workers, 0)
    for name, flag in {
        "shuffle": shuffle,
        "drop_remainder": drop_remainder,
        "allow_outside_root": allow_outside_root,
        "follow_links": follow_links,
        "use_multiprocessing": use_multiprocessing,
    }.items():
        check_flag(name, flag)
    _check_subset(validation_split, subset)
    given = os.fspath(source) if isinstance(source, os.PathLike) else source
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

    where: dict[str, Any] = {
        "root": root,
        "contained": not allow_outside_root,
        "follow_links": follow_links,
    }
    fit_on = None
    if loader is None and inputs is None and _is_arrays(given):
        _refuse_options(options, "arrays")
        opened, input_fields, target_fields, sample_weight = _arrays(given, sample_weight)
        if targets is not None:
            raise ConfigError("targets= has no meaning for arrays: give source=(x, {name: y}).")
    else:
        if inputs is None:
            single = _loader(given, loader, x_col, options, shared)
            opened = open_source(given, single, **where)
            input_fields = [_loaded("x", single, opened)]
        else:
            _refuse_options(options, "inputs=")
            named = {name: _instance("loader", each, shared) for name, each in inputs.items()}
            opened = open_source(given, None, **where)
            input_fields = [_loaded(name, each, opened) for name, each in named.items()]
        if labels is not None:
            fit_on = add_labels(opened.table, labels, column_of(input_fields[0].component))
        target_fields = []
        if targets is not None:
            target_fields = _targets(targets, opened, y_col, shared)
    if targets is None and encoder not in ("none", "input") and not target_fields:
        target_fields = _labelled(encoder, opened, y_col, fit_on, input_fields, shared)
    elif encoder is not None and encoder not in ("none", "input"):
        target_fields = [_reencoded(encoder, target_fields, opened, shared)]
    if encoder == "none":
        target_fields = []

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
        nested_inputs=inputs is not None or _is_nested(given, 0),
        nested_targets=targets is not None or _is_nested(given, 1),
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


def _check_subset(validation_split: Any, subset: Any) -> None:
    if (validation_split is None) != (subset is None):
        raise ConfigError(
            "validation_split= and subset= belong together:"
            ' validation_split=0.2, subset="training" (or "validation", or "both").'
        )
    if subset is None:
        return
    check_choice("subset", subset, ("training", "validation", "both"))
    if isinstance(validation_split, bool) or not isinstance(validation_split, (int, float)):
        raise ConfigError(f"validation_split={quote(validation_split)} must be between 0 and 1.")
    if not 0 < validation_split < 1:
        raise ConfigError(f"validation_split={validation_split} must be between 0 and 1.")


# -- components -------------------------------------------------------------


def _loader(
    given: Any, loader: Any, x_col: Any, options: dict[str, Any], shared: dict[str, Any]
) -> Any:
    """Return the loader of a single input: an instance, by name, or by detection."""
    if loader is not None and not isinstance(loader, str):
        _refuse_options(options, f"the instance {name_of(loader)}")
        loader = _instance("loader", loader, shared)
        return replace(loader, column=x_col) if isinstance(x_col, str) else loader
    if isinstance(given, pd.DataFrame) and loader is None:
        loader = _loader_of_columns(given, x_col)
    chosen = dict(options)
    if x_col is not None:
        chosen["column"] = x_col if isinstance(x_col, str) else tuple(x_col)
    if loader is not None:
        _check_options(load("loader", loader), f"loader {loader!r}", options)
        return build("loader", loader, chosen, shared)
    names = given[x_col].tolist() if isinstance(given, pd.DataFrame) else given
    return detect_loader(names if isinstance(names, str) else list(names), chosen, shared)


def _loader_of_columns(table: pd.DataFrame, x_col: Any) -> str | None:
    names = [x_col] if isinstance(x_col, str) else list(x_col or ())
    if not names:
        raise ConfigError(
            "A DataFrame needs x_col= (the column that names what to load, or the columns of"
            f" values) or inputs=. Its columns are {quote([str(name) for name in table.columns])}."
        )
    for name in names:
        if name not in table.columns:
            raise ConfigError(
                f"x_col= names the column {quote(name)}, which is not there."
                f"{suggest(name, map(str, table.columns))}"
                f" The columns are {quote([str(known) for known in table.columns])}."
            )
    several = not isinstance(x_col, str)
    return "columns" if several or table[x_col].dtype.kind in "biuf" else None


def _check_options(component: type[Any], title: str, options: dict[str, Any]) -> None:
    """Refuse an unknown option, with the generator's own options among the suggestions."""
    import inspect

    known = options_of(component)
    own = [name for name in inspect.signature(make_generator).parameters if name != "options"]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"Neither make_generator nor the {title} has an option {option!r}."
                f"{suggest(option, [*known, *own])}"
                f" Options of the {title}: {', '.join(known)}."
            )


def _refuse_options(options: dict[str, Any], holder: str) -> None:
    if options:
        raise ConfigError(
            f"The option {next(iter(options))!r} was given beside {holder}, which takes none here."
            " Options of a component go where the component is made."
        )


def _instance(kind: str, given: Any, shared: dict[str, Any]) -> Any:
    """Return a component given by name or as an instance."""
    if isinstance(given, str):
        return build(kind, given, {}, shared)
    if isinstance(given, type):
        raise ConfigError(f"{given.__name__} is a class; make it: {given.__name__}(…).")
    return complete(given, shared)


def _augmenters(given: Any, shared: dict[str, Any]) -> tuple[Any, ...]:
    several = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    augmenters = tuple(_instance("augmenter", each, shared) for each in several)
    for each in augmenters:
        if not implements(each, "augment_samples") and not implements(each, "augment_batch"):
            raise ConfigError(
                f"{quote(each)} was given in augment= and is no augmenter: it implements neither"
                " augment_samples nor augment_batch."
            )
    return augmenters


# -- fields -----------------------------------------------------------------


def _loaded(name: str, loader: Any, source: Source) -> LoadedField:
    samples, prefix = source.samples_of(loader)
    field = LoadedField(name, loader, samples, source.path, prefix)
    field.describe()
    return field


def _targets(
    targets: Mapping[str, Any], source: Source, y_col: Any, shared: dict[str, Any]
) -> list[LoadedField | EncodedField]:
    fields: list[LoadedField | EncodedField] = []
    for name, given in targets.items():
        component = _instance("encoder", given, shared)
        if implements(component, "load_samples"):
            fields.append(_loaded(name, component, source))
        else:
            column = getattr(component, "column", None) or y_col or _default_column(source, name)
            fields.append(encoded_field(name, component, source.table, column, None))
    return fields


def _default_column(source: Source, name: str) -> str:
    return name if name in source.table.columns else "label"


def _labelled(
    encoder: Any,
    source: Source,
    y_col: Any,
    fit_on: Any,
    inputs: list[LoadedField],
    shared: dict[str, Any],
) -> list[LoadedField | EncodedField]:
    """Return the single target that the labels make, or none where there are no labels."""
    column = y_col if y_col is None or isinstance(y_col, str) else tuple(y_col)
    named = getattr(encoder, "column", None) or column
    listed = fit_on is not None or "label" in source.table.columns
    if named is None and encoder is None and not (listed and _labels_belong(source, inputs)):
        return []
    named = named or "label"
    table = source.table
    if encoder is None:
        wanted = [named] if isinstance(named, str) else list(named)
        if all(each in table.columns for each in wanted):
            values = label_values(table[named if isinstance(named, str) else wanted], None)
            encoder = infer_encoder(values, str(named))
        else:
            encoder = "categorical"
    component = _instance("encoder", encoder, shared)
    samples = table["sample"] if "sample" in table.columns else None
    return [encoded_field("y", component, table, named, samples, fit_on)]


def _labels_belong(source: Source, inputs: list[LoadedField]) -> bool:
    """Say whether the column ``label`` is of our making, and no user's column by chance."""
    return "sample" in source.table.columns and column_of(inputs[0].component) == "sample"


# -- arrays -----------------------------------------------------------------


def _is_arrays(given: Any) -> bool:
    if isinstance(given, tuple):
        return bool(given) and not isinstance(given[0], (str, os.PathLike))
    if isinstance(given, Mapping):
        return True
    if isinstance(given, (str, pd.DataFrame, pd.Series, pd.Index)):
        return False
    if isinstance(given, np.ndarray):
        return given.dtype.kind not in "OUST"
    if isinstance(given, list):
        return bool(given) and not isinstance(given[0], (str, os.PathLike))
    return hasattr(given, "__array__")


def _is_nested(given: Any, place: int) -> bool:
    if isinstance(given, tuple):
        return place < len(given) and isinstance(given[place], Mapping)
    return place == 0 and isinstance(given, Mapping)


def _arrays(
    given: Any, sample_weight: Any
) -> tuple[Source, list[LoadedField], list[LoadedField | EncodedField], Any]:
    parts = given if isinstance(given, tuple) else (given,)
    if not 1 <= len(parts) <= 3:
        raise ConfigError(
            f"A tuple of {len(parts)} was given; arrays come as (x,), (x, y) or (x, y, sample_weight)."
        )
    named = [
        {} if part is None else dict(part) if isinstance(part, Mapping) else {name: part}
        for name, part in zip("xy", parts[:2], strict=False)
    ]
    loaders = [{name: Arrays(each) for name, each in part.items()} for part in named]
    lengths = {
        name: len(each.array) for part in loaders for name, each in part.items()
    }
    if len(set(lengths.values())) != 1:
        raise ConfigError(
            f"The arrays have different numbers of samples: {lengths}."
            " Give the same number along the first axis of each."
        )
    count = next(iter(lengths.values()))
    if not count:
        raise ConfigError("The arrays have 0 samples. Give at least one.")
    source = Source(pd.DataFrame({"sample": np.arange(count)}))
    fields = [[_loaded(name, each, source) for name, each in part.items()] for part in loaders]
    weight = parts[2] if len(parts) == 3 else sample_weight
    return source, fields[0], list(fields[1]) if len(fields) > 1 else [], weight


def _reencoded(
    encoder: Any, fields: list[Any], source: Source, shared: dict[str, Any]
) -> EncodedField:
    """Encode an array of labels that was given as y."""
    if len(fields) != 1 or not isinstance(fields[0].component, Arrays):
        raise ConfigError("encoder= belongs to one target; with targets= each has its own.")
    array = fields[0].component.array
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    columns = ["label"] if array.ndim == 1 else [f"label {n}" for n in range(array.shape[-1])]
    if array.ndim > 2:
        raise ConfigError(f"encoder= needs labels of shape (n,) or (n, k); found {array.shape}.")
    for name, values in zip(columns, array.reshape(len(array), -1).T, strict=True):
        source.table[name] = values
    component = _instance("encoder", encoder, shared)
    column = columns[0] if len(columns) == 1 else tuple(columns)
    return encoded_field("y", component, source.table, column, None)
