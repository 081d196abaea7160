"""3D-MobileNet V1 and V2: a convolution in two steps, in time and space and then across channels.

Köpüklü et al., ICCVW 2019, Sect. 3; after Howard et al., 2017 (V1) and Sandler et al., CVPR 2018
(V2). A dense 3x3x3 convolution looks at 27 places of *every* input channel for each output channel.
Here a *depthwise* one looks at 27 places of one channel, and a *pointwise* one (1x1x1) mixes the
channels of one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from vidlab.papers.efficient3d.blocks import (
    PAPER,
    ClipNetwork,
    Steps,
    Triple,
    conv,
    depthwise,
    linear_head,
    scaled,
)

Block = Callable[[int, int, Triple], nn.Module]  #: channels in, channels out, stride

#: MobileNetV1: channels and blocks of each stage. The first block of stages 1 to 4 halves.
V1_STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))

#: MobileNetV2: expansion, channels, blocks, and whether the first block halves.
V2_STAGES = (
    (1, 16, 1, False),
    (6, 24, 2, True),
    (6, 32, 3, True),
    (6, 64, 4, True),
    (6, 96, 3, False),
    (6, 160, 3, True),
    (6, 320, 1, False),
)
ONE = (1, 1, 1)


def separable(in_channels: int, channels: int, stride: Triple) -> nn.Module:
    """Depthwise 3x3x3, then pointwise 1x1x1, each with batch norm and ReLU: MobileNetV1's block."""
    return nn.Sequential(depthwise(in_channels, stride), conv(in_channels, channels, 1))


def dense(in_channels: int, channels: int, stride: Triple) -> nn.Module:
    """What :func:`separable` stands for: one 3x3x3 convolution, batch norm, ReLU."""
    return conv(in_channels, channels, 3, stride)


def separable_ratio(channels: int, volume: int = 27) -> float:
    """The cost of a separable block divided by a dense one's: 1 / channels out + 1 / volume.

    >>> round(separable_ratio(64), 4)
    0.0527
    """
    if channels < 1 or volume < 1:
        raise ValueError(f"channels {channels}, volume {volume}; allowed: 1 or more")
    return 1 / channels + 1 / volume


def mobilenet_v1(
    classes: int,
    width: float = 1.0,
    *,
    block: Block = separable,
    stages: Sequence[tuple[int, int]] = V1_STAGES,
    steps: Steps = PAPER,
    in_channels: int = 3,
    dropout: float = 0.2,
) -> ClipNetwork:
    """3D-MobileNetV1.

    Args:
        classes: K, >= 2.
        width: the multiplier alpha of all channels.
        block: :func:`separable`; :func:`dense` gives the full 3-D network of the same shape.
        stages: channels and blocks of five stages.
        steps: where it halves; the paper's, or :data:`~vidlab.papers.efficient3d.SMALL`.
        in_channels: of a clip.
        dropout: before the classifier; the paper takes 0.9 to fine-tune on UCF-101.

    Returns:
        A network from clips ``(B, C, T, H, W)`` to logits ``(B, K)``.

    Raises:
        ValueError: an argument out of range.
    """
    if len(stages) != 5 or any(count < 1 for _, count in stages):
        raise ValueError(f"stages are {tuple(stages)}; allowed: five, each of one block or more")
    before = scaled(32, width)
    layers = [conv(in_channels, before, 3, steps.stem)]
    for (channels, count), first in zip(stages, (*steps.later, ONE), strict=True):
        channels = scaled(channels, width)
        for place in range(count):
            layers.append(block(before, channels, ONE if place else first))
            before = channels
    head = linear_head(before, classes, dropout)
    return ClipNetwork(nn.Sequential(*layers), head, steps, in_channels)


class InvertedResidual(nn.Module):
    """Widen (1x1x1), look around depthwise (3x3x3), narrow (1x1x1, *without* an activation).

    *Inverted*: an ordinary bottleneck is narrow inside, this one is wide inside and narrow outside,
    where its result is kept and added. A ReLU on so few channels would lose too much: the end is
    linear. The input is added where the shape allows it.

    Args:
        in_channels, channels: outside.
        expansion: t, so many times wider inside; 1 leaves the first convolution out.
        stride: of the depthwise one.
    """

    def __init__(self, in_channels: int, channels: int, expansion: int, stride: Triple):
        super().__init__()
        inside = expansion * in_channels
        widen = [conv(in_channels, inside, 1, activation=nn.ReLU6)] if expansion > 1 else []
        self.chain = nn.Sequential(
            *widen,
            depthwise(inside, stride, activation=nn.ReLU6),
            conv(inside, channels, 1, activation=None),
        )
        self.residual = stride == ONE and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.chain(x) if self.residual else self.chain(x)


def mobilenet_v2(
    classes: int,
    width: float = 1.0,
    *,
    stages: Sequence[tuple[int, int, int, bool]] = V2_STAGES,
    last: int = 1280,
    steps: Steps = PAPER,
    in_channels: int = 3,
    dropout: float = 0.2,
) -> ClipNetwork:
    """3D-MobileNetV2.

    Args:
        stages: expansion, channels, blocks, halves or not; four of them halve.
        last: channels before the classifier; ``width`` scales them only above 1.

    The others, what is returned and raised: see :func:`mobilenet_v1`.
    """
    if sum(halves for *_, halves in stages) != 4 or any(count < 1 for _, _, count, _ in stages):
        raise ValueError(f"stages are {tuple(stages)}; allowed: four that halve, no empty one")
    before, later = scaled(32, width), iter(steps.later)
    layers = [conv(in_channels, before, 3, steps.stem, activation=nn.ReLU6)]
    for expansion, channels, count, halves in stages:
        channels, first = scaled(channels, width), next(later) if halves else ONE
        for place in range(count):
            layers.append(InvertedResidual(before, channels, expansion, ONE if place else first))
            before = channels
    last = scaled(last, max(1.0, width))
    layers.append(conv(before, last, 1, activation=nn.ReLU6))
    head = linear_head(last, classes, dropout)
    return ClipNetwork(nn.Sequential(*layers), head, steps, in_channels)
