"""CPNet: what else in this clip looks like this point, and where is it?

Liu, Lee, Jin: *Learning Video Representations from Correspondence Proposals*, CVPR 2019. A clip's
feature map is a cloud of P = T·H·W points, each with a feature ``f`` and a place ``x = (t, y, x)``.
A *correspondence proposal* module (CP) finds, for each point ``i``, its k nearest points in
*feature* space among all other frames: the proposals ``N(i)`` for where the thing went. A small
shared network reads each pair, displacement included, and the strongest answer stays (Sect. 3)::

    e_ij  = ζ([x_j - x_i; f_i; f_j])
    g_i   = max over j in N(i) of e_ij
    f'_i  = f_i + BN(W_o g_i)

Points are numbered ``(t·H + y)·W + x``. The module goes into the ``after`` slot of
:class:`vidlab.nn.frames.FrameBlock`: added to the residual sum, before the last ReLU.

One reading: the paper halves the maps of stage 3 bilinearly. Here the middles of the cells are
taken for their places, so that halving is the mean of 2 x 2 cells. The authors' code halves with
TensorFlow's older rule, which puts the first cells of both maps on one another: there each second
row and column remains, and the other three of four cells are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.attention import attend
from vidlab.nn.frames import Block, FrameBlock, FrameClassifier, FrameNet, per_frame
from vidlab.nn.resnet2d import ResNet2DConfig
from vidlab.papers.cpnet_proposals import as_points, propose


@dataclass(frozen=True)
class CPConfig:
    """A correspondence proposal module.

    Attributes:
        k: proposals of a point; the paper has 8 (ResNet-34) and 4 (ResNet-101).
        mlp: ζ has one layer a number d, C / d wide; the paper's has C/4 and C/2 (ResNet-101: one
            of C/8).
        bottleneck: C is first divided by this number, by a 1x1 convolution with batch norm;
            neighbours are sought in what comes out. 1: no such layer. ResNet-101 has 8.
        halve: work on a map of half the rows and columns (bilinear, see above), and double the
            result: the paper's modules of stage 3. The skip connection keeps the full map.
        position: give ζ the displacement ``x_j - x_i``.
        cells: displacements in cells of the map. Else in clips: (t/T, y/H, x/W), as in the paper.
        pool: how a point's k pairs become one; the paper's is "max".
        gamma: what the last batch norm multiplies with at the start. With the paper's 0 the module
            is the identity at first, so that it does not disturb a *pretrained* network; a network
            that starts from nothing needs 1 (see the lab).
    """

    k: int = 8
    mlp: tuple[int, ...] = (4, 2)
    bottleneck: int = 1
    halve: bool = False
    position: bool = True
    cells: bool = False
    pool: Literal["max", "mean"] = "max"
    gamma: float = 0.0

    def __post_init__(self):
        if self.k < 1:
            raise ValueError(f"k is {self.k}; allowed: 1 or more proposals")
        if not self.mlp or min(self.mlp) < 1:
            raise ValueError(f"mlp is {self.mlp}; allowed: one or more divisors of C, from 1 on")
        if self.bottleneck < 1:
            raise ValueError(f"bottleneck is {self.bottleneck}; allowed: 1 or more")
        if self.pool not in ("max", "mean"):
            raise ValueError(f"pool is {self.pool!r}; allowed: 'max', 'mean'")


def as_maps(points: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """``(N, P, C)`` as ``(N, T, C, H, W)``; ``grid`` is (T, H, W)."""
    return points.unflatten(1, grid).permute(0, 1, 4, 2, 3)


def places(grid: tuple[int, int, int], *, cells: bool = False) -> Tensor:
    """Coordinates (t/T, y/H, x/W) of all points, ``(P, 3)``; in ``cells``: (t, y, x).

    >>> places((2, 1, 2)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.5, 0.0, 0.0], [0.5, 0.0, 0.5]]
    """
    found = torch.cartesian_prod(*(torch.arange(side) for side in grid)).view(-1, 3).float()
    return found if cells else found / torch.tensor(grid)


class PairLayer(nn.Module):
    """The first layer of ζ: a linear map of ``[x_j - x_i; f_i; f_j]`` for every pair, without bias.

    The map of such a row is ``(A f_j + D x_j) + (B f_i - D x_i)``: computed once a point and then
    gathered, not once a pair. That is k times less work, and exactly the same.
    """

    def __init__(self, channels: int, width: int, *, position: bool, cells: bool):
        super().__init__()
        self.cells = cells
        self.own = nn.Linear(channels, width, bias=False)  # B
        self.other = nn.Linear(channels, width, bias=False)  # A
        self.displacement = nn.Linear(3, width, bias=False) if position else None  # D

    def forward(self, points: Tensor, neighbours: Tensor, grid: tuple[int, int, int]) -> Tensor:
        """Points ``(N, P, C)``, their neighbours ``(N, P, k)``: pairs ``(N, P, k, width)``."""
        own, other = self.own(points), self.other(points)
        if self.displacement is not None:
            moved = self.displacement(places(grid, cells=self.cells).to(points))
            own, other = own - moved, other + moved
        clips, count, width = other.shape
        first = count * torch.arange(clips, device=points.device)  # each clip's first row
        rows = neighbours + first[:, None, None]
        # An embedding is a gather of rows whose gradient is summed quickly.
        return F.embedding(rows, other.reshape(-1, width)) + own[:, :, None]


class CorrespondenceProposal(nn.Module):
    """The CP module: maps ``(N, T, C, H, W)`` to the same shape, each point told by its proposals.

    ``choose`` says which points are compared: features ``(N, T, C', H', W')`` to indices
    ``(N, P, k)``, by default :func:`propose`. Replace it to see what the proposals are worth.

    Raises:
        ValueError: C that the configuration divides to nothing; one frame; too few points for k;
            rows or columns that cannot be halved.
    """

    def __init__(self, channels: int, config: CPConfig | None = None):
        super().__init__()
        self.config = c = config or CPConfig()
        if channels < max(c.bottleneck, *c.mlp):
            raise ValueError(
                f"channels is {channels}; allowed: {max(c.bottleneck, *c.mlp)} or more, "
                "the largest divisor"
            )
        inside = channels // c.bottleneck
        widths = [channels // d for d in c.mlp]
        self.reduce = (
            nn.Identity()
            if c.bottleneck == 1
            else nn.Sequential(nn.Conv2d(channels, inside, 1, bias=False), nn.BatchNorm2d(inside))
        )
        self.pairs = PairLayer(inside, widths[0], position=c.position, cells=c.cells)
        layers: list[nn.Module] = [Norm(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after, bias=False), Norm(after), nn.ReLU()]
        self.mlp = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], channels, bias=False)  # W_o
        self.norm = Norm(channels)
        nn.init.constant_(self.norm.weight, c.gamma)
        self.choose: Callable[[Tensor], Tensor] = self._nearest

    def _nearest(self, features: Tensor) -> Tensor:
        return propose(features, self.config.k)

    def compared(self, x: Tensor) -> Tensor:
        """The features whose neighbours are sought: ``x``, halved and reduced where configured."""
        if self.config.halve:
            if x.shape[3] % 2 or x.shape[4] % 2:
                raise ValueError(f"maps of {x.shape[3]} x {x.shape[4]} cannot be halved")
            x = per_frame(lambda maps: _resize(maps, 0.5), x)
        return per_frame(self.reduce, x)

    def forward(self, x: Tensor) -> Tensor:
        features = self.compared(x)
        grid = (features.shape[1], *features.shape[3:])
        pairs = self.pairs(as_points(features), self.choose(features), grid)  # first half of e_ij
        embedded = self.mlp(pairs)  # e_ij
        strongest = embedded.amax(2) if self.config.pool == "max" else embedded.mean(2)  # g_i
        update = as_maps(self.norm(self.out(strongest)), grid)
        if self.config.halve:
            update = per_frame(lambda maps: _resize(maps, 2.0), update)
        return x + update


class NonLocal(nn.Module):
    """A non-local block: every point takes from all points, weighted by how alike they are.

    Wang et al., CVPR 2018: ``f'_i = f_i + BN(W_z Σ_j softmax_j(θ f_i · φ f_j) g f_j)``, in C/2
    channels; the product is divided by √(C/2), as in transformers. Nothing in it knows *where* a
    point is: the rival that shows what CPNet's displacement is for. ``gamma`` is as in
    :class:`CPConfig`. Maps ``(N, T, C, H, W)`` to the same shape.
    """

    def __init__(self, channels: int, *, gamma: float = 0.0):
        super().__init__()
        if channels < 2:
            raise ValueError(f"channels is {channels}; allowed: 2 or more")
        half = channels // 2
        self.theta, self.phi, self.g = (nn.Linear(channels, half) for _ in range(3))
        self.out, self.norm = nn.Linear(half, channels, bias=False), Norm(channels)
        nn.init.constant_(self.norm.weight, gamma)

    def forward(self, x: Tensor) -> Tensor:
        points = as_points(x)
        mixed, _ = attend(self.theta(points), self.phi(points), self.g(points))
        return x + as_maps(self.norm(self.out(mixed)), (x.shape[1], *x.shape[3:]))


class Norm(nn.BatchNorm1d):
    """Batch norm over the last axis of ``(..., C)``, whatever the axes before it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, -2)).view_as(x)


