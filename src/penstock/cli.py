"""The command line: ``penstock COMMAND``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from penstock.errors import ConfigError, PenstockError, PluginError, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.inspecting import Inspection
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
    given, rest = parser.parse_known_args(arguments)
    if rest:
        # After an option with a value, argparse takes no more NAME=VALUE.
        if not hasattr(given, "options") or any(
            each[:1] == "-" or "=" not in each for each in rest
        ):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        given.options += rest
    if "run" not in given:
        parser.print_help()
        return 0
    try:
        code = int(given.run(given))
        sys.stdout.flush()
        return code
    except PenstockError as error:
        print(f"penstock: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `penstock plugins | head`
        # What is left to write has to go somewhere, or Python complains as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    inspect.add_argument("--scan", action="store_true", help="load every sample, to find bad ones")
    inspect.add_argument(
        "--write-bad", metavar="FILE", help="with --scan: write a list for exclude= (.csv or text)"
    )
    inspect.set_defaults(run=_inspect)
    bench = commands.add_parser(
        "bench", help="measure how fast a source is read, and what bounds it"
    )
    bench.add_argument("source", help="a directory or a file")
    bench.add_argument("options", nargs="*", metavar="NAME=VALUE", help="options of make_generator")
    bench.add_argument("--seconds", type=float, default=5.0, help="how long to measure each (5)")
    bench.add_argument("--json", action="store_true", help="print JSON for machines")
    bench.set_defaults(run=_bench)
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

    if given.write_bad is not None and not given.scan:
        raise ConfigError("--write-bad writes what --scan finds; give both.")
    found = inspect_source(given.source, given.loader)
    if given.scan:
        return _scan(given, found)
    text = json.dumps(asdict(found), indent=2) if given.json else as_text(found)
    if text:
        print(text)
    if found.problem:
        raise PenstockError(found.problem)
    return 0


def _scan(given: argparse.Namespace, found: Inspection) -> int:
    from penstock.inspecting import field_of
    from penstock.inspectiontext import as_text
    from penstock.readahead import usable_cores
    from penstock.scanning import scan, write_bad

    if not given.json and found.found is not None:
        print(as_text(found) + "\n")
    names, read = field_of(given.source, given.loader)
    bad = scan(read, names, workers=usable_cores(), progress=_progress(len(names)))
    if given.json:
        print(json.dumps({**asdict(found), "bad": [asdict(each) for each in bad]}, indent=2))
    elif bad:
        _print_table(
            ["Sample", "Error", "Why"],
            [[quote(each.sample), each.error, each.reason] for each in bad],
        )
    else:
        print(f"All {len(names):,} samples load.")
    if given.write_bad is not None:
        write_bad(bad, given.write_bad)
    if bad:
        raise PenstockError(
            f"{len(bad):,} of {len(names):,} samples cannot be loaded."
            ' Leave them out with exclude=, or train with on_error="skip".'
        )
    return 0


def _progress(count: int) -> Callable[[int, int], None]:
    """Return what draws a progress bar, on a terminal alone."""

    def draw(done: int, bad: int) -> None:
        if sys.stderr.isatty():
            bar = "#" * (30 * done // count)
            end = "\n" if done == count else ""
            sys.stderr.write(f"\r[{bar:<30}] {done:,} of {count:,}, {bad:,} bad{end}")
            sys.stderr.flush()

    return draw


def _bench(given: argparse.Namespace) -> int:
    from penstock.benching import bench, parse_options

    found = bench(given.source, seconds=given.seconds, **parse_options(given.options))
    print(found.as_json() if given.json else found)
    return 0


def _new_plugin(given: argparse.Namespace) -> int:
    from penstock.newplugin import write_plugin

    paths = write_plugin(given.name, given.kind, given.directory)
    print("\n".join(paths))
    print(
        f"\nNext:\n  cd {os.path.dirname(paths[0])}\n"
        '  pip install --upgrade "pip>=25.1"  # for --group\n'
        "  pip install -e . --group dev\n"
        "  pytest"
    )
    return 0


def _demo(given: argparse.Namespace) -> int:
    from penstock.demo import main as run

    return run(given.directory)


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    from penstock.texttable import text_table

    print(text_table(header, rows))
