"""Reading video files: what a file holds, and its frames by number and by time."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vidlab.video._checks import DAMAGED, check_file, check_size
from vidlab.video._client import Request
from vidlab.video.errors import VideoError

# A read of many frames goes through the shared memory in pieces: each has the whole time-out.
PIECE_BYTES = 256 << 20
PIECE_FRAMES = 64
BACKENDS = ("auto", "decord", "pyav")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        path: the file.
        frames: how many frames can be decoded, counted, not read from the header.
        header_frames: how many the header promises, if it says.
        fps: average frames a second.
        duration: seconds for which the video is shown.
        width, height: of a frame as displayed (after rotation), in pixels.
        codec: FFmpeg's name of it.
        rotation: degrees clockwise by which stored frames are turned for display.
        backend: the library that decodes this file, "decord" or "pyav".
        pyav_because: why decord is not trusted with it, or None.
    """

    path: str
    frames: int
    header_frames: int | None
    fps: float
    duration: float
    width: int
    height: int
    codec: str
    rotation: int
    backend: str
    pyav_because: str | None = field(default=None, compare=False)


def probe(
    path: str | os.PathLike[str], *, backend: str = "auto", timeout: float = 30.0
) -> VideoInfo:
    """Look at a video file: count its frames, find its size, rate and rotation.

    Args:
        path: an existing file.
        backend: as for :class:`Video`.
        timeout: seconds without progress after which the file is given up.

    Raises:
        VideoError: no such file, a folder, empty, not a video, no frame that decodes, too slow.
    """
    return Video(path, backend=backend, timeout=timeout).info