class MeanHead(nn.Module):
    """The head of C2D: mean over frames, dropout, linear; ``(N, T, D)`` to logits ``(N, K)``."""

    def __init__(self, dim: int, classes: int, dropout: float = 0.5):
        super().__init__()
        self.dropout, self.linear = nn.Dropout(dropout), nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.dropout(x.mean(1)))


def blocks_with(make: Callable[[int, int], nn.Module], where: Collection[int]) -> Block:
    """Residual blocks for :class:`FrameNet` with a module behind those of the given places.

    ``make(channels, place)`` makes the module.
    """

    def block(in_channels: int, channels: int, stride: int, place: int) -> FrameBlock:
        after = make(channels, place) if place in where else None
        return FrameBlock(in_channels, channels, stride, after=after)

    return block


@dataclass(frozen=True)
class Look:
    """What a CP module compared, and what it took for what.

    Attributes:
        name: of the module in its network.
        features: ``(N, T, C', H', W')`` whose neighbours were sought.
        neighbours: ``(N, P, k)``.
    """

    name: str
    features: Tensor
    neighbours: Tensor


@torch.no_grad()
def look(network: nn.Module, clips: Tensor) -> list[Look]:
    """Run clips through a network and see the proposals of all its CP modules, from below."""
    seen: list[Look] = []

    def watch(name: str, module: CorrespondenceProposal):
        def hook(module: CorrespondenceProposal, args: tuple[Tensor]) -> None:
            features = module.compared(args[0])
            seen.append(Look(name, features, module.choose(features)))

        return module.register_forward_pre_hook(hook)

    found = [(n, m) for n, m in network.named_modules() if isinstance(m, CorrespondenceProposal)]
    hooks = [watch(name, module) for name, module in found]
    try:
        network(clips)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


