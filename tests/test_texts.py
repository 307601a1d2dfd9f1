"""Text files become strings, or numbers on the way, and nothing that is no text."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

import penstock
from penstock.errors import (
    ConfigError,
    PenstockError,
    PluginError,
    SampleCorrupt,
    SampleMissing,
    SampleRefused,
)
from penstock.testing import LoaderConformance

TEXTS = {"neg/0.txt": "so bad", "neg/1.txt": "bad, na\u00efve", "pos/0.txt": "good \U0001f30a"}
WORDS = ("bad", "good", "so")


def counts(texts):
    """Return how often each word is in each text."""
    return np.array([[text.count(word) for word in WORDS] for text in texts], np.int32)


def ragged(texts):
    return np.ones((len(texts), len(texts[0])))


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        path = tmp_path / "reviews" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return tmp_path / "reviews"


def text_of(path, **options):
    out = np.full(2, None, object)
    penstock.TextFiles(**options).load_samples(np.array([str(path)] * 2, object), out)
    assert out[0] == out[1]
    return out[0]


def test_class_folders_of_texts_are_strings_and_labels(reviews):
    sequence = penstock.make_generator("reviews", loader="text", shuffle=False, encoder="int")
    batches = sequence._batches
    x, y = batches.make(0, 0)
    assert x.tolist() == list(TEXTS.values())
    assert y.tolist() == [0, 0, 1]
    assert sequence.class_names == ["neg", "pos"]


def test_files_order_labels_and_texts_are_those_of_keras(reviews):
    from keras.utils import text_dataset_from_directory

    (reviews / "neg" / "deep").mkdir()
    (reviews / "neg" / "deep" / "2.TXT").write_bytes(b"two\r\nlines")
    (reviews / "neg" / "note.md").write_bytes(b"no sample")
    for max_length in (None, 6):
        found = text_dataset_from_directory(
            "reviews", shuffle=False, verbose=False, max_length=max_length
        )
        [(texts, labels)] = [(x.numpy(), y.numpy()) for x, y in found]
        ours = penstock.make_generator(
            "reviews", loader="text", shuffle=False, encoder="int", max_length=max_length
        )
        x, y = ours._batches.make(0, 0)
        # Theirs are bytes, and cut between bytes: where characters have one, it is the same.
        assert [each.encode()[:6] for each in x] == [each[:6] for each in texts.tolist()]
        if max_length is None:
            assert [each.encode() for each in x] == texts.tolist()
        assert y.tolist() == labels.tolist()
        assert ours.class_names == found.class_names


def test_a_vectorizer_makes_numbers_on_the_way(reviews):
    sequence = penstock.make_generator(
        "reviews", loader="text", vectorize=counts, shuffle=False, seed=0
    )
    x, _ = sequence[0]
    assert x.dtype == np.int32
    assert x.tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert pickle.loads(pickle.dumps(sequence))[0][0].tolist() == x.tolist()


def test_a_layer_of_keras_vectorizes(reviews):
    import keras

    layer = keras.layers.TextVectorization(output_sequence_length=4)
    layer.adapt(list(TEXTS.values()))
    sequence = penstock.make_generator("reviews", loader="text", vectorize=layer, shuffle=False)
    x, _ = sequence[0]
    np.testing.assert_array_equal(x, np.asarray(layer(list(TEXTS.values()))))
    assert x.shape == (3, 4)


@pytest.mark.parametrize(
    ("vectorize", "message"),
    [
        (lambda texts: texts, "vectorize= made <U6.* It must return numbers"),
        (lambda _texts: np.zeros(3), r"vectorize= made float64\(3,\) of 1 texts"),
        (lambda texts: 1 / 0, "vectorize= failed on 1 texts, .*'so bad': ZeroDivisionError"),
    ],
)
def test_a_vectorizer_that_makes_no_rows_of_numbers_is_told(reviews, vectorize, message):
    with pytest.raises(PluginError, match=message):
        penstock.make_generator("reviews", loader="text", vectorize=vectorize)


def test_a_vectorizer_of_other_lengths_is_told_what_to_do(reviews):
    sequence = penstock.make_generator(
        ["neg/0.txt", "neg/1.txt"],
        loader="text",
        root="reviews",
        vectorize=ragged,
        encoder="none",
        shuffle=False,
        batch_size=1,
    )
    with pytest.raises(PluginError, match=r"made float64\(1, 10\).*output_sequence_length"):
        sequence[1]


@settings(
    max_examples=200, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-7"]),
    length=st.none() | st.integers(1, 45),
)
@example(text="\r\n\ufeff\r", encoding="utf-8-sig", length=None)
def test_any_text_is_read_as_it_was_written(tmp_path, text, encoding, length):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    wanted = text if encoding in ("utf-8-sig", "utf-16", "utf-32") else text.removeprefix("\ufeff")
    if encoding in ("utf-16", "utf-32", "utf-8-sig"):  # one mark is theirs, and one may be more
        wanted = wanted.removeprefix("\ufeff")
    assert text_of(path, encoding=encoding, max_length=length) == wanted[:length]


def test_only_the_beginning_of_a_long_file_is_read(tmp_path, at_little_cost):
    path = tmp_path / "long.txt"
    with path.open("wb") as file:
        file.write("\u00e9t\u00e9".encode() * 10)
        file.truncate(2**33)
    with at_little_cost(1_000_000):
        assert text_of(path, max_length=4) == "\u00e9t\u00e9\u00e9"
        with pytest.raises(SampleRefused, match=f"{2**33} bytes, and max_bytes is {2**26}"):
            text_of(path)


def test_bytes_that_are_no_text_are_named_with_file_and_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("caf\u00e9".encode("latin-1") + b" and more")
    with pytest.raises(SampleCorrupt, match=r"no utf-8: byte 3 is .*xe9") as caught:
        text_of(path)
    assert str(path) in str(caught.value)
    assert text_of(path, encoding="latin-1") == "caf\u00e9 and more"
    path.write_bytes(b"cut \xc3")
    with pytest.raises(SampleCorrupt, match="byte 4"):
        text_of(path)


@settings(
    max_examples=200, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60), encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_any_bytes_are_a_text_or_refused(tmp_path, content, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    try:
        found = text_of(path, encoding=encoding)
    except SampleCorrupt:
        found = None
    try:  # as open() reads it
        with open(path, encoding=encoding, newline="") as file:
            wanted = file.read().removeprefix("\ufeff")
    except UnicodeError:
        wanted = None
    assert found == wanted


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(SampleMissing, match="cannot be opened"):
        text_of(tmp_path / "none.txt")
    with pytest.raises(SampleRefused, match="directory"):
        text_of(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        with pytest.raises(SampleRefused, match="pipe"):
            text_of(tmp_path / "pipe.txt")


def test_texts_beside_other_data_do_not_claim_the_directory(reviews):
    with pytest.raises(PluginError, match=r"\.txt files are read where you say so: loader='text'"):
        penstock.make_generator("reviews")
    for label in ("neg", "pos"):
        np.save(reviews / label / "0.npy", np.zeros(2))
    assert penstock.make_generator("reviews", encoder="none", seed=0).num_samples == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, "max_length=0 .* at least 1"),
        ({"max_bytes": -1}, "max_bytes=-1"),
        ({"encoding": "utf-9"}, "encoding='utf-9' is no encoding"),
        ({"encoding": "hex"}, "encoding='hex' is no encoding"),
        ({"vectorize": 3}, "vectorize=3 cannot be called"),
        ({"max_len": 3}, "no option 'max_len'. Did you mean 'max_length'"),
        ({"max_length": "long"}, "max_length='long'; it must be"),
    ],
)
def test_an_option_that_cannot_work_is_refused(reviews, options, message):
    with pytest.raises(ConfigError, match=message):
        penstock.make_generator("reviews", loader="text", **options)


def test_only_our_errors_escape_from_a_generator(reviews):
    (reviews / "neg" / "1.txt").write_bytes(b"\xff")
    sequence = penstock.make_generator("reviews", loader="text", shuffle=False)
    with pytest.raises(PenstockError, match=r"1\.txt"):
        sequence._batches.make(0, 0)


class TestTextFiles(LoaderConformance):
    entry_point = "text"
    by_name = True
    texts = ("so good", "", "bad caf\u00e9", "good\n")

    def make(self, directory):
        for number, text in enumerate(self.texts):
            (directory / f"{number}.txt").write_bytes(text.encode())
        return penstock.TextFiles(), [f"{number}.txt" for number in range(4)]

    def expected(self, directory):
        return list(self.texts)


class TestVectorizedTexts(TestTextFiles):
    def make(self, directory):
        _, names = super().make(directory)
        return penstock.TextFiles(vectorize=counts), names

    def expected(self, directory):
        return counts(super().expected(directory))
