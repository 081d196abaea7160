"""Hands: a palm and five fingers of two bones each, in the hand's own coordinates.

The unit is about the width of the hand. The palm's centre is (0, 0), the wrist below at (0, 0.6),
straight fingers point up (y down, as in pictures), and the thumb is on the side of positive x.
"""

from __future__ import annotations

import numpy as np

from vidlab.datasets.signing.lexicon import ORIENTATIONS, SHAPES

FINGERS = ("thumb", "index", "middle", "ring", "little")
WRIST = np.array([0.0, 0.60])
PALM = np.array([[0.0, -0.12], [0.0, 0.22]])  #: the two ends of the palm's capsule
PALM_RADIUS = 0.46
RADII = np.array([0.155, 0.145, 0.15, 0.145, 0.13])
KNUCKLES = np.array([[0.34, 0.12], [0.33, -0.38], [0.11, -0.45], [-0.12, -0.42], [-0.34, -0.32]])
LENGTHS = np.array([0.85, 1.05, 1.15, 1.05, 0.80])

# Degrees from straight up towards the thumb's side.
_TOGETHER = np.array([32.0, 3.0, 1.0, -1.0, -3.0])
_APART = np.array([72.0, 27.0, 6.0, -14.0, -37.0])
_V = np.array([72.0, 19.0, -16.0, -14.0, -37.0])
_STRETCHED = {
    "fist": (),
    "flat": (0, 1, 2, 3, 4),
    "spread": (0, 1, 2, 3, 4),
    "point": (1,),
    "vee": (1, 2),
    "horns": (0, 4),
}
_ANGLES = {"flat": _TOGETHER, "spread": _APART, "vee": _V, "point": _TOGETHER, "horns": _APART}

#: clockwise turn of the right hand as seen, in radians, and on which side the thumb appears:
#: +1 (as in ``KNUCKLES``, the palm is seen) .. -1 (the back of the hand is seen)
TURNS = dict(zip(ORIENTATIONS, np.radians([0.0, 90.0, 180.0]), strict=True))
SIDES = dict(zip(ORIENTATIONS, (1.0, -1.0, -1.0), strict=True))


def finger_points(shape: str) -> np.ndarray:
    """``(5, 3, 2)`` knuckle, middle joint and tip of each finger of a hand shape."""
    if shape == "ring":
        points = finger_points("fist")
        points[0] = (0.30, 0.05), (0.92, -0.30), (0.88, -0.92)
        points[1] = (0.20, -0.40), (0.12, -0.98), (0.70, -1.20)
        return points
    angle = np.radians(_ANGLES.get(shape, _TOGETHER))
    way = np.stack((np.sin(angle), -np.cos(angle)), -1)
    points = np.stack((KNUCKLES, KNUCKLES, KNUCKLES), 1)
    for finger in range(5):
        if finger in _STRETCHED[shape]:
            points[finger, 1] += 0.5 * LENGTHS[finger] * way[finger]
            points[finger, 2] += LENGTHS[finger] * way[finger]
        elif finger == 0:  # across the folded fingers
            points[finger, 1:] = (0.40, -0.18), (0.08, -0.16)
        else:
            points[finger, 1] += (0.0, -0.12)
            points[finger, 2] += (0.0, 0.18)
    return points


#: ``(shapes, 5, 3, 2)`` finger points of all :data:`SHAPES`
FINGER_POINTS = np.stack([finger_points(shape) for shape in SHAPES])


def in_the_picture(
    local: np.ndarray, centre: np.ndarray, turn: np.ndarray, side: np.ndarray, size: float
) -> np.ndarray:
    """Points ``(T, ..., 2)`` of hands at their places in the picture.

    Args:
        local: hand coordinates.
        centre: ``(T, 2)`` the palm's centre.
        turn: ``(T,)`` clockwise, radians.
        side: ``(T,)`` where the thumb is, 1 .. -1; a left hand's is the negative of a right one's.
        size: length of the hand's unit.
    """
    extra = (1,) * (local.ndim - 2)
    x = local[..., 0] * side.reshape(-1, *extra)
    y = local[..., 1]
    cos, sin = np.cos(turn).reshape(-1, *extra), np.sin(turn).reshape(-1, *extra)
    turned = np.stack((cos * x - sin * y, sin * x + cos * y), -1)
    return centre.reshape(-1, *extra, 2) + size * turned
