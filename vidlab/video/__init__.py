"""Video files as tensors: reading, sampling, writing and a preview for notebooks.

    video = Video("clip.mp4", size=112)
    clip = video.frames(uniform(len(video), 16))  # (16, 3, H, W) uint8

Reading never hangs and never takes the caller down: all decoding happens in a process of its own,
which is killed when it is silent for too long. Whatever goes wrong with a file is a
:class:`VideoError`. Files need ``pip install 'vidlab[video]'``; sampling and preview do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlab.video.errors import VideoError
    from vidlab.video.playback import Preview, preview
    from vidlab.video.reader import Video, VideoInfo, probe
    from vidlab.video.sampling import dense, random_clip, segments, uniform
    from vidlab.video.writing import write_video

__all__ = [
    "Preview",
    "Video",
    "VideoError",
    "VideoInfo",
    "dense",
    "preview",
    "probe",
    "random_clip",
    "segments",
    "uniform",
    "write_video",
]

_HOMES = {
    "errors": ["VideoError"],
    "playback": ["Preview", "preview"],
    "reader": ["Video", "VideoInfo", "probe"],
    "sampling": ["dense", "random_clip", "segments", "uniform"],
    "writing": ["write_video"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str):
    # Loaded on first use: the decoding process imports this package too, and must not load torch.
    if name not in _HOME:
        raise AttributeError(f"module 'vidlab.video' has no attribute {name!r}")
    return getattr(import_module(f"vidlab.video.{_HOME[name]}"), name)
