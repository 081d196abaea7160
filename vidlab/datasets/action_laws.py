"""The laws of procedural actions: six paths, the order of their moments, what a control hides.

See ``vidlab.datasets.actions`` for the idea. Here it is in numbers: what each clock shows, and
where that puts the sprites.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidlab.datasets.clip_controls import check_control
from vidlab.datasets.limits import check_pair, check_range, check_whole
from vidlab.datasets.scenes import motion

PATHS = ("horizontal", "vertical", "turn", "zoom", "orbit", "gap")

#: Each law's path and the order of its moments.
LAWS: dict[str, tuple[str, str]] = {
    "left": ("horizontal", "backward"),
    "right": ("horizontal", "forward"),
    "up": ("vertical", "backward"),
    "down": ("vertical", "forward"),
    "clockwise": ("turn", "forward"),
    "counterclockwise": ("turn", "backward"),
    "grow": ("zoom", "forward"),
    "shrink": ("zoom", "backward"),
    "orbit-clockwise": ("orbit", "forward"),
    "orbit-counterclockwise": ("orbit", "backward"),
    "part": ("gap", "forward"),
    "collide": ("gap", "backward"),
    "oscillate": ("horizontal", "there and back"),
}
ALL = tuple(LAWS)
CONTROLS = ("none", "shuffled", "scrambled", "still")
BYSTANDERS = ("still", "scrambled")


@dataclass(frozen=True)
class ActionsConfig:
    """What the clips are like.

    Attributes:
        frames: T, 2 .. 256.
        size: height and width in pixels, 8 .. 512.
        classes: which laws, at least two of :data:`ALL`; their order gives the labels.
        speed: smallest and largest speed, 0 .. 2. At 1 a path covers, in the course of the clip,
            0.34 of the picture, 2.4 radians, a factor of 2.1, or 0.9 of a round.
        radius: smallest and largest radius of the main sprite, share of the picture, 0.03 .. 0.4.
        noise: standard deviation of the pixels' noise, 0 .. 1.
        shake: how far the camera shakes, share of the picture, 0 .. 0.2.
        light: how much brightness differs between clips, 0 .. 0.9; a fifth of it flickers.
        distractors: wandering sprites behind the two main ones, 0 .. 4.
        clips_per_scene: clips that share sprites and background, >= 1.
        bystanders: what the clocks of other paths do, see above: ``"still"`` or ``"scrambled"``.
    """

    frames: int = 16
    size: int = 32
    classes: tuple[str, ...] = ALL
    speed: tuple[float, float] = (0.7, 1.2)
    radius: tuple[float, float] = (0.16, 0.21)
    noise: float = 0.03
    shake: float = 0.01
    light: float = 0.2
    distractors: int = 0
    clips_per_scene: int = 4
    bystanders: str = "still"

    def __post_init__(self):
        check_whole("frames", self.frames, 2, 256)
        check_whole("size", self.size, 8, 512)
        check_whole("distractors", self.distractors, 0, 4)
        check_whole("clips_per_scene", self.clips_per_scene, 1, 1_000_000)
        check_range("noise", self.noise, 0, 1)
        check_range("shake", self.shake, 0, 0.2)
        check_range("light", self.light, 0, 0.9)
        check_pair("speed", self.speed, 0, 2)
        check_pair("radius", self.radius, 0.03, 0.4)
        object.__setattr__(self, "classes", tuple(self.classes))
        for name in self.classes:
            if name not in LAWS:
                raise ValueError(f"no law is called {name!r}; allowed: {', '.join(ALL)}")
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"classes are {self.classes}; allowed: two or more different laws")
        if self.bystanders not in BYSTANDERS:
            raise ValueError(f"bystanders is {self.bystanders!r}; allowed: {', '.join(BYSTANDERS)}")


def chance_level(config: ActionsConfig, control: str) -> float:
    """The highest accuracy that any model can reach on a control, 0 .. 1.

    Of laws on one path a shuffled bag of frames fits all, so one of them is guessed: of K
    equally frequent classes on P paths P/K of all clips are right. The other controls leave 1/K.
    For ``"none"`` it is 1.

    A shaking camera and distractors move smoothly. Sorted by them, shuffled frames are in order
    again, though nobody knows which end is the first: there and back is told from one way, whatever
    the bystanders do. So with either of the two, P counts the path of ``oscillate`` once more.

    >>> chance_level(ActionsConfig(classes=("left", "right", "grow", "shrink")), "shuffled")
    0.5
    """
    check_control(control, CONTROLS)
    if control == "none":
        return 1.0
    count = len(config.classes)
    if control == "shuffled":
        laws = [LAWS[name] for name in config.classes]
        if config.shake or config.distractors:
            return len({(path, order == "there and back") for path, order in laws}) / count
        if config.bystanders == "still":
            return len({path for path, _ in laws}) / count
    return 1 / count


def moments(order: str, frames: int, phase: int = 0) -> np.ndarray:
    """``(T,)`` a permutation of 0 .. T - 1: the moments of a path in the order of a law.

    There and back visits every other moment and returns by those left out; ``phase`` is where on
    this round it starts.

    >>> moments("there and back", 8).tolist()
    [0, 2, 4, 6, 7, 5, 3, 1]
    """
    line = np.arange(frames)
    if order == "forward":
        return line
    if order == "backward":
        return line[::-1]
    return np.roll(np.concatenate((line[::2], line[1::2][::-1])), -phase)


def clocks(
    config: ActionsConfig, rng: np.random.Generator, path: str, order: str, *, scrambled: bool
) -> dict[str, np.ndarray]:
    """What each path's clock shows, ``(T,)`` in -½ .. ½.

    All random numbers are drawn whatever the class is, so that nothing else depends on it.
    """
    frames = config.frames
    orders = rng.permuted(np.tile(np.arange(frames), (len(PATHS), 1)), axis=1)
    phase = int(rng.integers(frames))
    shown = {}
    for name, random_order in zip(PATHS, orders, strict=True):
        if name == path and not scrambled:
            shown[name] = moments(order, frames, phase)
        elif scrambled or config.bystanders == "scrambled":
            shown[name] = random_order
        else:
            shown[name] = np.full(frames, random_order[0])
    return {name: (when + 0.5) / frames - 0.5 for name, when in shown.items()}


def motions(
    config: ActionsConfig, rng: np.random.Generator, shown: dict[str, np.ndarray]
) -> list[motion.Motion]:
    """Where the main sprite, the other one and the distractors are at each moment."""
    speed = dict(zip(PATHS, rng.uniform(*config.speed, len(PATHS)), strict=True))
    moved = {name: speed[name] * shown[name] for name in PATHS}
    radius, other_radius = rng.uniform(*config.radius, 2) * (1, 0.8)
    x, y = 0.5 + rng.uniform(-0.05, 0.05, 2)
    heading, start, turned, other_turned = rng.uniform(0, 2 * np.pi, 4)
    # The two sprites touch where the gap's path begins.
    gap = 0.9 * (radius + other_radius) + 0.25 * (moved["gap"] + speed["gap"] / 2)
    sight = start + 1.8 * np.pi * moved["orbit"]
    one = np.ones(config.frames)
    main = motion.listed(
        x + 0.34 * moved["horizontal"] + 0.14 * np.cos(sight) + np.cos(heading) * gap / 2,
        y + 0.34 * moved["vertical"] + 0.14 * np.sin(sight) + np.sin(heading) * gap / 2,
        radius * 2.1 ** moved["zoom"],
        turned + 2.4 * moved["turn"],
    )
    other = motion.listed(
        x - np.cos(heading) * gap / 2,
        y - np.sin(heading) * gap / 2,
        other_radius * one,
        other_turned * one,
    )
    away = [
        motion.add(
            motion.still(*rng.uniform(0.1, 0.9, 2), radius=0.6 * radius),
            motion.wander(0.3, seed=int(rng.integers(1 << 31)), waves=2),
        )
        for _ in range(config.distractors)
    ]
    return [*away, other, main]
