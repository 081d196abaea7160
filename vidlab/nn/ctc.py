"""CTC from the inside: the lattice of walks and its posteriors, the pseudo labels.

Connectionist temporal classification (Graves et al., ICML 2006) scores a labelling ``l`` of U
labels against T frames by summing over all frame-wise paths that collapse to it: merge repeats,
then drop blanks. The paths are walks through a small lattice whose states are the *extended
labelling* ``l' = (b, l_1, b, l_2, ..., l_U, b)`` of S = 2U + 1 symbols. At each frame a walk stays,
moves on by one state, or skips a blank between two different labels.

Everything here runs in log space, on padded batches and on any device; the only Python loops go
over time. Shapes follow ``torch.nn.functional.ctc_loss``: ``log_probs`` is ``(T, N, C)``,
``targets`` is ``(N, U)`` with anything in its padding, lengths are ``(N,)`` integers.
Frames at or beyond a sequence's length are padding: they never influence a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NEG_INF = float("-inf")


@dataclass(frozen=True)
class Lattice:
    """The extended labelling of a padded batch.

    Attributes:
        symbols: ``(N, S)`` class of each state, blanks at even positions (padding: blank).
        valid: ``(N, S)`` True for the 2U+1 states a sequence really has.
        skip: ``(N, S)`` True where a walk may enter a state from two states back.
    """

    symbols: Tensor
    valid: Tensor
    skip: Tensor


@dataclass(frozen=True)
class ForwardBackward:
    """Log-space sums over walks.

    ``log_alpha[t, n, s]`` sums the walks that end in state s at frame t, frame t included;
    ``log_beta[t, n, s]`` sums their continuations, frame t excluded. Their sum over states is
    therefore the likelihood at every frame. (Graves counts frame t in both and divides once.)
    """

    log_alpha: Tensor
    log_beta: Tensor
    log_likelihood: Tensor
    lattice: Lattice


def check_ctc_inputs(
    scores: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
) -> None:
    """Raise ``ValueError`` with one sentence when a batch cannot be a CTC problem.

    ``scores`` are logits or log-probabilities ``(T, N, C)``. Checked: ranks, sizes and types,
    lengths in range, finite scores, labels in ``0..C-1`` and not blank, and U + repeats <= T.
    """
    if scores.dim() != 3 or 0 in scores.shape:
        raise ValueError(f"scores must be (T, N, C) of 1 or more; got shape {tuple(scores.shape)}")
    frames, batch, classes = scores.shape
    integers = {
        "targets": targets,
        "input_lengths": input_lengths,
        "target_lengths": target_lengths,
    }
    for name, tensor in integers.items():
        if not isinstance(tensor, Tensor) or tensor.dtype not in (torch.int64, torch.int32):
            got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ValueError(f"{name} must be a tensor of int64 or int32; got {got}")
    if targets.dim() != 2 or targets.shape[0] != batch:
        raise ValueError(f"targets must be (N={batch}, U); got shape {tuple(targets.shape)}")
    if not 0 <= blank < classes:
        raise ValueError(f"blank is {blank}; allowed: 0 .. {classes - 1}")
    host = [tensor.detach().cpu().numpy() for tensor in (targets, input_lengths, target_lengths)]
    _check_labels(*host, frames=frames, classes=classes, blank=blank)
    if not at_least_float32(scores.detach()).sum().isfinite():  # whose, and not in padding?
        inside = length_mask(input_lengths, frames).to(scores.device).T
        refuse(
            (inside & ~scores.isfinite().all(2)).any(0).cpu().numpy(),
            lambda n: f"the scores of sample {n} are not finite (NaN or infinity)",
        )


def at_least_float32(tensor: Tensor) -> Tensor:
    """The same tensor, half precision made float32: what CTC and angles need."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """``(N, size)`` True where the position is before the sequence's length."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def build_lattice(targets: Tensor, target_lengths: Tensor, blank: int = 0) -> Lattice:
    """Interleave labels with blanks.

    >>> build_lattice(torch.tensor([[3, 3, 5]]), torch.tensor([3])).symbols
    tensor([[0, 3, 0, 3, 0, 5, 0]])
    """
    targets = targets.long()
    batch, longest = targets.shape
    used = length_mask(target_lengths.to(targets.device), longest)
    symbols = targets.new_full((batch, 2 * longest + 1), blank)
    symbols[:, 1::2] = torch.where(used, targets, blank)
    valid = length_mask(2 * target_lengths.to(targets.device) + 1, 2 * longest + 1)
    skip = torch.zeros_like(valid)
    skip[:, 2:] = symbols[:, 2:] != symbols[:, :-2]  # two blanks are equal: never skipped
    return Lattice(symbols, valid, skip)


