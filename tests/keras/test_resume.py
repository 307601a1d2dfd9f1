"""Training that was broken off goes on with the very next sample, wherever that was.

These tests run under whichever backend ``KERAS_BACKEND`` names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, StateMismatch

SCRIPT = Path(__file__).with_name("killed_training.py")
_spec = importlib.util.spec_from_file_location("killed_training", SCRIPT)
killed = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(killed)

LENGTH = 6
TOTAL = 3 * LENGTH
ON_TORCH = keras.backend.backend() == "torch"


def lines(folder):
    return [json.loads(line) for line in (folder / "log").read_bytes().splitlines()]


def train_with_cuts(folder, cuts, save_freq=1, **options):
    """Train, be broken off after so many steps of each run, and return what was learned from.

    A run's steps after its last backup are lost with its weights, and made again.
    """
    kept, fit = [], {**options.pop("fit", {})}
    for at in [*cuts, None]:
        (folder / "log").unlink(missing_ok=True)
        try:
            killed.train(folder, at, save_freq=save_freq, fit=fit, **options)
        except killed.Broken:
            done = lines(folder)
            saved = len(done) if save_freq == "epoch" else len(done) // save_freq * save_freq
            if save_freq == "epoch":
                saved = sum(line["epoch"] < done[-1]["epoch"] for line in done)
            kept += done[:saved]
        else:
            kept += lines(folder)
    assert not (folder / "backup").exists()
    return kept


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what is learned from without an interruption."""
    found = {}

    def whole(**options):
        key = repr(options)
        if key not in found:
            found[key] = train_with_cuts(tmp_path_factory.mktemp("whole"), [], **options)
        return found[key]

    return whole


def test_training_sees_each_sample_once_per_epoch(whole):
    seen = [(line["epoch"], sample) for line in whole() for sample in line["samples"]]
    assert sorted(seen) == [(epoch, sample) for epoch in range(3) for sample in range(22)]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("at", [1, 2, 5, 6, 7, 11, 12, 17])
def test_the_samples_that_follow_are_those_that_would_have_followed(tmp_path, whole, at):
    assert train_with_cuts(tmp_path, [at]) == whole()


@pytest.mark.parametrize("cuts", [[2, 2], [1, 1, 1], [6, 6], [3, 3, 6], [4, 4, 4]])
def test_an_epoch_may_be_broken_off_more_than_once(tmp_path, whole, cuts):
    assert train_with_cuts(tmp_path, cuts) == whole()


@pytest.mark.parametrize("save_freq", [4, "epoch"])
@pytest.mark.parametrize("cuts", [[5], [9, 3, 8], [13, 1]])
def test_what_was_not_backed_up_is_trained_on_again(tmp_path, whole, save_freq, cuts):
    assert train_with_cuts(tmp_path, cuts, save_freq=save_freq) == whole()


@pytest.mark.parametrize(
    "fit",
    [
        {"steps_per_epoch": 2, "epochs": 8},
        {"steps_per_epoch": 4, "epochs": 5},
        {"steps_per_epoch": LENGTH, "epochs": 3},
        {"steps_per_epoch": LENGTH + 3, "epochs": 3},
        {"validate": True},
        {"shuffle": False},
        {"initial_epoch": 1, "epochs": 4},
    ],
    ids=repr,
)
@pytest.mark.parametrize("cuts", [[5], [2, 4, 1]])
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_training_goes_on_however_fit_is_called(tmp_path, whole, fit, cuts):
    assert train_with_cuts(tmp_path, cuts, fit=fit) == whole(fit=fit)


@pytest.mark.skipif(ON_TORCH, reason="torch refuses steps_per_execution")
@pytest.mark.parametrize("count", [2, 4])
def test_several_steps_per_execution_are_counted(tmp_path, whole, count):
    options = {"compile_": {"steps_per_execution": count}}
    assert train_with_cuts(tmp_path, [1, 1, 2], **options) == whole(**options)


@pytest.mark.parametrize("runs", [[4, 5]])
def test_training_that_was_killed_goes_on(tmp_path, whole, runs):
    for at in [*runs, 0]:
        done = subprocess.run(
            [sys.executable, SCRIPT, tmp_path, str(at), "1"], capture_output=True, check=False
        )
        assert done.returncode == (-signal.SIGKILL if at else 0), done.stderr.decode()[-2000:]
    # Log comes after the backup: a step that was written down was backed up.
    assert lines(tmp_path) == whole()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_training_that_was_killed_anywhere_goes_on(tmp_path, whole):
    draw = random.Random(5)
    for case in range(12):
        folder = tmp_path / str(case)
        folder.mkdir()
        test_training_that_was_killed_goes_on(
            folder, whole, [draw.randint(1, 8), draw.randint(1, 9)]
        )


# -- without fit -----------------------------------------------------------------------


def sequence(**options):
    data = (np.arange(22, dtype=np.float32), np.arange(22) % 3)
    return penstock.make_generator(
        options.pop("data", data), **{"batch_size": 4, "seed": 3, **options}
    )


