"""A small grammar: time – subject – quality – object – place – verb, as many of them as wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vidlab.datasets.signing.lexicon import ROLES, Gloss

# Which slots a sentence has gets decided in this order; they are then put in ROLES' order.
_REQUIRED = ("subject", "verb")
_OPTIONAL = ("time", "quality", "object", "place")


def make_sentence(
    lexicon: Sequence[Gloss], length: int, repeats: float, rng: np.random.Generator
) -> tuple[int, ...]:
    """Indices of the glosses of a random sentence.

    Sentences of one gloss are a verb; more than six glosses are two or more clauses in a row. With
    probability ``repeats`` the last verb is signed twice instead of another slot being filled (as
    signers do for "again and again"), so that equal neighbours occur. Slots for which the lexicon
    has no gloss are filled with any.
    """
    found: list[int] = []
    while len(found) < length:
        found += _clause(lexicon, min(length - len(found), len(ROLES)), repeats, rng)
    return tuple(found)


def _clause(lexicon, length: int, repeats: float, rng: np.random.Generator) -> list[int]:
    twice = length >= 3 and rng.random() < repeats
    slots = set(_REQUIRED[::-1][:length])
    free = length - len(slots) - twice
    slots |= set(rng.choice(_OPTIONAL, free, replace=False)) if free > 0 else set()
    glosses = []
    for role in (role for role in ROLES if role in slots):
        # No other gloss than a doubled verb follows itself.
        fit = [i for i, gloss in enumerate(lexicon) if gloss.role == role and i not in glosses]
        fit = fit or [i for i in range(len(lexicon)) if i not in glosses] or [0]
        glosses.append(int(rng.choice(fit)))
    return glosses + glosses[-1:] * twice
