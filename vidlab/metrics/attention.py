"""Numbers about attention weights: how spread they are, and where they lead through the layers.

A row of weights says how much one query takes from each key; it sums to one.
"""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-2  #: a row's sum may miss one by this much: weights come from half precision too


def entropy(weights: np.ndarray, normalised: bool = True) -> np.ndarray:
    """How spread each query's weights are: ``-Σ_k w_k log w_k``, with ``0 log 0 = 0``.

    Args:
        weights: ``(..., Q, K)``, 0 or more, each row of K keys sums to one.
        normalised: True: the share of the largest entropy ``log K``, 0 (all on one key) .. 1 (the
            same on every key); with a single key there is no choice, which counts as 0. False: in
            nats, 0 .. log K.

    Returns:
        ``(..., Q)``, float64.

    Raises:
        ValueError: fewer than two axes, values that are not finite or below 0, rows that do not
            sum to one.

    >>> entropy([[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    weights = as_weights(weights)
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    nats = np.maximum(-(weights * logs).sum(-1), 0)  # no minus zero
    count = weights.shape[-1]
    return np.minimum(nats / np.log(max(count, 2)), 1) if normalised else nats


def rollout(weights: np.ndarray, residual: float = 0.5) -> np.ndarray:
    """Attention from each layer's outputs back to the input tokens, through all layers below.

    Each layer passes on ``Ā_l = residual · I + (1 - residual) · mean over heads of A_l``: the
    identity stands for the skip connection around attention. Layer l of the result is the product
    ``Ā_l … Ā_2 Ā_1``, so its row q says how much of the token q after layer l came from each input
    token, if attention were all that mixes them. (Abnar and Zuidema, "Quantifying Attention Flow in
    Transformers", ACL 2020, section 3, with residual = 0.5.)

    Args:
        weights: ``(L, H, N, N)`` self-attention of L layers, the first layer first, and H heads;
            every row sums to one.
        residual: share of the skip connection, 0 .. 1.

    Returns:
        ``(L, N, N)``, float64; every row sums to one.

    Raises:
        ValueError: another shape, rows that are not weights, a residual outside 0 .. 1.

    >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> rollout([[swap]]).tolist()
    [[[0.5, 0.5], [0.5, 0.5]]]
    """
    if not 0 <= residual <= 1:
        raise ValueError(f"residual is {residual!r}; allowed: 0 .. 1")
    shape = np.shape(weights)
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ValueError(
            f"weights have shape {shape}; rollout needs self-attention (L, H, N, N): layers, heads "
            "and as many keys as queries"
        )
    mixed = as_weights(weights).mean(1)
    mixed = residual * np.eye(mixed.shape[-1]) + (1 - residual) * mixed
    rolled = np.empty_like(mixed)
    reached = np.eye(mixed.shape[-1])
    for i, layer in enumerate(mixed):
        reached = layer @ reached
        rolled[i] = reached
    return rolled


def as_weights(weights: np.ndarray) -> np.ndarray:
    """``weights (..., Q, K)`` as float64, after a check that its rows are attention weights.

    Raises:
        ValueError: one sentence that says what is wrong, and in which row.
    """
    weights = np.asarray(weights)
    if weights.dtype.kind not in "fiub":
        raise ValueError(f"weights have dtype {weights.dtype}; numbers are needed")
    if weights.ndim < 2 or 0 in weights.shape:
        raise ValueError(f"weights have shape {weights.shape}; expected (..., Q, K), not empty")
    weights = weights.astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError("weights hold NaN or infinite values")
    if weights.min() < 0:
        raise ValueError(f"weights hold {weights.min():.4g}; allowed: 0 or more, after the softmax")
    sums = weights.sum(-1)
    away = np.abs(sums - 1)
    if away.max() > TOLERANCE:
        worst = np.unravel_index(away.argmax(), away.shape)
        raise ValueError(
            f"the weights of row {', '.join(map(str, worst))} sum to {sums[worst]:.4g}; each row "
            "of keys (the last axis) must sum to one"
        )
    return weights
