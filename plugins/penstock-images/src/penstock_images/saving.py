"""Batches as picture files, to look at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError, quote
from penstock_images.colour import checked_range
from penstock_images.options import check_choice, check_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["save_images"]

_FORMATS = ("png", "jpg", "jpeg")
_CHANNELS = (1, 3, 4)


def save_images(
    sequence: Any,
    directory: str | os.PathLike[str],
    *,
    batches: int = 1,
    prefix: str = "",
    format: str = "png",  # noqa: A002 - as users of Keras type it
    value_range: tuple[float, float] | None = None,
) -> list[str]:
    """Write the images of a sequence's first batches to files, as they go to Keras.

    The batches are those of the epoch that comes next, augmented as ``fit`` will see them.
    Training is not disturbed, and one that does not call this has no share in its cost.

    A file's name says the epoch, the sample's position in ``sequence.samples``, the turn where
    the sample comes several times in an epoch, and the input where there are several:
    ``epoch0_sample17.png``. A file of that name is replaced.

    Args:
        sequence: What ``penstock.make_generator`` returned.
        directory: Where to write; made if it is not there.
        batches: How many batches; all at most.
        prefix: What names of files begin with.
        format: ``"png"`` or ``"jpeg"``; a JPEG has no transparency, and is not exact.
        value_range: The values that become black and white; others are clipped. None: the
            dtype's full range for integers, (0, 255) for floats. With ``rescale=1/255`` it is
            ``(0, 1)``.

    Returns:
        The paths of the files.

    Raises:
        ConfigError: An option's value cannot work, there are no images in the batches, or a
            file cannot be written.
    """
    check_choice("format", format, _FORMATS)
    check_count("batches", batches)
    bounds = checked_range(value_range)
    if not isinstance(prefix, str) or os.path.basename(prefix) != prefix:
        raise ConfigError(f"prefix={quote(prefix)} is no beginning of a file's name.")
    paths = []
    for index in range(min(batches, len(sequence))):
        inputs = sequence[index][0]
        named: Mapping[str, Any] = inputs if isinstance(inputs, dict) else {"": inputs}
        images = {
            name: pixels
            for name, array in named.items()
            if (pixels := _channels_last(np.asarray(array))) is not None
        }
        if not images:
            found = {name or "x": np.shape(array) for name, array in named.items()}
            raise ConfigError(
                f"save_images() found no images in the inputs, which are {quote(found)}: an image"
                " is an array of numbers, of 1, 3 or 4 channels."
            )
        samples = sequence.batch_samples(index)
        for place, (position, turn) in enumerate(
            zip(samples["position"], samples["turn"], strict=True)
        ):
            for name, pixels in images.items():
                parts = [
                    f"{prefix}epoch{sequence.epoch}",
                    f"sample{position}",
                    *([f"turn{turn}"] if turn else []),
                    *([name.replace("/", "-")] if len(images) > 1 else []),
                ]
                path = os.path.join(directory, f"{'_'.join(parts)}.{format}")
                _write(path, _as_bytes(pixels[place], bounds))
                paths.append(path)
    return paths


def _channels_last(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return an array of images with the channels last, or None where it is none."""
    if array.ndim != 4 or array.dtype.kind not in "buif":
        return None
    if array.shape[3] in _CHANNELS:
        return array
    return np.moveaxis(array, 1, 3) if array.shape[1] in _CHANNELS else None


def _as_bytes(image: NDArray[Any], bounds: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Return an image as bytes, 0 being black and 255 white."""
    if bounds is None:
        if image.dtype == np.uint8:
            return image
        bounds = (0.0, 255.0)
        if image.dtype.kind == "b":
            bounds = (0.0, 1.0)
        elif image.dtype.kind in "iu":
            bounds = (0.0, float(np.iinfo(image.dtype).max))
        elif 0 < image.max() <= 1 and image.min() >= 0:
            raise ConfigError(
                f"save_images() found values from {image.min():g} to {image.max():g}: say"
                " value_range=(0, 1) if 1 is white, or (0, 255) if 255 is."
            )
    low, high = bounds
    scaled = (image.astype(np.float64) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def _write(path: str, pixels: NDArray[Any]) -> None:
    import cv2

    if pixels.shape[2] == 4 and not path.endswith(".png"):
        pixels = pixels[:, :, :3]
    if pixels.shape[2] > 1:
        pixels = cv2.cvtColor(
            np.ascontiguousarray(pixels),
            cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR,
        )
    done, encoded = cv2.imencode(os.path.splitext(path)[1], pixels)
    assert done  # 8 bits, and 1, 3 or 4 channels
    try:
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with open(path, "wb") as file:
            file.write(encoded.tobytes())
    except OSError as error:
        raise ConfigError(
            f"save_images() cannot write {quote(path)}: {error.strerror or error}. Give a directory"
            " that can be written to and has room."
        ) from error
