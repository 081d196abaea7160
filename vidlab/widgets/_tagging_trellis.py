"""One window of words for the tag explorer: checked, with its trellis filled in.

The recursions are those of ``vidlab.nn.crf``, in NumPy and for one window: a picture imports no
model, and what it draws must not depend on what the caller calls alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.iob2 import TAGS, check_tags
from vidlab.widgets.base import as_array, check_finite, encode_array

MOST_TOKENS = 400  #: of one window
MOST_LETTERS = 60  #: of one token; the rest is cut
AGREE = 0.02  #: marginals may differ from those of the emissions by this much


@dataclass(frozen=True)
class TagView:
    """What a tagger says about one text of n tokens.

    Attributes:
        tokens: n strings.
        tags: n tags: 0 (O), 1 (B-DAT), 2 (I-DAT).
        marginals: ``(n, 3)`` probability of each tag at each token; rows sum to one.
        emissions: ``(n, 3)`` scores before the chain, or None.
    """

    tokens: Sequence[str]
    tags: Sequence[int]
    marginals: object
    emissions: object | None = None


@dataclass(frozen=True)
class Moves:
    """A chain's scores: ``transitions (3, 3)`` from row to column, ``start`` and ``end (3,)``."""

    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray


@dataclass(frozen=True)
class Trellis:
    """Emissions, forward and backward sums ``(n, 3)``, the best path ``(n,)`` and ``log Z``."""

    emissions: np.ndarray
    log_alpha: np.ndarray
    log_beta: np.ndarray
    path: np.ndarray
    log_partition: float


@dataclass(frozen=True)
class TaggedWindow:
    """A checked window; ``truth`` and ``trellis`` may be missing."""

    tokens: list[str]
    tags: np.ndarray
    marginals: np.ndarray
    truth: np.ndarray | None
    trellis: Trellis | None
    name: str


def check_moves(transitions: object, start: object, end: object) -> Moves:
    """The chain's scores as arrays; missing starts and ends are 0."""
    states = len(TAGS)
    parts = {}
    for name, value, shape in (
        ("transitions", transitions, (states, states)),
        ("start", start, (states,)),
        ("end", end, (states,)),
    ):
        array = np.zeros(shape) if value is None else as_array(value, name).astype(np.float64)
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}; got {array.shape}")
        check_finite(array, name)
        parts[name] = array
    return Moves(**parts)


def check_window(
    where: str, view: TagView, moves: Moves | None, truth: Sequence[int] | None, name: str
) -> TaggedWindow:
    """A window with everything in its place, or a ``ValueError`` that says what is not."""
    tokens = [_cut(str(token)) for token in view.tokens]
    if isinstance(view.tokens, str) or not 1 <= len(tokens) <= MOST_TOKENS:
        raise ValueError(
            f"{where} has {len(tokens)} tokens; allowed: a list of 1 .. {MOST_TOKENS} strings"
        )
    tags = _tags_for(tokens, view.tags, f"tags of {where}")
    marginals = _scores_for(tokens, view.marginals, f"marginals of {where}")
    if marginals.min() < -1e-3 or np.abs(marginals.sum(1) - 1).max() > 0.01:
        raise ValueError(f"marginals of {where} are not probabilities: rows must sum to 1")
    trellis = None
    if view.emissions is not None:
        if moves is None:
            raise ValueError(f"{where} has emissions; the explorer needs transitions= as well")
        trellis = fill(_scores_for(tokens, view.emissions, f"emissions of {where}"), moves)
        expected = np.exp(trellis.log_alpha + trellis.log_beta - trellis.log_partition)
        apart = float(np.abs(expected - marginals).max())
        if apart > AGREE:
            raise ValueError(
                f"marginals of {where} are up to {apart:.2f} away from those that its emissions "
                "and the transitions give; they must belong to the same chain"
            )
    known = None if truth is None else _tags_for(tokens, truth, f"truth of {where}")
    return TaggedWindow(tokens, tags, marginals.clip(0, 1), known, trellis, name)


def fill(emissions: np.ndarray, moves: Moves) -> Trellis:
    """Forward, backward and best path over ``(n, 3)`` emissions."""
    steps = len(emissions)
    alpha, best = np.empty_like(emissions), np.empty_like(emissions)
    came_from = np.zeros(emissions.shape, dtype=int)
    alpha[0] = best[0] = moves.start + emissions[0]
    for t in range(1, steps):
        alpha[t] = emissions[t] + _log_sum(alpha[t - 1][:, None] + moves.transitions, 0)
        reached = best[t - 1][:, None] + moves.transitions
        came_from[t] = reached.argmax(0)
        best[t] = emissions[t] + reached.max(0)
    beta = np.empty_like(emissions)
    beta[-1] = moves.end
    for t in range(steps - 2, -1, -1):
        beta[t] = _log_sum(moves.transitions + (emissions[t + 1] + beta[t + 1])[None, :], 1)
    path = [int((best[-1] + moves.end).argmax())]
    for t in range(steps - 1, 0, -1):
        path.append(int(came_from[t, path[-1]]))
    total = float(_log_sum(alpha[-1] + moves.end, 0))
    return Trellis(emissions, alpha, beta, np.array(path[::-1]), total)


def pack_window(window: TaggedWindow) -> dict:
    """What the page draws of one window."""
    packed = {
        "name": window.name,
        "tokens": window.tokens,
        "tags": window.tags.tolist(),
        "truth": None if window.truth is None else window.truth.tolist(),
        "marginals": encode_array(window.marginals, "uint16", (0, 1)),
        "trellis": None,
    }
    if window.trellis is not None:
        one = window.trellis
        packed["trellis"] = {
            "scores": encode_array(
                np.stack([one.emissions, one.log_alpha, one.log_beta]), "float32"
            ),
            "path": one.path.tolist(),
            "logZ": one.log_partition,
        }
    return packed


def _log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    return np.logaddexp.reduce(values, axis=axis)


def _cut(token: str) -> str:
    return token if len(token) <= MOST_LETTERS else f"{token[: MOST_LETTERS - 1]}…"


def _tags_for(tokens: list[str], tags: Sequence[int], name: str) -> np.ndarray:
    array = check_tags(as_array(tags, name), name)
    if len(array) != len(tokens):
        raise ValueError(f"{name} has {len(array)} entries; there are {len(tokens)} tokens")
    return array


def _scores_for(tokens: list[str], values: object, name: str) -> np.ndarray:
    array = as_array(values, name).astype(np.float64)
    if array.shape != (len(tokens), len(TAGS)):
        raise ValueError(f"{name} must be ({len(tokens)}, {len(TAGS)}); got {array.shape}")
    check_finite(array, name)
    return array
