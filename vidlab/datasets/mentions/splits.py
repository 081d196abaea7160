"""Three ways to cut the corpus: at random, text-disjoint (A), and by families of names (B)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from vidlab.datasets.mentions.leakage import ngrams
from vidlab.datasets.mentions.names import NameList
from vidlab.datasets.mentions.silver import listed_spans
from vidlab.datasets.mentions.windows import (
    Window,
    mention,
    normal_form,
    normal_text,
    retokenise,
    spans,
)


@dataclass(frozen=True)
class Fold:
    """Places of the training and the test windows in the sequence that was split.

    Attributes:
        train: places, ascending.
        test: places, ascending.
        held_out: families of names that only the test windows have (split B).
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    held_out: tuple[str, ...] = ()


def without_duplicates(windows: Iterable[Window]) -> list[Window]:
    """The first window of each normal text."""
    first: dict[tuple[str, ...], Window] = {}
    for window in windows:
        first.setdefault(normal_text(window), window)
    return list(first.values())


def random_split(count: int, *, seed: int, test_share: float = 0.2) -> Fold:
    """Deal windows out one by one: the split that leaks, for comparison.

    Raises:
        ValueError: a share that leaves one part empty.
    """
    test_count = int(np.ceil(count * test_share - 1e-9))
    if not 0 < test_count < count:
        raise ValueError(f"a share of {test_share} of {count} windows leaves one part empty")
    order = np.random.default_rng(seed).permutation(count)
    return _fold(count, order[:test_count])


def components(windows: Sequence[Window], size: int = 5) -> np.ndarray:
    """(N,) the component of each window: windows that share a word n-gram are connected.

    A window of fewer words than ``size`` is connected to those of the same normal text only.
    """
    numbers: dict[tuple[str, ...], int] = {}
    rows, columns = [], []
    for row, window in enumerate(windows):
        text = normal_text(window)
        for gram in set(ngrams(text, size)) or {text}:  # shorter than any n-gram: never mixed up
            rows.append(row)
            columns.append(len(windows) + numbers.setdefault(gram, len(numbers)))
    # A graph with two kinds of nodes: windows, and the phrases that they hold.
    total = len(windows) + len(numbers)
    edges = sparse.coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(total, total))
    _, labels = connected_components(edges, directed=False)
    return np.unique(labels[: len(windows)], return_inverse=True)[1]


def split_a(groups: np.ndarray, *, folds: int = 5, seed: int) -> list[Fold]:
    """Text-disjoint folds: whole components, the largest first, each to the smallest fold.

    Args:
        groups: (N,) of :func:`components`, of windows without duplicates.
        folds: how many, 2 or more.
        seed: for the order among components of one size.

    Raises:
        ValueError: fewer components than folds.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fold_of = _balanced(sizes, folds, seed)[codes]
    return [_fold(len(codes), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def split_b(
    windows: Sequence[Window],
    groups: np.ndarray,
    names: NameList,
    *,
    folds: int = 5,
    seed: int,
) -> list[Fold]:
    """Zero-shot folds: whole families of names; no training window names a family of the test.

    A window belongs to the family of its own mention. From train go, besides the test windows,
    every window that names a held-out family anywhere, tagged or not, and every window whose
    component touches the test windows.

    Args:
        windows: N windows whose first span is a listed name, without duplicates.
        groups: (N,) of :func:`components`.
        names: the list.
        folds: how many, 2 or more.
        seed: for the order among families of one size.

    Raises:
        ValueError: a window whose mention is not on the list, or fewer families than folds.
    """
    families = list(names.families)
    own = np.array([families.index(family_of(window, names)) for window in windows])
    present, codes, sizes = np.unique(own, return_inverse=True, return_counts=True)
    fold_of = _balanced(sizes, folds, seed)[codes]
    named = [families_named(window, names) for window in windows]
    made = []
    for fold in range(folds):
        test = np.flatnonzero(fold_of == fold)
        held = {families[k] for k in np.unique(own[test])}
        touched = np.isin(groups, groups[test])
        naming = np.array([not held.isdisjoint(each) for each in named])
        train = np.flatnonzero(~touched & ~naming & (fold_of != fold))
        in_order = tuple(families[k] for k in present if families[k] in held)
        made.append(Fold(tuple(train.tolist()), tuple(test.tolist()), in_order))
    return made


def family_of(window: Window, names: NameList) -> str:
    """The family of the window's first span.

    Raises:
        ValueError: it has none, or one that is not on the list.
    """
    found = spans(window.tags)
    entry = names.by_normal.get(normal_form(mention(window, found[0]))) if found else None
    if entry is None:
        raise ValueError(f"the mention of window {window.index} is not on the list of names")
    return entry.family


def families_named(window: Window, names: NameList) -> set[str]:
    """Families of all listed names in the window, tagged or not, and of its tagged spans."""
    fine = retokenise(window)
    surfaces = [mention(fine, span) for span in listed_spans(fine, names) + spans(fine.tags)]
    # Case does not matter here: better a window too many dropped than a name let through.
    surfaces += fine.tokens
    forms = (normal_form(surface) for surface in surfaces)
    return {names.by_normal[form].family for form in forms if form in names.by_normal}


def component_sizes(groups: np.ndarray) -> dict[int, int]:
    """How many components there are of each size."""
    return dict(sorted(Counter(np.unique(groups, return_counts=True)[1].tolist()).items()))


def _balanced(sizes: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each group: the largest first, each to the fold that holds least so far."""
    if not 2 <= folds <= len(sizes):
        raise ValueError(f"folds is {folds}; allowed: 2 .. {len(sizes)}, the number of groups")
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    held, fold_of = np.zeros(folds, np.int64), np.zeros(len(sizes), np.int64)
    for group in order:
        fold_of[group] = smallest = held.argmin()
        held[smallest] += sizes[group]
    return fold_of


def _fold(count: int, test: np.ndarray) -> Fold:
    train = np.setdiff1d(np.arange(count), test)
    return Fold(tuple(train.tolist()), tuple(np.sort(test).tolist()))
