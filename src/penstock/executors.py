"""From ``executor=`` to where batches are made."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from penstock.errors import ConfigError, quote, suggest
from penstock.workplaces import Given

if TYPE_CHECKING:
    from penstock.workplaces import Workplace

__all__ = ["choose_workplace"]

_TIMEOUT_S = 600.0
_NAMES = ("threads", "processes", "ray")


def choose_workplace(executor: Any, *, cache: str | None, timeout: Any) -> Workplace | None:
    """Return where batches shall be made, or None for threads of this process.

    Args:
        executor: ``"threads"``, ``"processes"``, ``"ray"`` or an object with ``submit``.
        cache: What the user typed as ``cache=``.
        timeout: How long to wait for a batch in seconds, or None.

    Raises:
        ConfigError: They do not go together, or what is asked for is not there.
    """
    if isinstance(executor, str) and executor not in _NAMES:
        raise ConfigError(
            f"executor={quote(executor)} was given; it must be one of"
            f" {', '.join(map(repr, _NAMES))}, or an object with submit()."
            f"{suggest(executor, _NAMES)}"
        )
    if isinstance(executor, str) and executor == "threads":
        if timeout is not None:
            raise ConfigError(
                f"batch_timeout={quote(timeout)} cannot be kept on threads, which nobody can end."
                ' Give executor="processes" beside it.'
            )
        return None
    if not isinstance(executor, str) and not callable(getattr(executor, "submit", None)):
        raise ConfigError(
            f"executor={quote(executor)} has no submit(). Give an object such as"
            " concurrent.futures.ThreadPoolExecutor(), or one of"
            f" {', '.join(map(repr, _NAMES))}."
        )
    if cache == "memory":
        raise ConfigError(
            'cache="memory" keeps samples in this process, and executor= has them loaded in others.'
            ' Give cache="disk", which they share.'
        )
    number = isinstance(timeout, Real) and not isinstance(timeout, bool)
    if timeout is not None and not (number and 0 < timeout < float("inf")):
        raise ConfigError(
            f"batch_timeout={quote(timeout)} was given; it must be a number of seconds above 0."
        )
    seconds = _TIMEOUT_S if timeout is None else float(timeout)
    if not isinstance(executor, str):
        return Given(executor, seconds)
    if executor == "processes":
        from penstock.processes import Processes

        return Processes(seconds)
    from penstock.onray import OnRay

    return OnRay(seconds)
