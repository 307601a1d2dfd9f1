"""The benchmarks' own arithmetic: what is counted, compared and told. Nothing is timed."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="module")
def _importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield


@pytest.fixture
def clock(monkeypatch):
    """Let time pass as it is told."""
    from benchmarks import measuring

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(measuring, "time", clock)
    return clock


def test_the_rate_is_that_of_whole_epochs_without_the_first(clock):
    from benchmarks.measuring import Stopwatch

    watch = Stopwatch(seconds=30)
    for seconds in (9.0, 1.0, 1.0):  # by batch, in each of the epochs
        for _ in range(5):
            clock.now += seconds
            watch.batch_ended(samples=20, mean=2.0)
        clock.now += 4  # what is behind the last batch of an epoch
        watch.epoch_ended()
    figures = watch.figures()
    assert watch.stop
    assert figures["rate"] == pytest.approx(200 / 18)
    assert figures["first_rate"] == pytest.approx(100 / 45)
    assert figures["steady_rate"] == pytest.approx(20)
    assert figures["gap_ms"] == pytest.approx(4000)
    assert figures["mean"] == 2.0


def test_an_epoch_that_takes_too_long_is_broken_off_and_not_counted_as_one(clock):
    from benchmarks.measuring import Stopwatch

    watch = Stopwatch(seconds=2)
    while not watch.stop:
        clock.now += 1
        watch.batch_ended(samples=7, mean=0.0)
    watch.epoch_ended()
    figures = watch.figures()
    assert figures["rate"] == pytest.approx(7)
    assert "first_rate" not in figures
    assert "gap_ms" not in figures


def test_processor_time_rises_with_work():
    from benchmarks.processor import cpu_seconds, peak_mib, resident_bytes

    before = cpu_seconds()
    while cpu_seconds() < before + 0.05:
        np.sort(np.arange(100_000)[::-1])
    assert 0 < resident_bytes() <= 2**20 * peak_mib()


def test_a_ratio_compares_the_same_round():
    from benchmarks.rows import Target

    rounds = {"Penstock": [{"rate": 30.0}, {"rate": 3.0}], "slow": [{"rate": 10.0}, {"rate": 1.5}]}
    target = Target(2.4, "slow")
    assert target.text == "≥ 2.4 × slow"
    assert target.values(rounds) == [3.0, 2.0]
    assert target.met(rounds) is True
    assert Target(2.6, "slow").met(rounds) is False
    assert Target(20, at_least=False).met(rounds) is True
    assert Target(2.4, "absent").met(rounds) is None


def test_peers_that_deliver_something_else_are_named():
    from benchmarks.racing import differences

    sound = {"spec": ["float32[2]"], "mean": 10.0, "error": 0.01}
    assert differences({"a": [sound], "b": [{**sound, "mean": 10.2}], "loop": [{"rate": 1}]}) == []
    other = {"b": [{**sound, "spec": ["float64[2]"]}], "c": [{**sound, "mean": 12.0}]}
    assert differences({"a": [sound], **other}) == [
        "b delivers ['float64[2]'], a ['float32[2]']",
        "c delivers values of mean 12, a 10",
    ]
    scant = {**sound, "mean": 12.0, "error": 1.0}  # of so few values that it says little
    assert differences({"a": [sound], "b": [scant]}) == []


def test_ready_batches_need_not_be_those_of_the_data():
    from benchmarks.racing import differences
    from benchmarks.rows import READY

    ours = {"spec": ["float32[2]"], "mean": 10.0, "error": 0.01}
    assert differences({"a": [ours], READY: [{**ours, "spec": ["float32[9]"], "mean": 0.5}]}) == []


def test_every_row_names_peers_and_data_that_there_are():

    from benchmarks.data import DATASETS
    from benchmarks.workloads import rows

    for row in rows(16, gpu=True):
        names = [peer.name for peer in row.peers]
        assert len(set(names)) == len(names)
        assert set(row.data.values()) <= set(DATASETS)
        assert {target.of for target in row.targets} <= set(names)
        assert {target.against for target in row.targets} - {None} <= set(names)
        for peer in row.peers:
            module, _, function = peer.subject.partition(":")
            tree = ast.parse((ROOT / f"benchmarks/peers/{module}.py").read_text(encoding="utf-8"))
            assert function in {getattr(node, "name", None) for node in tree.body}


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """A row of two peers in processes of their own, and one that is not there."""
    tmp_path = tmp_path_factory.mktemp("raced")
    from benchmarks.racing import race
    from benchmarks.rows import Peer, Row, Target

    for number in range(10):
        folder = tmp_path / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{number}.npy", np.full(4, number, np.float32))
    row = Row(
        name="tiny",
        title="ten files",
        data={},
        peers=(
            Peer("Penstock", "roofline:npy", variants=({"batch_size": 2}, {"batch_size": 3})),
            Peer("loop", "roofline:npy", variants=({"batch_size": 2},)),
            Peer("absent", "no_such_module:peer"),
        ),
        targets=(Target(1e-6, "loop"), Target(1, "absent")),
    )
    said = []
    with (tmp_path / "log.txt").open("w", encoding="utf-8") as log:
        result = race(
            row,
            {"folder": str(tmp_path)},
            rounds=2,
            seconds=0.01,
            cores=[],
            log=log,
            say=said.append,
        )
    return row, result


def test_peers_take_turns_in_processes_of_their_own(raced):
    _row, result = raced
    assert [len(result[name]) for name in ("Penstock", "loop")] == [2, 2]
    for figures in result["Penstock"]:
        assert figures["rate"] > 0
        assert figures["cpu_us"] >= 0
        assert figures["peak_mib"] > 1
    assert result.options["Penstock"]["batch_size"] in (2, 3)
    assert list(result.unavailable) == ["absent"]
    assert "no_such_module" in result.unavailable["absent"]


def test_what_was_found_is_told_and_published(raced, tmp_path):
    from benchmarks import report

    row, result = raced
    results = {row.name: result}
    text = "\n".join(report.lines_of(row, result))
    assert "≥ 1e-06 × loop" in text
    assert "reached" in text
    assert "not available" in text
    table = report.markdown([row], results)
    assert table.count("\n| ") == 6  # a heading, two targets, three peers
    found = report.as_json([row], results, rounds=2, quick=True, cores=2)
    assert json.loads(found)["rows"]["tiny"]["targets"][1]["met"] is None

    page = tmp_path / "performance.md"
    original = (ROOT / "docs/explanation/performance.md").read_text(encoding="utf-8")
    page.write_text(original, encoding="utf-8")
    for _ in range(2):  # what stood there is replaced
        report.publish(str(tmp_path), table, found, [row], results)
    published = page.read_text(encoding="utf-8")
    assert published.count("| ten files |") == 2
    assert published.startswith(original[:200])
    assert published.endswith(original[-200:])
    assert (tmp_path / "performance.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in (tmp_path / "performance.json").read_text(encoding="utf-8")


def test_the_command_line_lists_its_rows_and_refuses_others(capsys):
    from benchmarks.__main__ import main

    assert main(["--list"]) == 0
    assert "images " in capsys.readouterr().out
    assert main(["--only", "imagse"]) == 2
    assert "No row imagse" in capsys.readouterr().err


def test_a_model_that_diverges_is_timed_all_the_same():
    import keras
    from benchmarks.delivery import Fitting
    from benchmarks.models import counted

    pixels = keras.Input((4,))
    model = counted(pixels, keras.layers.Dense(2, activation="softmax")(pixels))
    x, y = np.full((64, 4), 1e30, np.float32), np.eye(2, dtype=np.float32)[np.arange(64) % 2]
    found = Fitting(x, model=model, y=y, batch_size=8).measure(0.1)
    assert found["rate"] > 0
    assert np.isfinite([found["mean"], found["error"]]).all()
