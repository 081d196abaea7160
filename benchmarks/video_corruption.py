"""Damaged video files against the reader: no hang, no crash, a clear error or correct frames.

    python benchmarks/video_corruption.py [--cases 320] [--seed 0] [--json FILE]

Each case takes a sound clip (h264, vp9, av1, mjpeg, mpeg4 in five containers) and truncates it,
flips bits, zeroes, removes or swaps stretches of it, lies in its headers, or puts something else
in its place. `vidlab.video` then reads all of its frames, together and, where one is refused, one
by one; an ordinary PyAV loop in a process of its own reads it too. What the reader gives must be
exactly what PyAV gives for that frame; what it does not give must be a VideoError.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from vidlab.video import Video, VideoError, write_video

TIMEOUT = 10.0  # seconds without progress
SLOWEST = 3 * TIMEOUT  # a case that takes longer counts as a hang
FRAMES = 40
RESULT = Path(__file__).parent / "results" / "video_corruption.json"
CLIPS = [
    ("h264", ".mp4"), ("h264", ".mkv"), ("vp9", ".webm"), ("av1", ".mp4"), ("mjpeg", ".avi"),
    ("h264", ".avi"),
]  # fmt: skip
# Fields of headers: the tag they follow, and how many 32-bit words behind it may be changed.
MP4_WORDS = {
    b"stts": 4, b"stsz": 8, b"stco": 4, b"stsc": 5, b"ctts": 4, b"stss": 4, b"mvhd": 6,
    b"mdhd": 6, b"tkhd": 21, b"elst": 5, b"stsd": 12, b"avc1": 9, b"avcC": 4, b"trak": 1,
    b"mdat": 1, b"moov": 1,
}  # fmt: skip
AVI_WORDS = {b"avih": 12, b"strh": 12, b"strf": 8, b"idx1": 24, b"movi": 2, b"LIST": 2}

# PyAV without any of our care: frame k is the k-th presentation time; one digest a frame. Decodes
# from the start, or, given numbers, seeks to each of those frames with a fresh decoder.
REFERENCE = """
import av, hashlib, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
path, counted, numbers = sys.argv[1], sys.argv[2] == "counted", json.loads(sys.argv[3])

def packets(container):
    try:
        yield from (p for p in container.demux(video=0) if p.size)
    except av.FFmpegError:
        pass
    yield None

def frames(container):
    codec = container.streams.video[0].codec_context
    for packet in packets(container):
        try:
            yield from codec.decode(packet)
        except av.FFmpegError:
            pass

def opened():
    return av.open(path, metadata_errors="replace")

def digest(frame):
    return hashlib.sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest()

with opened() as c:
    pts = [p.pts for p in packets(c) if p is not None and not p.is_discard]
counted = counted or None in pts or len(set(pts)) < len(pts)
rank = {} if counted else {t: k for k, t in enumerate(sorted(pts))}
out = {}
if not numbers:
    with opened() as c:
        for n, frame in enumerate(frames(c)):
            k = n if counted else rank.get(frame.pts)
            if k is not None:
                out.setdefault(k, digest(frame))
elif not counted:
    for number in numbers:
        with opened() as c:
            c.seek(sorted(pts)[number], stream=c.streams.video[0])
            for frame in frames(c):
                if rank.get(frame.pts) == number:
                    out[number] = digest(frame)
                    break
