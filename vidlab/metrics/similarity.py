"""How much of a similarity matrix lies near its diagonal (SMKD, ICCV 2021, supplement B).

Two modules see the same T steps. Where step i of one is most alike to step i of the other, and to
its neighbours, the two share one space and one clock. SMKD shows it as a picture; here it is a
number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(A, B)`` cosines between the rows of ``a (A, D)`` and of ``b (B, D)``, -1 .. 1.

    A row of zeros has no direction: its similarity to anything is 0.

    Raises:
        ValueError: wrong shapes, or values that are not finite.

    >>> cosine_similarity([[2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]).tolist()
    [[1.0, 0.0, -1.0]]
    """
    a, b = (np.asarray(x, np.float64) for x in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"a has shape {a.shape}, b {b.shape}; expected (A, D) and (B, D)")
    for name, x in (("a", a), ("b", b)):
        if not np.isfinite(x).all():
            raise ValueError(f"{name} holds NaN or infinite values")
    return np.clip(_unit(a) @ _unit(b).T, -1, 1)


def diagonal_mass(similarity: np.ndarray, band: int, rows: Sequence[int] | None = None) -> float:
    """Share of the positive similarity within ``band`` steps of the diagonal, 0 .. 1.

    Row i has the share ``Σ_{|i-j| ≤ band} max(s_ij, 0) / Σ_j max(s_ij, 0)``; the result is the mean
    over rows. A row without any positive entry points nowhere and counts as 0. What a matrix
    without structure gets, :func:`expected_diagonal_mass` tells.

    Args:
        similarity: ``(T, T)``, finite.
        band: n >= 0, in steps; 0 is the diagonal alone.
        rows: which rows to average, each in 0 .. T - 1 (e.g. the spikes of a decoding); None: all.

    Raises:
        ValueError: no square matrix, values that are not finite, a band below 0, no or bad rows.

    >>> diagonal_mass(np.eye(4), band=0), diagonal_mass(np.ones((4, 4)), band=0)
    (1.0, 0.25)
    """
    similarity = np.asarray(similarity, np.float64)
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity has shape {similarity.shape}; expected (T, T)")
    if not np.isfinite(similarity).all():
        raise ValueError("similarity holds NaN or infinite values")
    near, rows = _near(len(similarity), band, rows)
    positive = np.maximum(similarity[rows], 0)
    total = positive.sum(1)
    inside = (positive * near).sum(1)
    return float(np.divide(inside, total, out=np.zeros_like(total), where=total > 0).mean())


def expected_diagonal_mass(T: int, band: int, rows: Sequence[int] | None = None) -> float:
    """:func:`diagonal_mass` of a flat matrix: the share of entries that lie within the band.

    Rows near a corner have fewer such entries, so the rows matter.

    >>> expected_diagonal_mass(4, band=1), expected_diagonal_mass(4, band=1, rows=[0])
    (0.625, 0.5)
    """
    if not isinstance(T, (int, np.integer)) or T < 1:
        raise ValueError(f"T is {T!r}; allowed: whole numbers from 1")
    near, _ = _near(int(T), band, rows)
    return float(near.mean(1).mean())


def _near(T: int, band: int, rows: Sequence[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """``(R, T)`` bool, which columns lie within the band of each row, and the rows ``(R,)``."""
    if not isinstance(band, (int, np.integer)) or isinstance(band, bool) or band < 0:
        raise ValueError(f"band is {band!r}; allowed: whole numbers from 0")
    chosen = np.arange(T) if rows is None else np.asarray(rows)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError(f"rows is {rows!r}; allowed: at least one row, as whole numbers")
    if chosen.min() < 0 or chosen.max() >= T:
        raise ValueError(f"rows are {chosen.min()} .. {chosen.max()}; allowed: 0 .. {T - 1}")
    return np.abs(chosen[:, None] - np.arange(T)) <= band, chosen


def _unit(x: np.ndarray) -> np.ndarray:
    # Scaled first, so that squares of tiny or huge values neither vanish nor overflow.
    largest = np.abs(x).max(1, keepdims=True, initial=0)
    x = np.divide(x, largest, out=np.zeros_like(x), where=largest > 0)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)
