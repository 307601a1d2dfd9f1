"""A sequence as a ``torch.utils.data.DataLoader``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["torch_loader"]


def torch_loader(sequence: Any) -> Any:
    """Return a loader of a sequence's batches as tensors; see ``Outlets.to_torch``.

    Raises:
        ConfigError: torch is not there.
    """
    try:
        import torch
    except ImportError as error:
        raise ConfigError(f"to_torch() needs torch: {error}. Install penstock[torch].") from error

    def tensors(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: tensors(each) for name, each in part.items()}
        if not isinstance(part, np.ndarray) or part.dtype.hasobject:
            return part  # no weights, or text
        # Without a copy, where torch may write.
        return torch.from_numpy(part if part.flags.writeable else part.copy())

    class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(sequence)

        def __iter__(self) -> Iterator[Any]:
            return (tuple(tensors(part) for part in batch) for batch in sequence)

    # Of itself it would draw from torch's global random state, for workers that it has not.
    unused = torch.Generator()
    return torch.utils.data.DataLoader(
        Batches(), batch_size=None, collate_fn=_as_it_is, generator=unused
    )


def _as_it_is(batch: Any) -> Any:
    return batch
