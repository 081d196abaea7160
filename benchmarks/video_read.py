"""Reading video: frames a second of vidlab beside raw decord, PyAV and OpenCV, in one run.

    python benchmarks/video_read.py [--rounds 15] [--json FILE]

The clips are written here (h264, a key frame every 10): 224x224 and 1920x1080, a textured
background that drifts under a moving square. Three ways of reading: all frames in order, 32 at a
time; single frames at random; 16 neighbours at random. All readers take the same frames in turn,
so that a busy machine slows them alike; the median of the rounds counts, and the ratio to decord is
the median of each round's ratio. vidlab decodes in a second process and checks for damage; the
others decode where they are called and trust the file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import decord
import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from vidlab.video import Video, _client, write_video

RESULT = Path(__file__).parent / "results" / "video_read.json"
CLIPS = {"224x224": (224, 224, 300), "1920x1080": (1080, 1920, 64)}
CLIP = 16
Reader = Callable[[list[int]], object]


def make_clip(path: Path, height: int, width: int, count: int) -> Path:
    """Write a clip with texture at several scales and motion."""
    generator = torch.Generator().manual_seed(0)
    scene = torch.zeros(3, height + 64, width + 64)
    for cell in (4, 16, 64):
        noise = torch.rand(
            1, 3, (height + 64) // cell + 1, (width + 64) // cell + 1, generator=generator
        )
        scene += F.interpolate(noise, size=scene.shape[1:], mode="bilinear")[0] * cell**0.5
    scene = (scene / scene.max() * 255).byte()

    def frames():
        for k in range(count):
            dy, dx = k % 64, (2 * k) % 64
            frame = scene[:, dy : dy + height, dx : dx + width].clone()
            at = (3 * k) % (width - height // 4)
            frame[:, height // 3 : height // 2, at : at + height // 4] = 240
            yield frame

    return write_video(path, frames())


def readers(path: Path) -> dict[str, Reader]:
    """Name to a function from frame numbers to those frames as one array in memory."""
    video = Video(path)
    assert video.info.backend == "decord", video.info
    raw = decord.VideoReader(str(path))
    capture = cv2.VideoCapture(str(path))

    def opencv(numbers: list[int]) -> torch.Tensor:
        if int(capture.get(cv2.CAP_PROP_POS_FRAMES)) != numbers[0]:
            capture.set(cv2.CAP_PROP_POS_FRAMES, numbers[0])
        pictures = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in numbers]
        return torch.from_numpy(np.stack(pictures))

    return {
        "vidlab": video.frames,
        "vidlab, PyAV inside": Video(path, backend="pyav").frames,
        "decord": lambda numbers: torch.from_numpy(raw.get_batch(numbers).asnumpy()),
        "PyAV": pyav_reader(path),
        "OpenCV": opencv,
    }


def pyav_reader(path: Path) -> Reader:
    """Seek to the key frame before, decode on; go on without a seek where the last call ended."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    step = int(1 / (stream.average_rate * stream.time_base))
    state = {"next": 0, "frames": container.decode(stream)}

    def read(numbers: list[int]) -> torch.Tensor:
        if state["next"] != numbers[0]:
            container.seek(numbers[0] * step, stream=stream)
            state["frames"] = container.decode(stream)
        pictures = []
        for frame in state["frames"]:
            if frame.pts >= numbers[0] * step:
                pictures.append(frame.to_ndarray(format="rgb24"))
            if len(pictures) == len(numbers):
                break
        state["next"] = numbers[-1] + 1
        return torch.from_numpy(np.stack(pictures))

    return read


def workload(kind: str, frames: int, seed: int) -> list[list[int]]:
    """Lists of frame numbers, one a call."""
    r = random.Random(seed)
    if kind == "in order":
        return [list(range(k, min(k + 32, frames))) for k in range(0, frames, 32)]
    length, calls = (1, 16) if kind == "random frame" else (CLIP, 4)
    return [
        list(range(start, start + length))
        for start in (r.randrange(frames - length + 1) for _ in range(calls))
    ]


def measure(path: Path, frames: int, kind: str, rounds: int) -> dict[str, list[float]]:
    """Frames a second of each reader, one number a round; who begins changes."""
    every = readers(path)
    rates: dict[str, list[float]] = {name: [] for name in every}
    for turn in range(rounds + 1):
        work = workload(kind, frames, turn)
        names = list(every)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            for numbers in work:
                every[name](numbers)
            if turn:  # the first round opens files
                rates[name].append(sum(map(len, work)) / (time.perf_counter() - began))
    return rates


def memory_growth(path: Path, frames: int, reads: int = 1000) -> dict[str, float]:
    """MB by which 1000 random clips let this process and the decoding process grow."""
    import psutil

    video = Video(path, size=112)
    processes = {"caller": psutil.Process()}
    marks = {}
    r = random.Random(0)
    for k in range(reads):
        if k == reads // 10:
            processes["decoder"] = psutil.Process(_client._idle[-1].process.pid)
            marks = {name: process.memory_info().rss for name, process in processes.items()}
        start = r.randrange(frames - CLIP)
        video.frames(range(start, start + CLIP))
    return {
        name: round((process.memory_info().rss - marks[name]) / 1e6, 2)
        for name, process in processes.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (height, width, frames) in CLIPS.items():
            path = make_clip(Path(folder) / f"{name}.mp4", height, width, frames)
            rounds = arguments.rounds if height < 1000 else max(3, arguments.rounds // 3)
            for kind in ("in order", "random frame", f"random {CLIP} frames"):
                rates = measure(path, frames, kind, rounds)
                for reader, values in rates.items():
                    ratios = [a / b for a, b in zip(values, rates["decord"], strict=True)]
                    rows.append(
                        {
                            "clip": name,
                            "reading": kind,
                            "reader": reader,
                            "frames_per_s": round(statistics.median(values), 1),
                            "of_decord": round(statistics.median(ratios), 3),
                        }
                    )
        growth = memory_growth(Path(folder) / "224x224.mp4", CLIPS["224x224"][2])
    names = list(dict.fromkeys(row["reader"] for row in rows))
    table = Table("clip", "reading", *names, title="frames a second, and share of decord's")
    for name in CLIPS:
        for kind in dict.fromkeys(row["reading"] for row in rows):
            cells = [r for r in rows if (r["clip"], r["reading"]) == (name, kind)]
            table.add_row(
                name, kind, *(f"{r['frames_per_s']:.0f}  {r['of_decord']:.2f}x" for r in cells)
            )
    Console(width=130).print(table)
    print(f"memory growth over 900 reads of 16 frames, after the first 100: {growth} MB")
    arguments.json.parent.mkdir(exist_ok=True)
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "decord": decord.__version__, "av": av.__version__, "opencv": cv2.__version__
        },
        "rounds": arguments.rounds,
        "memory_growth_mb": growth,
        "rows": rows,
    }  # fmt: skip
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
