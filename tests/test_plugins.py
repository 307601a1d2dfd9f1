"""Plugins are found by their metadata, imported when asked for, and break alone."""

from __future__ import annotations

import shutil
import sys
import textwrap
from importlib.metadata import EntryPoints

import pytest

from penstock import plugins
from penstock.errors import PluginConflict, PluginError
from penstock.plugins import GROUPS, installed, load, load_all

SOUND = '''
    import penstock

    class {name}:
        """Sounds from ``.wav`` files,
        of one length.

        More of it.
        """

        @penstock.hookimpl
        def load_samples(self, samples, out): ...
'''


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Return a function that installs a distribution with entry points and modules."""

    def install(name, points, group="penstock.loaders", version="1.0", files=None, **modules):
        root = tmp_path / name
        info = root / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "\n".join(f"{point} = {value}" for point, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")
        files = {f"{module}.py": source for module, source in modules.items()} | (files or {})
        for file, source in files.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(root)

    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        del sys.modules[module]


def only(name, kind="loader"):
    (found,) = [plugin for plugin in installed(kind) if plugin.name == name]
    return found


def test_a_plugin_is_found_by_name_without_being_imported(distribution):
    distribution("sounds", {"wav": "sounds:Wav"}, sounds=SOUND.format(name="Wav"), version="2.5")
    plugin = only("wav")
    assert (plugin.kind, plugin.distribution, plugin.version) == ("loader", "sounds", "2.5")
    assert (plugin.value, plugin.status, plugin.reason) == ("sounds:Wav", "ok", "")
    assert plugin.summary == "Sounds from .wav files, of one length."
    assert "sounds" not in sys.modules
    assert load("loader", "wav").__name__ == "Wav"
    assert "sounds" in sys.modules


def test_what_is_installed_and_removed_while_the_program_runs_is_seen(tmp_path, distribution):
    assert "wav" not in {plugin.name for plugin in installed("loader")}
    distribution("sounds", {"wav": "sounds:Wav"}, sounds=SOUND.format(name="Wav"))
    assert only("wav").distribution == "sounds"
    # As pip does: into a folder that is on the path already, and out of it again.
    distribution("noises", {"mp3": "noises:Mp3"}, noises=SOUND.format(name="Mp3"))
    site, info = tmp_path / "sounds", "noises-1.0.dist-info"
    sys.path.remove(str(tmp_path / "noises"))
    assert "mp3" not in {plugin.name for plugin in installed("loader")}
    shutil.copytree(tmp_path / "noises" / info, site / info)
    assert only("mp3").distribution == "noises"
    shutil.rmtree(site / info)
    assert "mp3" not in {plugin.name for plugin in installed("loader")}


def test_a_plugin_with_suffixes_that_would_claim_others_files_is_not_loaded(distribution):
    source = SOUND.format(name="Wav").replace("@penstock", "suffixes = '.wav'\n\n        @penstock")
    distribution("sounds", {"wav": "sounds:Wav"}, sounds=source)
    with pytest.raises(PluginError, match="The loader 'wav' of sounds 1.0 says suffixes='.wav'"):
        load("loader", "wav")
    assert isinstance(dict(load_all("loader"))["wav"], PluginError)


def test_loading_one_plugin_imports_no_other(distribution):
    distribution("sounds", {"wav": "sounds:Wav"}, sounds=SOUND.format(name="Wav"))
    distribution("noises", {"mp3": "noises:Mp3"}, noises=SOUND.format(name="Mp3"))
    load("loader", "mp3")
    assert "sounds" not in sys.modules


def test_the_summary_of_a_class_that_is_imported_into_the_package_is_found(distribution):
    distribution(
        "sounds",
        {"wav": "sounds:Wave"},
        files={
            "sounds/__init__.py": "from sounds.deep.files import Wav as Wave\n",
            "sounds/deep/__init__.py": "",
            "sounds/deep/files.py": "from ..impl import Wav\n",
            "sounds/impl.py": SOUND.format(name="Wav"),
        },
    )
    assert only("wav").summary == "Sounds from .wav files, of one length."
    assert "sounds" not in sys.modules


def test_a_summary_of_imports_in_a_circle_ends(distribution):
    distribution("loop", {"loop": "loop:A"}, loop="from loop import A\n")
    assert only("loop").summary == ""


def test_plugins_are_listed_by_kind_and_name():
    listed = [(list(GROUPS).index(plugin.kind), plugin.name) for plugin in installed()]
    assert listed == sorted(listed)
    assert {"arrays", "columns"} <= {plugin.name for plugin in installed("loader")}
    assert {plugin.kind for plugin in installed("encoder")} == {"encoder"}


BROKEN = {
    "an import error": ("import no_such_module\n", 'ModuleNotFoundError: "No module named'),
    "a syntax error": ("class Wav(:\n", "SyntaxError"),
    "a missing attribute": ("class Wave: ...\n", "AttributeError"),
    "an error of any kind": ("1 / 0\n", "ZeroDivisionError: 'division by zero'"),
    "an exit": ("import sys\nsys.exit(3)\n", "SystemExit"),
    "no class": ("Wav = 5\n", "is no class but 5"),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_says_why_to_whoever_asks_for_it(distribution, source, reason):
    distribution("bad", {"wav": "bad:Wav"}, bad=source)
    with pytest.raises(PluginError) as caught:
        load("loader", "wav")
    message = str(caught.value)
    assert message.startswith("The loader 'wav' of bad")
    assert reason in message


@pytest.mark.parametrize("source", [source for source, _ in BROKEN.values()], ids=BROKEN)
def test_a_broken_plugin_harms_nobody_else(distribution, source):
    distribution("bad", {"wav": "bad:Wav"}, bad=source)
    distribution("good", {"mp3": "good:Mp3"}, good=SOUND.format(name="Mp3"))
    everything = dict(load_all("loader"))
    assert isinstance(everything["wav"], PluginError)
    assert everything["mp3"].__name__ == "Mp3"
    assert load("loader", "mp3").__name__ == "Mp3"
    assert only("mp3").status == "ok"


def test_what_can_be_seen_without_an_import_is_told_by_the_listing(distribution):
    distribution("cut", {"cut": "cut:Cut"}, cut="class Cut(:\n")
    distribution("gone", {"gone": "gone_module:Gone"})
    distribution("half", {"half": "half.gone:Gone"}, files={"half/__init__.py": ""})
    assert (only("cut").status, only("cut").reason) == ("broken", "SyntaxError in cut, line 1")
    assert (only("gone").status, only("gone").reason) == (
        "broken",
        "there is no module 'gone_module'",
    )
    assert (only("half").status, only("half").reason) == (
        "broken",
        "there is no module 'half.gone'",
    )


def test_a_compiled_module_says_nothing_about_the_plugin(distribution):
    distribution("odd", {"odd": "odd:Odd"}, files={"odd.abi3.so": ""})
    assert (only("odd").status, only("odd").summary) == ("ok", "")


def test_two_distributions_of_one_name_are_a_conflict_that_a_longer_name_resolves(distribution):
    distribution("one", {"wav": "one:Wav"}, one=SOUND.format(name="Wav"))
    distribution("two", {"wav": "two:Wav"}, two=SOUND.format(name="Wav"))
    with pytest.raises(
        PluginConflict, match=r"2 distributions offer .* one:wav, two:wav"
    ) as caught:
        load("loader", "wav")
    assert "loader='one:wav'" in str(caught.value)
    assert load("loader", "one:wav").__module__ == "one"
    assert load("loader", "two:wav").__module__ == "two"
    both = [plugin for plugin in installed("loader") if plugin.name == "wav"]
    assert [plugin.distribution for plugin in both] == ["one", "two"]
    assert {plugin.status for plugin in both} == {"conflict"}
    assert {plugin.reason for plugin in both} == {"offered by one and two"}
    assert {"one:wav", "two:wav"} <= {name for name, _ in load_all("loader")}


def test_a_bundled_name_cannot_be_taken_over(distribution):
    distribution("evil", {"columns": "evil:Columns"}, evil=SOUND.format(name="Columns"))
    with pytest.raises(PluginConflict, match="evil:columns, penstock:columns"):
        load("loader", "columns")
    assert load("loader", "penstock:columns").__module__ == "penstock.columns"


def test_one_name_may_serve_different_kinds(distribution):
    distribution("kinds", {"flop": "kinds:A"}, kinds=SOUND.format(name="A"))
    distribution("more", {"flop": "more:B"}, "penstock.encoders", more=SOUND.format(name="B"))
    assert load("loader", "flop").__name__ == "A"
    assert load("encoder", "flop").__name__ == "B"


def test_a_distribution_that_is_found_twice_is_no_conflict(distribution, tmp_path, monkeypatch):
    distribution("sounds", {"wav": "sounds:Wav"}, sounds=SOUND.format(name="Wav"))
    (tmp_path / "again").symlink_to(tmp_path / "sounds")
    monkeypatch.syspath_prepend(tmp_path / "again")
    assert only("wav").status == "ok"
    assert load("loader", "wav").__name__ == "Wav"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("encoder", "categoricl", "There is no encoder 'categoricl'. Did you mean 'categorical'?"),
        ("loader", "column", "Did you mean 'columns'?"),
        ("loader", "no:columns", "There is no loader 'no:columns'."),
        ("loader", "", "There is no loader ''."),
        ("loader", "x\n" * 999, "There is no loader 'x\\nx\\n"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_all(kind, name, message):
    with pytest.raises(PluginError) as caught:
        load(kind, name)
    assert message in str(caught.value)
    assert "Installed are: " in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("kind", "name", "package"),
    [
        ("loader", "npy", "penstock-npy"),
        ("loader", "csv", "penstock-csv"),
        ("loader", "audio", "penstock-audio"),
        ("loader", "images", "penstock-images"),
        ("augmenter", "flip", "penstock-images"),
        ("augmenter", "zoom", "penstock-images"),
    ],
)
def test_a_bundled_plugin_that_is_not_installed_is_offered_for_installation(
    monkeypatch, request, kind, name, package
):
    monkeypatch.setattr(plugins, "entry_points", EntryPoints)
    plugins._entry_points.cache_clear()
    request.addfinalizer(plugins._entry_points.cache_clear)
    with pytest.raises(PluginError, match=f'pip install "{package}"'):
        load(kind, name)
