"""Packed 1-bit convolutions beside PyTorch's float32 ones, on C3D's binary layers and end to end.

    python benchmarks/packed_conv.py [--threads N] [--repeats N] [--quick] [--json FILE]

Float and packed are timed in turn, so that a busy machine slows them alike; medians count. Both
convolutions get their input as it comes from the layer before: float rows of NCTHW, packed ones
channels last; packing the signs is part of the packed time. One product of signs is two bit
operations, an exclusive or and a count. Two ceilings are measured in the same run: the kernel's
inner loop on operands that never leave the nearest cache, and a large float32 matrix product.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from rich.console import Console
from rich.table import Table
from torch import nn

from vidlab.nn import _packed_cpu as kernels
from vidlab.nn import _packed_simd as simd
from vidlab.nn.binary import BinaryConv3d, sign
from vidlab.nn.packed import PackedConv3d, pack, storage
from vidlab.papers.bitconv3d import BitConv3DConfig, c3d

# name, channels in and out, frames, rows = columns
LAYERS = [
    ("conv2a", 64, 128, 16, 56),
    ("conv3a", 128, 256, 8, 28),
    ("conv3b", 256, 256, 8, 28),
    ("conv4a", 256, 512, 4, 14),
    ("conv4b", 512, 512, 4, 14),
    ("conv5a, b", 512, 512, 2, 7),
]
GOALS = {"layers": 15, "end to end": 6}
FLAGS = ["avx2", "fma", "popcnt", "avx512f", "avx512bitalg", "avx512vpopcntdq"]
STEPS = 16  # of the ceiling's inner loop: 1 KiB of weights


@njit(nogil=True)
def lookup_loop(tables, weights, acts, rounds):
    """The inner loop of the kernel with tables, over and over; counters may run over."""
    c0, c1, c2, c3 = simd.zeros(), simd.zeros(), simd.zeros(), simd.zeros()
    for _ in range(rounds):
        for n in range(STEPS):
            both = simd.load(weights, 64 * n)
            entries = simd.low(both)
            c0 = simd.add(c0, simd.looked_up(tables, acts, 2 * n, entries))
            c1 = simd.add(c1, simd.looked_up(tables, acts, 64 + 2 * n, entries))
            c2 = simd.add(c2, simd.looked_up(tables, acts, 128 + 2 * n, entries))
            c3 = simd.add(c3, simd.looked_up(tables, acts, 192 + 2 * n, entries))
            entries = simd.high(both)
            c0 = simd.add(c0, simd.looked_up(tables, acts, 2 * n + 1, entries))
            c1 = simd.add(c1, simd.looked_up(tables, acts, 64 + 2 * n + 1, entries))
            c2 = simd.add(c2, simd.looked_up(tables, acts, 128 + 2 * n + 1, entries))
            c3 = simd.add(c3, simd.looked_up(tables, acts, 192 + 2 * n + 1, entries))
    simd.store(weights, 64 * STEPS, simd.add(simd.add(c0, c1), simd.add(c2, c3)))


@njit(nogil=True)
def popcount_loop(weights, acts, rounds):
    """The inner loop of the kernel with bit counts."""
    c0, c1, c2, c3 = simd.zeros(), simd.zeros(), simd.zeros(), simd.zeros()
    for _ in range(rounds):
        for n in range(STEPS):
            both = simd.load(weights, 64 * n)
            c0 = simd.add(c0, simd.differing(acts, 4 * n, both))
            c1 = simd.add(c1, simd.differing(acts, 64 + 4 * n, both))
            c2 = simd.add(c2, simd.differing(acts, 128 + 4 * n, both))
            c3 = simd.add(c3, simd.differing(acts, 192 + 4 * n, both))
    simd.store(weights, 64 * STEPS, simd.add(simd.add(c0, c1), simd.add(c2, c3)))


def ceilings(threads: int, rounds: int, clock) -> dict[str, float]:
    """Most products of signs, or of floats, a second: the best of some tries on all threads."""
    rng = np.random.default_rng(0)
    ways: dict[str, Callable[[], None]] = {}

    def on_all(loop: Callable[[], None]) -> None:
        kernels.share(lambda start, stop: loop(), threads, threads)

    def popcount() -> None:
        popcount_loop(rng.integers(0, 256, 64 * (STEPS + 1), np.uint8), bytes_, rounds)

    def lookup() -> None:
        weights = rng.integers(0, 256, 64 * (STEPS + 1), np.uint8)
        lookup_loop(simd.TABLES, weights, bytes_ & 0xF0, rounds)

    bytes_ = rng.integers(0, 256, 512, np.uint8)
    ways["popcount"] = popcount
    if simd.HAS_LOOKUP:
        ways["lookup"] = lookup
    found = {}
    for name, loop in ways.items():
        loop()
        found[name] = 0.0
        for _ in range(7):
            began = clock()
            on_all(loop)
            spent = clock() - began
            found[name] = max(found[name], threads * rounds * STEPS * 8 * 64 * 4 / spent)
    a = torch.randn(1536, 1536)
    found["float32"] = 0.0
    for _ in range(7):
        began = clock()
        a @ a
        found["float32"] = max(found["float32"], 1536**3 / (clock() - began))
    return found


def in_turn(work: dict[str, Callable[[], object]], repeats: int, clock) -> dict[str, list[float]]:
    """Seconds of each, taken in turn; the first round does not count.

    PyTorch's threads go on spinning for some milliseconds after their work; the pause keeps one
    candidate's from stealing the next one's cores.
    """
    times = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, step in work.items():
            time.sleep(0.02)
            began = clock()
            step()
            if turn:
                times[name].append(clock() - began)
    return times


def layers(rows: list[tuple], repeats: int, clock) -> list[dict]:
    """Float and packed times of each layer, and whether the sums are the same."""
    result = []
    for name, channels, filters, frames, side in rows:
        conv = BinaryConv3d(channels, filters, 3, padding=1)
        packed = PackedConv3d.from_binary(conv)
        x = torch.randn(1, channels, frames, side, side)
        signs, weight = sign(x), sign(conv.weight)
        last = x.to(memory_format=torch.channels_last_3d)
        work = {
            "float": lambda: F.conv3d(signs, weight, None, 1, 1),  # noqa: B023
            "packed": lambda: packed(last),  # noqa: B023
        }
        times = in_turn(work, repeats, clock)
        float_s, packed_s = (statistics.median(times[k]) for k in ("float", "packed"))
        products = 27 * channels * filters * frames * side * side
        result.append(
            {
                "layer": name,
                "shape": [channels, filters, frames, side, side],
                "float_ms": 1e3 * float_s,
                "packed_ms": 1e3 * packed_s,
                "ratio": float_s / packed_s,
                "best_ratio": min(times["float"]) / min(times["packed"]),
                "bit_operations_per_s": 2 * products / packed_s,
                "float_products_per_s": products / float_s,
                "equal": torch.equal(packed(last), work["float"]()),
            }
        )
    return result


def parts(network: nn.Module, clips: torch.Tensor, repeats: int, clock) -> dict[str, float]:
    """Median seconds of the stem, of the other convolutions, poolings, and wide layers."""
    names = {}
    for n, layer in enumerate(network.features):
        pools = isinstance(layer, (nn.MaxPool3d, nn.Identity))
        names[layer] = "stem" if n == 0 else "pooling" if pools else "convolutions"
    names |= dict.fromkeys([network.head, network.classifier], "fully connected")
    spent, began = dict.fromkeys(names.values(), 0.0), {}
    hooks = []
    for layer, name in names.items():

        def before(layer, inputs):
            began[layer] = clock()

        def after(layer, inputs, output, name=name):
            spent[name] += clock() - began[layer]

        hooks += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    rounds = []
    for _ in range(repeats + 1):
        spent.update(dict.fromkeys(spent, 0.0))
        network(clips)
        rounds.append(dict(spent))
    for hook in hooks:
        hook.remove()
    return {name: statistics.median(r[name] for r in rounds[1:]) for name in spent}


def end_to_end(repeats: int, clock, size: tuple[int, int, int]) -> dict:
    """Float C3D beside binary C3D, packed; and where the time goes."""
    real = c3d(101, size=size).eval()
    binary = c3d(101, BitConv3DConfig(), size=size).eval()
    fast, plain_stem = pack(binary), pack(binary, stem=False)
    clips = torch.randn(1, 3, *size)
    names = {
        "float C3D": real,
        "1-bit C3D, float kernels": binary,
        "1-bit C3D, packed, PyTorch's stem": plain_stem,
        "1-bit C3D, packed": fast,
    }
    work = {name: (lambda net=net: net(clips)) for name, net in names.items()}
    times = in_turn(work, repeats, clock)
    size_ = storage(fast)
    return {
        "median_s": {name: statistics.median(values) for name, values in times.items()},
        "best_s": {name: min(values) for name, values in times.items()},
        "parts_s": {
            name: parts(names[name], clips, repeats, clock)
            for name in ("float C3D", list(names)[-1])
        },
        "largest_difference_to_binary": (fast(clips) - binary(clips)).abs().max().item(),
        "storage_saving": size_.saving,
        "binary_weights": size_.weights,
    }


def processor() -> dict:
    """Name and flags of this CPU."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), name)
    return {"name": name, "flags": {flag: f"+{flag}" in simd.FEATURES for flag in FLAGS}}


