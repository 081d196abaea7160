"""Binary layers: signs with usable gradients, 1-bit 3-D convolution, and the block around it.

Han, Lu, Wen, "Binary Neural Network for Video Action Recognition", MMM 2023, Sect. 3.1 and
Fig. 4: ``y = Sign2(BN(BitConv(Sign1(x))) + shortcut(x))`` with

- Sign1: a learned bias a channel, then the sign (equation 2; sign(0) = +1),
- BitConv: a convolution whose weights are signs too (equation 1); the real weights are kept for
  training,
- Sign2: bias, PReLU, bias, each a channel.

The same layers have a second face for the paper's first training stage (Sect. 3.2): the weights
stay real and ``clip(-1, x, 1)`` stands where the sign will be. :func:`set_binarised` turns a
whole network from one face to the other; parameters and their names are the same.

Left open by the paper, and chosen here:

- *Gradient of the sign.* Three estimators; ``approx`` (Bi-Real Net) for activations and ``clip``
  (straight-through) for weights by default.
- *Scale of the binary weights.* None by default: batch norm absorbs it. ``scale=True`` gives
  XNOR-Net's mean ``|w|`` for each filter.
- *Shortcut* where channels or strides change: without parameters. Average pooling for strides;
  channels are repeated, or averaged in groups, to fit. This is the reading that the paper's own
  memory count confirms (see :mod:`vidlab.papers.bitconv3d`).
- *Padding* is with zeros, which are neither +1 nor -1: at the border a sum has fewer terms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Estimator = Literal["clip", "approx", "tanh"]
Triple = tuple[int, int, int]

TANH_SCALE = 2.0  #: slope of the tanh estimator at 0; the slope of ApproxSign there


def clip_slope(x: Tensor) -> Tensor:
    """Straight-through estimator: 1 for \\|x\\| <= 1, else 0 (Courbariaux et al., 2016)."""
    return (x.abs() <= 1).to(x.dtype)


def approx_slope(x: Tensor) -> Tensor:
    """ApproxSign: 2 + 2x on [-1, 0), 2 - 2x on [0, 1), else 0 (Bi-Real Net, ECCV 2018)."""
    return (2 - 2 * x.abs()).clamp_min(0)


def tanh_slope(x: Tensor) -> Tensor:
    """The slope of tanh(kx) with k = :data:`TANH_SCALE`; small, but not 0, beyond 1."""
    return TANH_SCALE * (1 - torch.tanh(TANH_SCALE * x).square())


SLOPES: dict[Estimator, Callable[[Tensor], Tensor]] = {
    "clip": clip_slope,
    "approx": approx_slope,
    "tanh": tanh_slope,
}


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, slope: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return (x >= 0).to(x.dtype).mul_(2).sub_(1)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (x,) = ctx.saved_tensors
        return gradient * ctx.slope(x), None


def sign(x: Tensor, estimator: Estimator = "approx") -> Tensor:
    """+1 where x >= 0, else -1, with the gradient of an estimator (equations 1 and 2).

    Args:
        x: any shape.
        estimator: "clip", "approx" or "tanh"; what backward takes for the sign's slope.
    """
    if estimator not in SLOPES:
        raise ValueError(f"estimator is {estimator!r}; allowed: {', '.join(SLOPES)}")
    return _Sign.apply(x, SLOPES[estimator])


def best_scale(weight: Tensor) -> Tensor:
    """α that minimises ``||w - α sign(w)||²`` for each filter: its mean \\|w\\| (XNOR-Net).

    Args:
        weight: ``(Cout, …)``.

    Returns:
        ``(Cout,)``.
    """
    return weight.flatten(1).abs().mean(1)


def quantisation_error(weight: Tensor, scale: float | None = None, bias: float = 0.0) -> float:
    """``||w - α sign(w + b)||² / ||w||²``, 0 for weights that are all ±α.

    Args:
        weight: any shape, taken as a whole.
        scale: α; None: the best one, ``mean(w sign(w + b))``. With b = 0 that is mean \\|w\\|, and
            the error is ``1 - mean(|w|)² / mean(w²)``.
        bias: b, moves the threshold.
    """
    w = weight.detach().double()
    signs = torch.where(w + bias >= 0, 1.0, -1.0).double()
    alpha = (w * signs).mean() if scale is None else scale
    return ((w - alpha * signs).square().sum() / w.square().sum().clamp_min(1e-300)).item()


class Sign1(nn.Module):
    """A bias a channel, then the sign: ``sign(x + b1)``; in stage one ``clip(-1, x + b1, 1)``.

    Args:
        channels: C.
        estimator: see :func:`sign`.

    ``forward`` takes and returns ``(B, C, T, H, W)``.
    """

    def __init__(self, channels: int, estimator: Estimator = "approx"):
        super().__init__()
        sign(torch.zeros(1), estimator)  # an unknown estimator is named here, not in training
        self.estimator = estimator
        self.binarised = True
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.bias.view(-1, 1, 1, 1)
        return sign(x, self.estimator) if self.binarised else x.clamp(-1, 1)


class Sign2(nn.Module):
    """Bias, PReLU, bias, each a channel: ``PReLU(u + b2) + b3``; ``(B, C, T, H, W)`` as it was."""

    def __init__(self, channels: int):
        super().__init__()
        self.before = nn.Parameter(torch.zeros(channels))
        self.prelu = nn.PReLU(channels)
        self.after = nn.Parameter(torch.zeros(channels))

    def forward(self, u: Tensor) -> Tensor:
        u = self.prelu(u + self.before.view(-1, 1, 1, 1))
        return u + self.after.view(-1, 1, 1, 1)


class BinaryConv3d(nn.Conv3d):
    """A 3-D convolution with weights ±1, without bias, padded with zeros.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups: as for
            ``torch.nn.Conv3d``.
        estimator: gradient of the weights' sign.
        scale: multiply each filter's output by the mean \\|w\\| of its real weights.

    ``forward`` takes ``(B, Cin, T, H, W)``; where that is ±1, the unscaled sums are whole numbers.
    In stage one (``binarised`` False) it is an ordinary convolution with the real weights.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Triple,
        stride: int | Triple = 1,
        padding: int | Triple = 0,
        dilation: int | Triple = 1,
        groups: int = 1,
        *,
        estimator: Estimator = "clip",
        scale: bool = False,
    ):
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias=False
        )
        sign(torch.zeros(1), estimator)
        self.estimator = estimator
        self.scale = scale
        self.binarised = True

    def forward(self, x: Tensor) -> Tensor:
        weight = sign(self.weight, self.estimator) if self.binarised else self.weight
        sums = F.conv3d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)
        if self.scale and self.binarised:
            # Scaled after the sum, which stays a whole number until here.
            sums = sums * best_scale(self.weight).view(-1, 1, 1, 1)
        return sums


