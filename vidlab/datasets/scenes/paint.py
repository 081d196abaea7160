"""Painting: many scenes, all their frames at once.

Each sprite is painted once on a small square of texels, its colours and its signed distance. A
frame then asks, for every pixel, which place of the sprite it shows: an affine map, one bilinear
look-up, and the distance in pixels gives the coverage of the pixel. So edges stay sharp and smooth
at every size, and motion is as fine as the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidlab.datasets.scenes.motion import Pose
from vidlab.datasets.scenes.scene import Scene, Sprite
from vidlab.datasets.scenes.textures import Texture

SPRITE_REACH = 1.25  # texels cover this many radii on each side of a sprite's centre
FAR = 64.0  # radii; beyond a sprite's texels it is this far away
WORLD_REACH = 1.5  # the background is painted this many times as wide as the picture


def sprite_texels(sprite: Sprite, side: int) -> Tensor:
    """``(4, A, A)`` colours and signed distance of a sprite, for pictures of ``side`` pixels."""
    count = 8 * round(min(max(0.75 * side, 32), 160) / 8)
    fine = _grid(count, SPRITE_REACH, 3)
    colours = _averaged(sprite.texture.paint(*fine), 3)
    distance = sprite.shape.distance(*_grid(count, SPRITE_REACH, 1))
    return torch.from_numpy(np.concatenate((colours, distance[None]))).float()


def world_texels(background: Texture, size: tuple[int, int]) -> Tensor:
    """``(3, B, B)`` colours of the world around a picture of ``size`` pixels."""
    count = round(WORLD_REACH * max(size))
    reach = WORLD_REACH * max(size) / min(size)
    return torch.from_numpy(_averaged(background.paint(*_grid(count, reach, 2)), 2)).float()


def _grid(count: int, reach: float, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (u, v) of the centres of ``(count * fine)²`` cells in [-reach, reach]²."""
    cells = count * fine
    line = ((np.arange(cells) + 0.5) / cells * 2 - 1) * reach
    return np.broadcast_to(line, (cells, cells)), np.broadcast_to(line[:, None], (cells, cells))


def _averaged(colours: np.ndarray, fine: int) -> np.ndarray:
    """``(H·fine, W·fine, 3)`` to ``(3, H, W)`` means."""
    height, width = colours.shape[0] // fine, colours.shape[1] // fine
    blocks = colours.reshape(height, fine, width, fine, 3).mean((1, 3))
    return blocks.transpose(2, 0, 1)


def maps_to_world(view: Pose, size: tuple[int, int]) -> np.ndarray:
    """``(..., 2, 3)`` affine maps from places on the screen to places in the world (both units).

    A view of pose (x, y, zoom, roll) looks at the picture's centre moved by (x, y).
    """
    centre = np.array([size[1], size[0]]) / (2 * min(size))
    cos, sin = np.cos(view.angle) / view.radius, np.sin(view.angle) / view.radius
    turn = np.stack((np.stack((cos, -sin), -1), np.stack((sin, cos), -1)), -2)
    shift = centre + np.stack((view.x, view.y), -1) - turn @ centre
    return np.concatenate((turn, shift[..., None]), -1)


def maps_to_sprite(pose: Pose, to_world: np.ndarray) -> np.ndarray:
    """``(..., 2, 3)`` affine maps from places on the screen to a sprite's own coordinates."""
    cos, sin = np.cos(pose.angle) / pose.radius, np.sin(pose.angle) / pose.radius
    turn = np.stack((np.stack((cos, sin), -1), np.stack((-sin, cos), -1)), -2)
    place = np.stack((pose.x, pose.y), -1)[..., None]
    shift = turn @ (to_world[..., 2:] - place)
    return np.concatenate((turn @ to_world[..., :2], shift), -1)


