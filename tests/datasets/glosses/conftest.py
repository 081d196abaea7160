"""Tiny sign language corpora in their real layouts: the fixture `signs` makes them."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

FRAMES = 6  # pictures a clip
LEVEL, STEP = 40, 15  # picture t: brightness LEVEL + STEP * t on the right, black on the left


@dataclass(frozen=True)
class Said:
    part: str
    signer: int
    glosses: tuple[str, ...]


SENTENCES = (
    Said("train", 1, ("NORD", "REGEN")),
    Said("train", 2, ("SONNE", "ÖSTERREICH")),
    Said("train", 1, ("REGEN", "REGEN", "WIE-AUSSEHEN")),
    Said("dev", 1, ("REGEN", "HAGEL", "NORD")),  # HAGEL is unknown to training
    Said("test", 2, ("SONNE",)),
)
PARTS = ("train", "dev", "test")


def write_frames(
    folder: Path, name: str, *, height: int = 26, width: int = 21, count: int = FRAMES
):
    """Pictures ``name.format(t)``."""
    folder.mkdir(parents=True)
    for t in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[:, width // 2 :] = LEVEL + STEP * t
        Image.fromarray(picture).save(folder / name.format(t), quality=95)


def numbers(frames) -> list[int]:
    """Which picture of its clip each of ``(T, 3, H, W)`` in 0 .. 1 is."""
    level = frames.amax((1, 2, 3)) * 255
    return ((level - LEVEL) / STEP).round().int().tolist()


def phoenix_name(k: int) -> str:
    return f"{k + 1:02d}April_2010_Thursday_heute_default-{k}"


def csl_name(k: int) -> str:
    return f"S{k:06d}_P{SENTENCES[k].signer:04d}_T00"


def make_phoenix2014(root: Path) -> dict[str, Path]:
    lines = {part: ["id|folder|signer|annotation"] for part in PARTS}
    for k, said in enumerate(SENTENCES):
        name = phoenix_name(k)
        text = "  ".join(said.glosses)  # the real files have double blanks here and there
        lines[said.part].append(f"{name}|{name}/1/*.png|Signer{said.signer:02d}|{text}")
        folder = root / "features" / "fullFrame-210x260px" / said.part / name / "1"
        # Numbers without leading zeros: 10 must come after 9.
        write_frames(folder, name.rpartition("_")[0] + ".avi_pid0_fn{}-0.png")
    return _write(root / "annotations" / "manual", "{}.corpus.csv", lines)


def make_phoenix2014t(root: Path) -> dict[str, Path]:
    lines = {part: ["name|video|start|end|speaker|orth|translation"] for part in PARTS}
    for k, said in enumerate(SENTENCES):
        name = phoenix_name(k)
        fields = (name, f"{name}/1/*.png", "-1", "-1", f"Signer{said.signer:02d}")
        lines[said.part].append("|".join((*fields, " ".join(said.glosses), "schöner tag")))
        folder = root / "features" / "fullFrame-210x260px" / said.part / name
        write_frames(folder, "images{:04d}.png")
    return _write(root / "annotations" / "manual", "PHOENIX-2014-T.{}.corpus.csv", lines)


def make_csl_daily(root: Path) -> dict[str, Path]:
    labels = {
        "video_map": ["index|name|length|gloss|char|word|postag"],
        "split_1": ["name|split"],
    }
    for k, said in enumerate(SENTENCES):
        name, text = csl_name(k), " ".join(said.glosses)
        labels["video_map"].append(f"{k}|{name}|{FRAMES}|{text}|他 电 脑 坏|他 电脑 坏|r n a")
        labels["split_1"].append(f"{name}|{said.part}")
        folder = root / "sentence" / "frames_512x512" / name
        write_frames(folder, "{:06d}.jpg", height=32, width=32)
    files = _write(root / "sentence_label", "{}.txt", labels)
    return {"train": files["video_map"], "split": files["split_1"]}


def _write(folder: Path, name: str, lines: dict[str, list[str]]) -> dict[str, Path]:
    folder.mkdir(parents=True)
    files = {}
    for part, texts in lines.items():
        files[part] = folder / name.format(part)
        files[part].write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return files


@pytest.fixture(scope="session")
def signs():
    """What makes tiny corpora, and what they hold."""
    return SimpleNamespace(
        make_phoenix2014=make_phoenix2014,
        make_phoenix2014t=make_phoenix2014t,
        make_csl_daily=make_csl_daily,
        write_frames=write_frames,
        numbers=numbers,
        name=phoenix_name,
        sentences=SENTENCES,
        frames=FRAMES,
    )
