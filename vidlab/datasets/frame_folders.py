"""Films that come as folders of pictures, and a cache of the resized ones.

A cache holds one ``.npy`` a film, ``(T, size, size, 3)`` uint8: 196,608 bytes a frame at 256 × 256,
so PHOENIX-2014 (about a million frames) takes some 190 GB. Where there is room it pays: one core
decodes and resizes a few hundred pictures a second, and reads the resized ones as fast as its disk
goes. Delete the folder when you like.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from vidlab.datasets.base import DataError

ENDINGS = frozenset((".png", ".jpg", ".jpeg"))
_PIXEL_LIMIT = 1 << 26  # pixels of one picture; more is a mistake, or an attack
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def list_frames(folder: Path) -> list[Path]:
    """The pictures of a folder in order of time: numbers in names count as numbers.

    Raises:
        DataError: no such folder, or no picture in it.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".")]
    except OSError as error:
        raise DataError(f"frame folder {folder} cannot be listed ({error.strerror})") from error
    names = [name for name in names if os.path.splitext(name)[1].lower() in ENDINGS]
    if not names:
        raise DataError(f"frame folder {folder} holds no pictures; expected .png or .jpg")
    return [folder / name for name in sorted(names, key=_in_time)]


def list_clip(folder: Path, glosses: Sequence[str]) -> list[Path]:
    """The pictures of a clip that has enough of them for its glosses.

    CTC needs a frame for each gloss, and one for the blank between two that are equal.

    Raises:
        DataError: no such folder, or too few pictures in it.
    """
    frames = list_frames(folder)
    needed = len(glosses) + sum(a == b for a, b in pairwise(glosses))
    if len(frames) < needed:
        raise DataError(
            f"frame folder {folder} holds {len(frames)} frames for {len(glosses)} glosses; "
            f"at least {needed} are needed"
        )
    return frames


def read_frame(path: Path, size: int) -> np.ndarray:
    """One picture as ``(size, size, 3)`` uint8 RGB; its shape is not kept, as in the papers.

    Raises:
        DataError: it cannot be read; the message names the file.
    """
    try:
        # Only these two decoders: a file's name says nothing about what is in it.
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > _PIXEL_LIMIT:
                raise ValueError(f"{picture.width} × {picture.height} pixels are too many")
            rgb = picture.convert("RGB")
    except _BROKEN as error:
        raise DataError(f"frame {path} cannot be read ({_reason(error)})") from error
    return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))


def read_film(frames: Sequence[Path], size: int, cache: Path | None = None) -> np.ndarray:
    """All pictures of a film, ``(T, size, size, 3)`` uint8, from the cache where it is there.

    An entry is found by the names, lengths and times of the source files and by ``size``, so a
    changed film is resized anew. It appears whole or not at all, whatever interrupts the writing,
    and several processes may make it at once; a damaged entry is made again.

    Raises:
        DataError: a picture that cannot be read, a cache that cannot be written.
    """
    if cache is None:
        return _read(frames, size)
    path = cache / f"{_key(frames, size)}.npy"
    film = _load(path, (len(frames), size, size, 3))
    if film is None:
        film = _read(frames, size)
        _store(path, film)
    return film


def _read(frames: Sequence[Path], size: int) -> np.ndarray:
    film = np.empty((len(frames), size, size, 3), np.uint8)
    for t, path in enumerate(frames):
        film[t] = read_frame(path, size)
    return film


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        film = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or damaged
        return None
    return film if film.shape == shape and film.dtype == np.uint8 else None


def _store(path: Path, film: np.ndarray) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(".tmp", path.stem, path.parent)
        with os.fdopen(handle, "wb") as file:
            np.save(file, film, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the name without the contents
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"cache {path.parent} cannot be written ({error.strerror})") from error
        raise


def _key(frames: Sequence[Path], size: int) -> str:
    # The last folders' names, not the whole path: a corpus may move.
    lines = [str(size), *frames[0].parts[-4:-1]]
    for path in frames:
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"frame {path} cannot be read ({error.strerror})") from error
        lines.append(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _in_time(name: str) -> tuple:
    # Text and numbers alternate, so like is compared with like.
    return tuple(int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", name)), name


def _reason(error: BaseException) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "neither PNG nor JPEG"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
