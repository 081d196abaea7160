"""Variations of a sequence for training: crop, flip and tempo, one draw for the whole clip.

As in SMKD and VAC (ICCV 2021): frames resized to 256 × 256, a random 224 × 224 of them, flipped
with probability 0.5, as many as 80 % to 120 % of the frames; for testing the middle and all frames.
The published code drops or doubles frames at random places; here they are evenly spread, so that a
sign is slower or faster as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.limits import check_range, check_whole


@dataclass(frozen=True)
class AugmentConfig:
    """How much a training clip may vary.

    Attributes:
        crop: height and width that are kept, in pixels, >= 1.
        flip: probability of mirroring left and right, 0 .. 1. (It makes a left-handed signer.)
        tempo: the number of frames is multiplied by 1 - tempo .. 1 + tempo; 0 .. 0.9.
        shortest: frames that rescaling never goes below (a clip that has fewer keeps them all):
            what the network and CTC need, >= 1.
    """

    crop: int = 224
    flip: float = 0.5
    tempo: float = 0.2
    shortest: int = 1

    def __post_init__(self):
        check_whole("crop", self.crop, 1)
        check_whole("shortest", self.shortest, 1)
        check_range("flip", self.flip, 0, 1)
        check_range("tempo", self.tempo, 0, 0.9)


@dataclass(frozen=True)
class View:
    """What is taken from a clip.

    Attributes:
        indices: ``(T',)`` int64 frames, ascending; some may repeat.
        top, left, size: the square that is kept, in pixels.
        flip: mirrored left and right.
    """

    indices: Tensor
    top: int
    left: int
    size: int
    flip: bool = False


def draw_view(
    frames: int, height: int, width: int, config: AugmentConfig, generator: torch.Generator
) -> View:
    """A random view of a clip; all of it depends on the generator's state alone.

    Raises:
        ValueError: an empty clip, or a crop that is larger than the frames.
    """
    _check(frames, height, width, config.crop)
    # Always four draws: what one of them is used for does not shift the others.
    tempo, vertical, horizontal, mirror = torch.rand(4, generator=generator).tolist()
    wanted = round(frames * (1 + config.tempo * (2 * tempo - 1)))
    return View(
        indices=rescale(frames, max(wanted, min(frames, config.shortest))),
        top=int(vertical * (height - config.crop + 1)),
        left=int(horizontal * (width - config.crop + 1)),
        size=config.crop,
        flip=mirror < config.flip,
    )


def middle_view(frames: int, height: int, width: int, crop: int) -> View:
    """The view for testing: every frame, the middle of it.

    Raises:
        ValueError: an empty clip, or a crop that is larger than the frames.
    """
    _check(frames, height, width, crop)
    return View(torch.arange(frames), (height - crop) // 2, (width - crop) // 2, crop)


def take_view(clip: Tensor, view: View) -> Tensor:
    """``(T, …, H, W)`` to ``(T', …, size, size)``."""
    rows = slice(view.top, view.top + view.size)
    columns = slice(view.left, view.left + view.size)
    kept = clip[..., rows, columns][view.indices]
    return kept.flip(-1) if view.flip else kept


def rescale(frames: int, wanted: int) -> Tensor:
    """``(wanted,)`` int64: which of ``frames`` frames to show, evenly spread, at least one.

    >>> rescale(4, 6).tolist(), rescale(6, 4).tolist()
    ([0, 1, 1, 2, 3, 3], [0, 2, 3, 5])
    """
    if frames < 1:
        raise ValueError(f"a clip has {frames} frames; allowed: 1 or more")
    wanted = max(wanted, 1)
    # The middle of each new frame, in units of old ones, in whole numbers: no rounding errors.
    return (2 * torch.arange(wanted) + 1) * frames // (2 * wanted)


def generator_for(seed: int, epoch: int, index: int) -> torch.Generator:
    """A generator for one item of one epoch, whichever process reads it and in whatever order.

    Raises:
        ValueError: a number below 0.
    """
    if min(seed, epoch, index) < 0:
        raise ValueError(f"got seed {seed}, epoch {epoch}, index {index}; allowed: 0 or more")
    state = np.random.SeedSequence((seed, epoch, index)).generate_state(2)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]))


def _check(frames: int, height: int, width: int, crop: int) -> None:
    if frames < 1:
        raise ValueError(f"a clip has {frames} frames; allowed: 1 or more")
    if crop > min(height, width):
        raise ValueError(
            f"crop is {crop}, but frames are {height} × {width}; "
            f"allowed: up to {min(height, width)}"
        )
