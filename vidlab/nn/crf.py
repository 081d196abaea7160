"""A linear-chain conditional random field: one label per step, neighbours in mind.

A network scores every label at every step on its own (the *emissions* ``P``). The chain adds what
labels think of one another: ``A_ij`` for moving from label i to label j, ``b`` for starting and
``c`` for ending. A whole path of labels ``y`` then scores (Lafferty et al., ICML 2001; Lample et
al., NAACL 2016, Sect. 2)

    s(x, y) = b_{y_1} + Σ_t P_{t, y_t} + Σ_{t≥2} A_{y_{t-1}, y_t} + c_{y_n},

and ``p(y|x) = exp(s(x, y)) / Z(x)``. Nothing here knows what the labels mean: they can be the tags
of words as well as the segments of a video.

Shapes: ``emissions (N, T, K)``, ``lengths (N,)``. The batch comes first, unlike in
``vidlab.nn.ctc``: CTC follows PyTorch's time-major loss, while taggers and segmenters hand over
what ``nn.LSTM(batch_first=True)`` or a 1-D convolution gives, and a loss per step is
``(N, T)`` everywhere. A chain has no holes, so padding is told by lengths, not by a free mask.
Steps at or beyond a sequence's length never influence a result. The only loops go over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidlab.nn.ctc import at_least_float32, length_mask, refuse

#: Score of a forbidden move. Its exponential is zero in every float type, yet sums and gradients
#: stay finite, which minus infinity would spoil (``-inf - -inf`` is not a number).
FORBIDDEN = -1e4


@dataclass(frozen=True)
class Chain:
    """What labels think of their neighbours.

    Attributes:
        transitions: ``(K, K)`` score ``A_ij`` of moving from label i to label j.
        start: ``(K,)`` score ``b`` of the first label.
        end: ``(K,)`` score ``c`` of the last label.
    """

    transitions: Tensor
    start: Tensor
    end: Tensor


@dataclass(frozen=True)
class Trellis:
    """Log-space sums over paths, by step and label.

    ``log_alpha[n, t, j]`` sums the paths that reach label j at step t, step t included;
    ``log_beta[n, t, j]`` sums their continuations, step t excluded. Their sum over labels is
    therefore ``log_partition`` at every step. Beyond a sequence's length both mean nothing.
    """

    log_alpha: Tensor
    log_beta: Tensor
    log_partition: Tensor
    inside: Tensor  # (N, T) True where there is no padding

    def marginals(self) -> Tensor:
        """``(N, T, K)`` probability ``p(y_t = j | x)``; zero in padding.

        ``exp(log α + log β - log Z)``, with the step's own sum for log Z: the same number, and
        after thousands of steps of the same rounding.
        """
        return (self.log_alpha + self.log_beta).softmax(2) * self.inside[:, :, None]


class CRF(nn.Module):
    """The trainable chain over K labels; with all weights 0 it is K-way softmax at every step.

    Args:
        labels: K, at least 1.
        forbidden_moves: ``(K, K)`` bool, True where label j may not follow label i; None: none.
        forbidden_starts: ``(K,)`` bool, True where a path may not start; None: none.

    Raises:
        ValueError: fewer than one label, or a mask of another shape or type.
    """

    def __init__(
        self,
        labels: int,
        *,
        forbidden_moves: Tensor | None = None,
        forbidden_starts: Tensor | None = None,
    ) -> None:
        super().__init__()
        if labels < 1:
            raise ValueError(f"labels is {labels}; a chain needs at least 1")
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))
        moves = _mask(forbidden_moves, (labels, labels), "forbidden_moves")
        starts = _mask(forbidden_starts, (labels,), "forbidden_starts")
        self.register_buffer("forbidden_moves", moves)
        self.register_buffer("forbidden_starts", starts)

    def chain(self) -> Chain:
        """The scores as they stand now, forbidden moves at ``FORBIDDEN`` whatever was learnt."""
        return Chain(
            self.transitions.masked_fill(self.forbidden_moves, FORBIDDEN),
            self.start.masked_fill(self.forbidden_starts, FORBIDDEN),
            self.end,
        )

    def forward(self, emissions: Tensor, lengths: Tensor, tags: Tensor) -> Tensor:
        """Negative log-likelihood ``(N,)`` of ``tags (N, T)``; a forbidden move in them raises."""
        check_emissions(emissions, lengths, self.chain(), tags)
        inside = length_mask(lengths.to(tags.device), tags.shape[1])
        known = torch.where(inside, tags, 0)
        bad = self.forbidden_moves[known[:, :-1], known[:, 1:]] & inside[:, 1:]
        bad = torch.cat((self.forbidden_starts[known[:, :1]], bad), dim=1)
        if bad.any():
            n, t = bad.nonzero()[0].tolist()
            before = f"label {int(known[n, t - 1])}" if t else "the start"
            raise ValueError(
                f"tags of sample {n} go from {before} to label {int(known[n, t])} at step {t}, "
                "a forbidden move"
            )
        return negative_log_likelihood(emissions, lengths, self.chain(), tags)


def path_score(emissions: Tensor, lengths: Tensor, chain: Chain, tags: Tensor) -> Tensor:
    """``s(x, y)`` ``(N,)`` of one path ``tags (N, T)`` int64 for each sequence."""
    check_emissions(emissions, lengths, chain, tags)
    emissions, lengths, inside = _prepare(emissions, lengths)
    known = torch.where(inside, tags, 0)
    steps = emissions.gather(2, known[:, :, None])[:, :, 0] * inside
    moves = chain.transitions[known[:, :-1], known[:, 1:]] * inside[:, 1:]
    last = known.gather(1, lengths[:, None] - 1)[:, 0]
    return chain.start[known[:, 0]] + steps.sum(1) + moves.sum(1) + chain.end[last]


def log_partition(
    emissions: Tensor, lengths: Tensor, chain: Chain, allowed: Tensor | None = None
) -> Tensor:
    """``log Z(x)`` ``(N,)``: the scores of all paths, summed by the forward recursion.

    Args:
        emissions: ``(N, T, K)`` scores, finite where there is no padding.
        lengths: ``(N,)`` int64 in 1 .. T.
        chain: the moves' scores.
        allowed: ``(N, T, K)`` True where a path may pass; the sum then goes over the paths that
            stay on allowed labels. None: all paths.

    Raises:
        ValueError: what is wrong, and in which sample (see :func:`check_emissions`).
    """
    check_emissions(emissions, lengths, chain, allowed=allowed)
    emissions, lengths, _ = _prepare(emissions, lengths, allowed)
    alpha = _forward(emissions, lengths, chain)[-1]  # held from each sequence's last step on
    return torch.logsumexp(alpha + chain.end, dim=1)


def negative_log_likelihood(
    emissions: Tensor, lengths: Tensor, chain: Chain, tags: Tensor
) -> Tensor:
    """``log Z(x) - s(x, y)`` ``(N,)``: never negative but for rounding."""
    return log_partition(emissions, lengths, chain) - path_score(emissions, lengths, chain, tags)


def partial_likelihood_loss(
    emissions: Tensor, lengths: Tensor, chain: Chain, allowed: Tensor
) -> Tensor:
    """``log Z(x) - log Σ_{y ∈ Y(x)} exp s(x, y)`` ``(N,)``, for labels that are known in part.

    ``allowed (N, T, K)`` spans the paths Y(x) that agree with what is known: one True where a label
    is known, several where it is open (Tsuboi et al., COLING 2008). One path left: the full loss;
    all of them: 0.
    """
    free = log_partition(emissions, lengths, chain)
    return free - log_partition(emissions, lengths, chain, allowed)


def forward_backward(emissions: Tensor, lengths: Tensor, chain: Chain) -> Trellis:
    """Both recursions in log space; arguments as :func:`log_partition`."""
    check_emissions(emissions, lengths, chain)
    emissions, lengths, inside = _prepare(emissions, lengths)
    alphas = _forward(emissions, lengths, chain)
    beta = chain.end.expand_as(alphas[0])
    betas = [beta]
    for t in range(emissions.shape[1] - 2, -1, -1):
        ahead = torch.logsumexp(chain.transitions + (emissions[:, t + 1] + beta)[:, None, :], dim=2)
        beta = torch.where((t < lengths - 1)[:, None], ahead, chain.end)
        betas.append(beta)
    log_z = torch.logsumexp(alphas[-1] + chain.end, dim=1)
    return Trellis(torch.stack(alphas, 1), torch.stack(betas[::-1], 1), log_z, inside)


def marginals(emissions: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    """``(N, T, K)`` probability of each label at each step, given the input; zero in padding."""
    return forward_backward(emissions, lengths, chain).marginals()


@torch.no_grad()
def viterbi(emissions: Tensor, lengths: Tensor, chain: Chain) -> tuple[Tensor, Tensor]:
    """The best path of each sequence: paths ``(N, T)`` int64, -1 in padding, and scores ``(N,)``.

    The forward recursion with ``max`` for log-sum-exp, remembering where each maximum came from.
    """
    check_emissions(emissions, lengths, chain)
    emissions, lengths, inside = _prepare(emissions, lengths)
    best = chain.start + emissions[:, 0]
    stay = torch.arange(emissions.shape[2], device=emissions.device).expand_as(best)
    pointers = []
    for t in range(1, emissions.shape[1]):
        going = (t < lengths)[:, None]
        reached, came_from = (best[:, :, None] + chain.transitions).max(1)
        best = torch.where(going, reached + emissions[:, t], best)
        pointers.append(torch.where(going, came_from, stay))  # in padding a label points at itself
    scores, label = (best + chain.end).max(1)
    path = [label]
    for came_from in reversed(pointers):
        path.append(came_from.gather(1, path[-1][:, None])[:, 0])
    return torch.stack(path[::-1], 1).masked_fill(~inside, -1), scores


def check_emissions(
    emissions: Tensor,
    lengths: Tensor,
    chain: Chain,
    tags: Tensor | None = None,
    allowed: Tensor | None = None,
) -> None:
    """Raise ``ValueError`` with one sentence where a batch cannot be scored by this chain."""
    if emissions.dim() != 3 or 0 in emissions.shape or not emissions.is_floating_point():
        raise ValueError(
            "emissions must be (N, T, K) floats, not empty; got "
            f"{emissions.dtype} of shape {tuple(emissions.shape)}"
        )
    batch, steps, labels = emissions.shape
    for name, tensor, shape in (
        ("transitions", chain.transitions, (labels, labels)),
        ("start", chain.start, (labels,)),
        ("end", chain.end, (labels,)),
        ("lengths", lengths, (batch,)),
        ("tags", tags, (batch, steps)),
        ("allowed", allowed, (batch, steps, labels)),
    ):
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}; got {tuple(tensor.shape)}")
    refuse(
        (lengths < 1) | (lengths > steps),
        lambda n: f"lengths of sample {n} is {int(lengths[n])}; allowed: 1 .. {steps}",
    )
    inside = length_mask(lengths.to(emissions.device), steps)
    broken = ~emissions.isfinite().all(2) & inside
    refuse(broken.any(1), lambda n: f"the emissions of sample {n} are not finite")
    for name, tensor, dtype in (("tags", tags, torch.int64), ("allowed", allowed, torch.bool)):
        if tensor is not None and tensor.dtype != dtype:
            raise ValueError(f"{name} must be {dtype}; got {tensor.dtype}")
    if tags is not None:
        wrong = ((tags < 0) | (tags >= labels)) & inside
        refuse(wrong.any(1), lambda n: f"sample {n} has a label outside 0 .. {labels - 1}")
    if allowed is not None:
        stuck = ~allowed.any(2) & inside
        refuse(stuck.any(1), lambda n: f"sample {n} has a step with no allowed label")


def _forward(emissions: Tensor, lengths: Tensor, chain: Chain) -> list[Tensor]:
    """``log α_t`` ``(N, K)`` for every step; from its last step on a sequence's row is held."""
    alphas = [chain.start + emissions[:, 0]]
    for t in range(1, emissions.shape[1]):
        reached = torch.logsumexp(alphas[-1][:, :, None] + chain.transitions, dim=1)
        going = (t < lengths)[:, None]
        alphas.append(torch.where(going, reached + emissions[:, t], alphas[-1]))
    return alphas


def _prepare(
    emissions: Tensor, lengths: Tensor, allowed: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Full-precision emissions, zero in padding (a NaN there would reach the gradients)."""
    lengths = lengths.to(emissions.device)
    inside = length_mask(lengths, emissions.shape[1])
    emissions = at_least_float32(emissions)
    if allowed is not None:
        emissions = emissions.masked_fill(~allowed, FORBIDDEN)
    return emissions.masked_fill(~inside[:, :, None], 0.0), lengths, inside


def _mask(mask: Tensor | None, shape: tuple[int, ...], name: str) -> Tensor:
    if mask is None:
        return torch.zeros(shape, dtype=torch.bool)
    if mask.dtype != torch.bool or tuple(mask.shape) != shape:
        raise ValueError(
            f"{name} must be bool of shape {shape}; got {mask.dtype} {tuple(mask.shape)}"
        )
    return mask.clone()
