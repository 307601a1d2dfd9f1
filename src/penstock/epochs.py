"""Where a sequence is in its epochs, and who is told that one begins or ends."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from penstock.checks import check_whole
from penstock.errors import ConfigError, quote
from penstock.forks import renew_after_fork
from penstock.states import place_in, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.batches import Batches
    from penstock.passes import Passes

__all__ = ["Epochs", "Listeners"]


class Listeners:
    """Functions that are called once as an epoch begins, or ends, with its number.

    What happens is noted under a lock of somebody else's, and told without it:
    a function may use the sequence that calls it.
    """

    def __init__(self) -> None:
        self.begin: list[Callable[[int], Any]] = []
        self.end: list[Callable[[int], Any]] = []
        self._noted: deque[tuple[list[Callable[[int], Any]], int]] = deque()
        self._last: int | None = None  # that began
        self._over = True
        self._lock = threading.Lock()
        renew_after_fork(self)

    def begins(self, epoch: int) -> None:
        """Note that *epoch* begins, unless it has."""
        if self._last != epoch:
            self._last, self._over = epoch, False
            self._noted.append((self.begin, epoch))

    def ends(self, epoch: int) -> None:
        """Note that *epoch* ends, if it had not."""
        self.begins(epoch)
        if not self._over:
            self._over = True
            self._noted.append((self.end, epoch))

    def forget(self) -> None:
        """Let whichever epoch comes next begin anew."""
        self._last, self._over = None, True

    def tell(self) -> None:
        """Call the functions about what was noted, in order."""
        # Who comes while somebody tells, be it from one of the functions, leaves it to them.
        while self._noted and self._lock.acquire(blocking=False):
            try:
                while self._noted:
                    functions, epoch = self._noted.popleft()
                    for function in functions:
                        function(epoch)
            finally:
                self._lock.release()


class Epochs:
    """What has passes over its data, says where it is in them, and tells of them."""

    _batches: Batches
    _passes: Passes

    @property
    def epoch(self) -> int:
        """The epoch that the next pass will be; may be set, for example to ``initial_epoch``."""
        return self._passes.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._passes.go_to(check_whole("epoch", value, 0))

    def state_dict(self) -> dict[str, Any]:
        """Return where the sequence is, to go on there in another process.

        In a loop over the sequence that is after the batch in hand. ``fit``
        fetches ahead of training and counts whole epochs alone here; with
        ``penstock.callbacks.BackupAndRestore`` it can go on in the middle of one.

        Returns:
            What fits into JSON, of less than 1 kB: ``"epoch"``, ``"batch"``, and
            what tells these data and options from others.
        """
        epoch, batch = self._passes.place
        return state_of(self._batches, epoch, batch)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where *state* was taken: the next pass is what was left of its epoch.

        Raises:
            StateMismatch: It is no state, or that of other data or options; lists which.
        """
        self._passes.go_to(*place_in(state, self._batches))

    def on_epoch(
        self,
        *,
        begin: Callable[[int], Any] | None = None,
        end: Callable[[int], Any] | None = None,
    ) -> None:
        """Have functions called as epochs begin and end, once for each, with its number.

        An epoch is a pass over the samples of this sequence: in ``fit``, and in
        a loop of one's own. Evaluation and prediction are none. A pass that was
        broken off is gone over again, and still one epoch. Batches are made
        ahead: the first of an epoch may be there before it begins. Functions
        stay with this sequence: parts of it, and copies by pickle, have none.

        Args:
            begin: Called with the epoch's number before it is trained on.
            end: Called with it when its last batch was.

        Raises:
            ConfigError: Neither was given, or something that is no function.
        """
        given = {"begin": begin, "end": end}
        for name, function in given.items():
            if function is not None and not callable(function):
                raise ConfigError(
                    f"on_epoch({name}={quote(function)}) needs a function of the epoch's number."
                )
        if begin is None and end is None:
            raise ConfigError("on_epoch() was given no function. Give begin=, end= or both.")
        if begin is not None:
            self._passes.listeners.begin.append(begin)
        if end is not None:
            self._passes.listeners.end.append(end)
