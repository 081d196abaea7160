"""Filming: a signer signs a sentence before a camera, and everything about it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.limits import check_whole
from vidlab.datasets.signing import body
from vidlab.datasets.signing.config import SigningConfig
from vidlab.datasets.signing.hands import FINGER_POINTS, SIDES, TURNS
from vidlab.datasets.signing.lexicon import ORIENTATIONS, SHAPES, Gloss
from vidlab.datasets.signing.movement import to_picture, track
from vidlab.datasets.signing.paint import paint_frames
from vidlab.datasets.signing.signers import AVERAGE, Signer, make_signer
from vidlab.datasets.signing.stage import paint_stage

DICE_DEVIATION = ((256**2 - 1) / 6) ** 0.5  # of the sum of two dice with sides 0 .. 255


@dataclass(frozen=True)
class SignedSentence:
    """A film of one sentence and its truth. U glosses, T frames.

    Attributes:
        frames: ``(T, 3, H, W)`` uint8.
        glosses: ``(U,)`` names.
        targets: ``(U,)`` int64 class of each gloss, from 1.
        truth: ``(T,)`` int64 class of each frame, 0 at rest and between glosses.
        segments: ``(U, 2)`` int64 first frame of each gloss, and the one after its last.
        joints: ``(T, J, 2)`` float64 x, y in pixels in the order of ``JOINTS``. The picture's left
            upper corner is (0, 0), its right lower one (W, H); joints may be outside.
        shapes: ``(T, 2)`` int64 hand shape (index into ``SHAPES``) of the signer's right and left
            hand, -1 while it changes.
        signer: number of the signer; -1 for the average one.
        fps: frames a second.
    """

    frames: Tensor
    glosses: tuple[str, ...]
    targets: Tensor
    truth: Tensor
    segments: np.ndarray
    joints: np.ndarray
    shapes: np.ndarray
    signer: int
    fps: float

    @property
    def middles(self) -> np.ndarray:
        """``(U,)`` the frame in the middle of each gloss."""
        return (self.segments.sum(1) - 1) // 2


@dataclass(frozen=True)
class Poses:
    """Single pictures of random poses, and what the hands do in them.

    Attributes:
        frames: ``(N, 3, H, W)`` float32 in 0 .. 1.
        right_shape, left_shape: ``(N,)`` int64 index into ``SHAPES``.
        right_place, left_place: ``(N, 2)`` float32 x, y of the palms in shares of the picture.
        signers: ``(N,)`` int64.
    """

    frames: Tensor
    right_shape: Tensor
    right_place: Tensor
    left_shape: Tensor
    left_place: Tensor
    signers: Tensor


def cast(config: SigningConfig, number: int) -> Signer:
    """Signer ``number``, or the average one if signers do not vary."""
    return make_signer(number) if config.vary_signers else AVERAGE


def film(
    glosses: Sequence[Gloss],
    classes: Sequence[int],
    signer: Signer,
    config: SigningConfig,
    *,
    seed: Sequence[int],
    stage: Tensor | None = None,
) -> SignedSentence:
    """Film a sentence.

    Args:
        glosses: what is signed, one or more.
        classes: the class of each gloss.
        seed: numbers that decide how it is signed this time, and the noise.
        stage: what :func:`~vidlab.datasets.signing.stage.paint_stage` painted for this signer and
            size, if it is at hand.
    """
    rng = np.random.default_rng([*seed, 1])
    hands = track(glosses, signer, config.fps, rng)
    frames = len(hands.centre)
    camera = _camera(signer, frames, config, rng)
    if stage is None:
        stage = paint_stage(signer, config.size)
    pictures, joints = paint_frames(signer, stage, hands, camera, config.size)
    truth = torch.zeros(frames, dtype=torch.int64)
    for (start, end), label in zip(hands.segments, classes, strict=True):
        truth[start:end] = int(label)
    return SignedSentence(
        _exposed(pictures, config.noise, int(rng.integers(1 << 62))),
        tuple(gloss.name for gloss in glosses),
        torch.tensor(classes, dtype=torch.int64),
        truth,
        hands.segments,
        joints,
        hands.shapes,
        signer.number,
        config.fps,
    )


def _camera(signer: Signer, frames: int, config: SigningConfig, rng) -> np.ndarray:
    """``(T, 3)`` zoom, shift right, shift down; it stands differently every time, and sways."""
    time = np.arange(frames) / config.fps
    if not config.vary_signers:
        return np.tile((1.0, 0.0, 0.0), (frames, 1))
    zoom = signer.zoom * rng.uniform(0.98, 1.02)
    centre = np.array((signer.aside, 0.0)) + rng.uniform(-0.012, 0.012, 2)
    turns, phases = rng.uniform(0.15, 0.4, 2), rng.uniform(0, 2 * np.pi, 2)
    sway = 0.006 * np.sin(2 * np.pi * time[:, None] * turns + phases)
    return np.concatenate((np.full((frames, 1), zoom), centre + sway), 1)


def _exposed(pictures: Tensor, noise: float, seed: int) -> Tensor:
    """Pictures in 0 .. 1 with the sensor's noise, as uint8."""
    if noise:
        # The sum of two dice of 256 sides: nearly as round as a Gaussian, in a third of its time.
        dice = np.random.default_rng(seed).bytes(2 * pictures.numel())
        dice = torch.frombuffer(bytearray(dice), dtype=torch.uint8).view(2, *pictures.shape)
        grain = dice[0].to(torch.float32).add_(dice[1]).sub_(255)
        pictures.add_(grain, alpha=noise / DICE_DEVIATION)
    return pictures.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def poses(
    config: SigningConfig | None = None,
    count: int = 1000,
    *,
    seed: int = 0,
    signers: Sequence[int] = range(8),
) -> Poses:
    """Pictures of random poses: any hand shape anywhere, for training a frame network beforehand.

    Hands are where sentences could bring them, shapes and orientations are independent of places;
    in two of five pictures the left hand rests (shape "flat"). Picture k depends on the seed, k and
    the signers only.

    Raises:
        ValueError: count or seed out of range, or no signers.
    """
    config = config or SigningConfig()
    people = check_signers(signers)
    check_whole("count", count, 1)
    check_whole("seed", seed, 0)
    side = config.size
    frames = torch.empty(count, 3, side, side)
    shapes, places = np.empty((count, 2), np.int64), np.empty((count, 2, 2), np.float32)
    who = np.array(people)[np.arange(count) % len(people)]
    for number in people:
        mine = np.flatnonzero(who == number)
        if not len(mine):
            continue
        signer = cast(config, number)
        drawn = [_pose(signer, config, np.random.default_rng([seed, 7, int(k)])) for k in mine]
        place, turn, thumb, fingers, shape, camera = map(np.array, zip(*drawn, strict=True))
        hands = to_picture(place, turn, thumb, fingers, shape, np.empty((0, 2), int))
        pictures, joints = paint_frames(signer, paint_stage(signer, side), hands, camera, side)
        for k, picture in zip(mine, pictures, strict=True):
            grain = np.random.default_rng([seed, 8, int(k)]).integers(1 << 62)
            frames[k] = _exposed(picture, config.noise, int(grain)).float().div_(255)
        shapes[mine] = shape
        palms = [body.JOINTS.index(f"{name} hand") for name in ("right", "left")]
        places[mine] = joints[:, palms] / side
    return Poses(
        frames,
        torch.from_numpy(shapes[:, 0].copy()),
        torch.from_numpy(places[:, 0].copy()),
        torch.from_numpy(shapes[:, 1].copy()),
        torch.from_numpy(places[:, 1].copy()),
        torch.from_numpy(who.astype(np.int64)),
    )


