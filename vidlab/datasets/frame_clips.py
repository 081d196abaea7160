"""Clips of labelled frame folders, and the sampling of temporal segment networks.

train = FrameClips(corpus.table, SegmentPlan(8, take="random"), rows=corpus.split["train"], seed=0)
test = FrameClips(corpus.table, SegmentPlan(8), rows=corpus.split["validation"])
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset

from vidlab.datasets.base import DataError
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.frame_folders import list_frames, read_film
from vidlab.datasets.limits import check_whole
from vidlab.datasets.sequence_augment import generator_for
from vidlab.datasets.video_clips import ClipPlan
from vidlab.datasets.video_folders import VideoTable, few
from vidlab.video import segments

_THREADS = 4  # folders are listed without Python's lock


@dataclass(frozen=True)
class SegmentPlan:
    """One frame of each of T equal parts of a video: sparse, and from its beginning to its end.

    Source: Wang et al., Temporal Segment Networks, ECCV 2016, section 3.1. Also a plan for
    :class:`~vidlab.datasets.video_clips.VideoClips`.

    Attributes:
        frames: T, 1 .. 10,000. A video of fewer frames shows some of them twice.
        size: height and width, 1 .. 4096.
        take: "random", a random frame of each part, for training; "middle", for testing.
    """

    frames: int = 8
    size: int = 112
    take: str = "middle"

    # What VideoClips asks a plan: one clip a video, and none is too short.
    views: ClassVar[int] = 1
    short: ClassVar[str] = "loop"

    def __post_init__(self):
        check_whole("frames", self.frames, 1, 10_000)
        check_whole("size", self.size, 1, 4096)
        if self.take not in ("random", "middle"):
            raise ValueError(f"take is {self.take!r}; allowed: random, middle")

    def indices(self, length: int, generator: Generator | None = None) -> Tensor:
        """``(1, T)`` int64 frame numbers for a video of ``length`` frames.

        >>> SegmentPlan(frames=4).indices(12).tolist()
        [[1, 4, 7, 10]]
        """
        return segments(length, self.frames, generator if self.take == "random" else None)[None]


class FrameClips(Dataset):
    """A clip of each frame folder: items are :class:`~vidlab.datasets.clips.ClipSample`.

    Whole pictures are resized to size x size: hands at the border are not cut off. A random clip
    depends on (seed, epoch, index) alone: ``vidlab.train.fit`` calls :meth:`set_epoch` before each
    pass; a loop of your own has to.

    Args:
        table: its paths are folders, as from :mod:`vidlab.datasets.jester`.
        plan: which frames to take; a :class:`SegmentPlan` or
            :class:`~vidlab.datasets.video_clips.ClipPlan`.
        rows: rows of the table, a part of a split, say; None for all.
        seed: for random clips, >= 0.
        cache: a folder for resized films (see :mod:`vidlab.datasets.frame_folders`), or None: then
            only the frames of the clip are opened.
        unreadable: folders without a picture: "skip" warns and leaves them out, "error" refuses
            the data; "later" lists no folder now and meets a bad one when it is read.
        progress: called with (folders done, folders in all).

    Attributes:
        class_names, groups, labels, paths: as in the table, of the folders that hold pictures.
        skipped: (path, reason) of the others.

    Raises:
        DataError: no folder can be used, or any cannot and ``unreadable`` is "error"; on access: a
            picture that cannot be read, named, or a clip too short for a plan that refuses those.
        ValueError: a row outside of the table, or another bad argument.
    """

    def __init__(
        self,
        table: VideoTable,
        plan: SegmentPlan | ClipPlan,
        *,
        rows: Sequence[int] | None = None,
        seed: int = 0,
        cache: Path | str | None = None,
        unreadable: str = "skip",
        progress: Callable[[int, int], None] | None = None,
    ):
        if unreadable not in ("skip", "error", "later"):
            raise ValueError(f"unreadable is {unreadable!r}; allowed: skip, error, later")
        check_whole("seed", seed, 0)
        rows = range(len(table)) if rows is None else rows
        for row in rows:
            if not 0 <= row < len(table):
                raise ValueError(
                    f"row {row} is not in {table.name}; allowed: 0 .. {len(table) - 1}"
                )
        if not len(rows):
            raise DataError(f"{table.name}: there are no clips in this part")
        self.plan, self.seed, self.epoch = plan, seed, 0
        self.cache = Path(cache) if cache is not None else None
        self.class_names = table.class_names
        folders = [table.paths[row] for row in rows]
        found = [()] * len(folders) if unreadable == "later" else _listed(folders, progress)
        kept = [k for k, names in enumerate(found) if not isinstance(names, DataError)]
        self.skipped = tuple(
            (folders[k], str(why)) for k, why in enumerate(found) if isinstance(why, DataError)
        )
        if self.skipped:
            what = f"{table.name}: {len(self.skipped):,} of {len(folders):,} clips cannot be used: "
            what += few(why for _, why in self.skipped)
            if unreadable == "error" or not kept:
                raise DataError(what)
            warnings.warn(f"{what}; left out (all in .skipped)", stacklevel=2)
        self._names = [found[k] for k in kept]
        self.paths = tuple(folders[k] for k in kept)
        self.labels = tuple(table.labels[rows[k]] for k in kept)
        self.groups = tuple(table.groups[rows[k]] for k in kept)

    def set_epoch(self, epoch: int) -> None:
        """Choose other random clips: those of this epoch (from 0)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> ClipSample:
        """Raises DataError, naming the file, for a picture that cannot be read."""
        index = range(len(self))[index]  # negative ones count from the end; beyond is an IndexError
        folder, plan = self.paths[index], self.plan
        frames = [folder / name for name in self._names[index]] or list_frames(folder)
        drawn = plan.take == "random"
        generator = generator_for(self.seed, self.epoch, index) if drawn else None
        try:
            chosen = plan.indices(len(frames), generator)
        except ValueError as error:
            raise DataError(f"frame folder {folder}: {error}") from error
        film = self._read(frames, chosen.flatten().numpy())
        clips = torch.from_numpy(film).permute(0, 3, 1, 2).unflatten(0, chosen.shape)
        label = self.labels[index]
        return ClipSample(clips if plan.views > 1 else clips[0], label, index)

    def _read(self, frames: list[Path], chosen: np.ndarray) -> np.ndarray:
        """``(len(chosen), size, size, 3)`` uint8."""
        size = self.plan.size
        if self.cache is not None:
            return read_film(frames, size, self.cache)[chosen]
        opened, place = np.unique(chosen, return_inverse=True)
        return read_film([frames[k] for k in opened], size)[place]


def _listed(
    folders: Sequence[Path], progress: Callable[[int, int], None] | None
) -> list[tuple[str, ...] | DataError]:
    """The names of the pictures in each folder, or why there are none."""

    def look(folder: Path) -> tuple[str, ...] | DataError:
        try:
            return tuple(path.name for path in list_frames(folder))
        except DataError as error:
            return error

    # Folders of as many pictures mostly have the same names: kept once, not 100,000 times.
    same: dict[tuple[str, ...] | DataError, tuple[str, ...] | DataError] = {}
    found = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, names in enumerate(pool.map(look, folders), 1):
            found.append(same.setdefault(names, names))
            if progress is not None:
                progress(done, len(folders))
    return found
