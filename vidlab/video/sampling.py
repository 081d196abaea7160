"""Which frames of a video to look at: numbers from counts, no files involved.

All functions return ``(count,)`` int64 frame numbers in ``0 .. frames - 1``, ready for
:meth:`vidlab.video.Video.frames`. Of 12 frames, 4 are taken so:

    uniform(12, 4)          .x..x..x..x.   the middles of 4 equal parts
    dense(12, 4, stride=2)  x.x.x.x.....   every 2nd from a start
    segments(12, 4, g)      x....xx....x   a random one of each of 4 parts (TSN)
    random_clip(12, 4)      .....xxxx...   neighbours from a random start
"""

from __future__ import annotations

import operator

import torch
from torch import Generator, Tensor

SHORT = ("error", "loop", "last")


def uniform(frames: int, count: int) -> Tensor:
    """The middles of ``count`` equal parts; with ``count > frames`` frames repeat.

    >>> uniform(12, 4).tolist()
    [1, 4, 7, 10]
    >>> uniform(2, 4).tolist()
    [0, 0, 1, 1]
    """
    frames, count = _at_least_one(frames=frames, count=count)
    # The middle of part k, rounded down, in whole numbers: no rounding error however long.
    parts = torch.arange(count)
    return ((2 * parts + 1) * frames - 1).div(2 * count, rounding_mode="floor")


def dense(
    frames: int, count: int, stride: int = 1, start: int = 0, *, short: str = "error"
) -> Tensor:
    """Every ``stride``-th frame from ``start`` on.

    Args:
        frames: of the video.
        count: to take.
        stride: from one to the next, at least 1.
        start: the first one, ``0 <= start < frames``.
        short: where the video ends too early: "error"; "loop", begin again at frame 0; or
            "last", repeat the last frame.

    Raises:
        ValueError: the video is too short and ``short="error"``, or a number that cannot be.

    >>> dense(12, 4, stride=2).tolist()
    [0, 2, 4, 6]
    >>> dense(3, 4, short="loop").tolist(), dense(3, 4, short="last").tolist()
    ([0, 1, 2, 0], [0, 1, 2, 2])
    """
    frames, count, stride = _at_least_one(frames=frames, count=count, stride=stride)
    start = operator.index(start)
    if not 0 <= start < frames:
        raise ValueError(f"start is {start}; the video has frames 0 to {frames - 1}")
    if short not in SHORT:
        raise ValueError(f"short is {short!r}; expected one of {', '.join(SHORT)}")
    numbers = start + stride * torch.arange(count)
    if numbers[-1] < frames:
        return numbers
    if short == "loop":
        return numbers % frames
    if short == "last":
        return numbers.clamp(max=frames - 1)
    raise ValueError(
        f"{count} frames of stride {stride} from frame {start} on need {int(numbers[-1]) + 1} "
        f"frames; the video has {frames} (short='loop' or 'last' fills up)"
    )


def segments(frames: int, count: int, generator: Generator | None = None) -> Tensor:
    """One frame from each of ``count`` equal parts, as temporal segment networks do.

    Source: Wang et al., Temporal Segment Networks, ECCV 2016, section 3.1.

    Args:
        frames: of the video; parts of fewer than one frame share frames.
        count: number of parts.
        generator: with it a random frame of each part (training), without the middle (testing).

    >>> segments(12, 4).tolist()
    [1, 4, 7, 10]
    """
    if generator is None:
        return uniform(frames, count)
    frames, count = _at_least_one(frames=frames, count=count)
    edges = (torch.arange(count + 1) * frames).div(count, rounding_mode="floor")
    length = (edges[1:] - edges[:-1]).clamp(min=1)
    offset = torch.rand(count, generator=generator, dtype=torch.float64) * length
    return edges[:-1] + offset.long().minimum(length - 1)


def random_clip(
    frames: int, count: int, stride: int = 1, *, generator: Generator, short: str = "error"
) -> Tensor:
    """``count`` frames, ``stride`` apart, from a random start; every start that fits is as likely.

    Args:
        frames: of the video.
        count: to take.
        stride: from one to the next, at least 1.
        generator: source of the start.
        short: if not even one clip fits: as for :func:`dense`, from frame 0.

    >>> random_clip(12, 4, generator=Generator().manual_seed(0)).diff().tolist()
    [1, 1, 1]
    """
    frames, count, stride = _at_least_one(frames=frames, count=count, stride=stride)
    starts = frames - stride * (count - 1)
    if starts < 1:
        return dense(frames, count, stride, short=short)
    start = torch.randint(starts, (), generator=generator)
    return dense(frames, count, stride, int(start), short=short)


def _at_least_one(**numbers: int) -> list[int]:
    for name, value in numbers.items():
        if isinstance(value, bool) or operator.index(value) < 1:
            raise ValueError(f"{name} is {value!r}; expected an integer of at least 1")
    return [operator.index(value) for value in numbers.values()]
