"""A scan finds every sample that cannot be loaded, and writes a list that can be left out."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock import cli, scanning
from penstock.errors import ConfigError, OutOfResources, SampleCorrupt
from penstock.fields import LoadedField
from penstock.inspecting import field_of


@dataclass(frozen=True)
class Numbers:
    bad: tuple[int, ...] = ()
    error: Exception | None = None
    seen: list[int] = field(default_factory=list)

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec((2,), "float32")

    @penstock.hookimpl
    def load_samples(self, samples, out):
        self.seen.extend(samples.tolist())
        if set(self.bad) & set(samples.tolist()):
            raise self.error or SampleCorrupt("It is cut.")
        out[...] = 0


def scanned(loader, count, workers=2, **options):
    read = LoadedField("x", loader, np.arange(count), None, None)
    read.describe()
    return scanning.scan(read, [f"n{n}" for n in range(count)], workers=workers, **options)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 500])
@pytest.mark.parametrize("workers", [1, 3])
def test_every_sample_is_looked_at_and_every_bad_one_is_found_in_order(count, workers):
    bad = tuple(range(0, count, 7))
    loader, told = Numbers(bad), []
    found = scanned(loader, count, workers, progress=lambda *at: told.append(at))
    assert [each.index for each in found] == list(bad)
    assert {(each.sample, each.error, each.reason) for each in found} == {
        (f"n{n}", "SampleCorrupt", "It is cut.") for n in bad
    }
    assert set(loader.seen) == set(range(count))
    assert told[-1] == (count, len(bad))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_is_no_samples_fault_ends_the_scan():
    with pytest.raises(OutOfResources):
        scanned(Numbers((3,), OSError(errno.EMFILE, "Too many open files")), 100)


@pytest.fixture
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f"{'ab'[n % 2]}/{n}.npy" for n in range(20)] + ["a/two\nlines.npy"]
    for number, name in enumerate(names):
        os.makedirs(os.path.join("scans", name[0]), exist_ok=True)
        np.save(os.path.join("scans", name), np.full(3, number, np.float32))
    for name in ("a/0.npy", "b/9.npy"):
        with open(os.path.join("scans", name), "wb") as file:
            file.write(b"<html>")
    return tmp_path / "scans"


@pytest.mark.parametrize("name", ["bad.csv", "bad.txt"])
def test_what_is_written_can_be_left_out(scans, capsys, name):
    assert cli.main(["inspect", "scans", "--scan", "--write-bad", name]) == 1
    out, err = capsys.readouterr()
    assert "'a/0.npy'" in out
    assert "2 of 21 samples cannot be loaded" in err
    data = penstock.make_generator("scans", exclude=name)
    assert data.num_samples == 19
    assert len(list(data)) == 1


def test_a_good_source_scans_with_zero(scans, capsys):
    (scans / "a" / "0.npy").unlink()
    (scans / "b" / "9.npy").unlink()
    assert cli.main(["inspect", "scans", "--scan"]) == 0
    assert "All 19 samples load." in capsys.readouterr().out


def test_machines_are_told_in_json(scans, capsys):
    assert cli.main(["inspect", "scans", "--scan", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["sample"] for each in found["bad"]] == ["a/0.npy", "b/9.npy"]


def test_a_name_of_two_lines_needs_a_csv(scans, capsys):
    (scans / "a" / "two\nlines.npy").write_bytes(b"")
    assert cli.main(["inspect", "scans", "--scan", "--write-bad", "bad.txt"]) == 1
    assert "needs a CSV" in capsys.readouterr().err
    assert cli.main(["inspect", "scans", "--scan", "--write-bad", "bad.csv"]) == 1
    assert "a/two\nlines.npy" in set(pd.read_csv("bad.csv")["sample"])
    assert penstock.make_generator("scans", exclude="bad.csv").num_samples == 18


def test_a_list_without_a_scan_is_refused(scans, capsys):
    assert cli.main(["inspect", "scans", "--write-bad", "bad.csv"]) == 1
    assert "give both" in capsys.readouterr().err


def test_a_list_that_cannot_be_written_is_refused(scans):
    with pytest.raises(ConfigError, match="cannot be written"):
        scanning.write_bad([], "nowhere/bad.csv")


def test_a_progress_bar_is_drawn_on_a_terminal(scans, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    cli.main(["inspect", "scans", "--scan"])
    assert "] 21 of 21, 2 bad\n" in capsys.readouterr().err


def test_files_of_a_table_are_scanned_by_their_names(scans):
    (scans / "files.csv").write_text(
        "path,kind\n" + "".join(f"{'ab'[n % 2]}/{n}.npy,x\n" for n in range(4))
    )
    names, read = field_of(str(scans / "files.csv"))
    assert [each.sample for each in scanning.scan(read, names, workers=1)] == ["a/0.npy"]
