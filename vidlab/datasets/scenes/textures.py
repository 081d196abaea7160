"""Textures: colours as functions of place, for sprites and for backgrounds alike.

On a sprite ``(u, v)`` are the shape's own coordinates (the unit circle), so that a texture turns
and grows with it. On a background they run from -1 to 1 over the shorter side of the picture.
Colours are RGB triples in 0 .. 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vidlab.datasets.scenes.shapes import bilinear

Colour = tuple[float, float, float]

#: A palette whose colours stay apart for colour-blind readers (after Okabe and Ito), and neutrals.
RED, BLUE, GREEN = (0.84, 0.24, 0.16), (0.10, 0.45, 0.80), (0.05, 0.62, 0.45)
YELLOW, ORANGE, PURPLE = (0.95, 0.88, 0.25), (0.92, 0.60, 0.05), (0.70, 0.40, 0.70)
WHITE, GREY, BLACK = (0.95, 0.95, 0.95), (0.50, 0.50, 0.50), (0.08, 0.08, 0.08)
COLOUR_NAMES: dict[Colour, str] = {
    RED: "red",
    BLUE: "blue",
    GREEN: "green",
    YELLOW: "yellow",
    ORANGE: "orange",
    PURPLE: "purple",
    WHITE: "white",
    GREY: "grey",
    BLACK: "black",
}


@dataclass(frozen=True)
class Texture:
    """A coloured surface.

    Attributes:
        name: its adjectives in captions, such as "striped red".
        paint: ``(u, v) -> (..., 3)`` colours in 0 .. 1.
    """

    name: str
    paint: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _named(pattern: str, colour: Colour) -> str:
    return f"{pattern} {COLOUR_NAMES.get(tuple(colour), 'coloured')}".strip()


def _mix(share: np.ndarray, first: Colour, second: Colour) -> np.ndarray:
    """``first`` where share is 0, ``second`` where it is 1."""
    share = np.asarray(share, float)[..., None]
    return (1 - share) * np.asarray(first) + share * np.asarray(second)


def _along(u: np.ndarray, v: np.ndarray, angle: float) -> np.ndarray:
    return u * np.cos(angle) + v * np.sin(angle)


def plain(colour: Colour) -> Texture:
    """One colour."""
    return Texture(_named("", colour), lambda u, v: _mix(np.zeros_like(u), colour, colour))


def stripes(colour: Colour, other: Colour, period: float = 0.7, angle: float = 0.0) -> Texture:
    """Stripes of two colours; ``period`` in units, ``angle`` of their normal in radians."""
    _positive("stripes", "period", period)
    return Texture(
        _named("striped", colour),
        lambda u, v: _mix(_along(u, v, angle) / period % 1 >= 0.5, colour, other),
    )


def checker(colour: Colour, other: Colour, period: float = 0.8, angle: float = 0.0) -> Texture:
    """A checkerboard; two fields make a ``period``."""
    _positive("checker", "period", period)

    def paint(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        a, b = _along(u, v, angle), _along(u, v, angle + np.pi / 2)
        return _mix((np.floor(2 * a / period) + np.floor(2 * b / period)) % 2, colour, other)

    return Texture(_named("checkered", colour), paint)


def dots(colour: Colour, other: Colour, period: float = 0.6, angle: float = 0.0) -> Texture:
    """Round dots of the other colour on a square grid."""
    _positive("dots", "period", period)

    def paint(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        a, b = (_along(u, v, angle + turn) / period % 1 - 0.5 for turn in (0, np.pi / 2))
        return _mix(np.hypot(a, b) < 0.3, colour, other)

    return Texture(_named("dotted", colour), paint)


def halves(colour: Colour, other: Colour, angle: float = 0.0) -> Texture:
    """Two halves: the plainest texture that shows which way a sprite is turned."""
    return Texture(
        _named("two-tone", colour), lambda u, v: _mix(_along(u, v, angle) > 0, colour, other)
    )


def gradient(colour: Colour, other: Colour, angle: float = 0.0) -> Texture:
    """A smooth change from one colour at -1 to the other at 1."""
    return Texture(
        _named("shaded", colour),
        lambda u, v: _mix((_along(u, v, angle) / 2 + 0.5).clip(0, 1), colour, other),
    )


def clouds(colour: Colour, other: Colour, *, seed: int, cell: float = 0.5) -> Texture:
    """Smooth random noise between two colours, in blobs of about ``cell`` units."""
    _positive("clouds", "cell", cell)
    side = int(np.ceil(6 / cell)) + 3
    lattice = np.random.default_rng(seed).random((side, side, 1))

    def paint(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        value = bilinear(lattice, (u + 3) / cell + 1, (v + 3) / cell + 1)[..., 0]
        return _mix(value * value * (3 - 2 * value), colour, other)

    return Texture(_named("cloudy", colour), paint)


def photo(picture: np.ndarray, name: str) -> Texture:
    """A picture ``(H, W, 3)``, uint8 or float 0 .. 1; its longer side spans a silhouette's square.

    Beyond its border the last row or column of colours continues.
    """
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < 2:
        raise ValueError(f"picture {name!r} has shape {picture.shape}; expected (H, W, 3)")
    image = picture / 255 if picture.dtype == np.uint8 else picture.astype(float)
    scale = max(image.shape[:2]) / np.sqrt(2)
    middle = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
    return Texture(name, lambda u, v: bilinear(image, u * scale + middle[0], v * scale + middle[1]))


def _positive(texture: str, what: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{what} of {texture} is {value}; allowed: more than 0")
