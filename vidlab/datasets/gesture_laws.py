"""The laws of gesture clips: five paths that are run through in both directions, three swings.

See ``vidlab.datasets.gestures`` for the idea. Here it is in numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidlab.datasets.limits import check_pair, check_range, check_whole
from vidlab.datasets.scenes.motion import Pose

#: Classes that are time reversals of one another. The first runs through its path forward.
PAIRS = (
    ("right", "left"),
    ("down", "up"),
    ("zoom-in", "zoom-out"),
    ("clockwise", "counterclockwise"),
    ("orbit-clockwise", "orbit-counterclockwise"),
)
#: Classes whose clips, reversed, are clips of the same class.
ORDER_FREE = ("shake", "drum", "still")
ALL = tuple(name for pair in PAIRS for name in pair) + ORDER_FREE
DEFAULT = ("left", "right", "up", "down", "zoom-in", "zoom-out", "clockwise", "counterclockwise")
DEFAULT += ("orbit-clockwise", "orbit-counterclockwise", "shake", "drum")

PATHS = (*(first for first, _ in PAIRS), *ORDER_FREE)  #: a path has the name of its forward class
PATH_OF = {name: pair[0] for pair in PAIRS for name in pair} | {name: name for name in ORDER_FREE}
BACKWARD = frozenset(second for _, second in PAIRS)
DRAWN = 9  # random numbers that a motion takes


@dataclass(frozen=True)
class GesturesConfig:
    """What the clips are like.

    Attributes:
        frames: T, 2 .. 256.
        size: height and width in pixels, 8 .. 512.
        classes: which gestures, two or more of :data:`ALL`; their order gives the labels.
        speed: smallest and largest speed, 0 .. 2. At 1 a path covers, in the course of the clip,
            0.45 of the picture, a factor of 2.2 in size, 2.6 radians, or 0.8 of a round.
        radius: smallest and largest radius of the blob, share of the picture, 0.03 .. 0.4.
        place: how far from the picture's middle the middle of a path may lie, each way, 0 .. 0.5.
        noise: standard deviation of the pixels' noise, 0 .. 1.
    """

    frames: int = 8
    size: int = 32
    classes: tuple[str, ...] = DEFAULT
    speed: tuple[float, float] = (0.7, 1.2)
    radius: tuple[float, float] = (0.15, 0.22)
    place: float = 0.15
    noise: float = 0.08

    def __post_init__(self):
        check_looks(self)
        object.__setattr__(self, "classes", tuple(self.classes))
        check_classes(self.classes, ALL, "gesture")


def check_looks(config) -> None:
    """Refuse numbers out of range in the fields that all configurations of blob clips share."""
    check_whole("frames", config.frames, 2, 256)
    check_whole("size", config.size, 8, 512)
    check_pair("speed", config.speed, 0, 2)
    check_pair("radius", config.radius, 0.03, 0.4)
    check_range("place", config.place, 0, 0.5)
    check_range("noise", config.noise, 0, 1)


def check_classes(classes: tuple[str, ...], known: tuple[str, ...], what: str) -> None:
    """Refuse unknown, repeated, or fewer than two classes."""
    for name in classes:
        if name not in known:
            raise ValueError(f"no {what} is called {name!r}; allowed: {', '.join(known)}")
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise ValueError(f"classes are {classes}; allowed: two or more different ones")


def pairs_of(classes: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Labels of each two classes that are time reversals of one another.

    >>> pairs_of(("left", "shake", "right"))
    ((0, 2),)
    """
    found = (tuple(sorted(map(classes.index, p))) for p in PAIRS if set(p) <= set(classes))
    return tuple(sorted(found))


def order_free_bound(classes: tuple[str, ...]) -> float:
    """The highest expected accuracy of a model that cannot use the order, 0 .. 1.

    Of a pair one half is right at best, so K equally frequent classes with P pairs leave
    (K - P)/K. On the controls ``"shuffled"`` and ``"still"`` this binds every model, whatever it
    looks at, for there the order is not in the clips.

    >>> order_free_bound(("left", "right", "up", "down"))
    0.5
    """
    return 1 - len(pairs_of(classes)) / len(classes)


def forward_poses(config, paths: np.ndarray, numbers: np.ndarray) -> Pose:
    """Where blobs are when they run through their paths forward, fields ``(N, T)``.

    Args:
        config: of blob clips.
        paths: ``(N,)`` numbers of their paths in :data:`PATHS`.
        numbers: ``(N, DRAWN)`` uniform random numbers in 0 .. 1. Which of them means what does not
            depend on the path.
    """
    count, frames = len(paths), config.frames
    s = (np.arange(frames) + 0.5) / frames - 0.5  # (T,) the moments, in -½ .. ½
    u = numbers.T[..., None]  # (DRAWN, N, 1)
    speed = _between(config.speed, u[0])
    x, y = (0.5 + config.place * (2 * u[k] - 1) for k in (1, 2))
    tilt = 0.5 * (u[3] - 0.5)  # radians: nothing in life moves exactly level
    phase = 2 * np.pi * u[4]
    radius = _between(config.radius, u[5])
    angle = 2 * np.pi * u[6]
    ring = 0.16 + 0.06 * u[7]
    on = {name: (paths == k)[:, None] for k, name in enumerate(PATHS)}

    travel = 0.45 * speed * s
    along = on["right"] * np.cos(tilt) - on["down"] * np.sin(tilt)
    across = on["right"] * np.sin(tilt) + on["down"] * np.cos(tilt)
    sight = phase + 1.6 * np.pi * speed * s
    # Swings of 2 to 2.8 periods, whatever the speed, and fewer in clips of less than 8 frames: with
    # under three frames a period, a swing looks like a slower one.
    periods = np.minimum(2 + 0.8 * u[8], (0.25 + 0.1 * u[8]) * frames)
    swing = 0.6 * ring * np.sin(2 * np.pi * periods * s + phase)
    round_trip = on["orbit-clockwise"] * ring
    one = np.ones((count, frames))
    return Pose(
        x=x + along * travel + round_trip * np.cos(sight) + on["shake"] * swing,
        y=y + across * travel + round_trip * np.sin(sight) + on["drum"] * swing,
        radius=radius * 2.2 ** (on["zoom-in"] * speed * s) * one,
        angle=angle + on["clockwise"] * 2.6 * speed * s,
    )


def _between(pair: tuple[float, float], share: np.ndarray) -> np.ndarray:
    return pair[0] + (pair[1] - pair[0]) * share
