"""Everything that has a speed, in one table, with the goals beside the numbers.

    python benchmarks/bench.py [--only SECTION]... [--runs DIR] [--json FILE]

What is compared is timed in turn within one process, on one thread unless it says otherwise, and
medians count: read the ratios. The sections: ctc (beside PyTorch's CTC loss and a plain-Python
reference), growth (how costs grow with T, B, classes and resolution), data (frames a second),
video (the safe reader beside raw PyAV), packed (1-bit layers beside float), explorers (size of a
page and time until it is painted), command (start-up), labs (quick runs, from their records).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import torch
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULT = HERE / "results" / "bench.json"
_SCRIPT = re.compile(r'<script type="application/json" id="vidlab-')


@dataclass(frozen=True)
class Row:
    """One number: higher is better where ``goal`` begins with ≥, lower where with ≤."""

    section: str
    what: str
    value: float
    unit: str
    goal: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met, None where there is none."""
        if not self.goal:
            return None
        limit = float(self.goal[1:].split()[0])
        return self.value >= limit if self.goal[0] == "≥" else self.value <= limit


def sibling(name: str):
    """Another script of this folder as a module."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def in_turn(work: dict[str, Callable], rounds: int = 15, warm: int = 3) -> dict[str, float]:
    """Median seconds of each, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + warm):
        for name, step in work.items():
            began = time.perf_counter()
            step()
            if turn >= warm:
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def python_log_likelihood(log_probs: list, labels: list[int]) -> float:
    """CTC's forward recursion in plain Python, one sequence: the reference for reading."""
    states = [0]
    for label in labels:
        states += [label, 0]
    alpha = [-math.inf] * len(states)
    alpha[0], alpha[1] = log_probs[0][0], log_probs[0][states[1]]
    for row in log_probs[1:]:
        fresh = []
        for s, symbol in enumerate(states):
            terms = alpha[max(0, s - 1) : s + 1]
            if s > 1 and symbol and symbol != states[s - 2]:
                terms = [*terms, alpha[s - 2]]
            top = max(terms)
            total = sum(math.exp(a - top) for a in terms) if top > -math.inf else 0.0
            fresh.append(top + math.log(total) + row[symbol] if total else -math.inf)
        alpha = fresh
    top = max(alpha[-2:])
    return top + math.log(sum(math.exp(a - top) for a in alpha[-2:]))


def ctc_rows() -> Iterator[Row]:
    ctc = sibling("ctc")
    device = torch.device("cpu")
    for shape in ((64, 41, 11, 4), (2, 200, 1296, 12)):
        b, t, c, _ = shape
        found = ctc.measure(ctc.steps(*shape, device), device)
        plain = found["CTC of PyTorch, forward and backward"]
        where = f"B={b} T={t} C={c}"
        yield Row("ctc", f"PyTorch's CTC, forward and backward, {where}", plain, "ms")
        for name, goal in (
            ("radial loss, forward and backward", "≤2"),
            ("best path (Viterbi)", "≤1"),
            ("pseudo labels", ""),
            ("own forward-backward", ""),
        ):
            yield Row("ctc", f"{name}, {where}", found[name] / plain, "x PyTorch's", goal)
    import torch.nn.functional as F

    from vidlab.nn import ctc as ours

    torch.manual_seed(0)
    log_probs = torch.randn(100, 8, 11).log_softmax(2)
    targets = torch.randint(1, 11, (8, 10))
    task = log_probs, targets, torch.full((8,), 100), torch.full((8,), 10)
    rows, labels = log_probs.transpose(0, 1).tolist(), targets.tolist()
    python = [-python_log_likelihood(row, label) for row, label in zip(rows, labels, strict=True)]
    right = F.ctc_loss(*task, reduction="none")
    assert torch.allclose(torch.tensor(python), right, rtol=1e-4), "the reference is wrong"
    found = in_turn(
        {
            "python": lambda: [
                python_log_likelihood(r, x) for r, x in zip(rows, labels, strict=True)
            ],
            "ours": lambda: ours.forward_backward(*task),
        }
    )
    what = "own forward-backward beside plain Python's forward alone, B=8 T=100 U=10"
    yield Row("ctc", what, found["python"] / found["ours"], "x faster")


