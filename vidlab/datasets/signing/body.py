"""The body: where locations are on a signer, and where elbows go when hands are somewhere.

Lengths are shares of the picture's side before the camera: x from 0 (left) to 1, y from 0 (top)
to 1. The signer faces us, so the *right* hand is on the left of the picture. Arrays of both hands
have the right one first.
"""

from __future__ import annotations

import numpy as np

from vidlab.datasets.signing.hands import WRIST, in_the_picture
from vidlab.datasets.signing.signers import AVERAGE, Signer

MIDDLE = 0.5
HEAD_Y, HEAD_WIDTH, HEAD_HEIGHT = 0.260, 0.098, 0.128
SHOULDER_Y = 0.490
DEPTH = 0.16  # how far hands are before the shoulders, towards us
MIRRORED = np.array([[-1.0, 1.0], [1.0, 1.0]])  # outward x of the right and left hand, in pictures

# (outward from the midline, y) of a hand that signs alone, on the average signer
_ALONE = {
    "brow": (0.155, 0.225),
    "chin": (0.040, 0.425),
    "shoulder": (0.205, 0.475),
    "chest": (0.050, 0.615),
    "belly": (0.085, 0.815),
    "side": (0.335, 0.620),
}
APART = 0.160  # two hands are at least so far from the midline
RESTING = (0.135, 0.955)
BASE_BELOW = 0.085  # the base hand is so much lower than the hand that comes down on it

BODY_JOINTS = ("head", "neck")
ARM_JOINTS = ("shoulder", "elbow", "wrist", "hand", "thumb", "index", "middle", "ring", "little")
#: names of all joints: the head, the neck, and nine of each side, the signer's right side first
JOINTS = (*BODY_JOINTS, *(f"{side} {name}" for side in ("right", "left") for name in ARM_JOINTS))

_ARM_BONES = ((0, 1), (1, 2), (2, 3), *((3, tip) for tip in range(4, 9)))
#: pairs of joints (indices) that a line joins in a drawing
BONES = (
    (0, 1),
    *((1, 2 + 9 * side) for side in (0, 1)),
    *((2 + 9 * side + a, 2 + 9 * side + b) for side in (0, 1) for a, b in _ARM_BONES),
)


def location(signer: Signer, name: str, hands: str = "one") -> np.ndarray:
    """``(2,)`` where the right hand of a signer is for a location of the lexicon: (outward, y)."""
    out, y = _ALONE[name]
    if hands in ("mirror", "alternate"):
        out = max(out, APART)
    scale = signer.shoulders / AVERAGE.shoulders
    if name in ("brow", "chin"):
        scale = signer.head
        y = HEAD_Y + (y - HEAD_Y) * signer.head
    return np.array([out * scale + signer.outward, y + signer.height + signer.downward])


def resting(signer: Signer) -> np.ndarray:
    """``(2,)`` (outward, y) of hands at rest."""
    out, y = RESTING
    return np.array([out * signer.shoulders / AVERAGE.shoulders, y + signer.height])


def shoulders(signer: Signer) -> np.ndarray:
    """``(2, 2)`` right and left shoulder."""
    y = SHOULDER_Y + 0.02 + signer.height
    return np.array([[MIDDLE - signer.shoulders, y], [MIDDLE + signer.shoulders, y]])


def elbows(shoulder: np.ndarray, wrist: np.ndarray, arm: float, outward: float) -> np.ndarray:
    """``(T, 2)`` elbows of one arm: inverse kinematics in space, seen from the front.

    The wrists are :data:`DEPTH` before the shoulder. Two bones of equal length reach them; of all
    elbows that fit, the one farthest down and outward is taken, as gravity does. Arms that would
    be too short get longer: nobody sees it, and the hand stays where it must be.

    Args:
        shoulder: ``(2,)``.
        wrist: ``(T, 2)``.
        arm: length of the stretched arm.
        outward: -1 for the right arm, +1 for the left.
    """
    way = np.concatenate((wrist - shoulder, np.full((len(wrist), 1), DEPTH)), 1)
    reach = np.linalg.norm(way, axis=1, keepdims=True)
    along = way / reach
    pole = np.array([0.75 * outward, 0.65, -0.1])
    aside = pole - (along @ pole)[:, None] * along
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    bone = np.maximum(arm / 2, 0.505 * reach)
    height = np.sqrt(bone**2 - (reach / 2) ** 2)
    return shoulder + (way / 2 + height * aside)[:, :2]


def skeleton(
    signer: Signer, centre: np.ndarray, turn: np.ndarray, side: np.ndarray, fingers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All joints of a signer whose hands are given.

    Args:
        centre: ``(T, 2 hands, 2)`` palms.
        turn: ``(T, 2)`` of the hands in the picture, clockwise radians.
        side: ``(T, 2)`` on which side of the picture the thumb is for fingers that point up.
        fingers: ``(T, 2, 5, 3, 2)`` in hand coordinates.

    Returns:
        Joints ``(T, J, 2)`` in the order of :data:`JOINTS`, and fingers ``(T, 2, 5, 3, 2)`` in the
        picture.
    """
    frames = len(centre)
    head = np.array([[MIDDLE, HEAD_Y + signer.height], [MIDDLE, SHOULDER_Y - 0.06 + signer.height]])
    joints = [np.broadcast_to(head, (frames, 2, 2))]
    seen = []
    for hand, outward in enumerate((-1.0, 1.0)):
        frame = (centre[:, hand], turn[:, hand], side[:, hand], signer.hand)
        wrist = in_the_picture(np.broadcast_to(WRIST, (frames, 2)), *frame)
        shoulder = shoulders(signer)[hand]
        elbow = elbows(shoulder, wrist, signer.arm, outward)
        seen.append(in_the_picture(fingers[:, hand], *frame))
        one = np.stack((np.broadcast_to(shoulder, (frames, 2)), elbow, wrist, centre[:, hand]), 1)
        joints += [one, seen[-1][:, :, 2]]
    return np.concatenate(joints, 1), np.stack(seen, 1)
