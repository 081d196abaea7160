"""Writing video files that read quickly and look alike everywhere."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import Tensor

from vidlab.video.errors import VideoError

# Random access decodes from the key frame before: one in ten made it 4 to 13 times faster.
KEY_EVERY = 10
_ENCODERS = {
    "h264": ("libx264", {"preset": "medium", "sc_threshold": "0", "bf": "2", "open-gop": "0"}),
    "vp9": ("libvpx-vp9", {"b": "0", "deadline": "realtime", "cpu-used": "6"}),
    "av1": ("libsvtav1", {"preset": "8"}),
    "mjpeg": ("mjpeg", {}),
}
_CONTAINERS = {
    "h264": (".mp4", ".mkv", ".mov", ".avi"),
    "vp9": (".webm", ".mkv", ".mp4"),
    "av1": (".mp4", ".webm", ".mkv"),
    "mjpeg": (".avi", ".mkv", ".mov"),
}


def write_video(
    path: str | os.PathLike[str],
    frames: Tensor | np.ndarray | Iterable[Tensor | np.ndarray],
    fps: float = 25,
    *,
    codec: str = "h264",
    crf: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Write frames to a video file, a key frame every 10; the file appears when it is whole.

    Colours are stored at half resolution (``yuv420p``), which every player shows. Frames of odd
    height or width are stored with full colours (``yuv444p``), so that no pixel is added; some
    browsers do not play those. Compression is lossy.

    Args:
        path: where to; an existing file is replaced. h264 goes into .mp4, .mkv, .mov or .avi; vp9
            into .webm, .mkv or .mp4; av1 into .mp4, .webm or .mkv; mjpeg into .avi, .mkv or .mov.
        frames: ``(T, 3, H, W)`` uint8 RGB, or an iterable of T frames ``(3, H, W)``.
        fps: frames a second, above 0 and at most 1000.
        codec: "h264", "vp9", "av1" or "mjpeg".
        crf: quality, 0 (best) to 51 (h264) or 63 (vp9, av1); None: 18, 24 or 24. Not for mjpeg.
        progress: called with (frames written, frames in all or None) after every tenth frame.

    Raises:
        ValueError, TypeError: frames, rate, codec or name that cannot be; says which.
        VideoError: the encoder is missing or fails, or the file cannot be written.
    """
    path = Path(path)
    _check(path, fps, codec, crf)
    try:
        import av
    except ImportError as error:
        raise ImportError("writing video files needs PyAV: pip install 'vidlab[video]'") from error
    total = len(frames) if hasattr(frames, "__len__") else None
    pictures = _pictures(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("there are no frames to write")
    try:
        handle, name = tempfile.mkstemp(path.suffix, f".{path.stem[:50]}-", path.parent)
    except OSError as error:
        raise VideoError(f"{path}: cannot be written ({error.strerror})", path) from error
    os.close(handle)
    try:
        with av.open(name, "w") as container:
            stream = _stream(container, codec, crf, fps, first.shape)
            for number, picture in enumerate(_then(first, pictures)):
                if picture.shape != first.shape:
                    raise ValueError(
                        f"frame {number} has shape {_chw(picture)}, frame 0 {_chw(first)}"
                    )
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, stream.codec_context.time_base
                container.mux(stream.encode(frame))
                if progress is not None and (number + 1) % KEY_EVERY == 0:
                    progress(number + 1, total)
            container.mux(stream.encode(None))
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: writing failed ({error})", path) from error
    finally:
        Path(name).unlink(missing_ok=True)
    if progress is not None and (number + 1) % KEY_EVERY:
        progress(number + 1, total)
    return path


def _stream(container, codec: str, crf: int | None, fps: float, shape: tuple[int, ...]):
    import av

    encoder, options = _ENCODERS[codec]
    rate = Fraction(fps).limit_denominator(100_000)
    try:
        av.Codec(encoder, "w")
    except Exception as error:
        raise VideoError(f"this build of PyAV has no encoder for {codec} ({encoder})") from error
    stream = container.add_stream(encoder, rate=rate)
    stream.height, stream.width = shape[:2]
    odd = stream.height % 2 or stream.width % 2
    if codec == "mjpeg":
        stream.pix_fmt = "yuvj444p" if odd else "yuvj420p"
        stream.codec_context.qmin, stream.codec_context.qmax = 2, 3
    else:
        # SVT-AV1 knows half resolution only, and keeps odd sizes all the same.
        stream.pix_fmt = "yuv444p" if odd and codec != "av1" else "yuv420p"
        default = 18 if codec == "h264" else 24
        options = options | {"crf": str(default if crf is None else crf)}
    stream.gop_size = KEY_EVERY
    stream.codec_context.time_base = 1 / rate
    stream.options = options
    with same_priority():
        stream.codec_context.open()
    return stream


@contextmanager
def same_priority() -> Iterator[None]:
    """Leave the calling thread its scheduling.

    SVT-AV1, where it may (as root), makes the thread that opens it a real-time one for good; all
    that this thread starts would be so, too, and could keep the rest of the machine from running.
    """
    if not hasattr(os, "sched_getscheduler"):  # only Linux has it
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _pictures(frames) -> Iterator[np.ndarray]:
    """Frames one by one as ``(H, W, 3)`` arrays, checked."""
    if isinstance(frames, Tensor | np.ndarray) and frames.ndim != 4:
        raise ValueError(f"frames have shape {tuple(frames.shape)}; expected (T, 3, H, W)")
    for number, frame in enumerate(frames):
        array = frame.detach().cpu().numpy() if isinstance(frame, Tensor) else np.asarray(frame)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != 3 or array.size == 0:
            raise ValueError(
                f"frame {number} is {array.dtype} of shape {array.shape}; expected uint8 (3, H, W)"
            )
        yield np.ascontiguousarray(array.transpose(1, 2, 0))


def _then(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _chw(picture: np.ndarray) -> tuple[int, ...]:
    return (picture.shape[2], *picture.shape[:2])


def _check(path: Path, fps: float, codec: str, crf: int | None) -> None:
    if codec not in _ENCODERS:
        raise ValueError(f"codec is {codec!r}; expected one of {', '.join(_ENCODERS)}")
    if path.suffix.lower() not in _CONTAINERS[codec]:
        raise ValueError(
            f"{path}: {codec} is written to {', '.join(_CONTAINERS[codec])}, not {path.suffix!r}"
        )
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise ValueError(f"fps is {fps!r}; expected 0 < fps <= 1000")
    best = 51 if codec == "h264" else 63
    if crf is not None and (codec == "mjpeg" or not 0 <= crf <= best):
        raise ValueError(f"crf is {crf!r}; expected 0 to {best}, and none for mjpeg")
    if path.is_dir():
        raise VideoError(f"{path}: this is a folder", path)
    if not path.parent.is_dir():
        raise VideoError(f"{path}: there is no folder {path.parent}", path)


def _umask() -> int:
    """The mode bits that new files must not have (can only be read by setting them)."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
