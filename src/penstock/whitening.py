"""Samples whitened: without correlation between their elements, and each of deviation 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from penstock.checks import check_choice, check_whole
from penstock.errors import ConfigError, quote
from penstock.fitting import Fitted, Samples, broadcast_to_samples, channels_last
from penstock.hookspecs import hookimpl
from penstock.standardizing import refuse_whole_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.arrayspec import ArraySpec

__all__ = ["Whiten"]

_CHUNK = 64  # rows of the matrix that are used at once: they stay in a core's cache
_MOST = 2 << 30  # bytes of the matrix, unless told otherwise: images of 73 × 73 in colour


@dataclass(frozen=True, eq=False)
class Whiten(Fitted):
    """Subtract a mean and multiply by a matrix, the same for all samples.

    As ``zca_whitening`` of Keras' ``ImageDataGenerator``. It needs samples that
    are delivered in a float dtype. For samples of D elements the matrix has D²
    numbers, and a sample takes D² multiplications: it is for small images.

    Args:
        mean: What to subtract: one number per channel, or one per element. Kept as float64.
        matrix: What a sample in one row is multiplied by from the right, of shape ``(D, D)``.

    Raises:
        ConfigError: They are not finite, or no mean and matrix.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    _arrays: ClassVar[tuple[str, ...]] = ("mean", "matrix")

    def __post_init__(self) -> None:
        try:
            mean, matrix = np.array(self.mean, np.float64), np.array(self.matrix, np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"Whiten() needs arrays of numbers: {quote(str(error))}.") from error
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
        if not square or not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
            raise ConfigError(
                f"Whiten() was given a matrix of shape {matrix.shape}; it must be square, and"
                " finite as the mean must be. Whiten.fit() finds one."
            )
        mean.flags.writeable = matrix.flags.writeable = False
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "_offset", mean.astype(np.float32))
        object.__setattr__(self, "_factor", matrix.astype(np.float32))

    @classmethod
    def fit(
        cls,
        sequence: Any,
        *,
        input_name: str | None = None,
        per: str = "channel",
        zca_epsilon: float = 1e-6,
        augment: bool = False,
        rounds: int = 1,
        max_bytes: int = _MOST,
        progress: bool = True,
    ) -> Self:
        """Find mean and matrix by streaming over the samples of a sequence.

        In float64, and in one pass. The matrix is that of zero-phase component
        analysis (Bell & Sejnowski, "The 'independent components' of natural
        scenes are edge filters", 1997): with eigenvalues s² of the sum of x xᵀ
        over n centred samples and eigenvectors U, it is U diag(√n / (s + ε)) Uᵀ.
        Directions in which no sample differs from the mean are left at 0.

        Args:
            sequence: What to fit to: the training part.
            input_name: Which input, where there are several.
            per: ``"channel"`` to subtract one mean per channel, as Keras does; ``"element"``
                for one per element.
            zca_epsilon: Added to the deviations *s* that are divided by.
            augment: Whether to augment the samples first.
            rounds: How many epochs of augmented samples to look at.
            max_bytes: How large the matrix may be; the work takes about four times as much.
            progress: Whether to show a progress bar, if tqdm is installed.

        Raises:
            ConfigError: The matrix would be too large, an argument cannot work, or a number
                is not finite.
        """
        check_choice("per", per, ("channel", "element"))
        check_whole("max_bytes", max_bytes, 1)
        if isinstance(zca_epsilon, bool) or not zca_epsilon > 0:
            raise ConfigError(f"zca_epsilon={quote(zca_epsilon)} was given; it must be above 0.")
        samples = Samples(sequence, input_name, augment=augment, rounds=rounds, progress=progress)
        shape = samples.spec.deliver_shape
        size = math.prod(shape)
        if size * size * 8 > max_bytes:
            raise ConfigError(
                f"Samples of shape {shape} have {size:,} elements: the matrix that whitens them"
                f" would take {size * size * 8 / 2**30:,.1f} GiB of memory, and max_bytes= allows"
                f" {max_bytes / 2**30:,.1f}. Load smaller images (image_size=), or use"
                " penstock.Standardize."
            )
        count, mean, scatter = _scatter(samples, size)
        if per == "channel":
            # About the channels' means, and not the elements' own.
            by_channel = channels_last(mean.reshape(1, *shape), samples.spec).mean(axis=0)
            kept = by_channel
            apart = mean - np.broadcast_to(
                broadcast_to_samples(by_channel, samples.spec, cls.__name__, "mean"), shape
            ).reshape(-1)
            scatter += count * np.outer(apart, apart)
        else:
            kept = mean.reshape(shape)
        if not np.isfinite(scatter).all():
            raise ConfigError(
                f"The input {samples.name!r} has no samples that can be loaded, or numbers that"
                " are not finite. statistics() shows which."
            )
        return cls(kept, _whitening(scatter, count, zca_epsilon))

    @hookimpl
    def prepare_samples(self, array: NDArray[Any], spec: ArraySpec) -> None:
        """Subtract and multiply, in float32.

        In a product of two matrices the last bit of a row depends on its place,
        and how a batch is sliced depends on the time. So samples are multiplied
        one by one, with some rows of the matrix after another: these are read
        from the memory once for all samples, and it takes no longer.
        """
        title = type(self).__name__
        refuse_whole_numbers(array, title)
        offset, matrix = self._offset, self._factor  # type: ignore[attr-defined]
        size = math.prod(spec.deliver_shape)
        if matrix.shape != (size, size):
            raise ConfigError(
                f"{title} has a matrix of shape {matrix.shape}, and samples of shape"
                f" {spec.deliver_shape} have {size} elements. Was it fitted to other data?"
            )
        array -= broadcast_to_samples(offset, spec, title, "mean")
        flat = array.reshape(len(array), size)
        white, part = np.zeros((len(array), size), np.float32), np.empty(size, np.float32)
        for start in range(0, size, _CHUNK):
            rows = matrix[start : start + _CHUNK]
            for sample, out in zip(flat[:, start : start + _CHUNK], white, strict=True):
                np.matmul(sample, rows, out=part)
                np.add(out, part, out=out)
        array[...] = white.reshape(array.shape)


def _scatter(samples: Samples, size: int) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Return the number of samples, their mean, and the sum of their products about it.

    Batches are merged as Chan, Golub and LeVeque do (see ``profiling.Moments``),
    so that what is far from zero loses no digits.
    """
    count, mean, scatter = 0, np.zeros(size), np.zeros((size, size))
    for array in samples:
        if not len(array):
            continue
        values = array.reshape(len(array), -1).astype(np.float64)
        own = values.mean(axis=0)
        values -= own
        total = count + len(values)
        apart = own - mean
        scatter += values.T @ values
        scatter += np.outer(apart, apart * (count * len(values) / total))
        mean += apart * (len(values) / total)
        count = total
    return count, mean, scatter if count else np.full_like(scatter, np.nan)


def _whitening(scatter: NDArray[np.float64], count: int, epsilon: float) -> NDArray[np.float64]:
    squares, vectors = np.linalg.eigh(scatter)
    # Rounding leaves something in directions that have nothing, as in numpy's matrix_rank.
    there = squares > squares[-1] * max(len(squares), count) * np.finfo(np.float64).eps
    vectors, lengths = vectors[:, there], np.sqrt(squares[there])
    scaled: NDArray[np.float64] = vectors * (math.sqrt(count) / (lengths + epsilon))
    whitening: NDArray[np.float64] = scaled @ vectors.T
    return whitening
