"""Motion laws: functions of time that say where a thing is, how large, and how it is turned.

A law takes times ``(T,)``, shares of the clip in 0 .. 1, and returns a :class:`Pose`. Lengths are
in units of the picture's shorter side: in a square picture x runs from 0 (left) to 1 (right) and
y from 0 (top) to 1 (bottom). Angles are radians, clockwise as seen, since y points down.

Laws compose: ``add`` puts one on top of another, ``then`` runs one after another.

>>> law = add(still(0.5, 0.5, radius=0.2), move(0.3, 0.0), spin(np.pi))
>>> pose = law(np.array([0.0, 0.5, 1.0]))
>>> pose.x.round(2).tolist(), pose.angle.round(2).tolist()
([0.5, 0.65, 0.8], [0.0, 1.57, 3.14])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pose:
    """Where a thing is, at T times.

    Attributes:
        x: ``(T,)`` centre from the left.
        y: ``(T,)`` centre from the top.
        radius: ``(T,)`` of its unit circle; in a law that is added to another, a factor.
        angle: ``(T,)`` radians, clockwise.
    """

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    angle: np.ndarray


Motion = Callable[[np.ndarray], Pose]


def _pose(t: np.ndarray, x=0.0, y=0.0, radius=1.0, angle=0.0) -> Pose:
    t = np.asarray(t, float)
    return Pose(*(np.broadcast_to(np.asarray(a, float), t.shape) for a in (x, y, radius, angle)))


def still(x: float, y: float, radius: float = 0.15, angle: float = 0.0) -> Motion:
    """No motion: the base that others are added to."""
    return lambda t: _pose(t, x, y, radius, angle)


def move(dx: float, dy: float) -> Motion:
    """A steady move by (dx, dy) in the course of the clip."""
    return lambda t: _pose(t, dx * t, dy * t)


def swing(dx: float, dy: float, periods: float = 1.0, phase: float = 0.0) -> Motion:
    """To and fro along (dx, dy), which is the amplitude; ``phase`` in radians."""

    def law(t: np.ndarray) -> Pose:
        wave = np.sin(2 * np.pi * periods * t + phase)
        return _pose(t, dx * wave, dy * wave)

    return law


def orbit(radius: float, turns: float = 1.0, phase: float = 0.0) -> Motion:
    """Round a circle; ``turns`` in the course of the clip, clockwise if positive."""

    def law(t: np.ndarray) -> Pose:
        angle = 2 * np.pi * turns * t + phase
        return _pose(t, radius * np.cos(angle), radius * np.sin(angle))

    return law


def spin(angle: float) -> Motion:
    """A steady turn by ``angle`` radians in the course of the clip."""
    return lambda t: _pose(t, angle=angle * t)


def grow(factor: float) -> Motion:
    """A steady growth by ``factor`` in the course of the clip (shrinking if below 1)."""
    if not factor > 0:
        raise ValueError(f"growth factor is {factor}; allowed: more than 0")
    return lambda t: _pose(t, radius=factor ** np.asarray(t, float))


def wander(reach: float, *, seed: int, waves: int = 4) -> Motion:
    """A smooth random walk about the origin: ``waves`` sines of random phase, at most ``reach``."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.5, 1.0 + waves, (2, waves))
    phase = rng.uniform(0, 2 * np.pi, (2, waves))

    def law(t: np.ndarray) -> Pose:
        wave = np.sin(2 * np.pi * rate * np.asarray(t, float)[..., None, None] + phase)
        x, y = np.moveaxis(reach * wave.mean(-1), -1, 0)
        return _pose(t, x, y)

    return law


def listed(x: np.ndarray, y: np.ndarray, radius: np.ndarray, angle: np.ndarray) -> Motion:
    """Poses given frame by frame, ``(T,)`` each: only for clips of exactly T frames."""

    def law(t: np.ndarray) -> Pose:
        if np.shape(t) != np.shape(x):
            raise ValueError(f"a motion lists {len(x)} poses, the clip has {np.size(t)} frames")
        return _pose(t, x, y, radius, angle)

    return law


def add(*laws: Motion) -> Motion:
    """All laws at once: shifts and turns add up, sizes multiply."""

    def law(t: np.ndarray) -> Pose:
        poses = [each(t) for each in laws]
        return Pose(
            sum(p.x for p in poses),
            sum(p.y for p in poses),
            np.prod([p.radius for p in poses], axis=0),
            sum(p.angle for p in poses),
        )

    return law


def then(first: Motion, second: Motion, at: float = 0.5) -> Motion:
    """``first`` until the share ``at`` of the clip, ``second`` on top of where that ended.

    Both run their whole course, in the time they have.
    """
    if not 0 < at < 1:
        raise ValueError(f"a motion changes at {at}; allowed: between 0 and 1")

    def law(t: np.ndarray) -> Pose:
        t = np.asarray(t, float)
        begin, end = second(np.zeros_like(t)), second(((t - at) / (1 - at)).clip(0, 1))
        start = first((t / at).clip(0, 1))
        return Pose(
            start.x + end.x - begin.x,
            start.y + end.y - begin.y,
            start.radius * end.radius / begin.radius,
            start.angle + end.angle - begin.angle,
        )

    return law
