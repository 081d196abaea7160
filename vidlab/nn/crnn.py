"""CRNN: convolutions that turn a word image into a sequence, and LSTMs that read it."""

from __future__ import annotations

from torch import Tensor, nn

HEIGHT = 32  # pixels of an image; the poolings leave one row of it
STRIDE = 4  # columns from one step to the next


class CRNN(nn.Module):
    """Seven convolutions, a bidirectional LSTM, a linear layer, another bidirectional LSTM.

    B. Shi, X. Bai, C. Yao, *An end-to-end trainable neural network for image-based sequence
    recognition and its application to scene text recognition*, TPAMI 2017, Table 1: channels 64,
    128, 256, 256, 512, 512, 512, batch norm after the fifth and the sixth; the later poolings halve
    the height only, so that 32 x 100 pixels become 26 steps. The last linear layer is missing: it
    is the classifier, which comes after this encoder.

    Args:
        width: multiplies the channels, more than 0; 1 is the paper's.
        hidden: size of an LSTM's state in each direction; the paper has 256.
        columns: width of the images in pixels, a multiple of 4.

    ``features`` takes images ``(N, 1, 32, columns)`` and returns ``(N, T, dim)`` with
    ``dim = 2 hidden``. ``forward`` takes slices ``(N T, 1, 32, 4)``, the T slices of a word one
    after the other, and returns ``(N T, dim)``: what a frame encoder does, though each slice's
    answer depends on the whole word.
    """

    def __init__(self, width: float = 1.0, hidden: int = 256, columns: int = 100):
        super().__init__()
        if not width > 0 or hidden < 1:
            raise ValueError(f"got width={width}, hidden={hidden}; allowed: more than 0, 1 or more")
        if columns % STRIDE or columns < STRIDE:
            raise ValueError(f"columns is {columns}; allowed: multiples of {STRIDE}")
        c = [max(4, round(width * channels)) for channels in (64, 128, 256, 256, 512, 512, 512)]
        narrow = {"kernel_size": 2, "stride": (2, 1), "padding": (0, 1)}  # halves the height only
        # Pooling before ReLU: the same function, on fewer pixels.
        self.layers = nn.Sequential(
            nn.Conv2d(1, c[0], 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(c[0], c[1], 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(c[1], c[2], 3, padding=1), nn.ReLU(),
            nn.Conv2d(c[2], c[3], 3, padding=1), nn.MaxPool2d(**narrow), nn.ReLU(),
            nn.Conv2d(c[3], c[4], 3, padding=1), nn.BatchNorm2d(c[4]), nn.ReLU(),
            nn.Conv2d(c[4], c[5], 3, padding=1), nn.BatchNorm2d(c[5]), nn.MaxPool2d(**narrow),
            nn.ReLU(),
            nn.Conv2d(c[5], c[6], 2), nn.ReLU(),
        )  # fmt: skip
        self.first = nn.LSTM(c[6], hidden, bidirectional=True)
        self.between = nn.Linear(2 * hidden, hidden)
        self.second = nn.LSTM(hidden, hidden, bidirectional=True)
        self.dim, self.columns, self.steps = 2 * hidden, columns, columns // STRIDE + 1

    def features(self, images: Tensor) -> Tensor:
        if images.shape[1:] != (1, HEIGHT, self.columns):
            raise ValueError(
                f"images are {tuple(images.shape)}; expected (N, 1, {HEIGHT}, {self.columns})"
            )
        rows = self.layers(images)  # (N, C, 1, T)
        steps, _ = self.first(rows.squeeze(2).permute(2, 0, 1))
        steps, _ = self.second(self.between(steps))
        return steps.transpose(0, 1)

    def forward(self, slices: Tensor) -> Tensor:
        return self.features(glue(slices, self.steps)).flatten(0, 1)


def glue(slices: Tensor, steps: int) -> Tensor:
    """Images ``(N, 1, 32, 4 (steps - 1))`` from their slices ``(N steps, 1, 32, 4)``.

    The first and the last slice reach over the image's edge by half; that half is cut off.
    """
    if slices.shape[1:] != (1, HEIGHT, STRIDE) or len(slices) % steps:
        raise ValueError(
            f"slices are {tuple(slices.shape)}; expected (N x {steps}, 1, {HEIGHT}, {STRIDE})"
        )
    wide = slices.unflatten(0, (-1, steps)).permute(0, 2, 3, 1, 4).flatten(3)
    return wide[..., STRIDE // 2 : -STRIDE // 2]
