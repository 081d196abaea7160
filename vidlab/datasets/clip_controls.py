"""What generated clips share: balanced labels, control orders, and frames that are made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

CONTROLS = ("none", "shuffled", "reversed", "still")
CACHE_LIMIT = 4 << 30  #: bytes of frames that a data set may keep


def check_whole(name: str, value: int, low: int, high: int | None = None) -> None:
    """Refuse what is not a whole number in low .. high, naming it."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        allowed = f"from {low}" if high is None else f"in {low} .. {high}"
        raise ValueError(f"{name} is {value!r}; allowed: whole numbers {allowed}")


def check_control(control: str) -> None:
    """Refuse a control that does not exist."""
    if control not in CONTROLS:
        raise ValueError(f"control is {control!r}; allowed: {', '.join(CONTROLS)}")


def balanced_labels(count: int, classes: int, seed: int) -> Tensor:
    """``(count,)`` int64 in random order; any two classes differ by at most one clip."""
    order = np.random.default_rng([seed, 0]).permutation(count)
    return torch.from_numpy(order % classes)


def control_order(control: str, frames: int, seed: int, index: int) -> np.ndarray:
    """``(T,)`` which frame of the plain clip each frame of its control is.

    ``none``: as it is; ``shuffled``: a random order; ``reversed``: the last frame first;
    ``still``: a random frame, repeated.
    """
    if control == "reversed":
        return np.arange(frames)[::-1].copy()
    rng = np.random.default_rng([seed, 3, index])
    if control == "shuffled":
        return rng.permutation(frames)
    if control == "still":
        return np.full(frames, rng.integers(frames))
    return np.arange(frames)


class FrameStore:
    """Frames of all clips, painted at the first access; or, with ``keep=False``, every time.

    Args:
        paint: indices to frames ``(N, T, 3, H, W)`` uint8.
        shape: ``(count, T, 3, H, W)`` of all clips.
        keep: whether to keep them.

    Raises:
        ValueError: more than :data:`CACHE_LIMIT` bytes would have to be kept.
    """

    def __init__(
        self, paint: Callable[[Sequence[int]], Tensor], shape: tuple[int, ...], keep: bool
    ):
        nbytes = int(np.prod(shape, dtype=np.int64))
        if keep and nbytes > CACHE_LIMIT:
            raise ValueError(
                f"{shape[0]} clips need {nbytes / 2**30:.1f} GiB; allowed: up to "
                f"{CACHE_LIMIT >> 30} GiB, or cache=False"
            )
        self._paint, self._count, self._keep = paint, shape[0], keep
        self._kept: Tensor | None = None

    def __call__(self, indices: Sequence[int]) -> Tensor:
        # As a list: negative ones count from the end, and beyond it is an IndexError.
        indices = [range(self._count)[i] for i in indices]
        if not self._keep:
            return self._paint(indices)
        if self._kept is None:
            self._kept = self._paint(range(self._count))
        return self._kept[torch.tensor(indices, dtype=torch.int64)]
