"""CTC tools beside PyTorch's CTC loss: milliseconds of one training step's parts.

    python benchmarks/ctc.py [--device cuda] [--json FILE]

Each row is a batch of B sequences of T frames, C classes and U labels. The yardstick is PyTorch's
CTC, forward and backward; all timings of a row are taken in turn, so that a busy machine slows
them alike, and the median of 60 rounds counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from vidlab.nn import alignment, ctc
from vidlab.papers import radialctc as radial

SHAPES = [(64, 41, 11, 4), (32, 15, 11, 3), (2, 200, 1296, 12)]
ROUNDS = 60
SCALE = 16


def steps(b: int, t: int, c: int, u: int, device: torch.device) -> dict:
    """Name to a function that does one step's worth of work."""
    generator = torch.Generator().manual_seed(0)
    cosines = (2 * torch.rand(t, b, c, generator=generator) - 1).to(device)
    targets = torch.randint(1, c, (b, u), generator=generator).to(device)
    task = targets, torch.full((b,), t, device=device), torch.full((b,), u, device=device)
    logits = (SCALE * cosines).requires_grad_()
    log_probs = logits.detach().log_softmax(2)

    def plain():
        F.ctc_loss(logits.log_softmax(2), *task, reduction="sum").backward()

    def radial_step():
        pseudo = radial.radial_pseudo_labels(cosines, *task, eta=0.4, scale=SCALE)
        ctc.fitting_loss(logits.log_softmax(2), pseudo).backward()

    return {
        "CTC of PyTorch, forward and backward": plain,
        "radial loss, forward and backward": radial_step,
        "pseudo labels": lambda: ctc.pseudo_labels(logits, *task),
        "own forward-backward": lambda: ctc.forward_backward(log_probs, *task),
        "best path (Viterbi)": lambda: alignment.best_path(log_probs, *task),
    }


def measure(work: dict, device: torch.device) -> dict[str, float]:
    """Median milliseconds of each, taken in turn."""
    times = {name: [] for name in work}
    for turn in range(ROUNDS + 5):
        for name, step in work.items():
            if device.type == "cuda":
                torch.cuda.synchronize()
            began = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn >= 5:
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)

    table = Table("part of a step", *(f"B={b} T={t} C={c}" for b, t, c, _ in SHAPES))
    columns = [measure(steps(*shape, device), device) for shape in SHAPES]
    first = next(iter(columns[0]))
    for name in columns[0]:
        table.add_row(
            name, *(f"{col[name]:.2f} ms  {col[name] / col[first]:.2f}x" for col in columns)
        )
    Console(width=120).print(table)
    if arguments.json:
        result = {
            "machine": f"{platform.machine()}, {device.type}, 1 thread",
            "torch": torch.__version__,
            "rows": [
                dict(zip("BTCU", shape, strict=True)) | {"median_ms": column}
                for shape, column in zip(SHAPES, columns, strict=True)
            ],
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
