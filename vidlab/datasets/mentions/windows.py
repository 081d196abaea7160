"""Windows of tagged text: tokens, tags, spans, normal forms, finer tokens, crops."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vidlab.iob2 import Span, spans_of, tags_from

_PIECE = re.compile(r"\w+(?:[-'+./&]\w+)*|[^\w\s]")
_POSSESSIVE = re.compile(r"['’]s\b")
_DROPPED = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Window:
    """A piece of a sentence with its tags.

    Attributes:
        tokens: n words.
        tags: n numbers, places in ``vidlab.iob2.TAGS``.
        index: the window's number in its file, from 0.
        origin: for finer tokens (:func:`retokenise`), the token of the file that each one is a
            piece of; empty where the tokens are the file's own.
    """

    tokens: tuple[str, ...]
    tags: tuple[int, ...]
    index: int = 0
    origin: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            raise ValueError(
                f"window {self.index} has {len(self.tokens)} tokens and {len(self.tags)} tags; "
                "one tag a token is needed"
            )


def spans(tags: Sequence[int]) -> list[Span]:
    """The tagged spans, ends exclusive, from left to right.

    Raises:
        ValueError: an unknown tag, or an I-DAT that follows no B-DAT or I-DAT: scores pass over it
            in what a tagger predicts, but data must be right.

    >>> spans((0, 1, 2, 0, 1, 1))
    [(1, 3), (4, 5), (5, 6)]
    """
    found = spans_of(tags)
    for place, (tag, again) in enumerate(zip(tags, tags_from(found, len(tags)), strict=True)):
        if tag != again:
            raise ValueError(f"tag {place} is I-DAT without a span before it")
    return found


def mention(window: Window, span: Span) -> str:
    """The words of a span."""
    return " ".join(window.tokens[slice(*span)])


def normal_form(text: str) -> str:
    """ν, what is left of a name when spelling does not matter: letters a-z and digits.

    NFKC, lower case, the possessive away, then everything else away. ν(ν(s)) = ν(s).

    >>> normal_form("HMDB-51"), normal_form("Jester's"), normal_form("(UCF101)")
    ('hmdb51', 'jester', 'ucf101')
    """
    text = unicodedata.normalize("NFKC", text).lower()
    return _DROPPED.sub("", _POSSESSIVE.sub("", text))


def normal_token(token: str) -> str:
    """A word for comparing windows: NFKC, lower case, only a-z and 0-9; may become empty."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", token).lower())


def normal_text(window: Window) -> tuple[str, ...]:
    """The window's normal tokens, empty ones dropped. Equal texts are duplicates."""
    return tuple(filter(None, map(normal_token, window.tokens)))


def retokenise(window: Window) -> Window:
    """Word cores and single punctuation marks; ``origin`` says where each was.

    Punctuation at the ends of a span leaves it (``(WSJ)`` is a bracket, a name, a bracket), unless
    the span holds nothing else. Punctuation between its words stays.

    >>> retokenise(Window(("on", "(UCF-101),"), (0, 1))).tokens
    ('on', '(', 'UCF-101', ')', ',')
    """
    if window.origin:
        return window
    pieces: list[str] = []
    origin: list[int] = []
    for number, token in enumerate(window.tokens):
        parts = _PIECE.findall(token) or [token]  # nothing but odd spaces: stays whole
        pieces += parts
        origin += [number] * len(parts)
    first = np.searchsorted(origin, np.arange(len(window.tokens) + 1))
    found = []
    for start, end in spans(window.tags):
        places = range(first[start], first[end])
        words = [p for p in places if pieces[p][0].isalnum() or pieces[p][0] == "_"]
        words = words or list(places)
        found.append((words[0], words[-1] + 1))
    return Window(tuple(pieces), tags_from(found, len(pieces)), window.index, tuple(origin))


def crop(window: Window, rng: np.random.Generator) -> Window:
    """Drop a random number of tokens before the first span and after the last one.

    How far a name lies from the window's ends then tells less. A window without a span is
    returned as it is.
    """
    found = spans(window.tags)
    if not found:
        return window
    start = int(rng.integers(0, found[0][0] + 1))
    end = int(rng.integers(found[-1][1], len(window.tokens) + 1))
    return replace(
        window,
        tokens=window.tokens[start:end],
        tags=window.tags[start:end],
        origin=window.origin[start:end],
    )
