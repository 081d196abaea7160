"""One spelling for glosses that mean the same, in the manner of PHOENIX's official evaluation.

RWTH-PHOENIX-Weather 2014 and 2014-T come with scripts that simplify what was recognised before it
is scored: variants that only an annotator tells apart should not count as errors. The rules below
say what those scripts do, one idea a rule, in the scripts' order, with a reason and an example::

    normalise(("loc-NORD", "REGEN", "REGEN", "S", "H"))     # ("NORD", "REGEN", "S+H")

The official references are in this form already; bring your own to it (``normalise`` does nothing
to a sentence that is). Report raw WER next to it, and :func:`count_changes`.

Three things differ on purpose. The scripts read one line at a time, and where a line holds a single
word, rules about neighbours never fire; here they always see the whole sentence. A sentence that
becomes empty stays empty (the scripts write the word ``[EMPTY]``, which changes a deletion to a
substitution). Spelt words of any length are joined (the scripts' patterns stop after some letters).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

Words = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One simplification.

    Attributes:
        name: short and unique within a set of rules.
        change: a sentence's glosses to its simplified glosses.
        reason: why what it merges is one gloss.
        example: a sentence before and after.
    """

    name: str
    change: Callable[[Words], Words]
    reason: str
    example: tuple[str, str]


def normalise(glosses: Sequence[str], rules: Sequence[Rule] | None = None) -> Words:
    """Apply rules, in order, to the glosses of one sentence; none given: :data:`PHOENIX`.

    Raises:
        TypeError: a string instead of a sequence of glosses.
        ValueError: a gloss that is empty or holds a blank.

    >>> normalise(["__ON__", "loc-SUED", "WIE", "AUSSEHEN", "S0NNE", "S0NNE"])
    ('__ON__', 'SUED', 'WIE-AUSSEHEN', 'SONNE')
    """
    words = _checked(glosses)
    for rule in PHOENIX if rules is None else rules:
        words = rule.change(words)
    return words


def count_changes(
    sentences: Iterable[Sequence[str]], rules: Sequence[Rule] | None = None
) -> dict[str, int]:
    """How many words each rule removed, joined or respelt: its name to a count, zeros included.

    Rules act one after the other, and a word that two rules change counts for both.

    >>> {k: n for k, n in count_changes([["loc-NORD", "NORD"], ["loc-OST"]]).items() if n}
    {'prefixes': 2, 'repetitions': 1}
    """
    rules = PHOENIX if rules is None else rules
    counts = dict.fromkeys((rule.name for rule in rules), 0)
    for sentence in sentences:
        words = _checked(sentence)
        for rule in rules:
            changed = rule.change(words)
            counts[rule.name] += (Counter(words) - Counter(changed)).total()
            words = changed
    return counts


def respell(pattern: str, replacement: str) -> Callable[[Words], Words]:
    """Replace a pattern within each word; words of which nothing is left are dropped."""
    compiled = re.compile(pattern)
    return lambda words: tuple(filter(None, (compiled.sub(replacement, w) for w in words)))


def join(*phrase: str) -> Callable[[Words], Words]:
    """Make one word, with hyphens, of certain words in a row."""

    def change(words: Words) -> Words:
        joined, place = [], 0
        while place < len(words):
            if words[place : place + len(phrase)] == phrase:
                joined.append("-".join(phrase))
                place += len(phrase)
            else:
                joined.append(words[place])
                place += 1
        return tuple(joined)

    return change


def spell(pattern: str) -> Callable[[Words], Words]:
    """Join neighbours that are letters (match the pattern), or chains ``A+B`` of them, by ``+``."""
    letters = re.compile(rf"(?:{pattern})(?:\+(?:{pattern}))*")

    def change(words: Words) -> Words:
        runs = groupby(words, key=lambda word: letters.fullmatch(word) is not None)
        return tuple(
            word for spelt, run in runs for word in (["+".join(run)] if spelt else list(run))
        )

    return change


def collapse(pattern: str) -> Callable[[Words], Words]:
    """Keep one of equal neighbours, if the word matches the pattern."""
    compiled = re.compile(pattern)

    def change(words: Words) -> Words:
        runs = ((word, list(run)) for word, run in groupby(words))
        return tuple(
            word for word, run in runs for word in (run[:1] if compiled.fullmatch(word) else run)
        )

    return change


_LETTERS = Rule(
    "letters",
    spell("[A-Z]|SCH|NN"),
    "A name spelt with the fingers is one word, whether or not its letters were written apart.",
    ("IX S H REGION S+C H", "IX S+H REGION S+C+H"),
)
_WIE_AUSSEHEN = Rule(
    "wie-aussehen",
    join("WIE", "AUSSEHEN"),
    "One sign (what does it look like), annotated as one word or as two.",
    ("WETTER WIE AUSSEHEN", "WETTER WIE-AUSSEHEN"),
)

