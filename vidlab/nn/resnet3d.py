"""ResNet3D: residual networks over time and space, in the forms called I3D and SlowOnly.

Carreira and Zisserman, CVPR 2017 (I3D: image filters inflated in time); Feichtenhofer et al.,
ICCV 2019 (SlowOnly: time enters in the last two stages only). A network is a description,
:class:`ResNet3DConfig`, and a ``residual`` that turns each block's chain of convolutions into a
module: :class:`RealResidual`, or one made of binary blocks. That is all that tells a real network
from a binary one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from vidlab.nn.clips import check_clips

Triple = tuple[int, int, int]


class ConvSpec(NamedTuple):
    """One convolution of a block: channels, kernel and stride in (time, height, width)."""

    in_channels: int
    out_channels: int
    kernel: Triple
    stride: Triple


Residual = Callable[[Sequence[ConvSpec]], nn.Module]  #: a block from its chain of convolutions


@dataclass(frozen=True)
class ResNet3DConfig:
    """The shape of a residual network.

    Attributes:
        bottleneck: 1x1, 3x3, 1x1 a block (as in depth 50); else two 3x3 (as in depth 18).
        blocks: a stage.
        inflate: for each stage, for each block: does it look along time? In a bottleneck the first
            convolution then is 3x1x1 (see ``inflated``), in a basic block both are 3x3x3.
        widths: channels of each stage; a bottleneck's output has four times as many.
        stem_kernel: of the first convolution (time, height, width), odd.
        stem_stride: of the first convolution.
        stem_pool: halve rows and columns after it.
        pool_time: halve the frames after the first stage.
        in_channels: of a clip.
        inflated: which convolution of a bottleneck looks along time: "3x1x1", the first, or
            "3x3x3", the one in the middle.
    """

    bottleneck: bool
    blocks: tuple[int, ...]
    inflate: tuple[tuple[bool, ...], ...]
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem_kernel: Triple = (5, 7, 7)
    stem_stride: Triple = (1, 2, 2)
    stem_pool: bool = True
    pool_time: bool = False
    in_channels: int = 3
    inflated: Literal["3x1x1", "3x3x3"] = "3x1x1"

    def __post_init__(self):
        if not len(self.blocks) == len(self.widths) == len(self.inflate):
            raise ValueError(
                f"{len(self.blocks)} stages of blocks, {len(self.widths)} widths, "
                f"{len(self.inflate)} stages of inflate; they must agree"
            )
        for stage, (count, flags) in enumerate(zip(self.blocks, self.inflate, strict=True), 1):
            if count < 1 or len(flags) != count:
                raise ValueError(f"stage {stage}: {count} blocks, {len(flags)} flags of inflate")

    @property
    def stride(self) -> Triple:
        """How many frames, rows and columns of a clip one place of the last stage stands for."""
        space = 2 ** (len(self.blocks) - 1) * (2 if self.stem_pool else 1)
        time = 2 if self.pool_time else 1
        t, h, w = self.stem_stride
        return t * time, h * space, w * space


def i3d(depth: int) -> ResNet3DConfig:
    """I3D on ResNet-18 or -50.

    Depth 50 has a 5x7x7 stem and looks along time in every block of the first stage and in every
    second one after it (as in Non-local Networks, CVPR 2018); depth 18 is 3x3x3 throughout with a
    3x7x7 stem. These are the common readings, and those that the memory in Table 2 of the 3D
    BitConv paper fits.
    """
    bottleneck, blocks = _depth(depth)
    if bottleneck:
        on, off = True, False
        inflate = ((on,) * 3, (on, off) * 2, (on, off) * 3, (off, on, off))
        return ResNet3DConfig(bottleneck, blocks, inflate, pool_time=True)
    inflate = tuple((True,) * count for count in blocks)
    return ResNet3DConfig(bottleneck, blocks, inflate, stem_kernel=(3, 7, 7), pool_time=True)


def slow_only(depth: int) -> ResNet3DConfig:
    """SlowOnly on ResNet-18 or -50: no stride in time; the last two stages look along time."""
    bottleneck, blocks = _depth(depth)
    inflate = tuple((stage >= 2,) * n for stage, n in enumerate(blocks))
    return ResNet3DConfig(bottleneck, blocks, inflate, stem_kernel=(1, 7, 7))


def _depth(depth: int) -> tuple[bool, tuple[int, ...]]:
    if depth == 18:
        return False, (2, 2, 2, 2)
    if depth == 50:
        return True, (3, 4, 6, 3)
    raise ValueError(f"depth is {depth}; allowed: 18 or 50")


def block_chain(config: ResNet3DConfig, stage: int, block: int) -> list[ConvSpec]:
    """The convolutions of one block, in order; stages and blocks count from 0."""
    width = config.widths[stage]
    expansion = 4 if config.bottleneck else 1
    if block:
        channels = expansion * width
    else:
        channels = expansion * config.widths[stage - 1] if stage else config.widths[0]
    time = 3 if config.inflate[stage][block] else 1
    step = (1, 2, 2) if stage and not block else (1, 1, 1)
    one = (1, 1, 1)
    if config.bottleneck:
        first, middle = (time, 1) if config.inflated == "3x1x1" else (1, time)
        return [
            ConvSpec(channels, width, (first, 1, 1), one),
            ConvSpec(width, width, (middle, 3, 3), step),
            ConvSpec(width, 4 * width, one, one),
        ]
    return [
        ConvSpec(channels, width, (time, 3, 3), step),
        ConvSpec(width, width, (time, 3, 3), one),
    ]


def projection(chain: Sequence[ConvSpec]) -> nn.Module:
    """A block's skip connection: the identity, or a 1x1x1 convolution where shapes change."""
    first, last = chain[0].in_channels, chain[-1].out_channels
    stride = tuple(math.prod(steps) for steps in zip(*(s.stride for s in chain), strict=True))
    if first == last and stride == (1, 1, 1):
        return nn.Identity()
    return nn.Sequential(nn.Conv3d(first, last, 1, stride=stride, bias=False), nn.BatchNorm3d(last))