@torch.no_grad()
def forward_backward(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
) -> ForwardBackward:
    """Sum over all walks with Graves' forward and backward recursions, in log space.

    Returns log-alpha and log-beta ``(T, N, S)`` and ``log p(l|x)`` ``(N,)``. No gradient flows:
    CTC's gradient needs the posteriors only (see :func:`pseudo_labels`), and differentiating
    through sums of ``-inf`` is how implementations of these recursions end in NaN.
    """
    check_ctc_inputs(log_probs, targets, input_lengths, target_lengths, blank)
    device = log_probs.device
    targets, target_lengths = targets.to(device), target_lengths.to(device)
    input_lengths = input_lengths.to(device)
    lattice = build_lattice(targets, target_lengths, blank)
    emit = emissions(log_probs, lattice, input_lengths)
    log_alpha = sweep(emit, lattice.skip, torch.logaddexp)
    log_beta = _sweep_back(emit, lattice.skip, input_lengths, target_lengths)
    log_likelihood = torch.logsumexp(log_alpha[0] + log_beta[0], dim=1)
    return ForwardBackward(log_alpha, log_beta, log_likelihood, lattice)


def state_posteriors(fb: ForwardBackward) -> Tensor:
    """Probability ``(T, N, S)`` of being in each lattice state at each frame, given ``l``.

    A frame beyond its sequence's length has no continuation, so its row is zero.
    """
    return torch.exp(fb.log_alpha + fb.log_beta - fb.log_likelihood[:, None])


def class_posteriors(fb: ForwardBackward, classes: int) -> Tensor:
    """Pseudo labels ``(T, N, C)`` from the recursions: state posteriors summed by class."""
    gamma = state_posteriors(fb)
    index = fb.lattice.symbols.expand_as(gamma)
    return gamma.new_zeros(*gamma.shape[:2], classes).scatter_add_(2, index, gamma)


@torch.no_grad()
def pseudo_labels(
    logits: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
) -> Tensor:
    """Posterior ``(T, N, C)`` of emitting class k at frame t, given the labelling.

    The gradient of ``-log p(l|x)`` with respect to the logits is ``y - pseudo``, so the pseudo
    labels can be read off PyTorch's compiled CTC: ``pseudo = softmax(logits) - gradient``. They
    equal :func:`class_posteriors` of :func:`forward_backward`, faster. Rows sum to one; classes
    outside the labelling and the blank are zero; padded frames are all zero. Computed in float32
    (CTC has no half-precision kernel) and constant: no gradient flows into them.
    """
    check_ctc_inputs(logits, targets, input_lengths, target_lengths, blank)
    log_probs = at_least_float32(logits.detach()).log_softmax(2).requires_grad_()
    with torch.enable_grad():
        loss = F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, blank=blank, reduction="sum"
        )
        (gradient,) = torch.autograd.grad(loss, log_probs)
    # PyTorch's CTC already hands back the gradient with respect to the logits here: it assumes
    # a log-softmax upstream, whose backward leaves y - pseudo as it is (rows sum to zero).
    inside = length_mask(input_lengths.to(logits.device), logits.shape[0]).T[:, :, None]
    return log_probs.detach().exp_().sub_(gradient).masked_fill_(~inside, 0.0).clamp_(0.0, 1.0)


def fitting_loss(log_probs: Tensor, pseudo: Tensor) -> Tensor:
    """Cross-entropy ``-Σ_t Σ_k z_t^k log y_t^k`` against soft labels, averaged over sequences.

    ``log_probs`` and the soft labels are ``(T, N, C)``; the labels are zero in padding.
    """
    return -(pseudo * log_probs).sum() / log_probs.shape[1]


def emissions(log_probs: Tensor, lattice: Lattice, input_lengths: Tensor) -> Tensor:
    """``(T, N, S)`` log-probability of each state's symbol; ``-inf`` wherever there is padding."""
    frames = log_probs.shape[0]
    inside = length_mask(input_lengths, frames).T[:, :, None] & lattice.valid
    index = lattice.symbols.expand(frames, -1, -1)
    return log_probs.gather(2, index).masked_fill(~inside, NEG_INF)


