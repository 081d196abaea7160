"""Relations between the actors of a clip, frame by frame, from its exact truth.

All are read "a ... b" and asked only of two different actors that both cover a pixel of the frame:

- ``left of``, ``right of``, ``above``, ``below``: the centres differ along that axis by more than a
  quarter of the sum of the radii (so that "beside" is left open where it is doubtful);
- ``overlaps``: they share a pixel, hidden ones included; ``in front of``, ``behind``: which one
  shows there; ``inside``: every pixel of a is one of b;
- ``approaches``, ``leaves``: a's own velocity has a part towards, or away from, b's centre;
- ``follows``: a approaches b while b leaves a;
- ``faster than``: speeds differ; ``larger than``: radii differ by more than a tenth.

Velocities are differences of a frame's neighbours within the shot. A speed, or a difference of
speeds, counts from half a per cent of the picture's shorter side a frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidlab.datasets.scenes.clip import Clip

RELATIONS = (
    "left of",
    "right of",
    "above",
    "below",
    "overlaps",
    "in front of",
    "behind",
    "inside",
    "approaches",
    "leaves",
    "follows",
    "faster than",
    "larger than",
)
SLOW = 0.005  # of the shorter side, a frame


def relations(clip: Clip) -> Tensor:
    """``(T, R, S, S)`` bool: in frame t, actor a stands in relation r of ``RELATIONS`` to b."""
    actors = len(clip.titles)
    side = min(clip.frames.shape[-2:])
    x, y = clip.centres.unbind(-1)
    radius = clip.radii
    margin = (radius[:, None] + radius) / 4
    right = x - x[:, None] > margin  # (S, S, T): b is to the right of a
    lower = y - y[:, None] > margin
    covered = clip.full_masks.flatten(2).transpose(0, 1).float()  # (T, S, pixels)
    shared = (covered @ covered.transpose(1, 2)).movedim(0, -1)  # (S, S, T) pixels
    overlaps = shared > 0
    depth = torch.arange(actors)
    front = (overlaps & (depth[:, None] > depth)[..., None]) if actors else overlaps
    inside = shared == covered.sum(-1).T[:, None]

    velocity = velocities(clip)
    way = clip.centres - clip.centres[:, None]  # (S, S, T, 2) from a to b
    way = way / torch.linalg.vector_norm(way, dim=-1, keepdim=True).clamp_min(1e-6)
    towards = (velocity[:, None] * way).sum(-1)
    speed = torch.linalg.vector_norm(velocity, dim=-1)
    slow = SLOW * side
    approaches, leaves = towards > slow, towards < -slow
    table = {
        "left of": right,
        "right of": right.transpose(0, 1),
        "above": lower,
        "below": lower.transpose(0, 1),
        "overlaps": overlaps,
        "in front of": front,
        "behind": front.transpose(0, 1),
        "inside": inside,
        "approaches": approaches,
        "leaves": leaves,
        "follows": approaches & leaves.transpose(0, 1),
        "faster than": speed[:, None] - speed > slow,
        "larger than": radius[:, None] > 1.1 * radius,
    }
    there = clip.full_masks.flatten(2).any(-1)
    both = there[:, None] & there & ~torch.eye(actors, dtype=torch.bool)[..., None]
    found = torch.stack([table[name] & both for name in RELATIONS])  # (R, S, S, T)
    return found.permute(3, 0, 1, 2)


def velocities(clip: Clip) -> Tensor:
    """``(S, T, 2)`` pixels a frame: the mean step to the neighbours of a frame within its shot."""
    steps = clip.centres.diff(dim=1)
    within = (clip.shots.diff() == 0)[:, None]
    steps = torch.where(within, steps, 0.0)
    before = torch.nn.functional.pad(steps, (0, 0, 1, 0))
    after = torch.nn.functional.pad(steps, (0, 0, 0, 1))
    neighbours = torch.nn.functional.pad(within, (0, 0, 1, 0)).int()
    neighbours = neighbours + torch.nn.functional.pad(within, (0, 0, 0, 1)).int()
    return (before + after) / neighbours.clamp_min(1)
