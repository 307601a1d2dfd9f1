"""The fields of a source: what was typed of it, opened and matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.arraysource import is_arrays, open_arrays
from penstock.checks import refuse_beside
from penstock.components import refuse_options
from penstock.errors import ConfigError, quote
from penstock.excluding import leave_out, names_samples
from penstock.labelrules import choose_folders
from penstock.loaders import choose_loader
from penstock.sourcefields import make_inputs, make_targets, takes_root
from penstock.sources import open_source
from penstock.windowsource import asks_for_windows, open_windows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from penstock.fields import EncodedField, LoadedField
    from penstock.sources import Source

__all__ = ["Opened", "open_fields"]


class Opened(NamedTuple):
    """A source, its fields, and the weights of its samples.

    Attributes:
        source: The samples table and where it is from.
        inputs: The input fields.
        targets: The target fields.
        sample_weight: What was given as weights, beside the source or in it.
    """

    source: Source
    inputs: list[LoadedField]
    targets: list[LoadedField | EncodedField]
    sample_weight: Any


def open_fields(
    given: Any,
    *,
    loader: Any,
    labels: Any,
    encoder: Any,
    x_col: Any,
    inputs: Mapping[str, Any] | None,
    targets: Mapping[str, Any] | None,
    sample_weight: Any,
    contained: bool,
    follow_links: bool,
    tolerant: bool,
    cache: str | None,
    merge: Mapping[Any, Any] | None,
    options: dict[str, Any],
    own: Collection[str],
    shared: dict[str, Any],
) -> Opened:
    """Open what a user pointed at, as ``make_generator`` describes.

    Args:
        given: The source: a path, a DataFrame, a list of names, or arrays.
        loader: As ``make_generator`` takes it; so are those up to *sample_weight*.
        labels: See there.
        encoder: See there.
        x_col: See there.
        inputs: See there.
        targets: See there.
        sample_weight: See there.
        contained: Whether file names in a table may not lead out of the root.
        follow_links: Whether symbolic links in a directory are followed.
        tolerant: Whether some samples may be such that they cannot be loaded.
        cache: Which cache was asked for.
        merge: The class of each label, where labels are merged.
        options: Options of the loader.
        own: The options of the factory, for suggestions.
        shared: What the factory and components both have as an option.

    Raises:
        ConfigError: A parameter, table or label cannot work.
        PluginError: A component is missing or broken, or no loader reads the source.
        SampleError: The samples looked at are missing, corrupt or unlike each other.
    """
    root, exclude, y_col = shared["root"], shared["exclude"], shared["y_col"]
    windows = inputs is None and asks_for_windows(loader)
    if windows or (loader is None and inputs is None and is_arrays(given)):
        refuse_beside(
            "arrays, which carry their targets: give source=(x, y), or (x, {name: y}) for several.",
            targets=targets,
            labels=labels,
            x_col=x_col,
            y_col=y_col,
            root=root,
            class_names=merge,
        )
        refuse_beside(
            "arrays: they need no loading, and subset() cuts them.", cache=cache, exclude=exclude
        )
        if windows:
            opened, input_fields, target_fields = open_windows(
                given, loader, encoder, options, shared, own
            )
            return Opened(opened, input_fields, target_fields, sample_weight)
        refuse_options(options, "arrays")
        opened, input_fields, target_fields, weight = open_arrays(given, encoder, shared)
        if weight is not None and sample_weight is not None:
            raise ConfigError("Weights were given twice: in the tuple and as sample_weight=.")
        sample_weight = sample_weight if weight is None else weight
    else:
        single = None
        if inputs is None:
            single = choose_loader(given, loader, x_col, options, shared, own)
        else:
            refuse_beside(
                "inputs=, where each input has a loader and a column of its own. Leave it out.",
                loader=loader,
                x_col=x_col,
            )
        opened = open_source(
            given, single, root=root, contained=contained, follow_links=follow_links
        )
        opened.tolerant = tolerant
        if labels is None and y_col is None and targets is None:
            choose_folders(opened, shared["class_names"])
        if exclude is not None and names_samples(exclude, single):
            labels, sample_weight = leave_out(
                opened, exclude, single or inputs, labels, sample_weight
            )
        input_fields = make_inputs(single, inputs, options, opened, shared)
        target_fields = make_targets(
            targets, encoder, labels, y_col, opened, input_fields, shared, merge
        )
        if root is not None and not any(
            takes_root(each, root) for each in (*input_fields, *target_fields)
        ):
            raise ConfigError(
                f"root={quote(root)} was given, and no file names are read. Leave it out."
            )
    return Opened(opened, input_fields, target_fields, sample_weight)