class RealResidual(nn.Module):
    """Convolution, batch norm, ReLU along the chain; the skip connection joins before the last."""

    def __init__(self, chain: Sequence[ConvSpec]):
        super().__init__()
        layers: list[nn.Module] = []
        for place, spec in enumerate(chain):
            padding = tuple(k // 2 for k in spec.kernel)
            layers += [nn.ReLU()] if place else []
            layers += [
                nn.Conv3d(*spec[:3], stride=spec.stride, padding=padding, bias=False),
                nn.BatchNorm3d(spec.out_channels),
            ]
        self.chain = nn.Sequential(*layers)
        self.skip = projection(chain)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.chain(x) + self.skip(x))


class ResNet3D(nn.Module):
    """A stem, stages of residual blocks, the mean over time and space, a classifier.

    Args:
        classes: number of classes, >= 2.
        config: its shape.
        residual: makes each block from its chain of convolutions.
        stem_relu: the stem ends with a ReLU. A binary network wants none: the sign that follows
            would see nothing negative.

    ``forward`` takes clips ``(B, C, T, H, W)`` of any size from ``config.stride`` on and returns
    logits ``(B, classes)``.

    Raises:
        ValueError: clips with other channels, too few frames, rows or columns, or not finite.
    """

    def __init__(
        self,
        classes: int,
        config: ResNet3DConfig,
        residual: Residual = RealResidual,
        *,
        stem_relu: bool = True,
    ):
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes is {classes}; allowed: 2 or more")
        self.config = config
        width = config.widths[0]
        padding = tuple(k // 2 for k in config.stem_kernel)
        self.stem = nn.Sequential(
            nn.Conv3d(
                config.in_channels, width, config.stem_kernel, config.stem_stride, padding,
                bias=False,
            ),
            nn.BatchNorm3d(width),
            nn.ReLU() if stem_relu else nn.Identity(),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)) if config.stem_pool else nn.Identity(),
        )  # fmt: skip
        stages: list[nn.Module] = []
        for stage, count in enumerate(config.blocks):
            blocks = [residual(block_chain(config, stage, block)) for block in range(count)]
            if stage == 0 and config.pool_time:
                blocks.append(nn.MaxPool3d((2, 1, 1)))
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        features = config.widths[-1] * (4 if config.bottleneck else 1)
        self.classifier = nn.Linear(features, classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips, self.config.in_channels, self.config.stride)
        return self.classifier(self.stages(self.stem(clips)).mean((2, 3, 4)))
