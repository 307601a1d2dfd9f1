"""The conformance kit: each of its tests finds the mistake it is there for, and finds it alone."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest

from penstock.testing import AugmenterConformance, EncoderConformance, LoaderConformance
from penstock.testing.runs import in_spawned_process, in_threads
from penstock.testing.surroundings import watched

# Components stand in modules of their own: processes import them, which import no tests.
sys.path.insert(0, str(Path(__file__).parent / "conformance"))
broken, heavy, sound = (
    importlib.import_module(f"{each}_components") for each in ("broken", "heavy", "sound")
)


class OfLoader(LoaderConformance):
    entry_point = None
    loader = sound.Raw

    def make(self, directory):
        for number in range(6):
            np.arange(number, number + 4, dtype="<f4").tofile(directory / f"{number}.raw")
        return self.loader(), [f"{number}.raw" for number in range(6)]


class TestRaw(OfLoader):
    def expected(self, directory):
        return np.arange(6)[:, None] + np.arange(4)


class OfRagged(OfLoader):
    loader = sound.Ragged

    def make(self, directory):
        for number in range(6):
            np.arange(number, 2 * number + 1, dtype="<f4").tofile(directory / f"{number}.raw")
        return self.loader(), [f"{number}.raw" for number in range(6)]


class TestRagged(OfRagged):
    def expected(self, directory):
        return [np.arange(number, 2 * number + 1) for number in range(6)]


class OfEncoder(EncoderConformance):
    entry_point = None
    encoder = sound.Classes

    def make(self):
        return self.encoder(), ["a", "a", "b", "b", "c", "c"]


class OfAugmenter(AugmenterConformance):
    entry_point = None
    augmenter = sound.Shift

    def make(self):
        return self.augmenter()


KITS = {"loader": OfLoader, "encoder": OfEncoder, "augmenter": OfAugmenter}
PUBLIC = {"loader": LoaderConformance, "encoder": EncoderConformance}
PUBLIC["augmenter"] = AugmenterConformance


def kit(kind, component, **attributes):
    """Make what an author would write for *component*."""
    return type(f"Test{component.__name__}", (KITS[kind],), {kind: component, **attributes})()


def checks_of(kind):
    return {name for name in dir(kind) if name.startswith("test_")}


def outcomes(conformance, folder):
    """Run all tests of a kit; return those that fail with what they say, and those skipped."""
    failed, skipped = {}, set()
    for number, name in enumerate(sorted(checks_of(type(conformance)))):
        test = getattr(conformance, name)
        directory = folder / str(number)
        directory.mkdir()
        try:
            with watched():
                test(directory)
        except pytest.skip.Exception:
            skipped.add(name)
        except AssertionError as error:
            failed[name] = str(error)
    return failed, skipped


def mixed(mistake):
    """Return a loader, an encoder and an augmenter with one mistake."""
    return [(kind, getattr(broken, f"{mistake.__name__}{kind.title()}")) for kind in KITS]


COMMON = {
    "test_an_unknown_option_is_refused_with_a_suggestion": [
        ("loader", broken.AnythingLoader),
        ("encoder", broken.AnythingEncoder),
        ("augmenter", broken.AnythingAugmenter),
    ],
    "test_its_options_are_the_fields_of_a_frozen_dataclass": [
        ("loader", broken.PlainLoader),
        ("loader", broken.ThawedLoader),
        ("encoder", broken.PlainEncoder),
        ("augmenter", broken.PlainAugmenter),
    ],
    "test_it_is_made_and_accepted": [
        ("loader", broken.ShoutsItsSuffix),
        ("loader", broken.ListsLetters),
        ("loader", broken.LeavesTheDotOut),
        ("loader", broken.LetsUsersChooseSuffixes),
        ("loader", broken.WritesSampels),
        (
            "loader",
            broken.Undecorated,
            {"make": lambda *_: (broken.Undecorated(column="sample"), ["0.raw"])},
        ),
        ("encoder", sound.Classes, {"make": lambda _: (sound.Classes, ["a", "b", "c"])}),
        ("augmenter", broken.WantsMisspelt),
        ("augmenter", broken.NeedsTheFuture),
    ],
    "test_its_entry_point_leads_to_its_class": [
        ("loader", sound.Raw, {"entry_point": ""}),
        ("loader", sound.Raw, {"entry_point": "columns"}),
        ("loader", sound.Raw, {"entry_point": "colums"}),
        ("encoder", sound.Classes, {"entry_point": ""}),
        ("augmenter", sound.Shift, {"entry_point": ""}),
    ],
    "test_importing_its_module_loads_nothing_heavy": [
        ("loader", heavy.HeavyLoader),
        ("encoder", heavy.HeavyEncoder),
        ("augmenter", heavy.HeavyAugmenter),
    ],
    "test_it_gives_the_same_result_every_time": mixed(broken.NeverTheSame),
    "test_it_works_in_many_threads_at_once": mixed(broken.SharesScratch),
    "test_it_leaves_global_state_alone": [
        *mixed(broken.SeedsNumpy),
        *mixed(broken.DrawsFromRandom)[:1],
        *mixed(broken.ChangesDirectory)[1:2],
        *mixed(broken.SilencesNumpy)[2:],
    ],
    "test_it_survives_pickling": [*mixed(broken.KeepsALock), *mixed(broken.ForgetsInPickles)[:1]],
    "test_it_works_in_a_spawned_process": [
        *mixed(broken.NeedsItsModule),
        *mixed(broken.ExitsElsewhere)[:1],
    ],
}
OF_LOADERS = {
    "test_it_describes_its_samples": [broken.DescribesATuple, broken.DescribesTheFirst],
    "test_it_loads_every_sample": [
        broken.FailsOnOne,
        broken.ReadsTooMuch,
        broken.ReadsOneForAll,
        (broken.ReadsTwice, {"expected": lambda *_: np.arange(6)[:, None] + np.arange(4)}),
        (sound.Raw, {"expected": lambda *_: np.zeros((6, 5))}),
    ],
    "test_it_measures_its_samples": [
        (broken.MeasuresTogether, {"make": OfRagged.make}),
        (broken.ReturnsAListOfSizes, {"make": OfRagged.make}),
    ],
    "test_it_keeps_the_order_of_samples": [broken.Sorts],
    "test_it_loads_repeated_samples": [broken.ReadsEachOnce],
    "test_it_takes_an_empty_slice": [broken.NeedsOne],
    "test_it_loads_a_slice_as_it_loads_each_sample_alone": [broken.CentresTheSlice],
    "test_it_writes_every_element_of_out": [
        broken.LeavesPadding,
        (broken.AddsToOut, {"expected": lambda *_: np.arange(6)[:, None] + np.arange(4)}),
        broken.WritesBeside,
    ],
    "test_it_keeps_no_reference_to_out": [broken.KeepsViews, broken.WritesLater],
    "test_it_leaves_the_samples_it_is_given_alone": [broken.ShortensPaths],
    "test_it_claims_its_own_data": [broken.ClaimsNothing],
    "test_it_claims_no_foreign_data": [broken.ClaimsDirectories],
    "test_a_corrupt_sample_is_named": [
        broken.SwallowsErrors,
        broken.BlamesTheUser,
        broken.BlamesNobody,
    ],
    "test_it_feeds_a_generator": [broken.JoinsTheRoot, broken.UsesTheSeed],
}
OF_ENCODERS = {
    "test_it_encodes_every_label": [
        broken.ReturnsAList,
        broken.ReturnsWords,
        broken.EncodesAllAlike,
    ],
    "test_it_finds_the_same_classes_in_any_order": [broken.CountsAppearances],
    "test_it_keeps_the_order_of_labels": [broken.SortsLabels],
    "test_it_encodes_a_batch_as_part_of_the_whole": [broken.PairsLabels],
    "test_it_encodes_one_label_as_it_encodes_many": [broken.WidensOne, broken.Squeezes],
    "test_it_leaves_the_labels_it_is_given_alone": [broken.ClearsLabels],
    "test_an_unseen_label_is_refused": [broken.TakesStrangers],
}
OF_AUGMENTERS = {
    "test_it_takes_every_array_it_is_fed": [broken.WantsFloats, broken.RefusesEverything],
    "test_it_changes_arrays_in_place": [broken.ReplacesArrays, broken.AddsAnArray],
    "test_it_augments_a_sample_alike_in_any_slice": [broken.DrawsOnce, broken.EverySecond],
    "test_it_differs_from_epoch_to_epoch": [
        broken.AlwaysNegative,
        (sound.Shift, {"deterministic": True}),
    ],
    "test_it_leaves_targets_alone": [broken.ClearsMasks, sound.Mixup],
    "test_it_takes_an_empty_slice": [broken.NeedsASample],
    "test_it_does_the_work_of_those_it_fuses_with": [broken.FusesSloppily],
    "test_it_takes_a_batch_of_one_sample": [(broken.NeedsAPartner, {"changes_targets": True})],
}
MISTAKES = [
    *((check, *case) for check, cases in COMMON.items() for case in cases),
    *(
        (check, kind, *(case if isinstance(case, tuple) else (case,)))
        for kind, table in zip(KITS, (OF_LOADERS, OF_ENCODERS, OF_AUGMENTERS), strict=True)
        for check, cases in table.items()
        for case in cases
    ),
]


@pytest.mark.parametrize(
    ("check", "kind", "component", "attributes"),
    [(*mistake, {})[:4] for mistake in MISTAKES],
    ids=[f"{mistake[1]}-{mistake[2].__name__}-{mistake[0]}" for mistake in MISTAKES],
)
def test_a_mistake_fails_the_test_that_is_about_it_and_no_other(
    check, kind, component, attributes, tmp_path
):
    failed, _ = outcomes(kit(kind, component, **attributes), tmp_path)
    assert set(failed) == {check}, failed
    assert len(failed[check].split()) > 12  # what was asked, what was found, what to do
    assert failed[check].rstrip().endswith((".", ")"))


@pytest.mark.parametrize("kind", KITS)
def test_every_test_of_the_kit_has_its_mistake(kind):
    shown = {mistake[0] for mistake in MISTAKES if mistake[1] == kind}
    assert shown == checks_of(PUBLIC[kind])


def test_each_test_says_what_holds():
    for conformance in PUBLIC.values():
        for name in checks_of(conformance):
            assert getattr(conformance, name).__doc__.endswith(".")


@pytest.mark.parametrize(
    ("name", "attributes", "said"),
    [
        ("ListsLetters", {}, "suffixes='.raw'. It must be a tuple of lower-case endings"),
        ("LetsUsersChooseSuffixes", {}, "suffixes as an option"),
        ("WritesSampels", {}, "takes 'sampels', which load_samples is not given. Did you mean 's"),
        (
            "Undecorated",
            {"make": lambda *_: broken.Undecorated(column="sample")},
            "Undecorated() takes no arguments. Return the component",
        ),
        (
            "ReadsTooMuch",
            {},
            " into shape (4,). Fill out, of shape (6, 4), with one per row. Let describe_",
        ),
        ("LeavesPadding", {}, "at [0, 3] it has 0.0 and then"),
        ("ReadsTwice", {"expected": TestRaw.expected}, "at [0, 1] it has 2.0 and not 1."),
        ("DescribesATuple", {}, "must return a penstock.ArraySpec(shape, dtype)."),
    ],
)
def test_a_failure_says_where_to_look_and_what_to_write(name, attributes, said, tmp_path):
    failed, _ = outcomes(kit("loader", getattr(broken, name), **attributes), tmp_path)
    (message,) = failed.values()
    assert said in message
    assert message.count("ArraySpec") <= 1


@pytest.mark.parametrize("name", ["FailsOnOne", "NeverTheSameLoader", "KeepsALockLoader"])
def test_what_cannot_be_judged_is_skipped_and_not_passed(name, tmp_path):
    failed, skipped = outcomes(kit("loader", getattr(broken, name)), tmp_path)
    assert len(failed) == 1
    assert "test_it_works_in_a_spawned_process" in skipped


@pytest.mark.timeout(60)
def test_a_component_that_hangs_does_not_hang_the_tests():
    assert in_threads(sound.Endless(), "", 0.1) == "threads were not done after 0.1 s"
    assert in_spawned_process(sound.Endless(), 1) == (None, "it was not done after 1 s")


class TestRawIds(OfLoader):
    def make(self, directory):
        loader, names = super().make(directory)
        return loader, [name.removesuffix(".raw") for name in names]


class TestRawInATable(OfLoader):
    def make(self, directory):
        import pandas as pd

        _, names = super().make(directory)
        return sound.Raw(column="file"), pd.DataFrame({"file": names, "age": range(6)})


class TestRawInADirectory(OfLoader):
    def make(self, directory):
        loader, _ = super().make(directory)
        return loader, "."


class TestNumbered(LoaderConformance):
    entry_point = None

    def make(self, directory):
        (directory / "five.numbers").touch()
        return sound.Numbered(), "five.numbers"


class TestRawFunction(OfLoader):
    loader = sound.raw_function


class TestClasses(OfEncoder):
    pass


class TestSignedFunction(EncoderConformance):
    entry_point = None

    def make(self):
        return sound.signed_function(), ["b", "a", "a", "b", "a"]


class TestShift(OfAugmenter):
    changes_targets = True


class TestMixup(OfAugmenter):
    augmenter = sound.Mixup
    changes_targets = True


class TestNoiseFunction(OfAugmenter):
    augmenter = sound.noise_function


class TestNegativeFunction(OfAugmenter):
    augmenter = sound.negative_function
    deterministic = True


def loaded_by(statement):
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_neither_penstock_nor_the_kit_imports_pytest_or_a_backend():
    found = loaded_by("import penstock.testing; from penstock.testing import *")
    assert not found & {"pytest", "_pytest", "hypothesis", "keras", "tensorflow", "jax", "torch"}


def test_what_a_spawned_process_needs_is_light():
    found = loaded_by("import penstock.testing.jobs, penstock.testing.runs")
    assert not found & {"pytest", "pandas", "keras", "tensorflow"}


def test_the_kits_are_all_that_is_offered():
    import penstock.testing

    assert dir(penstock.testing) == penstock.testing.__all__
    with pytest.raises(AttributeError, match="no attribute 'LoaderConformence'"):
        penstock.testing.LoaderConformence  # noqa: B018


def test_a_class_without_make_says_so():
    with pytest.raises(TypeError, match="make"):
        type("TestNothing", (LoaderConformance,), {})()


@pytest.fixture
def shown(request, tmp_path, monkeypatch):
    """Write and install what a page of docs/how-to shows; return its tests."""
    page = Path(__file__).parents[1] / "docs" / "how-to" / f"{request.param}.md"
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    files = dict(blocks)
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    place = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    (place / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n{name} = {value}\n"
            for group, entries in project["entry-points"].items()
            for name, value in entries.items()
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tests,) = (name for name in files if name.startswith("test_"))
    yield importlib.import_module(tests.removesuffix(".py"))
    for name in files:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("test-a-plugin", "TestSpectra"),
        ("test-a-plugin", "TestSigned"),
        ("test-a-plugin", "TestGain"),
        ("wrap-a-library", "TestPulses"),
    ],
    indirect=["shown"],
)
def test_what_the_documentation_shows_passes(name, shown, tmp_path):
    (tmp_path / "run").mkdir()
    assert outcomes(getattr(shown, name)(), tmp_path / "run") == ({}, set())


def test_an_author_reads_what_to_do(tmp_path):
    (tmp_path / "penstock_half.py").write_text(
        textwrap.dedent("""
            from dataclasses import dataclass
            import penstock

            @dataclass(frozen=True, kw_only=True)
            class Half:
                @penstock.hookimpl
                def augment_samples(self, batch):
                    x = batch.inputs["x"]
                    x[...] = x * batch.draws.uniform().max(initial=0)
        """)
    )
    (tmp_path / "test_half.py").write_text(
        textwrap.dedent("""
            from penstock.testing import AugmenterConformance
            from penstock_half import Half

            class TestHalf(AugmenterConformance):
                entry_point = None

                def make(self):
                    return Half()
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed" in done.stdout, done.stdout
    assert "FAILED test_half.py::TestHalf::test_it_augments_a_sample_alike_in_any" in done.stdout
    assert "Draw a number for each sample" in done.stdout
