"""What a sequence gives beside batches for Keras: named predictions, statistics, other formats."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from penstock.checks import check_whole
from penstock.errors import ConfigError
from penstock.forms import flattened
from penstock.padding import batch_outline, unmarked, unpadded
from penstock.predicting import prediction_table
from penstock.profiling import profile
from penstock.replaying import batch_table, drawn_transforms
from penstock.views import Viewed, plain_view, prepared_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from penstock.profiling import Statistics

__all__ = ["Outlets"]


class Outlets(Viewed):
    """Samples in batches, as they go elsewhere."""

    def predictions(self, model: Any, **options: Any) -> pd.DataFrame:
        """Return what a model predicts for each sample, beside the sample's name.

        Each sample is predicted once, in the order of ``samples``, without
        augmentation, whatever the order and the sampling of this sequence.

        Args:
            model: A Keras model.
            **options: For ``model.predict``, such as ``verbose=0``.

        Returns:
            A row per sample. Columns: ``sample``, its name, or its row in the source where
            samples have no names; ``index``, that row;
            ``label``, where there are labels; ``predicted``, the class of the highest output,
            where there is one output per class; ``prediction``, or ``prediction_<class>`` or
            ``prediction_<number>`` where there are several. With several outputs each has
            columns of its own name in place of ``prediction``. Outputs that are no numbers or
            vectors stand in one column, as arrays. A sample that could not be loaded has NaN.

        Raises:
            ConfigError: The model cannot predict, or returns something of another length.
        """
        view = plain_view(self._batches)
        with self._of(view) as plain:
            targets = self._batches.targets
            return prediction_table(model, plain, targets, view, self._table, options)

    def statistics(self, *, progress: bool = True) -> Statistics:
        """Read every sample once, and say what is in them.

        Samples are as they are delivered, without augmentation and weights,
        and stream through: memory is that of a few batches.

        Args:
            progress: Whether to show a progress bar, if tqdm is installed.
        """
        view = unmarked(plain_view(self._batches, loaded_targets=True))
        with self._of(view) as plain:
            return profile(plain, self._batches.targets, view, progress=progress)

    def batch_samples(self, index: int) -> pd.DataFrame:
        """Return the rows of ``samples`` that batch *index* of the current epoch holds, in order.

        With two columns more: ``position``, that in ``samples``, and ``turn``, a number that
        tells apart a sample that comes several times in an epoch (``sampling=``). With
        ``on_error="skip"`` another may have taken the place of one that cannot be loaded.
        """
        epoch = self.epoch  # type: ignore[attr-defined]
        return batch_table(self._batches, self._table, epoch, index)

    def transforms(
        self, position: int, *, epoch: int | None = None, turn: int = 0
    ) -> list[dict[str, Any]]:
        """Return what each augmenter draws for a sample, in the order of ``augment=``.

        Args:
            position: The sample's position in ``samples``.
            epoch: The epoch; the current one by default.
            turn: Where the sample comes several times in an epoch, which of them, as
                ``batch_samples`` has it.

        Returns:
            A dict for each augmenter: ``augmenter``, its name, and what it says of itself, for
            those of penstock-images their parameters, by Keras' names, and options. Of an
            augmenter that says nothing its name. Empty where samples are not augmented.
            Pixels are those of the first image, in its own size where sizes vary.

        Raises:
            ConfigError: There is no such sample.
            SampleError: It is one of varying size, and cannot be measured.
        """
        current = self.epoch  # type: ignore[attr-defined]
        epoch = current if epoch is None else check_whole("epoch", epoch, 0)
        return drawn_transforms(self._batches, epoch, position, turn)

    def prepared(self, preparers: Any) -> Self:
        """Return a sequence of these samples, prepared, on top of what prepares them already.

        Args:
            preparers: As ``make_generator(prepare=…)`` takes them: a component such as
                ``penstock.Standardize``, a function of one sample, a Keras layer, or several
                in order; with several inputs, a dict of these by input name.

        Raises:
            ConfigError: They prepare nothing, or do not suit these samples.
            PluginError: One fails, or changes the shape.
        """
        return self._of(prepared_view(self._batches, preparers))

    def unbatched(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over one epoch sample by sample.

        Yields:
            ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)`` of one sample: arrays without
            the batch axis and without padding, numbers of NumPy, or dicts of these.

        Raises:
            ConfigError: Sizes vary, and samples may be replaced by others.
        """
        batches = self._batches
        if batches.padding is not None and batches.errors.on_error == "skip":
            raise ConfigError(
                "unbatched() cuts the padding off samples, and with on_error='skip' others may be"
                " in their places, of other sizes. Give on_error='mask', or iterate over batches"
                " with padding_mask=True."
            )
        place = {} if batches.padding is None else self.state_dict()  # type: ignore[attr-defined]
        given: Iterable[tuple[Any, ...]] = self  # type: ignore[assignment]
        for index, batch in enumerate(given):
            x = batch[0]
            first = x if not isinstance(x, dict) else next(iter(flattened(x).values()))
            samples = (tuple(_one(part, place) for part in batch) for place in range(len(first)))
            if place:
                epochs, here = divmod(place["batch"] + index, len(batches))
                rows, _ = batches.rows_of(place["epoch"] + epochs, here)
                yield from unpadded(batches, rows, samples)
            else:
                yield from samples

    def to_tf_dataset(self) -> Any:
        """Return a ``tf.data.Dataset`` of the batches; each walk over it is one epoch.

        Raises:
            ConfigError: TensorFlow is not there, or cannot express these batches.
        """
        from penstock.tfdata import tf_dataset

        return tf_dataset(self, partial(batch_outline, self._batches))

    def to_torch(self) -> Any:
        """Return a ``torch.utils.data.DataLoader`` of the batches, as tensors; a walk is one epoch.

        Raises:
            ConfigError: torch is not there.
        """
        from penstock.torchdata import torch_loader

        return torch_loader(self)

    def to_ray_dataset(self, epoch: int = 0) -> Any:
        """Return a ``ray.data.Dataset`` of the samples of an epoch, made by the cluster.

        For offline work: to decode once and write Parquet, or to count at scale. A row is a
        sample: ``index``, its row of the source, a column per input and target by name, and
        ``sample_weight`` where there are weights. Rows are those of the epoch's batches, in no
        promised order, short batches included; of a shard, those of its blocks. Ray may make
        a batch again that it lost. Statistics, ``errors`` and the epoch of this sequence do not
        move.

        Raises:
            ConfigError: Ray Data is not there, no Ray is set up, or names are taken twice.
        """
        from penstock.raydata import ray_dataset

        return ray_dataset(self._batches, epoch)


def _one(part: Any, place: int) -> Any:
    if isinstance(part, dict):
        return {name: _one(each, place) for name, each in part.items()}
    if part is None or isinstance(part, np.ndarray):
        return part if part is None else part[place]
    text = np.asarray(part[place], object)  # TensorFlow takes text as tensors, of bytes
    plain = np.array([each.decode() for each in text.flat], object)
    return plain.reshape(text.shape) if text.ndim else plain[0]
