"""TSN: Temporal Segment Networks (Wang et al., ECCV 2016; journal version TPAMI 2019).

Long videos, few frames: cut the video into T equal segments, look at one frame of each, ask a 2-D
network what it thinks of that frame, and let the frames *agree*. In the order of the method:

1. Sparse sampling: one frame a segment, a random one in training, the middle one in testing. That
   is :func:`vidlab.video.sampling.segments`.
2. Scores: every frame alone gets ``W f_t``, one number a class.
3. Segmental consensus: one function makes the clip's scores of those of its frames. The average is
   the paper's choice; it also tries the maximum and a weighted average, the journal version the
   mean of the k largest.

Average, maximum and top-k do not know which frame came first: permute the frames, and the very same
numbers are added or compared. So whatever the weights, such a network cannot tell a clip from its
reverse. Weights *by place* (:class:`Weighted`) break that symmetry.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn


def average(scores: Tensor) -> Tensor:
    """The mean over frames: ``(N, T, K)`` to ``(N, K)``."""
    return scores.mean(1)


def maximum(scores: Tensor) -> Tensor:
    """For each class the frame that is surest of it: ``(N, T, K)`` to ``(N, K)``."""
    return scores.amax(1)


def top(k: int) -> Callable[[Tensor], Tensor]:
    """For each class the mean of its k largest scores; k = 1 is the maximum, k = T the average.

    Returns a consensus; it raises ``ValueError`` for clips of fewer than k frames.
    """
    if k < 1:
        raise ValueError(f"k is {k}; allowed: 1 or more")
    return partial(_top, k=k)


def _top(scores: Tensor, k: int) -> Tensor:
    if scores.shape[1] < k:
        raise ValueError(f"the top {k} of {scores.shape[1]} frames; allowed: k up to their number")
    return scores.topk(k, dim=1).values.mean(1)


class Weighted(nn.Module):
    """A learned weight for each segment, the same for all classes; at first it is the average.

    The only consensus here that knows the order of time, if in a simple way: by how much the first
    segment counts more than the last.

    Args:
        frames: T, which is then fixed.
    """

    def __init__(self, frames: int):
        super().__init__()
        if frames < 1:
            raise ValueError(f"frames is {frames}; allowed: 1 or more")
        self.weights = nn.Parameter(torch.full((frames,), 1 / frames))

    def forward(self, scores: Tensor) -> Tensor:
        if scores.shape[1] != len(self.weights):
            raise ValueError(f"{scores.shape[1]} frames; this consensus has {len(self.weights)}")
        return torch.einsum("ntk,t->nk", scores, self.weights)


class TSN(nn.Module):
    """Frame vectors ``(N, T, D)`` to logits ``(N, K)``: a score a frame, then a consensus.

    Args:
        dim: D.
        classes: K.
        consensus: scores ``(N, T, K)`` to ``(N, K)``.
        dropout: share of a vector's numbers that training sets to zero, 0 <= dropout < 1 (0.8 in
            the paper's code, for networks trained on ImageNet before).

    The paper applies the softmax to the consensus, so these are logits, averaged before it.

    Raises:
        ValueError: a size that is not allowed, or vectors of another shape.
    """

    def __init__(
        self,
        dim: int,
        classes: int,
        consensus: Callable[[Tensor], Tensor] = average,
        dropout: float = 0.0,
    ):
        super().__init__()
        for name, value in (("dim", dim), ("classes", classes)):
            if value < 1:
                raise ValueError(f"{name} is {value}; allowed: 1 or more")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; allowed: 0 <= dropout < 1")
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, classes))
        self.dim, self.consensus = dim, consensus

    def scores(self, vectors: Tensor) -> Tensor:
        """What each frame alone says, ``(N, T, K)``."""
        if vectors.dim() != 3 or vectors.shape[2] != self.dim or not vectors.shape[1]:
            raise ValueError(
                f"frame vectors have shape {tuple(vectors.shape)}; "
                f"expected (N, T, {self.dim}), T >= 1"
            )
        return self.classifier(vectors)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.consensus(self.scores(vectors))