class Shortcut(nn.Module):
    """The identity where shapes allow it; else the nearest thing to it, without parameters.

    Args:
        in_channels, out_channels: one must be a multiple of the other.
        stride: time, height, width; averaged over where > 1 (a last, partial window counts).

    ``forward`` takes ``(B, Cin, T, H, W)`` and returns ``(B, Cout, ⌈T/s⌉, ⌈H/s⌉, ⌈W/s⌉)``.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: Triple = (1, 1, 1)):
        super().__init__()
        if in_channels % out_channels and out_channels % in_channels:
            raise ValueError(
                f"a shortcut from {in_channels} to {out_channels} channels has no parameter-free "
                "form; one must be a multiple of the other"
            )
        self.repeat = out_channels // in_channels
        self.group = in_channels // out_channels
        self.stride = tuple(stride)

    def forward(self, x: Tensor) -> Tensor:
        x = self.averaged(x)
        return x.repeat(1, self.repeat, 1, 1, 1) if self.repeat > 1 else x

    def averaged(self, x: Tensor) -> Tensor:
        """All but the repeating of channels, which packed kernels do as they read."""
        if self.stride != (1, 1, 1):
            window = tuple(min(s, n) for s, n in zip(self.stride, x.shape[2:], strict=True))
            x = F.avg_pool3d(x, window, self.stride, ceil_mode=True)
        return x.unflatten(1, (-1, self.group)).mean(2) if self.group > 1 else x


class BitConv(nn.Module):
    """3D BitConv: ``Sign2(BN(conv(Sign1(x))) + shortcut(x))`` (paper, Fig. 4 b).

    Args:
        in_channels, out_channels: of the convolution.
        kernel: odd sizes in time, height and width; padded so that stride 1 keeps the size.
        stride: in time, height and width.
        shortcut: False leaves the skip connection out (Fig. 4 c).
        sign2: False leaves Sign2 out (Fig. 4 d).
        activation: estimator of Sign1's gradient; weights have "clip".
        scale: see :class:`BinaryConv3d`.

    ``forward`` takes ``(B, Cin, T, H, W)`` and returns ``(B, Cout, ⌈T/s⌉, ⌈H/s⌉, ⌈W/s⌉)``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Triple = (3, 3, 3),
        stride: Triple = (1, 1, 1),
        *,
        shortcut: bool = True,
        sign2: bool = True,
        activation: Estimator = "approx",
        scale: bool = False,
    ):
        super().__init__()
        if not all(k % 2 for k in kernel):
            raise ValueError(f"kernel is {kernel}; allowed: odd sizes, which keep the size")
        self.sign1 = Sign1(in_channels, activation)
        self.conv = BinaryConv3d(
            in_channels,
            out_channels,
            kernel,
            stride,
            tuple(k // 2 for k in kernel),
            scale=scale,
        )
        self.norm = nn.BatchNorm3d(out_channels)
        self.shortcut = Shortcut(in_channels, out_channels, stride) if shortcut else None
        self.sign2 = Sign2(out_channels) if sign2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        u = self.norm(self.conv(self.sign1(x)))
        return self.sign2(u if self.shortcut is None else u + self.shortcut(x))


def set_binarised(network: nn.Module, binarised: bool) -> None:
    """Turn every binary layer of a network to its 1-bit face, or to stage one's real one."""
    for module in network.modules():
        if isinstance(module, (Sign1, BinaryConv3d)):
            module.binarised = binarised


def binary_convolutions(network: nn.Module) -> dict[str, BinaryConv3d]:
    """The network's 1-bit convolutions by their names, in order."""
    return {n: m for n, m in network.named_modules() if isinstance(m, BinaryConv3d)}
