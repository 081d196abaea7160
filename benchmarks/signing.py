"""Signing: frames a second on one core.

    python benchmarks/signing.py [--json FILE]

Whole sentences with all their truth are filmed one by one and never kept. Counted is CPU time, so
that what else runs on the machine matters less; median and best of 7 rounds over fresh sentences.
The stage (room and body) of each of six signers is painted before: a data set does that once.
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

from vidlab.datasets.signing import Signing, SigningConfig

CASES = {
    "32 px": SigningConfig(size=32),
    "64 px": SigningConfig(size=64),
    "64 px, no noise": SigningConfig(size=64, noise=0.0),
    "128 px": SigningConfig(size=128),
}
ROUNDS, SIGNERS = 7, 6


def rates(config: SigningConfig, sentences: int) -> list[float]:
    """Frames a CPU second in each round."""
    data = Signing(
        config, sentences=SIGNERS + ROUNDS * sentences, signers=range(SIGNERS), cache=False
    )
    for index in range(SIGNERS):
        data.sentence(index)
    found = []
    for turn in range(ROUNDS):
        first = SIGNERS + turn * sentences
        began = time.process_time()
        frames = sum(len(data.sentence(i).frames) for i in range(first, first + sentences))
        found.append(frames / (time.process_time() - began))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("films", "median frames/s", "best frames/s")
    rows = []
    for name, config in CASES.items():
        found = rates(config, 6 if config.size > 64 else 18)
        rows.append({"case": name, "median": statistics.median(found), "best": max(found)})
        table.add_row(name, f"{rows[-1]['median']:,.0f}", f"{rows[-1]['best']:,.0f}")
    Console(width=100).print(table)
    if arguments.json:
        result = {
            "machine": f"{platform.machine()}, 1 thread, CPU time",
            "torch": torch.__version__,
        }
        arguments.json.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