print(json.dumps(out))
"""


@dataclass
class Outcome:
    """One damaged file."""

    clip: str
    damage: str
    outcome: str
    detail: str
    given: int  # frames that the reader gave
    refused: int  # frames refused one by one
    differ: int  # given, and not what PyAV gives
    unnoticed: int  # given as PyAV gives it, and not what was written: no decoder sees it
    seconds: float


def truncate(data: bytearray, r: random.Random) -> bytearray:
    return data[: r.randrange(1, len(data))]


def flip_bits(data: bytearray, r: random.Random) -> bytearray:
    for _ in range(r.choice([1, 1, 3, 10, 100])):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    return data


def zero_stretch(data: bytearray, r: random.Random) -> bytearray:
    at, n = r.randrange(len(data)), r.choice([4, 64, 1024, 8192])
    data[at : at + n] = bytes(len(data[at : at + n]))
    return data


def remove_stretch(data: bytearray, r: random.Random) -> bytearray:
    at = r.randrange(len(data))
    del data[at : at + r.choice([1, 4, 100, 3000])]
    return data


def swap_chunks(data: bytearray, r: random.Random) -> bytearray:
    n = min(r.choice([16, 256, 4096]), len(data) // 3)
    a, b = sorted(r.sample(range(0, len(data) - n, n), 2))
    data[a : a + n], data[b : b + n] = data[b : b + n], data[a : a + n]
    return data


def header_lie(data: bytearray, r: random.Random) -> bytearray:
    """A wrong number in a header: counts, sizes, offsets, times, dimensions."""
    avi = data[:4] == b"RIFF"
    found = [
        (at + 4, words)
        for tag, words in (AVI_WORDS if avi else MP4_WORDS).items()
        if (at := data.find(tag)) >= 0
    ]
    for _ in range(r.choice([1, 1, 2])):
        if found:
            at, words = r.choice(found)
            at += 4 * r.randrange(-1 if not avi else 0, words)
            at = at - 4 if at in {tag_at for tag_at, _ in found} and r.random() < 0.2 else at
        else:  # EBML: the lengths and numbers near the beginning
            at = r.randrange(4, min(600, len(data) - 4))
        order = "little" if avi else "big"
        old = int.from_bytes(data[at : at + 4], order)
        new = r.choice(
            [0, 1, old + 1, old * 10, old * 1000, 60000, 0x7FFFFFFF, 0xFFFFFFFF, r.getrandbits(32)]
        )
        data[at : at + 4] = (new & 0xFFFFFFFF).to_bytes(4, order)
    return data


def garbage(data: bytearray, r: random.Random) -> bytearray:
    head = r.choice([0, 0, 32, 1000])
    return data[:head] + bytearray(r.randbytes(r.choice([1, 100, 50_000])))


def text(data: bytearray, r: random.Random) -> bytearray:
    return bytearray(
        r.choice(
            [
                b"not a video\n" * 500,
                b"#EXTM3U\n#EXTINF:5,\nfile:///etc/hostname\n",
                b"ffconcat version 1.0\nfile a.mp4\n",
                b"<!doctype html><title>404 Not Found</title>\n" * 20,
            ]
        )
    )


def empty(data: bytearray, r: random.Random) -> bytearray:
    return bytearray()


# How often each kind of damage is drawn.
DAMAGE: dict[Callable, int] = {
    truncate: 20, flip_bits: 30, header_lie: 30, zero_stretch: 8, remove_stretch: 8,
    swap_chunks: 8, garbage: 6, text: 3, empty: 1,
}  # fmt: skip


def sound_clips(folder: Path) -> dict[str, tuple[Path, list[str]]]:
    """Name to a clip of moving squares over noise, and the digest of each of its frames."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(60, 200, (3, 12, 16), generator=generator, dtype=torch.uint8)
    back = noise.repeat_interleave(8, 1).repeat_interleave(8, 2)
    frames = back.expand(FRAMES, -1, -1, -1).clone()
    for k in range(FRAMES):
        frames[k, :, 20:52, 2 * k : 2 * k + 32] = 255 - 5 * k
    clips = {}
    for codec, suffix in CLIPS:
        path = write_video(folder / f"{codec}{suffix}", frames, codec=codec)
        clips[path.name] = path, list(digests_of_pyav(path).values())
    return clips


def digests_of_pyav(
    path: Path, counted: bool = False, numbers: list[int] | None = None
) -> dict[int, str]:
    """Frame number to digest, as an ordinary loop gives them; empty where even that fails."""
    how = "counted" if counted else "by time"
    try:
        done = subprocess.run(
            [sys.executable, "-c", REFERENCE, str(path), how, json.dumps(numbers)],
            capture_output=True,
            timeout=30,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return {}
    if done.returncode:
        return {}
    return {int(k): digest for k, digest in json.loads(done.stdout).items()}


def digest(frame: torch.Tensor) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(frame.permute(1, 2, 0).numpy()).data).hexdigest()


