"""CPNet's proposals: who is like whom in feature space?

The non-parametric half of the CP module (Liu, Lee, Jin, CVPR 2019, Sect. 3): nearest neighbours
among the points of *other* frames. And a tool to see what they are worth: proposals that are
spoiled on purpose. (How many are right is counted in :mod:`vidlab.metrics.correspondence`.)

A feature map ``(N, T, C, H, W)`` has P = T·H·W points; point (t, y, x) is number (t·H + y)·W + x.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Distances held at once by :func:`propose`: 64 MB.
MOST_DISTANCES = 1 << 24


@torch.no_grad()
def propose(features: Tensor, k: int, *, most: int = MOST_DISTANCES) -> Tensor:
    """The k points of *other* frames whose features are nearest, nearest first, ``(N, P, k)``.

    Indices carry no gradient: what learns is what is made of the pairs.

    Args:
        features: ``(N, T, C, H, W)``.
        k: 1 .. (T - 1)·H·W. Equally near points come in any order.
        most: distances to hold at once; all N·P² together may not fit into memory.

    Raises:
        ValueError: the shape, one frame only, or k out of range.
    """
    if features.dim() != 5:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (N, T, C, H, W)")
    clips, frames, _, height, width = features.shape
    cells = height * width
    if frames < 2:
        raise ValueError("features have 1 frame; proposals come from other frames, so 2 are needed")
    if not 1 <= k <= (frames - 1) * cells:
        raise ValueError(
            f"k is {k}; allowed: 1 .. {(frames - 1) * cells}, the points of the other frames"
        )
    points = as_points(features)
    points = points.to(torch.promote_types(points.dtype, torch.float32))
    frame = torch.arange(frames * cells, device=points.device) // cells
    rows = max(1, most // (clips * frames * cells))
    found = []
    with torch.autocast(points.device.type, enabled=False):  # ranks need all digits
        squares = points.square().sum(2)
        for own, part in zip(frame.split(rows), points.split(rows, 1), strict=True):
            # |a - b|² = |a|² - 2 a·b + |b|², and |a|² does not change the order.
            distances = torch.baddbmm(squares[:, None], part, points.mT, alpha=-2)
            distances.masked_fill_(own[:, None] == frame, torch.inf)
            found.append(distances.topk(k, dim=2, largest=False).indices)
    return torch.cat(found, 1)


def as_points(maps: Tensor) -> Tensor:
    """``(N, T, C, H, W)`` as ``(N, P, C)``: point (t, y, x) is number (t·H + y)·W + x."""
    return maps.permute(0, 1, 3, 4, 2).flatten(1, 3)


def spoil(
    neighbours: Tensor, grid: tuple[int, int, int], share: float, generator: torch.Generator
) -> Tensor:
    """Proposals ``(N, P, k)``, a share of which are replaced by random points of other frames.

    Args:
        neighbours: as :func:`propose` returns them.
        grid: (T, H, W), T >= 2.
        share: 0 .. 1, the probability that a proposal is replaced.
        generator: of the CPU, whatever device the proposals are on.
    """
    frames, cells = grid[0], grid[1] * grid[2]
    _check_points(neighbours, grid)
    if frames < 2 or not 0 <= share <= 1:
        raise ValueError(f"got {frames} frames, share {share}; allowed: 2 or more, and 0 .. 1")
    shape = neighbours.shape
    # A step of 1 .. (T-1) frames from the own frame, round and round, never ends in it.
    own = torch.arange(frames * cells)[:, None] // cells
    step = torch.randint(1, frames, shape, generator=generator)
    cell = torch.randint(cells, shape, generator=generator)
    drawn = ((own + step) % frames * cells + cell).to(neighbours.device)
    chosen = (torch.rand(shape, generator=generator) < share).to(neighbours.device)
    return torch.where(chosen, drawn, neighbours)


def _check_points(neighbours: Tensor, grid: tuple[int, int, int]) -> None:
    points = grid[0] * grid[1] * grid[2]
    if neighbours.dim() != 3 or neighbours.shape[1] != points:
        raise ValueError(
            f"neighbours have shape {tuple(neighbours.shape)}; expected (N, {points}, k) for a "
            f"grid of {tuple(grid)}"
        )
    if neighbours.min() < 0 or neighbours.max() >= points:
        raise ValueError(
            f"neighbours are {int(neighbours.min())} .. {int(neighbours.max())}; allowed: "
            f"0 .. {points - 1}, the points of the grid"
        )
