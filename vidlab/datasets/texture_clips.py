"""Texture clips: something moves, but the class is the surface behind it.

The counterpart of gestures, as UCF-101 is of Something-Something: a blob runs through a random
gesture, drawn without looking at the class, before a wall of a certain texture. Every single frame
shows the class, in whatever order the frames come; a model that ignores time can solve it, and what
a temporal model learns of order gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets import blobs, gesture_laws
from vidlab.datasets.clip_controls import (
    FrameStore,
    balanced_labels,
    check_arguments,
    control_order,
    in_order,
)
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.gestures import BlobTruth, blob_truth
from vidlab.datasets.scenes.motion import Pose

CHUNK = 32  # clips painted at once
SURFACE_DRAWN = 7  # random numbers that a surface takes

#: Height of a surface, -1 .. 1, at places (a, b), counted in periods, ``(N, H, W)`` each.
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _wave(a: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * a)


def _dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where((_wave(a) + _wave(b)) > 0.9, 1.0, -1.0)


def _bricks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    row = np.floor(2 * b)
    joint = (np.abs((a + row / 2) % 1 - 0.5) > 0.41) | (np.abs((2 * b) % 1 - 0.5) > 0.34)
    return np.where(joint, -1.0, 1.0)


#: What each class looks like, on axes that are turned a little in each clip.
SURFACES: dict[str, Pattern] = {
    "upright-stripes": lambda a, b: np.sign(_wave(a)),
    "level-stripes": lambda a, b: np.sign(_wave(b)),
    "rising-stripes": lambda a, b: np.sign(_wave((a + b) / np.sqrt(2))),
    "falling-stripes": lambda a, b: np.sign(_wave((a - b) / np.sqrt(2))),
    "checker": lambda a, b: np.sign(_wave(a / 1.4) * _wave(b / 1.4)),
    "dots": _dots,
    "rings": lambda a, b: np.sign(_wave(np.hypot(a, b))),
    "rays": lambda a, b: np.sign(np.cos(8 * np.arctan2(b, a))),
    "grid": lambda a, b: np.where(np.maximum(_wave(a), _wave(b)) > 0.75, 1.0, -1.0),
    "bricks": _bricks,
    "zigzag": lambda a, b: np.sign(_wave(b + np.abs(a % 1 - 0.5))),
    "plain": lambda a, b: np.zeros_like(a),
}
ALL = tuple(SURFACES)
DEFAULT = ALL[:8]
CENTRED = ("rings", "rays")  # their axes begin near the picture's middle, not anywhere


@dataclass(frozen=True)
class TexturesConfig:
    """What the clips are like.

    Attributes:
        frames: T; this, ``size``, ``speed``, ``radius``, ``place`` and ``noise`` are as in
            :class:`~vidlab.datasets.gestures.GesturesConfig`.
        classes: which surfaces, two or more of :data:`ALL`; their order gives the labels.
    """

    frames: int = 8
    size: int = 32
    classes: tuple[str, ...] = DEFAULT
    speed: tuple[float, float] = (0.7, 1.2)
    radius: tuple[float, float] = (0.15, 0.22)
    place: float = 0.15
    noise: float = 0.08

    def __post_init__(self):
        gesture_laws.check_looks(self)
        object.__setattr__(self, "classes", tuple(self.classes))
        gesture_laws.check_classes(self.classes, ALL, "surface")


class Textures(Dataset):
    """Clips whose class is the background, made on the fly; see above.

    A clip depends on ``seed``, its index and its class alone. Labels are balanced.

    Args:
        count: number of clips, >= 1.
        config: what they are like.
        seed: decides everything, >= 0.
        control: as for :class:`~vidlab.datasets.gestures.Gestures`; none of them hides the class.
        cache: make all clips at the first access and keep them.

    Items are :class:`~vidlab.datasets.clips.ClipSample`; the three colours are equal.

    Attributes:
        class_names: the surfaces, by label.
        labels: ``(count,)`` int64.
        groups: ``(count,)`` int64, all different.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        count: int,
        config: TexturesConfig | None = None,
        *,
        seed: int = 0,
        control: str = "none",
        cache: bool = True,
    ):
        self.config = config = config or TexturesConfig()
        check_arguments(count, seed, control)
        self.seed, self.control = seed, control
        self.class_names = config.classes
        self.labels = balanced_labels(count, len(config.classes), seed)
        self.groups = torch.arange(count)
        self.batch = FrameStore(
            self._paint, count, config.frames, config.size, keep=cache, chunk=CHUNK
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> ClipSample:
        index = range(len(self))[index]
        return ClipSample(self.batch([index])[0], int(self.labels[index]), index)

    def gesture(self, index: int) -> str:
        """What the blob of a clip does: one of the gestures, which is not the clip's class."""
        names, *_ = self._draw([range(len(self))[index]])
        return names[0]

    def order(self, index: int) -> np.ndarray:
        """``(T,)`` which frame of the forward clip each frame of a clip is."""
        index = range(len(self))[index]
        return self._order(index, self.gesture(index))

    def truth(self, index: int) -> BlobTruth:
        """Where the blob of a clip is, in the order that the clip shows."""
        index = range(len(self))[index]
        _, looks, poses, *_ = self._draw([index])
        order = self.order(index)
        _, cover = blobs.blob_frames(looks, poses, self.config.size)
        shown = Pose(*(getattr(poses, name)[0][order] for name in Pose.__annotations__))
        return blob_truth(shown, cover[0][order])

    def _paint(self, indices: Sequence[int]) -> Tensor:
        size = self.config.size
        gestures, looks, poses, surface, grain = self._draw(indices)
        colour, cover = blobs.blob_frames(looks, poses, size)
        names = [self.class_names[self.labels[i]] for i in indices]
        ground = torch.from_numpy(paint_surfaces(names, surface, size))[:, None]
        painted = blobs.grey_frames(torch.lerp(ground, colour, cover), grain)
        return in_order(painted, list(map(self._order, indices, gestures)))

    def _order(self, index: int, gesture: str) -> np.ndarray:
        backward = gesture in gesture_laws.BACKWARD
        return control_order(self.control, self.config.frames, self.seed, index, backward=backward)

    def _draw(self, indices: Sequence[int]) -> tuple:
        """Names of N gestures, looks, forward poses, numbers of the surfaces and noise."""
        counts = (1, gesture_laws.DRAWN, blobs.DRAWN, SURFACE_DRAWN)
        numbers, grain = blobs.draw_numbers(self.config, self.seed, indices, counts)
        names = [gesture_laws.ALL[int(u * len(gesture_laws.ALL))] for u in numbers[0][:, 0]]
        paths = np.array([gesture_laws.PATHS.index(gesture_laws.PATH_OF[n]) for n in names])
        poses = gesture_laws.forward_poses(self.config, paths, numbers[1])
        return names, blobs.draw_blobs(numbers[2]), poses, numbers[3], grain


def paint_surfaces(names: Sequence[str], numbers: np.ndarray, size: int) -> np.ndarray:
    """``(N, H, W)`` float32 walls of middle brightness, 0 .. 1.

    Args:
        names: N of :data:`SURFACES`.
        numbers: ``(N, SURFACE_DRAWN)`` uniform random numbers in 0 .. 1.
        size: H = W, pixels.
    """
    fine = 2  # a look at each quarter of a pixel: edges of patterns are smooth
    u = numbers.T[:, :, None, None]
    line = blobs.pixel_lines(size * fine) - 0.5
    period, turn = 0.2 + 0.1 * u[0], 0.3 * (u[1] - 0.5)
    cos, sin = np.cos(turn) / period, np.sin(turn) / period
    a = cos * line + sin * line[:, None]
    b = cos * line[:, None] - sin * line
    heights = np.empty(a.shape)
    for name in set(names):
        rows = np.array([each == name for each in names])
        reach = 0.5 if name in CENTRED else 1.0
        shift_a, shift_b = (reach * (2 * u[k][rows] - 1) for k in (2, 3))
        heights[rows] = SURFACES[name](a[rows] + shift_a, b[rows] + shift_b)
    heights = heights.reshape(len(names), size, fine, size, fine).mean((2, 4))
    mean, contrast = 0.4 + 0.16 * u[4], 0.1 + 0.06 * u[5]
    sign = np.where(u[6] < 0.5, -1, 1)
    return (mean + sign * contrast * heights).astype(np.float32)
