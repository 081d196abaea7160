"""What matters on a GPU: CTC's tools, packed 1-bit convolutions, and whole networks.

    python benchmarks/gpu_kernels.py [--device cuda] [--quick] [--json FILE]

Medians of synchronised calls, taken in turn. Convolutions have C3D's sizes at batch 8; float32 is
PyTorch's with and without TF32. ``--device cpu --quick`` shows that the script runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import ctc
import torch
import torch.nn.functional as F
from packed_conv import LAYERS
from rich.console import Console
from rich.table import Table

from vidlab.nn.binary import BinaryConv3d, sign
from vidlab.nn.frames import FrameNet
from vidlab.nn.packed import PackedConv3d, pack
from vidlab.papers import tsm
from vidlab.papers.bitconv3d import BitConv3DConfig, c3d


def in_turn(work: dict[str, Callable], device: torch.device, rounds: int) -> dict[str, float]:
    """Median milliseconds of each, the device awaited before and after."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 3):  # the first ones compile and choose kernels
        for name, step in work.items():
            wait()
            began = time.perf_counter()
            step()
            wait()
            if turn >= 3:
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in times.items()}


def without_tf32(step: Callable) -> Callable:
    def run():
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return step()

    return run


def convolutions(device: torch.device, batch: int, rounds: int, layers: list) -> dict:
    """Milliseconds of each layer in float32, TF32, bfloat16 and packed bits."""
    found = {}
    for name, channels, filters, frames, side in layers:
        conv = BinaryConv3d(channels, filters, 3, padding=1)
        packed = PackedConv3d.from_binary(conv).to(device)
        x = torch.randn(batch, channels, frames, side, side, device=device)
        signs, weight = sign(x), sign(conv.weight).to(device)
        half = signs.bfloat16(), weight.bfloat16()
        work = {
            "float32": without_tf32(lambda: F.conv3d(signs, weight, None, 1, 1)),  # noqa: B023
            "float32, TF32 allowed": lambda: F.conv3d(signs, weight, None, 1, 1),  # noqa: B023
            "bfloat16": lambda: F.conv3d(*half, None, 1, 1),  # noqa: B023
            "packed": lambda: packed(x),  # noqa: B023
        }
        same = torch.equal(packed(x), work["float32"]())
        found[name] = in_turn(work, device, rounds) | {"equal": same}
    return found


def networks(device: torch.device, batch: int, rounds: int, size: int) -> dict[str, float]:
    """Milliseconds of whole networks, in evaluation mode."""
    clip = 16, size, size
    binary = c3d(101, BitConv3DConfig(), size=clip).eval()
    made = {
        "C3D": c3d(101, size=clip),
        "1-bit C3D, float kernels": binary,
        "1-bit C3D, packed": pack(binary),
        "2-D network": FrameNet(),
        "with shifts (TSM)": FrameNet(block=tsm.block()),
    }
    clips = torch.randn(batch, 3, *clip, device=device)
    nets = {name: net.eval().to(device) for name, net in made.items()}
    work = {name: lambda net=net: net(clips) for name, net in nets.items()}
    return in_turn(work, device, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="one layer, one clip, few rounds")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU; --device cpu --quick shows that the script runs")
    torch.manual_seed(0)
    batch, rounds, size = (1, 2, 32) if arguments.quick else (8, 20, 112)
    shapes = ctc.SHAPES[:1] if arguments.quick else ctc.SHAPES
    steps = {
        f"B={b} T={t} C={c}": ctc.measure(ctc.steps(b, t, c, u, device), device)
        for b, t, c, u in shapes
    }
    with torch.no_grad():
        layers = convolutions(device, batch, rounds, LAYERS[-1:] if arguments.quick else LAYERS)
        whole = networks(device, batch, rounds, size)
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    result = {
        "device": name,
        "torch": torch.__version__,
        "batch": batch,
        "ctc_ms": steps,
        "convolutions_ms": layers,
        "networks_ms": whole,
    }
    console = Console(width=120)
    console.print(f"{name}, torch {torch.__version__}, batches of {batch}; milliseconds")
    for title, columns in (("CTC", steps), ("convolution", layers), ("network", {"ms": whole})):
        table = Table(title, *columns)
        for row in next(iter(columns.values())):
            values = [column[row] for column in columns.values()]
            table.add_row(row, *(v if isinstance(v, str) else f"{v:.4g}" for v in values))
        console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if not all(layer["equal"] for layer in layers.values()):
        raise SystemExit("packed and float sums differ")


if __name__ == "__main__":
    main()
