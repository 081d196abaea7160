"""One 2-D network for every frame: the backbone that methods of temporal reasoning plug into.

The network sees each frame alone; what it knows of time comes from modules that are put into its
residual blocks (they see all frames of a clip at once) or from a head on the frames' vectors. So
methods can be compared on equal terms: same backbone, same frames, same training.

Clips come as ``(N, C, T, H, W)``, as everywhere; inside, the tensor is ``(N, T, C, H, W)`` with
clips and frames apart: a module that looks at the next frame can never look into the next clip.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.clips import check_clips
from vidlab.nn.resnet2d import BasicBlock, ResNet2DConfig, stem

#: Makes a block from channels in, channels out, stride and its place (0, 1, ... from the stem on).
#: The block maps ``(N, T, C, H, W)`` to ``(N, T, C', H', W')``.
Block = Callable[[int, int, int, int], nn.Module]

#: For frames of 32 x 32: three blocks, one a stage.
SMALL = ResNet2DConfig(widths=(16, 32, 48), blocks=(1, 1, 1), stem_kernel=3, stem_pool=False)


def per_frame(module: nn.Module, x: Tensor) -> Tensor:
    """Apply a module for pictures ``(B, C, H, W)`` to all frames of ``(N, T, C, H, W)``."""
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class FrameBlock(nn.Module):
    """A basic residual block, frame by frame, with two places for modules that see time.

    Args:
        in_channels, channels, stride: of its convolutions, as in ResNet2D.
        before: works on the input of the residual branch only; the skip connection keeps the
            frame as it is.
        after: works on the sum of branch and skip connection, before the last ReLU.

    Both map ``(N, T, C, H, W)`` to the same shape.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        *,
        before: nn.Module | None = None,
        after: nn.Module | None = None,
    ):
        super().__init__()
        self.before = before or nn.Identity()
        self.frame = BasicBlock(in_channels, channels, stride)
        self.after = after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        branch = per_frame(self.frame.chain, self.before(x))
        return torch.relu(self.after(branch + per_frame(self.frame.skip, x)))


def plain_block(in_channels: int, channels: int, stride: int, place: int) -> FrameBlock:
    """A block that knows nothing of time (C2D)."""
    return FrameBlock(in_channels, channels, stride)


class FrameNet(nn.Module):
    """Clips ``(N, C, T, H, W)`` to a vector for each frame, ``(N, T, D)``.

    Args:
        config: the shape of the 2-D network; D = ``config.grid²`` x its last width.
        block: makes each residual block, see :data:`Block`.

    Raises:
        ValueError: clips of another shape, too small, or not finite.
    """

    def __init__(self, config: ResNet2DConfig = SMALL, block: Block = plain_block):
        super().__init__()
        self.config = config
        self.stem = nn.Sequential(*stem(config))
        width = config.widths[0]
        blocks: list[nn.Module] = []
        for stage, (channels, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for number in range(count):
                stride = 2 if stage and not number else 1
                blocks.append(block(width, channels, stride, len(blocks)))
                width = channels
        self.blocks = nn.Sequential(*blocks)

    @property
    def dim(self) -> int:
        """D, the size of a frame's vector."""
        return self.config.grid**2 * self.config.widths[-1]

    def maps(self, clips: Tensor) -> Tensor:
        """The last feature maps, ``(N, T, C', H', W')``."""
        check_clips(clips, self.config.in_channels, (1, 2, 2))
        frames = clips.transpose(1, 2)
        # The layout that CPUs and tensor cores prefer for small convolutions.
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.blocks(self.stem(flat).unflatten(0, frames.shape[:2]))

    def forward(self, clips: Tensor) -> Tensor:
        maps = self.maps(clips)
        pooled = F.adaptive_avg_pool2d(maps.flatten(0, 1), self.config.grid).flatten(1)
        return pooled.unflatten(0, maps.shape[:2])


class FrameClassifier(nn.Module):
    """Logits ``(N, K)`` of clips ``(N, C, T, H, W)``: a backbone, then a head.

    Args:
        net: clips to ``(N, T, D)``.
        head: ``(N, T, D)`` to ``(N, K)``.
    """

    def __init__(self, net: nn.Module, head: nn.Module):
        super().__init__()
        self.net, self.head = net, head

    def forward(self, clips: Tensor) -> Tensor:
        return self.head(self.net(clips))
