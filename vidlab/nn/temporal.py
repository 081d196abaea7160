"""Temporal stacks: a few 1-D convolutions and poolings over the features of a sequence.

A stack is written as its layers, ``"C5-P2-C5"``: a convolution over 5 steps, max pooling over 2,
a convolution over 5 (SMKD, supplement D). Nothing is padded, so that each output step sees
exactly ``receptive_field`` frames, all of them real, and T frames give ``lengths(T)`` steps.

Sequences of unequal length share a batch. Padding must not change what a sequence gets: steps
that saw padding are dropped, and batch norm takes its statistics over real steps only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from vidlab.nn.ctc import length_mask


class Layer(NamedTuple):
    """One layer: ``C`` convolves over ``size`` steps; ``P`` keeps the largest of ``size``."""

    kind: Literal["C", "P"]
    size: int


@dataclass(frozen=True)
class Geometry:
    """Which frames each output step of a stack sees.

    Attributes:
        receptive_field: r, frames that one step sees.
        stride: frames from one step to the next.

    >>> Geometry.of("C5-P2").layers
    (Layer(kind='C', size=5), Layer(kind='P', size=2))
    >>> Geometry.of("C5-P2-C5").receptive_field
    14
    """

    receptive_field: int
    stride: int
    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """As it was written: ``"C5-P2-C5"``."""
        return "-".join(f"{kind}{size}" for kind, size in self.layers)

    @classmethod
    def of(cls, stack: str) -> Geometry:
        """Read a stack such as ``"C5-P2-C5"``."""
        layers = parse(stack)
        field = stride = 1
        for kind, size in layers:
            field += (size - 1) * stride
            stride *= size if kind == "P" else 1
        return cls(field, stride, layers)

    def lengths(self, frames: Tensor) -> Tensor:
        """Output steps of sequences of ``frames`` ``(N,)`` integers; 0 where one is too short."""
        for kind, size in self.layers:
            frames = frames - size + 1 if kind == "C" else frames // size
            frames = frames.clamp_min(0)
        return frames

    def centres(self, steps: int) -> Tensor:
        """The frame in the middle of what each step sees, ``(steps,)`` int64."""
        return torch.arange(steps) * self.stride + (self.receptive_field - 1) // 2

    def to_frames(self, labels: Tensor, frames: int) -> Tensor:
        """Labels ``(S,)`` of steps as labels ``(frames,)``: each frame asks the nearest step."""
        centre = (torch.arange(frames) - (self.receptive_field - 1) / 2) / self.stride
        return labels[centre.round().long().clamp(0, len(labels) - 1)]


def parse(stack: str) -> tuple[Layer, ...]:
    """The layers of ``"C5-P2-C5"``.

    Raises:
        ValueError: naming the part that is not C or P and a number from 1.
    """
    layers = []
    for part in stack.split("-"):
        match = re.fullmatch(r"([CP])([1-9]\d?)", part)
        if match is None:
            raise ValueError(
                f"the stack {stack!r} has {part!r}; allowed: C or P and a size, as in C5-P2-C5"
            )
        layers.append(Layer(match[1], int(match[2])))
    return tuple(layers)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the real steps of a padded batch; padding becomes 0.

    ``forward`` takes ``x`` ``(T, N, C)`` and ``mask`` ``(T, N)``, True where a step is real.

    Raises:
        ValueError: fewer than two real steps in training, which have no variance.
    """

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.training and (count := int(mask.sum())) < 2:
            raise ValueError(
                f"{count} real step in the batch; training needs 2 or more for batch norm: "
                "use longer sequences or more of them in a batch"
            )
        real = super().forward(x[mask])
        return torch.zeros_like(x, dtype=real.dtype).masked_scatter(mask[:, :, None], real)


class TemporalStack(nn.Module):
    """Convolutions (each with batch norm and ReLU) and max poolings over time.

    Args:
        dim: size of the features that come in.
        channels: of every convolution, and of the features that go out (if there is one).
        stack: such as ``"C5-P2-C5"``.

    ``forward`` takes features ``(T, N, dim)`` and lengths ``(N,)``, and returns features
    ``(S, N, channels)``, zeros in padding, and lengths ``(N,)``.

    Raises:
        ValueError: a sequence shorter than the receptive field; the message says how many frames
            are needed.
    """

    def __init__(self, dim: int, channels: int, stack: str = "C5-P2-C5"):
        super().__init__()
        self.geometry = Geometry.of(stack)
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        for kind, size in self.geometry.layers:
            if kind == "C":
                self.convolutions.append(nn.Conv1d(dim, channels, size))
                self.norms.append(MaskedBatchNorm(channels))
                dim = channels
        self.dim = dim

    def check(self, lengths: Tensor) -> None:
        """Raise ``ValueError`` where a sequence of ``lengths`` ``(N,)`` frames gives no step."""
        short = (self.geometry.lengths(lengths) < 1).nonzero()
        if len(short):
            sample = int(short[0])
            raise ValueError(
                f"sample {sample} has {int(lengths[sample])} frames; the temporal stack needs at "
                f"least {self.geometry.receptive_field} (its receptive field)"
            )

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        self.check(lengths)
        lengths = lengths.to(features.device)
        layers = zip(self.convolutions, self.norms, strict=True)
        # Zeros in padding: a NaN there would reach the gradient of the weights (0 * NaN is NaN).
        x = features.masked_fill(~length_mask(lengths, len(features)).T[:, :, None], 0)
        for kind, size in self.geometry.layers:
            if kind == "C":
                convolution, norm = next(layers)
                x = convolution(x.permute(1, 2, 0)).permute(2, 0, 1)
                lengths = lengths - size + 1
                x = norm(x, length_mask(lengths, len(x)).T).relu()
            else:
                lengths = lengths // size
                x = x[: len(x) // size * size].unflatten(0, (-1, size)).amax(1)
        inside = length_mask(lengths, len(x)).T
        return x.masked_fill(~inside[:, :, None], 0), lengths
