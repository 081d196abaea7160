"""What a scene is: a background, actors in depth order, a camera, light and noise. Only a
description: ``render`` makes the clip.

All parts are immutable, so scenes may share sprites, and ``dataclasses.replace`` makes a variant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vidlab.datasets.limits import check_range, check_whole
from vidlab.datasets.scenes.motion import Motion, Pose, still
from vidlab.datasets.scenes.shapes import Shape
from vidlab.datasets.scenes.textures import Colour, Texture

MAX_SIDE = 2048  #: pixels; a larger picture is a typing error
MAX_RADIUS = 8  #: units, of an actor in the world; a larger one was meant in pixels


@dataclass(frozen=True)
class Sprite:
    """A shape with a texture."""

    shape: Shape
    texture: Texture

    @property
    def name(self) -> str:
        """Its noun phrase, such as "striped red star"."""
        return f"{self.texture.name} {self.shape.name}".strip()


@dataclass(frozen=True)
class Actor:
    """A sprite that moves.

    Attributes:
        sprite: how it looks.
        motion: where it is.
        name: what captions call it; empty for the sprite's own name.
    """

    sprite: Sprite
    motion: Motion
    name: str = ""

    @property
    def title(self) -> str:
        """The name, or the sprite's."""
        return self.name or self.sprite.name


@dataclass(frozen=True)
class Light:
    """Light on the whole picture, which multiplies its colours.

    Attributes:
        gain: brightness, 0 .. 4; 1 leaves the picture as it is.
        tint: colour of the light, each 0 .. 4.
        slope: change of brightness per unit to the right and downwards, each -2 .. 2.
        fade: change of brightness in the course of the clip, -1 .. 1 (-0.5: half as bright at its
            end).
        flicker: standard deviation of each frame's own brightness, 0 .. 1.
        seed: decides the flicker.
    """

    gain: float = 1.0
    tint: Colour = (1.0, 1.0, 1.0)
    slope: tuple[float, float] = (0.0, 0.0)
    fade: float = 0.0
    flicker: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_range("gain", self.gain, 0, 4)
        check_range("fade", self.fade, -1, 1)
        check_range("flicker", self.flicker, 0, 1)
        for name, low, count in (("tint", 0, 3), ("slope", -2, 2)):
            values = getattr(self, name)
            if len(values) != count:
                raise ValueError(f"{name} has {len(values)} numbers; expected {count}")
            for value in values:
                check_range(name, value, low, 4 if name == "tint" else 2)

    def levels(self, t: np.ndarray) -> np.ndarray:
        """``(T, 3)`` factor of each frame and colour."""
        flicker = np.random.default_rng(self.seed).standard_normal(len(t))
        gain = self.gain * (1 + self.fade * t) * (1 + self.flicker * flicker)
        return gain.clip(0)[:, None] * np.asarray(self.tint, float)


@dataclass(frozen=True)
class Noise:
    """Noise of the camera's sensor.

    Attributes:
        gaussian: standard deviation of every colour of every pixel, 0 .. 1.
        salt: share of pixels that are black or white instead, 0 .. 1.
        seed: decides the noise.
    """

    gaussian: float = 0.0
    salt: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_range("gaussian", self.gaussian, 0, 1)
        check_range("salt", self.salt, 0, 1)


@dataclass(frozen=True)
class Scene:
    """One shot.

    Attributes:
        background: texture of the world behind everything.
        actors: from the back to the front.
        frames: T, >= 1.
        height: pixels.
        width: pixels; None for a square picture.
        camera: a motion law: ``x, y`` shift of the view's centre, ``radius`` zoom factor,
            ``angle`` roll. The default stands still.
        light: light on the picture.
        noise: noise in the picture.
    """

    background: Texture
    actors: tuple[Actor, ...] = ()
    frames: int = 16
    height: int = 64
    width: int | None = None
    camera: Motion = field(default_factory=lambda: still(0.0, 0.0, radius=1.0))
    light: Light = Light()
    noise: Noise = Noise()

    def __post_init__(self):
        for name, value, high in (
            ("frames", self.frames, 100_000),
            ("height", self.height, MAX_SIDE),
            ("width", self.height if self.width is None else self.width, MAX_SIDE),
        ):
            check_whole(name, value, 1, high)
        object.__setattr__(self, "actors", tuple(self.actors))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.height if self.width is None else self.width

    @property
    def side(self) -> int:
        """Pixels a unit: the shorter side."""
        return min(self.size)

    @property
    def times(self) -> np.ndarray:
        """``(T,)`` the middle of each frame, as a share of the clip."""
        return (np.arange(self.frames) + 0.5) / self.frames

    def poses(self) -> Pose:
        """Poses of all actors in the world, each field ``(S, T)``.

        Raises:
            ValueError: an actor's law gives a number that is not finite, or a radius not above 0
                or beyond :data:`MAX_RADIUS`.
        """
        times = self.times
        poses = [actor.motion(times) for actor in self.actors]
        for actor, pose in zip(self.actors, poses, strict=True):
            check_pose(f"actor {actor.title!r}", pose, times)
            largest = float(np.max(pose.radius))
            if largest > MAX_RADIUS:
                raise ValueError(
                    f"radius of actor {actor.title!r} is {largest:g}; allowed: up to {MAX_RADIUS}, "
                    "in units of the picture's shorter side"
                )
        if not poses:
            return Pose(*(np.zeros((0, self.frames)) for _ in range(4)))
        return Pose(*(np.stack([getattr(p, f) for p in poses]) for f in Pose.__annotations__))

    def view(self) -> Pose:
        """The camera's poses, each field ``(T,)``; errors as in :meth:`poses`."""
        pose = self.camera(self.times)
        check_pose("the camera", pose, self.times)
        return pose


def check_pose(who: str, pose: Pose, times: np.ndarray) -> None:
    """Refuse poses that cannot be painted, with a sentence that says where."""
    for name in Pose.__annotations__:
        values = np.asarray(getattr(pose, name), float)
        if values.shape != times.shape:
            raise ValueError(
                f"{name} of {who} has shape {values.shape}; expected {times.shape}, one a frame"
            )
        bad = ~np.isfinite(values) if name != "radius" else ~(np.isfinite(values) & (values > 0))
        if bad.any():
            frame = int(bad.argmax())
            raise ValueError(
                f"{name} of {who} is {values[frame]} in frame {frame}; expected a finite number"
                + (" above 0" if name == "radius" else "")
            )
