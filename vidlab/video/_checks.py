"""What can be said against a file or a size before anything is opened."""

from __future__ import annotations

import operator
import os
import stat

from vidlab.video.errors import VideoError

MAX_SIDE = 16384
DAMAGED = "it is damaged"  # why decord is not trusted with a file; PyAV then reads it with care


def check_size(size: tuple[int, int] | int | None) -> tuple[int, int] | int | None:
    """A size as one of these three forms, or an error."""
    if size is None:
        return None
    sides = size if isinstance(size, tuple | list) else (size,)
    try:
        sides = tuple(operator.index(side) for side in sides)
    except TypeError:
        raise TypeError(f"size is {size!r}; expected (height, width), an int or None") from None
    if len(sides) > 2 or not sides or not all(1 <= side <= MAX_SIDE for side in sides):
        raise ValueError(f"size is {size!r}; expected sides of 1 to {MAX_SIDE} pixels")
    return sides if isinstance(size, tuple | list) and len(sides) == 2 else sides[0]


def check_file(path: str) -> None:
    """Refuse what is no file before anything opens it."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        why = getattr(error, "strerror", None) or "the name is not allowed"
        raise VideoError(f"{path}: there is no such video ({why})", path) from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(f"{path}: this is a folder, not a video", path)
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{path}: this is not a regular file", path)
    if status.st_size == 0:
        raise VideoError(f"{path}: the file is empty", path)
