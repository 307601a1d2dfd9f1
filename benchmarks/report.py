"""What was found, as a table for the terminal, Markdown, JSON and a plot."""

from __future__ import annotations

import json
import os
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from benchmarks.processor import usable_cores
from benchmarks.rows import PENSTOCK, READY, ROOFLINE, median

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.racing import Result
    from benchmarks.rows import Row, Target

__all__ = ["as_json", "lines_of", "machine", "markdown", "plot", "publish"]

_LIBRARIES = (
    *("keras", "tensorflow", "torch", "jax", "grain", "numpy", "pandas", "pyarrow"),
    *("opencv-python-headless", "simplejpeg", "pillow"),
)
_BEGIN, _END = "<!-- figures: `python -m benchmarks --publish` -->", "<!-- end of figures -->"


def machine() -> dict[str, Any]:
    """Describe the machine: its kind, and nothing that tells which one it is."""
    found = {
        "processor": _processor(),
        "cores": len(usable_cores()),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def lines_of(row: Row, result: Result) -> list[str]:
    """Return a row's peers and targets as lines of text."""
    lines = [f"{row.title} ({row.name})"]
    for name, *cells in _peers(row, result):
        lines.append(f"  {name:32} " + " ".join(f"{cell:>14}" for cell in cells))
    for target in row.targets:
        value, verdict = _outcome(target, result)
        lines.append(f"  {target.text:60} {value:>22}  {verdict}")
    return lines + [f"  NOT ALIKE: {problem}" for problem in result.problems]


def markdown(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """Return two tables: the targets, and the figures of all peers."""
    lines = ["| work | target | measured (least – most of the rounds) | |", "|---|---|---|---|"]
    for row in rows:
        title = row.title
        for target in row.targets:
            value, verdict = _outcome(target, results[row.name])
            lines.append(f"| {title} | {target.text} | {value} | {verdict} |")
            title = ""
    lines += [
        "",
        "| work | who | median | spread | processor time per sample | most memory |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        title = row.title
        for cells in _peers(row, results[row.name]):
            lines.append(f"| {title} | {' | '.join(cells)} |")
            title = ""
    return "\n".join(lines) + "\n"


def as_json(rows: Sequence[Row], results: Mapping[str, Result], **run: Any) -> str:
    """Return everything that was measured, each round."""
    found = {
        row.name: {
            "title": row.title,
            "figure": row.figure,
            "unit": row.unit,
            "rounds": dict(results[row.name]),
            "options": results[row.name].options,
            "unavailable": results[row.name].unavailable,
            "problems": results[row.name].problems,
            "targets": [
                {
                    "target": target.text,
                    "values": target.values(results[row.name]),
                    "met": target.met(results[row.name]),
                }
                for target in row.targets
            ],
        }
        for row in rows
    }
    return json.dumps({"machine": machine(), "run": run, "rows": found}, indent=1) + "\n"


def plot(rows: Sequence[Row], results: Mapping[str, Result], path: str) -> None:
    """Draw samples/s of all peers, a panel per row, into a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = [
        row for row in rows if row.figure in ("rate", "steady_rate") and len(results[row.name]) > 1
    ]
    if not shown:
        return
    # What delivers nothing of the data would dwarf what does.
    drawn = [[name for name in results[row.name] if not name.startswith(READY)] for row in shown]
    heights = [len(names) + 1 for names in drawn]
    figure, panels = plt.subplots(
        len(shown), 1, figsize=(8, 0.32 * sum(heights)), height_ratios=heights, squeeze=False
    )
    for row, names, panel in zip(shown, drawn, panels[:, 0], strict=True):
        values = [median(results[row.name][name], row.figure) or 0.0 for name in names]
        colours = ["#0b6e99" if name.startswith(PENSTOCK) else "#b8c4cc" for name in names]
        bars = panel.barh(names, values, color=colours, height=0.7)
        for bar, name in zip(bars, names, strict=True):
            if name.startswith(ROOFLINE):
                bar.set(facecolor="none", edgecolor="#7a8790", linestyle="--")
        panel.bar_label(bars, [f"{value:,.0f}" for value in values], padding=3, fontsize=8)
        panel.set_title(f"{row.title} ({row.unit})", loc="left", fontsize=9, fontweight="bold")
        panel.invert_yaxis()
        panel.margins(x=0.12)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.tick_params(axis="y", labelsize=8, length=0)
        panel.set_xticks([])
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def publish(folder: str, table: str, found: str, rows: Any, results: Any) -> None:
    """Put table, JSON and plot into the documentation in *folder*."""
    page = os.path.join(folder, "performance.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for figures: {_BEGIN} … {_END}.")
    kind = json.loads(found)
    told = ", ".join(f"{name} {value}" for name, value in kind["machine"].items())
    run = kind["run"]
    told = f"Measured on: {told}. {run['rounds']} rounds of each; on {run['cores']} cores."
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n\n{told}\n\n{table}\n{end}{after}")
    with open(os.path.join(folder, "performance.json"), "w", encoding="utf-8") as file:
        file.write(found)
    plot(rows, results, os.path.join(folder, "performance.png"))


def _peers(row: Row, result: Result) -> list[list[str]]:
    """Return name, median, spread, processor time and memory of each peer."""
    found = []
    for peer in row.peers:
        if peer.name in result.unavailable:
            found.append([peer.name, "not available", "", "", ""])
        if peer.name not in result:
            continue
        figures = result[peer.name]
        values = [float(each[row.figure]) for each in figures if row.figure in each]
        cpu, memory = median(figures, "cpu_us"), median(figures, "peak_mib")
        options = {
            name: value
            for name, value in result.options.get(peer.name, {}).items()
            if len(peer.variants) > 1
        }
        chosen = ", ".join(
            f"{name}={value}" for name, value in options.items() if name == "workers"
        )
        found.append(
            [
                f"{peer.name} ({chosen})" if chosen else peer.name,
                f"{_short(statistics.median(values))} {row.unit}" if values else "–",
                f"{_short(min(values))} – {_short(max(values))}" if values else "",
                "" if cpu is None else f"{_short(cpu)} µs",
                "" if memory is None else f"{memory:,.0f} MiB",
            ]
        )
    return found


def _outcome(target: Target, result: Result) -> tuple[str, str]:
    values = target.values(result)
    if not values:
        return "not available", ""
    spread = f" ({_short(min(values))} – {_short(max(values))})" if len(values) > 1 else ""
    verdict = "reached" if target.met(result) else "**missed**"
    return f"{_short(statistics.median(values))}{spread}", verdict


def _short(value: float) -> str:
    """Return three digits, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
