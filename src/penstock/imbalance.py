"""From ``sampling=``, ``samples_per_epoch=`` and ``replacement=`` to how epochs are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.checks import check_flag, check_whole
from penstock.errors import ConfigError, quote, suggest
from penstock.fields import EncodedField
from penstock.sampling import Sampling
from penstock.views import classes_of
from penstock.weights import is_by_target, sample_weights, weights_by_class

if TYPE_CHECKING:
    import pandas as pd

    from penstock.batches import Batches

__all__ = ["sampled"]

_MOST = 2**31 - 1  # samples in an epoch: their order is 16 GB


def sampled(
    batches: Batches,
    table: pd.DataFrame,
    sampling: Any,
    samples_per_epoch: Any,
    replacement: Any,
    *,
    class_weight: Any = None,
) -> Batches:
    """Return batches of epochs that are drawn as a user asked.

    Args:
        batches: All samples, once per epoch.
        table: The samples table.
        sampling: ``"balanced"``, a dict of shares by class, or a weight per sample.
        samples_per_epoch: How many samples an epoch has, infinity for epochs that go over into
            one another, or None.
        replacement: Whether a sample may come several times in an epoch.
        class_weight: What the user typed for it.

    Raises:
        ConfigError: There are no classes to balance, a weight is none, an epoch
            asks for more samples than there are, or has no batch.
    """
    if isinstance(samples_per_epoch, float) and samples_per_epoch == math.inf:
        batches, samples_per_epoch = replace(batches, endless=True), None
    made = _choose(
        batches, table, sampling, samples_per_epoch, replacement, class_weight=class_weight
    )
    if made is not None:
        batches = replace(batches, order=replace(batches.order, sampling=made))
    if not len(batches):
        order = batches.order
        instead = ("drop_remainder=True", "drop_remainder=False")
        if order.shard[1] > 1:
            instead = ("remainder='drop'", "remainder='pad'")
        raise ConfigError(
            f"batch_size={order.batch_size} with {instead[0]} leaves no batch of"
            f" {order.samples_per_epoch} samples. Give a smaller batch_size=, or {instead[1]}."
        )
    return batches


def _choose(
    batches: Batches,
    table: pd.DataFrame,
    sampling: Any,
    samples_per_epoch: Any,
    replacement: Any,
    *,
    class_weight: Any,
) -> Sampling | None:
    check_flag("replacement", replacement)
    if samples_per_epoch is not None:
        endless = " For epochs without an end give math.inf."
        samples_per_epoch = check_whole(
            "samples_per_epoch", samples_per_epoch, 1, _MOST, advice=endless
        )
    if sampling is None and samples_per_epoch is None:
        if not replacement:
            raise ConfigError(
                "replacement=False says how sampling= draws; without it each sample comes once"
                " anyway. Leave it out."
            )
        return None
    if sampling is not None and not batches.order.shuffle:
        raise ConfigError(
            "sampling= draws the samples of each epoch at random, and shuffle=False asks for the"
            " order of the source. Give one of them."
        )
    made = Sampling(samples_per_epoch, replacement=replacement)
    if isinstance(sampling, Mapping) or (isinstance(sampling, str) and sampling == "balanced"):
        if sampling == "balanced" == class_weight:
            raise ConfigError(
                "sampling='balanced' and class_weight='balanced' would make up for rare classes"
                " twice. Give one of them."
            )
        made = _by_class(made, batches, sampling)
    elif sampling is not None:
        if isinstance(sampling, str) and sampling not in table.columns:
            raise ConfigError(
                f"sampling={quote(sampling)} is neither 'balanced' nor a column of the samples"
                f" table.{suggest(sampling, ['balanced', *map(str, table.columns)])} There are"
                f" {quote([str(known) for known in table.columns])}."
            )
        weights = sample_weights(sampling, table, "sampling")
        assert weights is not None
        if not replacement and samples_per_epoch is None:
            raise ConfigError(
                "replacement=False with weights needs samples_per_epoch=: an epoch of all samples,"
                " each once, would heed no weight."
            )
        made = replace(made, weights=weights.astype(np.float64))
    return made


def _by_class(made: Sampling, batches: Batches, sampling: Any) -> Sampling:
    classed = [
        each for each in batches.targets if isinstance(each, EncodedField) and each.single_class
    ]
    given, names = sampling, [each.name for each in classed]
    if is_by_target(sampling):
        (name, given), *more = sampling.items()
        if more or name not in names:
            raise ConfigError(
                f"sampling= names the targets {quote(list(sampling))}; an epoch can be drawn by the"
                f" classes of one target, and those with classes are {quote(names)}."
            )
        field = classed[names.index(name)]
        groups, classes = field.labels, list(field.classes or ())
    elif len(classed) > 1:
        raise ConfigError(
            f"sampling={quote(sampling)} leaves open by the classes of which target; there are"
            f" {quote(names)}. Name one: sampling={{{names[0]!r}: {quote(sampling)}}}."
        )
    else:
        known = classes_of(batches)
        if known is None:
            raise ConfigError(
                f"sampling={quote(sampling)} needs labels that are classes, one per sample; there"
                " are none. Give a weight per sample: sampling= a column of weights, or an array."
            )
        groups = known
        found = classed[0].classes if classed else range(int(groups.max()) + 1)
        classes = list(found or ())
    if isinstance(given, str) and given == "balanced":
        return replace(made, groups=groups)
    shares = weights_by_class("sampling", given, classes)
    return replace(made, groups=groups, shares=shares.astype(np.float64))
