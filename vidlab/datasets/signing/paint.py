"""Painting a signer: the person in the room once, arms and hands in every frame.

What does not move (the room, the body, the head) is painted once on texels and looked up through
the camera. Arms and hands are capsules: for all frames at once, the distance of each pixel to the
nearest of them says how much of the pixel is covered. Only a window around the hand is visited.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidlab.datasets.signing import body
from vidlab.datasets.signing.hands import PALM, PALM_RADIUS, RADII, in_the_picture
from vidlab.datasets.signing.movement import HandTrack
from vidlab.datasets.signing.signers import Signer
from vidlab.datasets.signing.stage import REACH

OUTLINE = 0.012  # width of the dark line around arms and hands
SLEEVE = (0.062, 0.050, 0.040)  # radius of an arm at the shoulder, the elbow and the wrist
CHUNK = 1 << 19  # pixels painted at once: what fits in a processor's cache


def paint_frames(
    signer: Signer, stage: Tensor, track: HandTrack, camera: np.ndarray, side: int
) -> tuple[Tensor, np.ndarray]:
    """Pictures of a signer, and where the joints are in them.

    Args:
        stage: texels of :func:`~vidlab.datasets.signing.stage.paint_stage`.
        track: of T frames.
        camera: ``(T, 3)`` zoom, shift to the right, shift down (shares of the picture).
        side: of the square pictures, in pixels.

    Returns:
        ``(T, 3, side, side)`` float32 in 0 .. 1, and joints ``(T, J, 2)`` as x, y in pixels: the
        left upper corner of the picture is (0, 0), its right lower one (side, side).
    """
    joints, fingers = body.skeleton(signer, track.centre, track.turn, track.side, track.fingers)
    palm = np.stack(
        [
            in_the_picture(
                np.broadcast_to(PALM, (len(camera), 2, 2)),
                track.centre[:, hand],
                track.turn[:, hand],
                track.side[:, hand],
                signer.hand,
            )
            for hand in (0, 1)
        ],
        1,
    )
    joints, fingers, palm = (_seen(points, camera) * side for points in (joints, fingers, palm))
    pictures = torch.empty(len(camera), 3, side, side)
    step = max(1, CHUNK // (side * side))
    for start in range(0, len(camera), step):
        part = slice(start, start + step)
        picture = _look_up(stage, camera[part], side)
        shown = (a[part] for a in (joints, fingers, palm, track.side, camera[:, 0] * side))
        _arms_and_hands(picture, signer, *shown)
        pictures[part] = picture
    return pictures, joints


def _seen(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Points ``(T, ..., 2)`` through the camera."""
    extra = (1,) * (points.ndim - 2)
    zoom = camera[:, 0].reshape(-1, *extra, 1)
    return (points - 0.5) * zoom + 0.5 + camera[:, 1:].reshape(-1, *extra, 2)


def _look_up(stage: Tensor, camera: np.ndarray, side: int) -> Tensor:
    """``(T, 3, side, side)`` of the stage as the camera sees it."""
    view = torch.from_numpy(np.ascontiguousarray(camera)).float()
    line = (torch.arange(side) + 0.5) / side - 0.5
    scale = 2 / REACH
    x = scale * (line - view[:, 1:2]) / view[:, :1]
    y = scale * (line - view[:, 2:]) / view[:, :1]
    grid = torch.stack((x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)), -1)
    stages = stage.expand(len(camera), -1, -1, -1)
    return F.grid_sample(stages, grid, padding_mode="border", align_corners=False)


def _arms_and_hands(picture, signer, joints, fingers, palm, sides, scale) -> None:
    """Paint over ``(T, 3, side, side)``; lengths in pixels, ``scale`` (T,) of one unit."""
    at = body.JOINTS.index
    sleeve = np.array(signer.clothes)
    skin = np.array(signer.skin)
    unit = torch.from_numpy(scale).float()[:, None]
    # The right hand is painted last: signs with a base hand have it in front.
    for name in ("left", "right"):
        arm = joints[:, [at(f"{name} {joint}") for joint in ("shoulder", "elbow", "wrist")]]
        radii = unit * torch.tensor(SLEEVE)
        ends = arm[:, :-1], arm[:, 1:], radii[:, :-1], radii[:, 1:]
        _capsules(picture, *ends, unit, sleeve, joined=True)
    for hand in (1, 0):
        bones = fingers[:, hand]
        first = np.concatenate((palm[:, hand, :1], bones[:, :, 0], bones[:, :, 1]), 1)
        last = np.concatenate((palm[:, hand, 1:], bones[:, :, 1], bones[:, :, 2]), 1)
        radii = np.concatenate(([PALM_RADIUS], RADII, RADII)) * signer.hand
        radii = unit * torch.from_numpy(radii).float()
        # The inner side of a hand is lighter than its back.
        towards = (1 + sides[:, hand] * (1.0 if hand == 0 else -1.0)) / 2
        light = skin + (0.35 * towards[:, None]) * (np.array([1.0, 0.86, 0.78]) - skin) * 0.8
        _capsules(picture, first, last, radii, radii, unit, light)


