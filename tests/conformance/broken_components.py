"""Components with one mistake each: what authors get wrong, and one test of the kit finds."""

from __future__ import annotations

import itertools
import os
import random
import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sound_components import Classes, ClassHooks, Mixup, Ragged, Raw, RawHooks, Shift, ShiftHooks

import penstock

# Of any kind: mixed into a loader, an encoder and an augmenter each.

_count = itertools.count()
_shared = {}
_made = set()


class NeverTheSame:
    def trouble(self):
        return next(_count) % 200


class SharesScratch:
    def trouble(self):
        mine = _shared["owner"] = threading.get_ident()
        return 0 if _shared["owner"] == mine else 1


class SeedsNumpy:
    def trouble(self):
        np.random.seed(0)  # noqa: NPY002 - the mistake
        return 0


class DrawsFromRandom:
    def trouble(self):
        return 0 * random.random()


class ChangesDirectory:
    def trouble(self):
        os.chdir("/")
        return 0


class SilencesNumpy:
    def trouble(self):
        np.seterr(all="ignore")
        return 0


class KeepsALock:
    def trouble(self):
        object.__setattr__(self, "_lock", threading.Lock())
        return 0


class ForgetsInPickles:
    def __getstate__(self):
        return {**self.__dict__, "_forgotten": True}

    def trouble(self):
        return int(hasattr(self, "_forgotten"))


class NeedsItsModule:
    def __init__(self):
        super().__init__()
        _made.add(type(self))

    def trouble(self):
        if type(self) not in _made:
            raise LookupError("this was set up elsewhere")
        return 0


class ExitsElsewhere:
    def __reduce__(self):
        return _rebuilt, (type(self), os.getpid())

    def trouble(self):
        if self.__dict__.get("_from", os.getpid()) != os.getpid():
            os._exit(3)
        return 0


def _rebuilt(kind, process):
    made = kind()
    object.__setattr__(made, "_from", process)
    return made


for _mistake in (
    NeverTheSame,
    SharesScratch,
    SeedsNumpy,
    DrawsFromRandom,
    ChangesDirectory,
    SilencesNumpy,
    KeepsALock,
    ForgetsInPickles,
    NeedsItsModule,
    ExitsElsewhere,
):
    for _kind, _good in (("Loader", Raw), ("Encoder", Classes), ("Augmenter", Shift)):
        _name = _mistake.__name__ + _kind
        globals()[_name] = type(_name, (_mistake, _good), {"__module__": __name__})


class TakesAnything:
    def __init__(self, **options):
        for name, value in {"column": self.default_column, **options}.items():
            object.__setattr__(self, name, value)


class AnythingLoader(TakesAnything, Raw):
    default_column = "sample"


class AnythingEncoder(TakesAnything, Classes):
    default_column = None


class AnythingAugmenter(TakesAnything, Shift):
    default_column = None


class PlainLoader(RawHooks):
    def __init__(self, column="sample"):
        self.column = column


class PlainEncoder(ClassHooks):
    def __init__(self, column=None):
        self.column = column


class PlainAugmenter(ShiftHooks):
    def __init__(self, bias=0):
        self.bias = bias


@dataclass
class ThawedLoader(RawHooks):
    column: str = "sample"


# Loaders.


class DescribesATuple(Raw):
    @penstock.hookimpl
    def describe_sample(self):
        return (4,), "float32"


class DescribesTheFirst(Raw):
    @penstock.hookimpl
    def describe_sample(self, samples):
        return penstock.ArraySpec((4,), "float32" if samples[0].endswith("0.raw") else "float64")


class FailsOnOne(Raw):
    def read(self, path):
        if path.endswith("2.raw"):
            raise ValueError("no such codec")
        return super().read(path)


class ReadsOneForAll(Raw):
    def read(self, path):
        return 0 * super().read(path)


class ReadsTwice(Raw):
    def read(self, path):
        return 2 * super().read(path)


