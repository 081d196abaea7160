"""Scenes: sprites that move before a background, seen by a camera, with the truth known exactly.

One module a part of the vocabulary: ``shapes`` and ``textures`` (how things look), ``motion`` (how
they and the camera move), ``scene`` (the description), ``paint`` and ``clip`` (frames and truth),
``relate``, ``captions`` and ``montage`` (what can be said about a clip, and several in a row).

>>> from vidlab.datasets.scenes import motion, shapes, textures
>>> star = Sprite(shapes.star(5), textures.stripes(textures.RED, textures.WHITE))
>>> walk = motion.add(motion.still(0.2, 0.5, radius=0.15), motion.move(0.6, 0))
>>> clip = render(Scene(textures.plain(textures.GREY), (Actor(star, walk),), frames=8, height=32))
>>> tuple(clip.frames.shape)
(8, 3, 32, 32)
>>> caption(describe(clip))
'a striped red star moves left to right'
"""

from vidlab.datasets.scenes.captions import Statement, caption, describe, parse
from vidlab.datasets.scenes.clip import Clip, boxes_around, render
from vidlab.datasets.scenes.montage import film, join
from vidlab.datasets.scenes.motion import Motion, Pose
from vidlab.datasets.scenes.paint import paint_scenes
from vidlab.datasets.scenes.relate import RELATIONS, relations, velocities
from vidlab.datasets.scenes.scene import Actor, Light, Noise, Scene, Sprite
from vidlab.datasets.scenes.shapes import Shape
from vidlab.datasets.scenes.textures import Texture

__all__ = [
    "RELATIONS",
    "Actor",
    "Clip",
    "Light",
    "Motion",
    "Noise",
    "Pose",
    "Scene",
    "Shape",
    "Sprite",
    "Statement",
    "Texture",
    "boxes_around",
    "caption",
    "describe",
    "film",
    "join",
    "paint_scenes",
    "parse",
    "relations",
    "render",
    "velocities",
]
