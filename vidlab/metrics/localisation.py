"""Frame-wise localisation: does the confidence of a class rank its frames first?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 201  #: equally spaced recall levels 0, 0.005, ..., 1


def precision_recall(confidence: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall after each rank.

    Args:
        confidence: ``(F,)`` of all frames, ranked from high to low (equal ones as they come).
        positive: ``(F,)`` bool, at least one True.

    Returns:
        precision ``(F,)`` and recall ``(F,)``.
    """
    confidence, positive = np.asarray(confidence), np.asarray(positive, bool)
    if confidence.ndim != 1 or confidence.shape != positive.shape:
        raise ValueError(
            f"confidence and positive must both be (F,); got {confidence.shape}, {positive.shape}"
        )
    if not np.isfinite(confidence).all():
        raise ValueError("confidence holds NaN or infinity")
    if not positive.any():
        raise ValueError("no frame is positive: precision and recall are not defined")
    hits = np.cumsum(positive[np.argsort(-confidence, kind="stable")])
    return hits / np.arange(1, len(hits) + 1), hits / hits[-1]


def average_precision(confidence: np.ndarray, positive: np.ndarray, levels: int = LEVELS) -> float:
    """AP of one class, 0 .. 1, as RadialCTC's supplement A.4 defines it.

    ``AP = Σ_{n=1}^{levels-1} (R_n - R_{n-1}) P_n`` over equally spaced recall levels ``R_n``, with
    ``P_n`` the precision at the first rank whose recall reaches ``R_n``. (No interpolation: where
    the number of positives divides levels - 1, and no two confidences tie, it is the usual sum
    over ranks.)
    """
    if levels < 2:
        raise ValueError(f"levels is {levels}; allowed: 2 or more")
    precision, recall = precision_recall(confidence, positive)
    grid = np.linspace(0, 1, levels)[1:]
    # A grain below the level: recall is a ratio of integers, the level a rounded decimal.
    rank = np.searchsorted(recall, grid - 1e-12)
    return float(precision[rank].mean())


@dataclass(frozen=True)
class Localisation:
    """Mean AP and its parts.

    Attributes:
        map: mean over the classes that occur, 0 .. 1.
        per_class: ``(K+1,)`` AP of each class; NaN for the blank and for absent classes.
    """

    map: float
    per_class: np.ndarray


def localisation_map(confidence: np.ndarray, truth: np.ndarray, blank: int = 0) -> Localisation:
    """Localisation mAP (supplement A.4): AP of each non-blank class over all frames, averaged.

    Args:
        confidence: ``(F, K+1)`` of all frames of all sequences.
        truth: ``(F,)`` class of each frame.
    """
    confidence, truth = np.asarray(confidence), np.asarray(truth)
    if confidence.ndim != 2 or truth.shape != confidence.shape[:1]:
        raise ValueError(
            f"confidence must be (F, K+1), truth (F,); got {confidence.shape}, {truth.shape}"
        )
    per_class = np.full(confidence.shape[1], np.nan)
    for k in np.setdiff1d(truth.astype(np.int64), [blank]):
        if not 0 <= k < len(per_class):
            raise ValueError(f"truth holds class {k}; allowed: 0 .. {len(per_class) - 1}")
        per_class[k] = average_precision(confidence[:, k], truth == k)
    if np.isnan(per_class).all():
        raise ValueError("no frame belongs to a class other than the blank")
    return Localisation(float(np.nanmean(per_class)), per_class)
