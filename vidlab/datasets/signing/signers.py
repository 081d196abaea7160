"""Signers: how somebody is built, looks, and signs. Signer number k is always the same person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidlab.datasets.limits import check_whole

Colour = tuple[float, float, float]

# Measured skin runs from porcelain to deep brown; hues stay between red and yellow.
SKIN_TONES = (
    (0.96, 0.82, 0.74),
    (0.91, 0.73, 0.60),
    (0.84, 0.64, 0.49),
    (0.74, 0.53, 0.38),
    (0.62, 0.42, 0.29),
    (0.49, 0.32, 0.22),
    (0.37, 0.24, 0.17),
    (0.27, 0.18, 0.14),
)
HAIR = (
    (0.10, 0.08, 0.08),
    (0.23, 0.14, 0.09),
    (0.42, 0.26, 0.14),
    (0.55, 0.25, 0.12),
    (0.83, 0.66, 0.36),
    (0.62, 0.61, 0.60),
)
CLOTHES = (
    (0.13, 0.18, 0.30),
    (0.10, 0.36, 0.38),
    (0.45, 0.13, 0.20),
    (0.28, 0.20, 0.42),
    (0.16, 0.16, 0.17),
    (0.22, 0.42, 0.66),
    (0.88, 0.88, 0.85),
    (0.93, 0.78, 0.36),
    (0.55, 0.74, 0.62),
    (0.62, 0.66, 0.74),
)
WALLS = (
    (0.86, 0.89, 0.91),
    (0.70, 0.78, 0.82),
    (0.80, 0.84, 0.74),
    (0.58, 0.66, 0.74),
    (0.48, 0.56, 0.54),
    (0.74, 0.70, 0.80),
    (0.38, 0.44, 0.52),
    (0.90, 0.87, 0.80),
)
HAIRCUTS = ("short", "bob", "bun", "shaved")


@dataclass(frozen=True)
class Signer:
    """One person in front of one camera. Lengths are shares of the picture's side.

    Attributes:
        number: which signer.
        shoulders: from the midline to a shoulder.
        arm: length of a stretched arm to the wrist.
        head: size of the head, 1 on average.
        hand: width of a hand.
        height: how much lower (y down) everything is than on average.
        speed: 1 on average; twice as fast is 2.
        amplitude: size of movements, 1 on average.
        outward, downward: habitual shift of every location.
        tilt: habitual turn of the hands, radians.
        skin, clothes, hair, wall: RGB in 0 .. 1.
        haircut: one of :data:`HAIRCUTS`.
        pattern: of the wall: 0 plain, 1 a window, 2 panels.
        zoom: of the camera, 1 on average.
        aside: how far the camera stands beside the middle.
    """

    number: int = -1
    shoulders: float = 0.175
    arm: float = 0.52
    head: float = 1.0
    hand: float = 0.12
    height: float = 0.0
    speed: float = 1.0
    amplitude: float = 1.0
    outward: float = 0.0
    downward: float = 0.0
    tilt: float = 0.0
    skin: Colour = SKIN_TONES[2]
    clothes: Colour = CLOTHES[0]
    hair: Colour = HAIR[1]
    wall: Colour = WALLS[0]
    haircut: str = "short"
    pattern: int = 0
    zoom: float = 1.0
    aside: float = 0.0


#: whom one sees when signers do not vary
AVERAGE = Signer()


def make_signer(number: int) -> Signer:
    """Signer ``number`` >= 0; eight in a row have eight different skin tones."""
    check_whole("signer number", number, 0)
    rng = np.random.default_rng([5_1_6, int(number)])
    # 3 and 8 have no common divisor: each run of 8 signers meets each tone once, in a mixed order.
    tone = np.array(SKIN_TONES[(3 * int(number) + 2) % len(SKIN_TONES)])
    skin = np.clip(tone * rng.uniform(0.96, 1.04), 0, 1)
    clothes = _unlike(CLOTHES, [skin], 0.30, rng)
    wall = _unlike(WALLS, [skin, clothes], 0.26, rng)
    hair = HAIR[rng.integers(2 if skin.mean() < 0.35 else len(HAIR))]
    return Signer(
        number=int(number),
        shoulders=rng.uniform(0.155, 0.195),
        arm=rng.uniform(0.49, 0.55),
        head=rng.uniform(0.92, 1.08),
        hand=rng.uniform(0.113, 0.127),
        height=rng.uniform(-0.008, 0.022),
        speed=rng.uniform(0.85, 1.2),
        amplitude=rng.uniform(0.85, 1.15),
        outward=rng.uniform(-0.015, 0.02),
        downward=rng.uniform(-0.015, 0.02),
        tilt=rng.uniform(-0.15, 0.15),
        skin=tuple(skin),
        clothes=clothes,
        hair=hair,
        wall=wall,
        haircut=HAIRCUTS[rng.integers(len(HAIRCUTS))],
        pattern=int(rng.integers(3)),
        zoom=rng.uniform(0.94, 1.03),
        aside=rng.uniform(-0.03, 0.03),
    )


def _unlike(palette, others, least: float, rng: np.random.Generator) -> Colour:
    """A random colour of a palette that differs from all others, or the one that differs most."""
    colours = np.array(palette)
    gap = np.min([np.linalg.norm(colours - other, axis=1) for other in others], 0)
    fit = np.flatnonzero(gap >= least)
    return palette[rng.choice(fit) if len(fit) else gap.argmax()]
