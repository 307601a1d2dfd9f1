"""What holds for the repository as a whole: its files, its imports, its distributions."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src" / "penstock"
IGNORED = (".git", *(ROOT / ".gitignore").read_text(encoding="utf-8").replace("/\n", "\n").split())
PROJECTS = {
    path.parent: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in (ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml")))
}
PLUGINS = {path: project for path, project in PROJECTS.items() if path != ROOT}

# What hooks are made of: a component may import this and nothing else of Penstock.
CONTRACT = {
    "arrayspec",
    "batch",
    "draws",
    "errors",
    "folders",
    "hookspecs",
    "lookalikes",
    "reading",
}
# Nothing imports what stands before it, not even by a detour.
DOWNSTREAM = ("__main__", "cli", "demo", "factory", "sequence", "readahead", "batches", "order")
HEAVY = {"jax", "keras", "tensorflow", "torch"}


def repository_files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not ignored(name)]
        yield from (Path(folder, name) for name in names if not ignored(name))


def ignored(name):
    return any(fnmatch(name, pattern) for pattern in IGNORED)


FILES = sorted(repository_files())
SOURCES = [path for path in FILES if path.suffix == ".py" and "src" in path.parts]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def names_of(paths):
    return [name_of(path) for path in paths]


def imports_of(tree):
    """Find what a module imports at run time, inside functions too."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return {name for node in tree.orelse for name in imports_of(node)}
    if isinstance(tree, ast.Import):
        return {alias.name for alias in tree.names}
    if isinstance(tree, ast.ImportFrom):
        names = {f"{tree.module}.{alias.name}" for alias in tree.names}
        return {tree.module, *names} if tree.module == "penstock" else {tree.module}
    return {name for node in ast.iter_child_nodes(tree) for name in imports_of(node)}


def core_imports():
    """Map each module or package of the core to the others that it imports."""
    found = {}
    for path, tree in TREES.items():
        if path.is_relative_to(CORE) and path != CORE / "__init__.py":
            module = path.relative_to(CORE).parts[0].removesuffix(".py")
            own = f"penstock.{module}"  # the modules of a package know one another
            others = {name for name in imports_of(tree) if not f"{name}.".startswith(f"{own}.")}
            found.setdefault(module, set()).update(others)
    return found


def reached_from(module):
    """Find all that *module* imports, and what that imports, and so on."""
    graph = core_imports()
    reached, pending = set(), [module]
    while pending:
        for name in graph.get(pending.pop(), ()):
            top, *rest = name.split(".")
            inside = rest[0] if top == "penstock" and rest else None
            if top != "penstock":
                reached.add(top)
            elif inside in graph and inside not in reached:
                reached.add(inside)
                pending.append(inside)
    return reached


# Files


def test_no_file_ties_the_repository_to_a_machine_or_a_package_index():
    machine = r"(?<![\w.)}-])/(work|root|home|Users)/\w"
    index = "pythonhosted|pypi.org/simple|index-url|find-links"
    pattern = re.compile(f"{machine}|{index}")
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in FILES
        if path != Path(__file__)
        for match in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_there_is_no_lock_file_of_a_tool_that_records_its_index():
    assert [name_of(path) for path in FILES if path.name in ("uv.lock", "poetry.lock")] == []


def test_nothing_is_left_to_be_done():
    pattern = re.compile(r"\b(TODO|FIXME|XXX)\b")
    texts = (".cfg", ".md", ".py", ".toml", ".txt", ".yml")
    found = [
        f"{name_of(path)}: {line.strip()}"
        for path in FILES
        if path.suffix in texts and path != Path(__file__)
        for line in path.read_text(encoding="utf-8").splitlines()
        if pattern.search(line)
    ]
    assert found == []


def test_no_source_file_is_longer_than_300_lines():
    long = {
        name_of(path): lines
        for path in SOURCES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}


def test_no_source_file_is_a_drawer_for_odds_and_ends():
    drawers = {"base", "common", "helpers", "manager", "misc", "util", "utils"}
    assert [name_of(path) for path in SOURCES if drawers & set(path.with_suffix("").parts)] == []


