"""C3D: eight 3x3x3 convolutions, five poolings, two wide layers (Tran et al., ICCV 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from vidlab.nn.clips import check_clips

Unit = Callable[[int, int], nn.Module]  #: channels in, channels out; keeps T, H and W

STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))  #: C3D's own: a pooling after each


def conv(in_channels: int, out_channels: int, *, norm: bool = False) -> nn.Module:
    """A 3x3x3 convolution that keeps the size; with batch norm it has no bias of its own."""
    layer = nn.Conv3d(in_channels, out_channels, 3, padding=1, bias=not norm)
    return nn.Sequential(layer, nn.BatchNorm3d(out_channels)) if norm else layer


def conv_relu(in_channels: int, out_channels: int, *, norm: bool = False) -> nn.Module:
    """:func:`conv`, then ReLU: what C3D is made of."""
    return nn.Sequential(conv(in_channels, out_channels, norm=norm), nn.ReLU())


class C3D(nn.Module):
    """Convolutions with a pooling after each stage, then fully connected layers.

    The first pooling is over space only (1x2x2), the others over time too (2x2x2); the last one
    rounds odd rows and columns up, which gives fc6 its 8,192 inputs at 112x112.

    Args:
        classes: number of classes, >= 2.
        unit: makes each convolution but the first; a real one (:func:`conv_relu`) or a binary one.
        stem: makes the first.
        size: frames, rows and columns of a clip; fc6 is made for it.
        in_channels: of a clip.
        stages: output channels of the convolutions, stage by stage; the first stage has the stem.
        hidden: widths of the fully connected layers before the classifier.
        dropout: after each of them, in 0 .. 1.

    ``forward`` takes clips ``(B, C, T, H, W)`` and returns logits ``(B, classes)``.

    Raises:
        ValueError: a size that the poolings leave nothing of; an input of another shape, with too
            few frames, or not finite.
    """

    def __init__(
        self,
        classes: int,
        unit: Unit = conv_relu,
        *,
        stem: Unit = conv_relu,
        size: tuple[int, int, int] = (16, 112, 112),
        in_channels: int = 3,
        stages: Sequence[Sequence[int]] = STAGES,
        hidden: Sequence[int] = (4096, 4096),
        dropout: float = 0.5,
    ):
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes is {classes}; allowed: 2 or more")
        self.in_channels, self.size = in_channels, tuple(size)
        self.least = (2 ** (len(stages) - 1), 2 ** len(stages), 2 ** len(stages))
        for name, got, low in zip(("frames", "rows", "columns"), size, self.least, strict=True):
            if got < low:
                raise ValueError(f"{got} {name}; {len(stages)} poolings need {low} or more")
        layers: list[nn.Module] = []
        channels, left = in_channels, list(size)
        for number, widths in enumerate(stages):
            for place, width in enumerate(widths):
                layers.append((unit if number or place else stem)(channels, width))
                channels = width
            window = (2 if number else 1, 2, 2)
            last = number == len(stages) - 1
            padding = (0, left[1] % 2, left[2] % 2) if last else (0, 0, 0)
            layers.append(nn.MaxPool3d(window, padding=padding))
            left = [(n + 2 * p) // w for n, w, p in zip(left, window, padding, strict=True)]
        self.features = nn.Sequential(*layers)
        head, width = [nn.Flatten()], channels * math.prod(left)
        for units in hidden:
            head += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.head = nn.Sequential(*head)
        self.classifier = nn.Linear(width, classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips, self.in_channels, self.least)
        if tuple(clips.shape[2:]) != self.size:
            raise ValueError(
                f"clips are {tuple(clips.shape[2:])} (T, H, W); "
                f"this network was made for {self.size}"
            )
        return self.classifier(self.head(self.features(clips)))
