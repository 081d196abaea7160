"""Everything that has a speed, in one table, with the goals beside the numbers.

    python benchmarks/bench.py [--only SECTION]... [--runs DIR]

What is compared is timed in turn within one process, on one thread unless it says otherwise, and
medians count: read the ratios. The sections: ctc (beside PyTorch's CTC loss and a plain-Python
reference), growth (how costs grow with T, B, classes and resolution), data (frames a second),
video (the safe reader beside raw PyAV), packed (1-bit layers beside float), explorers (size of a
page and time until it is painted), command (start-up), labs (quick runs, from their records; labs
that were not run yet are run). A complete measurement is kept: as JSON and a picture in results/,
and as the table in README.md. With --only it is shown only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import sections
import torch
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from rich.console import Console
from rich.table import Table
from sections import HERE, Row

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
HEADS = ("section", "what", "value", "goal")


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    name, memory = platform.processor() or platform.machine(), None
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (OSError, StopIteration, ValueError):
        pass
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def load() -> float | None:
    """How many processes wanted a core in the last minute: 0 on an idle machine."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def cells(row: Row) -> tuple[str, str, str, str]:
    """A row as it stands in a table."""
    at = f", {row.axis}={row.at:g}" if row.axis else ""
    verdict = {True: " met", False: " **missed**", None: ""}[row.reached]
    return row.section, row.what + at, f"{row.value:.4g} {row.unit}", row.goal + verdict


def markdown(rows: Iterable[Row], about: dict[str, object], loads: dict[str, object]) -> str:
    """The table of README.md; cost curves as one line for each curve."""
    facts = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in about.items())
    waiting = ", ".join(f"{name} {value}" for name, value in loads.items())
    lines = [f"{facts}. Load before each section: {waiting}.", ""]
    lines += [f"| {' | '.join(HEADS)} |", "|---|---|---|---|"]
    curves: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.axis:
            curves.setdefault((row.what, row.axis), []).append(row)
        else:
            lines.append(f"| {' | '.join(cells(row))} |")
    for (what, axis), points in curves.items():
        values = " · ".join(f"{p.value:.3g}" for p in points)
        places = " · ".join(f"{p.at:g}" for p in points)
        unit = points[0].unit
        lines.append(f"| {points[0].section} | {what}, {axis} = {places} | {values} {unit} | |")
    return "\n".join(lines)


def draw_growth(rows: Sequence[Row], path: Path) -> None:
    """Cost curves: a panel for each axis, both scales logarithmic, so a power is a line."""
    axes_of = list(dict.fromkeys(row.axis for row in rows if row.axis))
    figure, panels = plt.subplots(
        1, len(axes_of), figsize=(3.2 * len(axes_of), 3.2), layout="constrained", squeeze=False
    )
    for panel, axis in zip(panels[0], axes_of, strict=True):
        here = [row for row in rows if row.axis == axis]
        for name in dict.fromkeys(row.what for row in here):
            points = [(row.at, row.value) for row in here if row.what == name]
            panel.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=name)
        panel.set(xlabel=axis, ylabel=here[0].unit)
        panel.set_xticks(sorted({row.at for row in here}))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.legend(fontsize=7)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def keep(rows: Sequence[Row], loads: dict[str, object], about: dict[str, object]) -> None:
    """results/bench.json, results/bench-growth.png and the table in README.md."""
    told = [{**asdict(row), "reached": row.reached} for row in rows]
    result = {"machine": about, "load_before": loads, "rows": told}
    (HERE / "results" / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    draw_growth(rows, HERE / "results" / "bench-growth.png")
    page = HERE / "README.md"
    before, rest = page.read_text("utf-8").split(BEGIN)
    table = markdown(rows, about, loads)
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="finished runs of the labs")
    measures: dict[str, Callable[[], Iterator[Row]]] = {
        "ctc": sections.ctc_rows,
        "growth": sections.growth_rows,
        "data": sections.data_rows,
        "video": sections.video_rows,
        "packed": sections.packed_rows,
        "command": sections.command_rows,
        "labs": lambda: sections.lab_rows(arguments.runs),
        "explorers": lambda: sections.explorer_rows(arguments.runs),
    }
    parser.add_argument("--only", action="append", choices=measures, help="repeatable")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=None if sys.stdout.isatty() else 120)
    table, about = Table(*HEADS), machine()
    rows: list[Row] = []
    loads: dict[str, object] = {}
    for name in arguments.only or measures:
        loads[name] = load()
        console.print(f"measuring {name} (load {loads[name]}) ...", style="dim")
        try:
            for row in measures[name]():
                rows.append(row)
                table.add_row(*(text.replace("**", "") for text in cells(row)))
        except Exception as error:  # half an hour of numbers is not lost for one of them
            console.print(f"{name} ended early: {error!r}", style="red", markup=False)
    console.print(table)
    console.print(", ".join(f"{key}: {value}" for key, value in about.items()))
    if not arguments.only:
        keep(rows, loads, about)
        console.print("kept: benchmarks/results/bench.json, bench-growth.png, benchmarks/README.md")
    missed = [row for row in rows if row.reached is False]
    for row in missed:
        console.print(f"missed: {' '.join(cells(row)[1:3])}, goal {row.goal}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