def test_each_test_file_has_a_name_of_its_own():
    names = [path.name for path in FILES if path.match("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_every_decision_is_listed_under_its_number():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\1-[\w-]+\.md)\) \| (.+) \|$",
        (folder / "index.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("0*.md")}
    assert [name for _, name, _ in listed] == sorted(written)
    for number, name, title in listed:
        assert written[name].startswith(f"# {number}: {title}\n\n## Context\n")


# Sources


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_names_what_it_offers_in_order(path):
    offered = [
        ast.literal_eval(node.value)
        for node in TREES[path].body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    if not offered:
        public = (ast.FunctionDef, ast.ClassDef)
        named = [node.name for node in TREES[path].body if isinstance(node, public)]
        assert [name for name in named if not name.startswith("_")] == []
        return
    assert len(offered) == 1
    # Constants, then classes, then functions, as ruff sorts them.
    by_kind = sorted(offered[0], key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert list(offered[0]) == by_kind


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_runs_no_data(path):
    calls = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)]
    called = {ast.unparse(call.func) for call in calls}
    called |= {
        ast.unparse(base)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    keywords = {
        f"{keyword.arg}={ast.unparse(keyword.value)}" for call in calls for keyword in call.keywords
    }
    dangerous = {"eval", "exec", "joblib.load", "pickle.Unpickler", "pickle.load", "pickle.loads"}
    dangerous |= {"marshal.load", "marshal.loads", "os.system", "shelve.open", "yaml.load"}
    # Messages between processes of one user's, and no data: the module says what may come there.
    allowed = {"pickle.Unpickler"} if path == CORE / "ownpickles.py" else set()
    assert called & dangerous == allowed
    assert keywords & {"allow_pickle=True", "shell=True"} == set()


# Imports


@pytest.mark.parametrize("module", sorted(CONTRACT))
def test_the_contract_imports_nothing_but_itself(module):
    assert reached_from(module) & set(core_imports()) <= CONTRACT


@pytest.mark.parametrize("place", range(1, len(DOWNSTREAM)))
def test_data_flows_one_way(place):
    assert reached_from(DOWNSTREAM[place]) & set(DOWNSTREAM[:place]) == set()


def test_nothing_imports_what_imports_it():
    assert [module for module in core_imports() if module in reached_from(module)] == []


@pytest.mark.parametrize("module", ["batches", "order", "plugins", "readahead"])
def test_batches_are_made_without_keras(module):
    assert reached_from(module) & HEAVY == set()


@pytest.mark.parametrize("module", ["arrays", "columns", "encoders", "mixing", "texts", "windows"])
def test_built_in_components_need_the_contract_alone(module):
    assert reached_from(module) & set(core_imports()) <= CONTRACT


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_a_plugin_needs_the_contract_alone(plugin):
    imported = {
        name for path in SOURCES if path.is_relative_to(plugin) for name in imports_of(TREES[path])
    }
    allowed = {"penstock", *(f"penstock.{module}" for module in CONTRACT)}
    public = {"ArraySpec", "Batch", "Draws", "errors", "hookimpl"}
    allowed |= {f"penstock.{name}" for name in public}
    assert {name for name in imported if name.split(".")[0] == "penstock"} - allowed == set()
    assert {name.split(".")[0] for name in imported} & HEAVY == set()


# Distributions


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_every_plugin_has_the_same_set_of_files(plugin):
    package = plugin / "src" / plugin.name.replace("-", "_")
    wanted = ["pyproject.toml", "README.md", "tests"]
    assert sorted({*wanted, "src"}) == sorted(
        path.name for path in plugin.iterdir() if not ignored(path.name)
    )
    assert (package / "__init__.py").is_file()
    assert (package / "py.typed").is_file()
    assert list(plugin.glob("tests/test_*.py"))
    assert not list(plugin.glob("tests/**/__init__.py"))


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_every_plugin_is_described_as_the_core_is(plugin):
    core, project = PROJECTS[ROOT]["project"], PLUGINS[plugin]["project"]
    assert project["name"] == plugin.name
    for key in ("version", "requires-python", "license", "authors", "readme"):
        assert project[key] == core[key]
    assert "penstock>=0.1" in project["dependencies"]
    assert set(project["entry-points"]) <= {
        "penstock.augmenters",
        "penstock.encoders",
        "penstock.loaders",
    }
    assert set(PLUGINS[plugin]["tool"]) == {"hatch"}


@pytest.mark.parametrize("plugin", PLUGINS, ids=name_of)
def test_every_plugin_is_known_to_the_tools(plugin):
    root = PROJECTS[ROOT]
    assert plugin.name in root["project"]["optional-dependencies"]["all"]
    assert f"{name_of(plugin)}/src" in root["tool"]["mypy"]["mypy_path"]
    assert plugin.name.replace("-", "_") in root["tool"]["coverage"]["run"]["source_pkgs"]


def test_every_component_is_installed_under_the_name_that_its_project_gives_it():
    for project in PROJECTS.values():
        for group, entries in project["project"]["entry-points"].items():
            for name, value in entries.items():
                found = entry_points(group=group, name=name)
                assert [entry.value for entry in found] == [value]
                assert isinstance(next(iter(found)).load(), type)


def test_everything_that_is_asked_for_is_pinned_within_its_bounds():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            pin = Requirement(line)
            assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), line
            pins[pin.name] = str(pin.specifier).removeprefix("==")
    for project in PROJECTS.values():
        wanted = list(project["project"]["dependencies"])
        for extra in project["project"].get("optional-dependencies", {}).values():
            wanted += extra
        for group in project.get("dependency-groups", {}).values():
            wanted += [entry for entry in group if isinstance(entry, str)]
        for requirement in map(Requirement, wanted):
            if not requirement.name.startswith("penstock"):
                assert requirement.name in pins
                assert pins[requirement.name] in requirement.specifier
