"""Made-up words: a small grammar of syllables, random strings, and test words kept apart."""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import numpy as np

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"  #: in the order of the classes 1 .. 36

_ONSETS = (*"bcdfghjklmnpqrstvwxyz", "br", "ch", "cl", "fl", "gr", "pr", "qu", "sh", "st", "th")
_VOWELS = (*"aeiouaeiouy", "ai", "ea", "ee", "ie", "oa", "oo", "ou")
_CODAS = ("", "", "", *"bdgklmnprstxz", "ck", "ff", "ll", "mp", "nd", "ng", "rt", "ss", "st", "tt")
_TEST_SHARE = 5  # one word in five is a test word


def part_of(word: str) -> Literal["train", "test"]:
    """Which part a word belongs to, for ever: its checksum decides, not a seed."""
    return "test" if crc32(word.encode()) % _TEST_SHARE == 0 else "train"


def make_words(
    count: int,
    *,
    part: Literal["train", "test"],
    seed: int,
    lengths: tuple[int, int] = (3, 8),
    random_share: float = 0.3,
    alphabet: str = ALPHABET,
) -> list[str]:
    """Different words of one part; none is ever in the other part, whatever the seeds.

    Args:
        count: how many, >= 1.
        part: "train" or "test".
        seed: decides which.
        lengths: the shortest and the longest, 1 .. 12.
        random_share: share of random strings (letters and digits); the rest is pronounceable.
        alphabet: characters of the words, some of :data:`ALPHABET`. A syllable that needs others
            is not used.

    Raises:
        ValueError: an argument out of range, or fewer such words than asked for.

    >>> [part_of(word) for word in make_words(3, part="test", seed=0)]
    ['test', 'test', 'test']
    """
    shortest, longest = lengths
    if not 1 <= shortest <= longest <= 12:
        raise ValueError(f"lengths are {lengths}; allowed: 1 .. 12, the shorter first")
    if not 0 <= random_share <= 1:
        raise ValueError(f"random_share is {random_share}; allowed: 0 .. 1")
    if count < 1 or part not in ("train", "test"):
        raise ValueError(f"got count={count}, part={part!r}; allowed: 1 or more, train or test")
    odd = set(alphabet) - set(ALPHABET)
    if odd or not alphabet:
        raise ValueError(f"alphabet is {alphabet!r}; allowed: some of {ALPHABET}")
    rng = np.random.default_rng(seed)
    parts = [[p for p in group if set(p) <= set(alphabet)] for group in (_ONSETS, _VOWELS, _CODAS)]
    letters = np.array(list(alphabet))
    words: dict[str, None] = {}  # a set that keeps its order
    for _ in range(100 * count + 1000):
        length = int(rng.integers(shortest, longest + 1))
        if rng.random() < random_share or not all(parts):
            word = "".join(rng.choice(letters, length))
        else:
            word = ""
            while len(word) < length:
                word += "".join(group[rng.integers(len(group))] for group in parts)
            word = word[:length]
        if part_of(word) == part:
            words[word] = None
        if len(words) == count:
            return list(words)
    raise ValueError(
        f"only {len(words)} different {part} words of {shortest} .. {longest} characters were "
        f"found; {count} were asked for"
    )
