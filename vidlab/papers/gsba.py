"""GSBA, SMKD's Gloss Segment Boundary Assignment: from CTC's spikes to segments (Algorithm 1).

CTC marks a gloss with a spike, one step somewhere inside it. LOCATE finds the spikes of the known
glosses in the contextual prediction; EXPAND grows each to the steps around it whose features are
nearest to its class; smoothed (Eq. 1), the segments supervise the visual module.

Readings, since the printed algorithm cannot be meant as it stands:

- It prints argmin over probabilities and over inner products: argmax is meant. LOCATE prints
  "break" at the first mismatch, which would stop before most spikes: we keep scanning.
- A gloss whose spike is nowhere to be found is left out (-1). The next search begins behind the
  run of a spike: two equal glosses need another class in between.
- All glosses are located before any is expanded, and a labelled step is never overwritten.
- Eq. 1's rows sum to ``1 - ε / (|G| + 1)``. The form "normalised" puts the rest on the label, so
  that rows sum to one; "printed" is the equation as it stands.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vidlab.nn import ctc
from vidlab.nn.cosine import unit

Smoothing = Literal["normalised", "printed"]


@torch.no_grad()
def locate(
    logits: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor, blank: int = 0
) -> Tensor:
    """LOCATE: the step of each gloss's spike, ``(N, U)``, -1 where there is none.

    Glosses are taken in order; each gets the first step, behind the spike before it, whose most
    probable class it is. Shapes: contextual ``logits`` ``(S, N, C)``, targets ``(N, U)``.
    """
    ctc.check_ctc_inputs(logits, targets, lengths, target_lengths, blank)
    targets, lengths, target_lengths = _on(logits.device, targets, lengths, target_lengths)
    path = logits.argmax(2).T
    path = path.masked_fill(~ctc.length_mask(lengths, path.shape[1]), -1)
    used = ctc.length_mask(target_lengths, targets.shape[1])
    time = torch.arange(path.shape[1], device=path.device)
    spikes = torch.full_like(targets, -1)
    begin = torch.zeros(len(path), 1, dtype=torch.long, device=path.device)
    for u in range(targets.shape[1]):
        label = targets[:, u : u + 1]
        match = (path == label) & (time >= begin) & used[:, u : u + 1]
        found, spike = match.max(1)
        spikes[:, u] = torch.where(found, spike, -1)
        # Behind the run: the first later step with another class, or the end.
        other = F.pad((path != label) & (time > spike[:, None]), (0, 1), value=True)
        begin = torch.where(found[:, None], other.max(1, keepdim=True).indices, begin)
    return spikes


@torch.no_grad()
def expand(
    spikes: Tensor,
    contextual: Tensor,
    centres: Tensor,
    targets: Tensor,
    lengths: Tensor,
    target_lengths: Tensor,
    radius: int,
    blank: int = 0,
) -> Tensor:
    """EXPAND: labels ``(N, S)``, each spike grown by up to ``radius`` steps to either side.

    A segment goes on while, among the classes of the sentence, its own centre has the smallest
    angle to the feature, and stops before a step that another spike or segment has taken.

    Args:
        spikes: ``(N, U)`` of :func:`locate`.
        contextual: GCF ``(S, N, D)``.
        centres: unit class centres ``W`` ``(C, D)``.
        targets, lengths, target_lengths: ``(N, U)``, ``(N,)``, ``(N,)``.
        radius: d >= 0; 0 leaves the spikes alone.
    """
    if radius < 0:
        raise ValueError(f"radius is {radius}; allowed: 0 or more")
    spikes, targets, lengths, target_lengths = _on(
        contextual.device, spikes, targets, lengths, target_lengths
    )
    steps, batch = contextual.shape[:2]
    rows = torch.arange(batch, device=contextual.device)
    nearest = _nearest_of_the_sentence(contextual, centres, targets, target_lengths)
    labels = torch.full((batch, steps), blank, dtype=torch.long, device=contextual.device)
    for spike, label in zip(spikes.T, targets.T, strict=True):
        found = spike >= 0
        labels[rows[found], spike[found]] = label[found]
    for spike, label in zip(spikes.T, targets.T, strict=True):
        for side in (-1, 1):
            going = spike >= 0
            for step in range(1, radius + 1):
                at = (spike + side * step).clamp(0, steps - 1)
                going = going & (spike + side * step >= 0) & (spike + side * step < lengths)
                going = going & (labels[rows, at] == blank) & (nearest[rows, at] == label)
                labels[rows[going], at[going]] = label[going]
    return labels


def _on(device: torch.device, *integers: Tensor) -> list[Tensor]:
    """Labels, steps and lengths as int64 where the features are."""
    return [tensor.to(device, torch.long) for tensor in integers]


def _nearest_of_the_sentence(
    contextual: Tensor, centres: Tensor, targets: Tensor, target_lengths: Tensor
) -> Tensor:
    """``(N, S)`` the class of the sentence whose centre is nearest to each step."""
    cosines = torch.einsum("snd,cd->nsc", unit(contextual), centres)
    used = ctc.length_mask(target_lengths, targets.shape[1])
    allowed = torch.zeros(len(targets), len(centres), dtype=torch.bool, device=centres.device)
    allowed[torch.arange(len(targets), device=centres.device)[:, None].expand_as(targets)[used],
            targets[used]] = True  # fmt: skip
    return cosines.masked_fill(~allowed[:, None], float("-inf")).argmax(2)


def smooth(labels: Tensor, classes: int, epsilon: float, form: Smoothing = "normalised") -> Tensor:
    """Eq. 1: soft labels ``(..., C)`` of labels ``(...)``.

    As "printed": ``1 - ε`` at the label, ``ε / C`` at the others. "normalised": the label gets
    what is missing, ``1 - ε + ε / C``, so that rows sum to one. C counts the blank: ``|G| + 1``.

    >>> smooth(torch.tensor([1]), 4, 0.2)
    tensor([[0.0500, 0.8500, 0.0500, 0.0500]])
    """
    if form not in ("normalised", "printed"):
        raise ValueError(f"form is {form!r}; allowed: 'normalised', 'printed'")
    other = epsilon / classes
    own = 1 - epsilon + (other if form == "normalised" else 0)
    soft = torch.full((*labels.shape, classes), other, device=labels.device)
    return soft.scatter_(-1, labels[..., None], own)
