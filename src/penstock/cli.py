"""The command line: ``penstock COMMAND``."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from penstock.errors import PenstockError, PluginError, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.plugins import Plugin

__all__ = ["main"]

_COLUMNS = ("name", "kind", "distribution", "version", "status", "summary")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What was typed; ``sys.argv`` by default.

    Returns:
        0, or 1 after an error of Penstock's, 2 after a wrong argument.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if "run" not in given:
        parser.print_help()
        return 0
    try:
        return int(given.run(given))
    except PenstockError as error:
        print(f"penstock: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `penstock plugins | head`
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penstock", description="Feeds Keras models from data that does not fit in memory."
    )
    parser.add_argument("--version", action="version", version=f"penstock {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    plugins = commands.add_parser("plugins", help="list the installed plugins; import none")
    plugins.add_argument("--json", action="store_true", help="print JSON for machines")
    plugins.add_argument(
        "--load", action="store_true", help="import each, by itself, to see whether it can be"
    )
    plugins.set_defaults(run=_list)
    actions = plugins.add_subparsers(title="actions", metavar="ACTION")
    show = actions.add_parser("show", help="show one component's options and hooks")
    show.add_argument("name", help="its name, such as npy, or distribution:name")
    show.set_defaults(run=_show)
    inspect = commands.add_parser("inspect", help="say what a source is, and how to read it")
    inspect.add_argument("source", help="a directory or a file")
    inspect.add_argument("--loader", help="a loader's name; by default the one that claims it")
    inspect.add_argument("--json", action="store_true", help="print JSON for machines")
    inspect.set_defaults(run=_inspect)
    new = commands.add_parser("new-plugin", help="write a plugin's project that works")
    new.add_argument("name", help="the distribution's name, such as penstock-wav")
    kinds = ("loader", "encoder", "augmenter")
    new.add_argument("--kind", choices=kinds, default=kinds[0], help="what it offers (loader)")
    new.add_argument("--directory", default=".", help="where to make its folder (.)")
    new.set_defaults(run=_new_plugin)
    demo = commands.add_parser("demo", help="train on images, npy files and a CSV of digits")
    demo.add_argument("directory", nargs="?", default="demo", help="where to write (demo)")
    demo.set_defaults(run=_demo)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return version("penstock")


def _list(given: argparse.Namespace) -> int:
    from penstock.plugins import installed

    plugins = installed()
    if given.load:
        plugins = [_loaded(plugin) for plugin in plugins]
    if given.json:
        print(json.dumps([asdict(plugin) for plugin in plugins], indent=2))
        return 0
    rows = [[str(getattr(plugin, column)) for column in _COLUMNS] for plugin in plugins]
    _print_table([column.capitalize() for column in _COLUMNS], rows)
    for plugin in plugins:
        if plugin.reason:
            print(f"\n{plugin.name} ({plugin.distribution}): {plugin.status}: {plugin.reason}")
    return 0


def _loaded(plugin: Plugin) -> Plugin:
    from dataclasses import replace

    from penstock.plugins import load

    if plugin.status != "ok":
        return plugin
    try:
        load(plugin.kind, plugin.name)
    except PenstockError as error:
        return replace(plugin, status="broken", reason=str(error.__cause__ or error))
    return plugin


def _show(given: argparse.Namespace) -> int:
    from penstock.components import options_of
    from penstock.plugins import installed, load
    from penstock.switches import normal

    distribution, _, short = given.name.rpartition(":")
    listed = installed()
    found = [
        plugin
        for plugin in listed
        if plugin.name == short
        and (not distribution or normal(plugin.distribution) == normal(distribution))
    ]
    if not found:
        names = [plugin.name for plugin in listed]
        raise PluginError(
            f"There is no plugin {quote(given.name)}.{suggest(given.name, names)}"
            f" Installed are: {', '.join(names)}."
        )
    for kind in dict.fromkeys(plugin.kind for plugin in found):
        component = load(kind, given.name)
        plugin = next(plugin for plugin in found if plugin.kind == kind)
        article = "a" if kind == "loader" else "an"
        print(
            f"{plugin.name}: {article} {kind} of {plugin.distribution} {plugin.version}"
            f" ({plugin.value})"
        )
        print(textwrap.indent(_described(component), "  ") + "\n")
        _print_table(
            ["Option", "Type", "Default"],
            [
                [
                    option.name,
                    str(option.annotation) if option.annotation is not option.empty else "",
                    repr(option.default) if option.default is not option.empty else "required",
                ]
                for option in options_of(component).values()
            ],
        )
        hooks = [
            name for name in dir(component) if hasattr(getattr(component, name), "penstock_impl")
        ]
        print(f"\nHooks: {', '.join(hooks) or 'none'}")
    return 0


def _described(component: type) -> str:
    import inspect

    return inspect.getdoc(component) or "(no description)"


def _inspect(given: argparse.Namespace) -> int:
    from penstock.inspecting import inspect_source
    from penstock.inspectiontext import as_text

    found = inspect_source(given.source, given.loader)
    text = json.dumps(asdict(found), indent=2) if given.json else as_text(found)
    if text:
        print(text)
    if found.problem:
        raise PenstockError(found.problem)
    return 0


def _new_plugin(given: argparse.Namespace) -> int:
    from penstock.newplugin import write_plugin

    paths = write_plugin(given.name, given.kind, given.directory)
    print("\n".join(paths))
    print("\nThere: pip install -e . --group dev, and pytest")
    return 0


def _demo(given: argparse.Namespace) -> int:
    from penstock.demo import main as run

    return run(given.directory)


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    from penstock.texttable import text_table

    print(text_table(header, rows))
