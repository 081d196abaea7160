"""Silver labels: every listed name in a window is tagged, not only the one searched for."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from vidlab.datasets.mentions.names import NameList
from vidlab.datasets.mentions.windows import Window, normal_form, retokenise, spans
from vidlab.iob2 import Span, tags_from

LONGEST = 6  #: tokens of a name, punctuation included

_TELLING = re.compile(r"[^\W_a-z]")  # a capital or a digit (or a letter outside of a-z)


def longest_matches(
    tokens: tuple[str, ...], known: Container[str], longest: int = LONGEST
) -> list[Span]:
    """Spans whose normal form is known: from left to right, at each word the longest first.

    A span begins and ends with a word, never with punctuation.
    """
    is_word = [any(c.isalnum() for c in token) for token in tokens]
    found: list[Span] = []
    start = 0
    while start < len(tokens):
        ends = range(min(start + longest, len(tokens)), start, -1) if is_word[start] else ()
        for end in ends:
            if is_word[end - 1] and normal_form(" ".join(tokens[start:end])) in known:
                found.append((start, end))
                break
        start = found[-1][1] if found and found[-1][1] > start else start + 1
    return found


def listed_spans(window: Window, names: NameList) -> list[Span]:
    """Listed names in the window's tokens, written with a capital or a digit at least."""
    matches = longest_matches(window.tokens, names.by_normal)
    surfaces = [" ".join(window.tokens[start:end]) for start, end in matches]
    return [
        span
        for span, surface in zip(matches, surfaces, strict=True)
        if _TELLING.search(surface) and names.find(surface) is not None
    ]


def silver(window: Window, names: NameList) -> Window:
    """The window in finer tokens with every listed name tagged.

    The file's own span stays where it overlaps none of them; where it does, the listed (longer)
    form wins.
    """
    fine = retokenise(window)
    found = listed_spans(fine, names)
    taken = {place for start, end in found for place in range(start, end)}
    kept = [span for span in spans(fine.tags) if taken.isdisjoint(range(*span))]
    return replace(fine, tags=tags_from(sorted(found + kept), len(fine.tokens)))
