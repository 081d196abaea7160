"""From frame-wise log-probabilities to a labelling: greedy and prefix-beam CTC decoding."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from torch import Tensor

from vidlab.nn.ctc import length_mask


@dataclass(frozen=True)
class Decoded:
    """A labelling (tuple of classes, no blanks) and its log-probability score."""

    labels: tuple[int, ...]
    score: float


def collapse(path: list[int] | Tensor, blank: int = 0) -> tuple[int, ...]:
    """CTC's map B from a frame-wise path to a labelling: merge repeats, drop blanks.

    >>> collapse([0, 3, 3, 0, 3, 5, 0])
    (3, 3, 5)
    """
    path = path.tolist() if isinstance(path, Tensor) else list(path)
    previous = [None, *path[:-1]]
    return tuple(p for p, q in zip(path, previous, strict=True) if p != q and p != blank)


@torch.no_grad()
def greedy_decode(log_probs: Tensor, input_lengths: Tensor, blank: int = 0) -> list[Decoded]:
    """Take the best class of every frame and collapse.

    ``log_probs`` ``(T, N, C)``, ``input_lengths`` ``(N,)``. The score is the log-probability of
    that one path, a lower bound of the labelling's own.
    """
    _check(log_probs, input_lengths, blank)
    best, path = log_probs.float().max(2)
    inside = length_mask(input_lengths.to(best.device), best.shape[0]).T
    scores = torch.where(inside, best, 0.0).sum(0).tolist()
    lengths = input_lengths.tolist()
    rows = path.T.tolist()
    return [
        Decoded(collapse(row[:length], blank), score)
        for row, length, score in zip(rows, lengths, scores, strict=True)
    ]


@torch.no_grad()
def beam_decode(
    log_probs: Tensor,
    input_lengths: Tensor,
    blank: int = 0,
    *,
    beam: int = 10,
    top_classes: int = 20,
    n_best: int = 1,
) -> list[list[Decoded]]:
    """Prefix-beam search: sum over the paths of each prefix, keep the ``beam`` best prefixes.

    A prefix carries two log-probabilities: of its paths that end in blank and of those that end
    in its last label; only the former may repeat that label (Hannun et al. 2014). With a beam
    that never prunes, the score is exactly ``log p(labelling | x)``.

    Args:
        log_probs: ``(T, N, C)``.
        input_lengths: ``(N,)``.
        beam: prefixes kept after each frame, >= 1.
        top_classes: non-blank classes tried at each frame, the most probable ones, >= 1.
        n_best: how many labellings to return a sequence, best first.
    """
    _check(log_probs, input_lengths, blank)
    for name, value in (("beam", beam), ("top_classes", top_classes), ("n_best", n_best)):
        if value < 1:
            raise ValueError(f"{name} is {value}; allowed: 1 or more")
    rows = log_probs.float().cpu().numpy()
    return [
        _beam_one(rows[:length, n], blank, beam, top_classes)[:n_best]
        for n, length in enumerate(input_lengths.tolist())
    ]


def _beam_one(log_probs: np.ndarray, blank: int, beam: int, top_classes: int) -> list[Decoded]:
    """Prefix-beam search over one sequence ``(T, C)``, on plain Python floats."""
    others = np.delete(np.arange(log_probs.shape[1]), blank)
    order = np.argsort(-log_probs[:, others], axis=1, kind="stable")[:, :top_classes]
    beams = {(): (0.0, -inf)}  # prefix: (ends in blank, ends in its last label)
    for frame, best in zip(log_probs, others[order], strict=True):
        grown = defaultdict(lambda: [-inf, -inf])
        candidates = list(zip(best.tolist(), frame[best].tolist(), strict=True))
        for prefix, (ends_blank, ends_label) in beams.items():
            total = _add(ends_blank, ends_label)
            kept = grown[prefix]
            kept[0] = _add(kept[0], total + float(frame[blank]))
            if prefix:
                kept[1] = _add(kept[1], ends_label + float(frame[prefix[-1]]))
            for label, score in candidates:
                source = ends_blank if prefix and label == prefix[-1] else total
                longer = grown[(*prefix, label)]
                longer[1] = _add(longer[1], source + score)
        ranked = sorted(grown.items(), key=lambda item: -_add(*item[1]))
        beams = {prefix: tuple(scores) for prefix, scores in ranked[:beam]}
    return [Decoded(prefix, _add(*scores)) for prefix, scores in beams.items()]


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    return float(np.logaddexp(a, b))


def _check(log_probs: Tensor, input_lengths: Tensor, blank: int) -> None:
    if log_probs.dim() != 3:
        raise ValueError(f"log_probs must be (T, N, C); got shape {tuple(log_probs.shape)}")
    frames, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise ValueError(f"blank is {blank}; allowed: 0 .. {classes - 1}")
    if input_lengths.shape != (batch,):
        raise ValueError(f"input_lengths must be (N={batch},); got {tuple(input_lengths.shape)}")
    if batch and not 1 <= int(input_lengths.min()) <= int(input_lengths.max()) <= frames:
        raise ValueError(f"input_lengths are {input_lengths.tolist()}; allowed: 1 .. {frames}")
    inside = length_mask(input_lengths.to(log_probs.device), frames).T
    bad = (inside & log_probs.isnan().any(2)).any(0)
    if bad.any():
        raise ValueError(f"the scores of sample {int(bad.nonzero()[0])} hold NaN")
