"""Grey textured blobs on grey backgrounds, many clips at once: the painter of the gesture clips.

A blob's outline is ``r(θ) = 1 + a₂ cos 2(θ - φ₂) + a₃ cos 3(θ - φ₃)``, scaled into the unit circle:
lumpy, and in no way symmetric. One half of it is bright, the other dark, so it shows at once how it
is turned. Everything is a formula of the place, evaluated for all pixels of all frames in one go.

Lengths are shares of the picture's side, angles radians, clockwise as seen (y points down), as in
``vidlab.datasets.scenes``. Mirror images are as likely as the originals, left-right and top-bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidlab.datasets.scenes.motion import Pose

DRAWN = 8  # random numbers that a blob's looks take
LUMPS = (0.22, 0.16)  # a₂ and a₃ at most
HILLS = 4  # waves that a background is the sum of
HILLS_DRAWN = 4 * HILLS + 2  # random numbers that a background takes


@dataclass(frozen=True)
class Blobs:
    """Looks of N blobs, each field ``(N,)`` float32.

    Attributes:
        lump2, lump3: a₂ and a₃.
        phase2, phase3: φ₂ and φ₃ in radians.
        split: direction of the bright half in radians.
        bright, dark: brightness of the two halves, 0 .. 1.
    """

    lump2: np.ndarray
    lump3: np.ndarray
    phase2: np.ndarray
    phase3: np.ndarray
    split: np.ndarray
    bright: np.ndarray
    dark: np.ndarray


def draw_numbers(
    config, seed: int, indices: Sequence[int], counts: Sequence[int]
) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Random numbers of clips, from ``seed`` and each clip's index alone.

    Args:
        config: of clips; its ``frames``, ``size`` and ``noise`` are used.
        seed: of the data set.
        indices: N clips.
        counts: how many uniform numbers each part of a clip takes.

    Returns:
        numbers in 0 .. 1, ``(N, count)`` for each count, and noise ``(N, T, H, W)`` float32 of
        standard deviation ``config.noise``; None where that is 0.
    """
    shape = (config.frames, config.size, config.size)
    rows = np.empty((len(indices), sum(counts)))
    grain = np.empty((len(indices), *shape), np.float32) if config.noise else None
    for place, index in enumerate(indices):
        rng = np.random.default_rng([seed, 1, index])
        rows[place] = rng.random(sum(counts))
        if grain is not None:
            rng.standard_normal(out=grain[place], dtype=np.float32)
    if grain is not None:
        grain *= config.noise
    return np.split(rows, np.cumsum(counts)[:-1], axis=1), grain


def draw_blobs(numbers: np.ndarray) -> Blobs:
    """Looks from uniform random numbers ``(N, DRAWN)`` in 0 .. 1."""
    u = numbers.T
    return Blobs(
        lump2=LUMPS[0] * (0.5 + u[0] / 2),
        lump3=LUMPS[1] * (0.5 + u[1] / 2),
        phase2=2 * np.pi * u[2],
        phase3=2 * np.pi * u[3],
        split=2 * np.pi * u[4],
        bright=0.78 + 0.2 * u[5],
        dark=0.02 + 0.16 * u[6],
    )


def pixel_lines(size: int) -> np.ndarray:
    """``(size,)`` centres of the pixels along a side, in 0 .. 1."""
    return ((np.arange(size) + 0.5) / size).astype(np.float32)


def paint_hills(numbers: np.ndarray, size: int) -> np.ndarray:
    """``(N, H, W)`` smooth backgrounds of middle brightness.

    Args:
        numbers: ``(N, HILLS_DRAWN)`` uniform random numbers in 0 .. 1: direction, wave length,
            phase and height of each wave, then mean and contrast.
        size: H = W, pixels.
    """
    turn, length, phase, height = numbers[:, : 4 * HILLS].reshape(-1, HILLS, 4).transpose(2, 0, 1)
    rate = 2 * np.pi * (0.7 + 1.8 * length)  # radians a picture
    line = pixel_lines(size)
    kx, ky = rate * np.cos(2 * np.pi * turn), rate * np.sin(2 * np.pi * turn)
    start = 2 * np.pi * phase
    # A wave of x and y is a product of waves of x and of y: sin(a + b) = sin a cos b + cos a sin b.
    ax = kx[..., None] * (line - 0.5) + start[..., None]
    ay = ky[..., None] * (line - 0.5)
    height = height[..., None]
    waves = np.einsum("nky,nkx->nyx", np.cos(ay), height * np.sin(ax))
    waves += np.einsum("nky,nkx->nyx", np.sin(ay), height * np.cos(ax))
    mean, contrast = 0.38 + 0.2 * numbers[:, -2], 0.03 + 0.05 * numbers[:, -1]
    return (mean[:, None, None] + contrast[:, None, None] * waves).astype(np.float32)


def blob_frames(blobs: Blobs, poses: Pose, size: int) -> tuple[Tensor, Tensor]:
    """Brightness and coverage of blobs, both ``(N, T, H, W)`` float32 in 0 .. 1.

    Args:
        blobs: looks of N blobs.
        poses: where they are, fields ``(N, T)``, radius above 0.
        size: H = W, pixels.
    """
    line = torch.from_numpy(pixel_lines(size))
    radius = _tensor(poses.radius)[..., None, None]
    x = (line - _tensor(poses.x)[..., None, None]) / radius
    y = (line[:, None] - _tensor(poses.y)[..., None, None]) / radius
    cos, sin = (_tensor(f(poses.angle))[..., None, None] for f in (np.cos, np.sin))
    u, v = cos * x + sin * y, cos * y - sin * x  # (N, T, H, W), the blob's own coordinates
    far = torch.hypot(u, v)
    # Cosines and sines of 2θ and 3θ by the angle sums: much faster than arc tangents.
    c1, s1 = u / far.clamp_min(1e-6), v / far.clamp_min(1e-6)
    c2, s2 = c1 * c1 - s1 * s1, 2 * c1 * s1
    c3, s3 = c1 * c2 - s1 * s2, s1 * c2 + c1 * s2
    outline = 1 + _wave(blobs.lump2, 2 * blobs.phase2, c2, s2)
    outline = outline + _wave(blobs.lump3, 3 * blobs.phase3, c3, s3)
    scale = _column(1 + blobs.lump2 + blobs.lump3)
    pixels = radius * size
    cover = ((outline / scale - far) * pixels).add_(0.5).clamp_(0, 1)
    split = u * _column(np.cos(blobs.split)) + v * _column(np.sin(blobs.split))
    share = (split * pixels).add_(0.5).clamp_(0, 1)
    return torch.lerp(_column(blobs.dark), _column(blobs.bright), share), cover


def grey_frames(image: Tensor, grain: np.ndarray | None) -> Tensor:
    """Brightness ``(N, T, H, W)`` in 0 .. 1, with noise added, as frames ``(N, T, 3, H, W)`` uint8.

    The three colours are equal: a grey clip in the form of every other.
    """
    if grain is not None:
        image = image + torch.from_numpy(grain)
    grey = image.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return grey[:, :, None].expand(-1, -1, 3, -1, -1)


def _wave(height: np.ndarray, phase: np.ndarray, cos: Tensor, sin: Tensor) -> Tensor:
    """``height · cos(angle - phase)`` of the angle with these cosines and sines."""
    return cos * _column(height * np.cos(phase)) + sin * _column(height * np.sin(phase))


def _column(values: np.ndarray) -> Tensor:
    return _tensor(values)[:, None, None, None]


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
