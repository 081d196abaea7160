"""Tiny videos in the folders of real data sets: the fixture `tiny` makes them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

LEVEL, STEP = 20, 5  # frame k of a video is of grey LEVEL + STEP * k, give or take MJPEG's rounding


def write_clip(path: Path, frames: int = 8, *, height: int = 24, width: int = 32, marked=False):
    """An MJPEG AVI whose frame k has brightness LEVEL + STEP * k.

    ``marked`` makes the left half black, so that a cut shows where it was made.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=10, options={"qmin": "1", "qmax": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj444p"
        for k in range(frames):
            image = np.full((height, width, 3), LEVEL + STEP * k, np.uint8)
            if marked:
                image[:, : width // 2] = 0
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def numbers(frames) -> list:
    """Which frame of its video each of ``(…, 3, H, W)`` is."""
    level = frames.float().amax((-3, -2, -1))
    return ((level - LEVEL) / STEP).round().int().tolist()


def break_file(path: Path) -> Path:
    """A file with the right name and the wrong contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a video, whatever its name says\n" * 20)
    return path


UCF = {"ApplyLipstick": 4, "Archery": 4, "HandstandPushups": 3}  # class to groups; 2 clips each
HMDB = {"brush_hair": ("April_09", "Film_A"), "sword": ("Film_A", "Film_B", "Film_(C)_2")}


def make_ucf101(root: Path) -> Path:
    """UCF101 in small: group 1 (2 in split 2 and so on) tests, the others train."""
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").write_text("".join(f"{k} {n}\r\n" for k, n in enumerate(UCF, 1)))
    for name in UCF:
        for group, clip in ucf_clips(name):
            write_clip(root / "UCF-101" / name / ucf_file(name, group, clip), 3)
    for number in (1, 2, 3):
        train, test = [], []
        for label, name in enumerate(UCF, 1):
            for group, clip in ucf_clips(name):
                line = f"{name}/{ucf_file(name, group, clip)}"
                if group == number:
                    test.append(line)
                else:
                    train.append(f"{line} {label}")
        (lists / f"trainlist0{number}.txt").write_text("\n".join(train) + "\n")
        (lists / f"testlist0{number}.txt").write_text("\n".join(test) + "\n")
    return root


def ucf_clips(name):
    return [(group, clip) for group in range(1, UCF[name] + 1) for clip in (1, 2)]


def ucf_file(name: str, group: int, clip: int) -> str:
    spelt = name.replace("Handstand", "HandStand")  # as in the real data set
    return f"v_{spelt}_g{group:02d}_c{clip:02d}.avi"


def make_hmdb51(root: Path) -> Path:
    """HMDB51 in small: two clips of a film and class; the last film of a class tests."""
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    for name, films in HMDB.items():
        for film in films:
            for clip in (0, 1):
                write_clip(root / "hmdb51_org" / name / hmdb_file(name, film, clip), 3)
        for number in (1, 2, 3):
            lines = [
                f"{hmdb_file(name, film, clip)} {2 if film == films[-1] else 1 - (clip == number)} "
                for film in films
                for clip in (0, 1)
            ]
            (lists / f"{name}_test_split{number}.txt").write_text("\n".join(lines) + "\n")
    return root


def hmdb_file(name: str, film: str, clip: int) -> str:
    return f"{film}_{name}_u_nm_np1_ba_goo_{clip}.avi"


@pytest.fixture(scope="session")
def tiny():
    """What makes tiny videos and data sets, and what they hold."""
    return SimpleNamespace(
        write_clip=write_clip,
        numbers=numbers,
        break_file=break_file,
        make_ucf101=make_ucf101,
        make_hmdb51=make_hmdb51,
        ucf_classes=UCF,
        hmdb_classes=HMDB,
    )
