"""Spans as tags and back: IOB2, the form that tagged text, taggers and their scores share.

Tags are integers: ``O`` outside, ``B`` the first token of a span, ``I`` a further one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

TAGS = ("O", "B-DAT", "I-DAT")  #: in files, of mentions of data sets: a tag's number is its place
OUTSIDE, BEGIN, INSIDE = range(3)

Span = tuple[int, int]  # first token, one after the last


def spans_of(tags: Sequence[int]) -> list[Span]:
    """Spans (start, end), end exclusive, of one sequence in strict IOB2.

    An I that follows no B belongs to no span, as in seqeval's strict mode: the border that would
    begin it was never drawn.

    >>> spans_of([0, 1, 2, 1, 0, 2])
    [(1, 3), (3, 4)]
    """
    spans: list[Span] = []
    for place, tag in enumerate(check_tags(tags, "tags").tolist()):
        if tag == BEGIN:
            spans.append((place, place + 1))
        elif tag == INSIDE and spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
    return spans


def tags_from(spans: Iterable[Span], length: int) -> tuple[int, ...]:
    """Tags of ``length`` tokens with these spans; the inverse of :func:`spans_of`.

    Raises:
        ValueError: a span is empty, leaves the sequence or overlaps another.

    >>> tags_from([(1, 3)], 4)
    (0, 1, 2, 0)
    """
    tags = [OUTSIDE] * length
    for start, end in spans:
        if not 0 <= start < end <= length:
            raise ValueError(f"span ({start}, {end}) does not fit a sequence of {length} tokens")
        if any(tags[start:end]):
            raise ValueError(f"span ({start}, {end}) overlaps another one")
        tags[start:end] = [BEGIN] + [INSIDE] * (end - start - 1)
    return tuple(tags)


def check_tags(tags: Sequence[int], name: str) -> np.ndarray:
    """One sequence ``(n,)`` as integers, or a ``ValueError`` that says what is wrong with it."""
    array = np.asarray(tags)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be one sequence of whole numbers; got {array.dtype} {array.shape}"
        )
    bad = np.flatnonzero((array < OUTSIDE) | (array > INSIDE))
    if len(bad):
        raise ValueError(
            f"{name} holds {array[bad[0]]} at token {bad[0]}; allowed: 0 (O), 1 (B), 2 (I)"
        )
    return array.astype(np.int64)
