"""ResNet for single frames: the 2-D backbone that video methods put under everything else.

He et al., CVPR 2016. The form of depth 18: a stem, four stages of basic blocks (two 3x3
convolutions and a skip connection), the mean over all places. :data:`RESNET18` has the widths of
the paper; narrower ones learn small frames on a laptop.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ResNet2DConfig:
    """The shape of a residual network of basic blocks.

    Attributes:
        widths: channels of each stage; the last is the size of the features.
        blocks: a stage.
        stem_kernel: of the first convolution, odd; its stride is 2.
        stem_pool: halve rows and columns once more after it. Small frames cannot spare them.
        in_channels: of a frame.
        grid: the last map is averaged to grid x grid places, whose channels are the features: 1 is
            the mean over all. A small network that cannot learn to keep *where* in its channels
            keeps it in the grid.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    stem_kernel: int = 7
    stem_pool: bool = True
    in_channels: int = 3
    grid: int = 1

    def __post_init__(self):
        if len(self.widths) != len(self.blocks) or not self.widths:
            raise ValueError(
                f"{len(self.widths)} widths for {len(self.blocks)} stages; one a stage is needed"
            )
        if min(self.widths) < 1 or min(self.blocks) < 1:
            raise ValueError(f"widths {self.widths}, blocks {self.blocks}; allowed: 1 or more each")
        if self.grid < 1:
            raise ValueError(f"grid is {self.grid}; allowed: 1 or more")
        if self.stem_kernel < 1 or self.stem_kernel % 2 == 0:
            raise ValueError(f"stem_kernel is {self.stem_kernel}; allowed: odd numbers")


RESNET18 = ResNet2DConfig()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a skip connection around them."""

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.chain = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.skip = skip(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.chain(x) + self.skip(x))


def skip(in_channels: int, channels: int, stride: int) -> nn.Module:
    """The skip connection: the input itself, or a 1x1 convolution where the shape changes."""
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
    )


def stem(config: ResNet2DConfig) -> list[nn.Module]:
    """The layers before the first block: rows and columns are halved once or twice."""
    width, kernel = config.widths[0], config.stem_kernel
    layers: list[nn.Module] = [
        nn.Conv2d(config.in_channels, width, kernel, 2, kernel // 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    if config.stem_pool:
        layers.append(nn.MaxPool2d(3, 2, 1))
    return layers


class ResNet2D(nn.Module):
    """Frames ``(B, C, H, W)`` to features ``(B, D)``, D = ``config.grid²`` x the last width.

    Rows and columns are halved by the stem, by its pooling and by every stage but the first.
    """

    def __init__(self, config: ResNet2DConfig = RESNET18):
        super().__init__()
        self.config = config
        width, layers = config.widths[0], stem(config)
        for stage, (channels, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(count):
                layers.append(BasicBlock(width, channels, 2 if stage and not block else 1))
                width = channels
        self.layers = nn.Sequential(*layers)

    @property
    def dim(self) -> int:
        """D, the size of the features."""
        return self.config.grid**2 * self.config.widths[-1]

    def forward(self, frames: Tensor) -> Tensor:
        if frames.dim() != 4 or frames.shape[1] != self.config.in_channels:
            raise ValueError(
                f"frames have shape {tuple(frames.shape)}; "
                f"expected (B, {self.config.in_channels}, H, W)"
            )
        # The layout that CPUs and tensor cores prefer for small convolutions.
        frames = frames.contiguous(memory_format=torch.channels_last)
        return F.adaptive_avg_pool2d(self.layers(frames), self.config.grid).flatten(1)
