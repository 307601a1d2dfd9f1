"""What is asked of every component, whatever its kind."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from penstock.components import make, options_of, relay
from penstock.declarations import check_class
from penstock.errors import ConfigError, PenstockError, PluginError, quote
from penstock.plugins import GROUPS, installed, load
from penstock.testing.jobs import Importing
from penstock.testing.runs import difference, in_spawned_process, in_threads, pickled, sentence
from penstock.testing.surroundings import watched

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

    from numpy.typing import NDArray

    from penstock.testing.jobs import Job

__all__ = ["HEAVY", "ComponentConformance", "skip"]

HEAVY = frozenset(
    {
        *("cv2", "jax", "keras", "matplotlib", "pandas", "pyarrow"),
        *("scipy", "skimage", "sklearn", "tensorflow", "torch"),
    }
)


class ComponentConformance(ABC):
    """Tests that hold for loaders, encoders and augmenters alike.

    Attributes:
        entry_point: The name under which the component is installed; empty for
            whichever it is; None for a component that is not installed.
        heavy: Packages that importing the component's module must not import.
        timeout: Seconds that threads and processes may take.
    """

    entry_point: ClassVar[str | None] = ""
    heavy: ClassVar[frozenset[str]] = HEAVY
    timeout: ClassVar[float] = 60.0

    _kind: ClassVar[str]
    _owner: ClassVar[str]  # the test that says what is wrong where nothing works

    def _made(self, directory: Path) -> tuple[Any, Any]:
        """Return the component, and what it works on; skip where there is none to be judged."""
        try:
            return self._accepted(directory)
        except Exception as error:
            skip(f"there is no component; see test_it_is_made_and_accepted: {error}")

    def _accepted(self, directory: Path) -> tuple[Any, Any]:
        """Call the author's ``make``, once: data may be drawn at random."""
        made: dict[Path, tuple[Any, Any]] = self.__dict__.setdefault("_made_in", {})
        if directory not in made:
            found = self._make(directory)
            check_class(type(found[0]), type(found[0]).__name__)
            relay(found[0])
            made[directory] = found
        return made[directory]

    @abstractmethod
    def _make(self, directory: Path) -> tuple[Any, Any]:
        """Call the author's ``make``."""

    @abstractmethod
    def _opened(self, directory: Path, made: tuple[Any, Any]) -> Job:
        """Return all that the component does with it, as the core would have it done."""

    def test_it_is_made_and_accepted(self, tmp_path: Path) -> None:
        """make() returns a component whose hooks, suffixes and version the core understands."""
        try:
            self._accepted(tmp_path)
        except PenstockError as error:
            raise AssertionError(
                f"What make() returned is not accepted as {self._kind}: {error}"
            ) from error
        except Exception as error:
            raise AssertionError(
                f"make() failed: {sentence(error)} Return the component, made with its options, and"
                " what it works on; for a class with options as fields, put"
                " @dataclass(frozen=True, kw_only=True) above it."
            ) from error

    def test_its_options_are_the_fields_of_a_frozen_dataclass(self, tmp_path: Path) -> None:
        """A component is a dataclass: the core copies it with an option changed."""
        component = self._class(tmp_path)
        # What every dataclass has; there is no public name for it.
        parameters = getattr(component, "__dataclass_params__", None)
        assert getattr(parameters, "frozen", False), (
            f"{component.__name__} is no frozen dataclass. Its fields are the options that users"
            " type, and it is shared by threads: put @dataclass(frozen=True, kw_only=True)"
            " above the class."
        )

    def test_an_unknown_option_is_refused_with_a_suggestion(self, tmp_path: Path) -> None:
        """A misspelt option is an error that names the right one."""
        component = self._class(tmp_path)
        known = list(options_of(component))
        catch_all = [
            each.name
            for each in inspect.signature(component).parameters.values()
            if each.kind is each.VAR_KEYWORD
        ]
        advice = "Give it a field for each option, and no __init__ of its own."
        assert not catch_all, (
            f"{component.__name__} takes any option (**{catch_all[0]}), so that nobody is told of"
            f" a misspelt one. {advice}"
        )
        wrong = f"{known[-1]}z" if known else "no_such_option"
        said = ""
        try:
            make(component, f"{self._kind} {component.__name__!r}", {wrong: None}, {})
        except ConfigError as error:
            said = str(error)
        assert said, f"The option {wrong!r} was taken without a word. {advice}"
        assert repr(wrong) in said and (not known or "Did you mean" in said), (  # noqa: PT018 - one message
            f"The option {wrong!r} was refused with {said} {advice}"
        )

    def test_its_entry_point_leads_to_its_class(self, tmp_path: Path) -> None:
        """What users type is found."""
        if self.entry_point is None:
            return
        component = self._class(tmp_path)
        value = f"{component.__module__}:{component.__qualname__}"
        advice = (
            f'Write under [project.entry-points."{GROUPS[self._kind]}"] in pyproject.toml:'
            f' {self.entry_point or "name"} = "{value}", and install the project again; or set'
            " entry_point = None here for a component that is not installed."
        )
        names = [self.entry_point] if self.entry_point else _names(self._kind, component)
        assert names, f"No entry point leads to {value}. {advice}"
        try:
            found = load(self._kind, names[0])
        except PluginError as error:
            raise AssertionError(f"{error} {advice}") from error
        assert found is component, (
            f"The entry point {names[0]!r} leads to {found.__module__}:{found.__qualname__}, and"
            f" not to {value}. {advice}"
        )

    def test_importing_its_module_loads_nothing_heavy(self, tmp_path: Path) -> None:
        """To name a plugin costs nothing."""
        module = self._class(tmp_path).__module__
        found, wrong = _imported(module, self.heavy, self.timeout)
        assert not wrong, (
            f"The module {module!r} cannot be imported by a fresh interpreter: {wrong}."
            " Put the component into a module that can be found on sys.path."
        )
        assert not found, (
            f"Importing {module!r} imports {', '.join(found)}, which everybody who lists or detects"
            " plugins would wait for. Import inside the hooks."
        )

    def test_it_gives_the_same_result_every_time(self, tmp_path: Path) -> None:
        """The result depends on the samples, and augmentation on their draws."""
        job = self._working(tmp_path, self._made(tmp_path))
        unlike = difference(job.run(), job.run())
        assert not unlike, (
            f"{self._title(tmp_path)} did the same work twice and gave {unlike}. Let the result"
            " depend on what the hook is given alone; random numbers come from batch.draws."
        )

    def test_it_works_in_many_threads_at_once(self, tmp_path: Path) -> None:
        """Hooks are called for slices of a batch at once."""
        job, _ = self._reference(tmp_path)
        package = self._class(tmp_path).__module__.partition(".")[0]
        wrong = in_threads(job, package, self.timeout)
        assert not wrong, (
            f"{self._title(tmp_path)} does not work in many threads at once: {wrong}."
            " Keep what a call needs in its local variables, or in a threading.local."
        )

    def test_it_leaves_global_state_alone(self, tmp_path: Path) -> None:
        """The program's random numbers, directory and settings are the user's."""
        made = self._made(tmp_path)
        with watched() as changed:
            # The first call of all may be the one that does it.
            self._working(tmp_path, made)
        assert not changed, (
            f"{self._title(tmp_path)} changed {' and '.join(changed)}, which all of the program"
            " shares. Use batch.draws or a generator of your own for random numbers, full paths"
            " for files, and np.errstate for NumPy's errors."
        )

    def test_it_survives_pickling(self, tmp_path: Path) -> None:
        """A component travels to processes, after use as before."""
        job, expected = self._reference(tmp_path)
        advice = (
            "Keep open files, locks and caches out of __getstate__, make them when they are first"
            " used, and define the class at the top of a module."
        )
        try:
            copy = pickled(job)
            found = copy.run()
        except Exception as error:
            raise AssertionError(
                f"{self._title(tmp_path)} was pickled after it had been used: {sentence(error)}"
                f" {advice}"
            ) from error
        unlike = difference(expected, found)
        assert not unlike, (
            f"{self._title(tmp_path)} gave, before and after pickling, {unlike}. {advice}"
        )

    def test_it_works_in_a_spawned_process(self, tmp_path: Path) -> None:
        """A process of its own has nothing but the component."""
        job, expected = self._reference(tmp_path)
        try:
            unlike = difference(expected, pickled(job).run())
        except Exception as error:
            unlike = str(error)
        if unlike:
            skip(f"pickling changes it; see test_it_survives_pickling: {unlike}")
        found, wrong = in_spawned_process(job, self.timeout)
        wrong = wrong or difference(expected, found)
        assert not wrong, (
            f"{self._title(tmp_path)} does not work in a spawned process: {wrong}."
            " Keep all that it needs in its fields, or find it out when it is first used: what"
            " this process has in its modules' variables is not there."
        )

    def _class(self, directory: Path) -> type[Any]:
        return type(self._made(directory)[0])

    def _title(self, directory: Path) -> str:
        return f"The {self._kind} {self._class(directory).__name__}"

    def _working(self, directory: Path, made: tuple[Any, Any]) -> Job:
        """Return a job that has run once; skip where that is what another test is about."""
        try:
            job = self._opened(directory, made)
            job.run()
        except Exception as error:
            skip(f"it does not work; see {self._owner}: {error}")
        return job

    def _reference(self, directory: Path) -> tuple[Job, list[NDArray[Any]]]:
        """Return a job and its result; skip where it has not one result."""
        job = self._working(directory, self._made(directory))
        result = job.run()
        if difference(result, job.run()):
            skip("it gives no one result; see test_it_gives_the_same_result_every_time")
        return job, result


def skip(reason: str) -> NoReturn:
    """Leave a test to another one, which says what is wrong."""
    import pytest

    pytest.skip(reason)


def _names(kind: str, component: type[Any]) -> list[str]:
    """Find the names under which *component* is installed; import nobody else's."""
    package = component.__module__.partition(".")[0]
    return [
        plugin.name
        for plugin in installed(kind)
        if plugin.value.partition(":")[0].partition(".")[0] == package
        and _loaded(kind, f"{plugin.distribution}:{plugin.name}") is component
    ]


def _loaded(kind: str, name: str) -> type[Any] | None:
    try:
        return load(kind, name)
    except PluginError:
        return None


@cache
def _imported(module: str, heavy: frozenset[str], timeout: float) -> tuple[list[str], str]:
    found, wrong = in_spawned_process(Importing(module, heavy), timeout)
    return found or [], wrong and quote(wrong)
