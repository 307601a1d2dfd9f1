"""Packed files: kept, renewed, never used wrongly."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from penstock.errors import ConfigError
from penstock_csv import CsvRows, cache, loader as loader_module, packing
from penstock_csv.packfile import open_pack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def rows(component: CsvRows, path: str) -> NDArray[Any]:
    count = len(component.list_samples(path))
    spec = component.describe_sample(path)
    out = np.empty((count, *spec.shape), spec.dtype)
    component.load_samples(np.arange(count), out, path)
    return out


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n1,2,cat\n3,4,dog\n")
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def loader(folder: Path, **options: Any) -> CsvRows:
    return CsvRows(cache_dir=str(folder), progress=False, y_col="y", **options)


def packs(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture
def packings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    real = packing.pack

    def counted(plan: Any, writer: Any, *, progress: bool) -> None:
        made.append(plan.path)
        real(plan, writer, progress=progress)

    monkeypatch.setattr(cache, "pack", counted)
    return made


def test_a_table_is_packed_once(table: str, folder: Path, packings: list[str]) -> None:
    first = rows(loader(folder), table)
    np.testing.assert_array_equal(rows(loader(folder), table), first)
    assert len(packings) == 1
    assert len(packs(folder)) == 1


def test_other_options_are_another_packed_file(
    table: str, folder: Path, packings: list[str]
) -> None:
    assert rows(loader(folder), table).shape == (2, 2)
    assert rows(loader(folder, exclude=["a"]), table).shape == (2, 1)
    assert rows(loader(folder, dtype="int8"), table).dtype == np.int8
    assert rows(loader(folder), table).shape == (2, 2)
    assert len(packings) == len(packs(folder)) == 3


def test_a_table_that_changed_is_packed_again_and_the_old_file_removed(
    table: str, folder: Path
) -> None:
    rows(loader(folder), table)
    other = os.path.join(os.path.dirname(table), "other.csv")
    with open(other, "w") as file:
        file.write("a,y\n7,x\n")
    rows(loader(folder), other)
    with open(table, "w") as file:
        file.write("a,b,y\n5,6,cat\n7,8,cat\n9,10,cat\n")
    np.testing.assert_array_equal(rows(loader(folder), table), [[5, 6], [7, 8], [9, 10]])
    assert len(packs(folder)) == 2


def test_the_same_size_and_another_time_is_another_table(table: str, folder: Path) -> None:
    rows(loader(folder), table)
    state = os.stat(table)
    with open(table, "w") as file:
        file.write("a,b,y\n9,2,cat\n3,4,dog\n")
    os.utime(table, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert rows(loader(folder), table)[0, 0] == 9


def test_no_flipped_bit_and_no_cut_is_ever_loaded(
    table: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[Any] = []
    real = cache.open_pack
    monkeypatch.setattr(
        cache, "open_pack", lambda path, key, **how: keys.append(key) or real(path, key, **how)
    )
    wanted = rows(loader(folder), table)
    (pack,) = packs(folder)
    whole = pack.read_bytes()
    damages = [whole[:length] for length in range(0, len(whole), 13)]
    damages.append(whole + b"\0")
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        damages.append(bytes(flipped))
    refused = 0
    for damaged in damages:
        pack.write_bytes(damaged)
        found = open_pack(str(pack), keys[0])
        if found is None:
            refused += 1
        else:  # the damage is in the padding
            np.testing.assert_array_equal(found.matrix, wanted)
            assert found.label("y").tolist() == ["cat", "dog"]
    assert refused > 0.8 * len(damages)


def test_a_damaged_file_is_replaced_by_a_sound_one(
    table: str, folder: Path, packings: list[str]
) -> None:
    rows(loader(folder), table)
    (pack,) = packs(folder)
    pack.write_bytes(b"rubbish")
    rows(loader(folder), table)
    rows(loader(folder), table)
    assert len(packings) == 2


def test_the_packed_file_of_another_table_is_never_taken(table: str, folder: Path) -> None:
    wanted = rows(loader(folder), table)
    (pack,) = packs(folder)
    other = os.path.join(os.path.dirname(table), "other.csv")
    with open(other, "w") as file:
        file.write("a,b,y\n7,8,cat\n9,9,dog\n")
    rows(loader(folder), other)
    (theirs,) = set(packs(folder)) - {pack}
    os.replace(theirs, pack)
    np.testing.assert_array_equal(rows(loader(folder), table), wanted)


def test_a_table_of_any_name_is_packed(folder: Path, tmp_path: Path) -> None:
    for name in ("-x.csv", "na\u00efve \U0001f642.csv", "nai\u0308ve \U0001f642.csv", "a'b\"c.csv"):
        path = tmp_path / name
        path.write_text(f"a,y\n{len(name)},x\n")
        np.testing.assert_array_equal(rows(loader(folder), str(path)), [[len(name)]])


def test_a_folder_that_cannot_be_used_is_told_and_a_temporary_one_is_used(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(cache.tempfile, "tempdir", str(temporary))
    component = CsvRows(cache_dir=str(blocked / "cache"), y_col="y", progress=False)
    with pytest.warns(UserWarning, match=r"cannot be kept in.*cache_dir="):
        np.testing.assert_array_equal(rows(component, table), [[1, 2], [3, 4]])
    assert len(list(temporary.iterdir())) == 1
    del component
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_a_full_disk_everywhere_is_one_clear_error(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(cache.tempfile, "tempdir", str(temporary))

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "pack", full)
    with (
        pytest.warns(UserWarning, match="No space left on device"),
        pytest.raises(ConfigError, match=r"No space left on device.*cache_dir="),
    ):
        loader(tmp_path / "cache").list_samples(table)
    assert list(temporary.iterdir()) == []
    assert packs(tmp_path / "cache") == []


def test_an_interrupt_leaves_nothing_behind(
    table: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(packing, "parse_block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loader(folder).list_samples(table)
    assert packs(folder) == []


def test_a_table_that_changes_while_it_is_packed_is_refused(
    table: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packing.pack

    def slow(plan: Any, writer: Any, *, progress: bool) -> None:
        real(plan, writer, progress=progress)
        with open(table, "a") as file:
            file.write("5,6,cat\n")

    monkeypatch.setattr(cache, "pack", slow)
    with pytest.raises(ConfigError, match="changed while it was read"):
        loader(folder).list_samples(table)
    assert packs(folder) == []


def test_processes_that_pack_at_once_all_load_the_same(table: str, folder: Path) -> None:
    with open(table, "w") as file:
        file.write("a,y\n" + "".join(f"{number},x\n" for number in range(50_000)))
    code = (
        "import sys, numpy as np; from penstock_csv import CsvRows\n"
        "c = CsvRows(cache_dir=sys.argv[2], y_col='y', progress=False)\n"
        "n = len(c.list_samples(sys.argv[1])); out = np.empty((n, 1), np.float32)\n"
        "c.load_samples(np.arange(n), out, sys.argv[1])\n"
        "assert n == 50_000 and (out[:, 0] == np.arange(n)).all()\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, table, str(folder)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(packs(folder)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_while_a_table_is_opened_can_open_tables(table: str, folder: Path) -> None:
    with loader_module._OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads may run
        child = os.fork()
        if not child:
            os._exit(not loader_module._OPENING.acquire(timeout=10))
    assert os.waitpid(child, 0)[1] == 0
    assert len(rows(loader(folder), table)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="files that are mapped cannot be cut there")
@pytest.mark.parametrize("length", [0, 70])
def test_a_packed_file_that_is_cut_short_while_it_is_read_is_an_error(
    table: str, folder: Path, length: int
) -> None:
    component = loader(folder)
    rows(component, table)
    (packed,) = packs(folder)
    os.truncate(packed, length)
    with pytest.raises(ConfigError, match="cut short"):
        component.load_samples(np.arange(2), np.empty((2, 2), np.float32), table)
    assert len(rows(loader(folder), table)) == 2


def test_what_a_killed_run_left_is_removed_after_a_day(table: str, folder: Path) -> None:
    rows(loader(folder), table)
    (pack,) = packs(folder)
    old, new = folder / f"{pack.name}-old.tmp", folder / f"{pack.name}-new.tmp"
    other = folder / "notes.tmp"
    for path in (old, new, other):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    pack.unlink()
    rows(loader(folder), table)
    assert packs(folder) == sorted([pack, new, other])


@pytest.mark.skipif(sys.platform == "win32", reason="its modes say nothing of who may write")
def test_a_folder_that_everybody_may_write_to_is_refused(table: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match=r"cache_dir=.*can be written by everybody"):
        rows(loader(folder), table)
    assert not packs(folder)


def test_a_packed_table_is_opened_without_a_parser(table: str, folder: Path) -> None:
    rows(loader(folder), table)
    code = (
        "import sys; from penstock_csv import CsvRows\n"
        "CsvRows(cache_dir=sys.argv[2], y_col='y', progress=False).describe_sample(sys.argv[1])\n"
        "sys.exit('pyarrow' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, table, str(folder)]
    assert subprocess.run(command, check=False).returncode == 0


def test_packing_shows_a_bar_only_when_it_takes_long(
    table: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CsvRows(cache_dir=str(folder)).list_samples(table)
    assert capsys.readouterr().err == ""
