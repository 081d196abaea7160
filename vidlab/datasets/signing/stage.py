"""The stage: the room and all of a signer that does not move, painted once.

Shapes are signed distances in shares of the picture (inside negative), painted over one another.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.signing.body import (
    HEAD_HEIGHT,
    HEAD_WIDTH,
    HEAD_Y,
    MIDDLE,
    SHOULDER_Y,
)
from vidlab.datasets.signing.signers import Signer

REACH = 1.3  #: the stage is so many pictures wide: the camera may look beside the signer
FINE = 2  # texels to a pixel's side


def paint_stage(signer: Signer, side: int) -> Tensor:
    """``(3, A, A)`` float32 texels of a signer without arms, for pictures of ``side`` pixels."""
    count = round(REACH * FINE * side)
    line = ((np.arange(count) + 0.5) / count - 0.5) * REACH + 0.5
    x, y = np.meshgrid(line, line)
    x, y = x.astype(np.float32) - MIDDLE, y.astype(np.float32) - np.float32(signer.height)
    pixel = REACH / count
    picture = _room(signer, x, y, pixel)
    _person(signer, picture, x, y, pixel)
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _over(picture, colour, distance, pixel) -> None:
    """Paint a shape over a picture ``(A, A, 3)``."""
    cover = np.clip(0.5 - distance / pixel, 0, 1)[..., None]
    picture += cover * (np.asarray(colour, np.float32) - picture)


def _ellipse(x, y, cx, cy, rx, ry):
    """About the distance to an ellipse."""
    return (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * min(rx, ry)


def _box(x, y, cx, cy, half_width, half_height, corner=0.0):
    dx, dy = np.abs(x - cx) - half_width + corner, np.abs(y - cy) - half_height + corner
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - corner


def _room(signer: Signer, x, y, pixel) -> np.ndarray:
    wall = np.array(signer.wall, np.float32)
    # Light from above on the left.
    light = 1.05 - 0.10 * (y + 0.3) - 0.06 * x
    picture = np.clip(wall * light[..., None], 0, 1).astype(np.float32)
    if signer.pattern == 1:
        frame = np.clip(wall * 1.12 + 0.03, 0, 1)
        _over(picture, wall * 0.86, _box(x, y, 0.36, 0.12, 0.155, 0.255), pixel)
        for dx in (-0.07, 0.07):
            pane = frame * (0.96, 1.0, 1.02)
            _over(picture, np.clip(pane, 0, 1), _box(x, y, 0.36 + dx, 0.12, 0.06, 0.235), pixel)
    elif signer.pattern == 2:
        for edge in np.arange(-0.65, 0.66, 0.26):
            _over(picture, wall * 0.90, np.abs(x - edge) - 0.006, pixel)
        _over(picture, wall * 0.82, np.abs(y - 0.72) - 0.012, pixel)
    return picture


def _person(signer: Signer, picture, x, y, pixel) -> None:
    skin, hair, clothes = (np.array(c) for c in (signer.skin, signer.hair, signer.clothes))
    size, wide = signer.head, signer.shoulders
    cy = HEAD_Y
    rx, ry = HEAD_WIDTH * size, HEAD_HEIGHT * size
    haircut = signer.haircut
    if haircut == "bob":  # behind the neck
        back = _box(x, y, 0, cy + 0.02 * size, rx + 0.03, ry + 0.03, 0.09)
        _over(picture, hair * 0.8, back, pixel)
    elif haircut == "bun":
        _over(picture, hair * 0.9, _ellipse(x, y, 0, cy - ry - 0.025, 0.05, 0.045), pixel)

    # Torso: it grows wider from the neck to the shoulders, and narrower to the waist.
    top = SHOULDER_Y - 0.035
    slope = top + 0.40 * np.maximum(np.abs(x) - 0.05, 0) ** 1.35
    waist = wide + 0.035 - 0.10 * np.clip(y - SHOULDER_Y - 0.05, 0, 0.35)
    torso = np.maximum((slope - y) * 0.9, (np.abs(x) - waist) * 0.97)
    round_off = _box(x, y, 0, top + 0.6, wide + 0.055, 0.6, 0.13)
    torso = np.maximum(torso, round_off)
    _over(picture, clothes * 0.45, torso - 0.010, pixel)
    shade = 0.80 + 0.26 * np.clip(-torso / 0.16, 0, 1)
    shaded = np.clip(clothes * shade[..., None], 0, 1).astype(np.float32)
    _over(picture, shaded, torso, pixel)

    neck = _box(x, y, 0, top - 0.02, 0.052 * size, 0.07)
    collar = _ellipse(x, y, 0, top - 0.002, 0.072, 0.048)
    _over(picture, clothes * 0.55, np.maximum(collar - 0.012, top - 0.03 - y), pixel)
    _over(picture, skin * 0.80, np.minimum(neck, collar), pixel)

    for ear in (-1, 1):
        _over(picture, skin * 0.82, _ellipse(x, y, ear * rx, cy + 0.015, 0.020, 0.034), pixel)
    face = _ellipse(x, y, 0, cy, rx, ry)
    face = np.minimum(face, _box(x, y, 0, cy + 0.35 * ry, 0.60 * rx, 0.62 * ry, 0.05))
    _over(picture, skin * 0.5, face - 0.008, pixel)
    shade = 0.86 + 0.16 * np.clip(-face / 0.07, 0, 1)
    _over(picture, np.clip(skin * shade[..., None], 0, 1).astype(np.float32), face, pixel)
    _features(signer, picture, x, y, pixel, skin, hair)

    cap = face - 0.016 * size
    line = {"short": 0.42, "bob": 0.34, "bun": 0.50, "shaved": 0.66}[haircut]
    edge = y - (cy - line * ry - 0.6 * (0.5 * rx**2 - x**2) / rx)
    fringe = np.maximum(cap, edge)
    if haircut == "bob":
        sides = np.maximum(_box(x, y, 0, cy, rx + 0.03, ry + 0.02, 0.08), 0.80 * rx - np.abs(x))
        sides = np.maximum(sides, y - cy - 0.8 * ry)
        fringe = np.minimum(fringe, sides)
    tint = hair if haircut != "shaved" else 0.55 * hair + 0.45 * skin
    _over(picture, tint, fringe, pixel)


def _features(signer: Signer, picture, x, y, pixel, skin, hair) -> None:
    """Eyes, brows, nose and mouth."""
    size, cy = signer.head, HEAD_Y
    brow = 0.6 * hair + 0.4 * skin * 0.5
    for eye in (-1, 1):
        ex, ey = eye * 0.040 * size, cy + 0.002
        _over(picture, (0.97, 0.97, 0.95), _ellipse(x, y, ex, ey, 0.0185, 0.0125), pixel)
        _over(picture, (0.12, 0.09, 0.08), _ellipse(x, y, ex, ey, 0.0105, 0.0115), pixel)
        arch = _box(x, y - 0.10 * np.abs(x - ex), ex, ey - 0.032, 0.024, 0.0055, 0.005)
        _over(picture, brow * 0.8, arch, pixel)
    _over(picture, skin * 0.76, _box(x, y, 0.0, cy + 0.038, 0.014, 0.005, 0.005), pixel)
    smile = y - (cy + 0.074 - 5.0 * x**2)
    lips = np.maximum(np.abs(smile) - 0.006, np.abs(x) - 0.034)
    _over(picture, skin * (0.66, 0.45, 0.45), lips, pixel)
