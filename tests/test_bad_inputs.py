"""What users type, and tables, paths, labels and plugins that are not what they should be.

The ids are those of one catalogue: C data tables, paths and labels, D (P) parameters,
E (G) plugins. Files of arrays and images have tables of their own beside their loaders.
"""

from __future__ import annotations

import csv
import os
import pickle
import socket
import sys
import textwrap
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock.errors import (
    ConfigError,
    LabelError,
    PenstockError,
    PluginConflict,
    PluginError,
    SampleCorrupt,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 0, 1, 1, 2, 2])


class Refused(NamedTuple):
    """What is done, and how it is refused.

    Attributes:
        act: What a user does, standing in a folder with a bit of everything.
        kind: The class of the error, and no subclass of it.
        start: What its message begins with.
        cause: The class of its cause, if there is one.
        also: What the message says further on.
    """

    act: object
    kind: type
    start: str
    cause: type | None = None
    also: str = ""


def ordered(*args, **options):
    return penstock.make_generator(
        *args, **{"shuffle": False, "batch_size": 4, "seed": 0, "workers": 0} | options
    )


def generate(table="data.csv", **options):
    defaults = {"x_col": "path", "y_col": "species", "loader": "npy", "root": "data"}
    return ordered(table, **defaults | options)


def table(content, name="t.csv", **options):
    """Make a generator of the files that a table of these bytes names."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return generate(name, **{"y_col": "label"} | options)


def named(*names, **options):
    """Make a generator of a table that names files below ``data``."""
    paths = pd.Series(names, dtype=object)  # as strings of pandas' own they would have to be UTF-8
    return generate(pd.DataFrame({"path": paths}), y_col=None, **options)


def labelled(*labels, **options):
    paths = [f"{'abc'[n // 2]}/{n}" for n in range(len(labels))]
    given = pd.DataFrame({"path": paths, "label": np.array(labels, object)})
    return generate(given, **{"y_col": "label"} | options)


# -- C: tables, paths, labels ------------------------------------------------------------

GOOD = "path,label\na/0,x\nb/2,y\n"
LONG = "path,label\na/0," + "x" * 200_000 + "\n"
NOT_UTF8 = "The table 't.csv' is not UTF-8: byte "
TABLES = {
    "C01 empty": (b"", "The table 't.csv' is empty. It needs a header and rows.", None),
    "C01 byte order mark": ("\ufeff", "The table 't.csv' is empty.", None),
    "C02 header only": ("path,label\n", "The table 't.csv' has a header and 0 samples.", None),
    "C04 field of 200 kB": (
        LONG,
        "The table 't.csv' cannot be read at line 2: field larger",
        csv.Error,
    ),
    "C05 quote not closed": (
        GOOD + 'b/3,"z\na/1,x\n',
        "The table 't.csv' cannot be read at line 5: unexpected end",
        csv.Error,
    ),
    "C05 text after a quote": (
        GOOD + '"b/3"x,y\n',
        "The table 't.csv' cannot be read at line 4",
        csv.Error,
    ),
    "C06 field too many": (
        "path,label\na/0,x,1\n",
        "The table 't.csv' has 3 fields in line 2 and 2 in its header.",
        None,
    ),
    "C06 after a line end within a field": (
        'path,label\n"a\n0",x\na/1,x,1\n',
        "The table 't.csv' has 3 fields in line 4",
        None,
    ),
    "C07 field too few": (
        GOOD + "b/3\n",
        "The table 't.csv' has 1 fields in line 4 and 2 in its header.",
        None,
    ),
    "C09 UTF-16": (
        GOOD.encode("utf-16"),
        NOT_UTF8 + "0xff at offset 0. Save it as UTF-8.",
        UnicodeDecodeError,
    ),
    "C10 Latin-1": (
        "path,label\na/0,caf\xe9\n".encode("latin-1"),
        NOT_UTF8 + "0xe9 at offset 18.",
        UnicodeDecodeError,
    ),
    "C10 Latin-1 far below": (
        GOOD.encode() + b"a/0,x\n" * 9_000 + b"a/0,\xe9\n",
        NOT_UTF8 + "0xe9 at offset 54027.",
        UnicodeDecodeError,
    ),
    "C13 column twice": (
        "path,label,path\na/0,x,a/1\n",
        "The table 't.csv' has the column 'path' twice.",
        None,
    ),
    "C14 semicolons": (
        "path;label\na/0;x\n",
        (
            "There is no column 'path' in the samples table. Name the column to load with x_col="
            " (or column=); there are ['path;label']."
        ),
        None,
    ),
    "C15 any bytes": (bytes(range(256)) * 9, NOT_UTF8 + "0x80 at offset 128.", UnicodeDecodeError),
    "C15 an image": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        NOT_UTF8 + "0x89 at offset 0.",
        UnicodeDecodeError,
    ),
}


def linked(target, name="data/a/link.npy"):
    os.symlink(target, name)
    return named("a/link.npy")


def special(make):
    make("data/odd.npy")
    return named("a/0", "odd.npy")


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)


def after_listing(change, **options):
    """Change a file of a generator that is made already, and ask for its batch."""
    with generate(**options) as made:
        change("data/a/1.npy")
        made[0]


def locked(path):
    """Make the file at *path* one that the user may not read."""

    def refusing(name, *args, opened=os.open, **options):
        if str(name).endswith(path):
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refusing)
        with generate() as made:
            made[0]


AT = "(sample 'data/a/1.npy', index 1, loader 'NpyFiles')"
OUT = "The path {!r} in row 0 may lead out of the root 'data': absolute paths, '..', drives and"
REFUSED = {
    case: Refused(lambda content=content: table(content), ConfigError, start, cause)
    for case, (content, start, cause) in TABLES.items()
}
REFUSED |= {
    case: Refused(lambda name=name: named(name), SampleRefused, OUT.format(name))
    for case, name in {
        "C23 ..": "../../etc/passwd",
        "C23 .. inside": "a/../../odd.npy",
        "C23 .. of Windows": "..\\odd.npy",
        "C24 absolute": "/etc/passwd",
        "C24 drive": "C:\\odd.npy",
        "C24 drive, relative": "c:odd.npy",
        "C26 file": "file:///etc/passwd",
        "C26 http": "http://host/a.npy",
        "C26 share": "\\\\host\\share\\a.npy",
        "C26 NUL": "a/0\0.npy",
    }.items()
}
REFUSED |= {
    case: Refused(act, SampleRefused, start)
    for case, (act, start) in {
        "C25 link out of the root": (
            lambda: linked("../../odd.npy"),
            "The path 'a/link.npy' in row 0 is a link out of the root 'data'.",
        ),
        "C25 link by a folder": (
            lambda: (os.symlink(os.getcwd(), "data/out"), named("out/odd.npy")),
            "The path 'out/odd.npy' in row 0 is a link out of the root 'data'.",
        ),
        "C27 directory": (
            lambda: special(os.mkdir),
            "The path 'odd.npy' in row 1 is not a regular file.",
        ),
        "C27 FIFO": (
            lambda: special(os.mkfifo),
            "The path 'odd.npy' in row 1 is not a regular file.",
        ),
        "C27 socket": (
            lambda: special(socket_at),
            "The path 'odd.npy' in row 1 is not a regular file.",
        ),
        "C27 device": (
            lambda: named("../../../../dev/zero", allow_outside_root=True, root="/dev"),
            "The path '../../../../dev/zero' in row 0 is not a regular file.",
        ),
    }.items()
}
REFUSED |= {
    "C16 label empty": Refused(
        lambda: table(GOOD + "b/3,\n"), LabelError, "1 of 3 samples have no label: row 2."
    ),
    "C16 label missing": Refused(
        lambda: labelled("x", None, "y", float("nan")),
        LabelError,
        "2 of 4 samples have no label: row 1, 3.",
    ),
    "C20 unseen label": Refused(
        lambda: labelled("cat", "dgo", "dgo", class_names=["cat", "dog"]),
        LabelError,
        "2 labels are not among the 2 classes; the first is 'dgo' of sample 1 in row 1."
        " Did you mean 'dog'?",
    ),
    "C20 unseen label among 200,000 classes": Refused(
        lambda: labelled("class-17x", class_names=[f"class-{n}" for n in range(200_000)]),
        LabelError,
        "1 labels are not among the 200000 classes; the first is 'class-17x' of sample 0 in row 0."
        " Did you mean 'class-17",
    ),
    "C20 a number among strings": Refused(
        lambda: labelled("1", 2, class_names=["1", "2"]),
        LabelError,
        "1 labels are not among the 2 classes; the first is 2 of sample 1 in row 1.",
    ),
    "C22 nothing to stratify": Refused(
        lambda: ordered((X, X)).split(0.5, 0.5, stratify=True),
        ConfigError,
        "split(stratify=True) needs labels that are classes, one per sample; there are none.",
    ),
    "C28 missing": Refused(
        lambda: named("a/0", "a/caf\udce9\n\u202e"),
        SampleMissing,
        r"1 of 2 files are missing below 'data': 'a/caf\udce9\n\u202e' (tried as it stands and",
        FileNotFoundError,
    ),
    "C28 no file can have this name": Refused(
        lambda: named("n" * 300),
        SampleMissing,
        "1 of 1 files are missing below 'data': 'nnn",
        FileNotFoundError,
    ),
    "C28 a table that is not there": Refused(
        lambda: generate("none.csv"),
        ConfigError,
        "There is no file or directory 'none.csv' (looked from ",
    ),
    "C28 permission denied": Refused(
        lambda: locked("a/1.npy"),
        SampleMissing,
        "The file cannot be opened: Permission denied.",
        PermissionError,
        AT,
    ),
    "C28 deleted after listing": Refused(
        lambda: after_listing(os.unlink),
        SampleMissing,
        "The file cannot be opened: No such file or directory.",
        FileNotFoundError,
        AT,
    ),
    "C28 emptied after listing": Refused(
        lambda: after_listing(lambda path: Path(path).write_bytes(b"")),
        SampleCorrupt,
        "A .npy file cannot be read: it is an empty file.",
        None,
        AT,
    ),
    "C28 cut after listing": Refused(
        lambda: after_listing(lambda path: os.truncate(path, 132)),
        SampleCorrupt,
        "A .npy file was cut or overwritten: its header promises shape (2,) of float32, 136 bytes",
        None,
        AT,
    ),
    "C28 of another size after listing": Refused(
        lambda: after_listing(lambda path: np.save(path, np.zeros(3, np.float32))),
        SampleMismatch,
        "A .npy file differs from the others: shape (2,) of float32 was expected, shape (3,)",
        None,
        AT,
    ),
}

# -- D: parameters -----------------------------------------------------------------------

WHOLE = "{}={} was given; it must be a whole number "
PARAMETERS = {
    f"P01 batch_size {shown}": (
        {"batch_size": wrong},
        WHOLE.format("batch_size", shown) + "of at least 1.",
    )
    for wrong, shown in [
        (0, 0),
        (-1, -1),
        (True, True),
        (2.5, 2.5),
        ("8", "'8'"),
        (float("nan"), "nan"),
        (None, None),
    ]
}
PARAMETERS |= {
    "P02 no full batch": (
        {"batch_size": 7, "drop_remainder": True},
        "batch_size=7 with drop_remainder=True leaves no batch of 6 samples.",
    ),
    **{
        f"P04 seed {shown}": (
            {"seed": wrong},
            WHOLE.format("seed", shown) + "from 0 to 18446744073709551615.",
        )
        for wrong, shown in [
            (-1, -1),
            (2**64, 2**64),
            (1.5, 1.5),
            (True, True),
            ("1", "'1'"),
            (float("nan"), "nan"),
        ]
    },
    "P08 workers": ({"workers": -1}, WHOLE.format("workers", -1) + "of at least 0."),
    "P08 workers, float": ({"workers": 1.0}, WHOLE.format("workers", 1.0)),
    "P08 nothing ahead": (
        {"max_queue_size": 0},
        WHOLE.format("max_queue_size", 0) + "of at least 1.",
    ),
    "P08 nothing ahead with workers": (
        {"max_queue_size": 0, "workers": 2},
        WHOLE.format("max_queue_size", 0) + "of at least 1.",
    ),
    "P10 subset": (
        {"validation_split": 0.2, "subset": "train"},
        "subset='train' was given; it must be one of 'training', 'validation', 'both'.",
    ),
    **{
        f"P10 {name} {shown}": (
            {name: wrong},
            f"{name}={shown} was given; it must be True or False.",
        )
        for name, wrong, shown in [
            ("shuffle", 1, "1"),
            ("drop_remainder", "yes", "'yes'"),
            ("use_multiprocessing", None, "None"),
            ("follow_links", 0, "0"),
            ("allow_outside_root", "no", "'no'"),
        ]
    },
    "P10 split without subset": (
        {"validation_split": 0.2},
        "validation_split= and subset= belong together:",
    ),
    "P10 subset without split": (
        {"subset": "training"},
        "validation_split= and subset= belong together:",
    ),
    **{
        f"P10 validation_split {shown}": (
            {"validation_split": wrong, "subset": "both"},
            f"validation_split={shown} must be between 0 and 1.",
        )
        for wrong, shown in [
            (0, 0),
            (1, 1),
            (1.5, 1.5),
            (-0.1, -0.1),
            (float("nan"), "nan"),
            ("0.2", "'0.2'"),
            (True, True),
        ]
    },
    "P10 weights, too few": (
        {"sample_weight": [1, 2]},
        "The weights in sample_weight= have shape (2,) for 6 samples.",
    ),
    "P10 weights, one": (
        {"sample_weight": 5},
        "The weights in sample_weight= have shape () for 6 samples.",
    ),
    "P10 weights, nan": (
        {"sample_weight": [1, 1, float("nan"), 1, 1, 1]},
        "The weight nan of row 2 in sample_weight= is not a finite number of at least 0.",
    ),
    "P10 weights, negative": (
        {"sample_weight": [1, 1, 1, -0.5, 1, 1]},
        "The weight -0.5 of row 3 in sample_weight=",
    ),
    "P10 weights, infinite in float32": (
        {"sample_weight": [1e300] * 6},
        "The weight 1e+300 of row 0 in sample_weight=",
    ),
    "P10 weights, text": (
        {"sample_weight": list("abcdef")},
        "The weights in sample_weight= are not all numbers",
    ),
    "P10 weights, complex": (
        {"sample_weight": [1j] * 6},
        "The weights in sample_weight= are not all numbers",
    ),
    "P10 augment, a number": ({"augment": 5}, "int is no augmenter"),
    "P10 augment, an encoder": ({"augment": penstock.Int()}, "Int(column=None, class_names=None)"),
    "P10 augment, a class": ({"augment": penstock.Int}, "Int is a class; make it: Int(…)."),
}
for case, (options, start) in PARAMETERS.items():
    cause = TypeError if "complex" in case else ValueError if "weights, text" in case else None
    REFUSED[f"{case}, of arrays"] = Refused(
        lambda options=options: ordered((X, Y), **options), ConfigError, start, cause
    )
    REFUSED[f"{case}, of files"] = Refused(
        lambda options=options: generate(**options), ConfigError, start, cause
    )

REFUSED |= {
    "P03 no names": Refused(lambda: ordered([]), ConfigError, "The source has 0 samples"),
    "P03 no arrays": Refused(lambda: ordered(X[:0]), ConfigError, "The arrays have 0 samples."),
    "P03 no rows": Refused(
        lambda: generate(pd.read_csv("data.csv").iloc[:0]),
        ConfigError,
        "The source has 0 samples: an empty table was given.",
    ),
    "P03 no files": Refused(
        lambda: ordered("empty"), ConfigError, "The directory 'empty' is empty."
    ),
    "P04 seed of a split": Refused(
        lambda: ordered((X, Y)).split(0.5, 0.5, seed=-1), ConfigError, WHOLE.format("seed", -1)
    ),
    "P10 loader": Refused(
        lambda: ordered("data", loader="nyp"),
        PluginError,
        "There is no loader 'nyp'. Did you mean 'npy'?",
    ),
    "P10 encoder": Refused(
        lambda: generate(encoder="categoricl"),
        PluginError,
        "There is no encoder 'categoricl'. Did you mean 'categorical'?",
    ),
    "P10 augmenter": Refused(
        lambda: generate(augment="flpi"),
        PluginError,
        "There is no augmenter 'flpi'. Did you mean 'flip'?",
    ),
    "P10 class_weight": Refused(
        lambda: generate(class_weight="blanced"),
        ConfigError,
        "class_weight='blanced' is neither a dict from class to weight nor 'balanced'.",
    ),
    "P10 missing": Refused(
        lambda: ordered("data.csv", y_col="species", missing="nann"),
        ConfigError,
        "The loader 'csv' was given missing='nann'; it must be 'error' or 'nan'. Did you mean"
        " 'nan'?",
    ),
    "P10 root": Refused(
        lambda: generate(root="nowhere"),
        ConfigError,
        "root='nowhere' is not a directory. Check the path.",
    ),
    "P10 root, a number": Refused(
        lambda: generate(root=5),
        ConfigError,
        "root=5 is not a path.",
    ),
    "P14 of the loader": Refused(
        lambda: ordered("data", loader="npy", dtpye="float16"),
        ConfigError,
        "The loader 'npy' has no option 'dtpye'. Did you mean 'dtype'?",
    ),
    "P14 of the generator": Refused(
        lambda: ordered("data", batchsize=5),
        ConfigError,
        "The loader 'npy' has no option 'batchsize'. Did you mean 'batch_size'?",
    ),
    "P14 of Keras": Refused(
        lambda: generate(class_mode="binary"),
        ConfigError,
        "The loader 'npy' has no option 'class_mode'. What Keras calls class_mode is encoder=",
    ),
    "P14 of arrays": Refused(
        lambda: ordered((X, Y), bacth_size=2),
        ConfigError,
        "The option 'bacth_size' was given beside arrays",
    ),
}
for size in ((0, 8), (8, -1), (8.5, 8), (8,), "8", (True, 8)):
    REFUSED[f"P12 image_size {size}"] = Refused(
        lambda size=size: ordered("photos", image_size=size), ConfigError, "image_size="
    )
for size in ((0, 2), (-1, 2), (1.5, 2), "2", (True, 2)):
    REFUSED[f"P12 shape {size}"] = Refused(
        lambda size=size: ordered("data", shape=size),
        ConfigError,
        f"shape={size!r} is not a tuple of whole numbers of at least 1, or of None for an axis",
    )
for dtype in ("object", "complex64", "datetime64[s]", "S4", "zzz", object):
    for case, act in {
        "images": lambda dtype: ordered("photos", image_size=(8, 8), dtype=dtype),
        "npy": lambda dtype: ordered("data", dtype=dtype),
        "csv": lambda dtype: ordered("data.csv", y_col="species", dtype=dtype),
        "columns": lambda dtype: generate(x_col=["age"], loader="columns", root=None, dtype=dtype),
    }.items():
        REFUSED[f"P13 {dtype} of {case}"] = Refused(
            lambda act=act, dtype=dtype: act(dtype),
            ConfigError,
            f"dtype={dtype!a} ",
            TypeError if dtype == "zzz" else None,
        )

# -- E: plugins --------------------------------------------------------------------------


def offered(source, points="wav = bad:Wav", *, files=("a/0", "b/2"), **options):
    """Install a distribution ``bad``, of one module, and make a generator with its loader."""
    info = Path("site/bad-1.0.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[penstock.loaders]\n{points}\n")
    Path("site/bad.py").write_text(textwrap.dedent(source))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend("site")
        try:
            with ordered(list(files), root="data", **{"loader": "wav"} | options) as made:
                return made[0]
        finally:
            sys.modules.pop("bad", None)


class TwoArguments(Exception):
    """Cannot be pickled: it is made of two arguments, and keeps one."""

    def __init__(self, left, right):
        super().__init__(left)
        self.lock = threading.Lock()


@dataclass(frozen=True)
class Loader:
    """A loader that does what it is told to."""

    described: object = penstock.ArraySpec((2,), "float32")
    picked: object = None
    loads: object = lambda samples, out: out.fill(1)

    @penstock.hookimpl
    def pick_samples(self, table):
        return np.arange(len(table)) if self.picked is None else self.picked

    @penstock.hookimpl
    def describe_sample(self):
        return self.described

    @penstock.hookimpl
    def load_samples(self, samples, out):
        self.loads(samples, out)


class Lister(Loader):
    """A loader that lists what it is told to."""

    @penstock.hookimpl
    def list_samples(self):
        return self.picked


@dataclass(frozen=True)
class Encoder:
    """An encoder that does what it is told to."""

    fits: object = lambda labels: None
    encodes: object = lambda labels: np.zeros((len(labels), 1), np.float32)

    @penstock.hookimpl
    def fit_labels(self, labels):
        return self.fits(labels)

    @penstock.hookimpl
    def encode_labels(self, labels):
        return self.encodes(labels)


def failing(error):
    def fail(*arguments):
        raise error

    return fail


def first_batch(**options):
    with generate(**options) as made:
        return made[0]


def loading(**options):
    return first_batch(loader=Loader(**options), x_col=None, root=None)


class UnknownHook:
    """Implements what is no hook."""

    @penstock.hookimpl
    def laod_samples(self, samples, out): ...


class ExtraArgument(Loader):
    """Asks for what the hook does not have."""

    @penstock.hookimpl
    def load_samples(self, samples, out, colour): ...


IMPORT = "The loader 'wav' of bad 1.0 cannot be imported from 'bad:Wav': "
REFUSED |= {
    "G01 import error": Refused(
        lambda: offered("import no_such_module"),
        PluginError,
        IMPORT + "ModuleNotFoundError: ",
        ModuleNotFoundError,
    ),
    "G02 syntax error": Refused(
        lambda: offered("class Wav(:"), PluginError, IMPORT + "SyntaxError: ", SyntaxError
    ),
    "G02 exit": Refused(
        lambda: offered("import sys; sys.exit(3)"), PluginError, IMPORT + "SystemExit", SystemExit
    ),
    "G05 unknown hook": Refused(
        lambda: first_batch(loader=UnknownHook(), x_col=None, root=None),
        PluginError,
        "UnknownHook breaks the contract of Penstock's hooks: there is no hook 'laod_samples'. Did"
        " you mean 'load_samples'?",
    ),
    "G06 extra argument": Refused(
        lambda: first_batch(loader=ExtraArgument(), x_col=None, root=None),
        PluginError,
        "ExtraArgument breaks the contract of Penstock's hooks: ",
        None,
        "colour",
    ),
    "G07 no hooks": Refused(
        lambda: offered("class Wav: ..."), ConfigError, "Wav implements no hook of Penstock."
    ),
    "G07 no hooks, an instance": Refused(
        lambda: generate(loader=object()),
        ConfigError,
        "<object object at ",
        None,
        "was given as loader= and is none: give a name, a component with",
    ),
    "G07 an encoder that does not encode": Refused(
        lambda: generate(encoder=Loader()),
        PluginError,
        "Loader was given as an encoder and does not implement encode_labels.",
    ),
    "G08 missing attribute": Refused(
        lambda: offered("class Wave: ..."),
        PluginError,
        IMPORT + "AttributeError: ",
        AttributeError,
    ),
    "G08 no class": Refused(
        lambda: offered("Wav = 5"), PluginError, "The loader 'wav' of bad 1.0 is no class but 5."
    ),
    "G09 a bundled name": Refused(
        lambda: offered("class Wav: ...", "npy = bad:Wav", loader="npy"),
        PluginConflict,
        "2 distributions offer the loader 'npy': bad:npy, penstock-npy:npy. Uninstall one, or say"
        " loader='bad:npy'.",
    ),
    "G10 no description": Refused(
        lambda: loading(described=None), PluginError, "Loader.describe_sample returned None."
    ),
    "G10 a tuple as description": Refused(
        lambda: loading(described=((2,), "float32")),
        PluginError,
        "Loader.describe_sample returned ((2,), 'float32').",
    ),
    "G10 a list of samples": Refused(
        lambda: loading(picked=[1, 2, 3, 4, 5, 6]),
        PluginError,
        "Loader.pick_samples returned [1, 2, 3, 4, 5, 6]. It must return an array of 6 entries",
    ),
    "G10 too few samples": Refused(
        lambda: loading(picked=np.arange(5)),
        PluginError,
        "Loader.pick_samples returned array([0, 1, 2, 3, 4]). It must return an array of 6",
    ),
    "G10 a list as the table": Refused(
        lambda: ordered("data", loader=Lister(picked=["a"])),
        PluginError,
        "Lister.list_samples returned 'list' without a column 'sample'.",
    ),
    "G10 a table of other columns": Refused(
        lambda: ordered("data", loader=Lister(picked=pd.DataFrame({"a": [1]}))),
        PluginError,
        "Lister.list_samples returned 'DataFrame' without a column 'sample'.",
    ),
    "G10 a shape that does not fit": Refused(
        lambda: loading(loads=lambda samples, out: out.__setitem__(..., np.zeros((len(out), 3)))),
        SampleCorrupt,
        "0 cannot be loaded: ValueError: 'could not broadcast",
        ValueError,
        "index 0, loader 'Loader'",
    ),
    "G10 classes that are a number": Refused(
        lambda: generate(encoder=Encoder(fits=lambda labels: 5)),
        PluginError,
        "Encoder.fit_labels returned 5. It must return the classes in order, or None.",
    ),
    "G10 classes that are a string": Refused(
        lambda: generate(encoder=Encoder(fits=lambda labels: "cde")),
        PluginError,
        "Encoder.fit_labels returned 'cde'. It must return the classes in order, or None.",
    ),
    "G10 classes that lack a label": Refused(
        lambda: generate(encoder=Encoder(fits=lambda labels: ["cat", "dog"])),
        LabelError,
        "2 labels are not among the 2 classes; the first is 'eel'",
    ),
    "G10 no target": Refused(
        lambda: generate(encoder=Encoder(encodes=lambda labels: None)),
        PluginError,
        "The encoder Encoder returned NoneType of shape None for 2 labels.",
    ),
    "G10 a list as target": Refused(
        lambda: generate(encoder=Encoder(encodes=lambda labels: [0] * len(labels))),
        PluginError,
        "The encoder Encoder returned list of shape None for 2 labels.",
    ),
    "G10 a target of another length": Refused(
        lambda: generate(encoder=Encoder(encodes=lambda labels: np.zeros(3))),
        PluginError,
        "The encoder Encoder returned ndarray of shape (3,) for 2 labels.",
    ),
    "G11 a loader's error that cannot be pickled": Refused(
        lambda: loading(loads=failing(TwoArguments("left", "right"))),
        SampleCorrupt,
        "0 cannot be loaded: TwoArguments: 'left'.",
        TwoArguments,
    ),
    "G11 an encoder's error that cannot be pickled": Refused(
        lambda: generate(encoder=Encoder(encodes=failing(TwoArguments("left", "right")))),
        PluginError,
        "The encoder Encoder failed on a batch of 2 labels: TwoArguments: 'left'.",
        TwoArguments,
    ),
    "G11 an error while fitting that cannot be pickled": Refused(
        lambda: generate(encoder=Encoder(fits=failing(TwoArguments("left", "right")))),
        PluginError,
        "The encoder Encoder failed to fit 6 labels: TwoArguments: 'left'.",
        TwoArguments,
    ),
    "G12 labels changed while fitting": Refused(
        lambda: generate(encoder=Encoder(fits=lambda labels: labels.sort())),
        PluginError,
        "The encoder Encoder failed to fit 6 labels: ValueError: ",
        ValueError,
        "read-only",
    ),
}


@pytest.fixture(autouse=True)
def place(data):
    """Stand in a folder with a bit of everything, with all imported that is used."""
    from PIL import Image

    os.mkdir("photos")
    Image.new("RGB", (8, 8)).save("photos/0.png")
    os.environ["XDG_CACHE_HOME"] = os.getcwd()
    for made in (
        ordered("photos", image_size=(4, 4)),
        ordered("data.csv", y_col="species", progress=False),
        generate(),
    ):
        made[0]
    return data


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_one_line_at_little_cost(case, at_little_cost):
    act, kind, start, cause, also = REFUSED[case]
    threads = set(threading.enumerate())
    with at_little_cost(100_000_000), pytest.raises(PenstockError) as caught:
        act()
    error, message = caught.value, str(caught.value)
    assert message.startswith(start)
    assert type(error) is kind
    assert also in message
    assert message.isprintable()
    assert message.isascii() or "…" in message
    assert len(message) <= 1_000
    assert set(threading.enumerate()) <= threads
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), message)
    assert error.__cause__ is None if cause is None else isinstance(error.__cause__, cause)


# -- what looks bad and is good, or good enough for a word ----------------------------------

ACCEPTED = {
    "C08 byte order mark": (lambda: table("\ufeff" + GOOD), ["x", "y"]),
    "C11 CRLF": (lambda: table(GOOD.replace("\n", "\r\n")), ["x", "y"]),
    "C12 CR": (lambda: table(GOOD.replace("\n", "\r")), ["x", "y"]),
    **{
        f"C17 {word}": (lambda word=word: table(f"{GOOD}b/3,{word}\n"), sorted(["x", "y", word]))
        for word in ("NA", "nan", "None", "null", "NaN", "n/a", "True")
    },
    "C17 leading zeros": (lambda: table("path,label\na/0,007\nb/2,7a\n"), ["007", "7a"]),
    "C22 a class of class_names without samples": (
        lambda: table(GOOD, class_names=["z", "y", "x"]),
        ["z", "y", "x"],
    ),
    "C25 link inside the root": (
        lambda: (os.symlink("0.npy", "data/a/link.npy"), table("path,label\na/link,x\nb/2,y\n"))[1],
        ["x", "y"],
    ),
    "C24 absolute, and trusted": (
        lambda: table(f"path,label\n{os.getcwd()}/odd.npy,x\na/0,y\n", allow_outside_root=True),
        ["x", "y"],
    ),
}
WARNED = {
    **{
        f"C18 {first} and {second}": (
            lambda first=first, second=second: table(
                f"path,label\na/0,{second}\nb/2,{first}\n", encoder="int"
            ),
            [first, second],
            f"The classes {first!r} and {second!r} look alike; they are kept apart.",
        )
        for first, second in (("1", "1.0"), (" cat", "cat"), ("01", "1"), ("10", "1e1"))
    },
    "C21 one class": (
        lambda: table("path,label\na/0,x\nb/2,x\n"),
        ["x"],
        "There is one class, 'x', and nothing to learn from it.",
    ),
    "C22 class folder without samples": (
        lambda: (os.mkdir("data/logs"), ordered("data"))[1],
        ["a", "b", "c", "logs"],
        "The class folder 'logs' has no .npy file. It keeps its number",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_it_is_understood_without_a_word(case):
    act, classes = ACCEPTED[case]
    if case.startswith("C24"):
        np.save("odd.npy", np.zeros(2, np.float32))
    assert act().class_names == classes


@pytest.mark.parametrize("case", WARNED)
def test_it_is_understood_and_warned_of(case):
    act, classes, start = WARNED[case]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = act()
    (warning,) = caught
    assert str(warning.message).startswith(start)
    assert warning.category is UserWarning
    assert made.class_names == classes


@pytest.mark.parametrize("cache", [None, "memory", "disk"])
def test_strange_names_go_round_index_state_cache_and_messages(strange_names, cache):  # C28
    os.mkdir("strange")
    names = [name for name in strange_names if name.endswith(".npy")]
    for number, name in enumerate(names):
        np.save(f"strange/{name}", np.full(2, number, np.float32))
    labels = {name: "xy"[number % 2] for number, name in enumerate(names)}
    with ordered(names, root="strange", loader="npy", labels=labels, cache=cache) as made:
        for each in (made, pickle.loads(pickle.dumps(made))):
            assert each.samples["sample"].tolist() == names
            for _ in range(2):
                found = np.concatenate([x[:, 0] for x, _ in each])
                np.testing.assert_array_equal(found, np.arange(len(names)))
    for name in names:
        os.unlink(f"strange/{name}")
        with pytest.raises(SampleMissing) as caught:
            ordered([name], root="strange", loader="npy")
        assert ascii(name)[:198] in str(caught.value)
        np.save(f"strange/{name}", np.zeros(2, np.float32))


@pytest.mark.timeout(60)
def test_a_plugin_whose_import_never_ends_is_listed_all_the_same():  # G04
    with pytest.raises(PluginError, match="There is no loader 'waw'. Did you mean 'wav'?"):
        offered("while True: ...", loader="waw")


def test_what_a_plugin_does_beside_its_work_changes_no_batch(capsys):  # G12
    def loads(samples, out):
        out[...] = samples[:, None]
        samples[:] = 0
        np.random.random()  # noqa: NPY002
        sys.stdout.write("loading")
        started = threading.Thread(target=time.sleep, args=(0.01,))
        started.start()
        started.join()

    def encodes(labels):
        labels[:] = labels[::-1].copy()
        return labels.reshape(-1, 1).astype(np.float32)

    def clean(samples, out):
        out[...] = samples[:, None]

    epochs = []
    for loader, encoder in [
        (Loader(loads=clean), "int"),
        (Loader(loads=loads), "int"),
        (Loader(loads=clean), Encoder(fits=lambda labels: sorted(set(labels)), encodes=encodes)),
    ]:
        options = {"x_col": None, "root": None, "shuffle": True, "workers": 2}
        with generate(loader=loader, encoder=encoder, **options) as made:
            epochs += [np.concatenate([x for x, _ in made]) for _ in range(2)]
            labels = made.labels.tolist()
        assert labels == [0, 0, 1, 1, 2, 2]
    for first, second in zip(epochs[:2] * 2, epochs[2:], strict=True):
        np.testing.assert_array_equal(first, second)
