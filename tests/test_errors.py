"""Every exception crosses process borders whole and says what it has to say in bounds."""

from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import tracemalloc

import numpy as np
import pytest

from penstock import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.PenstockError)
]
SAMPLE_ERRORS = [kind for kind in CLASSES if issubclass(kind, errors.SampleError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_it_comes_out_of_a_pickle_as_it_went_in(kind):
    error = kind("what was asked, found, and to be done")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.args == error.args


@pytest.mark.parametrize("kind", SAMPLE_ERRORS)
@pytest.mark.parametrize("copied", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_sample_error_keeps_all_it_knows(kind, copied):
    error = kind("broken", sample="caf\udce9/a.npy", index=7, loader="NpyFiles")
    again = copied(error)
    assert type(again) is kind
    assert vars(again) == {
        "message": "broken",
        "sample": "caf\udce9/a.npy",
        "index": 7,
        "loader": "NpyFiles",
    }
    assert str(again) == str(error)


def test_a_cause_that_cannot_be_pickled_stays_behind_and_does_no_harm():
    error = errors.SampleCorrupt("broken", sample=3)
    error.__cause__ = OSError(open)
    error.__cause__.lock = (each for each in ())
    again = pickle.loads(pickle.dumps(error))
    assert again.__cause__ is None
    assert again.sample == 3


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("ConfigError", "ValueError"),
        ("LabelError", "ValueError"),
        ("BackendMissing", "ImportError"),
        ("SampleMissing", "FileNotFoundError"),
        ("SampleCorrupt", "ValueError"),
        ("SampleRefused", "ValueError"),
        ("SampleMismatch", "ValueError"),
    ],
)
def test_whoever_catches_the_builtin_catches_ours(kind, builtin):
    assert issubclass(getattr(errors, kind), getattr(builtins, builtin))


def test_the_tree_in_the_docstring_has_every_class_and_no_other():
    drawn = {word.strip("│├└─ ").partition("(")[0].split()[0] for word in _tree_lines()}
    assert drawn == {kind.__name__ for kind in CLASSES}


def _tree_lines():
    block = errors.__doc__.partition("::")[2].partition("A message says")[0]
    return [line for line in block.splitlines() if line.strip()]


def test_a_sample_error_names_sample_index_and_loader():
    error = errors.SampleMissing("It is gone.", sample="a.npy", index=7, loader="npy")
    assert str(error) == "It is gone. (sample 'a.npy', index 7, loader 'npy')"


def test_a_sample_that_the_message_names_is_not_named_twice():
    error = errors.SampleCorrupt("'a.npy' is cut.", sample="a.npy", index=7)
    assert str(error) == "'a.npy' is cut. (index 7)"


def test_index_zero_is_an_index():
    assert str(errors.SampleCorrupt("cut", index=0)) == "cut (index 0)"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        ("café", r"'caf\xe9'"),
        ("caf\udce9", r"'caf\udce9'"),
        (np.float64(0.5), "0.5"),
        (np.array(3), "3"),
        (np.str_("a"), "'a'"),
        (None, "None"),
        (b"\xff", r"b'\xff'"),
    ],
)
def test_what_is_quoted_can_stand_on_one_line_of_any_terminal(value, quoted):
    assert errors.quote(value) == quoted


def test_what_is_quoted_is_never_longer_than_two_hundred_characters():
    assert errors.quote("x" * 198) == f"'{'x' * 198}'"
    assert len(errors.quote("x" * 199)) == 200
    assert errors.quote("x" * 10_000).endswith("…")
    assert len(errors.quote(["x"] * 10_000)) == 200


def test_the_nearest_word_is_suggested_and_a_far_one_is_not():
    assert errors.suggest("imges", ["npy", "images"]) == " Did you mean 'images'?"
    assert errors.suggest("zebra", ["npy", "images"]) == ""
    assert errors.suggest(7, iter(["npy"])) == ""


def test_what_is_quoted_stands_on_one_line_even_where_its_own_text_does_not():
    assert "\n" not in errors.quote(np.zeros((3, 3)))


def test_what_cannot_say_what_it_is_is_quoted_by_its_class():
    class Broken:
        def __repr__(self):
            raise ZeroDivisionError

    assert errors.quote(Broken()) == "<Broken>"


@pytest.mark.parametrize(
    "many", [list(range(10**6)), tuple(range(10**6)), dict.fromkeys(range(10**6)), "x" * 10**8]
)
def test_no_more_is_written_out_than_is_shown(many):
    tracemalloc.start()
    errors.quote(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_among_many_words_those_that_begin_alike_and_are_as_long_are_looked_at(monkeypatch):
    words = [f"class-{number}" for number in range(200_000)]
    looked_at = []
    monkeypatch.setattr(
        errors,
        "get_close_matches",
        lambda word, names, **options: looked_at.append(len(names)) or names[:1],
    )
    assert errors.suggest("class-17x", words).startswith(" Did you mean 'class-")
    assert errors.suggest("class-17x", words[:900]) == " Did you mean 'class-0'?"
    assert looked_at == [1_000, 900]
