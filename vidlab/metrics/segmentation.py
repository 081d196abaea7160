"""How well frames are labelled when the true segments are known.

Labels are one class a frame; class 0 is the background (blank, transition, rest). A *segment* is a
longest run of one class, so two glosses of a class that touch are one segment to these measures.
Corpora are lists, one array ``(T_n,)`` a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Segment = tuple[int, int, int]


def segments(labels: Sequence[int]) -> list[Segment]:
    """Runs of equal labels as (class, start, end), end exclusive, background included.

    >>> segments([0, 0, 3, 3, 3, 1])
    [(0, 0, 2), (3, 2, 5), (1, 5, 6)]
    """
    labels = _labels(labels, "labels")
    if not len(labels):
        return []
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    ends = np.append(starts[1:], len(labels))
    return list(zip(labels[starts].tolist(), starts.tolist(), ends.tolist(), strict=True))


def frame_accuracy(truth: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]]) -> float:
    """Share of all frames of all sequences that have the right class, background included, 0 .. 1.

    >>> frame_accuracy([[0, 1, 1, 0]], [[0, 1, 0, 0]])
    0.75
    """
    pairs = _pairs(truth, predicted)
    total = sum(len(t) for t, _ in pairs)
    if not total:
        raise ValueError("the sequences hold no frames")
    return sum(int((t == p).sum()) for t, p in pairs) / total


def segment_f1(
    truth: Sequence[Sequence[int]],
    predicted: Sequence[Sequence[int]],
    overlap: float = 0.5,
    *,
    background: int = 0,
) -> float:
    """Segmental F1 at an overlap (usual: 0.1, 0.25 and 0.5), 0 .. 1, after Lea et al., CVPR 2017.

    Each predicted segment, in order of time, is held against the true segment of its class with
    the largest intersection over union. It is a hit if that is at least ``overlap`` and no earlier
    one hit the same; else it is false. F1 = 2 hits / (true + predicted segments), over the corpus.
    Small shifts of boundaries cost nothing; splitting a segment in two does. Background segments
    do not count. Where there are none at all, on either side, F1 is 1.

    C. Lea et al., *Temporal Convolutional Networks for Action Segmentation and Detection*.

    Raises:
        ValueError: unequal lengths (which sequence is named), no sequence, overlap not in (0, 1].

    >>> round(segment_f1([[0, 1, 1, 1, 0, 2]], [[0, 0, 1, 1, 1, 1]], 0.25), 3)
    0.667
    """
    hits = true = found = 0
    for t, p in _pairs(truth, predicted):
        true_segments, found_segments = _foreground(t, background), _foreground(p, background)
        hits += len(_matches(true_segments, found_segments, overlap))
        true += len(true_segments)
        found += len(found_segments)
    return 2 * hits / (true + found) if true + found else 1.0


@dataclass(frozen=True)
class BoundaryError:
    """How far the ends of matched segments are off.

    Attributes:
        start, end: mean absolute difference, in frames; NaN without a matched segment.
        matched: how many segments the means are over.
        true: how many there are in the truth.
    """

    start: float
    end: float
    matched: int
    true: int

    @property
    def mean(self) -> float:
        """Mean over starts and ends, in frames."""
        return (self.start + self.end) / 2


def boundary_error(
    truth: Sequence[Sequence[int]],
    predicted: Sequence[Sequence[int]],
    overlap: float = 0.1,
    *,
    background: int = 0,
) -> BoundaryError:
    """Mean distance of found starts and ends from the true ones.

    Only hits (as in :func:`segment_f1`, at this overlap) have a boundary to compare, so read it
    with ``matched``: who finds only the easy segments has small errors.

    >>> boundary_error([[0, 1, 1, 1, 0, 2]], [[0, 0, 1, 1, 1, 1]])
    BoundaryError(start=1.0, end=2.0, matched=1, true=2)
    """
    gaps, true = [], 0
    for t, p in _pairs(truth, predicted):
        true_segments = _foreground(t, background)
        true += len(true_segments)
        for (_, start, end), (_, s, e) in _matches(
            true_segments, _foreground(p, background), overlap
        ):
            gaps.append((abs(start - s), abs(end - e)))
    means = np.mean(gaps, axis=0).tolist() if gaps else (float("nan"), float("nan"))
    return BoundaryError(*means, matched=len(gaps), true=true)


def _matches(
    true: list[Segment], found: list[Segment], overlap: float
) -> list[tuple[Segment, Segment]]:
    if not 0 < overlap <= 1:
        raise ValueError(f"overlap is {overlap}; allowed: above 0, up to 1")
    if not true or not found:
        return []
    t, f = np.array(true), np.array(found)
    shared = np.minimum(f[:, None, 2], t[:, 2]) - np.maximum(f[:, None, 1], t[:, 1])
    shared = shared.clip(0) * (f[:, None, 0] == t[:, 0])
    lengths = (f[:, 2] - f[:, 1])[:, None] + (t[:, 2] - t[:, 1])
    iou = shared / (lengths - shared)
    best = iou.argmax(1)
    taken: set[int] = set()
    matched = []
    for k, j in enumerate(best.tolist()):
        if iou[k, j] >= overlap and j not in taken:
            taken.add(j)
            matched.append((true[j], found[k]))
    return matched


def _foreground(labels: np.ndarray, background: int) -> list[Segment]:
    return [segment for segment in segments(labels) if segment[0] != background]


def _pairs(truth: Sequence, predicted: Sequence) -> list[tuple[np.ndarray, np.ndarray]]:
    if len(truth) != len(predicted) or not len(truth):
        raise ValueError(
            f"got {len(truth)} true and {len(predicted)} predicted sequences; "
            "allowed: as many of each, at least one"
        )
    pairs = []
    for n, (t, p) in enumerate(zip(truth, predicted, strict=True)):
        t, p = _labels(t, f"truth of sequence {n}"), _labels(p, f"prediction of sequence {n}")
        if len(t) != len(p):
            raise ValueError(
                f"sequence {n} has {len(t)} true and {len(p)} predicted labels; "
                "allowed: one of each a frame"
            )
        pairs.append((t, p))
    return pairs


def _labels(labels: Sequence[int], what: str) -> np.ndarray:
    array = np.asarray(labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{what}: got shape {array.shape} of {array.dtype}; expected whole numbers (T,)"
        )
    array = array.astype(np.int64)
    if array.size and array.min() < 0:
        raise ValueError(f"{what}: holds {array.min()}; allowed: classes from 0")
    return array
