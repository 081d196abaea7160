"""A rendered scene: frames, and the exact truth about every actor in every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.scenes import paint
from vidlab.datasets.scenes.motion import Pose
from vidlab.datasets.scenes.scene import Scene


@dataclass(frozen=True)
class Clip:
    """Frames with ground truth; S actors from the back to the front, T frames.

    Attributes:
        frames: ``(T, 3, H, W)`` uint8.
        titles: what each actor is called.
        masks: ``(S, T, H, W)`` bool, the pixels where an actor is seen.
        full_masks: ``(S, T, H, W)`` bool, the pixels that it covers, seen or hidden (amodal).
        boxes: ``(S, T, 4)`` float32 left, top, right, bottom around the seen pixels, in pixels,
            right and bottom exclusive; zeros where nothing is seen.
        full_boxes: the same around the covered pixels of the picture.
        visibility: ``(S, T)`` float32, seen pixels over those the whole actor would cover on an
            endless screen; 0 where it covers none.
        centres: ``(S, T, 2)`` float32 x, y on the screen, in pixels (pixel (0, 0) has its centre
            at (½, ½)).
        angles: ``(S, T)`` float32 radians, clockwise on the screen, not wrapped.
        radii: ``(S, T)`` float32 of the unit circle, in pixels.
        shots: ``(T,)`` int64, the number of the shot that each frame belongs to.
    """

    frames: Tensor
    titles: tuple[str, ...]
    masks: Tensor
    full_masks: Tensor
    boxes: Tensor
    full_boxes: Tensor
    visibility: Tensor
    centres: Tensor
    angles: Tensor
    radii: Tensor
    shots: Tensor

    def at(self, order: np.ndarray) -> Clip:
        """The same clip with frames chosen, repeated or reordered by their numbers."""
        order = torch.as_tensor(np.asarray(order).copy())
        return Clip(
            self.frames[order],
            self.titles,
            *(getattr(self, name)[:, order] for name in _PER_ACTOR),
            self.shots[order],
        )

    @property
    def cuts(self) -> list[int]:
        """The first frame of every shot but the first."""
        return (self.shots.diff().nonzero()[:, 0] + 1).tolist()


_PER_ACTOR = (
    "masks",
    "full_masks",
    "boxes",
    "full_boxes",
    "visibility",
    "centres",
    "angles",
    "radii",
)


def render(scene: Scene) -> Clip:
    """Frames and truth of a scene.

    A pixel belongs to an actor that covers at least half of it, and is seen as the front one.
    """
    view = scene.view()
    to_world = paint.maps_to_world(view, scene.size)
    on_screen = _on_screen(scene, view, to_world)
    full = _covered(scene, on_screen)
    hidden = full.flip(0).cumsum(0).flip(0) - full.long() > 0  # by an actor further to the front
    seen = full & ~hidden
    whole = _whole_area(scene, on_screen)
    visible = seen.sum((-1, -2))
    return Clip(
        frames=paint.paint_scenes([scene])[0],
        titles=tuple(actor.title for actor in scene.actors),
        masks=seen,
        full_masks=full,
        boxes=boxes_around(seen),
        full_boxes=boxes_around(full),
        visibility=torch.where(whole > 0, visible / whole.clamp_min(1), 0.0),
        centres=torch.from_numpy(np.stack((on_screen.x, on_screen.y), -1)).float(),
        angles=torch.from_numpy(on_screen.angle).float(),
        radii=torch.from_numpy(on_screen.radius).float(),
        shots=torch.zeros(scene.frames, dtype=torch.int64),
    )


def boxes_around(masks: Tensor) -> Tensor:
    """``(..., 4)`` float32 tight boxes (left, top, right, bottom; exclusive) of ``(..., H, W)``."""
    rows, columns = masks.any(-1), masks.any(-2)
    height, width = masks.shape[-2:]
    top, left = rows.int().argmax(-1), columns.int().argmax(-1)
    bottom = height - rows.flip(-1).int().argmax(-1)
    right = width - columns.flip(-1).int().argmax(-1)
    boxes = torch.stack((left, top, right, bottom), -1).float()
    return torch.where(rows.any(-1)[..., None], boxes, 0.0)


def _on_screen(scene: Scene, view: Pose, to_world: np.ndarray) -> Pose:
    """Poses as the camera sees them, in pixels, fields ``(S, T)``."""
    world = scene.poses()
    place = np.stack((world.x, world.y), -1) - to_world[..., 2]
    turn = to_world[..., :2] * view.radius[:, None, None] ** 2  # its transpose inverts the turn
    seen = (turn.swapaxes(-1, -2) @ place[..., None])[..., 0] * scene.side
    return Pose(
        seen[..., 0],
        seen[..., 1],
        world.radius * view.radius * scene.side,
        world.angle - view.angle,
    )


def _covered(scene: Scene, on_screen: Pose) -> Tensor:
    """``(S, T, H, W)`` bool: an actor covers at least half of the pixel."""
    if not scene.actors:
        return torch.zeros((0, scene.frames, *scene.size), dtype=torch.bool)
    return torch.stack(
        [
            _half_covered(scene, k, on_screen, scene.size, np.zeros((scene.frames, 2)))
            for k in range(len(scene.actors))
        ]
    )


def _whole_area(scene: Scene, on_screen: Pose) -> Tensor:
    """``(S, T)`` pixels that each actor would cover on an endless screen.

    Counted on a patch of the screen's own pixels that moves along with the actor.
    """
    areas = torch.zeros((len(scene.actors), scene.frames), dtype=torch.int64)
    for k in range(len(scene.actors)):
        reach = int(np.ceil(paint.SPRITE_REACH * on_screen.radius[k].max())) + 1
        corner = np.stack((on_screen.x[k], on_screen.y[k]), -1).round() - reach
        patch = _half_covered(scene, k, on_screen, (2 * reach, 2 * reach), corner)
        areas[k] = patch.sum((-1, -2))
    return areas


def _half_covered(
    scene: Scene, k: int, on_screen: Pose, size: tuple[int, int], corner: np.ndarray
) -> Tensor:
    """``(T, H, W)`` where actor k covers half a pixel of a patch at ``corner`` ``(T, 2)``."""
    pose = Pose(*(getattr(on_screen, name)[k] for name in Pose.__annotations__))
    patch = min(size)  # the unit of maps on a picture of this size
    pose = Pose(
        (pose.x - corner[:, 0]) / patch,
        (pose.y - corner[:, 1]) / patch,
        pose.radius / patch,
        pose.angle,
    )
    identity = np.broadcast_to(np.eye(2, 3), (scene.frames, 2, 3))
    texels = paint.sprite_texels(scene.actors[k].sprite, scene.side)
    maps = paint.maps_to_sprite(pose, identity)
    _, distance = paint.sample_sprite(texels[None], maps[None], size)
    return paint.coverage(distance[0], pose.radius * patch) >= 0.5
