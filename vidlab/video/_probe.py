"""Looking at a file once: what it really holds, and which decoder may be trusted with it.

Runs in the decoding process only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np

from vidlab.video._checks import DAMAGED
from vidlab.video._complaints import Complaints
from vidlab.video._index import Index, Refused, scan
from vidlab.video._pyav import Pictures, PyavReader, turn_of

# Up to so long a group of pictures the last one is decoded to see that the video's end is there.
_LONG_GROUP = 600
_GROUPS_AT_THE_END = 20
# Mean difference, of 255, by which two builds of the same decoder may round differently.
_SAME = 0.5
# In MPEG transport streams, for one, decord's frame 0 was the file's frame 9.
_DECORD_CONTAINERS = {"mp4", "matroska", "avi"}


def look(path: str, complaints: Complaints, beat: Callable[[], None]) -> tuple[dict, Index]:
    """What a file holds, as plain values, and its index.

    Raises:
        Refused: it cannot be read at all; the message says why.
    """
    index = scan(path, beat)
    complaints.clear()
    if index.counted:
        index = _by_decoding(path, index, complaints, beat)
    first, whole = _first_frame(path, index, complaints, beat)
    rotation = turn_of(first)
    height, width = first.height, first.width
    if rotation in (90, 270):
        height, width = width, height
    demuxed = len(index.pts)
    index = _trimmed(path, index, complaints, beat)
    times = index.times()
    span = (index.pts[-1] - index.pts[0]) * index.time_base
    fps = float((len(times) - 1) / span) if span > 0 else index.rate or 25.0
    last = float(index.last_duration * index.time_base)
    info = {
        "frames": len(index.pts),
        "header_frames": index.header_frames,
        "fps": fps,
        "duration": times[-1] + (last if last > 0 and not index.counted else 1 / fps),
        "width": width,
        "height": height,
        "codec": index.codec,
        "rotation": rotation,
    }
    damaged = not whole or demuxed != len(index.pts)
    why = DAMAGED if damaged else _why_not_decord(info, index)
    return info | {"pyav_because": why}, index


def _first_frame(path, index, complaints, beat) -> tuple[av.VideoFrame, bool]:
    """The first frame that decodes, and whether it is the file's first and came without a fuss."""
    frames: list[av.VideoFrame] = []

    def keep(frame: av.VideoFrame) -> np.ndarray:
        frames.append(frame)
        return np.empty(0, np.uint8)

    reader = PyavReader(path, index, keep, complaints, beat, careful=True)
    groups = [-1, *range(1, min(len(index.keys), _GROUPS_AT_THE_END))]
    for turn, key in enumerate(groups):
        number = index.number_of(key)
        good, _ = reader.group(key, {number}, lambda *_: None)
        if good:
            return frames[0], turn == 0
    raise Refused("no frame at its beginning can be decoded", 0)


def _trimmed(path, index: Index, complaints, beat) -> Index:
    """The index without the frames at its end that cannot be decoded (a file cut short)."""
    if index.counted or index.longest > _LONG_GROUP:
        return index
    end = len(index.pts)
    last_group = list(range(index.number_of(index.key_of(end - 1)), end))
    reader = PyavReader(path, index, _no_picture, complaints, beat)
    whole = reader.quick(last_group, lambda *_: None)
    reader.close()
    if whole:
        return index
    for _ in range(_GROUPS_AT_THE_END):
        key = index.key_of(end - 1)
        start = index.number_of(key)
        good, _ = reader.group(key, set(range(start, end)), None)
        if good:
            end = max(good) + 1
            break
        end = start
        if end == 0:
            raise Refused("no frame can be decoded", 0)
    else:
        raise Refused(
            f"its last {len(index.pts) - end} frames, from frame {end} on, cannot be decoded", end
        )
    if end == len(index.pts):
        return index
    keys = [key for key in index.keys if key[0] <= index.pts[end - 1]]
    return replace(index, pts=index.pts[:end], keys=keys, last_duration=0)


def _no_picture(_: av.VideoFrame) -> np.ndarray:
    return np.empty(0, np.uint8)


def _by_decoding(path, index: Index, complaints, beat) -> Index:
    """The index of a file whose packets do not tell the order: decode it all and count."""
    reader = PyavReader(path, index, _no_picture, complaints, beat)
    pts, count = [], 0
    try:
        for _, frame in reader._decode(-1):
            count += 1
            if frame.pts is not None:
                pts.append(frame.pts)
    except av.FFmpegError:
        pass  # what came before is the video
    if not count:
        raise Refused("no frame can be decoded", 0)
    if len(set(pts)) == count:
        return replace(index, pts=sorted(pts), keys=[], last_duration=0)
    step = Fraction(1 / (index.rate or 25.0)).limit_denominator(100_000)
    return replace(index, pts=list(range(count)), keys=[], time_base=step, last_duration=1)


def _why_not_decord(info: dict, index: Index) -> str | None:
    """Why decord's frame k may not be frame k of this file; None: it is.

    decord numbers frames by the container's promise and does not say when a decoder drops one.
    """
    checks = {
        "its container is not one that decord seeks in exactly": not _DECORD_CONTAINERS
        & set(index.container.split(",")),
        "its frames are numbered by decoding": index.counted,
        "it is rotated": info["rotation"] != 0,
        "its frame rate varies": not index.steady(),
        "its edit list hides frames": index.discards,
        "its groups of pictures are open": index.leading,
        "its header promises another number of frames": index.header_frames
        not in (None, len(index.pts)),
        f"its key frames are more than {_LONG_GROUP} frames apart": index.longest > _LONG_GROUP,
        "its first frame is no key frame": not index.keys or index.keys[0][0] != index.pts[0],
    }
    return next((why for why, holds in checks.items() if holds), None)


def decord_disagrees(reader, path, info, index: Index, complaints, beat) -> str | None:
    """Why an opened decord reader cannot be trusted with this file; None: it can.

    Its count and times must be ours, and so must two frames, the second one inside of a group of
    pictures in the middle, after a jump.
    """
    count = len(index.pts)
    if len(reader) != count:
        return "decord counts its frames differently"
    starts = reader.get_frame_timestamp(range(count))[:, 0]
    tick = float(index.time_base)
    if np.abs(starts - starts[0] - np.array(index.times())).max() > tick / 2 + 1e-4:
        return "decord gives its frames other times"
    key = index.key_of(count // 2)
    middle = min(index.number_of(key) + 1, count - 1)
    numbers = sorted({0, middle})
    # A grid of points tells two pictures apart as well as all of them.
    every = max(1, min(info["height"], info["width"]) // 64)
    ours: dict[int, np.ndarray] = {}

    def keep(number: int, picture: np.ndarray) -> None:
        ours[number] = picture[::every, ::every].astype(np.int16)

    # First: decord decodes on in the background after it has answered.
    pictures = Pictures(0, info["height"], info["width"])
    pyav = PyavReader(path, index, pictures, complaints, beat)
    try:
        pyav.read(numbers, keep)
    except Refused:
        return "a frame in its middle is damaged"
    finally:
        pyav.close()
    complaints.clear()
    theirs = reader.get_batch(numbers[::-1]).asnumpy()[::-1, ::every, ::every].astype(np.int16)
    if complaints.any():
        return "decord finds it damaged"
    if np.abs(theirs - np.stack([ours[n] for n in numbers])).mean() > _SAME:
        return "decord gives other pictures"
    return None