def sweep(emit: Tensor, skip: Tensor, plus: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Walk the lattice forwards: ``(T, N, S)`` score of all walks that end in each state.

    ``plus`` joins the scores of walks that meet: ``torch.logaddexp`` sums them (the forward
    recursion), ``torch.maximum`` keeps the best (Viterbi). Arguments ``(T, N, S)``, ``(N, S)``.
    """
    frames, batch, states = emit.shape
    gate = torch.zeros_like(emit[0]).masked_fill(~skip, NEG_INF)
    table = emit.new_full((frames, batch, states + 2), NEG_INF)  # a border of two dead states
    table[0, :, 2:4] = emit[0, :, :2]  # a walk starts in the first blank or the first label
    # All views at once: making them one by one would cost as much as the sums.
    stay, step, skipped = (
        table[:, :, 2 - back : 2 - back + states].unbind(0) for back in (0, 1, 2)
    )
    emitted = emit.unbind(0)
    for t in range(1, frames):
        joined = plus(plus(stay[t - 1], step[t - 1]), skipped[t - 1] + gate)
        torch.add(joined, emitted[t], out=stay[t])
    return table[:, :, 2:]


def _sweep_back(
    emit: Tensor, skip: Tensor, input_lengths: Tensor, target_lengths: Tensor
) -> Tensor:
    """The backward recursion: ``(T, N, S)`` sum of all continuations, frame t excluded."""
    frames, batch, states = emit.shape
    gate = torch.zeros_like(emit[0]).masked_fill(~skip, NEG_INF)
    ends = torch.full_like(emit[0], NEG_INF)  # a walk ends in the last blank or the last label
    ends.scatter_(1, (2 * target_lengths - 1).clamp_min(0)[:, None], 0.0)
    ends.scatter_(1, (2 * target_lengths)[:, None], 0.0)
    is_last = torch.arange(frames, device=emit.device)[:, None] == input_lengths - 1
    table = emit.new_full((frames, batch, states + 2), NEG_INF)
    source = torch.full_like(table[0], NEG_INF)
    gated = torch.full_like(table[0], NEG_INF)
    for t in range(frames - 1, -1, -1):
        onward = ends
        if t < frames - 1:
            torch.add(table[t + 1, :, :states], emit[t + 1], out=source[:, :states])
            torch.add(source[:, :states], gate, out=gated[:, :states])
            onward = torch.logaddexp(source[:, :-2], source[:, 1:-1])
            onward = torch.logaddexp(onward, gated[:, 2:])
        table[t, :, :states] = torch.where(is_last[t][:, None], ends, onward)
    return table[:, :, :states]


def _check_labels(
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    *,
    frames: int,
    classes: int,
    blank: int,
) -> None:
    """The part about lengths and labels: on the host, where many small steps are cheap."""
    batch, longest = targets.shape
    for name, lengths, low, high in (
        ("input_lengths", input_lengths, 1, frames),
        ("target_lengths", target_lengths, 0, longest),
    ):
        if lengths.shape != (batch,):
            raise ValueError(f"{name} must be (N={batch},); got shape {lengths.shape}")
        refuse(
            (lengths < low) | (lengths > high),
            lambda n, name=name, lengths=lengths, low=low, high=high: (
                f"{name} of sample {n} is {lengths[n]}; allowed: {low} .. {high}"
            ),
        )
    used = np.arange(longest) < target_lengths[:, None]
    refuse(
        (used & ((targets < 0) | (targets >= classes))).any(1),
        lambda n: (
            f"sample {n} has a label outside 0 .. {classes - 1}: {targets[n][used[n]].tolist()}"
        ),
    )
    refuse(
        (used & (targets == blank)).any(1),
        lambda n: (
            f"sample {n} has the blank ({blank}) among its labels: {targets[n][used[n]].tolist()}"
        ),
    )
    repeats = (used[:, 1:] & (targets[:, 1:] == targets[:, :-1])).sum(1)
    need = target_lengths + repeats
    refuse(
        need > input_lengths,
        lambda n: (
            f"sample {n} has {target_lengths[n]} labels with {repeats[n]} repeats, "
            f"which need at least {need[n]} frames; it has {input_lengths[n]}"
        ),
    )


def refuse(bad: np.ndarray | Tensor, sentence: Callable[[int], str]) -> None:
    """Raise ``ValueError`` with the sentence for the first sample that is ``bad (N,)``."""
    if bad.any():
        raise ValueError(sentence(bad.tolist().index(True)))
