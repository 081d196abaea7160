"""What kind of window is it? A few rules, in this order, sort the corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.datasets.mentions.names import NameList
from vidlab.datasets.mentions.windows import Window, mention, normal_form, normal_text, spans

#: The classes, in the order of their rules: the first that fits is the window's.
CLASSES = ("listed", "tiled", "punctuation", "common word", "fragment", "other")

#: Stretches of whole papers in the corpus (first and last window), found by hand.
CORPUS_REGIONS = (
    (5662, 6636), (17095, 17843), (17869, 18650), (19409, 20200),
    (20253, 21874), (21918, 24616), (24666, 32145),
)  # fmt: skip

#: Ordinary words that are also pieces of data sets' names: searched for, they are everywhere.
COMMON_WORDS = frozenset((
    "a", "an", "the", "in", "to", "of", "on", "for", "and", "with", "learning", "set", "sets",
    "domain", "domains", "dataset", "corpus", "english", "sports", "clean", "other", "general",
    "time", "training", "testing", "test", "input", "inputs", "understanding", "reasoning",
    "pooling", "view", "novel", "company", "news", "answer", "question", "product",
    "information", "challenge", "using",
))  # fmt: skip

_PIECES = re.compile(r"[A-Za-z]+|[0-9]+[A-Za-z]*")


@dataclass(frozen=True)
class Audit:
    """Each window's class.

    Attributes:
        kinds: (N,) places in ``CLASSES``.
        regions: stretches of tiled text, first and last window.
    """

    kinds: np.ndarray
    regions: tuple[tuple[int, int], ...]

    def where(self, kind: str) -> list[int]:
        """Numbers of the windows of a class.

        Raises:
            ValueError: no such class.
        """
        if kind not in CLASSES:
            raise ValueError(f"class is {kind!r}; allowed: {', '.join(CLASSES)}")
        return np.flatnonzero(self.kinds == CLASSES.index(kind)).tolist()

    def table(self, windows: Sequence[Window]) -> dict[str, tuple[int, int]]:
        """For each class: windows, and windows that differ in their normal text."""
        rows = {}
        for kind in CLASSES:
            here = self.where(kind)
            rows[kind] = (len(here), len({normal_text(windows[i]) for i in here}))
        return rows


def audit(
    windows: Sequence[Window],
    names: NameList,
    regions: Sequence[tuple[int, int]] | None = None,
) -> Audit:
    """Sort windows into classes by their first span.

    1. ``listed``: its normal form is on the list of names.
    2. ``tiled``: the window lies in a stretch of tiled paper text.
    3. ``punctuation``: no letter or digit in it.
    4. ``common word``: an ordinary word that is a piece of a data set's name.
    5. ``fragment``: a piece of a listed name (``HMDB``, ``51``, ``V2``).
    6. ``other``: the rest, and windows without a span.

    Args:
        windows: the corpus, in the order of its file.
        names: the list.
        regions: tiled stretches, first and last window; None looks for them
            (:func:`tiled_regions`).
    """
    found = [spans(window.tags) for window in windows]
    forms = [
        normal_form(mention(window, each[0])) if each else None
        for window, each in zip(windows, found, strict=True)
    ]
    listed = np.array([form in names.by_normal for form in forms], bool)
    if regions is None:
        first = np.array([bool(each) and each[0][0] == 0 for each in found], bool)
        regions = tiled_regions(first, forms)
    tiled = np.zeros(len(windows), bool)
    for start, end in regions:
        tiled[start : end + 1] = True
    pieces = name_pieces(names)
    # Lowest first: each assignment overwrites the ones before it.
    kinds = np.full(len(windows), CLASSES.index("other"))
    kinds[np.array([form in pieces for form in forms], bool)] = CLASSES.index("fragment")
    kinds[np.array([form in COMMON_WORDS for form in forms], bool)] = CLASSES.index("common word")
    kinds[np.array([form == "" for form in forms], bool)] = CLASSES.index("punctuation")
    kinds[tiled] = CLASSES.index("tiled")
    kinds[listed] = CLASSES.index("listed")
    return Audit(kinds, tuple((int(a), int(b)) for a, b in regions))


def tiled_regions(
    starts: np.ndarray,
    forms: Sequence[str | None],
    *,
    radius: int = 25,
    share: float = 0.9,
    shortest: int = 100,
) -> list[tuple[int, int]]:
    """Long stretches in which nearly every window begins with its own, ever different mention.

    Somebody who cuts a text into windows and tags the first word of each leaves this trace.

    Args:
        starts: (N,) bool, the window begins with its span.
        forms: N mentions in normal form.
        radius: windows to each side over which the share is taken.
        share: of such windows around a window that belongs to a stretch.
        shortest: stretches of fewer windows are left out, and those with fewer different
            mentions than one in ten windows (a hyphen, found a thousand times).
    """
    count = len(starts)
    sums = np.concatenate([[0], np.cumsum(starts)])
    place = np.arange(count)
    low, high = np.maximum(place - radius, 0), np.minimum(place + radius + 1, count)
    dense = ((sums[high] - sums[low]) / (high - low) >= share) & starts
    regions: list[tuple[int, int]] = []
    for first in np.flatnonzero(dense):
        if regions and first <= regions[-1][1] + radius:
            regions[-1] = (regions[-1][0], int(first))
        else:
            regions.append((int(first), int(first)))
    grown = []
    for first, last in regions:  # near its ends a stretch is not dense: the outside counts too
        while first > 0 and starts[first - 1]:
            first -= 1
        while last + 1 < count and starts[last + 1]:
            last += 1
        size = last - first + 1
        if size >= shortest and len(set(forms[first : last + 1])) >= size / 10:
            grown.append((first, last))
    return grown


def name_pieces(names: NameList) -> set[str]:
    """Normal forms of the pieces of listed names: split at spaces, hyphens and before digits.

    Neighbouring pieces together are pieces too; whole names are not.
    """
    pieces: set[str] = set()
    for entry in names.entries:
        parts = [normal_form(part) for part in _PIECES.findall(entry.name)]
        for start in range(len(parts)):
            pieces.update("".join(parts[start:end]) for end in range(start + 1, len(parts) + 1))
    return pieces - set(names.by_normal)
