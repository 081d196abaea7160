"""3D-ShuffleNet V1 and V2: cheap pointwise convolutions, and a shuffle that lets channels meet.

Köpüklü et al., ICCVW 2019, Sect. 3; after Zhang et al., CVPR 2018 (V1) and Ma et al., ECCV 2018
(V2). In MobileNet nearly all the work is in the pointwise convolutions. V1 splits them into groups;
V2 leaves half of the channels alone. In both, channels would stay among themselves for ever, were
they not shuffled.

Readings: V1's authors' code leaves the first pointwise convolution ungrouped where it sees exactly
24 channels (the stem's at width 1). At other widths it is grouped; the paper's parameter counts
follow that, and so do we.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vidlab.papers.efficient3d.blocks import (
    PAPER,
    ClipNetwork,
    Steps,
    Triple,
    channel_shuffle,
    conv,
    depthwise,
    linear_head,
    scaled,
)

UNITS = (4, 8, 4)  #: of the three stages, V1 and V2
STEM = 24  #: channels of the first convolution

#: V1: channels of the three stages, for each number of groups.
V1_CHANNELS = {
    1: (144, 288, 567),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}

#: V2: channels of the three stages and of the last convolution, for each width.
V2_CHANNELS = {
    0.25: (32, 64, 128, 1024),
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (224, 488, 976, 2048),
}
ONE = (1, 1, 1)


class GroupedUnit(nn.Module):
    """V1: grouped 1x1x1 to a quarter, shuffle, depthwise 3x3x3, grouped 1x1x1; input added.

    The first unit of a stage has its input, average-pooled, *concatenated* instead: its last
    convolution makes only the channels that are missing.

    Args:
        in_channels, channels: in and out.
        groups: of the pointwise convolutions.
        stride: None for the later units of a stage.
    """

    def __init__(self, in_channels: int, channels: int, groups: int, stride: Triple | None):
        super().__init__()
        self.groups, self.first = groups, stride is not None
        inside = channels // 4
        made = channels - in_channels if self.first else channels
        self.squeeze = conv(in_channels, inside, 1, groups=1 if in_channels == STEM else groups)
        self.look = depthwise(inside, stride or ONE, activation=None)
        self.expand = conv(inside, made, 1, groups=groups, activation=None)
        # Three wide, but two in time: as the authors have it. Where the stride is 1, one. The zeros
        # around come first, since maps of 2x2 are too small for the pooling to add its own.
        time, height, width = (
            1 if s == 1 else k for s, k in zip(stride or ONE, (2, 3, 3), strict=True)
        )
        around = (width // 2, width // 2, height // 2, height // 2, 0, 0)
        self.pool = nn.Sequential(
            nn.ZeroPad3d(around), nn.AvgPool3d((time, height, width), stride or ONE)
        )

    def forward(self, x: Tensor) -> Tensor:
        branch = self.expand(self.look(channel_shuffle(self.squeeze(x), self.groups)))
        if self.first:
            return torch.relu(torch.cat([branch, self.pool(x)], 1))
        return torch.relu(branch + x)


class SplitUnit(nn.Module):
    """V2: half of the channels goes by, the other through 1x1x1, depthwise, 1x1x1; then a shuffle.

    In the first unit of a stage nothing is split: all channels go both ways, and the way past has
    a depthwise and a pointwise convolution of its own.

    Args:
        in_channels, channels: in and out; equal but in the first unit.
        stride: None for the later units of a stage.
    """

    def __init__(self, in_channels: int, channels: int, stride: Triple | None):
        super().__init__()
        half = channels // 2
        self.split = stride is None
        seen = half if self.split else in_channels
        self.branch = nn.Sequential(
            conv(seen, half, 1),
            depthwise(half, stride or ONE, activation=None),
            conv(half, half, 1),
        )
        self.past = (
            nn.Identity()
            if self.split
            else nn.Sequential(depthwise(seen, stride, activation=None), conv(seen, half, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        past, seen = x.chunk(2, 1) if self.split else (x, x)
        return channel_shuffle(torch.cat([self.past(past), self.branch(seen)], 1), 2)


def _stem(in_channels: int, channels: int, steps: Steps) -> list[nn.Module]:
    pool = nn.MaxPool3d(3, steps.later[0], 1)
    return [conv(in_channels, channels, 3, steps.stem), pool]


def shufflenet_v1(
    classes: int,
    width: float = 1.0,
    *,
    groups: int = 3,
    units: Sequence[int] = UNITS,
    steps: Steps = PAPER,
    in_channels: int = 3,
    dropout: float = 0.2,
) -> ClipNetwork:
    """3D-ShuffleNetV1.

    Args:
        classes: K, >= 2.
        width: the multiplier alpha of all channels.
        groups: of the pointwise convolutions: 1, 2, 3 (the paper's), 4 or 8.
        units: of each of the three stages.
        steps, in_channels, dropout: see :func:`~vidlab.papers.efficient3d.mobilenet_v1`.

    Returns:
        A network from clips ``(B, C, T, H, W)`` to logits ``(B, K)``.

    Raises:
        ValueError: an argument out of range; a width whose channels the groups do not divide.
    """
    if groups not in V1_CHANNELS:
        raise ValueError(f"groups is {groups}; allowed: {', '.join(map(str, V1_CHANNELS))}")
    _check_units(units)
    before = scaled(STEM, width)
    layers = _stem(in_channels, before, steps)
    for channels, count, stride in zip(V1_CHANNELS[groups], units, steps.later[1:], strict=True):
        channels = scaled(channels, width)
        for place in range(count):
            layers.append(GroupedUnit(before, channels, groups, None if place else stride))
            before = channels
    head = linear_head(before, classes, dropout)
    return ClipNetwork(nn.Sequential(*layers), head, steps, in_channels)


def shufflenet_v2(
    classes: int,
    width: float = 1.0,
    *,
    units: Sequence[int] = UNITS,
    steps: Steps = PAPER,
    in_channels: int = 3,
    dropout: float = 0.2,
) -> ClipNetwork:
    """3D-ShuffleNetV2; its widths are those of :data:`V2_CHANNELS` and no others.

    The arguments, what is returned and raised: see :func:`shufflenet_v1`.
    """
    if width not in V2_CHANNELS:
        raise ValueError(f"width is {width}; allowed: {', '.join(map(str, V2_CHANNELS))}")
    _check_units(units)
    *stages, last = V2_CHANNELS[width]
    before = STEM
    layers = _stem(in_channels, before, steps)
    for channels, count, stride in zip(stages, units, steps.later[1:], strict=True):
        for place in range(count):
            layers.append(SplitUnit(before, channels, None if place else stride))
            before = channels
    layers.append(conv(before, last, 1))
    head = linear_head(last, classes, dropout)
    return ClipNetwork(nn.Sequential(*layers), head, steps, in_channels)


def _check_units(units: Sequence[int]) -> None:
    if len(units) != 3 or min(units) < 1:
        raise ValueError(f"units are {tuple(units)}; allowed: three numbers, each 1 or more")
