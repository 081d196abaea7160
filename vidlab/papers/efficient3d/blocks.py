"""What the five families share: where they halve, their convolutions, the channel shuffle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidlab.nn.clips import check_clips

Triple = tuple[int, int, int]  #: frames, rows, columns


@dataclass(frozen=True)
class Steps:
    """Where a network makes its maps smaller: strides in (time, height, width).

    Attributes:
        stem: of the first convolution.
        later: of the four halvings that follow, in their order. In MobileNetV1 and V2 these are
            the first blocks of four stages; in ShuffleNet the pooling and three stages; in
            SqueezeNet the four poolings.

    Raises:
        ValueError: a stride that is not 1 or 2, or not four later ones.
    """

    stem: Triple = (1, 2, 2)
    later: tuple[Triple, ...] = ((2, 2, 2),) * 4

    def __post_init__(self):
        if len(self.later) != 4:
            raise ValueError(f"later has {len(self.later)} strides; allowed: 4")
        for stride in (self.stem, *self.later):
            if len(stride) != 3 or not set(stride) <= {1, 2}:
                raise ValueError(f"stride {stride}; allowed: three of 1 or 2")

    @property
    def stride(self) -> Triple:
        """Frames, rows and columns of a clip that one place of the last map stands for."""
        return tuple(map(math.prod, zip(self.stem, *self.later, strict=True)))

    def check(self, clips: Tensor, in_channels: int) -> None:
        """Raise ``ValueError`` unless clips ``(B, C, T, H, W)`` fit, in one sentence.

        Frames must be a multiple of the stride in time: elsewhere ShuffleNetV1's pooling over two
        frames rounds down where the convolution beside it rounds up. Rows and columns must be one
        of half the stride in space, as in the authors' code. For the paper's steps both are 16.
        """
        time, height, width = self.stride
        check_clips(clips, in_channels, (time, max(1, height // 2), max(1, width // 2)))
        for name, got, step in (
            ("frames", clips.shape[2], time),
            ("rows", clips.shape[3], max(1, height // 2)),
            ("columns", clips.shape[4], max(1, width // 2)),
        ):
            if got % step:
                raise ValueError(f"clips have {got} {name}; allowed: a multiple of {step}")


#: As the paper has it: 16x112x112 becomes 1x4x4.
PAPER = Steps()

#: For clips of 8x32x32, which the paper's steps would leave a single place of. Space is halved
#: three times and not five, time twice and not four times: 2x4x4 are left.
SMALL = Steps((1, 2, 2), ((1, 2, 2), (2, 2, 2), (2, 1, 1), (1, 1, 1)))


class ClipNetwork(nn.Module):
    """Features, then a head: logits ``(B, K)`` of clips ``(B, C, T, H, W)``.

    Args:
        features: clips to maps ``(B, D, T', H', W')``.
        head: maps to logits.
        steps: what the features were made for; clips are checked against it.
        in_channels: C.
    """

    def __init__(self, features: nn.Module, head: nn.Module, steps: Steps, in_channels: int):
        super().__init__()
        self.features, self.head = features, head
        self.steps, self.in_channels = steps, in_channels

    def forward(self, clips: Tensor) -> Tensor:
        if not clips.is_meta:  # shapes alone have no values to check
            self.steps.check(clips, self.in_channels)
        return self.head(self.features(clips))


def linear_head(channels: int, classes: int, dropout: float) -> nn.Module:
    """The mean over time and space, dropout, a linear layer."""
    check_classes(classes)
    return nn.Sequential(
        nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, classes)
    )


def conv(
    in_channels: int,
    channels: int,
    kernel: int,
    stride: Triple = (1, 1, 1),
    *,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, batch norm, an activation or none.

    Args:
        kernel: 1 or 3, the same along time, height and width.
        groups: each output channel sees in_channels / groups inputs: 1 is dense, in_channels is
            depthwise.

    Raises:
        ValueError: channels that the groups do not divide.
    """
    for name, number in (("in", in_channels), ("out", channels)):
        if number < 1 or number % groups:
            raise ValueError(f"{number} channels {name}; {groups} groups need a multiple of them")
    layers = [
        nn.Conv3d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm3d(channels),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def depthwise(channels: int, stride: Triple, *, activation: type[nn.Module] | None = nn.ReLU):
    """A 3x3x3 convolution of each channel with itself alone, batch norm, an activation or none."""
    return conv(channels, channels, 3, stride, groups=channels, activation=activation)


def as_dense(grouped: nn.Conv3d) -> nn.Conv3d:
    """The same function as a convolution without groups: zeros where groups are apart.

    Its weight ``(C_out, C_in, kT, kH, kW)`` shows what a grouped one leaves out.
    """
    dense = nn.Conv3d(
        grouped.in_channels,
        grouped.out_channels,
        grouped.kernel_size,
        grouped.stride,
        grouped.padding,
        grouped.dilation,
        bias=grouped.bias is not None,
    ).to(grouped.weight)
    groups = grouped.groups
    outs, ins = grouped.out_channels // groups, grouped.in_channels // groups
    with torch.no_grad():
        dense.weight.zero_()
        for g in range(groups):
            rows, columns = slice(g * outs, (g + 1) * outs), slice(g * ins, (g + 1) * ins)
            dense.weight[rows, columns] = grouped.weight[rows]
        if grouped.bias is not None:
            dense.bias.copy_(grouped.bias)
    return dense


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of ``(B, C, ...)`` like cards: one of each group, then the next of each.

    So the groups of the next convolution see all groups of the last. ShuffleNet, CVPR 2018, Fig. 1.
    Shuffling again with C / groups groups puts them back.

    Raises:
        ValueError: C that the groups do not divide.

    >>> channel_shuffle(torch.arange(6).view(1, 6), 2).tolist()
    [[0, 3, 1, 4, 2, 5]]
    """
    channels = x.shape[1]
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels; {groups} groups do not divide them")
    return x.unflatten(1, (groups, channels // groups)).transpose(1, 2).flatten(1, 2)


def scaled(channels: int, width: float) -> int:
    """Channels times the width multiplier alpha, rounded down as in the authors' code.

    Raises:
        ValueError: fewer than one channel is left.
    """
    if not (isinstance(width, (int, float)) and math.isfinite(width) and width > 0):
        raise ValueError(f"width is {width}; allowed: more than 0")
    if int(channels * width) < 1:
        raise ValueError(f"width {width} leaves none of {channels} channels; take a larger one")
    return int(channels * width)


def check_classes(classes: int) -> None:
    """Raise ``ValueError`` for fewer than two."""
    if classes < 2:
        raise ValueError(f"classes is {classes}; allowed: 2 or more")
