"""Bounds that a model has to beat: the position alone, a list of seen names, the look of a word.

Each ``fit_…`` takes training windows and returns something with ``predict(windows)``: for every
window its predicted spans. They live beside the data since they say how hard it is, not how to
solve it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vidlab.datasets.mentions.silver import longest_matches
from vidlab.datasets.mentions.windows import Window, mention, normal_form, spans
from vidlab.iob2 import Span

_LONGEST = 6  # tokens of a name

# Looks of names. A match is one whole token.
_SHAPE = re.compile(
    r"""
    (?=[^a-z]*[A-Z]) \w*[A-Za-z]\w*[-.]?[0-9]\w*(?:-\w+)*   # UCF101, FB15k-237, YAGO3-10, HMDB-51
    | [A-Z]{2,}(?:[-/][A-Z][\w]*)*                          # KITTI, HICO-DET, IJB-A
    | [A-Za-z]?[a-z]*[a-z][A-Z]\w*(?:-\w+)*                 # ActivityNet, bAbI, MovieLens
    | [A-Z]\w*(?:-[A-Z0-9]\w*)+                             # Something-Something, Sports-1M
    | [0-9]+[A-Z]\w*                                        # 300W
    """,
    re.VERBOSE,
)
_TRIGGERS = frozenset(("dataset", "datasets", "benchmark", "corpus", "on", "["))
_NEAR = 3  # tokens between a trigger and a name


@dataclass(frozen=True)
class PositionPrior:
    """M0: for each window length the most frequent span of training. Uses no words."""

    by_length: dict[int, Span]
    overall: tuple[Span, ...]  # most frequent first, for lengths that training lacks

    def predict(self, windows: Sequence[Window]) -> list[list[Span]]:
        """One span a window."""
        return [[span] if (span := self._best(len(w.tokens))) else [] for w in windows]

    def _best(self, length: int) -> Span | None:
        fitting = (span for span in self.overall if span[1] <= length)
        return self.by_length.get(length) or next(fitting, None)


def fit_position(train: Sequence[Window]) -> PositionPrior:
    """Count spans by window length."""
    counts: dict[int, Counter[Span]] = defaultdict(Counter)
    for window in train:
        counts[len(window.tokens)].update(spans(window.tags))
    overall: Counter[Span] = sum(counts.values(), Counter())
    # Ties go to the first span, so that the order of windows does not matter.
    order = sorted(overall, key=lambda span: (-overall[span], span))
    best = {n: min(c, key=lambda span: (-c[span], span)) for n, c in counts.items() if c}
    return PositionPrior(best, tuple(order))


@dataclass(frozen=True)
class Gazetteer:
    """M1: the normal forms of training mentions; longest match, from left to right."""

    known: frozenset[str]

    def predict(self, windows: Sequence[Window]) -> list[list[Span]]:
        """Every place where a known name stands."""
        return [longest_matches(window.tokens, self.known, _LONGEST) for window in windows]


def fit_gazetteer(train: Sequence[Window]) -> Gazetteer:
    """Collect the names; those without a letter or digit are no names."""
    forms = (normal_form(mention(w, span)) for w in train for span in spans(w.tags))
    return Gazetteer(frozenset(filter(None, forms)))


@dataclass(frozen=True)
class ShapeRegex:
    """M2: tokens that look like a data set's name; learns nothing.

    Attributes:
        trigger: only within three tokens of dataset(s), benchmark, corpus, on or ``[``.
    """

    trigger: bool = False

    def predict(self, windows: Sequence[Window]) -> list[list[Span]]:
        """One-token spans."""
        return [[(i, i + 1) for i in self._places(window.tokens)] for window in windows]

    def _places(self, tokens: tuple[str, ...]) -> list[int]:
        places = [i for i, token in enumerate(tokens) if looks_like_name(token)]
        if not self.trigger:
            return places
        signs = [i for i, token in enumerate(tokens) if token.lower() in _TRIGGERS]
        return [i for i in places if any(abs(i - sign) <= _NEAR for sign in signs)]


def looks_like_name(token: str) -> bool:
    """Does a word look like ``UCF101``, ``HICO-DET``, ``ActivityNet`` or ``KITTI``?

    >>> [looks_like_name(word) for word in ("UCF101", "bAbI", "Sports-1M", "Results", "dataset")]
    [True, True, True, False, False]
    """
    return _SHAPE.fullmatch(token) is not None
