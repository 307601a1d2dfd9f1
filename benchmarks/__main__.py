"""``python -m benchmarks``: Penstock beside its peers, on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.data import prepare
from benchmarks.processor import usable_cores
from benchmarks.racing import race
from benchmarks.workloads import rows as all_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.racing import Result

__all__ = ["main"]


def main(given: Sequence[str] | None = None) -> int:
    """Measure, and tell what was found."""
    options = _parser().parse_args(given)
    cores, gpu = usable_cores(), os.path.exists("/dev/nvidiactl")
    rows = all_rows(len(cores), gpu=gpu)
    if options.list:
        for row in rows:
            print(f"{row.name:14}{row.title}")
        return 0
    if options.only:
        unknown = set(options.only) - {row.name for row in rows}
        if unknown:
            print(f"No row {', '.join(sorted(unknown))}; --list names them.", file=sys.stderr)
            return 2
        rows = [row for row in rows if row.name in options.only]
    rounds = options.rounds or (2 if options.quick else 3)
    cache = os.path.abspath(os.path.expanduser(options.data))
    os.makedirs(cache, exist_ok=True)
    os.makedirs(options.output, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = cache  # tables are packed there, not in the user's own cache

    results: dict[str, Result] = {}
    began = time.monotonic()
    with open(os.path.join(options.output, "log.txt"), "w", encoding="utf-8") as log:
        for row in rows:
            print(f"[{time.monotonic() - began:4.0f} s] {row.name}", flush=True)
            data = {
                argument: prepare(cache, name, quick=options.quick)
                for argument, name in row.data.items()
            }
            results[row.name] = race(
                row,
                data,
                rounds=rounds,
                seconds=row.seconds / (2 if options.quick else 1),
                cores=cores,
                log=log,
                say=lambda line: print(line, flush=True),
            )
            print(*report.lines_of(row, results[row.name]), sep="\n", flush=True)
    table = report.markdown(rows, results)
    found = report.as_json(rows, results, rounds=rounds, quick=options.quick, cores=len(cores))
    for name, text in (("results.md", table), ("results.json", found)):
        with open(os.path.join(options.output, name), "w", encoding="utf-8") as file:
            file.write(text)
    report.plot(rows, results, os.path.join(options.output, "results.png"))
    if options.publish:
        report.publish(options.publish, table, found, rows, results)
    print(f"{time.monotonic() - began:.0f} s; results.md, .json and .png are in {options.output}.")
    return int(any(result.problems for result in results.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="measure these rows")
    parser.add_argument("--quick", action="store_true", help="two rounds, of half the time each")
    parser.add_argument("--rounds", type=int, help="turns of each peer (3; 2 with --quick)")
    parser.add_argument(
        "--data",
        default=os.path.join(home, "penstock-benchmarks"),
        help="where the data is made and kept (%(default)s; 1.3 GB)",
    )
    parser.add_argument(
        "--output", default="benchmark-results", help="where the results go (%(default)s)"
    )
    parser.add_argument(
        "--publish", metavar="FOLDER", help="put them into performance.md in FOLDER, too"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
