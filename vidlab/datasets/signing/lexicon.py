"""A small invented lexicon: what a sign is made of, and which signs differ in one thing only.

Sign linguistics describes a sign by the *shape* of the hand, its *location* at the body, its
*path* and its *orientation*, and by how many *hands* make it. Two signs that differ in one of them
only are a *minimal pair*. The signs here are invented. They belong to no sign language, and their
names in capitals (glosses) say nothing about how anybody signs these words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHAPES = ("fist", "flat", "spread", "point", "vee", "horns", "ring")
LOCATIONS = ("brow", "chin", "shoulder", "chest", "belly", "side")
PATHS = ("hold", "down", "rise", "out", "arc", "circle", "tap", "shake")
#: where the fingers point; palm to the viewer for "up", back of the hand for the others
ORIENTATIONS = ("up", "in", "down")
#: the left hand rests, mirrors the right, moves against it, or is a flat base below it
HANDS = ("one", "mirror", "alternate", "base")
ROLES = ("time", "subject", "quality", "object", "place", "verb")

PARAMETERS = ("shape", "location", "path", "orientation", "hands")


@dataclass(frozen=True)
class Gloss:
    """One sign of the lexicon.

    Attributes:
        name: in capitals.
        role: its slot in the grammar, one of :data:`ROLES`.
        shape, location, path, orientation, hands: its five parameters, see the tuples above.

    Raises:
        ValueError: a parameter or role that does not exist.
    """

    name: str
    role: str
    shape: str
    location: str
    path: str
    orientation: str
    hands: str

    def __post_init__(self):
        allowed = {
            "role": ROLES,
            "shape": SHAPES,
            "location": LOCATIONS,
            "path": PATHS,
            "orientation": ORIENTATIONS,
            "hands": HANDS,
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"the {name} of {self.name} is {getattr(self, name)!r}; "
                    f"allowed: {', '.join(values)}"
                )


# In an order whose beginnings can also make sentences: a data set may use the first few only.
LEXICON = (
    Gloss("ME", "subject", "point", "chest", "hold", "in", "one"),
    Gloss("EAT", "verb", "ring", "chin", "tap", "up", "one"),
    Gloss("HOUSE", "object", "flat", "brow", "out", "up", "mirror"),
    Gloss("TODAY", "time", "flat", "belly", "down", "up", "mirror"),
    Gloss("RAIN", "object", "spread", "brow", "down", "down", "mirror"),
    Gloss("GIVE", "verb", "flat", "chest", "out", "up", "mirror"),
    Gloss("SISTER", "subject", "vee", "chin", "tap", "up", "one"),
    Gloss("BIG", "quality", "spread", "chest", "out", "up", "mirror"),
    Gloss("SCHOOL", "place", "flat", "chest", "tap", "in", "base"),
    Gloss("YESTERDAY", "time", "fist", "shoulder", "arc", "up", "one"),
    Gloss("SEE", "verb", "vee", "brow", "out", "up", "one"),
    Gloss("TEACHER", "subject", "point", "brow", "shake", "up", "one"),
    Gloss("BREAD", "object", "fist", "chest", "tap", "in", "base"),
    Gloss("WORK", "verb", "fist", "belly", "circle", "in", "alternate"),
    Gloss("CITY", "place", "spread", "side", "shake", "up", "one"),
    Gloss("FRIEND", "subject", "horns", "shoulder", "shake", "up", "one"),
    Gloss("RED", "quality", "point", "chin", "shake", "up", "one"),
    Gloss("PLAY", "verb", "horns", "chest", "shake", "up", "mirror"),
    Gloss("FLOWER", "object", "ring", "chin", "arc", "up", "one"),
    Gloss("TOMORROW", "time", "fist", "shoulder", "out", "up", "one"),
    Gloss("CAR", "object", "fist", "belly", "circle", "in", "mirror"),
    Gloss("WALK", "verb", "flat", "belly", "down", "up", "alternate"),
    Gloss("SMALL", "quality", "flat", "belly", "rise", "up", "mirror"),
    Gloss("GARDEN", "place", "spread", "side", "shake", "down", "one"),
    Gloss("SUN", "object", "spread", "brow", "down", "up", "mirror"),
)


def minimal_pairs(lexicon: Sequence[Gloss] = LEXICON) -> list[tuple[int, int, str]]:
    """All pairs (i, j, parameter) of glosses, i < j, that differ in exactly this parameter."""
    pairs = []
    for j, second in enumerate(lexicon):
        for i, first in enumerate(lexicon[:j]):
            differ = [name for name in PARAMETERS if getattr(first, name) != getattr(second, name)]
            if len(differ) == 1:
                pairs.append((i, j, differ[0]))
    return sorted(pairs)
