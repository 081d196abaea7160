"""STM: what is in a frame and what moves between two, side by side in each residual block.

Jiang, Wang, Gan, Wu, Yan, "STM: SpatioTemporal and Motion Encoding for Action Recognition",
ICCV 2019. In the order of its Sect. 3:

1. *CSTM*: each channel mixes three frames with a kernel of its own, then a 3x3 convolution looks
   at space. It starts as a shift of a quarter of the channels each way and learns from there.
2. *CMM*: what is left of the next frame, moved a little by a learned 3x3 kernel a channel, after
   this frame is taken away. On few channels, since motion needs no fine detail.
3. *The STM block*: the bottleneck of ResNet-50 with both in the place of its 3x3 convolution,
   their outputs added.

Readings of what the paper leaves open:

- Kernels of CMM start as differences of frames (1 in the middle). No layer of CMM has a bias:
  a still clip gives zero motion.
- Where a block halves rows and columns, CSTM's 3x3 convolution has the stride, as in common
  versions of ResNet-50, and so has CMM's last 1x1 convolution.
- The paper's blocks have 64 to 512 channels between their 1x1 convolutions, a quarter of those
  outside, and CMM has a 16th of them. Of the 16 to 48 channels of a small network that leaves
  none: there, give a smaller ``bottleneck`` and ``reduce``. CMM keeps one channel at least.
- CMM subtracts frames of *one* clip: tensors are ``(N, T, C, H, W)`` throughout. (Clips and frames
  flattened into one axis invite a difference between the last frame of a clip and the first of
  the next.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.frames import Block, per_frame
from vidlab.nn.resnet2d import skip
from vidlab.papers.tsm import check_maps

#: Makes what a block has between its 1x1 convolutions, from its channels and its stride:
#: ``(N, T, C, H, W)`` to ``(N, T, C, H / stride, W / stride)``.
Branch = Callable[[int, int], nn.Module]


def quarters(channels: int) -> Tensor:
    """Start of CSTM's kernels ``(C, 3)``: a shift of a quarter of the channels each way.

    First quarter [1, 0, 0] (the frame before), last quarter [0, 0, 1], between them [0, 1, 0].
    """
    quarter = channels // 4
    taken = torch.ones(channels, dtype=torch.long)
    taken[:quarter], taken[channels - quarter :] = 0, 2
    return F.one_hot(taken, 3).float()


def mix_frames(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each channel over time with a kernel of its own: G = Σᵢ Kᵢᶜ F_{c,t+i}.

    Args:
        x: ``(N, T, C, H, W)``, F; frames before the first and after the last are zero.
        kernels: ``(C, 3)``, K for i = -1, 0, 1.
    """
    if kernels.shape != (check_maps(x).shape[2], 3):
        raise ValueError(
            f"kernels have shape {tuple(kernels.shape)}, features {tuple(x.shape)}; "
            f"expected kernels {(x.shape[2], 3)}"
        )
    last = x.movedim(2, -1)
    padded = F.pad(last, (0,) * 6 + (1, 1))
    mixed = kernels[:, 1] * last
    mixed = torch.addcmul(mixed, kernels[:, 0], padded[:, :-2])
    return torch.addcmul(mixed, kernels[:, 2], padded[:, 2:]).movedim(-1, 2)


def motion(x: Tensor, look: Callable[[Tensor], Tensor]) -> Tensor:
    """The next frame, looked at through 3x3 kernels, minus this frame: H (Sect. 3.2).

    Args:
        x: ``(N, T, C, H, W)``, F.
        look: a convolution of pictures ``(B, C, H, W)``, one kernel Kᶜ a channel, which keeps
            their shape. A kernel with a 1 at (i, j) looks up what lies at (h + i, w + j).

    Returns:
        ``(N, T, C, H, W)``; zero for the last frame, which has no next one.
    """
    if check_maps(x).shape[1] == 1:
        return torch.zeros_like(x)
    moved = per_frame(look, x[:, 1:]) - x[:, :-1]
    return F.pad(moved.movedim(2, -1), (0,) * 6 + (0, 1)).movedim(-1, 2)


def every(x: Tensor, stride: int) -> Tensor:
    """Every n-th row and column: a 1x1 convolution of them is one with that stride.

    (And oneDNN's strided 1x1 convolution of two channels ended the process in its backward pass.)
    """
    return x[..., ::stride, ::stride]