def growth_rows() -> Iterator[Row]:
    """How the cost of a radial step and of a per-frame network grows."""
    ctc = sibling("ctc")
    device = torch.device("cpu")
    for name, shapes in (
        ("T", [(8, t, 11, 4) for t in (25, 50, 100, 200)]),
        ("B", [(b, 50, 11, 4) for b in (1, 8, 64)]),
        ("C", [(8, 50, c, 4) for c in (11, 100, 1296)]),
    ):
        for shape in shapes:
            work = ctc.steps(*shape, device)
            key = "radial loss, forward and backward"
            seconds = in_turn({key: work[key]}, 9)[key]
            size = dict(zip("BTCU", shape, strict=True))
            yield Row("growth", f"radial loss step, {name}={size[name]}", 1e3 * seconds, "ms")
    from vidlab.nn.frames import FrameNet

    network = FrameNet().eval()
    for size in (24, 32, 48, 64, 112):
        clip = torch.zeros(4, 3, 8, size, size)
        with torch.no_grad():
            seconds = in_turn({"net": lambda clip=clip: network(clip)}, 7)["net"]
        yield Row(
            "growth", f"per-frame network, 4 clips of 8 frames, {size} px", 1e3 * seconds, "ms"
        )


def data_rows() -> Iterator[Row]:
    from vidlab.datasets.actions import Actions, ActionsConfig
    from vidlab.datasets.gestures import Gestures, GesturesConfig
    from vidlab.datasets.long_jumps import LongJumps, LongJumpsConfig

    for name, data, frames in (
        ("actions, 32 px", Actions(320, ActionsConfig(size=32), cache=False), 16),
        ("gestures, 32 px", Gestures(320, GesturesConfig(size=32), cache=False), 8),
        ("long jumps, 32 px", LongJumps(320, LongJumpsConfig(size=32), cache=False), 2),
    ):
        turns = iter(range(1000))

        def draw(data=data, turns=turns):
            start = 64 * (next(turns) % 5)
            data.batch(range(start, start + 64))

        seconds = in_turn({"draw": draw}, 5, 1)["draw"]
        goal = "≥2000" if name.startswith("actions") else "≥5000" if "gestures" in name else ""
        yield Row("data", name, 64 * frames / seconds, "frames/s", goal)


def video_rows() -> Iterator[Row]:
    import av

    from vidlab.datasets.shipped_clips import shipped_clip
    from vidlab.video import Video, random_clip

    path = shipped_clip("bikes")
    video = Video(path, size=224)
    frames = len(video)
    dice = torch.Generator().manual_seed(0)
    picks = [random_clip(frames, 16, generator=dice) for _ in range(50)]
    turns = {"ours": 0, "pyav": 0}

    def ours():
        turns["ours"] += 1
        video.frames(picks[turns["ours"] % 50])

    def pyav():
        turns["pyav"] += 1
        wanted = set(picks[turns["pyav"] % 50].tolist())
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    frame.to_ndarray(format="rgb24")
                if number >= max(wanted):
                    break

    found = in_turn({"ours": ours, "pyav": pyav}, 15, 2)
    ratio = found["pyav"] / found["ours"]
    yield Row("video", "16 neighbours of a 640x272 film, resized", 1 / found["ours"], "clips/s")
    yield Row("video", "the same beside PyAV from the beginning", ratio, "x faster")


