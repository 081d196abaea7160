"""Procedural actions: clips whose class is how something moves, never what it looks like.

**The laws.** Six *paths* lead through space: ``horizontal``, ``vertical``, ``turn``, ``zoom``,
``orbit`` and ``gap`` (the distance of two sprites). Each has a clock that shows T moments, evenly
spaced from the path's beginning to its end. A class is a path and the order of its moments::

    left        horizontal, backward       clockwise          turn,  forward
    right       horizontal, forward        counterclockwise   turn,  backward
    up          vertical,   backward       orbit-clockwise            orbit, forward
    down        vertical,   forward        orbit-counterclockwise     orbit, backward
    grow        zoom,       forward        part               gap,   forward
    shrink      zoom,       backward       collide            gap,   backward
    oscillate   horizontal, there and back

**Every clip contains every path; only the class's clock runs.** The other five stand still, each
at a random moment. So a frame drawn at random from a clip shows all six clocks at independent
random moments, whatever the class: a *single frame tells nothing* (exactly, not roughly; only who
knows that a frame is, say, the first one can guess better). Sprites, textures, background, speeds
of all six paths, noise, shake and light are drawn without looking at the class. Two sprites are in
every clip, else two sprites would betray ``collide``.

**What shuffling can and cannot hide.** Orders of one path show the same frames: shuffled, ``left``,
``right`` and ``oscillate`` are the same bag, and nobody can tell them apart. But a bag in which
only sizes differ is ``grow`` or ``shrink``. This is no flaw of these laws: a bag hides the class
entirely only if every clip turns, moves and grows by the same amounts. Hence two roads, and
:func:`chance_level` knows where each ends (K classes that use P paths; no shake, no distractors,
which move smoothly and so give a part of the order back):

==============  ====================================================  ==========================
control         frames of a clip                                      best accuracy of any model
==============  ====================================================  ==========================
``none``        as the law says                                       1
``shuffled``    the same frames in random order                       P/K (1/K if ``scrambled``)
``scrambled``   all six clocks show their moments in random order     1/K
``still``       one frame of the clip, repeated                       1/K
==============  ====================================================  ==========================

``scrambled`` draws the same single frames as the real clips and moves as much, without an order.
With ``ActionsConfig(bystanders="scrambled")`` the five other clocks of *real* clips run too, out of
order: each clip then visits the same bag of moments, the class is the one path that goes in order,
and plain shuffling falls to exactly 1/K. Such clips jitter; they are hard for people and networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.action_laws import (
    ALL,
    BYSTANDERS,
    CONTROLS,
    LAWS,
    PATHS,
    ActionsConfig,
    chance_level,
    clocks,
    moments,
    motions,
)
from vidlab.datasets.clip_controls import (
    FrameStore,
    balanced_labels,
    check_arguments,
    control_order,
    in_order,
)
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.scenes import motion, shapes, textures
from vidlab.datasets.scenes.clip import Clip, render
from vidlab.datasets.scenes.paint import paint_scenes
from vidlab.datasets.scenes.scene import Actor, Light, Noise, Scene, Sprite

__all__ = [
    "ALL",
    "BYSTANDERS",
    "CONTROLS",
    "LAWS",
    "PATHS",
    "Actions",
    "ActionsConfig",
    "chance_level",
    "moments",
]

CHUNK = 16  # clips painted at once: what fits in a processor's cache
SHAPES = (
    shapes.ring(0.6),
    *map(shapes.polygon, (3, 4, 5)),
    shapes.star(5),
    shapes.star(4, 0.4),
    shapes.heart(),
)
BRIGHT = (
    textures.RED,
    textures.BLUE,
    textures.GREEN,
    textures.YELLOW,
    textures.ORANGE,
    textures.PURPLE,
    textures.WHITE,
)


class Actions(Dataset):
    """Clips of moving sprites, made on the fly.

    A clip depends on ``seed`` and its index alone: not on the number of clips asked for at once,
    nor on the workers that make them. Labels are balanced: any two classes differ by at most one
    clip.

    Args:
        count: number of clips, >= 1.
        config: what they are like.
        seed: decides everything, >= 0.
        control: one of :data:`CONTROLS`, see above.
        cache: make all clips at the first access and keep them (``count·T·3·H·W`` bytes); training
            reads each many times. Each worker of a ``DataLoader`` would make its own, unless one
            clip was read before the workers start.

    Items are :class:`~vidlab.datasets.clips.ClipSample`.

    Attributes:
        class_names: the laws, by label.
        labels: ``(count,)`` int64.
        groups: ``(count,)`` int64, the scene of each clip: clips of one scene share their sprites
            and background.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        count: int,
        config: ActionsConfig | None = None,
        *,
        seed: int = 0,
        control: str = "none",
        cache: bool = True,
    ):
        self.config = config = config or ActionsConfig()
        check_arguments(count, seed, control, CONTROLS)
        self.seed, self.control = seed, control
        self.class_names = config.classes
        self.labels = balanced_labels(count, len(config.classes), seed)
        self.groups = torch.arange(count) // config.clips_per_scene
        self.batch = FrameStore(
            self._paint, count, config.frames, config.size, keep=cache, chunk=CHUNK
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> ClipSample:
        index = range(len(self))[index]
        return ClipSample(self.batch([index])[0], int(self.labels[index]), index)

    def scene(self, index: int) -> Scene:
        """The description of a clip, before the controls ``"shuffled"`` and ``"still"``."""
        index = range(len(self))[index]
        return self._scene(index, self._look(int(self.groups[index])))

    def truth(self, index: int) -> Clip:
        """A clip with its masks, boxes, trajectories and visibility (never cached)."""
        index = range(len(self))[index]
        return render(self.scene(index)).at(self.order(index))

    def order(self, index: int) -> np.ndarray:
        """``(T,)`` which frame of its scene each frame of a clip is."""
        index = range(len(self))[index]
        return control_order(self.control, self.config.frames, self.seed, index)

    def _paint(self, indices: Sequence[int]) -> Tensor:
        looks = {group: self._look(group) for group in set(self.groups[list(indices)].tolist())}
        painted = paint_scenes([self._scene(i, looks[int(self.groups[i])]) for i in indices])
        return in_order(painted, [self.order(i) for i in indices])

    def _look(self, group: int) -> Scene:
        """What the clips of a scene share: sprites and background; nothing moves yet."""
        config = self.config
        rng = np.random.default_rng([self.seed, 1, group])
        rest = motion.still(0.5, 0.5)
        sprites = [_sprite(rng) for _ in range(2 + config.distractors)]
        return Scene(
            _background(rng),
            tuple(Actor(sprite, rest) for sprite in sprites),
            frames=config.frames,
            height=config.size,
        )

    def _scene(self, index: int, look: Scene) -> Scene:
        config = self.config
        rng = np.random.default_rng([self.seed, 2, index])
        path, order = LAWS[self.class_names[self.labels[index]]]
        shown = clocks(config, rng, path, order, scrambled=self.control == "scrambled")
        laws = motions(config, rng, shown)
        noise_seed, shake_seed, light_seed = map(int, rng.integers(1 << 31, size=3))
        light = Light(
            gain=1 + config.light * rng.uniform(-1, 1),
            flicker=config.light / 5,
            seed=light_seed,
        )
        return replace(
            look,
            actors=tuple(
                replace(actor, motion=each) for actor, each in zip(look.actors, laws, strict=True)
            ),
            camera=motion.wander(config.shake, seed=shake_seed) if config.shake else look.camera,
            light=light,
            noise=Noise(config.noise, seed=noise_seed),
        )


def _sprite(rng: np.random.Generator) -> Sprite:
    shape = SHAPES[rng.integers(len(SHAPES))]
    first, second = rng.choice(len(BRIGHT), 2, replace=False)
    colour, dark = BRIGHT[first], BRIGHT[second] if rng.random() < 0.4 else textures.BLACK
    angle, kind = rng.uniform(0, np.pi), rng.integers(4)
    texture = (
        textures.halves(colour, dark, angle),
        textures.stripes(colour, dark, rng.uniform(0.7, 1.1), angle),
        textures.checker(colour, dark, rng.uniform(0.9, 1.3), angle),
        textures.gradient(colour, dark, angle),
    )[kind]
    return Sprite(shape, texture)


def _background(rng: np.random.Generator) -> textures.Texture:
    # Of middle brightness and nearly grey: bright and black sprites both stand out.
    base = rng.uniform(0.32, 0.66) + rng.uniform(-0.08, 0.08, 3)
    near = (base + rng.choice((-1, 1)) * rng.uniform(0.05, 0.15)).clip(0, 1)
    first, second = tuple(base.clip(0, 1)), tuple(near)
    angle, kind = rng.uniform(0, np.pi), rng.integers(4)
    return (
        textures.gradient(first, second, angle),
        textures.clouds(first, second, seed=int(rng.integers(1 << 31)), cell=0.4),
        textures.checker(first, second, rng.uniform(0.4, 0.8), angle),
        textures.stripes(first, second, rng.uniform(0.3, 0.7), angle),
    )[kind]
