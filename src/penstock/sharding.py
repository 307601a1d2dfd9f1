"""From ``shard=`` and ``remainder=`` to which part of each batch this process makes.

``batch_size`` is that of the whole batch, however many processes there are: what
is trained on in a step is the same with one of them and with a thousand.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from penstock.checks import check_choice, check_whole
from penstock.errors import ConfigError, quote

__all__ = ["shard_options", "worlds_at_hand"]

REMAINDERS = ("keep", "drop", "pad")


def shard_options(
    shard: Any, remainder: Any, batch_size: int, *, drop_remainder: bool
) -> dict[str, Any]:
    """Return the fields of an ``Order`` that say what this process makes of each batch.

    Args:
        shard: None for everything, ``(rank, world)``, or ``"auto"`` for what Ray Train,
            Keras or torch say that this process is.
        remainder: ``"keep"``, ``"drop"``, ``"pad"``, or None for *drop_remainder*, and with
            several shards for ``"drop"``.
        batch_size: Samples per batch, of all processes together.
        drop_remainder: The older name for ``remainder="drop"``.

    Raises:
        ConfigError: They cannot work, or two libraries say different things.
    """
    rank, world = _shard_of(shard)
    if remainder is None:
        remainder = "drop" if drop_remainder or world > 1 else "keep"
    check_choice("remainder", remainder, REMAINDERS)
    if drop_remainder and remainder != "drop":
        raise ConfigError(
            f"remainder={remainder!r} was given beside drop_remainder=True, which is"
            " remainder='drop'. Give one of them."
        )
    if world > 1 and remainder == "keep":
        raise ConfigError(
            f"remainder='keep' leaves a last batch that {world} processes cannot share in equal"
            " parts: they would wait for one another for ever. Give 'drop' for training, or 'pad'"
            " (with a sample weight of 0) for evaluation."
        )
    if batch_size % world:
        low = batch_size // world * world
        raise ConfigError(
            f"batch_size={batch_size} is that of all {world} processes together, and cannot be cut"
            f" into {world} equal parts. Give {f'{low} or ' if low else ''}{low + world}."
        )
    return {
        "drop_remainder": remainder == "drop",
        "pad": remainder == "pad",
        "shard": (rank, world),
    }


def _shard_of(shard: Any) -> tuple[int, int]:
    if shard is None or (isinstance(shard, str) and shard == "auto"):
        found = worlds_at_hand()
        if len(set(found.values())) > 1 and shard is not None:
            told = "; ".join(f"{name} says rank {r} of {w}" for name, (r, w) in found.items())
            raise ConfigError(
                f"shard='auto' found processes that do not agree: {told}. Give shard=(rank, world),"
                " or set them up alike."
            )
        rank, world = next(iter(found.values()), (0, 1))
        if shard is None and world > 1:
            warnings.warn(
                f"{next(iter(found))} says that this is process {rank} of {world}, and nobody"
                " shares the samples out: each process trains on all of them. Give shard='auto',"
                " or shard=(0, 1) if that is what you want.",
                stacklevel=4,
            )
            return 0, 1
        return (0, 1) if shard is None else (rank, world)
    if not isinstance(shard, (tuple, list)) or len(shard) != 2:
        raise ConfigError(
            f"shard={quote(shard)} was given; it must be (rank, world), such as (0, 2) for the"
            " first of two processes, or 'auto'."
        )
    world = check_whole("shard=(rank, world): world", shard[1], 1)
    return check_whole("shard=(rank, world): rank", shard[0], 0, world - 1), world


def worlds_at_hand() -> dict[str, tuple[int, int]]:
    """Return (rank, world) by the library that says so; nothing is imported for it."""
    asked = {"Ray Train": _by_ray, "keras.distribution": _by_jax, "torch": _by_torch}
    found = {name: ask() for name, ask in asked.items()}
    return {name: each for name, each in found.items() if each is not None}


def _by_ray() -> tuple[int, int] | None:
    train = sys.modules.get("ray.train")
    try:
        context = train.get_context()  # type: ignore[union-attr]
        rank, world = context.get_world_rank(), context.get_world_size()
    except Exception:  # not here, not in a worker of it, or in one of Ray Tune's
        return None
    return None if rank is None or world is None else (int(rank), int(world))


def _by_jax() -> tuple[int, int] | None:
    """Ask JAX, which ``keras.distribution.initialize`` sets up; it is told of nothing by asking."""
    jax = sys.modules.get("jax")
    try:
        # Without this, to ask for the number of processes would set up a backend.
        if not jax.distributed.is_initialized():  # type: ignore[union-attr]
            return None
        return int(jax.process_index()), int(jax.process_count())  # type: ignore[union-attr]
    except Exception:  # not here, still being imported, or without such a thing
        return None


def _by_torch() -> tuple[int, int] | None:
    """Ask torch, or what its launchers leave in the environment."""
    distributed = sys.modules.get("torch.distributed")
    try:
        if distributed.is_initialized():  # type: ignore[union-attr]
            return int(distributed.get_rank()), int(distributed.get_world_size())  # type: ignore[union-attr]
    except Exception:  # noqa: S110 - not here, or built without it: the environment may know
        pass
    try:
        rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return None
    return (rank, world) if 0 <= rank < world else None
