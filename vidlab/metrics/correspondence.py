"""Correspondence proposals against the true correspondence: which are right, and how many.

Points of a grid of t frames of h x w cells are numbered ``(frame·h + y)·w + x``; there are
P = t·h·w. Axes before those named here, such as one of clips, may come first everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Scores:
    """How good proposals are; ``nan`` where no point has a true partner.

    Attributes:
        points: points that have a true partner in another frame; only these are judged.
        nearest: share of these points whose first proposal is right.
        share: of their proposals, those that are right.
        found: share of these points with a right one among their k proposals.
        chance: the share of right ones to expect of proposals drawn at random from other frames.
    """

    points: int
    nearest: float
    share: float
    found: float
    chance: float


def each_frame(truth: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """``(P,)`` one true partner a point, -1: none, as ``(P, t)``: that frame's, and -1 elsewhere.

    >>> each_frame(np.array([3, -1, 0, -1]), (2, 1, 2)).tolist()
    [[-1, 3], [-1, -1], [0, -1], [-1, -1]]
    """
    partner = truth[..., None]
    return np.where(partner // (shape[1] * shape[2]) == np.arange(shape[0]), partner, -1)


def right_proposals(
    neighbours: np.ndarray, truth: np.ndarray, shape: tuple[int, int, int], slack: int = 0
) -> np.ndarray:
    """``(P, k)`` bool: the proposal lies at its point's true place in that frame.

    Args:
        neighbours: ``(P, k)`` points in other frames.
        truth: ``(P, t)``, the true partner of each point in each frame; -1: none.
        shape: ``(t, h, w)`` of the grid of P points.
        slack: cells that a proposal may be away from its place, in each direction.
    """
    frame = neighbours // (shape[1] * shape[2])
    true = np.take_along_axis(truth, frame, axis=-1)
    return (true >= 0) & (_apart(neighbours, true, shape) <= slack)


def judged(truth: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """``(P,)`` bool: the point has a true partner in a frame that is not its own."""
    return (_in_others(truth, shape) >= 0).any(-1)


def score(
    neighbours: ArrayLike, truth: ArrayLike, shape: tuple[int, int, int], slack: int = 0
) -> Scores:
    """Scores of one variant's proposals.

    Args:
        neighbours: ``(P, k)`` points in other frames, the nearest first.
        truth: ``(P, t)`` as for :func:`right_proposals`, or ``(P,)`` as for :func:`each_frame`.
        shape, slack: as for :func:`right_proposals`.

    Raises:
        ValueError: shapes that do not fit one another.
    """
    neighbours, truth = np.asarray(neighbours), np.asarray(truth)
    t, h, w = shape
    points = (*neighbours.shape[:-2], t * h * w)
    if neighbours.shape[:-1] != points or truth.shape not in (points, (*points, t)):
        raise ValueError(
            f"neighbours have shape {neighbours.shape}, truth {truth.shape}; expected (P, k) and "
            f"(P, t) or (P,) with P = {t * h * w} for a grid of {t} x {h} x {w}"
        )
    if truth.shape == points:
        truth = each_frame(truth, shape)
    rows = judged(truth, shape)
    if not rows.any():
        return Scores(0, np.nan, np.nan, np.nan, np.nan)
    right = right_proposals(neighbours, truth, shape, slack)[rows]
    others = _in_others(truth, shape)[rows]
    y, x = others // w % h, others % w
    high = np.minimum(y + slack, h - 1) - np.maximum(y - slack, 0) + 1
    wide = np.minimum(x + slack, w - 1) - np.maximum(x - slack, 0) + 1
    targets = np.where(others >= 0, high * wide, 0).sum(1)
    return Scores(
        points=len(right),
        nearest=float(right[:, 0].mean()),
        share=float(right.mean()),
        found=float(right.any(1).mean()),
        chance=float((targets / ((t - 1) * h * w)).mean()),
    )


def _in_others(truth: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The truth ``(P, t)`` without what it says of each point's own frame."""
    own = np.arange(truth.shape[-2]) // (shape[1] * shape[2])
    return np.where(own[:, None] == np.arange(shape[0]), -1, truth)


def _apart(a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Cells between two places, the larger of both directions."""
    _, h, w = shape
    return np.maximum(np.abs(a // w % h - b // w % h), np.abs(a % w - b % w))