#: The backbone of the paper's ResNet-34 and, by place of the block, where its modules are. The
#: paper counts the stem as stage 1: stage 3 has the places 3 .. 6 (its last two blocks have
#: modules), stage 4 the places 7 .. 12 (its last three).
RESNET34 = ResNet2DConfig(blocks=(3, 4, 6, 3))
PLACES34 = {5: True, 6: True, 10: False, 11: False, 12: False}  # place: halved?


def cpnet34(
    classes: int,
    config: CPConfig | None = None,
    dropout: float = 0.5,
    *,
    stem_stride: Literal[1, 2] = 2,
) -> FrameClassifier:
    """The paper's C2D-ResNet-34 with five CP modules; those of stage 3 work on halved maps.

    ``stem_stride`` is that of the first convolution: the paper has 2 for Something-Something
    (frames of 224 x 224) and 1 for Jester (112 x 112). No lab trains this network: it is there for
    those who have such data and a GPU.

    Raises:
        ValueError: another stride.
    """
    if stem_stride not in (1, 2):
        raise ValueError(f"stem_stride is {stem_stride!r}; allowed: 1, 2")
    config = config or CPConfig()
    make = lambda channels, place: CorrespondenceProposal(  # noqa: E731
        channels, replace(config, halve=PLACES34[place])
    )
    net = FrameNet(RESNET34, blocks_with(make, PLACES34))
    net.stem[0].stride = (stem_stride, stem_stride)
    return FrameClassifier(net, MeanHead(net.dim, classes, dropout))


def _resize(maps: Tensor, factor: float) -> Tensor:
    return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
