"""Captions: a small grammar that says what a clip shows, and reads it back.

::

    caption   = statement { ", while " statement }
    statement = noun " " action { " and " action } [ " " relation " " noun ]
    noun      = ( "a" | "an" ) title
    action    = "stands still" | "moves left to right" | ... | "grows" | "shrinks"
    relation  = "behind" | "in front of" | "towards" | "away from" | "left of" | ...

A statement is found from the exact trajectories on the screen, never from the names of the laws
that made them: "a striped red star moves left to right behind a plain blue disc".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vidlab.datasets.scenes.clip import Clip
from vidlab.datasets.scenes.relate import RELATIONS, relations

ACTIONS = (
    "stands still",
    "moves left to right",
    "moves right to left",
    "moves upwards",
    "moves downwards",
    "moves to and fro",
    "moves up and down",
    "circles clockwise",
    "circles counterclockwise",
    "turns clockwise",
    "turns counterclockwise",
    "grows",
    "shrinks",
)
LINKS = ("behind", "in front of", "towards", "away from", "left of", "right of", "above", "below")
_MOTION = {"approaches": "towards", "leaves": "away from"}


@dataclass(frozen=True)
class Statement:
    """What one actor does.

    Attributes:
        subject: its title, such as "striped red star".
        actions: of :data:`ACTIONS`, one or more.
        relation: one of :data:`LINKS`, or empty.
        object: title of the other actor, or empty.
    """

    subject: str
    actions: tuple[str, ...]
    relation: str = ""
    object: str = ""


def describe(clip: Clip) -> list[Statement]:
    """One statement for each actor that is seen in the clip, the front one first.

    Raises:
        ValueError: a clip of several shots; describe each on its own.
    """
    if clip.cuts:
        raise ValueError(
            f"the clip has {len(clip.cuts) + 1} shots; expected one, "
            "such as clip.at(range(first, end))"
        )
    holds = relations(clip)
    statements = []
    for k in reversed(range(len(clip.titles))):
        if not clip.masks[k].any():
            continue
        actions = _actions(clip, k)
        link, other = _relation(holds[:, :, k], "stands still" in actions)
        statements.append(
            Statement(clip.titles[k], actions, link, clip.titles[other] if link else "")
        )
    return statements


def caption(statements: Sequence[Statement]) -> str:
    """Statements as one sentence of the grammar.

    >>> caption([Statement("orange disc", ("grows",), "behind", "red star")])
    'an orange disc grows behind a red star'

    Raises:
        ValueError: a statement that the grammar cannot say, or could not read back.
    """
    text = ", while ".join(map(_sentence, statements))
    if parse(text) != list(statements):
        raise ValueError(f"a title in {list(statements)} contains words of the grammar")
    return text


def parse(text: str) -> list[Statement]:
    """The statements of a caption; an empty text has none.

    Raises:
        ValueError: text outside the grammar, naming the part.
    """
    return [_read(part) for part in text.split(", while ")] if text else []


def _sentence(statement: Statement) -> str:
    unknown = [a for a in statement.actions if a not in ACTIONS]
    if unknown or not statement.actions or statement.relation not in ("", *LINKS):
        raise ValueError(f"{statement} has actions or a relation outside the grammar")
    text = f"{_noun(statement.subject)} {' and '.join(statement.actions)}"
    if statement.relation:
        text += f" {statement.relation} {_noun(statement.object)}"
    return text


def _noun(title: str) -> str:
    return f"{'an' if title[:1].lower() in tuple('aeiou') else 'a'} {title}"


_ANY_ACTION = "|".join(map(re.escape, ACTIONS))
_STATEMENT = re.compile(
    rf"an? (?P<subject>.+?) (?P<actions>(?:{_ANY_ACTION})(?: and (?:{_ANY_ACTION}))*)"
    rf"(?: (?P<relation>{'|'.join(map(re.escape, LINKS))}) an? (?P<object>.+))?"
)


def _read(part: str) -> Statement:
    found = _STATEMENT.fullmatch(part)
    if not found:
        raise ValueError(f"{part!r} is outside the grammar of captions")
    return Statement(
        found["subject"],
        # "and" also stands within "up and down": look for whole actions.
        tuple(re.findall(_ANY_ACTION, found["actions"])),
        found["relation"] or "",
        found["object"] or "",
    )


def _actions(clip: Clip, k: int) -> tuple[str, ...]:
    side = min(clip.frames.shape[-2:])
    path = clip.centres[k].double().numpy() / side
    actions = [_travel(path)] if len(path) > 1 else []
    turned = float(clip.angles[k, -1] - clip.angles[k, 0])
    if abs(turned) > np.radians(30):
        actions.append("turns clockwise" if turned > 0 else "turns counterclockwise")
    growth = float(clip.radii[k, -1] / clip.radii[k, 0])
    if not 0.8 < growth < 1.25:
        actions.append("grows" if growth > 1 else "shrinks")
    return tuple(filter(None, actions)) or ("stands still",)


def _travel(path: np.ndarray) -> str:
    """How a centre travels, from its places ``(T, 2)`` in units; empty if it hardly does."""
    steps = np.diff(path, axis=0)
    length = np.hypot(*steps.T).sum()
    if length < 0.08:
        return ""
    steps = steps[np.hypot(*steps.T) > 1e-6]
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    turns = (np.diff(heading) + np.pi) % (2 * np.pi) - np.pi
    # A circle bends one way, a little in each frame; a way back is one sharp bend.
    if abs(turns.sum()) > np.radians(120) and np.abs(turns).max(initial=0) < np.radians(100):
        return "circles clockwise" if turns.sum() > 0 else "circles counterclockwise"
    way = path[-1] - path[0]
    if np.hypot(*way) < 0.6 * length:
        return (
            "moves to and fro"
            if np.ptp(path[:, 0]) >= np.ptp(path[:, 1])
            else ("moves up and down")
        )
    if abs(way[0]) >= abs(way[1]):
        return "moves left to right" if way[0] > 0 else "moves right to left"
    return "moves downwards" if way[1] > 0 else "moves upwards"


def _relation(holds: torch.Tensor, stands: bool) -> tuple[str, int]:
    """The most telling relation of an actor, ``(T, R, S)``, and its other actor."""
    share = holds.double().mean(0)  # (R, S)
    places = ("left of", "right of", "above", "below")
    for names, least in (
        (("in front of", "behind"), 0.0),
        (() if stands else ("approaches", "leaves"), 0.5),
        (places if stands else (), 0.5),
    ):
        rows = [RELATIONS.index(name) for name in names]
        if rows and share.shape[1] and share[rows].max() > least:
            best = int(share[rows].argmax())
            name = names[best // share.shape[1]]
            return _MOTION.get(name, name), best % share.shape[1]
    return "", 0
