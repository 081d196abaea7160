"""Seq-MNIST: digits that morph into each other, with the truth known for every frame.

RadialCTC (Min et al., ECCV 2022), Sect. 4.1: a sequence shows a few digits as keyframes; between
two of them the frames are linear interpolations, before the first and after the last the digit
fades in and out. The model is told which digits come, never when. We know when.

::

    weight of  1 |      ____         one digit's weight over time (4 digits, T = 41):
    a digit      |     /    \\        fade in 5, keyframe, 9 in between, keyframe, ...
               0 |____/      \\____   every step is 1/10, fades go 0.1, 0.3, ..., 0.9
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.digits import Digits
from vidlab.datasets.limits import check_whole
from vidlab.datasets.sequences import SequenceSample

CLASS_NAMES = ("blank", *map(str, range(10)))  #: class k + 1 is digit k


@dataclass(frozen=True)
class SeqMNISTConfig:
    """The shape of a sequence; the defaults are the paper's.

    Attributes:
        digits: digits a sequence, >= 1.
        between: interpolated frames between two digits, >= 0.
        fade: frames of fading before the first and after the last digit, >= 0.
        image_size: height and width of a frame, 4 .. 28; smaller ones are area averages.
    """

    digits: int = 4
    between: int = 9
    fade: int = 5
    image_size: int = 28

    def __post_init__(self):
        check_whole("digits", self.digits, 1, 1000)
        check_whole("between", self.between, 0, 1000)
        check_whole("fade", self.fade, 0, 1000)
        check_whole("image_size", self.image_size, 4, 28)

    @property
    def frames(self) -> int:
        """T, the number of frames of a sequence."""
        return self.digits + (self.digits - 1) * self.between + 2 * self.fade


def interpolation_weights(config: SeqMNISTConfig) -> Tensor:
    """``(T, digits)`` weight of each digit in each frame.

    Rows sum to 1 from the first keyframe to the last.

    >>> interpolation_weights(SeqMNISTConfig(digits=2, between=1, fade=2)).tolist()
    [[0.25, 0.0], [0.75, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 0.75], [0.0, 0.25]]
    """
    step = config.between + 1
    time = torch.arange((config.digits - 1) * step + 1, dtype=torch.float64)
    keys = torch.arange(config.digits, dtype=torch.float64) * step
    weights = (1 - (time[:, None] - keys).abs() / step).clamp_min(0)
    ramp = (2 * torch.arange(config.fade, dtype=torch.float64) + 1) / max(2 * config.fade, 1)
    first = F.pad(ramp[:, None], (0, config.digits - 1))
    last = F.pad(ramp.flip(0)[:, None], (config.digits - 1, 0))
    return torch.cat((first, weights, last)).float()


class SeqMNIST(Dataset):
    """Sequences of real digits; each image is used at most once.

    Args:
        digits: the images to draw from.
        config: the shape of a sequence.
        seed: decides which digits meet, and which are left out when unbalanced.
        rare_rate: share of the images of classes 0 .. 4 that is kept, 0 < rate <= 1. The paper's
            unbalanced training set has 0.1; 1 keeps all (balanced).
        limit: use at most this many sequences.

    Items are :class:`~vidlab.datasets.sequences.SequenceSample` with frames ``(T, 1, H, W)``,
    digit k as class k + 1, and as truth the class with the largest weight (the earlier digit
    where two weigh the same; fading frames belong to the first or last digit).

    Raises:
        ValueError: a rate out of range, or fewer images than one sequence needs.
    """

    def __init__(
        self,
        digits: Digits,
        config: SeqMNISTConfig | None = None,
        *,
        seed: int = 0,
        rare_rate: float = 1.0,
        limit: int | None = None,
    ):
        self.config = config = config or SeqMNISTConfig()
        if not 0 < rare_rate <= 1:
            raise ValueError(f"rare_rate is {rare_rate}; allowed: more than 0, at most 1")
        for name, value, low in (("seed", seed, 0), ("limit", limit, 1)):
            if value is not None and value < low:
                raise ValueError(f"{name} is {value}; allowed: {low} or more")
        rng = np.random.default_rng(seed)
        rare = digits.labels < 5
        keep = ~rare | (rng.random(len(rare)) < rare_rate)
        order = rng.permutation(np.flatnonzero(keep))
        count = len(order) // config.digits
        if limit is not None:
            count = min(count, limit)
        if count < 1:
            raise ValueError(
                f"{len(order)} images are not enough for a sequence of {config.digits} digits"
            )
        self.members = order[: count * config.digits].reshape(count, config.digits)
        self.weights = interpolation_weights(config)
        self._owner = self.weights.argmax(1)
        images = torch.from_numpy(digits.images[self.members.ravel()]).float().div_(255)
        if config.image_size != images.shape[-1]:
            size = (config.image_size, config.image_size)
            images = F.interpolate(images[:, None], size, mode="area")[:, 0]
        self._images = images.reshape(count, config.digits, -1)
        labels = digits.labels[self.members].astype(np.int64)
        self.targets = torch.from_numpy(labels) + 1

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> SequenceSample:
        size = self.config.image_size
        frames = (self.weights @ self._images[index]).reshape(-1, 1, size, size)
        targets = self.targets[index]
        return SequenceSample(frames, targets, targets[self._owner], int(index))
