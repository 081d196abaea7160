"""3D-SqueezeNet 1.1: few channels where a 3x3x3 convolution looks.

Köpüklü et al., ICCVW 2019, Sect. 3; after Iandola et al., 2016. No depthwise convolutions: a *fire*
module squeezes the channels with 1x1x1 before a dense 3x3x3 sees them.

Readings: all convolutions have biases, and the second fire of each group an identity bypass, as in
the authors' code. That code also has a ReLU after the last convolution, before the mean; a
class whose logit is negative everywhere then gets no gradient. ``rectify=False`` leaves it out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidlab.papers.efficient3d.blocks import PAPER, ClipNetwork, Steps, check_classes, scaled

FIRES = (16, 32, 48, 64)  #: squeezed channels of the four groups; each expands to eight times that


def _conv(in_channels: int, channels: int, kernel: int, stride=1) -> list[nn.Module]:
    layer = nn.Conv3d(in_channels, channels, kernel, stride, kernel // 2)
    return [layer, nn.BatchNorm3d(channels)]


class Fire(nn.Module):
    """Squeeze (1x1x1), then expand twice (1x1x1 and 3x3x3), side by side.

    Args:
        in_channels: in.
        squeeze: channels between.
        expand: channels of each expansion: twice as many come out.

    Where as many come out as went in, the input is added before the last ReLU.
    """

    def __init__(self, in_channels: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Sequential(*_conv(in_channels, squeeze, 1), nn.ReLU())
        self.one = nn.Sequential(*_conv(squeeze, expand, 1))
        self.three = nn.Sequential(*_conv(squeeze, expand, 3))
        self.bypass = in_channels == 2 * expand

    def forward(self, x: Tensor) -> Tensor:
        few = self.squeeze(x)
        both = torch.cat([self.one(few), self.three(few)], 1)
        return torch.relu(both + x if self.bypass else both)


def squeezenet(
    classes: int,
    width: float = 1.0,
    *,
    steps: Steps = PAPER,
    in_channels: int = 3,
    dropout: float = 0.5,
    rectify: bool = True,
) -> ClipNetwork:
    """3D-SqueezeNet 1.1.

    Args:
        classes: K, >= 2.
        width: a multiplier of all channels; the paper has no other than 1.
        rectify: a ReLU between the last convolution and the mean, as in the authors' code.
        steps, in_channels, dropout: see :func:`~vidlab.papers.efficient3d.mobilenet_v1`.

    Returns:
        A network from clips ``(B, C, T, H, W)`` to logits ``(B, K)``.

    Raises:
        ValueError: an argument out of range.
    """
    check_classes(classes)
    before = scaled(64, width)
    layers = [*_conv(in_channels, before, 3, steps.stem), nn.ReLU()]
    for channels, stride in zip(FIRES, steps.later, strict=True):
        squeeze, expand = scaled(channels, width), scaled(4 * channels, width)
        layers.append(nn.MaxPool3d(3, stride, 1))
        layers += [Fire(before, squeeze, expand), Fire(2 * expand, squeeze, expand)]
        before = 2 * expand
    head = nn.Sequential(
        nn.Dropout(dropout),
        nn.Conv3d(before, classes, 1),
        nn.ReLU() if rectify else nn.Identity(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
    )
    return ClipNetwork(nn.Sequential(*layers), head, steps, in_channels)
