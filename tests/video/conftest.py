"""Clips whose frames carry their number as a barcode, and a plain PyAV decoder as the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the video extra is not installed")

from vidlab.video.writing import same_priority  # noqa: E402

BITS = 10


def picture(number: int, height: int, width: int) -> np.ndarray:
    """Ten bars, white for the ones of the number, over a gradient that moves."""
    frame = np.empty((height, width, 3), np.uint8)
    across = np.arange(width)
    frame[..., 0] = (across + 7 * number) % 256
    frame[..., 1] = (np.arange(height)[:, None] * 3 + 11 * number) % 256
    frame[..., 2] = 128
    bars = across * BITS // width
    frame[: height * 2 // 3] = np.where((number >> bars) & 1, 230, 25)[None, :, None]
    return frame


def read_number(frame) -> int:
    """The barcode of a frame ``(3, H, W)``."""
    grey = np.asarray(frame).mean(0)
    height, width = grey.shape
    band = grey[: max(1, height // 2)].mean(0)
    bars = np.arange(width) * BITS // width
    return sum(int(band[bars == bit].mean() > 128) << bit for bit in range(BITS))


def write_clip(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 40,
    size: tuple[int, int] = (48, 80),
    pix_fmt: str = "yuv420p",
    gop: int = 10,
    rate: int = 25,
    options: dict[str, str] | None = None,
    times_ms: list[int] | None = None,
    rotation: int = 0,
) -> Path:
    """Encode a barcoded clip with plain PyAV; skips the test where the encoder is missing."""
    try:
        av.Codec(codec, "w")
    except Exception:
        pytest.skip(f"this build of PyAV has no encoder {codec}")
    from fractions import Fraction

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = size
        stream.pix_fmt, stream.gop_size = pix_fmt, gop
        stream.options = options or {}
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            if not hasattr(stream, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a rotation")
            stream.set_display_rotation(-rotation)  # PyAV turns the other way round
        with same_priority():  # else SVT-AV1 would make all tests after this real-time processes
            stream.codec_context.open()
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode_plainly(path: Path) -> np.ndarray:
    """All frames ``(T, 3, H, W)`` from the start, without seeking, as stored (not turned)."""
    with av.open(str(path)) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    return np.stack(frames).transpose(0, 3, 1, 2)


# Three after each other wherever they fit (left to itself x264 takes none of these pictures).
B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:scenecut=0"}
FORMATS: dict[str, dict] = {
    "h264.mp4": {"options": {"bf": "0"}},
    "bframes.mp4": {"options": B_FRAMES},
    "bframes.mkv": {"options": B_FRAMES},
    "bframes.avi": {"options": B_FRAMES},
    "stream.ts": {"options": B_FRAMES},
    "open_gop.mp4": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "one_key.mp4": {"gop": 1000},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12"}, "size": (64, 96)},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "odd.mp4": {"size": (47, 81), "pix_fmt": "yuv444p"},
    "one.mp4": {"frames": 1},
    "varying.mp4": {"times_ms": [40 * k + 13 * (k % 3) for k in range(40)]},
    "varying.mkv": {"times_ms": [40 * k + 500 * (k > 20) for k in range(40)]},
    "turned90.mp4": {"rotation": 90},
    "turned180.mp4": {"rotation": 180},
    "turned270.mp4": {"rotation": 270},
}


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`clip("vp9.webm")`: that one of FORMATS, encoded once."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        path = folder / name
        return path if path.exists() else write_clip(path, **FORMATS[name])

    return make


@pytest.fixture(scope="session")
def tools():
    """What tests need of this file (test files import nothing from each other)."""
    from types import SimpleNamespace

    return SimpleNamespace(
        write_clip=write_clip, plain=decode_plainly, number=read_number, picture=picture
    )
