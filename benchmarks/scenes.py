"""Scenes and actions: frames a second on one core, and what they do to a training step.

    python benchmarks/scenes.py [--json FILE]

Clips are made in batches, never cached; the median of 5 rounds over fresh clips counts. The last
column is the best round: what the machine can do when nothing else runs on it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from vidlab.datasets.actions import Actions, ActionsConfig
from vidlab.datasets.scenes import render

CASES = {
    "24 px, T=8": ActionsConfig(frames=8, size=24),
    "32 px, T=16": ActionsConfig(frames=16, size=32),
    "32 px, T=16, no shake or noise": ActionsConfig(frames=16, size=32, shake=0.0, noise=0.0),
    "64 px, T=16": ActionsConfig(frames=16, size=64),
    "112 px, T=16": ActionsConfig(frames=16, size=112),
}
ROUNDS = 5


def rates(config: ActionsConfig, clips: int, *, truth: bool) -> list[float]:
    """Frames a second in each round."""
    data = Actions(clips * (ROUNDS + 1), config, cache=False)
    found = []
    for turn in range(ROUNDS + 1):
        indices = range(turn * clips, (turn + 1) * clips)
        began = time.perf_counter()
        if truth:
            for index in indices:
                render(data.scene(index))
        else:
            data.batch(indices)
        found.append(clips * config.frames / (time.perf_counter() - began))
    return found[1:]  # the first one warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("clips", "median frames/s", "best frames/s")
    rows = []
    for truth in (False, True):
        for name, config in CASES.items():
            clips = 8 if truth or config.size > 64 else 64
            found = rates(config, clips, truth=truth)
            title = f"{name}, one by one with all truth" if truth else name
            rows.append({"case": title, "median": statistics.median(found), "best": max(found)})
            table.add_row(title, f"{rows[-1]['median']:,.0f}", f"{rows[-1]['best']:,.0f}")
    Console(width=100).print(table)
    if arguments.json:
        result = {"machine": f"{platform.machine()}, 1 thread", "torch": torch.__version__}
        arguments.json.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
