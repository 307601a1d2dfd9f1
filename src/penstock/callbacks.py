"""Callbacks of Keras' kind for sequences."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import keras

from penstock.checks import check_whole
from penstock.errors import ConfigError, StateMismatch, quote

if TYPE_CHECKING:
    from penstock.sequence import Sequence

__all__ = ["BackupAndRestore"]

_STATE = "state.json"
_SLOTS = ("slot-0.weights.h5", "slot-1.weights.h5")
_STATE_BYTES = 1 << 16  # a hundred times what a state has
_SCHEMA = 1


class BackupAndRestore(keras.callbacks.Callback):  # type: ignore[misc]
    """Backs training up, and goes on from the backup with the very next sample.

    As ``keras.callbacks.BackupAndRestore``, which begins the epoch again that
    training was killed in. Here the first epoch of ``fit`` is what was left of
    it, so that every sample is trained on as often as without the interruption,
    in the same order. Training may be killed at any time, while a backup is
    written too: the one before is good until the next is.

    The model has to be built before ``fit``, and the sequence made with the
    same data, options and ``seed=`` each time. At the end of ``fit`` the backup
    is deleted.

    Args:
        backup_dir: A directory for the backup of this training, and of no other.
        sequence: What ``fit`` trains on.
        save_freq: ``"epoch"``, or after how many batches to back up.
        delete_checkpoint: Whether the backup is deleted at the end of training.

    Raises:
        ConfigError: An argument cannot work, or the model is not built.
        StateMismatch: When training begins: the backup is damaged, or that of
            other data or options.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        sequence: Sequence,
        *,
        save_freq: str | int = "epoch",
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not hasattr(sequence, "load_state_dict"):
            raise ConfigError(
                f"BackupAndRestore was given {quote(sequence)} as the sequence to back up."
                " Give the one that fit trains on: BackupAndRestore(backup_dir, train)."
            )
        if sequence.num_batches is None:
            raise ConfigError(
                "BackupAndRestore was given a sequence without end (samples_per_epoch=math.inf),"
                " where it cannot tell how far training is. Leave samples_per_epoch= out."
            )
        if save_freq != "epoch":
            check_whole("save_freq", save_freq, 1)
        self.backup_dir = os.fspath(backup_dir)
        self.sequence = sequence
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint
        self._slot = 0
        self._epoch = 0  # of fit
        self._steps = 0  # trained in it
        self._last = -1  # the last of them, as Keras counts
        self._unsaved = 0
        self._place: tuple[int, int] | None = None  # of the sequence, as far as it is trained on
        self._initial_epoch: Any = None

    # -- what Keras calls --------------------------------------------------

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the backup, if there is one."""
        del logs
        if not self.model.built:
            raise ConfigError(
                "BackupAndRestore needs a model that is built, to restore its weights into."
                " Give it an Input, or call it on a batch: model(train[0][0])."
            )
        self._initial_epoch = getattr(self.model, "_initial_epoch", None)
        self._unsaved = self._steps = 0
        self._place = None
        saved = self._read()
        if saved is not None:
            self._restore(saved)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count from the epoch's first step."""
        del logs
        if epoch != self._epoch:
            self._epoch, self._steps = epoch, 0
        self._last = -1

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """See where the sequence is, before the first step."""
        del batch, logs
        if self._place is None:
            state = self.sequence.state_dict()
            self._place = state["epoch"], state["batch"]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count what was trained on, and back up where it is time."""
        del logs
        steps, self._last = batch - self._last, batch
        self._steps += steps
        self._unsaved += steps
        assert self._place is not None
        epoch, place = self._place
        # Several steps per execution may be fewer at the end of a pass, and never cross it.
        place = min(place + steps, len(self.sequence))
        self._place = (epoch, place) if place < len(self.sequence) else (epoch + 1, 0)
        if isinstance(self.save_freq, int) and self._unsaved >= self.save_freq:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Back up, if that is after each epoch."""
        del logs
        self._epoch, self._steps = epoch + 1, 0
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Delete the backup."""
        del logs
        self.model._initial_epoch = self._initial_epoch  # noqa: SLF001 - see _restore
        if self.delete_checkpoint:
            for name in (_STATE, *_SLOTS):
                with suppress(FileNotFoundError):
                    os.remove(os.path.join(self.backup_dir, name))
            with suppress(OSError):  # there is something of somebody else's in it
                os.rmdir(self.backup_dir)

    # -- inside ------------------------------------------------------------

    def _save(self) -> None:
        """Write the weights beside those that are good, then say that these are."""
        os.makedirs(self.backup_dir, exist_ok=True)
        self._unsaved, self._slot = 0, 1 - self._slot
        weights = os.path.join(self.backup_dir, _SLOTS[self._slot])
        with suppress(FileNotFoundError):
            os.remove(weights)
        self.model.save_weights(weights)
        _flush(weights)
        epoch, steps = self._epoch, self._steps
        given = int(self.params.get("steps") or 0)
        # An epoch of fit is over with its steps, and with the pass that it is in.
        assert self._place is not None
        state = {**self.sequence.state_dict(), "epoch": self._place[0], "batch": self._place[1]}
        if steps and (steps >= given or not self._place[1]):
            epoch, steps = epoch + 1, 0
        if steps:
            state["steps_left"] = given - steps
        saved = {"schema": _SCHEMA, "slot": self._slot, "epoch": epoch, "steps": steps}
        path = os.path.join(self.backup_dir, _STATE)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump({**saved, "sequence": state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)

    def _read(self) -> dict[str, Any] | None:
        path = os.path.join(self.backup_dir, _STATE)
        try:
            with open(path, "rb") as file:
                text = file.read(_STATE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateMismatch(f"The backup {quote(path)} cannot be read: {error}.") from error
        try:
            saved = json.loads(text) if len(text) <= _STATE_BYTES else None
        except ValueError:  # UnicodeDecodeError is one
            saved = None
        except RecursionError:
            saved = None
        if (
            not isinstance(saved, dict)
            or saved.get("schema") != _SCHEMA
            or saved.get("slot") not in (0, 1)
            or not all(isinstance(saved.get(name), int) for name in ("epoch", "steps"))
        ):
            raise StateMismatch(
                f"{quote(path)} is no backup of this version of Penstock, or a damaged one."
                " Delete the directory to begin anew, or give another backup_dir."
            )
        return saved

    def _restore(self, saved: dict[str, Any]) -> None:
        weights = os.path.join(self.backup_dir, _SLOTS[saved["slot"]])
        self.sequence.load_state_dict(saved.get("sequence", {}))
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        try:
            self.model.load_weights(weights)
        except Exception as error:
            raise StateMismatch(
                f"The weights {quote(weights)} cannot be loaded into this model:"
                f" {type(error).__name__}: {quote(str(error))}. Build the model as it was built"
                " then, or delete the directory to begin anew."
            ) from error
        self._slot, self._epoch, self._steps = saved["slot"], saved["epoch"], saved["steps"]
        # As Keras' own callback does: fit reads it after on_train_begin.
        self.model._initial_epoch = saved["epoch"]  # noqa: SLF001 - there is no other way


def _flush(path: str) -> None:
    """See that a file outlives the machine's going down."""
    with open(path, "rb") as file, suppress(OSError):
        os.fsync(file.fileno())
