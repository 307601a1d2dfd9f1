"""What tells one loaded sample from another on disk: its file's state, and how it is loaded."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import re
import sys
from contextlib import suppress
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.components import name_of
from penstock.errors import ConfigError, quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CellType

    from numpy.typing import NDArray

    from penstock.fields import LoadedField

__all__ = ["folder_name", "stamper"]

_PLAIN = (str, bytes, bool, int, float, type(None), np.generic, np.dtype)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def folder_name(each: LoadedField) -> str:
    """Name a folder after everything that shapes a row, beside the file that it is read from.

    That is the loader's class, its options and the function that it may be made
    of; the version of its distribution and of what that requires; the source of
    the modules of its class and of those that this derives from; and the spec.

    Raises:
        ConfigError: An option is no plain value, or there is no source to read.
    """
    component, spec = each.component, each.spec
    kind = type(component)
    parts: list[Any] = [kind.__module__, kind.__qualname__, spec.shape, spec.dtype.str]
    loading = _Loading(component)
    # Which column names the files says nothing about how they are loaded.
    parts += [sys.byteorder, loading.state(component, but="" if each.prefix is None else "column")]
    function = inspect.getattr_static(kind, "function", None)  # of penstock.loader
    parts += [
        loading.called(made) for made in (kind.load_samples, getattr(function, "__func__", None))
    ]
    parts.append(_versions(kind.__module__.partition(".")[0]))
    modules = loading.modules | {above.__module__ for above in kind.__mro__[:-1]}
    parts += [
        _source_digest(module, component)
        for module in sorted(modules)
        if module.partition(".")[0] not in sys.stdlib_module_names
    ]
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
    return f"{kind.__name__}-{digest}"


def stamper(each: LoadedField) -> Callable[[NDArray[np.int64]], NDArray[np.uint64]]:
    """Return what makes stamps, of shape ``(n, 2)``, for rows of a field.

    A stamp is a hash of the file's path, size and times of change; for samples
    inside a file, of that and the sample.

    Raises:
        ConfigError: The samples are no files, nor inside one.
    """
    samples, prefix, inside = each.samples, each.prefix or "", None
    if each.prefix is None:
        if each.source is None or not os.path.isfile(each.source):
            raise ConfigError(
                f'cache="disk" tells changed samples by their files; what {name_of(each.component)}'
                ' loads here are no files. Use cache="memory".'
            )
        inside = _file_state(each.source)

    def stamps(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        found = np.zeros((len(rows), 2), np.uint64)
        for at, sample in enumerate(samples[rows]):
            with suppress(OSError):  # the loader will say what is wrong with it
                if inside is None:
                    text = _file_state(prefix + str(sample))
                else:
                    text = inside + _bytes_of(sample)
                digest = hashlib.blake2b(text, digest_size=16).digest()
                found[at] = np.frombuffer(digest, "<u8")
        return found

    return stamps


def _file_state(path: str) -> bytes:
    state = os.stat(path)
    name = os.fsencode(os.path.abspath(path))
    # Tools that unpack or copy set the time of the content back; that of the file they cannot.
    times = state.st_mtime_ns, 0 if sys.platform == "win32" else state.st_ctime_ns
    return b"%b\0%d\0%d\0%d\0" % (name, state.st_size, *times)


def _bytes_of(sample: Any) -> bytes:
    array = np.asarray(sample)
    if array.dtype.hasobject:
        return repr(sample).encode("utf-8", "surrogateescape")
    return array.dtype.str.encode() + array.tobytes()


class _Loading:
    """Describes what a component does, in plain values, and notes the modules it is made of."""

    def __init__(self, component: Any) -> None:
        self._component = component
        self._seen: set[int] = set()
        self.modules: set[str] = set()

    def state(self, thing: Any, but: str = "") -> list[Any]:
        """Return the options of a component, or what else an object holds, by name."""
        if is_dataclass(thing):
            options = (each.name for each in fields(thing) if each.init)
            held = {name: getattr(thing, name) for name in options}
        else:
            found = thing.__getstate__()
            parts = found if isinstance(found, tuple) else (found,)
            held = {}
            for part in parts:
                held |= part if isinstance(part, dict) else {} if part is None else {"state": part}
        held.pop(but, None)
        return sorted((name, self._plain(name, value)) for name, value in held.items())

    def called(self, function: Any) -> Any:
        """Return what tells a function from others of its module: code, defaults, closure."""
        if function is None or id(function) in self._seen:  # it calls itself
            return None
        self._seen.add(id(function))
        if isinstance(function, type):
            self.modules.add(function.__module__)
            return function.__qualname__
        if isinstance(function, functools.partial):
            given = [*enumerate(function.args), *sorted(function.keywords.items())]
            bound = [(name, self._held(name, value)) for name, value in given]
            return [self.called(function.func), bound]
        if isinstance(function, MethodType):
            return [self.called(function.__func__), self._held("self", function.__self__)]
        if isinstance(function, FunctionType):
            self.modules.add(function.__module__)
            free = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            held = [(name, self._held(name, _content(cell))) for name, cell in free]
            held += [("default", self._held("default", v)) for v in function.__defaults__ or ()]
            return [function.__qualname__, _code(function.__code__), held]
        if hasattr(function, "__wrapped__"):  # functools.lru_cache
            return self.called(function.__wrapped__)
        if isinstance(function, BuiltinFunctionType):
            return [function.__module__, function.__qualname__]
        kind = type(function)
        return [kind.__qualname__, self.called(kind.__call__), self.state(function)]

    def _held(self, name: Any, value: Any) -> Any:
        """Describe what a function holds: a value, another function, or the object it is of."""
        if name == "self" and not isinstance(value, type):
            return [type(value).__qualname__, self.state(value)]
        return self.called(value) if callable(value) else self._plain(name, value)

    def _plain(self, name: Any, value: Any) -> str:
        if _is_plain(value):
            return repr(value)
        raise ConfigError(
            f'cache="disk" cannot tell what {name_of(self._component)} loads: its option'
            f" {name}={quote(value)} is no plain value (numbers, strings, tuples of them)."
            ' Use cache="memory".'
        )


def _code(code: CodeType) -> list[Any]:
    constants = [
        _code(each)
        if isinstance(each, CodeType)
        # The order of a set of strings differs from one process to the next.
        else sorted(map(repr, each))
        if isinstance(each, frozenset)
        else repr(each)
        for each in code.co_consts
    ]
    return [code.co_code, code.co_names, constants]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, [*value, *value.values()]))
    return isinstance(value, _PLAIN)


def _versions(package: str) -> list[str]:
    """Return the versions of a distribution and of what it requires: decoders differ by release."""
    found = []
    with suppress(metadata.PackageNotFoundError):
        found.append(metadata.version(package))
        for requirement in metadata.requires(package) or ():
            name = _NAME.match(requirement)
            with suppress(metadata.PackageNotFoundError):
                found.append(f"{name and name[0]} {metadata.version(name[0] if name else '')}")
    return found


def _source_digest(module: str, component: Any) -> str:
    try:
        source = Path(inspect.getfile(sys.modules[module])).read_bytes()
    except (KeyError, OSError, TypeError) as error:
        raise ConfigError(
            f'cache="disk" cannot tell when {name_of(component)} changes: its module {module} has'
            ' no file. Put it into one, or use cache="memory".'
        ) from error
    return hashlib.blake2b(source, digest_size=16).hexdigest()
