"""Clips from tables of videos: which frames, how large, and what becomes of files that fail.

train = VideoClips(table, ClipPlan(16), rows=parts["train"], seed=0)
test = VideoClips(table, ClipPlan(16, take="views", views=10), rows=parts["test"])
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.base import DataError
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.limits import check_whole
from vidlab.datasets.sequence_augment import generator_for
from vidlab.datasets.video_folders import VideoTable, few
from vidlab.video import Video, VideoError, dense, random_clip, uniform
from vidlab.video._client import PROCESSES, end_idle

_CHUNK = 32  # frames held at a time when a whole video is decoded


@dataclass(frozen=True)
class ClipPlan:
    """Which frames of a video make a clip.

    Attributes:
        frames: T, frames a clip, >= 1.
        stride: from one frame to the next, in frames of the video, >= 1.
        size: height and width; the short side is scaled to it, the longer one cut.
        take: "random" for training (another place in the video, and another cut, each epoch);
            "views" for testing (``views`` clips at even distances, a single one in the middle);
            "uniform" (frames spread over the whole video; ``stride`` is not used).
        views: V, clips a video for "views"; above 1 a sample's frames are ``(V, T, C, H, W)``.
        short: a video with too few frames starts again ("loop"), stays on its last frame
            ("last") or is refused ("error"). "uniform" repeats each frame, unless refused.
    """

    frames: int = 16
    stride: int = 1
    size: int = 112
    take: str = "random"
    views: int = 1
    short: str = "loop"

    def __post_init__(self):
        for name, high in (("frames", 10_000), ("stride", 1000), ("size", 4096), ("views", 1000)):
            check_whole(name, getattr(self, name), 1, high)
        for name, allowed in (
            ("take", ("random", "views", "uniform")),
            ("short", ("loop", "last", "error")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}"
                )
        if self.views > 1 and self.take != "views":
            raise ValueError(f"views is {self.views} but take is {self.take!r}, which takes one")

    @property
    def reach(self) -> int:
        """Frames that a video needs so that none is repeated."""
        return self.frames if self.take == "uniform" else (self.frames - 1) * self.stride + 1

    def indices(self, length: int, generator: torch.Generator | None = None) -> Tensor:
        """``(V, T)`` int64 frame numbers for a video of ``length`` frames.

        >>> ClipPlan(frames=4, stride=2, take="views", views=2).indices(15).tolist()
        [[2, 4, 6, 8], [6, 8, 10, 12]]
        """
        if self.take == "random":
            return random_clip(
                length, self.frames, self.stride, generator=generator, short=self.short
            )[None]
        if self.take == "uniform":
            if self.short == "error" and length < self.reach:
                raise ValueError(f"{self.frames} different frames were asked for; it has {length}")
            return uniform(length, self.frames)[None]
        free = max(length - self.reach, 0)
        starts = [int((view + 0.5) / self.views * free) for view in range(self.views)]
        clips = [dense(length, self.frames, self.stride, s, short=self.short) for s in starts]
        return torch.stack(clips)


class VideoClips(Dataset):
    """A clip of each video: items are :class:`~vidlab.datasets.clips.ClipSample`.

    Every file is opened once, at the beginning; those that cannot be read are left out, counted in
    a warning and listed in ``skipped``. A random clip depends on (seed, epoch, index) alone:
    ``vidlab.train.fit`` calls :meth:`set_epoch` before each pass; a loop of your own has to.

    Args:
        table: the files.
        plan: which frames to take.
        rows: rows of the table, a part of a split, say; None for all.
        seed: for random clips, >= 0.
        unreadable: "skip", or "error" to refuse the data if any file cannot be read, or "later" to
            open nothing now and meet a bad file, as a VideoError, when it is read. Opening takes
            some 30 ms a file and processor where pictures are small, and ten times as much for
            1080p: for a large set, run ``vidlab data check`` once and then take "later".
        deep: decode every frame of every file at the beginning, not only look into it: slow, but
            no damage is met later, in the middle of a training.
        progress: called with (files done, files in all).

    Attributes:
        class_names, groups, labels, paths: as in the table, of the files that can be read.
        skipped: (path, reason) of those that cannot.

    Raises:
        DataError: no file can be read, or any cannot and ``unreadable`` is "error"; videos that
            are too short where the plan refuses them.
        ValueError: a row outside of the table.
    """

    def __init__(
        self,
        table: VideoTable,
        plan: ClipPlan,
        *,
        rows: Sequence[int] | None = None,
        seed: int = 0,
        unreadable: str = "skip",
        deep: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ):
        if unreadable not in ("skip", "error", "later"):
            raise ValueError(f"unreadable is {unreadable!r}; allowed: skip, error, later")
        if seed < 0:
            raise ValueError(f"seed is {seed}; allowed: 0 or more")
        rows = range(len(table)) if rows is None else rows
        for row in rows:
            if not 0 <= row < len(table):
                raise ValueError(
                    f"row {row} is not in {table.name}; allowed: 0 .. {len(table) - 1}"
                )
        self.plan, self.seed, self.epoch = plan, seed, 0
        self.class_names = table.class_names
        videos = [Video(table.paths[row], size=plan.size) for row in rows]
        now = unreadable != "later"
        reasons = unreadable_videos(videos, deep=deep, progress=progress) if now else {}
        kept = [k for k in range(len(videos)) if k not in reasons]
        self._videos = [videos[k] for k in kept]
        self.paths = tuple(table.paths[rows[k]] for k in kept)
        self.labels = tuple(table.labels[rows[k]] for k in kept)
        self.groups = tuple(table.groups[rows[k]] for k in kept)
        self.skipped = tuple((table.paths[rows[k]], why) for k, why in reasons.items())
        self._report(table.name, len(videos), unreadable)

    def set_epoch(self, epoch: int) -> None:
        """Choose other random clips: those of this epoch (from 0)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._videos)

    def __getitem__(self, index: int) -> ClipSample:
        """Raises VideoError, naming file and frame, for damage that opening did not show."""
        index = range(len(self))[index]  # negative ones count from the end; beyond is an IndexError
        video, plan = self._videos[index], self.plan
        drawn = plan.take == "random"
        generator = generator_for(self.seed, self.epoch, index) if drawn else None
        chosen = plan.indices(len(video), generator)
        frames = _square(video.frames(chosen.flatten()), plan.size, generator)
        clips = frames.unflatten(0, chosen.shape)
        return ClipSample(clips if plan.views > 1 else clips[0], self.labels[index], index)

    def _report(self, name: str, total: int, unreadable: str) -> None:
        if self.skipped:
            named = few(why for _, why in self.skipped)
            what = f"{len(self.skipped):,} of {total:,} videos cannot be read: {named}"
            if unreadable == "error" or not self._videos:
                raise DataError(f"{name}: {what}")
            warnings.warn(f"{name}: left out, as {what} (all in .skipped)", stacklevel=3)
        if not self._videos:
            raise DataError(f"{name}: there are no videos in this part")
        if self.plan.short == "error" and unreadable != "later":
            reach = self.plan.reach
            short = [v for v in self._videos if len(v) < reach]
            if short:
                named = few(f"{video.path} ({len(video)})" for video in short)
                raise DataError(
                    f"{name}: {len(short):,} of {total:,} videos have fewer than the {reach} "
                    f'frames that a clip spans: {named}; short="loop" or "last" would repeat frames'
                )