class Spatial(nn.Module):
    """The 3x3 convolution that an ordinary block has: every frame alone (TSN)."""

    def __init__(self, channels: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return per_frame(self.conv, x)


class CSTM(nn.Module):
    """Channel-wise spatio-temporal module (Sect. 3.1).

    Args:
        channels, stride: of the 3x3 convolution.
        full: the convolution over time mixes channels too (the rival in the paper's ablation); it
            starts at the same place.
    """

    def __init__(self, channels: int, stride: int = 1, *, full: bool = False):
        super().__init__()
        start = quarters(channels)
        self.spatial = Spatial(channels, stride)
        if full:  # from the channels of three frames side by side
            self.dense = nn.Linear(3 * channels, channels, bias=False)
            with torch.no_grad():
                self.dense.weight.copy_(torch.cat([tap.diag() for tap in start.T], 1))
        else:
            self.dense = None
            self.kernels = nn.Parameter(start)

    def mix(self, x: Tensor) -> Tensor:
        """G, before the 3x3 convolution."""
        if self.dense is None:
            return mix_frames(x, self.kernels)
        padded = F.pad(check_maps(x).movedim(2, -1), (0,) * 6 + (1, 1))
        three = torch.cat((padded[:, :-2], padded[:, 1:-1], padded[:, 2:]), -1)
        return self.dense(three).movedim(-1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.mix(x))


class CMM(nn.Module):
    """Channel-wise motion module (Sect. 3.2).

    Args:
        channels: C.
        stride: of its output.
        reduce: r; the difference is taken on max(1, C // r) channels.
    """

    def __init__(self, channels: int, stride: int = 1, *, reduce: int = 16):
        super().__init__()
        if reduce < 1:
            raise ValueError(f"reduce is {reduce}; allowed: 1 or more")
        few = max(1, channels // reduce)
        self.narrow = nn.Conv2d(channels, few, 1, bias=False)
        self.look = nn.Conv2d(few, few, 3, padding=1, groups=few, bias=False)
        nn.init.dirac_(self.look.weight, groups=few)  # 1 in the middle
        self.widen = nn.Conv2d(few, channels, 1, bias=False)
        self.stride = stride

    def maps(self, x: Tensor) -> Tensor:
        """H, the motion maps ``(N, T, C // r, H, W)``."""
        return motion(per_frame(self.narrow, x), self.look)

    def forward(self, x: Tensor) -> Tensor:
        return per_frame(self.widen, every(self.maps(x), self.stride))


class Bottleneck(nn.Module):
    """ResNet's bottleneck, frame by frame, with a choice of what is between the 1x1 convolutions.

    Args:
        in_channels, channels, stride: as for every block of
            :class:`~vidlab.nn.frames.FrameNet`.
        branches: make what takes the place of the 3x3 convolution; their outputs are added.
        width: channels between the 1x1 convolutions.
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int, branches: Sequence[Branch], width: int
    ):
        super().__init__()
        if not branches or width < 1:
            raise ValueError(
                f"got {len(branches)} branches and {width} channels between the 1x1 convolutions; "
                "allowed: 1 or more of both"
            )
        self.before = nn.Identity()  #: a module of the residual branch's input, as in FrameBlock
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.branches = nn.ModuleList(branch(width, stride) for branch in branches)
        self.expand = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.skip = skip(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        narrow = per_frame(self.reduce, self.before(x))
        total = sum(branch(narrow) for branch in self.branches)
        return torch.relu(per_frame(self.expand, total) + per_frame(self.skip, x))


def block(branches: Sequence[Branch] = (CSTM, CMM), *, bottleneck: int = 4) -> Block:
    """STM blocks for :class:`~vidlab.nn.frames.FrameNet` (Sect. 3.3), or their relatives.

    Args:
        branches: ``(CSTM, CMM)`` is STM, each alone the paper's ablation, ``(Spatial,)`` a block
            that knows nothing of time. ``partial(CMM, reduce=4)`` sets what a branch leaves open.
        bottleneck: the block works on channels // bottleneck, at least one.
    """
    if bottleneck < 1:
        raise ValueError(f"bottleneck is {bottleneck}; allowed: 1 or more")

    def make(in_channels: int, channels: int, stride: int, place: int) -> nn.Module:
        width = max(1, channels // bottleneck)
        return Bottleneck(in_channels, channels, stride, branches, width)

    return make
