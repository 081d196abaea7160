"""The one exception of the video layer."""

from __future__ import annotations

import os


class VideoError(ValueError):
    """A video cannot be read or written as asked.

    The message names the file and, where one is to blame, the frame.

    Attributes:
        path: the file, or None.
        frame: number of the frame from 0, or None.
    """

    def __init__(
        self,
        message: str,
        path: str | os.PathLike[str] | None = None,
        frame: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = os.fspath(path) if path is not None else None
        self.frame = frame

    def __reduce__(self):
        return VideoError, (str(self), self.path, self.frame)
