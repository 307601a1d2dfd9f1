"""The contract between Penstock and its plugins, in the order in which it happens to data.

A component is a frozen dataclass: its fields are the options that users type,
its methods marked with ``@penstock.hookimpl`` are its hooks. A loader needs
``describe_sample`` and ``load_samples``; an encoder needs ``encode_labels``; an
augmenter needs ``augment_samples`` or ``augment_batch``; what prepares samples
needs ``prepare_samples``. An implementation may leave out any argument that it
has no use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    import pandas as pd

    from penstock.arrayspec import ArraySpec
    from penstock.batch import Batch

__all__ = ["hookimpl"]

hookspec = pluggy.HookspecMarker("penstock")
hookimpl = pluggy.HookimplMarker("penstock")


@hookspec(firstresult=True)
def claims_source(source: object) -> bool | None:
    """Say whether this loader reads *source*.

    Called once per installed loader, when a user names none. Must be cheap:
    look at names, decode nothing. A loader with a ``suffixes`` attribute needs
    no implementation: it claims directories, files and lists of names that
    carry one of its suffixes.

    Args:
        source: What the user gave: the path of a directory or file as ``str``,
            a list of file names, a DataFrame, or arrays.

    Returns:
        True to claim the source; False or None to leave it to others.
    """


@hookspec(firstresult=True)
def list_samples(source: object) -> pd.DataFrame | None:
    """List the samples found in *source*.

    Called once, when the source is a directory or file of this loader's kind.
    A loader with a ``suffixes`` attribute needs no implementation for
    directories: files below are its samples, the first folders their labels.

    Args:
        source: As for ``claims_source``.

    Returns:
        The samples table: one row per sample, in a reproducible order. Column
        ``sample`` holds what to load (a path relative to the directory, a row
        number, a key); column ``label``, if there are labels, a label per
        sample (categorical to fix the order of the classes); further columns
        are kept for whoever names them.

    Raises:
        ConfigError: The source holds nothing that can be listed.
    """


@hookspec(firstresult=True)
def pick_samples(table: pd.DataFrame, source: str | None) -> np.ndarray[Any, Any] | None:
    """Pick from the samples table what ``load_samples`` will be given.

    Called once per field. Without an implementation it is the column that the
    loader's ``column`` option names, ``sample`` by default, and strings in it
    are paths: joined to the root, checked to stay inside it and to exist; but
    what ``list_samples`` found inside of a file is given as it is.

    Args:
        table: The samples table.
        source: The path that the user gave, or None where the source is no path.

    Returns:
        An array with one entry (or row) per row of *table*.
    """


@hookspec(firstresult=True)
def describe_sample(samples: np.ndarray[Any, Any], source: str | None) -> ArraySpec:
    """Describe one loaded sample, so that batches can be allocated before loading.

    Called once per field, before training. Look at the first, and at as many
    more as is cheap.

    Args:
        samples: What ``pick_samples`` gave. For files: full paths as ``str``, in
            an array of dtype object, of at most 20,000 files spread over all.
        source: As for ``pick_samples``.

    Returns:
        Shape and dtype of every sample of this field.

    Raises:
        SampleError: The samples looked at cannot be read, or differ.
    """


@hookspec(firstresult=True)
def measure_samples(samples: np.ndarray[Any, Any], source: str | None) -> np.ndarray[Any, Any]:
    """Measure samples that vary in size, so that a batch can be allocated before loading.

    Called for a loader whose ``describe_sample`` gave a shape with None in it:
    for any samples in any order, from several threads at once, before they are
    loaded for the first time. Must be cheap: look at headers, decode nothing.

    Args:
        samples: Some of what ``pick_samples`` gave. For files: full paths.
        source: As for ``pick_samples``.

    Returns:
        An array of whole numbers of at least 0, of shape ``(len(samples), k)``
        for k axes that are None: the sizes of each sample in these.

    Raises:
        SampleError: A sample cannot be measured. Any other exception is wrapped
            in one that names the sample.
    """


@hookspec
def load_samples(
    samples: np.ndarray[Any, Any], out: np.ndarray[Any, Any], source: str | None
) -> None:
    """Fill ``out[i]`` from ``samples[i]``, for every i.

    Called for slices of batches, or for several whole ones, from several threads at once, for any
    number of samples in any order and with repeats. Must write every element of
    *out*, keep no reference to it, and give the same values for the same
    sample at every call. Hold no lock around slow work.

    Args:
        samples: A slice of what ``pick_samples`` gave. For files: full paths.
        out: Array of shape ``(len(samples), *spec.shape)`` and dtype
            ``spec.dtype``, C-contiguous; its content on entry is arbitrary. Where
            sizes vary, the samples of a call have one size, that of ``out``;
            padding is none of the loader's business.
        source: As for ``pick_samples``.

    Raises:
        SampleError: A sample cannot be loaded. Any other exception is wrapped
            in one that names the sample.
    """


@hookspec(firstresult=True)
def fit_labels(labels: np.ndarray[Any, Any]) -> Sequence[Any] | None:
    """Find the classes in *labels*.

    Called once, over the labels of all samples, before any split, unless the
    user gives ``class_names``. Missing labels were refused before.

    Args:
        labels: One entry per sample, of dtype object or a number dtype; a
            sample with several labels has a tuple of them.

    Returns:
        The classes, in the order of their numbers, or None where labels are
        values and not classes.
    """


@hookspec(firstresult=True)
def encode_labels(
    labels: np.ndarray[Any, Any], classes: Sequence[Any] | None
) -> np.ndarray[Any, Any]:
    """Encode the labels of a batch as a target.

    Called once per batch, from any thread.

    Args:
        labels: Where there are classes, the class numbers as int32 of shape
            ``(n,)``, or an object array of int32 arrays where samples have
            several labels. Otherwise the values, of shape ``(n,)`` or ``(n, k)``.
        classes: What ``fit_labels`` found or the user gave, or None.

    Returns:
        The target, of shape ``(n, …)``, in the dtype that Keras shall see.
    """


@hookspec
def check_specs(
    input_specs: Mapping[str, ArraySpec], target_specs: Mapping[str, ArraySpec]
) -> None:
    """Refuse arrays that this augmenter can do nothing with.

    Called once per augmenter and sequence, before a sample is loaded.

    Args:
        input_specs: What loaders say of the inputs, by name.
        target_specs: What they say of loaded targets, by name.

    Raises:
        ConfigError: None of these arrays is of the augmenter's kind, or one that
            it cannot leave alone is not.
    """


@hookspec
def augment_samples(batch: Batch) -> None:
    """Change the samples of a slice of a batch, each by itself, in place.

    Called once per slice of a training batch, from several threads, in the
    user's order of augmenters, between loading and delivery: values are still
    in the loader's dtype (``uint8`` for images) with the channels last. What
    happens to a sample must depend on nothing but that sample and its draws.

    Args:
        batch: ``batch.inputs`` and ``batch.targets`` map names to arrays of
            shape ``(n, …)`` to be changed in place; targets holds loaded fields
            (a mask), not encoded labels. ``batch.draws`` gives random numbers
            by (seed, epoch, sample). ``batch.input_specs`` and ``batch.target_specs``
            are what loaders said of their arrays: which hold boxes and points.
    """


@hookspec(firstresult=True)
def describe_draws(batch: Batch) -> Mapping[str, Any] | None:
    """Say what ``augment_samples`` would draw for the samples of a batch, and change nothing.

    Called when a user asks, ``sequence.transforms(…)``, and never in training.
    Must draw as ``augment_samples`` does. An augmenter without an
    implementation is listed by its name alone.

    Args:
        batch: As for ``augment_samples``: arrays of the shapes and dtypes that it would
            be given, of zeros that cannot be written, and the samples' draws.

    Returns:
        What was drawn, by name: arrays of shape ``(n,)``; and by name the options
        that it depends on, the same for all samples. None where there is nothing to say.
    """


@hookspec(firstresult=True)
def fuse_with(following: object) -> object | None:
    """Offer one augmenter that does the work of this one and of the next.

    Called once for neighbours in the user's list of augmenters, from the left,
    when a sequence is made or unpickled; the result is asked again about the
    one after. An augmenter without an implementation is called by itself.

    Args:
        following: The next augmenter, of any plugin: look at its class.

    Returns:
        The augmenter to call in place of both, or None where there is none. It
        has to draw what they would draw: ``batch.draws`` is that of the first,
        ``batch.draws.together(2)`` has the rows of both.
    """


@hookspec
def prepare_samples(array: np.ndarray[Any, Any], spec: ArraySpec) -> None:
    """Change the delivered samples of one input, each by itself, in place.

    Called once per slice of every batch, in training and validation alike, from
    several threads, in the user's order, after delivery; and once on one sample
    of made-up numbers, before training. What happens to a sample must depend on
    nothing but that sample. No randomness; the shape stays.

    Args:
        array: Samples of shape ``(n, *spec.deliver_shape)`` and dtype
            ``spec.deliver_dtype``, to be changed in place.
        spec: What the loader described; *data_format* says where the channels are.

    Raises:
        ConfigError: Such samples cannot be prepared.
    """


@hookspec
def augment_batch(batch: Batch) -> None:
    """Change a whole batch in place, where samples meet (mixup and the like).

    Called once per training batch, after delivery dtypes and targets are in
    place; the last batch of an epoch may be shorter.

    Args:
        batch: ``batch.inputs``, ``batch.targets`` and ``batch.sample_weight``
            (or None) as Keras will see them; ``batch.draws`` and the specs as above.
            ``batch.partners`` draws who meets whom, and ``batch.mix`` mixes targets and
            weights accordingly.
    """