def _pose(signer: Signer, config: SigningConfig, rng: np.random.Generator) -> tuple:
    """Place, turn, side, fingers, shape of both hands, and the camera, of one random pose."""
    shape = rng.integers(len(SHAPES), size=2)
    places = np.stack((rng.uniform(-0.08, 0.38, 2), rng.uniform(0.10, 0.92, 2)), -1)
    ways = [ORIENTATIONS[k] for k in rng.integers(len(ORIENTATIONS), size=2)]
    turn = np.array([TURNS[way] for way in ways]) + signer.tilt + rng.normal(0, 0.12, 2)
    side = np.array([SIDES[way] for way in ways])
    if rng.random() < 0.4:
        places[1] = body.resting(signer)
        shape[1] = SHAPES.index("flat")
        turn[1], side[1] = np.radians(168.0), -1.0
    camera = _camera(signer, 1, config, rng)[0]
    return places, turn, side, FINGER_POINTS[shape], shape, camera


def check_signers(signers: Sequence[int]) -> tuple[int, ...]:
    """Signer numbers as a tuple.

    Raises:
        ValueError: none, a number that is no whole number from 0, or one twice.
    """
    try:
        people = tuple(signers)
    except TypeError:
        raise ValueError(
            f"signers is {signers!r}; allowed: several whole numbers, as range(0, 6)"
        ) from None
    if not people:
        raise ValueError("signers is empty; a data set needs one signer or more, as range(0, 6)")
    for number in people:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise ValueError(f"signer {number!r} is not a whole number from 0")
    if len(set(people)) < len(people):
        raise ValueError(f"signers {people} name somebody twice")
    return tuple(int(number) for number in people)