def read_all(path: Path) -> tuple[dict[int, str], dict[int, str], str | None]:
    """Digests by frame, refusals by frame, and the refusal of the whole file."""
    given: dict[int, str] = {}
    refused: dict[int, str] = {}
    video = Video(path, timeout=TIMEOUT)
    try:
        count = len(video)
    except VideoError as error:
        return given, refused, str(error)
    # A forged count is read in part: its first frames, its last, and some between.
    numbers = sorted({*range(min(count, 60)), *range(max(0, count - 5), count), count // 2})
    try:
        frames = video.frames(numbers)
        given = {n: digest(frame) for n, frame in zip(numbers, frames, strict=True)}
    except VideoError:
        for number in numbers:
            try:
                given[number] = digest(video.frames([number])[0])
            except VideoError as error:
                refused[number] = str(error)
    return given, refused, None


def run_case(
    name: str, path: Path, sound: list[str], damage: str, container_counted: bool
) -> Outcome:
    """Read one damaged file and compare."""
    began = time.monotonic()
    given, refused, whole = read_all(path)
    seconds = time.monotonic() - began
    differ = unnoticed = 0
    detail = whole or next(iter(refused.values()), "")
    if given:
        reference = digests_of_pyav(path, container_counted)
        wrong = [n for n, value in given.items() if reference.get(n) != value]
        if wrong:
            # A damaged frame can leave its mark on a decoder, and so on sound frames behind it.
            reference |= digests_of_pyav(path, container_counted, wrong)
            wrong = [n for n in wrong if reference.get(n) != given[n]]
        differ = len(wrong)
        unnoticed = sum(
            value not in sound for n, value in given.items() if reference.get(n) == value
        )
        detail = f"frames {wrong[:5]} differ" if wrong else detail
    if seconds > SLOWEST:
        outcome = "hang"
    elif differ:
        outcome = "frames differ"
    elif whole is not None:
        outcome = "file refused"
    elif refused:
        outcome = "some frames refused, others equal" if given else "all frames refused"
    else:
        outcome = "all frames equal"
    return Outcome(
        name, damage, outcome, detail.replace(str(path), "FILE"), len(given), len(refused),
        differ, unnoticed, round(seconds, 3),
    )  # fmt: skip


def cases(clips: dict, folder: Path, count: int, seed: int):
    """Damaged files one after the other: clip, path, digests when sound, kind of damage."""
    kinds = list(DAMAGE)
    for number in range(count):
        r = random.Random(f"{seed} {number}")
        name = list(clips)[number % len(clips)]
        path, sound = clips[name]
        kind = r.choices(kinds, [DAMAGE[k] for k in kinds])[0]
        damaged = folder / f"case{number}{path.suffix}"
        damaged.write_bytes(kind(bytearray(path.read_bytes()), r))
        yield name, damaged, sound, kind.__name__
        damaged.unlink()


def campaign(count: int, seed: int, progress: bool = False) -> list[Outcome]:
    """All cases of a seed, and a folder."""
    outcomes = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = sound_clips(folder)
        todo = cases(clips, folder, count, seed)
        if progress:
            todo = track(todo, "reading damaged files", total=count, console=Console(stderr=True))
        for clip, path, sound, kind in todo:
            # h264 in AVI has no times of showing: frames are numbered as they come.
            outcomes.append(run_case(clip, path, sound, kind, clip == "h264.avi"))
        outcomes.append(run_case("-", folder, [], "folder", False))
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=320, help="damaged files (320)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    arguments = parser.parse_args()
    outcomes = campaign(arguments.cases, arguments.seed, progress=True)

    results = Counter(o.outcome for o in outcomes)
    columns = sorted(results)
    table = Table("damage", *columns, "slowest")
    for kind in dict.fromkeys(o.damage for o in outcomes):
        rows = [o for o in outcomes if o.damage == kind]
        counts = Counter(o.outcome for o in rows)
        table.add_row(
            kind, *(str(counts[c]) for c in columns), f"{max(o.seconds for o in rows):.2f} s"
        )
    table.add_row("all", *(str(results[c]) for c in columns), "", style="bold")
    Console(width=130).print(table)
    for outcome in outcomes:
        if outcome.outcome in ("frames differ", "hang"):
            print(outcome)
    unnoticed = sum(o.unnoticed for o in outcomes)
    given = sum(o.given for o in outcomes)
    print(
        f"{given} frames given, {sum(o.differ for o in outcomes)} not as PyAV gives them; "
        f"{unnoticed} as PyAV gives them yet not as written (damage that no decoder notices)"
    )
    arguments.json.parent.mkdir(exist_ok=True)
    summary = {
        "cases": len(outcomes),
        "seed": arguments.seed,
        "outcomes": dict(results),
        "frames": {
            "given": given,
            "differ": sum(o.differ for o in outcomes),
            "damage_no_decoder_notices": unnoticed,
        },
        "slowest_s": max(o.seconds for o in outcomes),
        "rows": [asdict(o) for o in outcomes],
    }
    arguments.json.write_text(json.dumps(summary, indent=1) + "\n")
    assert not results["hang"], "a case took too long"
    sys.exit(1 if results["frames differ"] else 0)


if __name__ == "__main__":
    main()
