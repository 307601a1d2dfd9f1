"""The environment keeps plugins out, bundled names keep their meaning, versions are compared."""

from __future__ import annotations

import json
import sys

import pytest

from penstock import cli
from penstock.errors import PluginConflict, PluginError
from penstock.loaders import detect_loader
from penstock.plugins import API, installed, load, load_all

WAV = '''
from typing import ClassVar

import penstock


class Wav:
    """Sounds."""

    suffixes: ClassVar[tuple[str, ...]] = (".wav",)
    {more}

    @penstock.hookimpl
    def load_samples(self, samples, out): ...
'''
DISABLE, ALLOW = "PENSTOCK_DISABLE_PLUGINS", "PENSTOCK_PLUGINS"


@pytest.fixture(autouse=True)
def _no_switch_is_set(monkeypatch):
    monkeypatch.delenv(DISABLE, raising=False)
    monkeypatch.delenv(ALLOW, raising=False)


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Return a function that installs a distribution with a loader."""

    def install(distribution, name, more=""):
        module = distribution.replace("-", "_").lower()
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[penstock.loaders]\n{name} = {module}:Wav\n")
        (tmp_path / f"{module}.py").write_text(WAV.format(more=more))

    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        del sys.modules[module]


def status(name, distribution):
    (found,) = [
        each for each in installed() if (each.name, each.distribution) == (name, distribution)
    ]
    return found.status, found.reason


def test_nothing_is_disabled_unless_the_environment_says_so(offer):
    offer("sounds", "wav")
    assert status("wav", "sounds") == ("ok", "")
    assert load("loader", "wav").__module__ == "sounds"


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_a_switch_that_is_off_disables_nothing(offer, monkeypatch, value):
    monkeypatch.setenv(DISABLE, value)
    offer("sounds", "wav")
    assert status("wav", "sounds") == ("ok", "")


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_only_what_comes_with_penstock_is_left(offer, monkeypatch, value):
    monkeypatch.setenv(DISABLE, value)
    monkeypatch.setenv(ALLOW, "sounds")
    offer("sounds", "wav")
    setting = f"{DISABLE}={value}"
    assert status("wav", "sounds") == ("disabled", f"by the environment variable {setting}")
    with pytest.raises(PluginError) as caught:
        load("loader", "wav")
    assert str(caught.value) == (
        "The loader 'wav' of sounds 1.0 is disabled by the environment variable"
        f" {setting}. Unset it."
    )
    assert "sounds" not in sys.modules
    for name in ("npy", "images", "csv", "audio", "text", "arrays", "columns"):
        assert isinstance(load("loader", name), type)
    for plugin in installed():
        ours = plugin.distribution in {
            "penstock",
            "penstock-audio",
            "penstock-npy",
            "penstock-images",
            "penstock-csv",
        }
        assert (plugin.status == "disabled") is not ours


@pytest.mark.parametrize("allowed", ["sounds", " Sounds , other", "other,sounds,", "SOUNDS"])
def test_an_allowed_distribution_is_used_beside_the_bundled_ones(offer, monkeypatch, allowed):
    monkeypatch.setenv(ALLOW, allowed)
    offer("sounds", "wav")
    offer("noises", "mp3")
    assert status("wav", "sounds") == ("ok", "")
    assert status("mp3", "noises")[0] == "disabled"
    assert load("loader", "wav").__module__ == "sounds"
    assert load("loader", "npy").__module__.startswith("penstock_npy")
    with pytest.raises(PluginError, match=f"{ALLOW}=.*Unset it, or name noises in it too"):
        load("loader", "mp3")


@pytest.mark.parametrize("allowed", ["", " ", ","])
def test_an_empty_list_is_no_list(offer, monkeypatch, allowed):
    monkeypatch.setenv(ALLOW, allowed)
    offer("sounds", "wav")
    assert status("wav", "sounds") == ("ok", "")


def test_names_of_distributions_are_compared_as_pip_compares_them(offer, monkeypatch):
    monkeypatch.setenv(ALLOW, "The.Sounds_of--the_sea")
    offer("the-sounds-of-the-SEA", "wav")
    assert status("wav", "the-sounds-of-the-SEA") == ("ok", "")
    assert load("loader", "The_Sounds.of.the.sea:wav").__name__ == "Wav"


def test_detection_asks_no_disabled_loader_and_says_so_when_none_claims(offer, monkeypatch):
    monkeypatch.setenv(DISABLE, "1")
    offer("sounds", "wav")
    with pytest.raises(PluginError, match=f"'wav' of sounds 1.0 is disabled.*{DISABLE}=1"):
        detect_loader(["a.wav"], None, {}, {})
    assert "sounds" not in sys.modules


def test_a_disabled_rival_is_no_conflict(offer, monkeypatch):
    offer("one", "wav")
    offer("two", "wav")
    with pytest.raises(PluginConflict):
        load("loader", "wav")
    monkeypatch.setenv(ALLOW, "two")
    assert load("loader", "wav").__module__ == "two"
    assert status("wav", "two") == ("ok", "")
    assert status("wav", "one")[0] == "disabled"


def test_the_command_line_shows_what_is_disabled_and_why(offer, monkeypatch, capsys):
    monkeypatch.setenv(DISABLE, "1")
    offer("sounds", "wav")
    assert cli.main(["plugins", "--load", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["wav"]["status"] == "disabled"
    assert rows["npy"]["status"] == "ok"
    assert cli.main(["plugins"]) == 0
    reason = f"disabled: by the environment variable {DISABLE}=1"
    assert f"wav (sounds): {reason}" in capsys.readouterr().out
    assert cli.main(["plugins", "show", "wav"]) == 1
    assert f"{DISABLE}=1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["npy", "images", "csv", "arrays", "columns"])
def test_a_foreign_distribution_cannot_take_a_bundled_name(offer, name):
    offer("evil", name)
    (home,) = [
        each.distribution
        for each in installed()
        if each.name == name and each.distribution != "evil"
    ]
    assert status(name, "evil") == ("conflict", f"offered by evil and {home}")
    assert status(name, home) == ("conflict", f"offered by evil and {home}")
    with pytest.raises(PluginConflict, match=f"evil:{name}, {home}:{name}"):
        load("loader", name)
    assert load("loader", f"evil:{name}").__module__ == "evil"
    assert load("loader", f"{home}:{name}").__module__.split(".")[0] == home.replace("-", "_")


def test_nor_while_the_bundled_plugin_is_not_installed(offer, monkeypatch):
    from penstock import plugins

    offer("evil", "npy")
    all_points = plugins._entry_points
    monkeypatch.setattr(
        plugins,
        "_entry_points",
        lambda state: [each for each in all_points(state) if each.dist.name == "evil"],
    )
    assert status("npy", "evil") == ("conflict", "offered by evil and penstock-npy")
    with pytest.raises(PluginConflict) as caught:
        load("loader", "npy")
    assert "which is not installed; evil offers another one" in str(caught.value)
    assert "pip install \"penstock-npy\", or say loader='evil:npy'" in str(caught.value)
    assert load("loader", "evil:npy").__module__ == "evil"
    assert [name for name, _ in load_all("loader")] == ["evil:npy"]


def test_the_command_line_shows_the_one_of_two_that_was_asked_for(offer, capsys):
    offer("one", "wav")
    offer("two", "wav")
    assert cli.main(["plugins", "show", "two:wav"]) == 0
    assert capsys.readouterr().out.startswith("wav: a loader of two 1.0 (two:Wav)\n")
    assert cli.main(["plugins", "show", "three:wav"]) == 1
    assert "There is no plugin 'three:wav'" in capsys.readouterr().err


# The version of the hooks


@pytest.mark.parametrize("more", ["", "penstock_api: ClassVar[int] = 1", f"penstock_api = {API}"])
def test_a_component_for_this_version_or_an_older_one_is_loaded(offer, more):
    offer("sounds", "wav", more)
    assert status("wav", "sounds") == ("ok", "")
    assert load("loader", "wav").__name__ == "Wav"


@pytest.mark.parametrize("line", ["penstock_api: ClassVar[int] = {}", "penstock_api = {}"])
def test_a_component_for_a_newer_version_says_to_upgrade(offer, line):
    offer("sounds", "wav", line.format(API + 1))
    reason = (
        f"was built for version {API + 1} of Penstock's hooks, and the Penstock that is installed"
        f" has version {API}: pip install --upgrade penstock"
    )
    assert status("wav", "sounds") == ("broken", reason)
    assert "sounds" not in sys.modules
    with pytest.raises(PluginError) as caught:
        load("loader", "wav")
    assert str(caught.value) == f"The loader 'wav' of sounds 1.0 {reason}."


@pytest.mark.parametrize("value", ["0", "-1", "'1'", "1.0", "True", "None"])
def test_a_version_that_is_none_is_refused(offer, value):
    offer("sounds", "wav", f"penstock_api = {value}")
    with pytest.raises(PluginError, match="It must be the version of the hooks"):
        load("loader", "wav")
