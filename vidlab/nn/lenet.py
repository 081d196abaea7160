"""LeNets++: the small convolutional frame encoder of the Seq-MNIST experiments."""

from __future__ import annotations

from torch import Tensor, nn


class LeNetPP(nn.Module):
    """Stages of convolutions with PReLU, each ended by 2x2 max pooling, then a linear layer.

    With the defaults it is the encoder of RadialCTC's Seq-MNIST experiments (after Wen et al.,
    ECCV 2016): (5x5, 32) x 2, (5x5, 64) x 2, (5x5, 128) x 2, fully connected to ``dim``, PReLU
    after every layer but the last. A stage's last PReLU comes after its pooling: the same
    function while its slope is not negative, on a quarter of the pixels.

    Args:
        dim: size D of the features.
        image_size: height and width of the square frames, at least ``2 ** len(widths)``.
        widths: channels of each stage.
        convs: convolutions a stage.
        kernel: their odd size.

    ``forward`` takes ``(B, 1, H, W)`` and returns ``(B, D)``.
    """

    def __init__(
        self,
        dim: int,
        image_size: int = 28,
        widths: tuple[int, ...] = (32, 64, 128),
        convs: int = 2,
        kernel: int = 5,
    ):
        super().__init__()
        if convs < 1:
            raise ValueError(f"convs is {convs}; allowed: 1 or more a stage")
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}; allowed: odd sizes, which keep the frame's size")
        size = image_size >> len(widths)
        if size < 1:
            raise ValueError(
                f"image_size is {image_size}; {len(widths)} poolings need at least "
                f"{1 << len(widths)} pixels"
            )
        layers, channels = [], 1
        for width in widths:
            for last in [False] * (convs - 1) + [True]:
                layers.append(nn.Conv2d(channels, width, kernel, padding=kernel // 2))
                layers += [nn.MaxPool2d(2), nn.PReLU()] if last else [nn.PReLU()]
                channels = width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size**2, dim))

    def forward(self, frames: Tensor) -> Tensor:
        return self.layers(frames)
