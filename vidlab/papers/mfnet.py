"""MFNet: fixed motion filters, the next frame moved a step and subtracted.

Lee, Lee, Son, Park, Kwak, "Motion Feature Network: Fixed Motion Filter for Action Recognition",
ECCV 2018. Where something moves by δ from one frame to the next, this frame minus the next one
moved back by δ is zero. A motion filter is that difference for one δ; a small set of them tells
which way things go. The filters are never learned: only the 1x1 convolutions around them are.

A motion filter is a CMM of STM (:mod:`vidlab.papers.stm`) with a frozen kernel, one 1 among
zeros, and the sign turned: ``motion_filters(x, [δ]) == -motion(x, one_hot(δ))``.

Readings of what our source leaves open: five shifts (none, and one cell each way); channels are
reduced first, as in CMM; no layer has a bias, so a still clip gives zero for the shift (0, 0).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.frames import Block, per_frame
from vidlab.papers import stm
from vidlab.papers.tsm import check_maps

#: δ = (rows, columns): stay, up, down, left, right.
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def motion_filters(x: Tensor, shifts: Sequence[tuple[int, int]] = SHIFTS) -> Tensor:
    """This frame minus the next one, moved back: M_δ(t) = F_t - shift_δ(F_{t+1}).

    Args:
        x: ``(N, T, C, H, W)``, F; zero outside the picture.
        shifts: S steps δ = (rows, columns). ``shift_δ`` looks up what lies at (h, w) + δ, so M_δ
            is zero where things move by δ.

    Returns:
        ``(N, T, S * C, H, W)``, the C channels of the first δ first; zero for the last frame.

    Raises:
        ValueError: another shape, no shift, or one that leaves the picture.
    """
    height, width = check_maps(x).shape[-2:]
    if not shifts or any(abs(dy) >= height or abs(dx) >= width for dy, dx in shifts):
        raise ValueError(
            f"shifts are {list(shifts)} for pictures of {height} x {width}; "
            "expected one or more, each inside the picture"
        )
    last = x.movedim(2, -1)  # channels side by side, as convolutions keep them: copies are fast
    reach = max(abs(step) for delta in shifts for step in delta)
    wide = F.pad(last[:, 1:], (0, 0) + (reach,) * 4)
    differences = [
        last[:, :-1] - wide[:, :, reach + dy :, reach + dx :][:, :, :height, :width]
        for dy, dx in shifts
    ]
    filters = torch.cat(differences, -1)
    return F.pad(filters, (0,) * 6 + (0, 1)).movedim(-1, 2)


class MotionFilters(nn.Module):
    """Fewer channels, motion filters, as many channels as before: a branch beside the 3x3 one.

    Args:
        channels: C.
        stride: of its output.
        reduce: r; the filters work on max(1, C // r) channels.
        shifts: see :func:`motion_filters`.
    """

    def __init__(
        self,
        channels: int,
        stride: int = 1,
        *,
        reduce: int = 16,
        shifts: Sequence[tuple[int, int]] = SHIFTS,
    ):
        super().__init__()
        if reduce < 1:
            raise ValueError(f"reduce is {reduce}; allowed: 1 or more")
        few = max(1, channels // reduce)
        self.shifts = tuple(shifts)
        self.narrow = nn.Conv2d(channels, few, 1, bias=False)
        self.widen = nn.Conv2d(few * len(self.shifts), channels, 1, bias=False)
        self.stride = stride

    def maps(self, x: Tensor) -> Tensor:
        """The motion maps ``(N, T, S * (C // r), H, W)``."""
        return motion_filters(per_frame(self.narrow, x), self.shifts)

    def forward(self, x: Tensor) -> Tensor:
        return per_frame(self.widen, stm.every(self.maps(x), self.stride))


def block(*, bottleneck: int = 4) -> Block:
    """Blocks with motion filters beside their 3x3 convolution, outputs added."""
    return stm.block((stm.Spatial, MotionFilters), bottleneck=bottleneck)
