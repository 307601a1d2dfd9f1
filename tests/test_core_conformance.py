"""The components that come with Penstock keep the contract, as their authors' would."""

from __future__ import annotations

import numpy as np
import pandas as pd

import penstock
from penstock.testing import EncoderConformance, LoaderConformance, PreparerConformance

SPECIES = ["cat", "dog", "cat", "eel", "dog", "eel", "cat"]


class TestArrays(LoaderConformance):
    entry_point = "arrays"
    values = np.arange(24.0).reshape(6, 4)

    def make(self, directory):
        return penstock.Arrays(self.values), list(range(6))

    def expected(self, directory):
        return self.values


class TestMemoryMap(TestArrays):
    def make(self, directory):
        np.save(directory / "all.npy", np.concatenate([-self.values, self.values]))
        array = np.load(directory / "all.npy", mmap_mode="r")[6:]
        return penstock.Arrays(array), list(range(6))


class TestColumns(LoaderConformance):
    entry_point = "columns"

    def make(self, directory):
        table = pd.DataFrame({"age": [1, 2, 3, 4], "bmi": [20.5, 21.0, 22.5, 19.0]})
        return penstock.Columns(("age", "bmi")), table

    def expected(self, directory):
        return [[1, 20.5], [2, 21], [3, 22.5], [4, 19]]


class TestColumnOfText(LoaderConformance):
    def make(self, directory):
        return penstock.Columns("note"), pd.DataFrame({"note": ["caf\u00e9", "", "b", "c"]})


class TestCategorical(EncoderConformance):
    entry_point = "categorical"

    def make(self):
        return penstock.Categorical(), SPECIES


class TestInt(EncoderConformance):
    entry_point = "int"

    def make(self):
        return penstock.Int(column="species"), SPECIES


class TestBinary(EncoderConformance):
    entry_point = "binary"

    def make(self):
        return penstock.Binary(), [3, 1, 3, 3, 1]


class TestMultilabel(EncoderConformance):
    entry_point = "multilabel"

    def make(self):
        return penstock.Multilabel(), [["a"], ["b", "a"], [], ["c"], ["a", "b"]]


class TestFloat(EncoderConformance):
    entry_point = "float"

    def make(self):
        return penstock.Float(), [0.5, 1.5, -2.0, 1e6]


class TestFloatOfSeveralColumns(EncoderConformance):
    def make(self):
        columns = {"x": [0.0, 1.0, 2.0], "y": [5, 4, 3]}
        return penstock.Float(column=("x", "y")), pd.DataFrame(columns)


class TestStandardize(PreparerConformance):
    def make(self):
        return penstock.Standardize([1, 2, 3], [4, 5, 6])


class TestStandardizeEach(PreparerConformance):
    def make(self):
        return penstock.StandardizeEach()


class TestWhiten(PreparerConformance):
    def make(self):
        matrix = np.random.default_rng(0).normal(size=(360, 360))
        return penstock.Whiten([1, 2, 3], matrix)
