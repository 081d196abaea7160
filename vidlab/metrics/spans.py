"""How well spans are found in sequences of tags: entity precision, recall and F1.

Tags are integers in IOB2 (:mod:`vidlab.iob2`). A predicted span counts only if both of its
boundaries are right (the strict mode of ``seqeval``, after Ramshaw and Marcus, 1995, and the
CoNLL-2000 shared task). Accuracy over tokens would hide everything: a tagger that never finds a
name is right on most tokens.

Corpora are lists, one sequence ``(n,)`` of tags per window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.iob2 import Span, check_tags, spans_of, tags_from

__all__ = [
    "SpanScores",
    "check_tags",
    "recall_on",
    "span_scores",
    "span_scores_of",
    "spans_of",
    "tag_confusion",
    "tags_from",
]


@dataclass(frozen=True)
class SpanScores:
    """Counts over a corpus, and the shares 0 .. 1 made of them (0 where undefined).

    Attributes:
        hits: predicted spans with both boundaries right (true positives).
        predicted: predicted spans (true and false positives).
        true: true spans (true positives and false negatives).
    """

    hits: int
    predicted: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the predicted spans that are right."""
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the true spans that were found."""
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.predicted + self.true
        return 2 * self.hits / both if both else 0.0


def span_scores(truth: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]]) -> SpanScores:
    """Precision, recall and F1 over all spans of all windows (micro average).

    Raises:
        ValueError: unequal numbers of windows or tokens, or a tag outside 0 .. 2; says which.

    >>> round(span_scores([[1, 2, 0, 1]], [[1, 2, 0, 0]]).f1, 3)
    0.667
    """
    pairs = [(spans_of(t), spans_of(p)) for t, p in _pairs(truth, predicted)]
    return span_scores_of([t for t, _ in pairs], [p for _, p in pairs])


def span_scores_of(
    truth: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]]
) -> SpanScores:
    """As :func:`span_scores`, from lists of spans instead of tags."""
    if len(truth) != len(predicted):
        raise ValueError(f"truth has {len(truth)} windows, predicted {len(predicted)}")
    pairs = [(set(t), set(p)) for t, p in zip(truth, predicted, strict=True)]
    return SpanScores(
        hits=sum(len(t & p) for t, p in pairs),
        predicted=sum(len(p) for _, p in pairs),
        true=sum(len(t) for t, _ in pairs),
    )


def recall_on(
    truth: Sequence[Sequence[int]],
    predicted: Sequence[Sequence[int]],
    wanted: Sequence[Sequence[bool]],
) -> tuple[float, int]:
    """Recall on some of the true spans, such as those whose name training never showed.

    There is no precision on a subset of the true spans: a false prediction belongs to none.

    Args:
        truth: tags of each window.
        predicted: as ``truth``.
        wanted: for each window one boolean per true span, in the order of :func:`spans_of`.

    Returns:
        The recall 0 .. 1 (0 where nothing is wanted) and the number of spans wanted.
    """
    if len(wanted) != len(truth):
        raise ValueError(f"wanted has {len(wanted)} windows, truth {len(truth)}")
    hits = total = 0
    for n, (true, found) in enumerate(_pairs(truth, predicted)):
        spans = spans_of(true)
        if len(spans) != len(wanted[n]):
            raise ValueError(
                f"wanted has {len(wanted[n])} marks in window {n}; it has {len(spans)} spans"
            )
        chosen = {span for span, keep in zip(spans, wanted[n], strict=True) if keep}
        hits += len(chosen & set(spans_of(found)))
        total += len(chosen)
    return (hits / total if total else 0.0), total


def tag_confusion(truth: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]]) -> np.ndarray:
    """``(3, 3)`` tokens of each true tag (row: O, B, I) that got each tag (column).

    >>> tag_confusion([[0, 1, 2]], [[0, 1, 0]]).tolist()
    [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    """
    counts = np.zeros(9, dtype=np.int64)
    for true, found in _pairs(truth, predicted):
        counts += np.bincount(3 * true + found, minlength=9)
    return counts.reshape(3, 3)


def _pairs(truth: Sequence, predicted: Sequence) -> list[tuple[np.ndarray, np.ndarray]]:
    """Checked pairs of tag sequences."""
    if len(truth) != len(predicted):
        raise ValueError(f"truth has {len(truth)} windows, predicted {len(predicted)}")
    pairs = []
    for n, (true, found) in enumerate(zip(truth, predicted, strict=True)):
        one, other = check_tags(true, f"truth {n}"), check_tags(found, f"predicted {n}")
        if len(one) != len(other):
            raise ValueError(f"window {n} has {len(one)} true tags and {len(other)} predicted")
        pairs.append((one, other))
    return pairs