def _capsules(picture, first, last, start, end, unit, colour, joined=False) -> None:
    """Paint the union of K capsules ``(T, K, 2)`` with a dark outline.

    Args:
        start, end: ``(T, K)`` radii at both ends, in pixels.
        unit: ``(T, 1)`` pixels of a unit.
        colour: ``(3,)`` or ``(T, 3)``.
        joined: the first one begins within something of the same colour, so its outline fades in.
    """
    frames, _, side, _ = picture.shape
    first, last = (torch.from_numpy(p).float() for p in (first, last))
    line = (OUTLINE * unit).clamp_min(0.45)  # (T, 1)
    margin = torch.maximum(start, end) + line + 1
    low = (torch.minimum(first, last) - margin[..., None]).amin(1).floor()
    high = (torch.maximum(first, last) + margin[..., None]).amax(1).ceil()
    width, height = (min(side, max(1, int(w))) for w in (high - low).amax(0))
    x0 = low[:, 0].clamp(0, side - width).long()
    y0 = low[:, 1].clamp(0, side - height).long()
    columns, rows = x0[:, None] + torch.arange(width), y0[:, None] + torch.arange(height)
    index = (rows[:, :, None] * side + columns[:, None]).reshape(frames, 1, -1)
    distance = _distance(columns + 0.5, rows + 0.5, first, last, start, end)

    colour = torch.from_numpy(np.broadcast_to(colour, (frames, 3)).copy()).float()[..., None, None]
    dark = colour * 0.45
    flat = picture.view(frames, 3, -1)
    index = index.expand(-1, 3, -1)
    window = flat.gather(2, index).view(frames, 3, height, width)
    if joined:
        wider = torch.cat((start[:, :1], start[:, 1:] + line), 1)
        edge = _distance(columns + 0.5, rows + 0.5, first, last, wider, end + line)
    else:
        edge = distance - line[..., None]
    outer = (0.5 - edge).clamp_(0, 1)[:, None]
    inner = (0.5 - distance).clamp_(0, 1)[:, None]
    # A little darker towards the edge: it looks round.
    depth = (distance / (-0.045 * unit[..., None])).clamp_(0, 1)[:, None]
    window.lerp_(dark.expand_as(window), outer)
    window.lerp_(colour * (0.84 + 0.16 * depth), inner)
    flat.scatter_(2, index, window.view(frames, 3, -1))


def _distance(x, y, first, last, start, end) -> Tensor:
    """``(T, h, w)`` signed distance (inside negative) to the nearest of K capsules.

    x ``(T, w)`` and y ``(T, h)`` are pixel centres.
    """
    way = last - first
    length2 = (way**2).sum(-1).clamp_min(1e-6)
    best = None
    for k in range(first.shape[1]):
        dx = (x - first[:, k, :1])[:, None]
        dy = (y - first[:, k, 1:])[:, :, None]
        wx, wy = way[:, k, 0, None, None], way[:, k, 1, None, None]
        # Broadcast sums of a row and a column: only what follows is worked out for every pixel.
        share = dx * (wx / length2[:, k, None, None]) + dy * (wy / length2[:, k, None, None])
        share.clamp_(0, 1)
        gap = torch.addcmul(dx, share, wx, value=-1)
        aside = torch.addcmul(dy, share, wy, value=-1)
        gap.mul_(gap).addcmul_(aside, aside).sqrt_().sub_(start[:, k, None, None])
        if end is not start:
            gap.addcmul_(share, (start - end)[:, k, None, None])
        best = gap if best is None else torch.minimum(best, gap, out=best)
    return best
