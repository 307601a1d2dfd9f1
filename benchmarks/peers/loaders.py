"""torch's DataLoader, with OpenCV; and Grain, the loader of JAX, with the same."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from benchmarks.delivery import Delivery
from benchmarks.peers.files import one_hot

__all__ = ["grain_images", "torch_images"]


def torch_images(folder: str, *, workers: int) -> Delivery:
    """JPEGs, resized; uint8 up to the batch, which is made float32 at once."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    paths, labels = one_hot(folder)

    class Photos(Dataset[tuple[Any, Any]]):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return _photo(paths[index]), labels[index]

    def collate(samples: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        x = torch.from_numpy(np.stack([x for x, _ in samples])).float()
        return x, torch.from_numpy(np.stack([y for _, y in samples]))

    cv2.setNumThreads(0)
    loader = DataLoader(
        Photos(),
        batch_size=32,
        shuffle=True,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
    )
    return Delivery(loader)


def grain_images(folder: str, *, workers: int) -> Delivery:
    """JPEGs, resized, on Grain's threads, or in *workers* processes."""
    import grain
    from absl import flags

    paths, labels = one_hot(folder)

    def load(index: int) -> tuple[Any, Any]:
        return _photo(paths[index]), labels[index]

    def as_float(batch: tuple[Any, Any]) -> tuple[Any, Any]:
        return batch[0].astype(np.float32), batch[1]

    cv2.setNumThreads(0)
    flags.FLAGS.mark_as_parsed()  # Grain asks for flags that only its own programs have
    data: Any = grain.MapDataset.range(len(paths)).shuffle(seed=0).map(load)
    data = data.batch(32).map(as_float).to_iter_dataset()
    if workers:
        data = data.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return Delivery(data)


def _photo(path: str) -> Any:
    image = cv2.imread(path, cv2.IMREAD_COLOR_RGB)
    return cv2.resize(image, (224, 224))  # type: ignore[arg-type]
