"""What every data set shares: where shipped files lie, checksums, one kind of error, one report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


class DataError(ValueError):
    """A data file or folder cannot be used; the message names it and says what was expected."""


@dataclass(frozen=True)
class Found:
    """One line of ``vidlab data check``.

    Attributes:
        name: the data set.
        ok: usable as it is.
        where: the file or folder looked at.
        detail: what was found there, or what is wrong.
        remedy: how to get it, empty if nothing is missing.
        shipped: comes with vidlab (then ``ok`` should never be False).
        problems: what is wrong with single files, the first of them.
        problem_count: how many such problems there are in all.
    """

    name: str
    ok: bool
    where: str
    detail: str
    remedy: str = ""
    shipped: bool = False
    problems: tuple[str, ...] = ()
    problem_count: int = 0


def shipped_data() -> Path:
    """The folder of data that comes with vidlab: inside an installed wheel, or in the clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_data"
    return inside if inside.is_dir() else package.parent / "data"


def shipped_file(name: str, sha256: str) -> Path:
    """A file that comes with vidlab, its checksum verified: damage rarely shows.

    Raises:
        DataError: it is missing, or not as it was shipped.
    """
    path = shipped_data() / name
    if not path.is_file():
        raise DataError(f"{path} is missing: a file that ships with vidlab")
    digest = file_sha256(path)
    if digest != sha256:
        raise DataError(
            f"{path} is damaged: its SHA-256 is {digest[:12]}..., expected {sha256[:12]}..."
        )
    return path


def read_bytes(path: Path, limit: int, too_long: str) -> bytes:
    """The bytes of a user's file, ``limit`` at the most.

    Raises:
        DataError: it cannot be read, or is longer; ``too_long`` says why that must be a mistake.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > limit:
        raise DataError(f"{path}: more than {limit >> 20} MB: {too_long}")
    return data


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
