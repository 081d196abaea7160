"""Shapes of sprites: signed distances to an outline, so that edges are smooth at every size.

A shape lives in its own coordinates ``(u, v)``: the origin is its centre, v points down, and the
outline lies within the unit circle. ``distance(u, v)`` is positive inside and negative outside, in
units of that circle's radius; a renderer turns it into coverage, ``clip(distance in pixels + ½)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """An outline.

    Attributes:
        name: its noun in captions.
        distance: signed distance at ``(u, v)``, arrays of one shape.
    """

    name: str
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]


def disc() -> Shape:
    """The unit disc."""
    return Shape("disc", lambda u, v: 1 - np.hypot(u, v))


def ring(width: float = 0.45) -> Shape:
    """A disc with a hole; ``width`` of the band in radii, 0.05 .. 0.95."""
    if not 0.05 <= width <= 0.95:
        raise ValueError(f"a ring's width is {width}; allowed: 0.05 .. 0.95 radii")
    middle = 1 - width / 2
    return Shape("ring", lambda u, v: width / 2 - np.abs(np.hypot(u, v) - middle))


def polygon(sides: int) -> Shape:
    """A regular polygon with a corner on top; ``sides`` 3 .. 12."""
    if not 3 <= sides <= 12:
        raise ValueError(f"a polygon has {sides} sides; allowed: 3 .. 12")
    names = {3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon", 8: "octagon"}
    turn = 2 * np.pi * np.arange(sides) / sides - np.pi / 2
    return outline(np.stack((np.cos(turn), np.sin(turn)), 1), names.get(sides, f"{sides}-gon"))


def star(points: int = 5, inner: float = 0.45) -> Shape:
    """A star with a point on top; ``points`` 3 .. 12, notches at radius ``inner`` 0.2 .. 0.9."""
    if not (3 <= points <= 12 and 0.2 <= inner <= 0.9):
        raise ValueError(
            f"a star of {points} points and inner radius {inner}; "
            "allowed: 3 .. 12 points, radius 0.2 .. 0.9"
        )
    turn = np.pi * np.arange(2 * points) / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return outline(radius[:, None] * np.stack((np.cos(turn), np.sin(turn)), 1), "star")


def heart() -> Shape:
    """A heart: the one shape here with a clear up and down."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    u = np.sin(t) ** 3
    v = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return outline(0.9 * np.stack((u, v), 1), "heart")


def outline(corners: np.ndarray, name: str) -> Shape:
    """A closed polygon, convex or not, with ``corners`` ``(K, 2)`` in the unit circle, K >= 3."""
    corners = np.asarray(corners, float)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(f"corners of {name!r} have shape {corners.shape}; expected (K >= 3, 2)")

    def distance(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        start, step = corners, np.roll(corners, -1, 0) - corners
        du, dv = u[..., None] - start[:, 0], v[..., None] - start[:, 1]
        along = (du * step[:, 0] + dv * step[:, 1]) / (step**2).sum(1)
        along = along.clip(0, 1)
        gap = np.hypot(du - along * step[:, 0], dv - along * step[:, 1]).min(-1)
        # Even-odd rule: a point is inside if a ray to the right meets the outline an odd number
        # of times.
        crosses = (dv < 0) != (dv < step[:, 1])
        right = du * step[:, 1] < step[:, 0] * dv
        met = crosses & (right == (step[:, 1] > 0))
        return np.where(met.sum(-1) % 2 == 1, gap, -gap)

    return Shape(name, distance)


def silhouette(alpha: np.ndarray, name: str) -> Shape:
    """The outline of a picture, such as a handwritten digit: where ``alpha`` crosses one half.

    Args:
        alpha: ``(H, W)`` opacity, uint8 0 .. 255 or float 0 .. 1; its longer side spans the unit
            circle's inscribed square.
        name: its noun in captions.
    """
    alpha = np.asarray(alpha)
    if alpha.ndim != 2 or min(alpha.shape) < 2:
        raise ValueError(
            f"alpha of {name!r} has shape {alpha.shape}; expected (H, W), at least 2x2"
        )
    field = np.pad(alpha / 255 if alpha.dtype == np.uint8 else alpha.astype(float), 1) - 0.5
    points = _crossings(field)
    if not len(points):
        raise ValueError(f"alpha of {name!r} never crosses one half; it has no outline")
    scale = max(alpha.shape) / np.sqrt(2)  # texels a unit
    centre = (np.array(field.shape) - 1) / 2

    def distance(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        column, row = u * scale + centre[1], v * scale + centre[0]
        where = np.stack((column, row), -1)[..., None, :]
        gap = np.sqrt(((where - points) ** 2).sum(-1).min(-1)) / scale
        return np.where(bilinear(field[..., None], column, row)[..., 0] > 0, gap, -gap)

    return Shape(name, distance)


def _crossings(field: np.ndarray) -> np.ndarray:
    """``(K, 2)`` points (column, row) where a field changes sign between neighbouring texels."""
    points = []
    for axis in (0, 1):
        here = field[:-1] if axis == 0 else field[:, :-1]
        there = field[1:] if axis == 0 else field[:, 1:]
        row, column = np.nonzero((here > 0) != (there > 0))
        share = here[row, column] / (here[row, column] - there[row, column])
        points.append(np.stack((column + share * axis, row + share * (1 - axis)), 1))
    return np.concatenate(points)


def bilinear(image: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Values of ``image`` ``(H, W, C)`` between its texels; its border continues for ever."""
    height, width = image.shape[:2]
    column, row = column.clip(0, width - 1), row.clip(0, height - 1)
    left, top = np.minimum(column.astype(int), width - 2), np.minimum(row.astype(int), height - 2)
    fx, fy = (column - left)[..., None], (row - top)[..., None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy
