"""3D BitConv: video networks whose convolutions are made of signs.

Han, Lu, Wen, "Binary Neural Network for Video Action Recognition", MMM 2023. The paper's block,
``y = Sign2(BN(BitConv(Sign1(x))) + shortcut(x))`` (Sect. 3.1, Fig. 4), is
:class:`vidlab.nn.binary.BitConv`, since packed inference shares it. Here is what the paper makes
of it:

1. *Networks* (Sect. 3.1, Fig. 2 and 3): C3D with a real first convolution and seven BitConvs;
   ResNet3D in which every convolution of a block is a BitConv with a shortcut of its own.
2. *Training in two stages* (Sect. 3.2): first with real weights and clip(-1, x, 1) in the place
   of the sign, then with signs. :func:`set_stage` turns a network from one to the other.
3. What a binary network looks like inside (:func:`inspect`, :class:`SignFlips`).

Readings of what the paper leaves open:

- The shortcut of a BitConv has no parameters, and a real first convolution has no batch norm in
  C3D: the memory of Table 2 says so (:mod:`vidlab.papers.bitconv3d_memory`).
- The first convolution of a binary network has no ReLU: Sign1's clip or sign follows it.
- A bottleneck has three convolutions. The text of Fig. 3(d) joins *two* BitConvs, and the memory
  that Table 2 gives for depth 50 fits that: the first two convolutions are binary, the last
  (1x1x1, which widens) stays real, and so does the skip connection around the whole block. With
  ``widen=True`` the last becomes a BitConv too, and no real convolution is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.binary import BitConv, Estimator, binary_convolutions, set_binarised, sign
from vidlab.nn.c3d import C3D, STAGES, conv, conv_relu
from vidlab.nn.resnet3d import ConvSpec, ResNet3D, ResNet3DConfig, projection


@dataclass(frozen=True)
class BitConv3DConfig:
    """Which parts a BitConv has; the defaults are the paper's full model.

    Attributes:
        shortcut: the skip connection around each binary convolution (Table 3).
        sign2: bias, PReLU, bias behind it (Table 3).
        activation: gradient estimator of Sign1: "clip", "approx" or "tanh".
        scale: multiply each filter by its mean \\|w\\| (XNOR-Net; not in the paper).
        widen: binarise the last convolution of a bottleneck too.
    """

    shortcut: bool = True
    sign2: bool = True
    activation: Estimator = "approx"
    scale: bool = False
    widen: bool = False

    def block(self, spec: ConvSpec) -> BitConv:
        """A BitConv of this kind in the place of one convolution."""
        return BitConv(
            *spec,
            shortcut=self.shortcut,
            sign2=self.sign2,
            activation=self.activation,
            scale=self.scale,
        )


def c3d(
    classes: int,
    config: BitConv3DConfig | None = None,
    *,
    size: tuple[int, int, int] = (16, 112, 112),
    stages: Sequence[Sequence[int]] = STAGES,
    hidden: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    norm: bool = False,
) -> C3D:
    """C3D, real (``config`` None) or 1-bit, from one definition (Fig. 2).

    Args:
        classes, size, stages, hidden, dropout: see :class:`~vidlab.nn.c3d.C3D`.
        config: None for the real network.
        norm: batch norm behind the real convolutions too. C3D has none; small networks that
            start from nothing learn little without it.
    """

    def real(channels: int, width: int) -> nn.Module:
        return conv_relu(channels, width, norm=norm)

    def first(channels: int, width: int) -> nn.Module:
        return conv(channels, width, norm=norm)

    def binary(channels: int, width: int) -> nn.Module:
        return config.block(ConvSpec(channels, width, (3, 3, 3), (1, 1, 1)))

    unit, stem = (real, real) if config is None else (binary, first)
    return C3D(classes, unit, stem=stem, size=size, stages=stages, hidden=hidden, dropout=dropout)


def resnet3d(
    classes: int, shape: ResNet3DConfig, config: BitConv3DConfig | None = None
) -> ResNet3D:
    """ResNet3D, real (``config`` None) or 1-bit, from one definition (Fig. 3).

    Args:
        classes: number of classes.
        shape: :func:`~vidlab.nn.resnet3d.i3d`, :func:`~vidlab.nn.resnet3d.slow_only`, or another.
        config: None for the real network.
    """
    if config is None:
        return ResNet3D(classes, shape)

    def residual(chain: Sequence[ConvSpec]) -> nn.Module:
        if shape.bottleneck and not config.widen:
            return BitBottleneck(chain, config)
        return nn.Sequential(*(config.block(spec) for spec in chain))

    return ResNet3D(classes, shape, residual, stem_relu=False)


class BitBottleneck(nn.Module):
    """Two BitConvs, a real 1x1x1 convolution with batch norm, and a skip around them (Fig. 3 d).

    Args:
        chain: the three convolutions.
        config: what a BitConv has.
    """

    def __init__(self, chain: Sequence[ConvSpec], config: BitConv3DConfig):
        super().__init__()
        *inner, last = chain
        self.inner = nn.Sequential(*(config.block(spec) for spec in inner))
        self.widen = nn.Sequential(
            nn.Conv3d(last.in_channels, last.out_channels, 1, bias=False),
            nn.BatchNorm3d(last.out_channels),
        )
        self.skip = projection(chain)

    def forward(self, x: Tensor) -> Tensor:
        return self.widen(self.inner(x)) + self.skip(x)


def set_stage(network: nn.Module, stage: Literal[1, 2]) -> None:
    """Stage 1: real weights, clip(-1, x, 1). Stage 2: signs of both. (Sect. 3.2)

    The parameters stay: what stage one has learned is where stage two begins.
    """
    if stage not in (1, 2):
        raise ValueError(f"stage is {stage!r}; allowed: 1 (real) or 2 (binary)")
    set_binarised(network, stage == 2)


@dataclass(frozen=True)
class LayerReport:
    """A binary convolution and what it sees.

    Attributes:
        name: in the network.
        weight: ``(Cout, Cin, kT, kH, kW)`` real weights.
        activation: ``(B, Cin, T, H, W)`` what the sign of Sign1 is taken of, ``x + b1``.
        cosine: between its sums with real weights and clipped activations and its sums with the
            signs of both, over all outputs.
    """

    name: str
    weight: Tensor
    activation: Tensor
    cosine: float


@torch.no_grad()
def inspect(network: nn.Module, clips: Tensor) -> list[LayerReport]:
    """Look into each BitConv while clips ``(B, C, T, H, W)`` pass through, in evaluation mode."""
    blocks = {name: m for name, m in network.named_modules() if isinstance(m, BitConv)}
    seen: dict[str, Tensor] = {}
    hooks = [
        block.register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0]}))
        for name, block in blocks.items()
    ]
    training = network.training
    try:
        network.eval()(clips)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return [_report(name, block, seen[name]) for name, block in blocks.items()]


def _report(name: str, block: BitConv, x: Tensor) -> LayerReport:
    layer = block.conv
    activation = x + block.sign1.bias.view(-1, 1, 1, 1)
    geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
    real = F.conv3d(activation.clamp(-1, 1), layer.weight, None, *geometry)
    binary = F.conv3d(sign(activation), sign(layer.weight), None, *geometry)
    cosine = F.cosine_similarity(real.flatten(), binary.flatten(), dim=0).item()
    return LayerReport(name, layer.weight.detach(), activation, cosine)


class SignFlips:
    """Which share of each layer's weights changed sign between two moments of a training.

    Args:
        network: with binary convolutions.
    """

    def __init__(self, network: nn.Module):
        self.layers = binary_convolutions(network)
        self.before: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Remember the signs, unless they are remembered since the last :meth:`measure`."""
        if not self.before:
            self.before = self._signs()

    def measure(self) -> dict[str, float]:
        """The share, 0 .. 1, for each layer since :meth:`begin`; then forget."""
        before, after = self.before, self._signs()
        self.before = {}
        return {name: (before[name] != after[name]).float().mean().item() for name in before}

    def _signs(self) -> dict[str, Tensor]:
        return {name: layer.weight.detach() >= 0 for name, layer in self.layers.items()}
