"""Accuracy of a classifier, and how much of a difference is chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import confusion_matrix
from torch import Tensor, isin, tensor


def top_k(logits: Tensor, labels: Tensor, k: int = 1) -> float:
    """Share of samples whose label is among the k largest logits.

    Args:
        logits: ``(N, C)``, finite.
        labels: ``(N,)`` in 0 .. C - 1.
        k: 1 .. C.

    >>> import torch
    >>> logits = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    >>> top_k(logits, torch.tensor([1, 2])), top_k(logits, torch.tensor([1, 2]), 2)
    (0.5, 1.0)
    """
    _check(logits, labels)
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"k is {k}; allowed: 1 .. {logits.shape[1]}, the number of classes")
    best = logits.topk(k, dim=1).indices
    return (best == labels[:, None]).any(1).float().mean().item()


def confusion(logits: Tensor, labels: Tensor) -> np.ndarray:
    """``(C, C)`` shares: row i says what clips of class i are taken for; each row sums to 1.

    A class without samples has a row of zeros.
    """
    _check(logits, labels)
    classes = range(logits.shape[1])
    counts = confusion_matrix(labels.numpy(), logits.argmax(1).numpy(), labels=list(classes))
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def pair_accuracy(logits: Tensor, labels: Tensor, pairs: Sequence[tuple[int, int]]) -> float:
    """Share of right answers among the samples whose class belongs to a pair.

    The answer is the largest of *all* logits. Where the two classes of a pair show the same bags of
    frames, a model that does not see order is right at most half of the time here.

    Args:
        logits: ``(N, C)``, finite.
        labels: ``(N,)`` in 0 .. C - 1, some of them in a pair.
        pairs: twins, as classes.

    >>> import torch
    >>> logits = torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [9.0, 0.0, 0.0]])
    >>> pair_accuracy(logits, torch.tensor([0, 1, 2]), [(0, 1)])
    0.5
    """
    _check(logits, labels)
    paired = isin(labels, tensor([label for pair in pairs for label in pair]))
    if not paired.any():
        raise ValueError(f"no sample's class is in the pairs {list(pairs)}")
    return top_k(logits[paired], labels[paired])


def unchanged(first: Tensor, second: Tensor) -> float:
    """Share of samples that get the same answer (largest logit) twice; both ``(N, C)``.

    >>> import torch
    >>> unchanged(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    if first.dim() != 2 or first.shape != second.shape or not len(first):
        raise ValueError(
            f"logits have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "expected (N, C) twice, N >= 1"
        )
    return (first.argmax(1) == second.argmax(1)).float().mean().item()


def accuracy_margin(first: float, second: float, count: int) -> float:
    """Two standard errors of the difference of two accuracies on ``count`` samples each.

    Treats the two as independent, which overestimates the error when the samples are
    the same: a cautious margin for :func:`vidlab.labs.verdict.verdict`.

    >>> round(accuracy_margin(0.5, 0.5, 200), 3)
    0.1
    """
    for accuracy in (first, second):
        if not 0 <= accuracy <= 1:
            raise ValueError(f"accuracy is {accuracy}; allowed: 0 .. 1")
    if count < 1:
        raise ValueError(f"count is {count}; allowed: 1 or more")
    return 2 * math.sqrt((first * (1 - first) + second * (1 - second)) / count)


def _check(logits: Tensor, labels: Tensor) -> None:
    if logits.dim() != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}, labels {tuple(labels.shape)}; "
            "expected (N, C) and (N,), N >= 1"
        )
    if not logits.isfinite().all():
        raise ValueError("logits hold NaN or infinite values")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"labels are {int(labels.min())} .. {int(labels.max())}; "
            f"allowed: 0 .. {logits.shape[1] - 1}"
        )
