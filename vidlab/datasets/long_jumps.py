"""Long jumps: a bright disc leaps farther than small kernels see, among dark squares that flicker.

In the first half of a clip's frames (one of two, by default) the disc lies at one place, in the
second half 8 to 11 pixels (of 32) farther left, right, up or down. Dark squares lie elsewhere in
each frame: they are what a network finds if it looks for change alone.

The first place is random such that both places are within the picture, and every frame of ``left``
could be one of ``right``: a clip of ``left`` is a clip of ``right`` turned round in time, ``up`` is
``down``. A model that ignores the order of frames is therefore right on at most half of the clips
in expectation (the proof is in ``vidlab.datasets.gestures``).

The controls are those of the gestures: ``shuffled``, ``reversed``, ``still``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.blobs import grey_frames, pixel_lines
from vidlab.datasets.clip_controls import (
    FrameStore,
    balanced_labels,
    check_arguments,
    control_order,
    in_order,
)
from vidlab.datasets.clips import ClipSample
from vidlab.datasets.gesture_laws import pairs_of
from vidlab.datasets.limits import check_pair, check_range, check_whole

CLASSES = ("left", "right", "up", "down")
CHUNK = 64  # clips painted at once
PIECE = 0.25  # a cell shows the disc if the disc covers this share of it


@dataclass(frozen=True)
class LongJumpsConfig:
    """What the clips are like. Lengths are shares of the picture's side.

    Attributes:
        frames: T, an even number in 2 .. 64.
        size: height and width in pixels, 16 .. 512.
        jump: shortest and longest jump, 0 .. 0.7.
        radius: smallest and largest radius of the disc, 0.03 .. 0.2.
        squares: how many dark squares there are in each frame, 0 .. 32.
        side: smallest and largest side of a square, 0.03 .. 0.4.
        noise: standard deviation of the pixels' noise, 0 .. 1.
    """

    frames: int = 2
    size: int = 32
    jump: tuple[float, float] = (0.25, 0.34375)  # 8 .. 11 of 32 pixels
    radius: tuple[float, float] = (0.08, 0.11)
    squares: int = 6
    side: tuple[float, float] = (0.1, 0.18)
    noise: float = 0.03

    def __post_init__(self):
        check_whole("frames", self.frames, 2, 64)
        if self.frames % 2:
            raise ValueError(
                f"frames is {self.frames}; allowed: even numbers, half before the jump, half after"
            )
        check_whole("size", self.size, 16, 512)
        check_whole("squares", self.squares, 0, 32)
        check_pair("jump", self.jump, 0, 0.7)
        check_pair("radius", self.radius, 0.03, 0.2)
        check_pair("side", self.side, 0.03, 0.4)
        check_range("noise", self.noise, 0, 1)
        if self.jump[1] + 2 * self.radius[1] > 1:
            raise ValueError(
                f"a jump of {self.jump[1]} and a disc of radius {self.radius[1]} do not fit into "
                "the picture; allowed: jump + 2 radius up to 1"
            )


@dataclass(frozen=True)
class JumpTruth:
    """Where the disc of one clip is, in pixels (pixel (0, 0) has its centre at (½, ½)).

    Attributes:
        centres: ``(T, 2)`` float32 x, y.
        radius: of the disc.
        jump: ``(2,)`` float32 dx, dy from the clip's first frame to its last; zeros for ``still``.
        masks: ``(T, H, W)`` bool, the pixels that the disc covers at least half.
    """

    centres: Tensor
    radius: float
    jump: Tensor
    masks: Tensor


class LongJumps(Dataset):
    """Clips of jumps, made on the fly.

    A clip depends on ``seed``, its index and its class alone. Labels are balanced.

    Args:
        count: number of clips, >= 1.
        config: what they are like.
        seed: decides everything, >= 0.
        control: as for :class:`~vidlab.datasets.gestures.Gestures`.
        cache: make all clips at the first access and keep them.

    Items are :class:`~vidlab.datasets.clips.ClipSample`; the three colours are equal.

    Attributes:
        class_names: left, right, up, down.
        labels: ``(count,)`` int64.
        groups: ``(count,)`` int64, all different.
        pairs: labels of each two classes that are time reversals of one another.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        count: int,
        config: LongJumpsConfig | None = None,
        *,
        seed: int = 0,
        control: str = "none",
        cache: bool = True,
    ):
        self.config = config = config or LongJumpsConfig()
        check_arguments(count, seed, control)
        self.seed, self.control = seed, control
        self.class_names = CLASSES
        self.labels = balanced_labels(count, len(CLASSES), seed)
        self.groups = torch.arange(count)
        self.pairs = pairs_of(CLASSES)
        self.batch = FrameStore(
            self._paint, count, config.frames, config.size, keep=cache, chunk=CHUNK
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> ClipSample:
        index = range(len(self))[index]
        return ClipSample(self.batch([index])[0], int(self.labels[index]), index)

    def order(self, index: int) -> np.ndarray:
        """``(T,)`` which frame of the forward clip (right, down) each frame of a clip is."""
        index = range(len(self))[index]
        backward = self.class_names[self.labels[index]] in ("left", "up")
        return control_order(self.control, self.config.frames, self.seed, index, backward=backward)

    def truth(self, index: int) -> JumpTruth:
        """Where the disc is, in the order that the clip shows."""
        index = range(len(self))[index]
        config = self.config
        centres, radius, _ = self._places(self._numbers([index]), [index])
        centres = torch.from_numpy(centres[0][self.order(index)]).float()
        cover = _discs(centres[None], torch.from_numpy(radius), config.size)[0]
        pixels = centres * config.size
        return JumpTruth(
            pixels, float(radius[0]) * config.size, pixels[-1] - pixels[0], cover >= 0.5
        )

    def correspondence(self, index: int, grid: tuple[int, int, int]) -> Tensor:
        """Where the piece of disc in each cell of a feature map is in the frame across the jump.

        Frame t is compared with frame T - 1 - t, its mirror image about the jump: with two frames,
        with the other. A cell shows the disc if the disc covers a quarter of it or has its centre
        there; the middle of that piece, moved by the jump, lies in the cell that corresponds.

        Args:
            index: of a clip.
            grid: (t, h, w) of the feature map; t is the number of frames.

        Returns:
            ``(t·h·w,)`` int64: for each cell, numbered as in ``map.flatten()``, the number of the
            cell that corresponds; -1 where there is no disc.

        Raises:
            ValueError: another t, or h or w outside of 1 .. size.
        """
        frames, height, width = grid
        size = self.config.size
        if frames != self.config.frames or not (1 <= height <= size and 1 <= width <= size):
            raise ValueError(
                f"grid is {tuple(grid)}; allowed: {self.config.frames} frames of 1 .. {size} by "
                f"1 .. {size} cells"
            )
        truth = self.truth(index)
        line = torch.from_numpy(pixel_lines(size))
        row, column = (line * height).long(), (line * width).long()
        cell = (row[:, None] * width + column).flatten()  # (H·W,) the cell of each pixel
        cells = height * width
        area = torch.bincount(cell, minlength=cells)
        masks = truth.masks.flatten(1).double()  # (T, H·W)
        covered = torch.zeros(frames, cells, dtype=torch.float64).index_add_(1, cell, masks)
        place = torch.stack(((line * size).repeat(size), (line * size).repeat_interleave(size)))
        sums = torch.zeros(2, frames, cells, dtype=torch.float64)
        sums.index_add_(2, cell, place[:, None].double() * masks)
        middle = sums / covered.clamp_min(1)

        centres = truth.centres.double()  # (T, 2)
        centre_cell = _cells(centres.T, size, height, width)  # (T,)
        shows = covered >= PIECE * area
        rows = torch.arange(frames)
        shows[rows, centre_cell] = True
        # The piece in the centre's cell is followed by the centre itself, in both directions.
        middle[:, rows, centre_cell] = centres.T
        moved = middle + (centres.flip(0) - centres).T[:, :, None]
        found = _cells(moved, size, height, width) + cells * rows.flip(0)[:, None]
        return torch.where(shows, found, -1).flatten()

    def _paint(self, indices: Sequence[int]) -> Tensor:
        config = self.config
        numbers = self._numbers(indices)
        centres, radius, looks = self._places(numbers, indices)
        grey, bright, dark = (torch.from_numpy(u).float()[:, None, None, None] for u in looks)
        ground = grey.expand(-1, config.frames, config.size, config.size)
        image = torch.where(_squares(numbers[1], config), dark, ground)
        discs = _discs(torch.from_numpy(centres).float(), torch.from_numpy(radius), config.size)
        image = torch.lerp(image, bright.expand_as(image), discs)
        return in_order(grey_frames(image, numbers[2]), [self.order(i) for i in indices])

    def _numbers(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Uniform numbers of discs (N, 7) and squares (N, T, squares, 3), and noise or None."""
        config = self.config
        shape = (len(indices), config.frames, config.size, config.size)
        discs = np.empty((len(indices), 7))
        squares = np.empty((len(indices), config.frames, config.squares, 3))
        grain = np.empty(shape, np.float32) if config.noise else None
        for place, index in enumerate(indices):
            rng = np.random.default_rng([self.seed, 1, index])
            discs[place] = rng.random(7)
            squares[place] = rng.random(squares.shape[1:])
            if grain is not None:
                grain[place] = config.noise * rng.standard_normal(shape[1:], np.float32)
        return discs, squares, grain

    def _places(self, numbers: tuple, indices: Sequence[int]) -> tuple:
        """Centres (N, T, 2) of forward clips, radii (N,), and three kinds of brightness (N,)."""
        config = self.config
        u = numbers[0].T
        radius = config.radius[0] + (config.radius[1] - config.radius[0]) * u[0]
        jump = config.jump[0] + (config.jump[1] - config.jump[0]) * u[1]
        labels = self.labels[torch.as_tensor(list(indices))].numpy()
        level = labels < 2
        way = np.stack((level, ~level), 1) * jump[:, None]  # (N, 2)
        room = 1 - 2 * radius[:, None] - way
        first = radius[:, None] + room * u[2:4].T
        late = (np.arange(config.frames) >= config.frames // 2)[:, None]
        centres = first[:, None] + late * way[:, None]
        return centres, radius, (0.4 + 0.15 * u[4], 0.85 + 0.1 * u[5], 0.05 + 0.15 * u[6])


def _discs(centres: Tensor, radius: Tensor, size: int) -> Tensor:
    """``(N, T, H, W)`` coverage by discs at ``(N, T, 2)``, in shares of the side."""
    line = torch.from_numpy(pixel_lines(size))
    x = line - centres[..., 0, None, None]
    y = line[:, None] - centres[..., 1, None, None]
    gap = radius.float()[:, None, None, None] - torch.hypot(x, y)
    return gap.mul(size).add_(0.5).clamp_(0, 1)


def _squares(numbers: np.ndarray, config: LongJumpsConfig) -> Tensor:
    """``(N, T, H, W)`` bool: a square covers the pixel."""
    line = pixel_lines(config.size)
    x, y, side = np.moveaxis(numbers, -1, 0)[..., None]  # (N, T, squares, 1)
    half = (config.side[0] + (config.side[1] - config.side[0]) * side) / 2
    # One product of rows and columns: a pixel is covered if it is in both, for any square.
    columns = (np.abs(line - x) <= half).astype(np.float32)
    rows = (np.abs(line - y) <= half).astype(np.float32)
    return torch.from_numpy(np.einsum("ntky,ntkx->ntyx", rows, columns, optimize=True)) > 0


def _cells(places: Tensor, size: int, height: int, width: int) -> Tensor:
    """Numbers of the cells at ``(2, ...)`` x, y in pixels; the border's cells reach outwards."""
    column = (places[0] * width / size).floor().long().clamp(0, width - 1)
    row = (places[1] * height / size).floor().long().clamp(0, height - 1)
    return row * width + column
