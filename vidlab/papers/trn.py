"""TRN: Temporal Relational Reasoning in Videos (Zhou, Andonian, Oliva, Torralba, ECCV 2018).

What happened is often a matter of two or three moments: a hand here, *then* a hand there. TRN shows
a small network tuples of frames in their order, and sums what it finds. In the order of the method,
for T frame vectors ``f_t`` (Section 3):

1. A relation of n frames: ``T_n(V) = h_n( Σ_{i < j < ...} g_n(f_i, f_j, ...) )``. ``g_n`` is a
   perceptron on the concatenation of the n vectors, ``h_n`` is linear. A tuple is always in the
   order of time: exchanging two frames changes what ``g_n`` sees.
2. Multi-scale: ``MT_T(V) = T_2(V) + T_3(V) + ... + T_T(V)``, each with its own ``g_n`` and ``h_n``.
3. There are ``C(T, n)`` tuples of n frames, 247 in all for T = 8. Training draws at most three for
   each n, anew at every step and the same for all clips of the batch.

Readings:

- The authors' code draws tuples in *testing* too, so the same clip may get two answers. Here
  testing takes all tuples (or, where those are too many, a choice made once, from a seed).
- With a sum, 70 tuples in testing would speak louder than 3 in training. ``reduce="sum"`` is
  therefore the code's number of tuples times the *mean*: since ``h_n`` is linear, the logits of all
  tuples are then exactly the expectation of the code's random logits. ``"mean"`` leaves that factor
  out and is the default: all scales then speak equally loud.
- The paper applies ``h_n`` to the sum, the code to each tuple. That is the same, except that the
  code counts the bias of ``h_n`` once a tuple; here it counts once.
- The code puts a ReLU before the first linear layer of ``g_n``; so do we.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import torch
from torch import Generator, Tensor, nn

#: of one scale; C(20, 10) = 184,756 would take minutes and all memory
MOST_TUPLES = 20_000


@dataclass(frozen=True)
class TRNConfig:
    """The form of the relation head; the defaults are those of the authors' multi-scale code.

    Attributes:
        features: size of a frame's vector after a first linear layer; None: no such layer.
        hidden: numbers that ``g_n`` makes of a tuple.
        scales: the n that take part, ascending; None: 2 .. T. One n alone is the single-scale form
            (with ``hidden=512`` in the code).
        tuples: drawn for each scale at every step of training; None: all.
        test_tuples: taken for each scale in testing; None: all, in any case of those that exist.
        seed: of the choice for testing, where it is not all.
        reduce: "mean" over tuples, or "sum" (the mean times the number that training draws).
        dropout: on the backbone's vectors, 0 <= dropout < 1 (0.8 in the code, with a backbone
            trained on ImageNet before).
    """

    features: int | None = 256
    hidden: int = 256
    scales: tuple[int, ...] | None = None
    tuples: int | None = 3
    test_tuples: int | None = None
    seed: int = 0
    reduce: Literal["mean", "sum"] = "mean"
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("features", "hidden", "tuples", "test_tuples"):
            value = getattr(self, name)
            if value is None and name != "hidden":
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value}; allowed: whole numbers from 1")
        if self.reduce not in ("mean", "sum"):
            raise ValueError(f"reduce is {self.reduce!r}; allowed: 'mean', 'sum'")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; allowed: 0 <= dropout < 1")
        if not 0 <= self.seed < 1 << 31:
            raise ValueError(f"seed is {self.seed}; allowed: 0 .. {(1 << 31) - 1}")


def tuples(frames: int, n: int) -> Tensor:
    """All ``C(T, n)`` choices of n of T frames, each in the order of time: ``(C(T, n), n)`` int64.

    Raises:
        ValueError: n out of 1 .. T, or more than :data:`MOST_TUPLES` choices.

    >>> tuples(4, 3).tolist()
    [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    if not 1 <= n <= frames:
        raise ValueError(f"tuples of {n} frames out of {frames}; allowed: 1 .. {frames}")
    if math.comb(frames, n) > MOST_TUPLES:
        raise ValueError(
            f"{frames} frames have {math.comb(frames, n)} tuples of {n}; allowed: up to "
            f"{MOST_TUPLES} (take fewer frames, or other scales)"
        )
    return torch.tensor(list(combinations(range(frames), n)))


def draw(every: Tensor, count: int | None, generator: Generator | None = None) -> Tensor:
    """``count`` of the tuples at random, without replacement; all of them where ``count`` is None.

    Args:
        every: ``(M, n)``, see :func:`tuples`.
        count: 1 or more; more than M are all.
        generator: source of the choice; None: torch's own, like dropout.
    """
    if count is None or count >= len(every):
        return every
    chosen = torch.randperm(len(every), generator=generator)[:count]
    return every[chosen.to(every.device)]


class Relation(nn.Module):
    """``T_n``: relations of n frames among T (equations 1 and 2).

    Args:
        dim: D of a frame's vector.
        classes: K.
        frames: T.
        n: frames of a tuple, 1 .. T.
        config: see :class:`TRNConfig`; ``features``, ``scales`` and ``dropout`` are not used here.
    """

    def __init__(self, dim: int, classes: int, frames: int, n: int, config: TRNConfig):
        super().__init__()
        every = tuples(frames, n)
        fixed = Generator().manual_seed(config.seed)
        # Not saved with the weights: they follow from T, n and the configuration.
        self.register_buffer("every", every, persistent=False)
        self.register_buffer("tested", draw(every, config.test_tuples, fixed), persistent=False)
        self.config = config
        self.g = nn.Sequential(nn.ReLU(), nn.Linear(n * dim, config.hidden), nn.ReLU())
        self.h = nn.Linear(config.hidden, classes)

    @property
    def factor(self) -> int:
        """How many times the mean over tuples counts."""
        if self.config.reduce == "mean":
            return 1
        return min(len(self.every), self.config.tuples or len(self.every))

    def forward(self, vectors: Tensor) -> Tensor:
        chosen = draw(self.every, self.config.tuples) if self.training else self.tested
        side_by_side = vectors[:, chosen].flatten(2)  # (N, tuples, n·D), in the order of time
        return self.h(self.factor * self.g(side_by_side).mean(1))


class TRN(nn.Module):
    """Frame vectors ``(N, T, D)`` to logits ``(N, K)``: ``MT_T``, the sum over scales (equation 3).

    In training mode each step draws tuples from torch's random state (which
    :func:`vidlab.train.fit` saves and restores); in evaluation mode the answer is always the same.

    Args:
        dim: D.
        classes: K.
        frames: T >= 2, which is then fixed.
        config: see :class:`TRNConfig`.

    Raises:
        ValueError: a size or a scale that is not allowed, or vectors of another shape.
    """

    def __init__(self, dim: int, classes: int, frames: int, config: TRNConfig | None = None):
        super().__init__()
        config = config or TRNConfig()
        for name, value, low in (("dim", dim, 1), ("classes", classes, 1), ("frames", frames, 2)):
            if value < low:
                raise ValueError(f"{name} is {value}; allowed: {low} or more")
        scales = tuple(range(2, frames + 1)) if config.scales is None else config.scales
        if (
            not scales
            or list(scales) != sorted(set(scales))
            or scales[0] < 1
            or scales[-1] > frames
        ):
            raise ValueError(f"scales are {scales}; allowed: ascending, from 1 to T = {frames}")
        self.dim, self.frames, self.scales = dim, frames, scales
        size = config.features or dim
        self.project = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(dim, size) if config.features else nn.Identity(),
        )
        self.relations = nn.ModuleList(Relation(size, classes, frames, n, config) for n in scales)

    def by_scale(self, vectors: Tensor) -> Tensor:
        """What each scale contributes to the logits, ``(scales, N, K)``."""
        if vectors.shape[1:] != (self.frames, self.dim):
            raise ValueError(
                f"frame vectors have shape {tuple(vectors.shape)}; "
                f"expected (N, {self.frames}, {self.dim})"
            )
        projected = self.project(vectors)
        return torch.stack([relation(projected) for relation in self.relations])

    def forward(self, vectors: Tensor) -> Tensor:
        return self.by_scale(vectors).sum(0)