def show(result: dict) -> None:
    """Tables of what was measured."""
    console = Console(width=120)
    top = 2 * result["ceiling"][result["kernel"]]
    table = Table("layer", "shape", "float ms", "packed ms", "ratio", "Tbit-op/s", "of ceiling")
    for row in result["layers"]:
        c, f, t, s, _ = row["shape"]
        rate = row["bit_operations_per_s"]
        table.add_row(
            row["layer"], f"{c}→{f} {t}×{s}×{s}", f"{row['float_ms']:.1f}",
            f"{row['packed_ms']:.2f}", f"{row['ratio']:.1f}", f"{rate / 1e12:.2f}",
            f"{rate / top:.0%}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"kernel: {result['kernel']}; ceilings: "
        + ", ".join(f"{k} {v / 1e9:.0f} G products/s" for k, v in result["ceiling"].items())
        + f"; so no layer can be more than {top / 2 / result['ceiling']['float32']:.1f}x a float "
        "product at its own peak"
    )
    whole = result["end_to_end"]
    table = Table("network", "median ms", "times faster")
    reference = whole["median_s"]["float C3D"]
    for name, seconds in whole["median_s"].items():
        table.add_row(name, f"{1e3 * seconds:.0f}", f"{reference / seconds:.1f}")
    console.print(table)
    table = Table("part", *whole["parts_s"])
    for part in next(iter(whole["parts_s"].values())):
        cells = []
        for values in whole["parts_s"].values():
            cells.append(f"{1e3 * values[part]:.1f} ms {values[part] / sum(values.values()):.0%}")
        table.add_row(part, *cells)
    console.print(table)
    console.print(
        f"storage of {whole['binary_weights']:,} weights: 1/{whole['storage_saving']:.1f}; packed "
        f"and float 1-bit logits differ by at most {whole['largest_difference_to_binary']:.2g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="both sides")
    parser.add_argument("--repeats", type=int, default=9, help="rounds that count")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: one thread")
    parser.add_argument("--quick", action="store_true", help="two layers, a smaller clip")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    if arguments.threads < 1 or arguments.repeats < 1:
        parser.error("--threads and --repeats: allowed: 1 or more")
    if arguments.clock == "cpu" and arguments.threads > 1:
        parser.error("--clock cpu counts the time of one thread: add --threads 1")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    clock = time.perf_counter if arguments.clock == "wall" else time.thread_time
    rows, size = (LAYERS[4:], (16, 56, 56)) if arguments.quick else (LAYERS, (16, 112, 112))
    result = {
        "cpu": processor(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numba": numba.__version__,
        },
        "threads": arguments.threads,
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "repeats": arguments.repeats,
        "clock": arguments.clock,
        "goals": GOALS,
        "kernel": "lookup" if kernels.USE_LOOKUP else "popcount",
        "ceiling": ceilings(arguments.threads, 20_000, clock),
        "layers": layers(rows, arguments.repeats, clock),
        "end_to_end": end_to_end(arguments.repeats, clock, size),
    }
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if not all(row["equal"] for row in result["layers"]):
        sys.exit("packed and float sums differ")


if __name__ == "__main__":
    main()