def sample_sprite(texels: Tensor, maps: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Colours ``(N, 3, T, H, W)`` and distances in radii ``(N, T, H, W)`` under maps (N, T, 2, 3).

    Beyond a sprite's texels it is far away.
    """
    # Zeros are what a look-up beyond the texels finds, so there a distance of 0 must mean "far".
    lifted = texels + texels.new_tensor([0, 0, 0, FAR])[:, None, None]
    found = _look_up(lifted, maps, size, SPRITE_REACH, "zeros")
    return found[:, :3], found[:, 3] - FAR


def sample_world(texels: Tensor, maps: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Background ``(N, 3, T, H, W)`` under maps ``(N, T, 2, 3)``; mirrored beyond its texels."""
    centre = np.array([[size[1]], [size[0]]]) / (2 * min(size))
    own = np.concatenate((2 * maps[..., :2], 2 * (maps[..., 2:] - centre)), -1)
    return _look_up(texels, own, size, WORLD_REACH * max(size) / min(size), "reflection")


def _look_up(
    texels: Tensor, maps: np.ndarray, size: tuple[int, int], reach: float, padding: str
) -> Tensor:
    height, width = size
    count, frames = maps.shape[:2]
    affine = torch.from_numpy(maps / reach).float()[..., None, None]  # (N, T, 2, 3, 1, 1)
    x = (torch.arange(width) + 0.5) / min(size)
    y = ((torch.arange(height) + 0.5) / min(size))[:, None]
    grid = affine[:, :, :, 0] * x + (affine[:, :, :, 1] * y + affine[:, :, :, 2])
    grid = grid.movedim(2, -1).reshape(count, frames * height, width, 2)
    found = F.grid_sample(texels, grid, padding_mode=padding, align_corners=False)
    return found.unflatten(2, (frames, height))


def coverage(distance: Tensor, radius: np.ndarray) -> Tensor:
    """Share of each pixel that a sprite covers, from distances in radii and radii in pixels.

    Args:
        distance: ``(..., H, W)``.
        radius: ``(...)`` of the sprite on the screen.
    """
    pixels = torch.from_numpy(np.maximum(radius, 1e-2)).float()[..., None, None]
    return (distance * pixels).add_(0.5).clamp_(0, 1)


def paint_scenes(scenes: Sequence[Scene]) -> Tensor:
    """Frames ``(N, T, 3, H, W)`` uint8 of scenes of one size, length and number of actors.

    What a scene looks like does not depend on the others that are painted with it.

    Raises:
        ValueError: no scenes, or scenes that cannot be stacked (naming the first such).
    """
    size, side = _common(scenes), scenes[0].side
    # Scenes that share a sprite or a background share its texels.
    worlds = {id(s.background): s.background for s in scenes}
    worlds = {key: world_texels(texture, size) for key, texture in worlds.items()}
    sprites = {id(a.sprite): a.sprite for s in scenes for a in s.actors}
    sprites = {key: sprite_texels(sprite, side) for key, sprite in sprites.items()}

    views = [scene.view() for scene in scenes]
    to_world = np.stack([maps_to_world(view, size) for view in views])
    zoom = np.stack([view.radius for view in views])
    moved = (to_world != to_world[:, :1]).any()
    image = sample_world(
        torch.stack([worlds[id(s.background)] for s in scenes]),
        to_world if moved else to_world[:, :1],
        size,
    ).expand(-1, -1, scenes[0].frames, -1, -1)
    poses = [scene.poses() for scene in scenes]
    for k in range(len(scenes[0].actors)):
        pose = Pose(*(np.stack([getattr(p, f)[k] for p in poses]) for f in Pose.__annotations__))
        texels = torch.stack([sprites[id(s.actors[k].sprite)] for s in scenes])
        colours, distance = sample_sprite(texels, maps_to_sprite(pose, to_world), size)
        cover = coverage(distance, pose.radius * zoom * side)[:, None]
        image = torch.lerp(image, colours, cover)
    return _exposed(image.transpose(1, 2), scenes)


def _exposed(image: Tensor, scenes: Sequence[Scene]) -> Tensor:
    """Light and noise on colours ``(N, T, 3, H, W)``, rounded to uint8."""
    height, width = scenes[0].size
    side = scenes[0].side
    x = (np.arange(width) + 0.5) / side - width / (2 * side)
    y = (np.arange(height) + 0.5) / side - height / (2 * side)
    frames = torch.empty(image.shape, dtype=torch.uint8)
    for out, picture, scene in zip(frames, image, scenes, strict=True):
        light = scene.light
        levels = torch.from_numpy(light.levels(scene.times)).float()[..., None, None]
        picture = picture * levels
        if any(light.slope):
            plane = 1 + light.slope[0] * x + light.slope[1] * y[:, None]
            picture = picture * torch.from_numpy(plane.clip(0)).float()
        if scene.noise.gaussian or scene.noise.salt:
            picture = _noisy(picture, scene)
        out.copy_(picture.mul(255).add_(0.5).clamp_(0, 255))
    return frames


def _noisy(picture: Tensor, scene: Scene) -> Tensor:
    rng = np.random.default_rng(scene.noise.seed)
    if scene.noise.gaussian:
        grain = rng.standard_normal(picture.shape, np.float32)
        picture = picture + scene.noise.gaussian * torch.from_numpy(grain)
    if scene.noise.salt:
        where = rng.random((scene.frames, 1, *scene.size), np.float32)
        share = scene.noise.salt
        picture = picture.masked_fill(torch.from_numpy(where < share / 2), 0.0)
        picture = picture.masked_fill(torch.from_numpy(where > 1 - share / 2), 1.0)
    return picture


def _common(scenes: Sequence[Scene]) -> tuple[int, int]:
    """The size of scenes that can be stacked."""
    if not scenes:
        raise ValueError("no scenes to paint; expected one or more")
    kinds = [(scene.size, scene.frames, len(scene.actors)) for scene in scenes]
    for number, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"scene {number} has (size, frames, actors) {kind}, scene 0 {kinds[0]}; "
                "scenes painted together need the same"
            )
    return scenes[0].size