def packed_rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "packed.json")
        command = [sys.executable, HERE / "packed_conv.py", "--quick", "--threads", "1"]
        subprocess.run([*command, "--json", path], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(path.read_text())
    whole = result["end_to_end"]["median_s"]
    real, packed = whole["float C3D"], min(v for k, v in whole.items() if "packed" in k)
    yield Row("packed", "packed C3D beside float, 16x56x56", real / packed, "x faster")


def explorer_rows(runs: Path) -> Iterator[Row]:
    """Of the newest run of each lab: what its explorers weigh, and when they are there."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    for folder in newest_runs(runs):
        notebook = nbformat.read(folder / "lab.ipynb", as_version=4)
        pages = [
            output["data"]["text/html"]
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if _SCRIPT.search(output.get("data", {}).get("text/html", ""))
        ]
        if not pages:
            continue
        lab, heaviest = folder.parent.name, max(pages, key=len)
        what = f"{lab}: the heaviest of {len(pages)}"
        yield Row("explorers", what, len(heaviest) / 1e6, "MB", "≤2")
        if chromium:
            what = f"{lab}: until it is painted"
            yield Row("explorers", what, painted(heaviest, chromium), "ms", "≤1000")


def painted(fragment: str, chromium: str) -> float:
    """Milliseconds from opening a page of one explorer until it has drawn itself; median of 5."""
    from playwright.sync_api import sync_playwright

    times = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page_file = Path(folder, "page.html")
        page_file.write_text(f"<!doctype html><meta charset=utf-8>{fragment}", "utf-8")
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(5):
            page = browser.new_page()
            page.goto(page_file.as_uri())
            page.wait_for_selector(".vl-explorer", timeout=60_000)
            times.append(
                page.evaluate(
                    "() => new Promise(done => requestAnimationFrame(() => "
                    "requestAnimationFrame(() => done(performance.now()))))"
                )
            )
            page.close()
        browser.close()
    return statistics.median(times)


def command_rows() -> Iterator[Row]:
    vidlab = [sys.executable, "-m", "vidlab"]
    work = {
        words: lambda words=words: subprocess.run(
            [*vidlab, *words.split()], stdout=subprocess.DEVNULL, check=True
        )
        for words in ("--version", "list", "run --help")
    }
    for words, seconds in in_turn(work, 5, 1).items():
        yield Row("command", f"vidlab {words}", 1e3 * seconds, "ms", "≤2000")


def lab_rows(runs: Path) -> Iterator[Row]:
    from vidlab.labs.catalogue import scan

    budgets = {entry.id: entry.quick_s for entry in scan()[0]}
    for folder in newest_runs(runs):
        record = json.loads((folder / "record.json").read_text("utf-8"))
        if record["profile"] == "quick" and record["lab"] in budgets:
            budget = f"≤{budgets[record['lab']]}"
            yield Row("labs", record["lab"], record["timings"]["total_s"], "s", budget)


def newest_runs(runs: Path) -> list[Path]:
    """The newest finished run of each lab."""
    found = {}
    for record in sorted(runs.glob("*/*/record.json")):
        if json.loads(record.read_text("utf-8")).get("status") == "finished":
            found[record.parent.parent.name] = record.parent
    return list(found.values())


def machine() -> dict[str, object]:
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="finished runs of the labs")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the numbers go")
    sections: dict[str, Callable[[Path], Iterator[Row]]] = {
        "ctc": lambda runs: ctc_rows(),
        "growth": lambda runs: growth_rows(),
        "data": lambda runs: data_rows(),
        "video": lambda runs: video_rows(),
        "packed": lambda runs: packed_rows(),
        "explorers": explorer_rows,
        "command": lambda runs: command_rows(),
        "labs": lab_rows,
    }
    parser.add_argument("--only", action="append", choices=sections, help="repeatable")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("section", "what", "value", "goal")
    before, rows = machine(), []
    for name in arguments.only or sections:
        console.print(f"measuring {name} ...", style="dim")
        for row in sections[name](arguments.runs):
            rows.append(row)
            verdict = {True: " met", False: " missed", None: ""}[row.reached]
            table.add_row(row.section, row.what, f"{row.value:.4g} {row.unit}", row.goal + verdict)
    console.print(table)
    console.print(", ".join(f"{key}: {value}" for key, value in before.items()))
    told = [{**asdict(row), "reached": row.reached} for row in rows]
    arguments.json.write_text(json.dumps({"machine": before, "rows": told}, indent=1) + "\n")
    console.print(f"json  {arguments.json}")


if __name__ == "__main__":
    main()
