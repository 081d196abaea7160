"""Movement: from a list of glosses to the pose of both hands in every frame.

::

    rest   move   gloss 1    move   gloss 2    move   rest
    0 0 0  0 0 0  1 1 1 1 1  0 0 0  2 2 2 2 2  0 0 0  0 0 0    truth

Between two glosses the hands travel from one's last pose to the next one's first. They leave and
arrive with the velocity of the signs (a cubic Hermite curve), turn on the way and change their
shape. Signers do so, too; it is called co-articulation, and it belongs to no gloss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.datasets.signing import body
from vidlab.datasets.signing.hands import FINGER_POINTS, SIDES, TURNS
from vidlab.datasets.signing.lexicon import SHAPES, Gloss
from vidlab.datasets.signing.signers import Signer

FEWEST = 5  #: frames of a gloss at least: fewer would not show a path that repeats
REST_SHAPE = SHAPES.index("flat")
SECONDS = {"hold": 0.46, "circle": 0.64, "tap": 0.60, "shake": 0.60}  # others 0.54
CHANGING = -1  #: the hand shape of a hand that is changing it

_REST_TURN, _REST_SIDE = np.radians(168.0), -1.0


@dataclass(frozen=True)
class HandTrack:
    """Both hands in T frames, the signer's right one first.

    Attributes:
        centre: ``(T, 2, 2)`` palms in the picture before the camera.
        turn, side: ``(T, 2)`` as in :func:`~vidlab.datasets.signing.hands.in_the_picture`.
        fingers: ``(T, 2, 5, 3, 2)`` finger points in hand coordinates.
        shapes: ``(T, 2)`` index into ``SHAPES``, :data:`CHANGING` between two glosses.
        segments: ``(U, 2)`` first frame of each gloss, and the one after its last.
    """

    centre: np.ndarray
    turn: np.ndarray
    side: np.ndarray
    fingers: np.ndarray
    shapes: np.ndarray
    segments: np.ndarray


@dataclass(frozen=True)
class _Stretch:
    """Some frames of both hands, positions as (outward, y)."""

    place: np.ndarray  # (n, 2, 2)
    turn: np.ndarray  # (2,)
    side: np.ndarray  # (2,)
    shapes: np.ndarray  # (2,)


def path_offsets(path: str, u: np.ndarray) -> np.ndarray:
    """``(n, 2)`` offsets (outward, y) of a path at phases u in 0 .. 1; (0, 0) at u = 0.5."""
    u = np.asarray(u, float)
    line, zero = u - 0.5, np.zeros_like(u)
    wave = 2 * np.pi * u
    x, y = {
        "hold": (zero, zero),
        "down": (zero, 0.19 * line),
        "rise": (zero, -0.19 * line),
        "out": (0.20 * line, zero),
        "arc": (0.20 * line, 0.44 * line**2),
        "circle": (0.062 * np.sin(wave), -0.062 * (1 + np.cos(wave))),
        "tap": (zero, -0.085 * np.sin(wave) ** 2),
        "shake": (0.055 * np.sin(2 * wave), zero),
    }[path]
    return np.stack((x, y), -1)


def track(glosses: Sequence[Gloss], signer: Signer, fps: float, rng: np.random.Generator):
    """The :class:`HandTrack` of a sentence: rest, glosses with transitions between them, rest."""
    signs = [_sign(gloss, signer, fps, rng) for gloss in glosses]
    stretches = [_at_rest(signer, _frames(0.2, signer, fps, rng, 1)), *signs]
    stretches.append(_at_rest(signer, _frames(0.2, signer, fps, rng, 1)))
    pieces, segments, now = [], [], 0
    for number, stretch in enumerate(stretches):
        if number:
            pieces.append(_transition(stretches[number - 1], stretch, signer, fps, rng))
            now += len(pieces[-1][0])
        if 0 < number <= len(signs):
            segments.append((now, now + len(stretch.place)))
        pieces.append(_steady(stretch))
        now += len(stretch.place)
    place, turn, side, fingers, shapes = (np.concatenate(p) for p in zip(*pieces, strict=True))
    return to_picture(place, turn, side, fingers, shapes, np.array(segments))


def to_picture(place, turn, side, fingers, shapes, segments) -> HandTrack:
    """A track whose places are (outward, y) and whose turns are inward, for the picture."""
    centre = place * body.MIRRORED[0]
    centre[:, 1] = place[:, 1] * body.MIRRORED[1]
    centre[..., 0] += body.MIDDLE
    way = np.array([1.0, -1.0])
    return HandTrack(centre, turn * way, side * way, fingers, shapes, segments)


def _sign(gloss: Gloss, signer: Signer, fps: float, rng: np.random.Generator) -> _Stretch:
    """The frames of one gloss, as this signer makes it this time."""
    count = _frames(SECONDS.get(gloss.path, 0.54), signer, fps, rng, FEWEST)
    size = signer.amplitude * rng.uniform(0.9, 1.1)
    offset = size * path_offsets(gloss.path, np.linspace(0, 1, count))
    spot = body.location(signer, gloss.location, gloss.hands)
    spot = spot + rng.normal(0, 0.008, 2).clip(-0.016, 0.016)
    tilt = signer.tilt + rng.normal(0, 0.05)
    shape = SHAPES.index(gloss.shape)
    right = spot + offset
    turn, side = TURNS[gloss.orientation] + tilt, SIDES[gloss.orientation]
    if gloss.hands == "one":
        left, left_pose = np.tile(body.resting(signer), (count, 1)), (_REST_TURN, _REST_SIDE)
        other = REST_SHAPE
    elif gloss.hands == "base":
        # Flat, fingers to the right hand, where the right hand comes down.
        below = (-0.6 * spot[0] + 0.02, spot[1] + body.BASE_BELOW)
        left, left_pose = np.tile(below, (count, 1)), (TURNS["in"], SIDES["in"])
        other = SHAPES.index("flat")
    else:
        left, left_pose = spot + (offset if gloss.hands == "mirror" else -offset), (turn, side)
        other = shape
    return _Stretch(
        np.stack((right, left), 1),
        np.array([turn, left_pose[0]]),
        np.array([side, left_pose[1]]),
        np.array([shape, other]),
    )


def _at_rest(signer: Signer, count: int) -> _Stretch:
    place = np.tile(body.resting(signer), (count, 2, 1))
    return _Stretch(place, np.full(2, _REST_TURN), np.full(2, _REST_SIDE), np.full(2, REST_SHAPE))


def _steady(stretch: _Stretch) -> tuple[np.ndarray, ...]:
    """Place, turn, side, fingers and shapes in the frames of a stretch."""
    count = len(stretch.place)
    fingers = FINGER_POINTS[stretch.shapes]
    same = (np.repeat(a[None], count, 0) for a in (stretch.turn, stretch.side, fingers))
    return (stretch.place, *same, np.repeat(stretch.shapes[None], count, 0))


def _transition(
    before: _Stretch, after: _Stretch, signer: Signer, fps: float, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Place, turn, side, fingers and shapes in the frames between two stretches."""
    start, end = before.place[-1], after.place[0]
    way = np.linalg.norm(end - start, axis=-1).max()
    count = _frames(0.13 + 0.45 * way, signer, fps, rng, 2)
    t = (np.arange(1, count + 1) / (count + 1))[:, None, None]
    leave = _speed(before.place[-2:]) * (count + 1)
    arrive = _speed(after.place[:2]) * (count + 1)
    place = (
        (1 + 2 * t) * (1 - t) ** 2 * start
        + t * (1 - t) ** 2 * leave
        + t**2 * (3 - 2 * t) * end
        + t**2 * (t - 1) * arrive
    )
    eased = t**2 * (3 - 2 * t)
    turn, side = (
        (1 - eased[..., 0]) * a + eased[..., 0] * b
        for a, b in ((before.turn, after.turn), (before.side, after.side))
    )
    near = eased[..., None, None]
    fingers = (1 - near) * FINGER_POINTS[before.shapes] + near * FINGER_POINTS[after.shapes]
    shapes = np.where(before.shapes == after.shapes, before.shapes, CHANGING)
    return place, turn, side, fingers, np.repeat(shapes[None], count, 0)


def _speed(two: np.ndarray) -> np.ndarray:
    """Way in a frame at the border of a stretch; damped, so that curves do not swing out far."""
    return 0.7 * (two[-1] - two[0])


def _frames(seconds: float, signer: Signer, fps: float, rng: np.random.Generator, least: int):
    return max(least, round(fps * seconds / signer.speed * rng.uniform(0.85, 1.15)))