@pytest.mark.parametrize("after", range(14))
def test_a_loop_goes_on_after_the_batch_in_hand(after):
    stream, state = [], None
    data = sequence()
    for _ in range(3):
        for x, _ in data:
            stream.append(x.tolist())
            if len(stream) == after:
                state = json.loads(json.dumps(data.state_dict()))
    state = state or sequence().state_dict()
    again, rest = sequence(), []
    again.load_state_dict(state)
    while again.epoch < 3:
        rest += [x.tolist() for x, _ in again]
    assert rest == stream[after:]


def test_a_state_is_small_and_plain():
    names = [f"{number:06}.npy" for number in range(22)]
    state = sequence(data=(np.arange(22), names)).state_dict()
    assert len(json.dumps(state)) < 1000
    assert json.loads(json.dumps(state)) == state


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"seed": 4}, "seed was 3 and is 4"),
        ({"batch_size": 8}, "batch_size was 4 and is 8"),
        ({"shuffle": False}, "shuffle was True and is False"),
        ({"drop_remainder": True}, "drop_remainder was False and is True"),
        ({"data": (np.arange(21.0, dtype=np.float32), np.arange(21) % 3)}, "num_samples was 22"),
        ({"data": (np.ones(22, np.float32), np.arange(22) % 3)}, "loading was"),
        ({"sample_weight": np.ones(22)}, "weights was"),
        ({"augment": lambda image: image}, "augment was"),
    ],
)
def test_a_state_of_other_data_or_options_lists_what_differs(options, field):
    with pytest.raises(StateMismatch) as caught:
        sequence(**options).load_state_dict(sequence().state_dict())
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2, and this version of Penstock reads schema 1"),
        ({"batch": 6}, "batch 6 of epoch 0; an epoch has the batches 0 to 5"),
        ({"batch": -1}, "batch -1"),
        ({"batch": 1.5}, "batch 1.5"),
        ({"epoch": "2"}, "epoch '2'"),
        ({"epoch": True}, "epoch True"),
        ({"steps_left": -1}, "steps_left=-1"),
        ({"of": None}, "is that of other data or options"),
        ({"of": {"seed": 3}}, "is that of other data or options"),
    ],
)
def test_a_damaged_state_is_refused(change, message):
    data = sequence()
    with pytest.raises(StateMismatch) as caught:
        data.load_state_dict({**data.state_dict(), **change})
    assert message in str(caught.value)
    assert data.epoch == 0


@pytest.mark.parametrize("state", [None, 5, [], "x", {}])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(StateMismatch, match="no state of a sequence"):
        sequence().load_state_dict(state)


def test_the_fingerprint_is_that_of_the_part():
    first, second = sequence().split(0.5, 0.5)
    with pytest.raises(StateMismatch, match="samples was"):
        second.load_state_dict(first.state_dict())


# -- the backup ------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    with pytest.raises(killed.Broken):
        killed.train(tmp_path, 8)
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema": 2}',
        pickle.dumps({"schema": 1}),
        b"[" * 60_000,
        b'{"schema": 1, "slot": 7, "epoch": 0, "steps": 0}',
        b'{"schema": 1, "slot": 0, "epoch": null, "steps": 0}',
    ],
)
def test_a_damaged_backup_is_refused(broken, content):
    (broken / "backup" / "state.json").write_bytes(content)
    with pytest.raises(StateMismatch, match="no backup of this version of Penstock, or a damaged"):
        killed.train(broken)


def test_a_huge_backup_is_not_read(broken):
    path = broken / "backup" / "state.json"
    os.truncate(path, 1 << 30)
    with pytest.raises(StateMismatch):
        killed.train(broken)


def test_a_backup_of_another_sequence_is_refused(broken):
    with pytest.raises(StateMismatch, match="seed was 3 and is 4"):
        killed.train(broken, seed=4)


def test_weights_that_are_damaged_are_refused(broken):
    slot = json.loads((broken / "backup" / "state.json").read_text())["slot"]
    (broken / "backup" / f"slot-{slot}.weights.h5").write_bytes(b"no weights")
    with pytest.raises(StateMismatch, match="cannot be loaded into this model"):
        killed.train(broken)


def test_a_backup_that_was_being_written_is_no_backup(broken, whole):
    backup = broken / "backup"
    slot = json.loads((backup / "state.json").read_text())["slot"]
    (backup / f"slot-{1 - slot}.weights.h5").write_bytes(b"half")
    (backup / "state.json.new").write_bytes(b'{"sche')
    done = lines(broken)
    (broken / "log").unlink()
    killed.train(broken)
    assert done + lines(broken) == whole()


def test_a_model_that_is_not_built_is_refused(tmp_path):
    data = sequence(data=(np.zeros((8, 1), np.float32), np.zeros(8)))

    class Late(keras.Model):
        def call(self, x):
            return x

    callback = penstock.callbacks.BackupAndRestore(tmp_path, data)
    callback.set_model(Late())
    with pytest.raises(ConfigError, match="a model that is built"):
        callback.on_train_begin()


@pytest.mark.parametrize("save_freq", [0, -1, True, 2.5, "batch"])
def test_a_frequency_that_is_none_is_refused(tmp_path, save_freq):
    with pytest.raises(ConfigError, match="save_freq"):
        penstock.callbacks.BackupAndRestore(tmp_path, sequence(), save_freq=save_freq)


def test_something_that_is_no_sequence_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the one that fit trains on"):
        penstock.callbacks.BackupAndRestore(tmp_path, np.zeros(3))
