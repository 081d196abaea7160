"""Gestures: grey clips of one blob whose class is how it moves, most of them in reversed pairs.

======================================================  =======================================
class                                                   how the blob moves
======================================================  =======================================
``right``, ``left``                                     along a nearly level line
``down``, ``up``                                        along a nearly upright line
``zoom-in``, ``zoom-out``                               grows, shrinks
``clockwise``, ``counterclockwise``                     turns about itself
``orbit-clockwise``, ``orbit-counterclockwise``         along most of a circle, without turning
``shake``, ``drum``, ``still``                          to and fro, up and down a little; not at all
======================================================  =======================================

**The ceiling.** A clip of ``left`` is made as one of ``right`` is (same law of the blob, the
background, the path, the noise) and then turned round in time; so are the second classes of all
five pairs. Hence the *set* of frames of a ``left`` clip (the multiset: frames with their number)
has exactly the same distribution as that of a ``right`` clip. Let f be any model whose answer
depends on that set alone (it averages, takes maxima, sorts, ...). On clips of a pair (a, b), both
equally frequent, it is right with probability

    ½ P(f = a | a) + ½ P(f = b | b)  =  ½ P(f = a) + ½ P(f = b)  <=  ½,

since given a or given b f is distributed alike, and it cannot answer both. No such model, however
large and however long it trained, gets more than half of the pairs in expectation, and of all clips
not more than :func:`order_free_bound`. Nothing was tuned for this. Models that see the order can
reach 1.

The other classes are their own reversals: a swing of random phase, run backwards, is a swing of
random phase. They can be told from frames alone, in principle: a ``shake`` stays near its middle.

======================  ====================================================================
control                 frames of a clip, its label unchanged
======================  ====================================================================
``none``                as the gesture says
``shuffled``            the same in random order: the bound now holds for every model
``reversed``            from the last to the first: each of a pair looks like its twin
``still``               one of them, repeated: the bound holds as well
======================  ====================================================================

The left-right mirror image of a clip of ``left`` is a clip of ``right``, exactly as likely; all
such swaps are in ``vidlab.datasets.mirror``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets import blobs, gesture_laws
from vidlab.datasets.clip_controls import (
    CONTROLS,
    FrameStore,
    balanced_labels,
    check_arguments,
    control_order,
    in_order,
)
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.gesture_laws import (
    ALL,
    ORDER_FREE,
    PAIRS,
    GesturesConfig,
    order_free_bound,
    pairs_of,
)
from vidlab.datasets.scenes.motion import Pose

__all__ = [
    "ALL",
    "CONTROLS",
    "ORDER_FREE",
    "PAIRS",
    "BlobTruth",
    "Gestures",
    "GesturesConfig",
    "order_free_bound",
    "pairs_of",
]

CHUNK = 32  # clips painted at once: what fits in a processor's cache


@dataclass(frozen=True)
class BlobTruth:
    """Where the blob of one clip is, exactly.

    Attributes:
        masks: ``(T, H, W)`` bool, pixels that it covers at least half.
        centres: ``(T, 2)`` float32 x, y in pixels (pixel (0, 0) has its centre at (½, ½)).
        angles: ``(T,)`` float32 radians, clockwise as seen, not wrapped.
        radii: ``(T,)`` float32, of the circle around it, in pixels.
        motion: ``(T, 2, H, W)`` float32: how far (dx, dy), in pixels, the piece of blob in each
            pixel of frame t has moved in frame t + 1; 0 off the blob and in the last frame.
    """

    masks: Tensor
    centres: Tensor
    angles: Tensor
    radii: Tensor
    motion: Tensor


class Gestures(Dataset):
    """Clips of gestures, made on the fly: some thousands of frames a second.

    A clip depends on ``seed``, its index and its class alone. Labels are balanced: any two classes
    differ by at most one clip. Two data sets of one seed whose ``config.classes`` have the twins of
    a pair swapped show, clip by clip, the same frames in opposite order.

    Args:
        count: number of clips, >= 1.
        config: what they are like.
        seed: decides everything, >= 0.
        control: one of :data:`CONTROLS`, see above.
        cache: make all clips at the first access and keep them (``count·T·3·H·W`` bytes).

    Items are :class:`~vidlab.datasets.clips.ClipSample`; the three colours are equal.

    Attributes:
        class_names: the gestures, by label.
        labels: ``(count,)`` int64.
        groups: ``(count,)`` int64, all different: clips share nothing.
        pairs: labels of each two classes that are time reversals of one another.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        count: int,
        config: GesturesConfig | None = None,
        *,
        seed: int = 0,
        control: str = "none",
        cache: bool = True,
    ):
        self.config = config = config or GesturesConfig()
        check_arguments(count, seed, control)
        self.seed, self.control = seed, control
        self.class_names = config.classes
        self.labels = balanced_labels(count, len(config.classes), seed)
        self.groups = torch.arange(count)
        self.pairs = pairs_of(config.classes)
        self.batch = FrameStore(
            self._paint, count, config.frames, config.size, keep=cache, chunk=CHUNK
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> ClipSample:
        index = range(len(self))[index]
        return ClipSample(self.batch([index])[0], int(self.labels[index]), index)

    def truth(self, index: int) -> BlobTruth:
        """Where the blob of a clip is, in the order that the clip shows."""
        index = range(len(self))[index]
        looks, poses, *_ = self._draw([index])
        order = self.order(index)
        _, cover = blobs.blob_frames(looks, poses, self.config.size)
        return blob_truth(Pose(*(f[0][order] for f in _fields(poses))), cover[0][order])

    def order(self, index: int) -> np.ndarray:
        """``(T,)`` which frame of the forward clip each frame of a clip is."""
        index = range(len(self))[index]
        backward = self.class_names[self.labels[index]] in gesture_laws.BACKWARD
        return control_order(self.control, self.config.frames, self.seed, index, backward=backward)

    def _paint(self, indices: Sequence[int]) -> Tensor:
        size = self.config.size
        looks, poses, hills, grain = self._draw(indices)
        colour, cover = blobs.blob_frames(looks, poses, size)
        ground = torch.from_numpy(blobs.paint_hills(hills, size))[:, None]
        painted = blobs.grey_frames(torch.lerp(ground, colour, cover), grain)
        return in_order(painted, [self.order(i) for i in indices])

    def _draw(self, indices: Sequence[int]) -> tuple:
        """Looks, poses, numbers of the backgrounds and noise of forward clips.

        One row of random numbers a clip, whatever its class is, so that nothing but the path can
        depend on the class.
        """
        names = [self.class_names[self.labels[i]] for i in indices]
        paths = np.array([gesture_laws.PATHS.index(gesture_laws.PATH_OF[n]) for n in names])
        numbers, grain = blobs.draw_numbers(
            self.config, self.seed, indices, (gesture_laws.DRAWN, blobs.DRAWN, blobs.HILLS_DRAWN)
        )
        motion, looks, hills = numbers
        poses = gesture_laws.forward_poses(self.config, paths, motion)
        return blobs.draw_blobs(looks), poses, hills, grain


def blob_truth(poses: Pose, cover: Tensor) -> BlobTruth:
    """The truth of a clip from its poses, fields ``(T,)``, and coverage ``(T, H, W)``."""
    size = cover.shape[-1]
    masks = cover >= 0.5
    line = size * torch.from_numpy(blobs.pixel_lines(size))
    x, y, radius, angle = (torch.from_numpy(np.asarray(f)).float() for f in _fields(poses))
    x, y, radius = size * x, size * y, size * radius
    dx = line - x[:-1, None, None]
    dy = line[:, None] - y[:-1, None, None]
    growth = (radius[1:] / radius[:-1])[:, None, None]
    turn = (angle[1:] - angle[:-1])[:, None, None]
    cos, sin = growth * turn.cos(), growth * turn.sin()
    step = torch.stack(
        (
            x.diff()[:, None, None] + (cos - 1) * dx - sin * dy,
            y.diff()[:, None, None] + sin * dx + (cos - 1) * dy,
        ),
        1,
    )
    motion = torch.zeros(len(masks), 2, size, size)
    motion[:-1] = step * masks[:-1, None]
    return BlobTruth(masks, torch.stack((x, y), -1), angle, radius, motion)


def _fields(poses: Pose) -> tuple[np.ndarray, ...]:
    return poses.x, poses.y, poses.radius, poses.angle
