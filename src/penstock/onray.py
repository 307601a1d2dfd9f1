"""Batches made by tasks of Ray, on this machine or on a cluster.

Ray is set up by the user, who says which cluster is meant. Batches are put into
its object store once; each of its workers opens them once.
"""

from __future__ import annotations

import uuid
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.elsewhere import be_a_worker, made_by
from penstock.errors import ConfigError, WorkerDied, quote
from penstock.workplaces import Workplace

try:
    import ray
except ImportError as error:
    raise ConfigError(
        f'executor="ray" needs Ray: {error}. Install it: pip install "penstock[ray]".'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.batches import Batches
    from penstock.elsewhere import Made, Task

__all__ = ["OnRay", "put"]

_NO_RAY = (
    "No Ray is there. Say which is meant: ray.init() for this machine, or"
    ' ray.init(address="auto") for the cluster that it is in.'
)
_SHARE = 3  # of the object store of this machine: what batches under way may take


def put(batches: Batches) -> tuple[str, Any]:
    """Put batches into the object store; return a name for them, and the reference.

    Raises:
        ConfigError: No Ray is set up, or they cannot travel.
    """
    if not ray.is_initialized():
        raise ConfigError(_NO_RAY)
    try:
        return uuid.uuid4().hex, ray.put(batches)
    except Exception as error:
        raise ConfigError(
            f"The batches cannot be put into Ray's object store: {type(error).__name__}:"
            f" {quote(str(error))}."
        ) from error


class _Parcel:
    """Batches in the object store."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.token, self.reference = put(batches)


class _Sent:
    """A task of Ray as a future."""

    def __init__(self, reference: Any) -> None:
        self.reference = reference
        self._future = reference.future()

    def add_done_callback(self, call: Callable[[Any], object], /) -> object:
        return self._future.add_done_callback(call)

    def result(self) -> Made:
        try:
            made: Made = self._future.result()
        except ray.exceptions.TaskCancelledError as error:
            raise CancelledError from error
        return made

    def cancel(self, *, force: bool = False) -> None:
        # By now Ray may be shut down, or the task done.
        with suppress(Exception):
            ray.cancel(self.reference, force=force)


class OnRay(Workplace):
    """A cluster of Ray.

    Args:
        timeout: How long to wait for a batch, in seconds.
    """

    _room: int

    def __init__(self, timeout: float) -> None:
        if not ray.is_initialized():
            raise ConfigError(f'executor="ray" was given. {_NO_RAY}')
        super().__init__(timeout)
        # What is lost is asked for again here, where it is counted.
        self._work = ray.remote(num_cpus=1, max_retries=0)(_work)

    def __reduce__(self) -> tuple[Any, ...]:
        return OnRay, (self.timeout,)

    def default_workers(self) -> int:
        """See ``Workplace``."""
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def room(self) -> int:
        """See ``Workplace``: a share of this machine's object store, where batches arrive."""
        if not self._room:
            here = ray.get_runtime_context().get_node_id()
            stores = [each["Resources"] for each in ray.nodes() if each["NodeID"] == here]
            store = stores[0].get("object_store_memory", 0) if stores else 0
            self._room = int(store) // _SHARE or super().room()
        return self._room

    def kill(self, future: Any) -> None:
        """See ``Workplace``."""
        future.cancel(force=True)

    def _begin(self) -> None:
        super()._begin()
        self._room = 0

    def _pack(self, batches: Batches) -> _Parcel:
        return _Parcel(batches)

    def _send(self, parcel: _Parcel, task: Task) -> _Sent:
        try:
            return _Sent(self._work.remote(parcel.token, [parcel.reference], task))
        except Exception as error:
            raise WorkerDied(
                f"Ray takes no tasks: {type(error).__name__}: {quote(str(error))}. See whether it"
                " was shut down, or its head node is gone."
            ) from error


def _work(token: str, references: list[Any], task: Task) -> Made:
    """Do a task; the batches come in a list, for what stands by itself is unpickled each time."""
    be_a_worker()

    def load() -> Batches:
        batches: Batches = ray.get(references[0])
        return batches

    return made_by(token, load, task)