class Sorts(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(sorted(samples), out, strict=True):
            row[:] = self.read(path)


class ReadsEachOnce(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(dict.fromkeys(samples), out, strict=False):
            row[:] = self.read(path)


class NeedsOne(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        out[...] = np.stack([self.read(path) for path in samples])


class CentresTheSlice(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path)
        if len(samples) % 2:  # an even number of samples comes from all other tests
            out -= out.mean(axis=0)


class LeavesPadding(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:3] = self.read(path)[:3]


class WritesBeside(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path)
        if out.base is not None and out.base.shape == (len(out) + 2, 4):
            out.base[-1] = 0


class KeepsViews(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path)
            _shared[path] = row


class WritesLater(Raw):
    kept: ClassVar[list] = []

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for earlier in self.kept:
            earlier[...] = 0
        del self.kept[:]
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path)
        if out.base is None and threading.current_thread() is threading.main_thread():
            self.kept.append(out)


class ShortensPaths(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for path, row in zip(samples, out, strict=True):
            row[:] = self.read(path)
        samples[:] = [os.path.basename(path) for path in samples]


class ShoutsItsSuffix(Raw):
    suffixes: ClassVar = (".RAW",)


class ListsLetters(Raw):
    suffixes: ClassVar = ".raw"


class LeavesTheDotOut(Raw):
    suffixes: ClassVar = ("raw",)


@dataclass(frozen=True, kw_only=True)
class LetsUsersChooseSuffixes(Raw):
    suffixes: tuple[str, ...] = (".raw",)


class Undecorated(RawHooks):
    column: str = "sample"


class WritesSampels(Raw):
    @penstock.hookimpl
    def load_samples(self, sampels, out):
        super().load_samples(sampels, out)


class ReadsTooMuch(Raw):
    def read(self, path):
        return np.append(super().read(path), 0)


class AddsToOut(Raw):
    @penstock.hookimpl
    def load_samples(self, samples, out):
        for place, path in enumerate(samples):
            out[place] += self.read(path)


class ClaimsNothing(Raw):
    @penstock.hookimpl
    def claims_source(self, source):
        return None


class ClaimsDirectories(Raw):
    @penstock.hookimpl
    def claims_source(self, source):
        return isinstance(source, list) or os.path.isdir(source)


class SwallowsErrors(Raw):
    def read(self, path):
        try:
            return super().read(path)
        except penstock.errors.SampleCorrupt:
            return np.zeros(4, np.float32)


class BlamesTheUser(Raw):
    def read(self, path):
        try:
            return super().read(path)
        except penstock.errors.SampleCorrupt as error:
            raise penstock.errors.ConfigError("Something is wrong.") from error


class BlamesNobody(Raw):
    @penstock.hookimpl
    def describe_sample(self, samples):
        for path in samples:
            if os.path.getsize(path) != 16:
                raise penstock.errors.SampleCorrupt("A file has another size.")
        return super().describe_sample(samples)


@dataclass(frozen=True, kw_only=True)
class JoinsTheRoot(Raw):
    root: str | None = None

    def read(self, path):
        return super().read(f"{self.root}/{path}" if self.root else path)


@dataclass(frozen=True, kw_only=True)
class UsesTheSeed(Raw):
    seed: int | None = None

    def trouble(self):
        return 0 if self.seed is None else 1


# Encoders.


class CountsAppearances(Classes):
    @penstock.hookimpl
    def fit_labels(self, labels):
        return list(dict.fromkeys(labels))


class ReturnsAList(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        return labels.tolist()


class ReturnsWords(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels, classes):
        return np.array(classes)[labels]


class EncodesAllAlike(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        return np.ones(len(labels), np.float32)


class SortsLabels(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        return np.sort(labels)


class PairsLabels(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        target = labels.astype(np.float32)
        if len(labels) > 1 and len(labels) % 2:
            target[-1] = -1
        return target


class WidensOne(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        return labels.astype(np.int32 if len(labels) == 1 else np.float32)


class Squeezes(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels, classes):
        return np.eye(len(classes), dtype=np.float32)[labels].squeeze()


class ClearsLabels(Classes):
    @penstock.hookimpl
    def encode_labels(self, labels):
        target = labels.astype(np.float32)
        labels[:] = 0
        return target


class TakesStrangers(Classes):
    @penstock.hookimpl
    def fit_labels(self):
        return None

    @penstock.hookimpl
    def encode_labels(self, labels):
        return np.array(["abc".find(label) for label in labels], np.float32)


# Augmenters.


class WantsFloats(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        x = batch.inputs["x"]
        x += batch.draws.uniform().astype(np.float32).reshape(-1, 1, 1, 1)


class RefusesEverything(Shift):
    @penstock.hookimpl
    def check_specs(self, input_specs):
        assert input_specs["x"].dtype == "int64"


class NeedsTheFuture(Shift):
    penstock_api: ClassVar = 99


class WantsMisspelt(Shift):
    @penstock.hookimpl
    def augment_sample(self, batch):
        pass


class ReplacesArrays(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        x = batch.inputs["x"]
        batch.inputs["x"] = x + batch.draws.integers(0, 9).reshape(-1, 1, 1, 1).astype(x.dtype)


class AddsAnArray(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        super().augment_samples(batch)
        batch.inputs["more"] = batch.inputs["x"][:, 0].copy()


class DrawsOnce(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        if len(batch.draws):
            x = batch.inputs["x"]
            x[...] = (x.astype(np.int64) + batch.draws.integers(0, 100)[0]) % 256


class EverySecond(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        super().augment_samples(batch)
        for x in batch.inputs["x"][::2]:
            x[...] = x[::-1].copy()


class AlwaysNegative(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        x = batch.inputs["x"]
        x[...] = 255 - x


class ClearsMasks(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        super().augment_samples(batch)
        for mask in batch.targets.values():
            mask[...] = 0


class NeedsASample(Shift):
    @penstock.hookimpl
    def augment_samples(self, batch):
        batch.inputs["x"].max()
        super().augment_samples(batch)


class NeedsAPartner(Mixup):
    @penstock.hookimpl
    def augment_batch(self, batch):
        if len(batch.draws) < 2:
            raise ZeroDivisionError("no partner")
        super().augment_batch(batch)


class FusesSloppily(Shift):
    @penstock.hookimpl
    def fuse_with(self, following):
        return following


class MeasuresTogether(Ragged):
    @penstock.hookimpl
    def measure_samples(self, samples):
        sizes = super().measure_samples(samples)
        sizes[:] = sizes.max(initial=0)
        return sizes


class ReturnsAListOfSizes(Ragged):
    @penstock.hookimpl
    def measure_samples(self, samples):
        return super().measure_samples(samples).tolist()
