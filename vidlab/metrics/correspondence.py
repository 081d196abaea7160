"""Correspondence proposals against the true correspondence: which are right, and how many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """How good proposals are; ``nan`` where no point has a true partner.

    Attributes:
        points: points that have a true partner in another frame; only these are judged.
        share: of their proposals, those that are right.
        found: share of these points with a right one among their k proposals.
        chance: the share of right ones to expect of proposals drawn at random from other frames.
    """

    points: int
    share: float
    found: float
    chance: float


def right_proposals(
    neighbours: np.ndarray, truth: np.ndarray, shape: tuple[int, int, int], slack: int = 0
) -> np.ndarray:
    """``(P, k)`` bool: the proposal lies at its point's true place in that frame.

    Args:
        neighbours: ``(P, k)`` points in other frames; point ``(t*h + y)*w + x``.
        truth: ``(P, t)``, the true partner of each point in each frame; -1: none.
        shape: ``(t, h, w)`` of the grid of P points.
        slack: cells that a proposal may be away from its place, in each direction.
    """
    frame = neighbours // (shape[1] * shape[2])
    true = np.take_along_axis(truth, frame, axis=1)
    return (true >= 0) & (_apart(neighbours, true, shape) <= slack)


def judged(truth: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """``(P,)`` bool: the point has a true partner in a frame that is not its own."""
    points = np.arange(len(truth))
    others = truth.copy()
    others[points, points // (shape[1] * shape[2])] = -1
    return (others >= 0).any(1)


def score(
    neighbours: np.ndarray, truth: np.ndarray, shape: tuple[int, int, int], slack: int = 0
) -> Scores:
    """Scores of one variant's proposals; arguments as for :func:`right_proposals`."""
    rows = np.flatnonzero(judged(truth, shape))
    if not len(rows):
        return Scores(0, np.nan, np.nan, np.nan)
    right = right_proposals(neighbours, truth, shape, slack)[rows]
    t, h, w = shape
    others = truth[rows].copy()
    others[np.arange(len(rows)), rows // (h * w)] = -1
    y, x = others // w % h, others % w
    high = np.minimum(y + slack, h - 1) - np.maximum(y - slack, 0) + 1
    wide = np.minimum(x + slack, w - 1) - np.maximum(x - slack, 0) + 1
    targets = np.where(others >= 0, high * wide, 0).sum(1)
    chance = float((targets / ((t - 1) * h * w)).mean())
    return Scores(len(rows), float(right.mean()), float(right.any(1).mean()), chance)


def _apart(a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Cells between two places, the larger of both directions."""
    _, h, w = shape
    return np.maximum(np.abs(a // w % h - b // w % h), np.abs(a % w - b % w))
