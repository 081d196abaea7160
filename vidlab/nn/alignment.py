"""From posteriors to decisions: CTC's best path, its keyframes, and how peaky a prediction is.

Shapes and conventions are those of :mod:`vidlab.nn.ctc`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidlab.nn.ctc import (
    NEG_INF,
    build_lattice,
    check_ctc_inputs,
    emissions,
    length_mask,
    sweep,
)

PAD = -1  #: marks frames beyond a sequence's length in frame-wise paths


@torch.no_grad()
def best_path(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
) -> tuple[Tensor, Tensor]:
    """Viterbi: the most probable single walk that collapses to the labelling.

    The same lattice as :func:`vidlab.nn.ctc.forward_backward` with "max" in place of "sum".

    Returns:
        paths ``(N, T)``, a class per frame and :data:`PAD` beyond the length; and log-scores
        ``(N,)``, the sum of the path's log-probabilities.
    """
    check_ctc_inputs(log_probs, targets, input_lengths, target_lengths, blank)
    device = log_probs.device
    targets, target_lengths = targets.to(device), target_lengths.to(device)
    input_lengths = input_lengths.to(device)
    lattice = build_lattice(targets, target_lengths, blank)
    emit = emissions(log_probs, lattice, input_lengths)
    frames, batch = log_probs.shape[:2]

    best = sweep(emit, lattice.skip, torch.maximum)
    inside = length_mask(input_lengths, frames)
    moves = _moves(best, lattice.skip).masked_fill_(~inside.T[:, :, None], 0)

    last = best[input_lengths - 1, torch.arange(batch, device=device)]
    final = torch.stack(((2 * target_lengths - 1).clamp_min(0), 2 * target_lengths), 1)
    scores, choice = last.gather(1, final).max(1)
    state = final.gather(1, choice[:, None]).squeeze(1)
    states = torch.from_numpy(_walk_back(moves.cpu().numpy(), state.cpu().numpy())).to(device)
    paths = lattice.symbols.gather(1, states.T)
    return paths.masked_fill(~inside, PAD), scores


def _walk_back(moves: np.ndarray, state: np.ndarray) -> np.ndarray:
    """``(T, N)`` the state at each frame, from the last one. NumPy's small steps are quick."""
    frames, batch, width = moves.shape
    first = width * np.arange(batch)  # of each sequence's states in a row of all sequences'
    states = np.empty((frames, batch), np.int64)
    states[-1] = first + state
    for row, now, before in zip(
        moves.reshape(frames, -1)[:0:-1], states[:0:-1], states[-2::-1], strict=True
    ):
        np.subtract(now, row.take(now), out=before)
    return states - first


def _moves(best: Tensor, skip: Tensor) -> Tensor:
    """``(T, N, S)`` how many states back (0, 1 or 2) the best walk to each state came from."""
    before = F.pad(best[:-1], (2, 0, 0, 0, 1, 0), value=NEG_INF)
    stay, step, skipped = before[:, :, 2:], before[:, :, 1:-1], before[:, :, :-2]
    moves = (step > stay).to(torch.int8)
    return moves.masked_fill_(skip & (skipped > torch.maximum(stay, step)), 2)


@torch.no_grad()
def keyframes(paths: Tensor, scores: Tensor) -> Tensor:
    """One frame for each run of equal symbols in a path: where its score is largest.

    Args:
        paths: ``(N, T)`` classes, :data:`PAD` beyond the length.
        scores: ``(T, N, C)`` logits, log-probabilities or cosines.

    Returns:
        ``(N, T)`` True at keyframes; the earliest frame wins a tie.

    >>> paths = torch.tensor([[0, 2, 2, 0]])
    >>> scores = torch.tensor([[[0.0, 0, 1]], [[0, 0, 2]], [[0, 0, 5]], [[3, 0, 0]]])
    >>> keyframes(paths, scores).int()
    tensor([[1, 0, 1, 1]], dtype=torch.int32)
    """
    batch, frames = paths.shape
    own = scores.permute(1, 0, 2).gather(2, paths.clamp_min(0)[:, :, None]).squeeze(2).float()
    runs = torch.zeros_like(paths)
    runs[:, 1:] = (paths[:, 1:] != paths[:, :-1]).long().cumsum(1)
    top = torch.full_like(own, NEG_INF).scatter_reduce(1, runs, own, "amax")
    time = torch.arange(frames, device=paths.device).expand(batch, frames)
    candidate = torch.where(own == top.gather(1, runs), time, frames)
    first = torch.full_like(paths, frames).scatter_reduce(1, runs, candidate, "amin")
    return (time == first.gather(1, runs)) & (paths != PAD)


@dataclass(frozen=True)
class Peakiness:
    """How a frame-wise prediction spreads over time, one number a sequence, ``(N,)`` each.

    Attributes:
        non_blank: share of frames whose most probable class is not blank, 0 .. 1.
        runs: number of runs of one non-blank class.
        run_length: mean length of those runs in frames (0 where there is none).
    """

    non_blank: Tensor
    runs: Tensor
    run_length: Tensor


@torch.no_grad()
def peakiness(scores: Tensor, input_lengths: Tensor, blank: int = 0) -> Peakiness:
    """Measure CTC's peaky behaviour on the greedy path of ``scores`` ``(T, N, C)``."""
    path = scores.argmax(2).T
    lengths = input_lengths.to(path.device)
    active = (path != blank) & length_mask(lengths, path.shape[1])
    starts = active.clone()
    starts[:, 1:] &= path[:, 1:] != path[:, :-1]
    count, runs = active.sum(1), starts.sum(1)
    return Peakiness(count / lengths, runs, count / runs.clamp_min(1))
