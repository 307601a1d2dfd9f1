"""The command line: ``penstock plugins``, ``penstock plugins show NAME``, ``penstock demo``."""

from __future__ import annotations

import argparse
import json
import shutil
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

    short = given.name.rpartition(":")[2]
    listed = installed()
    found = [plugin for plugin in listed if plugin.name == short]
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


def _demo(given: argparse.Namespace) -> int:
    from penstock.demo import main as run

    return run(given.directory)


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    """Print aligned columns; the last is cut to the terminal's width."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    before_last = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - before_last, 20)
    widths[-1] = min(widths[-1], room)
    for row in [header, ["-" * width for width in widths], *rows]:
        last = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        print("  ".join(map(str.ljust, [*row[:-1], last], widths)).rstrip())