class Video:
    """The frames of a video file, decoded when asked for.

    Nothing is opened before the first use; then the file is looked at once. A Video can be sent to
    other processes (``DataLoader`` workers), which open the file for themselves.

    decord reads where its frame k is certain to be frame k of the file; where it is not (rotated,
    variable rate, edit lists, open groups of pictures, damaged, …) or is not installed, PyAV does.
    Both give the same pixels. ``info.backend`` says which.

    Args:
        path: an existing file.
        size: ``(height, width)`` of the frames given; or the length of the shorter side, keeping
            the shape; or None, as stored.
        backend: "auto", or "pyav" always, or "decord" or else an error.
        timeout: seconds; decoding that shows no progress for so long is stopped. A long read that
            moves on is not.

    Raises:
        VideoError: on use; see :func:`probe`.
        ValueError, TypeError: a size, backend or time-out that cannot be.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int] | int | None = None,
        backend: str = "auto",
        timeout: float = 30.0,
    ) -> None:
        self.path = os.fspath(path)
        if not isinstance(self.path, str):
            raise TypeError(f"path is {self.path!r}; expected a str or Path")
        if backend not in BACKENDS:
            raise ValueError(f"backend is {backend!r}; expected one of {', '.join(BACKENDS)}")
        if not 0 < timeout < float("inf"):
            raise ValueError(f"timeout is {timeout!r}; expected seconds > 0")
        self.size, self.backend, self.timeout = check_size(size), backend, float(timeout)
        self._info: VideoInfo | None = None
        self._stamp: list[int] | None = None
        self._times: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"Video({self.path!r}, size={self.size})"

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Forget what was learnt of the file; the next use looks at it anew."""
        self._info = self._stamp = self._times = None

    @property
    def info(self) -> VideoInfo:
        """What the file holds."""
        if self._info is None:
            answer = self._ask({"do": "probe", "times": False})
            found, self._stamp = answer["info"], answer["stamp"]
            because = found.pop("pyav_because")
            if self.backend == "decord" and because is not None:
                raise VideoError(
                    f"{self.path}: not read with decord: {because}; use backend='auto'", self.path
                )
            trusted = because is None and self.backend != "pyav"
            self._info = VideoInfo(
                path=self.path,
                backend="decord" if trusted else "pyav",
                pyav_because=because,
                **found,
            )
        return self._info

    def __len__(self) -> int:
        return self.info.frames

    @property
    def frame_size(self) -> tuple[int, int]:
        """``(height, width)`` of the frames given."""
        if isinstance(self.size, tuple):
            return self.size
        height, width = self.info.height, self.info.width
        if self.size is None:
            return height, width
        scale = self.size / min(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def times(self) -> np.ndarray:
        """``(frames,)`` float64 seconds after the first frame at which each is shown."""
        if self._times is None:
            answer = self._ask({"do": "probe", "times": True})
            self._times = np.array(answer["times"])
        return self._times.copy()

    def frames(
        self, indices: Iterable[int], *, progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """Frames by number, in any order, repeats allowed.

        Args:
            indices: T numbers from 0 to ``len(video) - 1``.
            progress: called with (frames read, frames in all) after each piece of a long read.

        Returns:
            ``(T, 3, H, W)`` uint8 RGB, each frame stored row by row with its colours together
            (``contiguous()`` orders memory by colour).

        Raises:
            VideoError: a number out of range, or a damaged frame; names the frame.
            TypeError: a number that is not an integer.
        """
        numbers = self._check_numbers(indices)
        height, width = self.frame_size
        out = _empty(len(numbers), height, width)
        distinct, place = np.unique(numbers, return_inverse=True)
        in_order = len(distinct) == len(numbers) and bool((distinct == numbers).all())
        frame_bytes = 3 * height * width
        piece = max(1, min(PIECE_FRAMES, PIECE_BYTES // frame_bytes))
        done = 0
        for start in range(0, len(distinct), piece):
            some = distinct[start : start + piece]
            if in_order:
                self._read(some, out[start : start + len(some)])
                done += len(some)
            else:
                pictures = _empty(len(some), height, width)
                self._read(some, pictures)
                here = (place >= start) & (place < start + len(some))
                out[torch.from_numpy(here)] = pictures[torch.from_numpy(place[here] - start)]
                done += int(here.sum())
            if progress is not None:
                progress(done, len(numbers))
        return out.permute(0, 3, 1, 2)

    def at(self, seconds: Sequence[float]) -> Tensor:
        """The frames that are shown at given times (give or take half a millisecond).

        Args:
            seconds: T times after the first frame, each in ``0 <= t < duration``.

        Returns:
            ``(T, 3, H, W)`` uint8, as :meth:`frames`.

        Raises:
            VideoError: a time outside of the video.
        """
        wanted = np.asarray(list(seconds), dtype=np.float64)
        outside = ~((wanted >= 0) & (wanted < self.info.duration))  # NaN is outside too
        if outside.any():
            raise VideoError(
                f"{self.path}: no frame is shown at {wanted[outside][0]:g} s; "
                f"the video runs from 0 to {self.info.duration:g} s",
                self.path,
            )
        # Matroska rounds times to milliseconds: 2 / 30 s must find the frame of 0.067 s.
        wanted += 0.000501
        return self.frames(np.searchsorted(self.times(), wanted, side="right") - 1)

    def chunks(self, batch: int = 32) -> Iterator[Tensor]:
        """All frames in order, ``batch`` at a time, ``(<= batch, 3, H, W)`` uint8."""
        if operator.index(batch) < 1:
            raise ValueError(f"batch is {batch}; expected at least 1")
        for start in range(0, len(self), batch):
            yield self.frames(range(start, min(start + batch, len(self))))

    def __iter__(self) -> Iterator[Tensor]:
        for chunk in self.chunks():
            yield from chunk

    def _check_numbers(self, indices: Iterable[int]) -> np.ndarray:
        if isinstance(indices, Tensor):
            indices = indices.numpy()
        numbers = np.asarray(indices if isinstance(indices, np.ndarray | range) else list(indices))
        if numbers.ndim != 1:
            raise TypeError(f"indices have shape {numbers.shape}; expected one list of integers")
        if numbers.size == 0:
            return np.zeros(0, np.int64)
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"indices are {numbers.dtype}; expected integers")
        wrong = numbers[(numbers < 0) | (numbers >= len(self))]
        if wrong.size:
            raise VideoError(
                f"{self.path}: there is no frame {wrong[0]}; allowed are 0 to {len(self) - 1}",
                self.path,
                int(wrong[0]),
            )
        return numbers.astype(np.int64)

    def _ask(self, request: dict) -> dict:
        check_file(self.path)
        with Request(self.path) as worker:
            request |= {"path": os.path.abspath(self.path), "backend": self.backend}
            return self._checked(worker.ask(request, self.timeout))

    def _read(self, numbers: np.ndarray, out: Tensor) -> None:
        """Fill ``out`` (T, H, W, 3) with the frames of ascending numbers."""
        needed, info = out.numel(), self.info
        known = {"rotation": info.rotation, "damaged": info.pyav_because == DAMAGED}
        with Request(self.path) as worker:
            shared = worker.room(needed)
            request = {
                "do": "read",
                "path": os.path.abspath(self.path),
                "backend": info.backend,
                "known": known,
                "stamp": self._stamp,
                "size": self.frame_size,
                "numbers": numbers.tolist(),
                "bytes": len(shared),
            }
            self._checked(worker.ask(request, self.timeout))
            out.copy_(torch.frombuffer(shared, dtype=torch.uint8, count=needed).view(out.shape))

    def _checked(self, answer: dict) -> dict:
        if "error" in answer:
            raise VideoError(f"{self.path}: {answer['error']}", self.path, answer.get("frame"))
        return answer


def _empty(count: int, height: int, width: int) -> Tensor:
    # NumPy asks the system for huge pages, torch does not: filling large arrays is much quicker.
    return torch.from_numpy(np.empty((count, height, width, 3), np.uint8))
