"""Orders in which a confusion matrix tells something: counts in, permutation of classes out."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

ORDERS = ("given", "frequency", "error", "cluster")


def by_frequency(counts: np.ndarray) -> np.ndarray:
    """``(C,)`` classes with the most true samples first; ties as given."""
    return np.argsort(-counts.sum(axis=1), kind="stable")


def by_error(counts: np.ndarray) -> np.ndarray:
    """``(C,)`` classes with the highest error rate first; those without samples last."""
    total = counts.sum(axis=1)
    rate = np.where(total > 0, 1 - np.diag(counts) / np.maximum(total, 1), -1.0)
    return np.argsort(-rate, kind="stable")


def by_cluster(counts: np.ndarray) -> np.ndarray:
    """``(C,)`` classes that are confused alike side by side; those never seen last.

    A class's profile is the share of its samples taken for each class, averaged with the share of
    each class's samples taken for it. Profiles are clustered by their cosine (average linkage) and
    the leaves put in the order with the least distance between neighbours.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    profiles = (shares + shares.T) / 2
    length = np.linalg.norm(profiles, axis=1)
    seen = np.flatnonzero(length > 0)
    unseen = np.flatnonzero(length == 0)
    if len(seen) < 3:
        return np.concatenate([seen, unseen])
    unit = profiles[seen] / length[seen, None]
    apart = np.clip(1 - unit @ unit.T, 0, None)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), method="average", optimal_ordering=True)
    return np.concatenate([seen[leaves_list(tree)], unseen])
