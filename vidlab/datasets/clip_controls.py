"""What generated clips share: balanced labels, control orders, and frames that are made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.limits import check_whole

CONTROLS = ("none", "shuffled", "reversed", "still")
CACHE_LIMIT = 4 << 30  #: bytes of frames that a data set may keep


def check_arguments(
    count: int, seed: int, control: str, controls: Sequence[str] = CONTROLS
) -> None:
    """Refuse what no data set of generated clips can be made with."""
    check_whole("count", count, 1)
    check_whole("seed", seed, 0)
    check_control(control, controls)


def check_control(control: str, controls: Sequence[str] = CONTROLS) -> None:
    """Refuse a control that does not exist."""
    if control not in controls:
        raise ValueError(f"control is {control!r}; allowed: {', '.join(controls)}")


def balanced_labels(count: int, classes: int, seed: int) -> Tensor:
    """``(count,)`` int64 in random order; any two classes differ by at most one clip."""
    order = np.random.default_rng([seed, 0]).permutation(count)
    return torch.from_numpy(order % classes)


def control_order(
    control: str, frames: int, seed: int, index: int, *, backward: bool = False
) -> np.ndarray:
    """``(T,)`` which frame of the forward clip each frame of a control is.

    ``none``: as it is; ``shuffled``: a random order; ``reversed``: the last frame first;
    ``still``: a random frame, repeated. ``backward``: of a clip that is the forward one turned
    round.
    """
    order = np.arange(frames)
    rng = np.random.default_rng([seed, 3, index])
    if control == "reversed":
        order = order[::-1].copy()
    elif control == "shuffled":
        order = rng.permutation(frames)
    elif control == "still":
        order = np.full(frames, rng.integers(frames))
    return frames - 1 - order if backward else order


def in_order(frames: Tensor, orders: Sequence[np.ndarray]) -> Tensor:
    """Frames ``(N, T, ...)`` of N clips, those of each in an order ``(T,)`` of its own."""
    return frames[torch.arange(len(frames))[:, None], torch.from_numpy(np.stack(orders))]


class FrameStore:
    """Frames of all clips, painted at the first access; or, with ``keep=False``, every time.

    Args:
        paint: indices of N clips, one or more, to their frames ``(N, T, 3, size, size)`` uint8.
        count: how many clips there are.
        frames: T.
        size: of a frame, pixels.
        keep: whether to keep what is painted.
        chunk: clips painted at once: as many as fit in a processor's cache.

    Raises:
        ValueError: more than :data:`CACHE_LIMIT` bytes would have to be kept.
    """

    def __init__(
        self,
        paint: Callable[[Sequence[int]], Tensor],
        count: int,
        frames: int,
        size: int,
        *,
        keep: bool,
        chunk: int,
    ):
        nbytes = int(count) * frames * 3 * size**2
        if keep and nbytes > CACHE_LIMIT:
            raise ValueError(
                f"{count} clips need {nbytes / 2**30:.1f} GiB; allowed: up to "
                f"{CACHE_LIMIT >> 30} GiB, or cache=False"
            )
        self._paint, self._keep, self._chunk = paint, keep, chunk
        self._count, self._shape = count, (frames, 3, size, size)
        self._kept: Tensor | None = None

    def __call__(self, indices: Sequence[int]) -> Tensor:
        """Frames ``(N, T, 3, H, W)`` uint8 of several clips: the fast way to many."""
        # As a list: negative ones count from the end, and beyond it is an IndexError.
        indices = [range(self._count)[i] for i in indices]
        if not self._keep:
            return self._painted(indices)
        if self._kept is None:
            self._kept = self._painted(range(self._count))
        return self._kept[torch.tensor(indices, dtype=torch.int64)]

    def _painted(self, indices: Sequence[int]) -> Tensor:
        frames = torch.empty((len(indices), *self._shape), dtype=torch.uint8)
        for start in range(0, len(indices), self._chunk):
            chunk = slice(start, start + self._chunk)
            frames[chunk] = self._paint(indices[chunk])
        return frames
