"""What test windows share with training windows: text, most of it, a phrase, the name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vidlab.datasets.mentions.windows import Window, mention, normal_form, normal_text, spans

_ROWS = 256  # test windows that are compared at once: keeps the product small


@dataclass(frozen=True)
class Leakage:
    """Shares of the test windows, 0 .. 1.

    Attributes:
        verbatim: the same normal text is in train.
        jaccard: (N,) for each test window its largest Jaccard similarity to a training window:
            shared different words over all different words of the two.
        fourgram: a sequence of four words is in train too (windows of fewer words share none).
        seen: of the test mentions, how many are mentions in train, in normal form.
    """

    verbatim: float
    jaccard: np.ndarray
    fourgram: float
    seen: float

    def above(self, threshold: float) -> float:
        """Share of the test windows with a Jaccard similarity of ``threshold`` or more."""
        return float((self.jaccard >= threshold - 1e-9).mean())


def leakage(train: Sequence[Window], test: Sequence[Window]) -> Leakage:
    """How far a test set is known from a training set.

    Raises:
        ValueError: one of the two is empty.
    """
    if not train or not test:
        raise ValueError(f"got {len(train)} training and {len(test)} test windows; one is needed")
    train_texts = [normal_text(window) for window in train]
    test_texts = [normal_text(window) for window in test]
    known_texts = set(train_texts)
    known_phrases = {gram for text in known_texts for gram in ngrams(text, 4)}
    known_names = set(_mentions(train))
    names = _mentions(test)
    return Leakage(
        verbatim=_share(text in known_texts for text in test_texts),
        jaccard=nearest_jaccard(train_texts, test_texts),
        fourgram=_share(
            any(gram in known_phrases for gram in ngrams(text, 4)) for text in test_texts
        ),
        seen=_share(name in known_names for name in names),
    )


def nearest_jaccard(
    train: Sequence[tuple[str, ...]], test: Sequence[tuple[str, ...]]
) -> np.ndarray:
    """For each test text (N,) the largest Jaccard similarity of word sets to a training text.

    Two empty texts have similarity 1.
    """
    # Each set once; a sparse product of set memberships counts the shared words.
    train_sets = list(dict.fromkeys(frozenset(text) for text in train))
    test_sets = list(dict.fromkeys(frozenset(text) for text in test))
    numbers: dict[str, int] = {}
    rows = [_memberships(sets, numbers) for sets in (train_sets, test_sets)]
    known, asked = (_matrix(each, len(numbers)) for each in rows)
    known_sizes, asked_sizes = (np.diff(each.indptr) for each in (known, asked))
    known = known.T.tocsr()
    best = np.zeros(len(test_sets))
    for start in range(0, len(test_sets), _ROWS):
        shared = (asked[start : start + _ROWS] @ known).tocsr()
        row = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        union = asked_sizes[start + row] + known_sizes[shared.indices] - shared.data
        np.maximum.at(best, start + row, shared.data / union)
    if frozenset() in train_sets:
        best[[i for i, each in enumerate(test_sets) if not each]] = 1.0
    value = dict(zip(test_sets, best, strict=True))
    return np.array([value[frozenset(text)] for text in test])


def ngrams(text: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    """All sequences of ``size`` words that follow each other.

    >>> ngrams(("on", "the", "set"), 2)
    [('on', 'the'), ('the', 'set')]
    """
    return [text[i : i + size] for i in range(len(text) - size + 1)]


def _memberships(sets: Sequence[frozenset[str]], numbers: dict[str, int]) -> list[list[int]]:
    return [[numbers.setdefault(word, len(numbers)) for word in words] for words in sets]


def _matrix(rows: list[list[int]], columns: int) -> sparse.csr_array:
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    places = np.array([place for row in rows for place in row], np.int32)
    shape = (len(rows), max(columns, 1))
    return sparse.csr_array((np.ones(len(places), np.float32), places, ends), shape=shape)


def _mentions(windows: Sequence[Window]) -> list[str]:
    return [normal_form(mention(window, span)) for window in windows for span in spans(window.tags)]


def _share(flags: Iterable[bool]) -> float:
    kept = list(flags)
    return sum(kept) / len(kept) if kept else 0.0
