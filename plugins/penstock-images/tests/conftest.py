"""What the tests of images share."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from penstock.batch import Batch
from penstock.draws import Draws
from penstock_images import ImageFiles


@pytest.fixture(scope="session")
def photo():
    """A photo, uint8 of shape (375, 500, 3)."""
    from sklearn.datasets import load_sample_images

    return np.ascontiguousarray(load_sample_images().images[0][:375, :500])


@pytest.fixture
def write(tmp_path):
    """Write an image or bytes to a file and return its path."""

    def _write(name, content, format_name=None, **options):
        path = tmp_path / name
        if isinstance(content, np.ndarray):
            content = Image.fromarray(content)
        if isinstance(content, Image.Image):
            stream = io.BytesIO()
            content.save(
                stream, format_name or Image.registered_extensions()[path.suffix], **options
            )
            content = stream.getvalue()
        path.write_bytes(content)
        return str(path)

    return _write


@pytest.fixture
def load():
    """Load one file as a sample of uint8 or uint16, at its own size unless told."""

    def _load(path, **options):
        if "image_size" not in options:
            with Image.open(path) as image:
                options["image_size"] = (image.height, image.width)
        loader = ImageFiles(**options)
        paths = np.array([path], dtype=object)
        spec = loader.describe_sample(paths)
        # Two rows, to see that nothing is written beside the one asked for.
        out = np.full((2, *spec.shape), 77, spec.dtype)
        loader.load_samples(paths, out[:1])
        assert (out[1] == 77).all()
        return out[0]

    return _load


@pytest.fixture
def batch_of():
    """Make a batch of images, and masks if given, with draws of its own."""

    def _batch_of(images, masks=None, *, seed=0, epoch=0, numbers=None):
        numbers = np.arange(len(images)) if numbers is None else np.asarray(numbers)
        targets = {} if masks is None else {"mask": masks}
        return Batch({"x": images}, targets, None, Draws(seed, epoch, numbers))

    return _batch_of