def unreadable_videos(
    videos: Sequence[Video],
    *,
    deep: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, str]:
    """Open every video, several at once; which (by place) cannot be read, and why.

    With ``deep`` every frame is decoded, too.
    """

    def reason(video: Video) -> str | None:
        try:
            len(video)
            if deep:
                for _ in video.chunks(_CHUNK):
                    pass
        except VideoError as error:
            return str(error)
        return None

    reasons: dict[int, str] = {}
    # Each thread has a decoding process of its own, which takes a while to start.
    pool = ThreadPoolExecutor(min(PROCESSES, 1 + len(videos) // 16))
    try:
        for place, why in enumerate(pool.map(reason, videos)):
            if why is not None:
                reasons[place] = why
            if progress is not None:
                progress(place + 1, len(videos))
    finally:
        pool.shutdown(cancel_futures=True)
        end_idle()
    return reasons


def _square(frames: Tensor, size: int, generator: torch.Generator | None) -> Tensor:
    """Cut ``(…, H, W)`` to size x size: at a random place with a generator, else the middle."""
    free = [max(side - size, 0) for side in frames.shape[-2:]]
    if generator is None:
        top, left = (room // 2 for room in free)
    else:
        top, left = (int(torch.randint(room + 1, (), generator=generator)) for room in free)
    return frames[..., top : top + size, left : left + size]
