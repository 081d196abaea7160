"""What `bench.py` measures, section by section: each yields its rows."""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ctc
import nbformat
import torch
import torch.nn.functional as F

from vidlab.book.runs import BookError, LabRun, runs_of
from vidlab.labs.catalogue import scan
from vidlab.nn import ctc as ours

HERE = Path(__file__).parent
CPU = torch.device("cpu")
_SCRIPT = re.compile(r'<script type="application/json" id="vidlab-')


@dataclass(frozen=True)
class Row:
    """One number: higher is better where ``goal`` begins with ≥, lower where with ≤.

    A row of a cost curve also has its ``axis`` and the place ``at`` which it was measured.
    """

    section: str
    what: str
    value: float
    unit: str
    goal: str = ""
    axis: str = ""
    at: float = 0

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met, None where there is none."""
        if not self.goal:
            return None
        limit = float(self.goal[1:].split()[0])
        return self.value >= limit if self.goal[0] == "≥" else self.value <= limit


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
    for shape in ((64, 41, 11, 4), (2, 200, 1296, 12)):
        b, t, c, _ = shape
        found = ctc.measure(ctc.steps(*shape, CPU), CPU)
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
    """How the cost of a step grows with its batch, and of a network with its pictures."""
    parts = {
        "CTC of PyTorch": "CTC of PyTorch, forward and backward",
        "radial loss": "radial loss, forward and backward",
        "best path": "best path (Viterbi)",
    }
    for axis, shapes in (
        ("T", [(8, t, 11, 4) for t in (25, 50, 100, 200, 400)]),
        ("B", [(b, 50, 11, 4) for b in (1, 4, 16, 64, 256)]),
        ("C", [(8, 50, c, 4) for c in (11, 50, 200, 1296, 5000)]),
    ):
        for shape in shapes:
            work = ctc.steps(*shape, CPU)
            found = in_turn({name: work[key] for name, key in parts.items()}, 9)
            at = dict(zip("BTCU", shape, strict=True))[axis]
            for name, seconds in found.items():
                yield Row("growth", name, 1e3 * seconds, "ms", axis=axis, at=at)
    from vidlab.nn.frames import FrameNet
    from vidlab.papers import stm, tsm

    torch.manual_seed(0)
    networks = {
        "2-D network": FrameNet(),
        "with shifts (TSM)": FrameNet(block=tsm.block()),
        "with STM's blocks": FrameNet(block=stm.block()),
    }
    for size in (24, 32, 48, 64, 112):
        clip = torch.zeros(4, 3, 8, size, size)
        with torch.no_grad():
            work = {name: (lambda net=net: net(clip)) for name, net in networks.items()}  # noqa: B023
            for name, seconds in in_turn(work, 7).items():
                yield Row("growth", name, 1e3 * seconds, "ms", axis="pixels a side", at=size)


def data_rows() -> Iterator[Row]:
    """Frames a second of the generators, one thread."""
    from vidlab.datasets.actions import Actions, ActionsConfig
    from vidlab.datasets.gestures import Gestures, GesturesConfig
    from vidlab.datasets.long_jumps import LongJumps, LongJumpsConfig
    from vidlab.datasets.signing import Signing, SigningConfig
    from vidlab.datasets.texture_clips import Textures, TexturesConfig

    for name, data, goal in (
        ("actions", Actions(320, ActionsConfig(size=32), cache=False), "≥2000"),
        ("gestures", Gestures(320, GesturesConfig(size=32), cache=False), "≥5000"),
        ("long jumps", LongJumps(320, LongJumpsConfig(size=32), cache=False), ""),
        ("textures", Textures(320, TexturesConfig(size=32), cache=False), ""),
    ):
        turns, frames = iter(range(1000)), data.config.frames

        def draw(data=data, turns=turns):
            start = 64 * (next(turns) % 5)
            data.batch(range(start, start + 64))

        seconds = in_turn({"draw": draw}, 5, 1)["draw"]
        yield Row("data", f"{name}, 32 px", 64 * frames / seconds, "frames/s", goal)
    films = Signing(SigningConfig(size=32), sentences=60, signers=range(6), cache=False)
    speeds = []
    for first in range(0, 60, 12):
        began = time.perf_counter()
        frames = sum(len(films.sentence(n).frames) for n in range(first, first + 12))
        speeds.append(frames / (time.perf_counter() - began))
    yield Row("data", "signed sentences, 32 px", statistics.median(speeds[1:]), "frames/s")


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
    for layer in result["layers"]:
        what = f"packed convolution {layer['layer']} beside float"
        yield Row("packed", what, layer["ratio"], "x faster")
    whole = result["end_to_end"]["median_s"]
    ratio = whole["float C3D"] / whole["1-bit C3D, packed"]
    yield Row("packed", "packed C3D beside float, 16x56x56", ratio, "x faster", "≥6")


def explorer_rows(runs: Path) -> Iterator[Row]:
    """Of each lab's quick run: what its explorers weigh, and when they are there."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    for run in lab_runs(runs):
        notebook = nbformat.read(run.folder / "lab.ipynb", as_version=4)
        pages = [
            output["data"]["text/html"]
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if _SCRIPT.search(output.get("data", {}).get("text/html", ""))
        ]
        if not pages:
            continue
        lab, heaviest = run.entry.id, max(pages, key=len)
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
            page.wait_for_selector(".vl-explorer[data-painted]", timeout=60_000)
            told = page.locator(".vl-explorer").first.get_attribute("data-painted")
            times.append(float(told))
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
    """Every lab's quick profile; those that ``runs`` lacks are run now."""
    for run in lab_runs(runs):
        budget = f"≤{run.entry.quick_s}"
        yield Row("labs", run.entry.id, run.record["timings"]["total_s"], "s", budget)


def lab_runs(runs: Path) -> Iterator[LabRun]:
    """A finished quick run of each lab as it stands; a lab that fails costs itself only."""
    for entry in scan()[0]:
        try:
            yield from runs_of([entry], runs, lambda entry: print(f"running {entry.id} ..."))
        except BookError as error:
            print(error, file=sys.stderr)