#: Rules of PHOENIX-2014. ``__ON__`` and ``__OFF__`` (hands up, hands down) are words of its
#: references and stay; so do neighbours like ``NICHT-VIEL NICHT-VIEL``: repetitions are merged
#: among words of plain capitals alone.
PHOENIX = (
    Rule(
        "prefixes",
        respell("loc-|cl-|qu-|poss-|lh-", ""),
        "How a sign was made (at a place, as a classifier, as a possessive, by the left hand …) "
        "is a remark, not another sign.",
        ("loc-NORD cl-KOMMEN lh-loc-BERG", "NORD KOMMEN BERG"),
    ),
    Rule(
        "misprints",
        respell("S0NNE", "SONNE"),
        "A zero for the letter O, in the annotation itself.",
        ("S0NNE", "SONNE"),
    ),
    Rule(
        "variants",
        respell("HABEN2", "HABEN"),
        "The number tells two forms of one sign apart.",
        ("HABEN2 WOLKE", "HABEN WOLKE"),
    ),
    Rule(
        "markers",
        respell("__(?:EMOTION|PU|LEFTHAND)__|.*__EPENTHESIS__.*", ""),
        "Face, open palms, a lone left hand, the way from sign to sign: no glosses. (Of a word "
        "with __EPENTHESIS__ nothing stays.)",
        ("__LEFTHAND__ REGEN __EMOTION__ __EPENTHESIS__ __OFF__", "REGEN __OFF__"),
    ),
    _WIE_AUSSEHEN,
    Rule(
        "zeigen",
        respell("ZEIGEN$", "ZEIGEN-BILDSCHIRM"),
        "In a forecast, to show is to point at the map on the screen; both spellings occur.",
        ("KALT ZEIGEN LEICHT FROST", "KALT ZEIGEN-BILDSCHIRM LEICHT FROST"),
    ),
    _LETTERS,
    Rule(
        "raum",
        respell("([A-Z][A-Z])RAUM", r"\1"),
        "The sign, spread out over a region in space; RAUM alone is a word of its own.",
        ("ALPENRAUM RAUM", "ALPEN RAUM"),
    ),
    Rule(
        "plusplus",
        respell("-PLUSPLUS", ""),
        "The movement was repeated: a plural or an emphasis.",
        ("WOLKE-PLUSPLUS", "WOLKE"),
    ),
    Rule(
        "repetitions",
        collapse("[A-Z]+"),
        "A sign said twice in a row cannot be told from one that is said long.",
        ("REGEN REGEN NICHT-VIEL NICHT-VIEL", "REGEN NICHT-VIEL NICHT-VIEL"),
    ),
)

#: Rules of PHOENIX-2014-T: fewer, but every ``__…__`` goes and any repetition is merged. (The shell
#: script has no ``wie-aussehen`` and ``letters``; the Python port that most papers use has.)
PHOENIX_T = (
    Rule(
        "markers",
        respell(".*__(?:LEFTHAND|EPENTHESIS|EMOTION)__.*|^__[^_]*__$", ""),
        "What is not a sign is not scored: hands up and down included.",
        ("__ON__ REGEN __PU__ __OFF__", "REGEN"),
    ),
    Rule(
        "prefixes",
        respell("^(?:loc-|cl-)+", ""),
        "How a sign was made (at a place, as a classifier) is a remark, not another sign.",
        ("loc-NORD cl-KOMMEN", "NORD KOMMEN"),
    ),
    Rule(
        "plusplus",
        respell("-PLUSPLUS$", ""),
        "The movement was repeated: a plural or an emphasis.",
        ("WOLKE-PLUSPLUS", "WOLKE"),
    ),
    Rule(
        "raum",
        respell(r"\b([A-Z]+)RAUM$", r"\1"),
        "The sign, spread out over a region in space; RAUM alone is a word of its own.",
        ("ALPENRAUM RAUM", "ALPEN RAUM"),
    ),
    _WIE_AUSSEHEN,
    _LETTERS,
    Rule(
        "repetitions",
        collapse(".*"),
        "A sign said twice in a row cannot be told from one that is said long.",
        ("REGEN REGEN NICHT-VIEL NICHT-VIEL", "REGEN NICHT-VIEL"),
    ),
)


def _checked(glosses: Sequence[str]) -> Words:
    if isinstance(glosses, (str, bytes)):
        raise TypeError(f"got the string {glosses!r}; expected a sequence of glosses: split it")
    for place, gloss in enumerate(glosses):
        if not isinstance(gloss, str) or not gloss or gloss.split() != [gloss]:
            raise ValueError(
                f"gloss {place} is {gloss!r}; allowed: strings that are not empty, without blanks"
            )
    return tuple(glosses)
