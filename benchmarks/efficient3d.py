"""Clips a second of the resource-efficient 3-D networks, beside their multiply-adds.

    python benchmarks/efficient3d.py [--threads N] [--repeats N] [--json FILE]

Every network of the paper's table at the paper's size (16x112x112, one clip at a time), and one of
each family at the lab's quick size (8x32x32, 16 clips at a time); MobileNetV1 also with dense
3x3x3 blocks in the place of its separable ones. Evaluation mode, weights and clips channels last.
With one thread the processor's time counts, with more the time on the clock; passes of all networks
take turns, so that other work on the machine slows them alike, and medians count.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from vidlab.nn.cost import clips_per_second, count
from vidlab.papers.efficient3d import (
    SMALL,
    dense,
    mobilenet_v1,
    mobilenet_v2,
    shufflenet_v1,
    shufflenet_v2,
    squeezenet,
)
from vidlab.papers.efficient3d.table import ROWS

TWIN = "MobileNetV1 0.5x, dense"
PAPER_SIZE = {row.name: partial(row.make, 600) for row in ROWS} | {
    TWIN: partial(mobilenet_v1, 600, 0.5, block=dense)
}
ONCE = ((64, 1), (128, 1), (256, 1), (512, 1), (1024, 1))
QUICK_SIZE = {
    "MobileNetV1 0.125x": partial(mobilenet_v1, 8, 0.125, stages=ONCE, steps=SMALL),
    "MobileNetV1 0.125x, dense": partial(
        mobilenet_v1, 8, 0.125, stages=ONCE, steps=SMALL, block=dense
    ),
    "MobileNetV2 0.125x": partial(mobilenet_v2, 8, 0.125, steps=SMALL),
    "ShuffleNetV1 0.25x": partial(shufflenet_v1, 8, 0.25, units=(1, 1, 1), steps=SMALL),
    "ShuffleNetV2 0.25x": partial(shufflenet_v2, 8, 0.25, units=(1, 1, 1), steps=SMALL),
    "SqueezeNet 0.25x": partial(squeezenet, 8, 0.25, steps=SMALL),
}


def measure(makers: dict, shape: tuple, batch: int, repeats: int, twin: str) -> list[dict]:
    """One row a network; ``faster`` and ``less work`` compare it with the dense twin."""
    networks = {
        name: make().eval().to(memory_format=torch.channels_last_3d)
        for name, make in makers.items()
    }
    seconds = {name: [] for name in networks}
    for _ in range(repeats):
        for name, network in networks.items():
            seconds[name].append(1 / clips_per_second(network, shape, batch=batch, repeats=1))
    work = {name: count(network, shape) for name, network in networks.items()}
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    return [
        {
            "network": name,
            "parameters": work[name].parameters,
            "multiply_adds": work[name].multiply_adds,
            "clips_per_second": 1 / middle[name],
            "less_work": work[twin].multiply_adds / work[name].multiply_adds,
            "faster": middle[twin] / middle[name],
        }
        for name in networks
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    report = {
        "machine": {"processor": platform.processor() or platform.machine()},
        "torch": torch.__version__,
        "threads": args.threads,
        "repeats": args.repeats,
        "clock": "process time" if args.threads == 1 else "wall time",
        "16x112x112": measure(PAPER_SIZE, (3, 16, 112, 112), 1, args.repeats, TWIN),
        "8x32x32": measure(
            QUICK_SIZE, (3, 8, 32, 32), 16, args.repeats, "MobileNetV1 0.125x, dense"
        ),
    }
    for size in ("16x112x112", "8x32x32"):
        table = Table(title=f"{size}, {args.threads} thread(s)")
        for column in ("network", "parameters", "multiply-adds", "clips/s", "less work", "faster"):
            table.add_column(column, justify="left" if column == "network" else "right")
        for row in report[size]:
            table.add_row(
                row["network"],
                f"{row['parameters'] / 1e6:.2f} M",
                f"{row['multiply_adds'] / 1e6:.1f} M",
                f"{row['clips_per_second']:.1f}",
                f"{row['less_work']:.1f}x",
                f"{row['faster']:.1f}x",
            )
        Console().print(table)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
